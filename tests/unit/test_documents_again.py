"""What a second reading of each kind of document found: the same faults in other places than the first one."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_files import RELATED, WORD, paragraph, pdf_file, run, stream, word_file, zipped

from listener.chunking.splitting import chunk
from listener.documents import decoding
from listener.documents.parsed import Parsed
from listener.documents.parsers import Parsers
from listener.documents.pool import Workers

DECK = Path(__file__).parent.parent / "documents" / "deck.pptx"
BODY = "The kiln is fired at night and cooled for two days before anybody opens it."


@pytest.fixture(scope="module")
def pool() -> Iterator[Workers]:
    workers = Workers(1, timeout_seconds=60, memory_mb=1024)
    yield workers
    asyncio.run(workers.close())


async def read(pool: Workers, name: str, data: bytes | str) -> Parsed:
    data = data.encode() if isinstance(data, str) else data
    return await Parsers(pool).parse(data, uri=f"file:///d/{name}")


def with_styles(body: str, styles: str, parts: dict[str, str] | None = None) -> bytes:
    """Return a Word file that has these styles."""
    with zipfile.ZipFile(io.BytesIO(word_file(body, {**(parts or {}), "styles": ""}))) as archive:
        files: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    files["word/styles.xml"] = f"<w:styles {WORD}>{styles}</w:styles>"
    return zipped(files)


def style(name: str, says: str, base: str = "", kind: str = "character") -> str:
    based = f'<w:basedOn w:val="{base}"/>' if base else ""
    return f'<w:style w:type="{kind}" w:styleId="{name}">{based}<w:rPr>{says}</w:rPr></w:style>'


SYMBOL = '<w:rFonts w:ascii="Symbol" w:hAnsi="Symbol"/>'
STYLES = (
    style("Greek", SYMBOL)
    + style("Bold", "<w:b/>", "Greek")
    + style("Plain", '<w:rFonts w:ascii="Arial"/>', "Greek")
    + style("Secret", "<w:vanish/>")
    + style("Open", '<w:vanish w:val="0"/>', "Secret")
    + style("Loop", "<w:vanish/>", "Loop")
    + style("Formula", SYMBOL, kind="paragraph")
    + style("Answer", "<w:vanish/>", kind="paragraph")
)


def styled(text: str, name: str, says: str = "") -> str:
    return run(text, f'<w:rStyle w:val="{name}"/>{says}')


def in_paragraph_style(name: str, *runs: str) -> str:
    return f'<w:p><w:pPr><w:pStyle w:val="{name}"/></w:pPr>{"".join(runs)}</w:p>'


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (paragraph("5 ", styled("m", "Greek"), "m of play"), "5 μm of play"),
        (paragraph("angle ", styled("b", "Bold")), "angle β"),
        (paragraph("step ", styled("b", "Plain")), "step b"),
        (paragraph("step ", styled("b", "Greek", '<w:rFonts w:ascii="Arial"/>')), "step b"),
        (in_paragraph_style("Formula", run("abg")), "αβγ"),
        (in_paragraph_style("Formula", styled("b", "Plain")), "β"),
        (paragraph("seen", styled(" zz", "Secret")), "seen"),
        (paragraph("seen", styled(" too", "Open")), "seen too"),
        (paragraph("seen", styled(" too", "Secret", '<w:vanish w:val="0"/>')), "seen too"),
        (paragraph("seen", styled(" zz", "Loop")), "seen"),
        (in_paragraph_style("Answer", run("zz")) + paragraph("seen"), "seen"),
    ],
)
async def test_a_style_of_word_may_choose_a_symbol_font_or_hide(pool: Workers, body: str, text: str) -> None:
    assert (await read(pool, "a.docx", with_styles(body, STYLES))).text.strip() == text


async def test_styles_hold_in_headers_and_notes_too(pool: Workers) -> None:
    note = f'<w:footnote w:id="1">{paragraph("a ", styled("zz", "Secret"), styled("d", "Greek"))}</w:footnote>'
    body = paragraph("Body", '<w:r><w:footnoteReference w:id="1"/></w:r>')
    body += f'<w:sectPr xmlns:r="{RELATED}"><w:headerReference r:id="header.xml"/></w:sectPr>'
    parts = {"footnotes": note, "header": paragraph("by ", styled("W", "Greek"), styled("zz", "Secret"))}
    assert (await read(pool, "a.docx", with_styles(body, STYLES, parts))).text == (
        "Body[^1]\n\n[^1]: a δ\n\nHeader: by Ω\n"
    )


async def test_a_line_break_in_a_cell_of_a_slide_begins_no_other_row(pool: Workers) -> None:
    with zipfile.ZipFile(DECK) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
        name = next(name for name in files if b"a|b" in files[name])
    files[name] = files[name].replace(b"<a:t>a|b</a:t></a:r>", b"<a:t>a|b</a:t></a:r><a:br/><a:r><a:t>c</a:t></a:r>")
    text = (await read(pool, "a.pptx", zipped(files))).text
    assert "| k | v |\n| --- | --- |\n| a\\|b c | line1 line2 |\n" in text


async def test_a_saved_page_may_be_xhtml(pool: Workers) -> None:
    saved = (
        "From: <Saved by WebKit>\nSubject: Pump\nContent-Type: multipart/related; type=application/xhtml+xml; "
        "boundary=b\n\n--b\nContent-Type: text/css\n\nzz{}\n--b\nContent-Type: application/xhtml+xml\n\n"
        f"<html><body><h1>Pump</h1><p>{BODY}</p></body></html>\n--b--\n"
    )
    parsed = await read(pool, "a.mhtml", saved)
    assert (parsed.text, parsed.media_type) == (f"# Pump\n\n{BODY}\n", "text/markdown")


@pytest.mark.parametrize(
    "furniture",
    [
        "<div class='gdpr-notice'><p>zz Diese Seite verwendet Cookies.</p><button>Akzeptieren</button></div>",
        "<section aria-label='Cookie notice'><p>zz We store cookies. Do you agree?</p><button>Yes</button></section>",
        "<div aria-modal='true'><p>zz cookies: accept or reject</p><button>Accept</button></div>",
        "<div id='breadcrumbs'><a href='/'>zz Home</a> » <a href='/k'>Kilns</a> » Fire</div>",
        "<div class='page breadcrumb wide'><a href='/'>zz Home</a></div>",
        "<div class='entry-breadcrumbs'><a href='/'>zz Home</a></div>",
    ],
)
async def test_banners_and_trails_by_other_names_go(pool: Workers, furniture: str) -> None:
    assert (await read(pool, "a.html", f"<body>{furniture}<p>{BODY}</p></body>")).text == f"{BODY}\n"


@pytest.mark.parametrize(
    "content",
    [
        "<div class='privacy'><p>zz We allow cookies.</p><button>More</button></div>",
        "<div class='with-breadcrumbs-on-top'><a href='/a'>zz Alpha</a> <a href='/b'>Beta</a></div>",
        "<section aria-label='Cookie recipes'><p>zz Allow them to cool.</p></section>",
    ],
)
async def test_what_is_only_named_like_furniture_stays(pool: Workers, content: str) -> None:
    assert "zz" in (await read(pool, "a.html", f"<body>{content}<p>{BODY}</p></body>")).text


@pytest.mark.parametrize(
    "placeholder",
    [
        "Unbenanntes Dokument", "Documento sin título", "Bez názvu", "無題ドキュメント", "Vite + React", "...", "— —",
        "http://example.com/p?q=1", "Nový dokument",
    ],
)  # fmt: skip
async def test_no_placeholder_beats_a_heading(pool: Workers, placeholder: str) -> None:
    page = f"<html><head><title>{placeholder}</title></head><body><h1>Kilns</h1><p>{BODY}</p></body></html>"
    assert (await read(pool, "a.html", page)).title == "Kilns"


async def test_nobody_is_no_author(pool: Workers) -> None:
    about = b"<</Title(Kilns)/Author(\\(anonymous\\); Ada)/Subject(\\(unspecified\\))>>"
    data = pdf_file([BODY], objects={120: about}).replace(b"/Root 1 0 R", b"/Root 1 0 R/Info 120 0 R")
    parsed = await read(pool, "a.pdf", data)
    assert (parsed.title, parsed.metadata) == ("Kilns", {"authors": ["Ada"], "page_count": 1})


async def test_files_that_a_pdf_is_associated_with_and_notes_in_rich_text_are_taken(pool: Workers) -> None:
    objects = {
        100: b"<</Type/Annot/Subtype/Text/Rect[1 1 2 2]/RC(<body><p>Check <b>this</b> &amp; that</p></body>)>>",
        101: b"<</Type/Filespec/F(order.xml)/EF<</F 102 0 R>>>>",
        102: stream(b"<order/>", "/Type/EmbeddedFile"),
    }
    data = pdf_file([BODY], objects=objects, on_page="/Annots[100 0 R]", catalog="/AF[101 0 R]")
    parsed = await read(pool, "a.pdf", data)
    assert "Note: Check this & that" in parsed.text
    assert [(part.name, part.data) for part in parsed.parts] == [("order.xml", b"<order/>")]


async def test_notes_of_a_pdf_that_nobody_sees_are_left_out(pool: Workers) -> None:
    shapes = [f"<</Type/Annot/Subtype/Text/Rect[1 1 2 2]/Contents(note {flags})/F {flags}>>" for flags in (0, 2, 4, 36)]
    objects = {100 + place: shape.encode() for place, shape in enumerate(shapes)}
    parsed = await read(
        pool, "a.pdf", pdf_file([BODY], objects=objects, on_page="/Annots[100 0 R 101 0 R 102 0 R 103 0 R]")
    )
    assert [line for line in parsed.text.splitlines() if "note" in line] == ["Note: note 0", "Note: note 4"]


async def test_a_page_whose_bytes_were_lost_is_said_beside_one_that_is_gone(pool: Workers) -> None:
    data = pdf_file([f"Page {number} of the log." for number in range(1, 6)])
    first, second = data.index(b"15 0 obj"), data.index(b"17 0 obj")
    begin = data.index(b"stream\n", first) + 20
    parsed = await read(pool, "a.pdf", data[:begin] + bytes(second - begin) + data[second:])
    assert parsed.warning is not None
    assert parsed.warning.message.endswith("without pages 3 to 4")
    assert len(parsed.pages) == 5


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Москва, Россия\n", "cp1251"),
        ("Не влезай, убьёт!\n", "koi8-r"),
        ("Москва, Россия\n", "iso8859-5"),
        ("Café, naïve, forêt\n", "cp1252"),
        ("Größe und Übermaß\n", "cp1252"),
    ],
)
def test_a_few_words_are_enough_to_tell_another_script_from_accents(text: str, encoding: str) -> None:
    assert decoding.decode(text.encode(encoding), None, told=True, html=False)[0] == text


@pytest.mark.parametrize("encoding", ["cp1250", "iso8859-2"])
@pytest.mark.parametrize(
    "text",
    [
        "Žluťoučký kůň, šťáva, příliš " * 5,
        "Zažółć gęślą jaźń. Pompa w trzeciej hali została wymieniona w poniedziałek rano.",
        "Ďalšia kontrola sa uskutoční v októbri: poľa, ťava, škôlka, dĺžka a ľahšie veci.",
    ],
)
def test_central_european_text_is_read_in_either_encoding(text: str, encoding: str) -> None:
    assert decoding.decode(text.encode(encoding), None, told=True, html=False)[0] == text


TABLE = "<table>\n<thead><tr><th>name</th><th>unit</th></tr></thead>\n"
ROWS = "".join(f"<tr><td>row {number}</td><td>ms</td></tr>\n" for number in range(40))


def leads(text: str) -> set[str]:
    return {text[slice(*one.lead)] for one in chunk(text, "text/markdown", 300, 30)[1:-1]}


def test_a_table_written_in_html_repeats_its_header_row() -> None:
    assert leads(f"# Times\n\n{TABLE}{ROWS}</table>\n") == {"<table>\n<thead><tr><th>name</th><th>unit</th></tr>"}


@pytest.mark.parametrize(
    "text",
    [
        f"<table>{ROWS}</table>",
        f"<table><tr><th>Weight</th><td>5 kg</td></tr>{ROWS}</table>",
        f"{TABLE}</table>\n\n" + f"{BODY} " * 30,
        f"</table>{ROWS}</table></table>",
    ],
)
def test_a_table_without_a_row_of_names_repeats_nothing(text: str) -> None:
    assert leads(text) == {""}
