"""Searches by vector in a collection that has an ANN index: they find what the exact way finds, and go by the index."""

from __future__ import annotations

from typing import Any

import asyncpg
import numpy as np
import pytest
from filled_chunks import clustered, fill
from pgvector import Vector
from roles import new_roles
from staging import Connection, collection

from listener.database.owner import owner_session
from listener.engine import index_rows, indexing
from listener.settings import Settings

CHUNKS, DIMENSIONS, QUERIES = 6000, 24, 30
PARTS = [{"part": n, "half": n % 2} for n in range(100)]
STATEMENT = """
  select ingest_nearest_statement(
    row(null, $1::vector, '{manuals}', 'manuals', 10, $2::jsonb, 'vector', null, null, null, null, null, 1, 1, false
       )::ingest_wanted_v1, $3)
"""
WANTED = "row(null, $1::vector, null, null, null, null, null, null, null, null, null, null, null, null, null)"
USED = """
  select pg_stat_get_xact_numscans(s.name::regclass)
  from ingest_index_store s join ingest_collections c on (c.name, c.generation) = (s.collection, s.generation)
  where c.name = 'manuals'
"""

Floats = np.ndarray[Any, np.dtype[np.float32]]


@pytest.fixture
async def vectors(c: Connection, installed: str) -> Floats:
    """The vectors of a collection with an index; chunk n is the nth, a hundredth of them share metadata."""
    made = clustered(CHUNKS, DIMENSIONS)
    await fill(c, "manuals", made, metadata=PARTS)
    await c.execute("analyze ingest_chunk_store, ingest_documents")
    await build(installed)
    return made


async def build(dsn: str) -> None:
    async with owner_session(Settings(), dsn) as owner:
        await index_rows.count(owner.fetch)
        done = await indexing.maintain(owner, 128)
    assert [one.error for one in done or ()] == [None] * len(done or ())


