"""What chunks of Markdown, source code and plain text look like."""

from __future__ import annotations

import statistics
import time
from itertools import pairwise
from random import Random

import pytest

from listener.chunking.splitting import chunk
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
