"""What goes into a prompt, whatever the documents, the question and the budget are."""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from laid_out import lay_out, prepare
from staging import connect

MARKS = re.compile(r"(?:\n…)?(?:\n[ \t>]*(?:`{3,}|~{3,}))?")
WORDS = ["invoice", "travel", "desk", "pump", "Größe", "日本語の文章", "👩‍💻", "cafe\u0301", "a" * 70, "x"]
SENTENCE = st.lists(st.sampled_from(WORDS), min_size=4, max_size=25).map(" ".join)
HEADING = st.builds("{} {}".format, st.sampled_from(["#", "##", "###"]), st.sampled_from(WORDS))
TABLE = st.integers(1, 12).map(lambda rows: "| desk | pump |\n|---|---|\n" + "| invoice | travel |\n" * rows)
BLOCK = st.one_of(
    SENTENCE, SENTENCE, HEADING, TABLE, st.sampled_from(["```\ncode desk\n\nmore\n```", "* a\r\n* b", "   "])
)
TEXT = st.lists(BLOCK, min_size=2, max_size=15).map("\n\n".join)
SIZE = st.sampled_from([(60, 30), (60, 0), (120, 59), (200, 20), (1000, 100)])
DOCUMENTS = st.lists(
    st.tuples(TEXT, SIZE, st.sampled_from([None, "desk", "A\nlong title " * 9])), min_size=1, max_size=3
)
ASKED = st.fixed_dictionaries(
    {
        "query": st.sampled_from(
            ["invoice", "invoice", "travel desk", "travel or desk", "pump or x", "日本語の文章", "nothing"]
        ),
        "k": st.integers(1, 20),
        "budget": st.sampled_from([40, 150, 400, 1000, 1000, 3000, 12000]),
        "tokens": st.sampled_from([None, None, 1, 200, 1000]),
        "share": st.sampled_from([0.1, 0.3, 0.5, 1.0]),
        "neighbours": st.integers(0, 3),
        "sections": st.integers(0, 3),
        "per_document": st.sampled_from([None, None, 1, 3]),
    }
)
CONTEXT = """select * from ingest_context(
  $1, k => $2, budget => $3, tokens => $4, share => $5, neighbours => $6, sections => $7, per_document => $8)"""
KINDS = {"whole", "cut", "grown", "merged", "several"}
NAMES = ("query", "k", "budget", "tokens", "share", "neighbours", "sections", "per_document")
HITS = "select uri, text, score, by from ingest_search($1, k => $2, per_document => $3)"


Document = tuple[str, tuple[int, int], str | None]


def test_a_prompt_keeps_to_its_budget_and_to_the_documents(installed: str) -> None:
    """Budget, shares, true offsets, no overlap, best first, the same each time, and nothing given up that fits."""
    loop = asyncio.new_event_loop()
    c = loop.run_until_complete(connect(installed))
    seen: Counter[str] = Counter()

    @settings(max_examples=40, deadline=None, derandomize=False, suppress_health_check=list(HealthCheck))
    @given(DOCUMENTS, ASKED)
    def run(documents: list[Document], asked: dict[str, Any]) -> None:
        loop.run_until_complete(_look(c, documents, asked, seen))

    try:
        loop.run_until_complete(prepare(c))
        for _ in range(5):  # forty examples by chance may lack a kind
            run()
            if (+seen).keys() >= KINDS:
                break
    finally:
        loop.run_until_complete(c.close())
        loop.close()
    print(seen)
    assert (+seen).keys() >= KINDS


async def _look(c: asyncpg.Connection, documents: list[Document], asked: dict[str, Any], seen: Counter[str]) -> None:
    texts: dict[str, str] = {}
    undone = c.transaction()
    await undone.start()
    try:
        for number, (text, (size, overlap), title) in enumerate(documents):
            texts[f"file:///{number}.md"] = text
            await lay_out(c, f"file:///{number}.md", text, title=title, size=size, overlap=overlap)
        hits = await c.fetch(HITS, *(asked[name] for name in ("query", "k", "per_document")))
        values = [asked[name] for name in NAMES]
        passages = await c.fetch(CONTEXT, *values)
        assert await c.fetch(CONTEXT, *values) == passages
    finally:
        await undone.rollback()
    _is_true(passages, texts)
    _is_within(passages, hits, asked)
    _is_ordered(passages, hits)
    _note(passages, hits, seen)


def _is_true(passages: Sequence[asyncpg.Record], texts: Mapping[str, str]) -> None:
    """Every character is the document's, and none of it is there twice."""
    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for one in passages:
        assert one["text"] == texts[one["uri"]][one["start_char"] : one["end_char"]] != ""
        body = "\n" + (f"{one['continues']}\n" if one["continues"] else "") + one["text"]
        _, found, marks = one["cited"].rpartition(body)
        assert found
        assert MARKS.fullmatch(marks)
        assert one["cited"].splitlines()[0].startswith(f"[{one['number']}] ")
        places[one["uri"]].append((one["start_char"], one["end_char"]))
    for uri, those in places.items():
        for (_, end), (start, _) in pairwise(sorted(those)):
            assert texts[uri][end:start].strip(), "they touch, or overlap"


def _is_within(passages: Sequence[asyncpg.Record], hits: Sequence[asyncpg.Record], asked: Mapping[str, Any]) -> None:
    budget = asked["budget"]
    prompt = "\n\n".join(one["cited"] for one in passages)
    assert len(prompt) <= budget
    if asked["tokens"]:
        assert len(prompt.encode()) <= asked["tokens"] * 4
        said = "".join(hit["text"] for hit in hits)
        budget = min(budget, round(asked["tokens"] * 4 * len(said) / max(1, len(said.encode()))) + 1)
    first = {hit["text"]: hit["uri"] for hit in reversed(hits)}  # copies of a text count once
    share = int(budget * asked["share"]) if len(set(first.values())) > 1 else budget
    of_each: dict[str, list[int]] = defaultdict(list)
    for one in passages:
        of_each[one["uri"]].append(len(one["cited"]))
    if len(of_each) > 1:  # beyond it goes only what would have been torn
        assert all(sum(sizes) - max(sizes) <= share for sizes in of_each.values())
    if share >= 400:
        assert bool(passages) == bool(hits)


def _is_ordered(passages: Sequence[asyncpg.Record], hits: Sequence[asyncpg.Record]) -> None:
    assert [one["number"] for one in passages] == list(range(1, len(passages) + 1))
    scores = [one["score"] for one in passages]
    assert scores == sorted(scores, reverse=True)
    known = [(hit["uri"], hit["score"], hit["by"]) for hit in hits]
    assert all((one["uri"], one["score"], one["by"]) in known for one in passages)


def _note(passages: Sequence[asyncpg.Record], hits: Sequence[asyncpg.Record], seen: Counter[str]) -> None:
    """Count what kinds of passages there were, so that the strategies reach all of them."""
    seen["empty"] += not passages
    seen["several"] += len({one["uri"] for one in passages}) > 1
    seen["merged"] += bool(passages) and len(passages) < len({hit["text"] for hit in hits})
    seen["continues"] += any(one["continues"] for one in passages)
    for one in passages:
        own = [hit["text"] for hit in hits if hit["uri"] == one["uri"] and hit["text"] in one["text"]]
        seen["cut"] += not own
        seen["whole"] += one["text"] in own
        seen["grown"] += bool(own) and one["text"] not in own
