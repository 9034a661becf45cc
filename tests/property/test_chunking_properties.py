"""What holds for the chunks of any text."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from listener.chunking.splitting import Chunk, chunk

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
    ["text/markdown", "text/plain", "text/x-python", "application/json; charset=utf-8", "nonsense"]
)
SIZES = st.integers(1, 120).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1)))


@settings(max_examples=400, deadline=None)
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


@settings(max_examples=200, deadline=None)
@given(TEXTS, SIZES)
def test_headings_name_what_stands_in_the_text(text: str, sizes: tuple[int, int]) -> None:
    for found in chunk(text, media_type="text/markdown", size=sizes[0], overlap=sizes[1]):
        assert len(found.heading_path) <= 6
        assert all(title == " ".join(title.split()) for title in found.heading_path)


@settings(max_examples=200, deadline=None)
@given(st.lists(PARTS, max_size=60).map("".join), st.lists(PARTS, max_size=60).map("".join), SIZES)
def test_what_stands_behind_a_new_top_heading_is_cut_as_if_alone(
    before: str, after: str, sizes: tuple[int, int]
) -> None:
    size, overlap = sizes
    first = "".join(c for c in before if c not in "`~<-=") + "x" * size + "\n\n"
    tail = f"# New\n\n{'y' * size}\n\n{after}"
    whole = chunk(first + tail, media_type="text/markdown", size=size, overlap=overlap)
    alone = chunk(tail, media_type="text/markdown", size=size, overlap=overlap)
    new = [(c.start - len(first), c.end - len(first), c.heading_path) for c in whole if c.start >= len(first)]
    if not any(c.heading_path == () for c in alone):
        assert new == [(c.start, c.end, c.heading_path) for c in alone]
