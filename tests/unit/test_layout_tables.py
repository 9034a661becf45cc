"""What only places things on a web page, and what its programs put around the text."""

from __future__ import annotations

import pytest

from listener.documents.markup import markdown

BODY = "<h1>Model 12</h1><p>It moves forty litres a minute.</p>"


def text(page: str) -> str:
    return markdown(f"<body>{page}</body>")[0].strip()


def entries(page: str) -> str:
    """Return a list of links to sections of a page."""
    return f"<ul>{''.join(f'<li><a href={page}#{name}>zz {name}</a></li>' for name in 'abc')}</ul>"


@pytest.mark.parametrize(
    "page",
    [
        f"<table><tr><td>Acme</td></tr><tr><td><a href='/'>Home</a></td><td>{BODY}</td></tr></table>",
        f"<table role='presentation'><tr><td>{BODY}</td><td>Side</td></tr></table>",
        f"<table><tr><td><table><tr><td>Side</td><td>x</td></tr></table></td><td>{BODY}</td></tr></table>",
    ],
)
def test_a_table_for_layout_leaves_headings_and_paragraphs(page: str) -> None:
    assert "# Model 12\n\nIt moves forty litres a minute." in text(page)


def test_tables_of_data_stay_also_inside_of_one_for_layout() -> None:
    data = "<table><tr><th>Flow</th><th>Head</th></tr><tr><td>40</td><td>5 m</td></tr></table>"
    assert (
        text(f"<table><tr><td>{BODY}{data}</td><td>x</td></tr></table>").count("| Flow | Head |\n| --- | --- |\n| 40 |")
        == 1
    )
    named = "<table><tr><th>Part</th></tr><tr><td><h3>Valve</h3></td></tr></table>"
    assert text(named) == "| Part |\n| --- |\n| Valve |"
    assert "| a | b |" in text("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>")


def test_words_of_cells_that_become_blocks_stay_apart() -> None:
    assert text("<table><tr><td>Home</td></tr><tr><td>About <b>us</b></td></tr></table>") == "Home\n\nAbout **us**"


def test_code_beside_the_numbers_of_its_lines_is_code() -> None:
    numbers, code = "<td class='linenos'><pre>1\n2</pre></td>", "<td><pre>import x\nx.run()</pre></td>"
    page = f"<table><tr>{numbers}{code}</tr></table>"
    assert text(page) == "```\nimport x\nx.run()\n```"


def test_small_digits_are_raised_and_readings_go() -> None:
    assert text("<p>10<sup>6</sup> m<sup>2</sup> 1<sup>st</sup> CO<sub>2</sub></p>") == "10⁶ m² 1st CO2"
    assert text("<p><ruby>漢字<rp>(</rp><rt>かんじ</rt><rp>)</rp></ruby>です</p>") == "漢字です"


@pytest.mark.parametrize(
    "furniture",
    [
        "<div class='privacy-banner'><p>zz verwendet Cookies.</p><button>Alle akzeptieren</button></div>",
        "<div id='qc-cmp2-ui'><p>zz uses cookies.</p><button>AGREE</button></div>",
        "<a class='screen-reader-text' href='#content'>zz</a>",
        entries("/m.html"),
        "<div class='table-of-content'><a href='#a'>zz</a><br><a href='#b'>Beta</a></div>",
        "<div class='post-share-buttons'><h3>Share:</h3><a href='x'>zz Twitter</a> <a href='y'>Facebook</a></div>",
        "<div class='navbox'><table><tr><td><a href='1'>zz Pots</a></td><td><a href='2'>x</a></td></tr></table></div>",
        "<h2>History<span class='mw-editsection'>[<a href='/e'>zz</a>]</span></h2>",
    ],
)
def test_what_programs_put_around_a_text_goes(furniture: str) -> None:
    assert "zz" not in text(f"{furniture}{BODY}<h2 id=a>A</h2><h2 id=b>B</h2><h2 id=c>C</h2><p>Words.</p>")


@pytest.mark.parametrize(
    "content",
    [
        entries("other.html").replace("#", "#of-"),
        "<div class='banner'><p>zz: the kiln is hot. Accept no substitutes.</p><button>More</button></div>",
        "<div class='site-nav-top'><p>zz is a word and many more of them.</p><a href='/'>Home</a></div>",
        "<div class='with-sidebar-left'><main><ul><li><a href='/1'>zz</a></li></ul></main></div>",
    ],
)
def test_what_is_only_named_alike_or_leads_to_other_pages_stays(content: str) -> None:
    assert "zz" in text(f"{content}{BODY}")


def test_rows_without_cells_do_not_make_a_table_of_data_one_of_a_single_column() -> None:
    rows = "".join(f"<tr><td>{name}</td><td>40</td></tr><tr></tr>" for name in ("Flow", "Head"))
    assert text(f"<table>{rows}</table>").count("| Head | 40 |") == 1


def test_what_is_around_a_list_of_links_is_not_its_sidebar_whatever_it_is_called() -> None:
    links = "".join(f"<li><a href='https://{name}.example'>Tables of {name}</a></li>" for name in ("tides", "winds"))
    page = f"<p><a href='/'>Harbour</a></p><div class='layout with-sidebar'><h2>Links</h2><ul>{links}</ul></div>"
    assert text(page) == "Harbour\n\n## Links\n\n- Tables of tides\n- Tables of winds"
    beside = f"<div class='sidebar'><ul>{links}</ul>Elsewhere</div>"
    assert text(f"{beside}<div>{BODY}</div>") == "# Model 12\n\nIt moves forty litres a minute."
