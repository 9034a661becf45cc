"""Generations: readers see the live one of a collection only, and all of it changes at once."""

from __future__ import annotations

import uuid
from typing import Any

import asyncpg
import pytest
from staging import SPACE, Connection, carry, collection, digest, ingest, live, one, own, start, states

WORDS = "select uri, text from ingest_search($1, by => 'words')"
NEAREST = "select uri, text from ingest_search($1::text::vector)"
BOTH = "select uri, text from ingest_search($1)"
GENERATIONS = "select collection, generation, state, space_id from ingest_generations order by 1, 2"


async def add_generation(c: Connection, number: int, name: str = "default") -> None:
    """Have each live document stand in another generation too: the same vectors, and texts that say which it is."""
    await c.execute(
        "insert into ingest_chunk_store (revision_id, generation, ordinal, space_id, start_char, end_char, text_config,"
        " collection, text, hash, metadata, embedding, lexemes)"
        " select c.revision_id, $1::int, c.ordinal, c.space_id, c.start_char, c.end_char, c.text_config, c.collection,"
        " t.text, c.hash, c.metadata, c.embedding, to_tsvector(c.text_config, t.text)"
        " from ingest_chunk_store c join ingest_documents d using (revision_id)"
        " cross join lateral (select c.text || ' of generation ' || $1::int as text) t"
        " where c.collection = $2 and c.generation = 1",
        number, name,
    )  # fmt: skip
    await c.execute(
        "insert into ingest_generations (collection, generation, space_id, state)"
        " select name, $1, space_id, 'building' from ingest_collections where name = $2",
        number, name,
    )  # fmt: skip


async def switch(c: Connection, number: int, name: str = "default") -> None:
    """Make a generation the live one, in one transaction."""
    async with c.transaction():
        await c.execute("update ingest_generations set state = 'former' where collection = $1 and state = 'live'", name)
        await c.execute(
            "update ingest_generations set state = 'live', switched_at = ingest_now()"
            " where collection = $1 and generation = $2", name, number,
        )  # fmt: skip
        await c.execute("update ingest_collections set generation = $2 where name = $1", name, number)
        await c.execute("select ingest_make_chunks_view($1)", name)


async def ask(c: Connection, query: str) -> None:
    """Put a query's vector where a listener would put it."""
    await c.execute(
        "select ingest_answer_queries(space_id, array[hash], array['[1,0,0]'::vector])"
        " from ingest_query_key($1, 'default')",
        query,
    )


async def seen(c: Connection) -> dict[str, list[tuple[str, str]]]:
    """Return what each way of reading finds: URIs and texts."""
    ways = {
        "all": await c.fetch("select uri, text from ingest_chunks where collection = 'default'"),
        "typed": await c.fetch("select uri, text from ingest_chunks_default"),
        "by words": await c.fetch(WORDS, "cats"),
        "by vector": await c.fetch(NEAREST, "[1,0,0]"),
        "by both": await c.fetch(BOTH, "cats"),
    }
    return {way: sorted((row["uri"], row["text"]) for row in rows) for way, rows in ways.items()}


async def test_readers_see_the_live_generation_and_a_switch_changes_all_of_them(
    c: Connection, other: Connection
) -> None:
    await ingest(c, {"a": "a cat", "b": "two cats"})
    await ask(c, "cats")
    await add_generation(c, 2)
    first = [("a", "a cat"), ("b", "two cats")]
    second = [(uri, f"{text} of generation 2") for uri, text in first]
    assert await seen(c) == dict.fromkeys(await seen(c), first)
    async with c.transaction():
        await switch(c, 2)
        assert await other.fetchval("select count(*) from ingest_chunks") == 2  # and it does not wait
        assert {row["text"] for row in await other.fetch("select text from ingest_chunks")} == {"a cat", "two cats"}
    assert await seen(c) == dict.fromkeys(await seen(c), second)
    await switch(c, 1)
    assert await seen(c) == dict.fromkeys(await seen(c), first)


async def test_collections_have_generations_of_their_own(c: Connection) -> None:
    for name in ("x", "y"):
        await ingest(c, {"a": name}, collection=name)
    await add_generation(c, 2, "x")
    await switch(c, 2, "x")
    assert (await live(c, "x"), await live(c, "y")) == ({"a": "x of generation 2"}, {"a": "y"})
    assert await c.fetchval("select text from ingest_chunks_y") == "y"
    assert await c.fetchval("select text from ingest_search('x', 'x')") == "x of generation 2"
    assert await c.fetchval("select text from ingest_search('y', 'y')") == "y"


