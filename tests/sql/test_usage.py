"""What was sent to embedders: written as it is sent, summed up by day, seen by operators."""

from __future__ import annotations

import asyncpg
import pytest
from roles import login, new_roles
from staging import Connection, carry, collection, ingest, own, settle, start

import listener

NOTE = "select ingest_note_embedded($1::ingest_fence_v1, $2::ingest_count_v1[])"
BY_DAY = "select day::text, collection, model, texts, tokens from ingest_usage_by_day order by day, collection"


async def use(c: Connection, texts: int, tokens: int, where: str = "default") -> None:
    """Have a request embed so many texts."""
    request = await start(c, ["x"], collection=where)
    owner = await own(c, request)
    await c.execute(NOTE, ([request], 0, owner), [(request, 1, texts, tokens)])
    await settle(c, request, "cancelled", {"code": "cancelled"})


async def test_what_is_sent_is_written_down_and_outlives_requests_and_collections(c: Connection) -> None:
    await use(c, 3, 100)
    await use(c, 2, 50)
    await use(c, 0, 0)  # all were known
    await use(c, 7, 70, "a")
    assert await c.fetchval("select count(*) from ingest_usage") == 3
    await c.execute("delete from ingest_requests; delete from ingest_collections where name = 'a'")
    rows = await c.fetch(BY_DAY)
    assert [tuple(row)[1:] for row in rows] == [("a", "test", 7, 70), ("default", "test", 5, 150)]
    assert rows[0]["day"] == await c.fetchval("select (now() at time zone 'UTC')::date::text")


async def test_two_writers_of_one_collection_do_not_wait_for_each_other(c: Connection, other: Connection) -> None:
    first, second = await start(c, ["x"]), await start(c, ["y"])
    fences = [([request], 0, await own(c, request)) for request in (first, second)]
    await other.execute("set lock_timeout = '1ms'")
    async with c.transaction():
        await c.execute(NOTE, fences[0], [(first, 1, 1, 10)])
        await other.execute(NOTE, fences[1], [(second, 1, 1, 10)])
    assert await c.fetchval("select sum(tokens) from ingest_usage") == 20


async def test_old_rows_are_summed_up_by_day_and_what_they_say_stays(c: Connection) -> None:
    for _ in range(3):
        await use(c, 1, 10)
    await use(c, 1, 5, "a")
    await c.execute("update ingest_usage set at = '2026-01-02 23:59:59+00' where id % 2 = 0")
    await c.execute("update ingest_usage set at = '2026-01-02 00:00:00+00' where id % 2 = 1 and collection = 'default'")
    await c.execute("update ingest_usage set at = now() where collection = 'a'")
    before = [tuple(row) for row in await c.fetch(BY_DAY)]
    for _ in range(3):
        await c.execute("select ingest_purge_replaced('1 hour', 500)")
    assert [tuple(row) for row in await c.fetch(BY_DAY)] == before
    summed = await c.fetch("select collection, request_id is null from ingest_usage order by 1")
    assert [tuple(row) for row in summed] == [("a", False), ("default", True)]
    await c.execute("set time zone 'America/Los_Angeles'")
    assert [tuple(row) for row in await c.fetch(BY_DAY)] == before


async def test_operators_see_the_usage_of_their_collections(c: Connection, installed: str) -> None:
    await collection(c, "a")
    await use(c, 1, 10, "a")
    await use(c, 1, 10, "b")
    async with new_roles(c, 2) as (operator, searcher):
        await c.execute("select ingest_grant($1::name, 'operator', 'a')", operator)
        await c.execute("select ingest_grant($1::name, 'searcher')", searcher)
        async with login(installed, operator) as theirs:
            assert [row["collection"] for row in await theirs.fetch(BY_DAY)] == ["a"]
            assert [row["collection"] for row in await theirs.fetch("select collection from ingest_usage")] == ["a"]
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await theirs.execute("update ingest_usage set tokens = 0")
        async with login(installed, searcher) as theirs:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await theirs.fetch(BY_DAY)


async def test_what_a_collection_has_known_costs_nothing(c: Connection) -> None:
    await ingest(c, {"x": "one"})  # stored by hand: nothing was counted
    request = await start(c, ["y"])
    await carry(c, request, "chunked")
    assert await c.fetchval("select count(*) from ingest_usage") == 0


async def test_days_are_summed_up_over_collections_and_one_without_any_is_nought(c: Connection) -> None:
    async with listener.connect(c) as ingest:
        assert await ingest.used_by_day() == []
        await use(c, 3, 100)
        await use(c, 2, 50, "a")
        await c.execute("update ingest_usage set at = at - interval '2 days' where collection = 'a'")
        await use(c, 1, 9, "a")
        await use(c, 8, 8)
        await c.execute("update ingest_usage set at = at - interval '1 year' where texts = 8")
        assert [(day.texts, day.tokens, day.cost) for day in await ingest.used_by_day(14)] == [
            (2, 50, None), (0, 0, None), (4, 109, None),
        ]  # fmt: skip
