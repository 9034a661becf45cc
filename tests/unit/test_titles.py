"""What a document is called: by its properties, its front matter, its first heading."""

from __future__ import annotations

import time

import pytest
from regex_steps import Steps

from listener.chunking.splitting import chunk
from listener.documents import titles
from listener.documents.markdown import front_matter
from listener.documents.markdown.fences import Fences
from listener.documents.markdown.front_matter import end_of_front_matter, title_of_front_matter
from listener.documents.markdown.headings import read_headings
from listener.documents.markdown.spans import plain


def title(text: str, said: str | None = None, kind: str = "text/markdown", uri: str = "dir/a.md") -> str | None:
    return titles.title_of(said, text, kind, uri)


@pytest.mark.parametrize(
    ("front", "found"),
    [
        ("title: Plain # comment", "Plain"),
        ("Title: C# in depth: a guide", "C# in depth: a guide"),
        ('title: "A \\"quoted\\" \\u00e9\\x21 one"', 'A "quoted" é! one'),
        ("title: 'it''s'", "it's"),
        ("title: >\n  Folded title\n  second\ntags: x", "Folded title second"),
        ("title: |-\n  literal\n\n  two\n", "literal two"),
        ("title: >2+ # why\n   in\n  deep\n", "in deep"),
        ("title: |\r\n  Windows\r\n  lines\r\nx: y\r", "Windows lines"),
        ("title:\n  on the next line\n  and the next\ntags: x", "on the next line and the next"),
        ('title: "over\n  lines"\n', "over lines"),
        ("title: &here !!str 2024", "2024"),
        ("description: |\n  # not a heading\n  title: nor a title\ntitle: Real", "Real"),
        ('"title": quoted key', "quoted key"),
        ("title: 'open", "open"),
        ("title: *alias", None),
        ("title: [a, b]", None),
        ("title: {a: b}", None),
        ("title:\n  en: mapping", None),
        ("title:\n  - list", None),
        ("title: ~", None),
        ("title:", None),
        ("title:glued", None),
        ("subtitle: no\n title: nested", None),
        ("", None),
    ],
)
def test_front_matter_in_yaml_says_its_title(front: str, found: str | None) -> None:
    assert title_of_front_matter(f"---\n{front}\n---\n\n# Heading\n") == found


@pytest.mark.parametrize(
    ("front", "found"),
    [
        ('title = "Toml \\u00e9 \\"title\\""\n# comment', 'Toml é "title"'),
        ("title = 'raw \\n'", "raw \\n"),
        ('title = """\nover\nlines"""', "over lines"),
        ("title = '''\nover ' lines'''", "over ' lines"),
        ('text = """\ntitle = "no"\n"""\ntitle = "yes"', "yes"),
        ('date = 2024-01-01\ntitle="tight"', "tight"),
        ('[menu]\ntitle = "of a table"', None),
        ("title = 3", None),
        ("", None),
    ],
)
def test_front_matter_in_toml_says_its_title(front: str, found: str | None) -> None:
    assert title_of_front_matter(f"+++\n{front}\n+++\n\n# Heading\n") == found


@pytest.mark.parametrize(
    "bomb",
    [
        "a: &a [x, x]\n" + "".join(f"{n}: &{n} [*{p}, *{p}]\n" for p, n in zip("abcdefgh", "bcdefghi", strict=True)),
        "title: " + "[" * 50_000,
        'title: "' + "\\" * 50_000,
        "title: >\n" + "  a\n" * 20_000,
        "title:" + "\n" * 50_000,
        "a: b\n" * 20_000,
    ],
    ids=["aliases", "nesting", "escapes", "long", "empty lines", "keys"],
)
def test_a_hostile_front_matter_is_read_at_once(bomb: str) -> None:
    began = time.process_time()
    found = title(f"---\n{bomb}\n---\n# Heading\n")
    assert found is None or len(found) <= 1000
    assert time.process_time() - began < 0.5


def test_what_is_no_front_matter_is_text() -> None:
    assert end_of_front_matter("---\n\ntitle: a rule before an empty line\n\n---\n") == 0
    assert end_of_front_matter("text\n---\ntitle: a\n---\n") == 0
    assert title("---\n\n# Heading between rules\n\n---\n") == "Heading between rules"
    assert title("---\ntitle: never closed\n# Heading\n") == "Heading"


