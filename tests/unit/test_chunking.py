"""What chunks of Markdown, source code and plain text look like."""

from __future__ import annotations

import statistics
import time
from itertools import pairwise
from random import Random

import pytest

from listener.chunking.splitting import chunk
from listener.documents.markdown.fences import Fences
from listener.documents.markdown.headings import read_headings
from listener.errors import SettingsError


def cut(
    text: str, media_type: str = "text/markdown", size: int = 1000, overlap: int = 0
) -> list[tuple[tuple[str, ...], str]]:
    chunks = chunk(text, media_type=media_type, size=size, overlap=overlap)
    return [(found.heading_path, text[found.start : found.end]) for found in chunks]


def paths(text: str, size: int = 60) -> list[tuple[str, ...]]:
    return [path for path, _ in cut(text, size=size)]


def words(count: int, word: str = "word") -> str:
    return " ".join(f"{word}{number}" for number in range(count))


def test_sections_that_do_not_fit_together_are_chunks_under_their_headings() -> None:
    headings = ["# Guide", "## Install", "### Linux", "## Use"]
    text = "".join(f"{heading}\n\n{words(6)}\n\n" for heading in headings)
    assert [path for path, _ in cut(text, size=60)] == [
        ("Guide",),
        ("Guide", "Install"),
        ("Guide", "Install", "Linux"),
        ("Guide", "Use"),
    ]


def test_a_document_that_fits_is_one_chunk_under_the_heading_that_holds_all_of_it() -> None:
    assert cut("# Guide\n\n## Only part\n\nText.\n") == [(("Guide", "Only part"), "# Guide\n\n## Only part\n\nText.")]
    assert paths("# Guide\n\n## One\n\na\n\n## Two\n\nb\n") == [("Guide",)]
    assert paths("before\n\n# Guide\n\na\n") == [()]


def test_small_neighbours_are_joined_under_their_parent_and_never_beyond_it() -> None:
    small = "".join(f"## Part {n}\n\nshort\n\n" for n in range(4))
    text = f"# One\n\n{small}# Two\n\n{words(40)}\n"
    found = cut(text, size=120)
    assert found[0][0] == ("One",)
    assert all(not ("short" in body and "word" in body) for _, body in found)


def test_a_heading_without_text_goes_with_the_section_below_it() -> None:
    text = f"# Guide\n\n## Install\n\n{words(8)}\n\n## Use\n\n{words(8)}\n"
    first, second = cut(text, size=90)
    assert first == (("Guide", "Install"), f"# Guide\n\n## Install\n\n{words(8)}")
    assert second[0] == ("Guide", "Use")


@pytest.mark.parametrize(
    ("heading", "title"),
    [
        ("# Plain #", "Plain"),
        ("   ### Indented", "Indented"),
        ("#\tTab", "Tab"),
        ("# C#", "C#"),
        ("# `fs.open(path)` **now**", "fs.open(path) now"),
        ("# A [link](https://example.org/x) ![icon](i.png)", "A link icon"),
        ("# snake_case and 2 * 3", "snake_case and 2 * 3"),
        ('# <a id="x"></a>Anchor {#anchor}', "Anchor"),
        ("Setext\n===", "Setext"),
        ("Two\nlines\n---", "Two lines"),
        ("Windows\r\n===\r", "Windows"),
    ],
)
def test_headings_are_read_without_their_markup(heading: str, title: str) -> None:
    assert cut(f"{heading}\ntext\n")[0][0] == (title,)


@pytest.mark.parametrize(
    "text",
    [
        "#hashtag\n",
        "    # indented code\n",
        "```sh\n# comment\n```\n",
        "~~~\n# comment\n```\n# comment\n~~~\n",
        "````\n```\n# comment\n```\n````\n",
        "```\n# never closed\n",
        "<!--\n# hidden\n-->\n",
        "<pre>\n# output\n</pre>\n",
        "---\ntitle: front matter\n---\ntext\n",
        "- item\n---\n",
        "| table |\n---\n",
        "> quote\n---\n",
        "text\n\n---\n",
        "text\n\n===\n",
        "####### seven\n",
    ],
)
def test_what_only_looks_like_a_heading_is_none(text: str) -> None:
    assert cut(text) == [((), text.strip())]


def test_headings_after_a_fence_or_front_matter_count_again() -> None:
    assert paths("---\na: b\n---\n# One\ntext\n") == [()]
    assert cut("```\n# no\n```\n\n# Yes\n\n" + words(20), size=40)[1][0] == ("Yes",)
    assert cut("``` inline `\n# Yes\n\n" + words(20), size=40)[-1][0] == ("Yes",)


