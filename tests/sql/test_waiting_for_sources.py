"""Work that waits for a source, in SQL: what stands beside it, by the one clock, and what it says of itself."""

from __future__ import annotations

import uuid
from typing import Any

import asyncpg
import pytest
from staging import Connection, add, add_listener, carry, claim, collection, discover, own, start

SOURCE = "https://docs.example.com"
ERROR = {
    "code": "server_unavailable", "message": "away", "hint": "wait", "step": "discover", "retryable": True,
    "service": SOURCE,
}  # fmt: skip
AT = ERROR | {"place": f"{SOURCE}/guide/"}


async def put_clock(c: Connection, offset: str) -> None:
    await c.execute(
        "create or replace function ingest_now() returns timestamptz language sql volatile parallel safe"
        f" return clock_timestamp() + interval '{offset}'"
    )


async def looking(c: Connection, **columns: Any) -> uuid.UUID:
    """Return a request whose documents are looked for, by ``L1``."""
    if not await c.fetchval("select exists (select from ingest_listeners)"):
        await add_listener(c)
    request = await add(c, **columns)
    assert request in await claim(c)
    await c.fetch("select * from ingest_begin_request($1, 'L1', 1)", request)
    return request


async def away(c: Connection, seconds: float = 100) -> None:
    await c.execute("select ingest_suspect($1, '', 'L1', $2, $3, 60)", SOURCE, AT, seconds)


async def park(c: Connection, request: uuid.UUID, attempt: int = 1) -> None:
    await c.execute("select ingest_park_discovery($1, 'L1', $2, $3)", request, attempt, ERROR)


async def go_on(c: Connection, request: uuid.UUID) -> bool:
    return bool(await c.fetchval("select ingest_go_on_discovery($1, 'L1', 1)", request))


async def verdict(c: Connection, request: uuid.UUID, patience: float = 3600, batch: int | None = None) -> str | None:
    owner = await c.fetchval("select owner from ingest_batches where request_id = $1 and batch = $2", request, batch)
    query = "select verdict from ingest_look_at_parked($1, $2, $3, $4)"
    said: str | None = await c.fetchval(query, [request], [batch], [owner], [patience])
    return said


async def test_a_look_for_documents_waits_and_says_for_what(c: Connection) -> None:
    request = await looking(c)
    await away(c)
    await park(c, request)
    row = await c.fetchrow("select s.*, r.resume_at from ingest_status s join ingest_requests r using (id)")
    assert row
    assert row["waiting_for"].startswith(f"service: away ({SOURCE}); next attempt at ")
    assert (row["last_error"]["service"], row["next_attempt_at"]) == (SOURCE, row["resume_at"])
    assert await verdict(c, request) == "open"
    assert "place" not in await c.fetchval("select outage from ingest_requests"), "it is of whoever was first"
    await c.execute("delete from ingest_circuits")
    assert await verdict(c, request) == "closed"
    assert await go_on(c, request)
    row = await c.fetchrow("select waiting_for, last_error, next_attempt_at from ingest_status")
    assert tuple(row or ()) == (None, None, None)


async def test_patience_lasts_until_pages_are_kept_that_it_goes_on_behind(c: Connection) -> None:
    request = await looking(c)
    await away(c, 3000)
    await park(c, request)
    await put_clock(c, "601 s")
    assert await verdict(c, request, 600) == "over"
    assert await go_on(c, request)
    page = "select ingest_add_page($1, 'L1', 1, '{}', '{}', $2)"
    await c.execute(page, request, {"read_seq": 1, "page": 1, "cursor": None})
    await park(c, request)
    assert await verdict(c, request, 600) == "over", "a crawl begins anew"
    await c.execute(page, request, {"read_seq": 1, "page": 1, "cursor": "a"})
    await park(c, request)
    assert await verdict(c, request, 600) == "open"