def test_a_comment_in_front_matter_is_no_heading() -> None:
    text = '+++\ntitle = "Toml title"\n# a comment\n+++\n\n# Real\n\n' + "word " * 100
    assert title(text) == "Toml title"
    assert {path for one in chunk(text, "text/markdown", 100, 0) for path in one.heading_path} == {"Real"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# One #\n\n# Two", "One"),
        ("Title One\n=========\n\npara\n\nSub\n---\n", "Title One"),
        ("Two\nlines\n===\n", "Two lines"),
        ("Sub\n---\n\ntext\n", "Sub"),
        ("## Second\n\ntext\n\n# First\n", "First"),
        ("### Only\n\ntext\n", "Only"),
        ("```\n# code\n```\n<!--\n# hidden\n-->\n# Real\n", "Real"),
        ('<h1 align="center">An <em>App</em></h1>\n\n## Install\n', "An App"),
        ("# Markdown\n\n<h1>later</h1>\n", "Markdown"),
        ("```\n<h1>code</h1>\n```\n\n## Real\n", "Real"),
        ("# Untitled\n\n# Slide 1\n\n## Real\n", "Real"),
        ("#tag\n#!x", None),
        ("no heading", None),
    ],
)
def test_the_title_is_the_first_heading_of_the_first_level_or_else_the_first(text: str, found: str | None) -> None:
    assert title(text) == found


@pytest.mark.parametrize(
    ("said", "text", "found"),
    [
        ("(anonymous)", "# Chapter one\n", "Chapter one"),
        ("(unspecified)", "no heading", None),
        ("Microsoft Word - Document1", "## Real\n", "Real"),
        ("Microsoft Word - Annual report.doc", "# Report of 2024\n", "Report of 2024"),
        ("Microsoft Word - Annual report.doc", "no heading", "Annual report"),
        ("PowerPoint Presentation", "## Groups\n", "Groups"),
        ("C:\\Users\\ada\\tides.dvi", "# Tides\n", "Tides"),
        ("a", "# Named like the file\n", "Named like the file"),
        ("final_report_v3", "# Report\n", "Report"),
        ("final_report_v3", "no heading", "final_report_v3"),
        ("Slide 1", "## Slide 1\n\n## Tides\n", "Tides"),
        ("Untitled-1", "# Drawing\n", "Drawing"),
        ("Document (2)", "# Letter\n", "Letter"),
        ("New Document", "# Letter\n", "Letter"),
        ("無題", "# 本当\n", "本当"),
        ("A guide", "# Other\n", "A guide"),
        ("Version 2.0", "# Other\n", "Version 2.0"),
    ],
)
def test_what_a_program_put_there_and_names_of_files_never_beat_a_heading(
    said: str, text: str, found: str | None
) -> None:
    assert title(text, said=said) == found


def test_what_somebody_wrote_into_the_front_matter_is_a_title_though_it_looks_like_a_name() -> None:
    assert title("---\ntitle: pg_dump\n---\n# Synopsis\n") == "pg_dump"
    assert title("---\ntitle: Untitled\n---\n# Real\n") == "Real"
    assert title("---\ntitle: report.docx\n---\n# Real\n") == "Real"


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("The `pg_dump` *command*", "The pg_dump command"),
        ("[Linked](https://x.org) **title**", "Linked title"),
        ("C# and List<T> in depth", "C# and List<T> in depth"),
        ("__init__ and 2 * 3 * 4", "__init__ and 2 * 3 * 4"),
    ],
)
def test_a_title_in_the_front_matter_has_no_marks_either(written: str, found: str) -> None:
    assert title(f'---\ntitle: "{written}"\n---\n\n# Heading\n') == found
    assert title(f"+++\ntitle = '{written}'\n+++\n\n# Heading\n") == found