@pytest.mark.parametrize(
    "block",
    [
        "```py\n" + "\n\n".join(f"call({n})" for n in range(12)) + "\n```",
        "| a | b |\n|---|---|\n" + "\n".join(f"| {n} | {n} |" for n in range(14)),
        "\n\n".join(f"- item {n}" for n in range(10)),
        words(20),
    ],
    ids=["fence", "table", "loose list", "paragraph"],
)
def test_a_block_that_fits_is_not_torn(block: str) -> None:
    assert len(block) < 170
    for count in range(24):
        text = f"# Title\n\n{words(count, 'before')}\n\n{block}\n\n{words(24, 'after')}\n"
        assert any(block in body for _, body in cut(text, size=170))


def test_a_fence_without_empty_lines_around_it_is_not_torn() -> None:
    fence = "```\n" + "\n".join(f"call({n})" for n in range(12)) + "\n```"
    for count in range(4, 20):
        text = f"{words(count, 'before')}\n{fence}\n{words(24, 'after')}\n"
        assert any(fence in body for _, body in cut(text, size=150))


def test_code_is_cut_before_definitions() -> None:
    functions = [f"def f{n}(x):\n    y = x + {n}\n\n    return y" for n in range(12)]
    bodies = [body for _, body in cut("\n\n\n".join(functions), "text/x-python", size=120)]
    assert len(bodies) > 3
    assert all(body.startswith("def ") and body.endswith("return y") for body in bodies)


def test_a_comment_in_code_is_no_heading() -> None:
    assert cut("# comment\nx = 1\n", "text/x-python") == [((), "# comment\nx = 1")]


def test_plain_text_is_cut_at_sentences() -> None:
    text = " ".join(f"This is sentence number {n}." for n in range(20))
    assert all(body.startswith("This") and body.endswith(".") for _, body in cut(text, "text/plain", size=100))
    japanese = "".join(f"これは文{n}です。" for n in range(40))
    assert all(body.endswith("。") for _, body in cut(japanese, "text/plain", size=60))


def test_the_overlap_begins_at_a_word_and_not_above_a_heading() -> None:
    text = f"# One\n\n{words(60)}\n\n# Two\n\n{words(60, 'other')}\n"
    chunks = chunk(text, media_type="text/markdown", size=200, overlap=50)
    for before, after in pairwise(chunks):
        shared = before.end - after.start
        if before.heading_path == after.heading_path:
            assert 20 <= shared <= 50
            assert text[after.start - 1].isspace()
        else:
            assert text[after.start :].startswith("# Two")


def test_a_long_overlap_does_not_reach_above_the_heading() -> None:
    text = f"# One\n\n{words(40)}\n\n# Two\n\n{words(7, 'short')}\n\n{words(60, 'other')}\n"
    second = [body for path, body in cut(text, size=160, overlap=70) if path == ("Two",)]
    assert second[0] == f"# Two\n\n{words(7, 'short')}"
    assert second[1].startswith("# Two")


@pytest.mark.parametrize("cluster", ["👩‍👩‍👧‍👦", "e\u0301\u0323", "👍🏽", "🇯🇵", "\u1112\u1161\u11ab", "नि", "❤️"])
def test_graphemes_are_not_torn(cluster: str) -> None:
    text = cluster * 30
    for found in chunk(text, media_type="text/plain", size=25, overlap=8):
        assert found.start % len(cluster) == found.end % len(cluster) == 0


def test_only_whitespace_has_no_chunks() -> None:
    assert cut("") == cut(" \n\t\u3000\n") == cut("\n\n", "text/plain") == []


def test_size_and_overlap_that_can_not_be_are_refused() -> None:
    for size, overlap in ((0, 0), (10, 10), (10, -1)):
        with pytest.raises(SettingsError) as caught:
            chunk("text", media_type="text/plain", size=size, overlap=overlap)
        assert caught.value.code == "bad_chunking"


def long_section() -> str:
    """Return some 14 chunks of paragraphs of different lengths under one heading."""
    random = Random(1)
    vocabulary = [f"{random.choice('abcdefgh')}{n}" for n in range(400)]
    paragraphs = (" ".join(random.choices(vocabulary, k=random.randint(5, 20))) for _ in range(210))
    return "# Title\n\n" + "\n\n".join(paragraphs)


@pytest.mark.parametrize("joint", ["\n\n", ". "], ids=["paragraphs", "one line"])
@pytest.mark.parametrize(("inserted", "deleted"), [("some inserted words ", 0), ("", 25)], ids=["insert", "delete"])
def test_an_edit_in_one_place_changes_few_chunks(inserted: str, deleted: int, joint: str) -> None:
    text = long_section().replace("\n\n", joint)
    before = {body for _, body in cut(text, overlap=100)}
    changed = []
    for near in range(50, len(text) - 200, 97):
        at = text.index(" ", near) + 1
        edited = text[:at] + inserted + text[at + deleted :]
        changed.append(len({body for _, body in cut(edited, overlap=100)} - before))
    assert len(before) >= 14
    assert min(changed) >= 1
    assert statistics.median(changed) <= 2
    assert statistics.mean(changed) <= 2  # cutting as late as possible: 5.2 after deletions


