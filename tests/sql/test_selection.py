"""Requests that fit filters: pages of them, how many there are, a verb for each; and what statements read for it."""

from __future__ import annotations

from contextlib import aclosing
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from roles import login, new_roles
from staging import Connection, add, add_listener, start

from listener.client import Ingest, Session
from listener.client import connect as connect_client
from listener.client.selection import MOST_LOOKED, SOUGHT, RequestFilter, Verb
from listener.client.transport import Single
from listener.errors import RequestError

MANY = 60_000
# One transaction inserts them: all have one created_at.
FILL = """
  insert into ingest_requests (source, collection, status, due, run_at, finished_at, submitted_by, error)
  select '/srv/' || n, 'c' || n % 7, $1::text, true, now(), case when $1::text <> 'pending' then now() end, 'app',
    case when $1::text = 'failed' then '{"code": "x"}'::jsonb end
  from generate_series(1, $2::int) n
"""
VISITED = """
  select coalesce(sum(seq_tup_read), 0) + coalesce(sum(idx_tup_fetch), 0) from pg_stat_xact_user_tables
  where relname = 'ingest_requests'
"""


def over(c: Connection) -> Ingest:
    return Ingest(Session(Single(c), "public"))


async def fill(c: Connection, status: str, many: int) -> None:
    await c.execute("set session_replication_role = replica")
    await c.execute(FILL, status, many)
    await c.execute("reset session_replication_role")


async def all_of(ingest: Ingest, sought: RequestFilter, limit: int) -> list[UUID]:
    """Return what all pages have."""
    found: list[UUID] = []
    after = None
    while True:
        page = await ingest.request_page(sought, limit=limit, after=after)
        found += [one.id for one in page.statuses]
        after = page.older
        if after is None:
            return found


async def outcome(ingest: Ingest, verb: Verb, sought: RequestFilter) -> dict[str, int]:
    """Return how many were done, and how many were refused for which reason."""
    results: dict[str, int] = {}
    async with aclosing(ingest.each_matching(verb, sought)) as each:
        async for one in each:
            key = one.error.code if one.error else "done"
            results[key] = results.get(key, 0) + 1
    return results


async def test_pages_have_each_request_that_fits_once_and_the_newest_first(installed: str, c: Connection) -> None:
    for n in range(7):
        await add(c, source=f"/srv/Docs {n}", collection="a" if n % 2 else "b")
    inline = await add(c, content="text", uri="notes/Frost.md")
    await add(c, source="/srv/later", run_at=await c.fetchval("select now() + interval '1 day'"))
    async with c.transaction():
        await c.execute("insert into ingest_requests (source) select '/same/' || n from generate_series(1, 9) n")
    async with connect_client(installed) as ingest:
        everything = [
            row["id"] for row in await c.fetch("select id from ingest_requests order by created_at desc, id desc")
        ]
        assert await all_of(ingest, RequestFilter(), 4) == everything
        assert len(await all_of(ingest, RequestFilter(collection="a"), 2)) == 3
        assert len(await all_of(ingest, RequestFilter(source="docs"), 3)) == 7
        assert await all_of(ingest, RequestFilter(source="frost"), 3) == [inline]
        assert await all_of(ingest, RequestFilter(source="%"), 3) == []
        assert len(await all_of(ingest, RequestFilter(status="scheduled"), 3)) == 1
        assert len(await all_of(ingest, RequestFilter(status="pending"), 3)) == 17
        assert await all_of(ingest, RequestFilter(submitter="nobody"), 3) == []
        assert len(await all_of(ingest, RequestFilter(waiting="listener"), 3)) == 17
        assert len(await all_of(ingest, RequestFilter(waiting="listener", collection="a"), 2)) == 3
        assert len(await all_of(ingest, RequestFilter(waiting="run_at"), 3)) == 1
        assert await all_of(ingest, RequestFilter(waiting="run_at", status="pending"), 3) == []
        assert await all_of(ingest, RequestFilter(waiting="listener", status="failed"), 3) == []
        now = await c.fetchval("select now()")
        assert await all_of(ingest, RequestFilter(until=now - timedelta(hours=1)), 3) == []
        assert len(await all_of(ingest, RequestFilter(since=now - timedelta(hours=1)), 50)) == 18
        with pytest.raises(RequestError) as error:
            await ingest.request_page(RequestFilter(status="late"))
        assert error.value.code == "unknown_status"


SOUGHT_FOR = [
    RequestFilter(), *(RequestFilter(status=one) for one in SOUGHT), RequestFilter(collection="none"),
    RequestFilter(source="none"), RequestFilter(submitter="none"), RequestFilter(waiting="root"),
    RequestFilter(waiting="root", status="pending"),
]  # fmt: skip


