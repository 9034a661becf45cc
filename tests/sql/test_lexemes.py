"""The words that a chunk is found by: of its title (A), its headings (B) and its text (D), now and from before."""

from __future__ import annotations

import asyncio
import uuid

import asyncpg
import pytest
from pipeline import until
from staging import Connection, carry, claim, digest, ingest, live, start, titled

from listener.database.connections import qualifying
from listener.database.names import Names
from listener.engine import backfill

TEXT = "Ships moor at night."  # as `titled` writes it
LEXEMES = "'ferri':3B 'harbour':2A 'moor':5 'night':7 'ship':4"
WORDS = {"Harbours": "title", "ferries": "heading", "mooring": "text"}
FORMER = "update ingest_chunk_store set lexemes = to_tsvector(text_config, text)"  # as that release had it generated
BACKFILL = "insert into ingest_backfills (name, upto_id) select 'lexemes', max(id) from ingest_revisions"


async def lexemes(c: Connection, request: uuid.UUID | None = None) -> set[str]:
    query = (
        "select distinct k.lexemes::text from ingest_chunk_store k join ingest_revisions v on v.id = k.revision_id"
        " where v.request_id = coalesce($1, v.request_id)"
    )
    return {row[0] for row in await c.fetch(query, request)}


async def found(c: Connection, query: str, collection: str = "default") -> list[str]:
    rows = await c.fetch("select uri from ingest_search($1, $2)", query, collection)
    return [row["uri"] for row in rows]


async def fill(c: Connection, chunks: int) -> int:
    """Fill page after page until nothing is left; return how many pages there were."""
    pages = 0
    while await c.fetchval("select ingest_fill_lexemes($1)", chunks):
        pages += 1
    assert await c.fetchval("select done_at is not null from ingest_backfills")
    return pages


async def as_the_former_release_left_it(c: Connection) -> None:
    await c.execute(f"{FORMER}; delete from ingest_backfills; {BACKFILL}")


async def test_a_chunk_is_found_by_its_title_its_heading_and_its_text(c: Connection) -> None:
    await titled(c, ["a"])
    await ingest(c, {"b": "Nothing of the kind."})
    for word in WORDS:
        assert await found(c, word) == ["a"], word
    assert await lexemes(c) == {LEXEMES, "'kind':4 'noth':1"}


async def test_a_title_counts_more_than_a_heading_and_that_more_than_a_text(c: Connection) -> None:
    await titled(c, ["by title"], "Nothing of the kind.", "Ships")
    await titled(c, ["by text"], "Ships, nothing.", "No title")
    await titled(c, ["by heading"], "Nothing of this kind.", "None")  # all have four words: a short chunk counts more
    await c.execute(
        "update ingest_chunk_store k set lexemes = ingest_lexemes(k.text_config, v.title, '[\"Ships\"]', k.text)"
        " from ingest_revisions v where v.id = k.revision_id and v.uri = 'by heading'"
    )
    assert await found(c, "ship") == ["by title", "by heading", "by text"]


async def test_chunks_with_known_vectors_get_the_same_words(c: Connection) -> None:
    first = await titled(c, ["a"])
    request = await start(c, ["b"])
    fence = ([request], 0, await carry(c, request, "chunked", texts={"b": TEXT}))
    await c.execute("update ingest_revisions set title = 'The Harbour' where uri = 'b'")
    revision = await c.fetchval("select id from ingest_to_embed($1::ingest_fence_v1)", fence)
    copy = "select ingest_copy_known($1::ingest_fence_v1, array[($2, 0, 0, 1, $3, $4, $5, null)::ingest_chunk_v1])"
    assert await c.fetchval(copy, fence, revision, TEXT, digest(TEXT), {"heading_path": ["Ferries"]}) == []
    assert await lexemes(c, request) == await lexemes(c, first) == {LEXEMES}


async def test_a_fork_from_save_has_the_words_of_its_original_and_adds_those_that_a_former_release_left_out(
    c: Connection,
) -> None:
    original = await titled(c, ["a"])
    await as_the_former_release_left_it(c)
    made = await c.fetchval("select ingest_fork($1, 'save', collection => 'other')", original)
    assert await claim(c) == [made]
    await c.execute("select ingest_copy_manifest($1, 'L1')", made)
    await c.execute("select ingest_complete_manifest($1, 'L1')", made)
    await carry(c, made)
    assert await lexemes(c, made) == {LEXEMES}
    assert await live(c, "other") == {"a": TEXT}
    for word in WORDS:
        assert await found(c, word, "other") == ["a"], word


