"""What a search says of its hits, and how it is kept to some documents and to some chunks of each."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from staging import Connection, answer, carry, ingest, settle, start


async def test_a_hit_says_what_found_it_and_at_which_places(c: Connection) -> None:
    await ingest(c, {"a": "cats", "b": "dogs"})
    rows = await c.fetch("select uri, by, words_place, vector_place from ingest_search('cats')")
    assert [tuple(row) for row in rows] == [("a", "words_no_vector", 1, None)]
    rows = await c.fetch("select uri, by, words_place, vector_place from ingest_search('cats', by => 'words')")
    assert [tuple(row) for row in rows] == [("a", "words", 1, None)]
    rows = await c.fetch("select by, words_place, vector_place from ingest_search('[1,0,0]'::vector)")
    assert [tuple(row) for row in rows] == [("vector", None, 1), ("vector", None, 1)]  # equally near
    await answer(c, "cats")
    rows = await c.fetch("select uri, by, words_place, vector_place from ingest_search('cats')")
    assert [tuple(row) for row in rows] == [("a", "both", 1, 1), ("b", "vector", None, 1)]


SEARCHES = (
    "select uri, ordinal from ingest_search('cats', under => $1, per_document => $2, by => 'words')",
    "select uri, ordinal from ingest_search('[1,0,0]'::vector, under => $1, per_document => $2)",
    "select uri, ordinal from ingest_search('cats', under => $1, per_document => $2)",
)


@pytest.mark.parametrize("search", SEARCHES, ids=["words", "vector", "both"])
async def test_a_search_is_kept_to_uris_that_begin_so_and_to_some_chunks_of_each_document(
    c: Connection, search: str
) -> None:
    request = await start(c, ["file:///a/1", "file:///a/2", "file:///b/3"])
    await carry(c, request, texts=dict.fromkeys(["file:///a/1", "file:///a/2", "file:///b/3"], "cats"),
                vectors=["[1,0,0]"] * 40)  # fmt: skip
    await settle(c, request)
    await answer(c, "cats")
    assert {row["uri"] for row in await c.fetch(search, "file:///b/", None)} == {"file:///b/3"}
    assert [row["uri"] for row in await c.fetch(search, "file:///nowhere", 1)] == []
    once = [row["uri"] for row in await c.fetch(search, None, 1)]
    assert sorted(once) == ["file:///a/1", "file:///a/2", "file:///b/3"]
    some = await c.fetch(search, "file:///a/", 3)
    assert sorted(row["uri"] for row in some) == ["file:///a/1"] * 3 + ["file:///a/2"] * 3


async def test_all_near_chunks_of_one_document_do_not_keep_another_from_being_found(c: Connection) -> None:
    long, short = await start(c, ["long"]), await start(c, ["short"])
    await carry(c, long, vectors=["[1,0,0]"] * 300)
    await carry(c, short, vectors=["[0,1,0]"])
    rows = await c.fetch("select uri from ingest_search('[1,0,0]'::vector, k => 2, per_document => 1)")
    assert [row["uri"] for row in rows] == ["long", "short"]


@pytest.mark.parametrize(
    ("query", "most"), [("'cats'", 20_000), ("'[1,0,0]'::vector", 10_000)], ids=["words", "vector"]
)
async def test_of_a_document_with_very_many_near_chunks_so_many_are_looked_at(
    c: Connection, query: str, most: int
) -> None:
    """Looking for the next document has an end; what lies behind is not found by ``per_document``."""
    search = f"select distinct uri from ingest_search({query}, k => 5, per_document => 1) order by 1"
    long, short = await start(c, ["long"]), await start(c, ["short"])
    await carry(c, long, texts={"long": "cats"})
    await carry(c, short, texts={"short": "cats"}, vectors=["[0,1,0]"])
    assert [row["uri"] for row in await c.fetch(search)] == ["long", "short"]
    columns = (
        "revision_id, generation, space_id, start_char, end_char, text_config, collection, text, hash, metadata,"
        " embedding, lexemes"
    )
    await c.execute(
        f"insert into ingest_chunk_store (ordinal, {columns})"
        f" select n, {columns} from ingest_chunk_store, generate_series(1, {most + 300}) n"
        " where revision_id = (select revision_id from ingest_documents where uri = 'long')"
    )
    assert [row["uri"] for row in await c.fetch(search)] == ["long"]


async def test_no_chunk_of_a_document_is_no_number_of_them(c: Connection) -> None:
    await ingest(c, {"a": "cats"})
    for number in (0, -1):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await c.fetch("select from ingest_search('cats', per_document => $1)", number)
        assert (refused.value.sqlstate, refused.value.constraint_name) == ("IG035", "wrong_count")


async def test_what_a_program_of_before_calls_by_place_is_called_still(c: Connection) -> None:
    await ingest(c, {"a": "cats"}, metadata={"lang": "en"})
    by_place: list[Any] = ["cats", "default", 5, {"lang": "en"}, "words"]
    row = await c.fetchrow("select * from ingest_search($1, $2, $3, $4, $5)", *by_place)
    assert row is not None
    assert list(row.keys())[:7] == ["uri", "title", "ordinal", "text", "score", "metadata", "revision_id"]
    assert row["uri"] == "a"