async def test_another_attempt_or_a_cancel_ends_it(c: Connection) -> None:
    request = await looking(c)
    with pytest.raises(asyncpg.PostgresError, match="not written by"):
        await park(c, request, attempt=2)
    await park(c, request)
    await c.execute("select ingest_cancel($1)", request)
    assert await verdict(c, request) == "gone"
    assert await c.fetchval("select resume_at is null and outage is null from ingest_requests")
    with pytest.raises(asyncpg.PostgresError, match="not written by"):
        await go_on(c, request)


async def test_what_is_parked_has_killed_no_listener(c: Connection) -> None:
    request = await looking(c)
    await park(c, request)
    await c.execute("update ingest_listeners set dead_at = ingest_now()")
    await add_listener(c, "L2")
    row = await c.fetchrow("select crashes from ingest_begin_request($1, 'L2', 1)", request)
    assert tuple(row or ()) == (0,)
    assert await c.fetchval("select resume_at is null and outage is not null from ingest_requests"), "it looks again"


async def test_what_is_parked_counts_in_no_limit_and_takes_a_slot_again(c: Connection) -> None:
    await collection(c, "default", max_running=1)
    first = await looking(c)
    await away(c)
    await park(c, first)
    second = await looking(c, source="/srv/docs/second")
    await c.execute("delete from ingest_circuits")
    assert await verdict(c, first) is None
    assert not await go_on(c, first)
    await discover(c, second, ["a"])
    await carry(c, second)
    await c.execute("select ingest_end($1, 'L1', 1, null, null)", second)
    assert await verdict(c, first) == "closed"
    assert await go_on(c, first)


async def test_a_batch_waits_for_its_source_and_not_for_what_embeds(c: Connection) -> None:
    request = await start(c, ["a", "b"], batch_size=1)
    fence = [request], 0, await own(c, request)
    await away(c)
    await c.execute("select ingest_suspect('test test', '', 'L1', $1, 10, 60)", ERROR | {"service": "test test"})
    await c.execute("select ingest_park($1::ingest_fence_v1, $2)", fence, ERROR)
    assert await c.fetchval("select waits_for from ingest_batches where batch = 0") == SOURCE
    settings = await c.fetchval("select ingest_batch_settings($1, 0)", request)
    assert (settings["waits_for"], settings["source"]) == (SOURCE, "/srv/docs")
    await c.execute("delete from ingest_circuits where service = 'test test'")
    assert await verdict(c, request, batch=0) == "open"
    same = "select r.resume_at = k.probe_at from ingest_requests r, ingest_circuits k where k.service = $1"
    assert await c.fetchval(same, SOURCE)
    await c.execute("delete from ingest_circuits")
    assert await verdict(c, request, batch=0) == "closed"


async def test_a_batch_s_patience_begins_anew_when_it_has_read_something(c: Connection) -> None:
    request = await start(c, ["a", "b"])
    owner = await own(c, request)
    fence = [request], 0, owner
    await away(c, 3000)
    await c.execute("select ingest_park($1::ingest_fence_v1, $2)", fence, ERROR)
    await put_clock(c, "601 s")
    assert await verdict(c, request, 600, batch=0) == "over"
    await c.execute("select ingest_go_on($1::ingest_fence_v1)", fence)
    await c.execute("select ingest_park($1::ingest_fence_v1, $2)", fence, ERROR)
    assert await verdict(c, request, 600, batch=0) == "over"
    rows = await c.fetch("select * from ingest_to_load($1::ingest_fence_v1) limit 1", fence)
    loaded = [(row["id"], row["read_seq"], b"0" * 32, 4, "text", *[None] * 10) for row in rows]
    await c.execute("select ingest_save_loaded($1::ingest_fence_v1, $2::ingest_loaded_v2[])", fence, loaded)
    await c.execute("select ingest_park($1::ingest_fence_v1, $2)", fence, ERROR)
    assert await verdict(c, request, 600, batch=0) == "open"