async def test_a_revision_s_chunks_stand_side_by_side_but_once_in_each_generation(c: Connection) -> None:
    await ingest(c, {"a": "a"})
    await add_generation(c, 2)
    rows = await c.fetch("select generation, ordinal, text from ingest_chunk_store order by 1")
    assert [tuple(row) for row in rows] == [(1, 0, "a"), (2, 0, "a of generation 2")]
    with pytest.raises(asyncpg.UniqueViolationError) as refused:
        await c.execute("update ingest_chunk_store set generation = 1")
    assert refused.value.constraint_name == "ingest_chunk_store_pkey"
    with pytest.raises(asyncpg.UniqueViolationError) as refused:
        await c.execute("update ingest_generations set state = 'live'")
    assert refused.value.constraint_name == "one_generation_of_a_collection_is_live"


async def test_what_a_request_writes_is_of_the_generation_that_was_live_when_it_started(c: Connection) -> None:
    await ingest(c, {"a": "a"})
    await c.execute("update ingest_listeners set knows_caps = true")
    late = await start(c, ["b"])
    await add_generation(c, 2)
    await switch(c, 2)
    await carry(c, await start(c, ["c"]), until="embedded", texts={"c": "c"})
    rows = await c.fetch("select uri, generation from ingest_revisions order by uri")
    assert [tuple(row) for row in rows] == [("a", 1), ("b", 1), ("c", 2)]
    assert await states(c, late) == {"b": "discovered"}
    rows = await c.fetch(
        "select v.uri, k.generation from ingest_chunk_store k join ingest_revisions v on v.id = k.revision_id"
        " where k.text = v.text"
    )
    assert {tuple(row) for row in rows} == {("a", 1), ("c", 2)}


async def test_a_collection_gets_its_first_generation_with_its_space(c: Connection) -> None:
    await collection(c, "c", chunk_size=500)
    assert await c.fetch(GENERATIONS) == []
    await collection(c, "c", SPACE)
    rows = [tuple(row) for row in await c.fetch(GENERATIONS)]
    assert rows == [("c", 1, "live", await c.fetchval("select space_id from ingest_collections where name = 'c'"))]
    await ingest(c, {"a": "a"})  # the claim gives the space
    assert [tuple(row)[:3] for row in await c.fetch(GENERATIONS)] == [("c", 1, "live"), ("default", 1, "live")]


async def test_a_generation_follows_a_space_that_changes_while_the_collection_is_empty(c: Connection) -> None:
    await collection(c, "c", SPACE)
    await collection(c, "c", dimensions=4)
    row = await one(c, "select g.*, s.dimensions from ingest_generations g join ingest_spaces s on s.id = g.space_id")
    assert (row["collection"], row["generation"], row["state"], row["dimensions"]) == ("c", 1, "live", 4)
    await collection(c, "c", dimensions=3)
    assert await c.fetchval("select count(*) from ingest_generations") == 1
    await ingest(c, {"a": "a"}, collection="c")
    agree = (
        "select count(*) from ingest_generations g join ingest_collections k on k.name = g.collection"
        " where k.name = 'c' and (g.generation, g.space_id) = (k.generation, k.space_id)"
    )
    assert await c.fetchval(agree) == 1


async def test_a_deleted_collection_takes_its_generations_along(c: Connection) -> None:
    for name in ("kept", "gone"):
        await ingest(c, {"a": "a"}, collection=name)
    await add_generation(c, 2, "gone")
    await c.execute("delete from ingest_collections where name = 'gone'")
    assert [tuple(row)[:2] for row in await c.fetch(GENERATIONS)] == [("kept", 1)]
    assert await c.fetchval("select array_agg(distinct collection) from ingest_chunk_store") == ["kept"]


async def test_documents_of_before_there_were_generations_are_unchanged(c: Connection) -> None:
    """The former release kept no generation in a request's settings, and hashed them as they were."""
    first = await ingest(c, {"a": "same"})
    former = """
        select sha256(convert_to(((settings - 'generation') || jsonb_build_object('metadata', metadata))::text, 'UTF8'))
        from ingest_requests where id = $1"""
    assert await c.fetchval("select settings_hash from ingest_documents") == await c.fetchval(former, first)
    request = await start(c, ["a"])
    assert await c.fetchval("select settings -> 'generation' from ingest_requests where id = $1", request) == 1
    assert await unchanged(c, request, "same") == {"a": "unchanged"}


async def unchanged(c: Connection, request: uuid.UUID, text: str) -> dict[str, str]:
    fence: Any = ([request], 0, await own(c, request))
    row = await one(c, "select * from ingest_to_load($1::ingest_fence_v1)", fence)
    skip = "select ingest_skip_unchanged($1::ingest_fence_v1, $2::ingest_unchanged_v2[])"
    await c.execute(skip, fence, [(row["id"], row["read_seq"], digest(text), None, None)])
    return await states(c, request)
