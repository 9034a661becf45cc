"""Where passages begin and end on this project's own pages: at rows, items and sentences, with code blocks closed."""

from __future__ import annotations

import re
from pathlib import Path

import asyncpg
import pytest
from laid_out import lay_out, prepare
from staging import Connection

PAGES = {page.name: page.read_text() for page in sorted((Path(__file__).parents[2] / "docs").glob("*.md"))}
QUESTIONS = (
    "which settings does a listener read", "what does an error code mean", "columns of a view", "install an extension",
    "chunk overlap", "limits of size", "select from ingest_search", "docker compose", "roles and rights",
    "what is retried",
)  # fmt: skip
GATHER = "select * from ingest_context($1, tokens => $2, share => $3, neighbours => $4, sections => $5)"
FENCE = re.compile(r"[ \t>]*(?:[-*][ \t]+)?(`{3,}|~{3,})")
FIRST_ROW = re.compile(r"\n\|[-|]+\n.*\Z")  # it is cut rather than left out: a header says nothing
ITEM = re.compile(r"[ \t]*(?:[-*+]|\d+[.)])[ \t]")


@pytest.fixture
async def pages(c: Connection) -> Connection:
    await prepare(c)
    for name, text in PAGES.items():
        await lay_out(c, name, text, title=name, size=1000, overlap=150)
    return c


async def every_passage(c: Connection, tokens: int = 1500) -> list[asyncpg.Record]:
    found = []
    for question in QUESTIONS:
        for sections in (0, 1):
            found += await c.fetch(GATHER, question, tokens, 0.5, sections, sections)
    assert len(found) >= 20
    return found


def line_of(text: str, at: int) -> str:
    return text[text.rfind("\n", 0, at) + 1 :].partition("\n")[0]


def of_tokens(plain: int, long: tuple[int, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("tokens", [plain, *(pytest.param(one, marks=pytest.mark.long) for one in long)])


@of_tokens(300, long=(1500,))
async def test_no_passage_begins_or_ends_within_a_row_of_a_table(pages: Connection, tokens: int) -> None:
    for one in await every_passage(pages, tokens):
        page, start, end = PAGES[one["uri"]], one["start_char"], one["end_char"]
        assert one["text"] == page[start:end]
        if line_of(page, start).startswith("|"):
            assert page[start - 1] == "\n", one["text"][:200]
        if line_of(page, end - 1).startswith("|") and not FIRST_ROW.search(one["text"]):
            assert page[end : end + 1] in ("\n", ""), one["text"][-200:]


async def test_a_passage_begins_with_an_item_or_behind_a_sentence(pages: Connection) -> None:
    for one in await every_passage(pages):
        page, start = PAGES[one["uri"]], one["start_char"]
        if one["continues"] is None and one["text"][0].islower() and start:
            assert re.search(r"[.!?:…][\])*_\"'`]{0,4}\s+$|\n[ \t]*\n[ \t]*$", page[:start]), (
                page[start - 200 : start],
                one["text"][:200],
            )
        paragraph = re.split(r"\n[ \t]*\n", page[:start])[-1]
        if ITEM.match(paragraph) and one["continues"] is None:
            assert paragraph.endswith("\n"), (paragraph, one["text"][:200])
            assert re.match(r"[ \t]*([-*+|#>]|\d+[.)]|```)", one["text"]), (paragraph, one["text"][:200])


@of_tokens(300, long=(100, 1500))
async def test_every_code_block_is_closed(pages: Connection, tokens: int) -> None:
    for one in await every_passage(pages, tokens):
        fences = [line for line in one["cited"].split("\n") if FENCE.match(line)]
        assert len(fences) % 2 == 0, one["cited"]


@of_tokens(100, long=(300, 1500, 2000))
async def test_a_prompt_has_no_more_bytes_than_its_tokens(pages: Connection, tokens: int) -> None:
    for question in QUESTIONS:
        rows = await pages.fetch(GATHER, question, tokens, 0.5, 1, 1)
        assert len("\n\n".join(row["cited"] for row in rows).encode()) <= tokens * 4


@of_tokens(400, long=(100, 1500))
async def test_a_prompt_is_filled_by_half_at_least(pages: Connection, tokens: int) -> None:
    for question in QUESTIONS:
        rows = await pages.fetch(GATHER, question, tokens, 0.5, 1, 1)
        assert len("\n\n".join(row["cited"] for row in rows)) > tokens * 2, question


async def test_what_a_cut_hit_leaves_goes_to_it_again_if_nothing_else_comes(c: Connection) -> None:
    await prepare(c)
    await lay_out(c, "long", "apples and pears " * 50, size=1000, overlap=0)
    await lay_out(c, "other", "apples, " * 100, size=1000, overlap=0)
    rows = await c.fetch("select * from ingest_context('apples and pears', budget => 400, k => 1)")
    assert [row["uri"] for row in rows] == ["long"]
    rows = await c.fetch("select * from ingest_context('apples', budget => 400, share => 0.5)")
    assert 380 < sum(len(row["cited"]) for row in rows) <= 400
    both = await c.fetch("select * from ingest_context('apples', budget => 1000, share => 0.5)")
    assert {row["uri"] for row in both} == {"long", "other"}


async def test_a_cut_table_ends_behind_a_row_and_a_first_row_within(c: Connection) -> None:
    await prepare(c)
    row = "| apples " + "and pears " * 12 + "| 1 |"
    table = "\n".join(["| fruit | price |", "|---|---|", *[row] * 5])
    await lay_out(c, "table", table, size=1000, overlap=0)
    (cut,) = await c.fetch("select * from ingest_context('apples', budget => 400)")
    assert cut["cited"] == f"[1] table\n| fruit | price |\n|---|---|\n{row}\n{row}\n…"
    (torn,) = await c.fetch("select * from ingest_context('apples', budget => 100)")
    assert row.startswith(torn["text"].split("\n")[2])
    assert torn["cited"].endswith((" and\n…", " pears\n…"))


async def test_what_is_cut_says_so(c: Connection) -> None:
    await prepare(c)
    code = "\n".join(f"apples = {number}" for number in range(60))
    await lay_out(c, "code", f"```python\n{code}\n```", size=2000, overlap=0)
    (row,) = await c.fetch("select * from ingest_context('apples', budget => 200)")
    assert row["cited"] == f"[1] code\n{row['text']}\n…\n```"
    assert row["text"].startswith("```python\napples = 0\n")
    assert f"{row['text']}\n" in code.join(["```python\n", "\n"])
    await lay_out(c, "list", "* one\n  ````\n  pears\n  " + "more " * 100 + "\n  ````", size=2000, overlap=0)
    (row,) = await c.fetch("select * from ingest_context('pears', budget => 200)")
    assert row["cited"].endswith("\n…\n  ````")


async def test_a_row_that_is_there_for_the_overlap_alone_is_given_up_and_no_other(c: Connection) -> None:
    opening = "select ingest_opening(E'| r1 | 1 |\n| r2 | ', $1, $2, true)"
    rows = "2 |\n| r3 | 3 |\n"
    assert await c.fetchval(opening, rows, len("2 |\n")) == len("2 |\n")
    assert await c.fetchval(opening, rows, 0) == -len("| r2 | ")