def test_a_message_without_headings_keeps_its_subject_whatever_that_is() -> None:
    assert titles.title_of("Scan", "text", "text/plain", "a.eml", is_message=True) == "Scan"
    assert titles.title_of("Fwd: list.pdf", "text", "text/plain", "a.eml", is_message=True) == "Fwd: list.pdf"


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("text/x-rst", ".. comment\n\n=====\nTitle\n=====\n\nSub\n---\n", "Title"),
        ("text/x-rst", "Longer than its line\n---\n\nReal one\n~~~~~~~~\n", "Real one"),
        ("text/x-rst", "if\n--\n\nSynopsis\n^^^^^^^^\n", "if"),
        ("text/x-rst", "word\n--\n\nSynopsis\n^^^^^^^^\n", "Synopsis"),
        ("text/x-asciidoc", "// comment\n= Document title\n\n== Part\n", "Document title"),
        ("text/x-asciidoc", "text\n\n== Part\n", "Part"),
        ("text/x-org", "* Heading\n#+TITLE: The title\n", "The title"),
        ("text/x-org", "** Heading\n", "Heading"),
        ("text/x-tex", "\\section{Part}\n\\title[short]{Tides \\& winds~2}\n", "Tides & winds 2"),
        ("text/x-tex", "\\section*{Part}\n", "Part"),
        (
            "text/x-tex",
            "\\title{A \\textbf{bold {\\em new}} one\\thanks{by \\emph{X}}\\\\ more}",
            "A bold new one more",
        ),
        ("text/x-tex", "\\title{{\\LARGE Caf\\'e} na\\\"{\\i}ve: 50\\% of $x$}", "Café naïve: 50% of x"),
        ("text/x-tex", "\\title{" + "{a" * 5000 + "\n\\section{Part}", "Part"),
        ("text/plain", "Title\n=====\n", None),
        ("text/x-python", "# comment\n", None),
    ],
)
def test_texts_in_other_markup_have_titles_too(kind: str, text: str, found: str | None) -> None:
    assert title(text, kind=kind) == found


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("[Linked](http://x) *title* `code` &amp; <b>b</b> {#anchor}", "Linked title code & b"),
        ("[![alt](a.png)](b) after", "alt after"),
        ("[ref][1] and ![image][2] and note[^3]", "ref and image and note"),
        ("`a*b*` and ``x`y`` \\*stars\\* \\# hash", "a*b* and x`y *stars* # hash"),
        ("*em* **strong** ***both*** ~~gone~~ _em_ __Strong words__", "em strong both gone em Strong words"),
        ("__init__ and snake_case_name and _The foo_bar way_", "__init__ and snake_case_name and The foo_bar way"),
        ("**P**ersonal H~2~O 2 * 3 a*b*c C#", "Personal H2O 2 * 3 a*b*c C#"),
        ("<https://example.org/a_b> <ada@example.org>", "https://example.org/a_b ada@example.org"),
        ("Tom&nbsp;&lt;x&gt;   &#x41;", "Tom <x> A"),
        ("Closed ##", "Closed"),
        ("", ""),
    ],
)
def test_a_line_of_markdown_is_read_without_its_marks(line: str, words: str) -> None:
    assert plain(line) == words


@pytest.mark.parametrize(
    "said", ["TCP/IP settings in config.xml", "Client/Server basics: package.json", "How to write robots.txt"]
)
def test_a_title_that_somebody_wrote_keeps_its_slashes_and_endings(said: str) -> None:
    assert title(f"---\ntitle: '{said}'\n---\n\n# Another heading\n") == said


def test_a_long_string_of_toml_that_never_ends_takes_steps_in_proportion() -> None:
    steps = Steps(front_matter._TOML_PLACE)
    few, many = (steps.of('"""\\' * times, searched=True) for times in (4, 16))
    assert many <= 5 * few  # 60 KB took 48 s


def test_a_fence_on_a_list_items_line_ends_where_it_is_closed() -> None:
    text = "# A\n\n- ```bash\n  make all\n  ```\n\n# B\n\n1. - ~~~\n     # no heading\n     ~~~\n\n## Usage\n"
    fences = Fences()
    assert [heading.title for heading in read_headings(text, fences)] == ["A", "B", "Usage"]
    assert len(fences.starts) == 2


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("% On kilns\n% Ada; Bob\n% 2024\n\nText\n\n# Head\n", "On kilns"),
        ("% On kilns\n  and clay\n\nText\n", "On kilns and clay"),
        ("% no block\nsince text follows\n\n# Head\n", "Head"),
        ("50 % of it\n\n# Head\n", "Head"),
    ],
)
def test_the_title_block_of_pandoc_says_the_title(text: str, found: str) -> None:
    assert title(text) == found


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("``code`` and *emphasis*\n=======================\n", "text/x-rst", "code and emphasis"),
        (":mod:`asyncio` and a*b*c\n========================\n", "text/x-rst", "asyncio and a*b*c"),
        ("= The *Bold* `x_y_z` guide\n", "text/x-asciidoc", "The Bold x_y_z guide"),
        ("#+TITLE: My =code= in /usr/bin/env\n", "text/x-org", "My code in /usr/bin/env"),
    ],
)
def test_titles_in_other_markup_have_no_marks_either(text: str, kind: str, found: str) -> None:
    assert title(text, kind=kind) == found


@pytest.mark.parametrize(
    "said", ["Copy of Untitled document", "Kopie von Unbenannt", "Untitled document - Copy", "Copy of"]
)
def test_a_copy_of_a_default_is_a_default(said: str) -> None:
    assert title("# Head\n", said) == "Head"
    assert title("# Head\n", "Copy of the deed") == "Copy of the deed"
