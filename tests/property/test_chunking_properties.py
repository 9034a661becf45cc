"""What holds for the chunks of any text."""

from __future__ import annotations

from itertools import pairwise

from how_many import how_many
from hypothesis import given, settings
from hypothesis import strategies as st

from listener.chunking.splitting import Chunk, chunk
from listener.documents.markdown.searchable import searchable

MARKUP = [
    "# A\n",
    "## B `c`\n",
    "\n",
    "\n\n",
    "```\n",
    "~~~\n",
    "- item\n",
    "1. one\n",
    "---\n",
    "===\n",
    "<!--",
    "-->",
    "```py\n",
    "| h | i |\n|---|---|\n",
    "|-|\n",
    "+++\n",
]
WORDS = [
    "    ",
    "\t",
    "\r\n",
    "word ",
    "Sentence. ",
    "文。",
    "かな",
    "def f():\n    pass\n",
    "👩‍👧",
    "🇯🇵",
    "e\u0301",
    "\u3000",
    "| a | b |\n",
    "x" * 50,
]
PARTS = st.sampled_from(MARKUP + WORDS)
TEXTS = st.one_of(st.text(max_size=400), st.lists(PARTS, max_size=120).map("".join))
MEDIA_TYPES = st.sampled_from(
    ["text/markdown", "text/plain", "text/x-python", "application/json; charset=utf-8", "text/csv", "nonsense"]
)
SIZES = st.integers(1, 120).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1)))


@settings(max_examples=how_many(400), deadline=None)
@given(TEXTS, MEDIA_TYPES, SIZES)
def test_chunks_are_exact_ordered_slices_that_cover_the_text(
    text: str, media_type: str, sizes: tuple[int, int]
) -> None:
    size, overlap = sizes
    chunks = chunk(text, media_type=media_type, size=size, overlap=overlap)

    covered = [False] * len(text)
    for found in chunks:
        body = text[found.start : found.end]
        assert 0 < len(body) == found.end - found.start <= size
        assert body == body.strip()
        covered[found.start : found.end] = [True] * len(body)
    assert all(seen or character.isspace() for seen, character in zip(covered, text, strict=True))
    assert bool(chunks) == bool(text.strip())
    assert_in_order(chunks, overlap)
    assert chunks == chunk(text, media_type=media_type, size=size, overlap=overlap)


def assert_in_order(chunks: list[Chunk], overlap: int) -> None:
    for before, after in pairwise(chunks):
        assert before.start < after.start or overlap
        assert before.end < after.end
        assert before.end - after.start <= overlap


@settings(max_examples=how_many(200), deadline=None)
@given(TEXTS, SIZES)
def test_headings_name_what_stands_in_the_text(text: str, sizes: tuple[int, int]) -> None:
    for found in chunk(text, media_type="text/markdown", size=sizes[0], overlap=sizes[1]):
        assert len(found.heading_path) <= 6
        assert all(title == " ".join(title.split()) for title in found.heading_path)


@settings(max_examples=how_many(200), deadline=None)
@given(st.lists(PARTS, max_size=60).map("".join), st.lists(PARTS, max_size=60).map("".join), SIZES)
def test_what_stands_behind_a_new_top_heading_is_cut_as_if_alone(
    before: str, after: str, sizes: tuple[int, int]
) -> None:
    size, overlap = sizes
    first = "".join(c for c in before if c not in "`~<-=+") + "x" * size + "\n\n"
    tail = f"# New\n\n{'y' * size}\n\n{after}"
    whole = chunk(first + tail, media_type="text/markdown", size=size, overlap=overlap)
    alone = chunk(tail, media_type="text/markdown", size=size, overlap=overlap)
    new = [(c.start - len(first), c.end - len(first), c.heading_path) for c in whole if c.start >= len(first)]
    if not any(c.heading_path == () for c in alone):
        assert new == [(c.start, c.end, c.heading_path) for c in alone]


@settings(max_examples=how_many(300), deadline=None)
@given(TEXTS, MEDIA_TYPES, SIZES)
def test_what_a_chunk_continues_is_a_bounded_slice_of_the_text_above_it(
    text: str, media_type: str, sizes: tuple[int, int]
) -> None:
    size, overlap = sizes
    for found in chunk(text, media_type=media_type, size=size, overlap=overlap):
        start, end = found.lead
        lead = text[start:end]
        assert 0 <= start <= end <= found.start
        assert len(lead) <= max(size // 2, 100)
        assert lead == lead.strip()
        above = text[:start]
        assert not lead or not above.strip() or "\n" in above[len(above.rstrip()) :]


LINES = ["| x | y |", "| word. word | 1 |", "| a\\|b | |", "|" + "z" * 70 + "|", "| - | - |"]
ROWS = st.lists(st.sampled_from(LINES), min_size=1)
PARAGRAPHS = st.lists(st.sampled_from(["word " * 9, "Sentence. " * 3, "- item", "> quote"]), max_size=6)


@settings(max_examples=how_many(200), deadline=None)
@given(PARAGRAPHS, ROWS, PARAGRAPHS, SIZES)
def test_every_chunk_that_begins_in_a_table_continues_its_header_and_no_other_does(
    before: list[str], rows: list[str], after: list[str], sizes: tuple[int, int]
) -> None:
    head = "| h1 | h2 |\n|---|---|"
    above = "".join(f"{paragraph}\n\n" for paragraph in before)
    table = f"{head}\n" + "\n".join(rows)
    text = f"{above}{table}\n\n" + "\n\n".join(after)
    body = len(above) + len(head)
    for found in chunk(text, media_type="text/markdown", size=sizes[0], overlap=sizes[1]):
        if body < found.start < len(above) + len(table):
            assert text[found.lead[0] : found.lead[1]] == head
        elif not len(above) < found.start < body:
            assert found.lead == (0, 0)


@settings(max_examples=how_many(200), deadline=None)
@given(st.lists(st.sampled_from(LINES[:3]), min_size=1, max_size=20), st.integers(0, 40), st.integers(100, 400))
def test_a_row_that_is_added_to_a_table_leaves_what_is_embedded_for_chunks_without_it(
    rows: list[str], place: int, size: int
) -> None:
    def leads(lines: list[str]) -> dict[str, str]:
        text = "| h1 | h2 |\n|---|---|\n" + "\n".join(lines)
        return {text[one.start : one.end]: text[slice(*one.lead)] for one in chunk(text, "text/markdown", size, 0)}

    numbered = [f"{row} {number} |" for number, row in enumerate(rows * 8)]
    before, after = leads(numbered), leads([*numbered[:place], "| new | row |", *numbered[place:]])
    assert [body for body in before if after.get(body, before[body]) != before[body]] == []


@settings(max_examples=how_many(300), deadline=None)
@given(TEXTS)
def test_a_text_as_it_is_searched_has_the_words_of_the_text(text: str) -> None:
    said = searchable(text)
    assert len(said) <= 3 * len(text)
    assert said == text or not text.isascii() or len(said) < len(text)
    assert [one for one in said if one.isalnum() and one.isascii()] == [
        one for one in text if one.isalnum() and one.isascii()
    ] or not text.isascii()