async def test_titles_and_headings_are_added_to_chunks_of_the_former_release_page_by_page(c: Connection) -> None:
    request = await titled(c, ["a", "b", "c"], chunks=2)
    await as_the_former_release_left_it(c)
    assert (await found(c, "harbour"), await found(c, "ferry")) == ([], [])
    assert await c.fetchval("select ingest_fill_lexemes(1)") is True  # a page does not end within a document
    assert await found(c, "harbour") == ["a", "a"]
    assert await fill(c, 3) == 1
    assert await lexemes(c, request) == {LEXEMES}
    assert await c.fetchval("select ingest_fill_lexemes(1)") is None


async def test_the_loop_of_a_listener_fills_page_after_page_and_then_rests(
    c: Connection, installed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await titled(c, ["a", "b"], chunks=150)
    await as_the_former_release_left_it(c)
    monkeypatch.setattr(backfill, "LOOK_SECONDS", 0.01)
    async with asyncpg.create_pool(
        installed, min_size=1, max_size=1, connection_class=qualifying(Names("public", "public"))
    ) as pool:
        loop = backfill.Backfill(pool, pause_seconds=0.01)
        loop.start()
        await until(lambda: c.fetchval("select done_at is not null from ingest_backfills"))
        await until(lambda: asyncio.sleep(0, loop._seconds == backfill.DONE_SECONDS))
        await loop.stop()
    assert await lexemes(c) == {LEXEMES}


async def test_filling_twice_changes_nothing(c: Connection) -> None:
    await titled(c, ["a", "b"])
    await as_the_former_release_left_it(c)
    assert await fill(c, 200) == 1
    rows = "select ctid, lexemes from ingest_chunk_store order by 1"
    before = await c.fetch(rows)
    await c.execute(f"delete from ingest_backfills; {BACKFILL}")  # as after a restore
    assert await fill(c, 200) == 1
    assert await c.fetch(rows) == before


async def test_of_two_that_fill_at_a_time_one_has_nothing_to_do(c: Connection, other: Connection) -> None:
    await titled(c, ["a", "b"])
    await as_the_former_release_left_it(c)
    async with c.transaction():
        assert await c.fetchval("select ingest_fill_lexemes(1)") is True
        assert await other.fetchval("select ingest_fill_lexemes(1)") is False  # and does not wait
    assert await other.fetchval("select ingest_fill_lexemes(1)") is True
    assert set(await found(c, "harbour")) == {"a", "b"}


async def test_a_fill_that_is_undone_begins_again_where_it_was(c: Connection, other: Connection) -> None:
    await titled(c, ["a", "b"])
    await as_the_former_release_left_it(c)
    transaction = c.transaction()
    await transaction.start()
    assert await c.fetchval("select ingest_fill_lexemes(1)") is True
    await transaction.rollback()
    assert await fill(other, 1) == 2
    assert set(await found(c, "harbour")) == {"a", "b"}


async def test_chunks_that_have_weights_replaced_ones_and_those_without_anything_to_add_are_left_alone(
    c: Connection,
) -> None:
    await titled(c, ["new", "replaced"])
    await ingest(c, {"bare": "Plain words."})
    await c.execute(f"{FORMER} where revision_id in (select id from ingest_revisions where uri = 'replaced')")
    await titled(c, ["replaced"])
    await c.execute(f"delete from ingest_backfills; {BACKFILL}")
    rows = "select revision_id, ctid, lexemes from ingest_chunk_store order by 1"
    before = await c.fetch(rows)
    assert len(before) == 4
    assert await fill(c, 200) == 1
    assert await c.fetch(rows) == before


async def test_what_came_after_the_migration_is_not_looked_at(c: Connection) -> None:
    await titled(c, ["a"])
    await as_the_former_release_left_it(c)
    await titled(c, ["b"])
    await c.execute(FORMER)
    assert await fill(c, 200) == 1
    assert await found(c, "harbour") == ["a"]


async def test_an_insert_that_brings_no_words_gets_those_of_its_text(c: Connection) -> None:
    await titled(c, ["a"])
    columns = "space_id, start_char, end_char, text_config, collection, text, hash, metadata, embedding"
    await c.execute(
        f"insert into ingest_chunk_store (revision_id, ordinal, {columns})"
        f" select revision_id, 1, {columns} from ingest_chunk_store"
    )
    rows = await c.fetch("select ordinal, lexemes::text from ingest_chunk_store order by 1")
    assert [tuple(row) for row in rows] == [(0, LEXEMES), (1, "'moor':2 'night':4 'ship':1")]


async def test_a_heading_may_hold_controls_and_marks_that_join_what_json_writes_of_them(c: Connection) -> None:
    """JSON writes a backspace as an escape, with whose last letter a mark behind it would be composed."""
    words = await c.fetchval(
        "select ingest_lexemes('english', 'T', $1, 'text')::text", ["a \x08\u0307x", "Cafe\u0301 \x1b\u0307"]
    )
    assert "'café'" in words