@pytest.mark.parametrize(
    "unit",
    [
        "word ",
        "x",
        "かな",
        "👩‍👩‍👧‍👦",
        "🇩🇪",
        "\u0301",
        ">",
        "# a\n",
        "a\n---\n",
        "```\n",
        "~~~~\n```\n",
        "-",
        "a\r\n",
        "<!--\n",
        "\n",
        " \n",
        "`",
        "[",
    ],
)
def test_time_grows_linearly(unit: str) -> None:
    def seconds(characters: int) -> float:
        text = "# a" + unit * (characters // len(unit)) + "b"
        began = time.process_time()
        assert chunk(text, media_type="text/markdown", size=1000, overlap=100)
        return time.process_time() - began

    seconds(1000)
    assert seconds(160_000) < 40 * max(min(seconds(20_000), seconds(20_000)), 0.001)  # 8 if linear, 64 if quadratic


def led(text: str, media_type: str = "text/markdown", size: int = 1000, overlap: int = 100) -> list[tuple[str, str]]:
    """Return what each chunk continues, and its text."""
    chunks = chunk(text, media_type=media_type, size=size, overlap=overlap)
    return [(text[found.lead[0] : found.lead[1]], text[found.start : found.end]) for found in chunks]


HEADER = "| parameter | unit | default |\n|---|:-:|--:|"
ROWS = "\n".join(f"| name {n} | ms | {n} |" for n in range(80))


@pytest.mark.parametrize("overlap", [0, 100])
@pytest.mark.parametrize("before", ["", "# Specs\n\nIntro.\n\n"])
def test_each_chunk_of_a_table_that_is_cut_continues_its_header(before: str, overlap: int) -> None:
    first, *others = led(f"{before}{HEADER}\n{ROWS}", size=500, overlap=overlap)
    assert first[0] == ""
    assert len(others) > 2
    for lead, body in others:
        assert lead == HEADER
        assert body.startswith("| name")


def test_a_table_without_pipes_at_its_edges_and_one_in_a_list_have_headers_too() -> None:
    bare = "a | b\n--- | ---\n" + "\n".join(f"{n} | word" for n in range(60))
    assert {lead for lead, _ in led(bare, size=200)[1:]} == {"a | b\n--- | ---"}
    indented = "- item\n\n" + "\n".join(f"  {line}" for line in f"{HEADER}\n{ROWS}".split("\n"))
    assert {lead for lead, _ in led(indented, size=500)[1:]} == {HEADER.replace("\n", "\n  ")}


@pytest.mark.parametrize("mark", ["> ", ">", "> > ", "  > "])
def test_a_table_in_a_quote_has_its_header_too(mark: str) -> None:
    quoted = "\n".join(f"{mark}{line}" for line in f"{HEADER}\n{ROWS}".split("\n"))
    leads = {lead for lead, _ in led(f"# Specs\n\n{quoted}\n\nText.\n", size=500)[1:]}
    assert leads == {f"{mark.lstrip()}{HEADER}".replace("\n", f"\n{mark}")}


def test_what_stands_behind_a_table_continues_nothing() -> None:
    text = f"{HEADER}\n{ROWS}\n\n{words(100)}\n"
    assert all(lead == "" for lead, body in led(text, size=300, overlap=0) if "name" not in body)
    assert led(text, size=300, overlap=0)[-1][0] == ""


def test_a_header_that_is_too_long_is_cut_at_a_cell() -> None:
    header = "|" + "|".join(f" column {n} " for n in range(100)) + "|"
    text = f"{header}\n{'|-' * 100}|\n" + "\n".join("|" + " x |" * 100 for _ in range(5))
    leads = {lead for lead, body in led(text, size=400, overlap=0) if body.startswith("| x")}
    (lead,) = leads
    assert header.startswith(lead)
    assert lead.endswith("|")
    assert 150 < len(lead) <= 200


def test_a_code_block_that_is_cut_keeps_its_language_and_its_headings() -> None:
    code = "\n\n".join(f"def f{n}(x):\n    return x + {n}" for n in range(60))
    text = f"# Guide\n\n## Use\n\n```python title=a.py\n{code}\n```\n\n{words(60)}\n"
    chunks = chunk(text, media_type="text/markdown", size=300, overlap=0)
    inside = [found for found in chunks if "def f" in text[found.start : found.end]][1:]
    assert len(inside) > 3
    assert {text[slice(*found.lead)] for found in inside} == {"```python title=a.py"}
    assert {found.heading_path for found in chunks} == {("Guide", "Use")}
    assert text[slice(*chunks[-1].lead)] == ""


@pytest.mark.parametrize("indent", ["    ", "      ", "\t", "\t\t"])
def test_a_code_block_on_the_second_line_of_a_list_s_item_keeps_its_language(indent: str) -> None:
    code = "\n".join(f"{indent}echo {n}" for n in range(60))
    text = f"# Guide\n\n1. step\n\n{indent}```bash\n{code}\n{indent}```\n\n## Next\n\ntext\n"
    found = led(text, size=200, overlap=0)
    assert {lead for lead, body in found[1:] if "echo" in body} == {"```bash"}
    assert found[-1] == ("", "## Next\n\ntext")


@pytest.mark.parametrize("behind", ["", "```python\nx = 1\n```\n"])
def test_a_fence_in_indented_code_that_nothing_closes_hides_no_heading(behind: str) -> None:
    found = read_headings(f"Write\n\n    ```\n\n# Real\n\n{behind}text\n", Fences())
    assert [heading.title for heading in found] == ["Real"]


def test_a_code_block_without_a_language_keeps_its_fence_and_holds_no_table() -> None:
    text = f"```\n{HEADER}\n{ROWS}\n```\n"
    assert {lead for lead, _ in led(text, size=300)[1:]} == {"```"}
    assert {lead for lead, _ in led(text.replace("```\n|", "```text\n|", 1), size=300)[1:]} == {"```text"}


def test_rows_of_csv_continue_the_names_of_their_columns_if_there_are_any() -> None:
    rows = "\n".join(f"{n},ship {n}" for n in range(80))
    assert {lead for lead, _ in led(f"id,name\n{rows}\n", "text/csv", size=200)[1:]} == {"id,name"}
    assert {lead for lead, _ in led(f"{rows}\n", "text/csv", size=200)} == {""}
    assert {lead for lead, _ in led(f"sep=,\nid,name\n{rows}\n", "text/csv", size=200)[1:]} == {"id,name"}
    assert {lead for lead, _ in led(f"id\tname\n{rows}\n", "text/tab-separated-values", size=200)[1:]} == {"id\tname"}
    assert {lead for lead, _ in led(f"id,name\n{rows}\n", "text/plain", size=200)} == {""}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (",name,metres", ",name,metres"),  # an index has no name
        ('"ship";"metres, wet"', '"ship";"metres, wet"'),
        ("2024,name,metres", ""),  # names begin with no number
        ("name,2023,2024,2025", ""),  # most of them are numbers: a row
        ("name", ""),  # a single column: a list of words
        ("name,," + "metres " * 40 + ",end", "name,,"),  # half a chunk at most
    ],
)
def test_a_first_row_of_csv_is_continued_if_it_names_columns(header: str, expected: str) -> None:
    rows = "\n".join(f"{n},ship {n},{n}" for n in range(80))
    assert led(f"{header}\n{rows}\n", "text/csv", size=200, overlap=0)[-1][0] == expected