@pytest.mark.parametrize("status", ["succeeded", "pending"])
async def test_a_page_reads_a_bounded_number_of_rows(c: Connection, status: str) -> None:
    """However many requests there are, and however many of them one transaction inserted."""
    await fill(c, status, MANY)
    await c.execute("analyze ingest_requests")
    ingest = over(c)
    read: dict[str, int] = {}
    for sought in SOUGHT_FOR:
        async with c.transaction():
            before = await c.fetchval(VISITED)
            page = await ingest.request_page(sought, limit=50)
            if page.older:
                await ingest.request_page(sought, limit=50, after=page.older)
            read[str(sought)] = await c.fetchval(VISITED) - before
    assert {sought: rows for sought, rows in read.items() if rows > 2.2 * MOST_LOOKED + 2_000} == {}
    assert read[str(RequestFilter())] < 2_000


async def test_what_has_not_ended_is_counted_and_cancelled_beside_many_that_have(c: Connection) -> None:
    waiting = [await add(c, source=f"/srv/{n}") for n in range(3)]
    await fill(c, "succeeded", MOST_LOOKED + 5)
    await c.execute("analyze ingest_requests")
    ingest = over(c)
    counted = await ingest.count_matches(RequestFilter(), "cancel")
    assert (counted.applicable, counted.is_all, dict(counted.by_status)) == (3, True, {"pending": 3})
    assert await outcome(ingest, "cancel", RequestFilter()) == {"done": 3}
    left = await c.fetch("select status from ingest_requests where id = any ($1)", waiting)
    assert {row["status"] for row in left} == {"cancelled"}
    counted = await ingest.count_matches(RequestFilter(), "resume")
    assert (counted.applicable, counted.is_all, counted.requests) == (3, True, MOST_LOOKED + 8)
    assert (await ingest.count_matches(RequestFilter(collection="none"), "resume")).requests == 0
    assert await outcome(ingest, "resume", RequestFilter()) == {"done": 3}, "it goes on behind what it looks at at once"


async def test_one_that_is_refused_keeps_no_other_back(c: Connection) -> None:
    first, second, third = [await add(c, source=f"/srv/{n}", dedupe_key=f"k{n}") for n in range(3)]
    ingest = over(c)
    assert await outcome(ingest, "cancel", RequestFilter(source="/srv/")) == {"done": 3}
    await add(c, source="/other", dedupe_key="k1")  # takes the second one's key
    assert await outcome(ingest, "resume", RequestFilter()) == {"done": 2, "dedupe_key_taken": 1}
    states = {row["id"]: row["status"] for row in await c.fetch("select id, status from ingest_requests")}
    assert [states[one] for one in (first, second, third)] == ["pending", "cancelled", "pending"]


async def test_what_comes_after_the_question_is_let_be(c: Connection) -> None:
    await add(c)
    ingest = over(c)
    asked_at = await c.fetchval("select clock_timestamp()")
    newer = await add(c)
    assert await outcome(ingest, "cancel", RequestFilter(until=asked_at)) == {"done": 1}
    assert await c.fetchval("select status from ingest_requests where id = $1", newer) == "pending"


async def test_a_verb_is_carried_out_as_the_role_that_asks(installed: str, c: Connection) -> None:
    await add_listener(c)
    await add(c, collection="theirs")
    await add(c, collection="others")
    async with new_roles(c, 2) as (operator, submitter):
        await c.execute(
            "select ingest_grant($1, 'operator', 'theirs'), ingest_grant($2, 'submitter')", operator, submitter
        )
        async with login(installed, operator) as session:
            ingest = over(session)
            assert await ingest.may_control()
            assert (await ingest.count_matches(RequestFilter(), "cancel")).applicable == 1
            assert await outcome(ingest, "cancel", RequestFilter()) == {"done": 1}
        async with login(installed, submitter) as session:
            assert not await over(session).may_control()
    statuses = {
        row["collection"]: row["status"] for row in await c.fetch("select collection, status from ingest_requests")
    }
    assert statuses == {"theirs": "cancelled", "others": "pending"}


async def test_a_request_is_taken_apart(c: Connection) -> None:
    uris = [f"file:///srv/{n}" for n in range(25)]
    request = await start(c, uris, batch_size=10, options={"mirror": True}, metadata={"team": "x"})
    ingest = over(c)
    order = await ingest.request_order(request)
    assert (order.options, order.metadata, order.content_bytes) == ({"mirror": True}, {"team": "x"}, None)
    assert order.discovered_at is not None
    batches = await ingest.request_batches(request, limit=2)
    assert [(one.batch, one.documents) for one in batches] == [(0, 10), (1, 10)]
    assert [one.batch for one in await ingest.request_batches(request, after=1)] == [2]
    found: list[Any] = []
    while page := await ingest.request_documents(request, limit=7, after=found[-1].place if found else None):
        found += page
    assert [one.uri for one in found] == uris
    assert {one.state for one in found} == {"discovered"}
    assert await ingest.request_documents(request, state="failed") == []
    assert (await ingest.request_seconds(request)).documents == 25
    await ingest.cancel(request)
    (command,) = await ingest.request_commands(request)
    assert command.verb == "cancel"
    waiting = await add(c)
    assert await ingest.set_priority(waiting, 7) == 7
    with pytest.raises(RequestError) as error:
        await ingest.set_priority(request, 1)
    assert error.value.code