async def recall(c: Connection, vectors: Floats, allowed: Any, arguments: str = "", k: int = 10) -> float:
    """Return which share of the nearest, among those that are allowed, searches find."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    found = 0
    for query in clustered(QUERIES, DIMENSIONS, seed=3):
        near = np.where(allowed, unit @ (query / np.linalg.norm(query)), -2)
        least = np.sort(near)[-k]
        rows = await c.fetch(f"select * from ingest_search($1::vector, 'manuals', {k}{arguments})", Vector(query))
        assert len(rows) == k
        assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
        found += sum(row["score"] >= least - 1e-5 for row in rows)
    return found / QUERIES / k


async def scans(c: Connection, query: Vector, arguments: str = "") -> int:
    """Return how often a search looks into the index."""
    async with c.transaction(readonly=True):
        before = await c.fetchval(USED)
        await c.fetch(f"select * from ingest_search($1::vector, 'manuals'{arguments})", query)
        return int(await c.fetchval(USED) - before)


async def test_the_nearest_are_found_by_the_index_and_in_the_order_of_their_vectors(
    c: Connection, vectors: Floats
) -> None:
    assert await recall(c, vectors, np.ones(CHUNKS, bool)) >= 0.95
    assert await recall(c, vectors, np.ones(CHUNKS, bool), k=100) >= 0.95
    assert await scans(c, Vector(vectors[0])) == 1


@pytest.mark.parametrize(("part", "keeps"), [('{"half": 1}', 2), ('{"part": 7}', 100)])
async def test_the_nearest_of_those_that_a_filter_keeps_are_found(
    c: Connection, vectors: Floats, part: str, keeps: int
) -> None:
    allowed = np.arange(CHUNKS) % keeps == {2: 1, 100: 7}[keeps]
    assert await recall(c, vectors, allowed, f", filter => '{part}'") >= 0.95


async def test_the_nearest_below_a_place_are_found(c: Connection, vectors: Floats) -> None:
    few = np.zeros(CHUNKS, bool)
    uri = await c.fetchval(
        "select uri from ingest_documents where collection = 'manuals' order by id offset 77 limit 1"
    )
    few[770:780] = True
    assert await recall(c, vectors, few, f", under => '{uri}'") == 1.0


async def test_the_nearest_are_found_where_most_of_what_is_indexed_was_replaced(
    c: Connection, vectors: Floats, installed: str
) -> None:
    alive = (np.arange(CHUNKS) // 10) % 20 == 0
    first = await c.fetchval("select min(revision_id) from ingest_documents where collection = 'manuals'")
    await c.execute("update ingest_documents set revision_id = null where (revision_id - $1::bigint) % 20 <> 0", first)
    assert await recall(c, vectors, alive) >= 0.95
    assert await recall(c, vectors, alive & (np.arange(CHUNKS) % 2 == 1), ", filter => '{\"half\": 1}'") >= 0.95


async def test_of_each_document_so_many_are_found_by_the_index(c: Connection, vectors: Floats) -> None:
    rows = await c.fetch(
        "select uri, count(*) as chunks from ingest_search($1::vector, 'manuals', 20, per_document => 1) group by uri",
        Vector(vectors[0]),
    )
    assert [row["chunks"] for row in rows] == [1] * 20


async def test_a_filter_that_keeps_hardly_anything_finds_what_there_is(c: Connection, vectors: Floats) -> None:
    await c.execute(
        "update ingest_chunk_store set metadata = '{\"rare\": 1}' where revision_id % 200 = 0 and ordinal = 1"
    )
    there = await c.fetchval("select count(*) from ingest_chunk_store where metadata @> '{\"rare\": 1}'")
    assert there > 1
    found = await c.fetch(
        "select * from ingest_search($1::vector, 'manuals', 50, filter => '{\"rare\": 1}')", Vector(vectors[0])
    )
    assert len(found) == there


@pytest.mark.parametrize("by_index", [True, False])
async def test_the_statement_fits_the_index_and_the_other_one_does_not_need_it(
    c: Connection, vectors: Floats, by_index: bool
) -> None:
    query = Vector(vectors[0])
    statement = await c.fetchval(STATEMENT, query, {}, by_index)
    statement = statement.replace("($1)", f"({WANTED}::ingest_wanted_v1)").replace("$2", "17")
    plan = "\n".join(row[0] for row in await c.fetch(f"explain {statement}", query))
    assert ("Index Scan using ingest_ann_1" in plan) is by_index
    assert "Sort" not in plan or not by_index


async def test_while_the_index_is_not_valid_searches_are_exact(c: Connection, vectors: Floats) -> None:
    assert await c.fetchval("select (ingest_ann('manuals', 1)).candidates") == 100
    await c.execute("update pg_index set indisvalid = false where indexrelid = 'ingest_ann_1'::regclass")
    assert await c.fetchval("select (ingest_ann('manuals', 1)).candidates") is None
    assert await recall(c, vectors, np.ones(CHUNKS, bool)) == 1.0


async def test_settings_of_the_session_are_as_before_a_search(c: Connection, vectors: Floats) -> None:
    await c.execute("set hnsw.ef_search = 77; set hnsw.iterative_scan = strict_order")
    async with c.transaction():
        await c.fetch("select * from ingest_search($1::vector, 'manuals')", Vector(vectors[0]))
        assert await c.fetchval("show hnsw.ef_search") == "77"
        assert await c.fetchval("show hnsw.iterative_scan") == "strict_order"
        assert await c.fetchval("show hnsw.max_scan_tuples") == "20000"


async def test_a_collection_says_how_many_candidates_its_searches_have(c: Connection, vectors: Floats) -> None:
    await collection(c, "manuals", index_ef_search=400)
    assert await c.fetchval("select (ingest_ann('manuals', 1)).candidates") == 400


async def test_searches_are_by_the_index_for_those_who_may_not_see_its_table(c: Connection, vectors: Floats) -> None:
    async with new_roles(c, 1) as (looker,):
        await c.execute("select ingest_grant($1, 'searcher')", looker)
        await c.execute(f"set role {looker}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await c.fetch("select * from ingest_index_store")
        assert len(await c.fetch("select * from ingest_search($1::vector, 'manuals')", Vector(vectors[0]))) == 10


async def test_the_typed_view_has_a_column_that_fits_the_index(c: Connection, vectors: Floats) -> None:
    query = Vector(vectors[0])
    nearest = "select uri from ingest_chunks_manuals order by embedding_half <=> $1::vector::halfvec(24) limit 10"
    plan = "\n".join(row[0] for row in await c.fetch(f"explain {nearest}", query))
    assert "Index Scan using ingest_ann_1" in plan


async def test_a_typed_view_without_that_column_gets_it_with_the_next_index(
    c: Connection, vectors: Floats, installed: str
) -> None:
    await c.execute("drop view ingest_chunks_manuals; create view ingest_chunks_manuals as select 1 as uri")
    await c.execute("comment on view ingest_chunks_manuals is 'Live chunks of collection manuals.'")
    await collection(c, "manuals", index_m=8)
    await build(installed)
    assert len(await c.fetch("select uri from ingest_chunks_manuals where embedding_half is not null")) == CHUNKS


async def test_searches_before_and_after_a_switch_go_by_the_index_of_the_generation(
    c: Connection, vectors: Floats, installed: str
) -> None:
    await c.execute(
        "insert into ingest_chunk_store select revision_id, ordinal, space_id, start_char, end_char, text_config,"
        " collection, text || ' of 2', hash, metadata, embedding, lexemes, 2 from ingest_chunk_store"
    )
    await c.execute(
        "insert into ingest_generations (collection, generation, space_id, state)"
        " select name, 2, space_id, 'building' from ingest_collections where name = 'manuals'"
    )
    await build(installed)
    await c.execute("update ingest_generations set state = 'former' where generation = 1 and collection = 'manuals'")
    await c.execute("update ingest_generations set state = 'live' where generation = 2")
    await c.execute("update ingest_collections set generation = 2 where name = 'manuals'")
    rows = await c.fetch("select text from ingest_search($1::vector, 'manuals')", Vector(vectors[0]))
    assert {row["text"].endswith(" of 2") for row in rows} == {True}
    assert await scans(c, Vector(vectors[0])) == 1