def test_a_page_of_many_tiny_sections_has_few_chunks_under_their_common_heading() -> None:
    terms = "".join(f"### Term {n}\n\n{words(8)}.\n\n" for n in range(300))
    found = cut(f"# Glossary\n\nIntro.\n\n## Terms\n\n{terms}", size=1000)
    assert len(found) < 40
    assert {path for path, _ in found[1:]} == {("Glossary", "Terms")}
    whole = "\n".join(body for _, body in found)
    assert all(f"### Term {n}\n" in whole for n in range(300))


@pytest.mark.parametrize(
    ("text", "media_type"),
    [
        ("word " * 400_000, "text/markdown"),
        ("x" * 2_000_000, "text/markdown"),
        ("| a | b |\n|---|---|\n" + "| x | y |\n" * 200_000, "text/markdown"),
        ("|" + "a|" * 500_000 + "\n|" + "-|" * 500_000 + "\n" + "|x" * 100_000, "text/markdown"),
        ("| a |\n|---|\n" * 100_000, "text/markdown"),
        ("".join(f"{'#' * (n % 6 + 1)} h{n}\n\nx\n\n" for n in range(60_000)), "text/markdown"),
        ("```python\n" + "x = 1\n" * 200_000, "text/markdown"),
        ("> " * 300_000 + "x", "text/markdown"),
        ("a,b\n" + "1,2\n" * 300_000, "text/csv"),
    ],
    ids=["words", "a line", "a table", "cells", "tables", "headings", "code", "quotes", "csv"],
)
def test_hostile_texts_take_bounded_time(text: str, media_type: str) -> None:
    began = time.process_time()
    chunks = chunk(text, media_type=media_type, size=1000, overlap=100)
    assert sum(found.lead[1] - found.lead[0] for found in chunks) <= 500 * len(chunks)
    assert time.process_time() - began < 12
