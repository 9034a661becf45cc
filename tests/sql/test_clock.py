"""The one clock of our SQL: tests move it, and leases, schedules and deadlines follow without anybody waiting."""

from __future__ import annotations

import re

import pytest
from staging import Connection, add, add_listener, carry, claim, ingest, one, own, put_clock, settle, start

CLOCKS = re.compile(r"\b(?:clock_timestamp|now|statement_timestamp|transaction_timestamp)\(\)|current_timestamp", re.I)

# Tied to a transaction or a statement, and no matter of leases: a row's own time, and who may write system columns.
ALLOWED = {
    "ingest_now",
    "ingest_prepare_request",
    "ingest_check_request",
    "ingest_add",
    "ingest_as_system",
    "ingest_may_fork",
    "ingest_own_pending",
    "ingest_count_pending",
    "ingest_change_tenant",
    "ingest_check_new_collection",
    "ingest_drop_documents",  # which statement it is
    "ingest_move_pointers",
    "ingest_forget",  # what came before it, by the rows' own times
    "ingest_forget_rows",
    "ingest_forget_documents",
}


async def test_a_listener_is_declared_dead_when_its_lease_has_passed_by_the_clock(c: Connection) -> None:
    for executor in ("judge", "late"):
        await add_listener(c, executor)
    await c.execute("update ingest_listeners set lease = '10 s'")
    assert await c.fetch("select ingest_declare_dead('judge')") == []
    await put_clock(c, "11 s")
    await c.execute("select ingest_beat('judge', 0)")
    assert [row[0] for row in await c.fetch("select ingest_declare_dead('judge')")] == ["late"]


async def test_a_scheduled_request_is_due_when_the_clock_says_so(c: Connection) -> None:
    await add_listener(c)
    request = await add(c, content="later")
    await c.execute("update ingest_requests set run_at = now() + interval '1 hour'")
    assert await claim(c) == []
    await put_clock(c, "61 minutes")
    assert await claim(c) == [request]


async def test_a_request_is_cancelled_when_its_deadline_has_passed_by_the_clock(c: Connection) -> None:
    request = await start(c, ["a"], options={"timeout_seconds": 600})
    assert await c.fetch("select ingest_cancel_overdue()") == []
    await put_clock(c, "601 s")
    assert [row[0] for row in await c.fetch("select ingest_cancel_overdue()")] == [request]
    row = await one(c, "select status, error ->> 'code' as code from ingest_requests where id = $1", request)
    assert (row["status"], row["code"]) == ("cancelled", "deadline")


async def test_what_was_replaced_is_purged_after_its_retention_by_the_clock(c: Connection) -> None:
    await ingest(c, {"a": "old"})
    await ingest(c, {"a": "new"})
    purge = "select ingest_purge_replaced('24 hours', 500)"
    assert await c.fetchval(purge) == 0
    await put_clock(c, "25 hours")
    assert await c.fetchval(purge) == 1


async def test_a_reservation_that_nobody_needs_is_purged_after_an_hour_by_the_clock(c: Connection) -> None:
    await add_listener(c)
    await c.execute("update ingest_listeners set knows_caps = true")
    request = await start(c, ["a"], options={"max_texts": 5})
    await put_clock(c, "2 hours")
    owner = await own(c, request)
    reserve = "select granted from ingest_reserve(($1, 0, $2)::ingest_fence_v1, '{1}')"
    assert await c.fetchval(reserve, [request], owner) == 1
    await own(c, request)
    kept = "select count(*) from ingest_reservations"
    for clock, left in (("2 hours 59 minutes", 1), ("3 hours 1 minute", 0)):
        await put_clock(c, clock)
        await c.execute("select ingest_purge_replaced('24 hours', 500)")
        assert await c.fetchval(kept) == left


async def test_a_retry_waits_until_the_clock_has_reached_its_time(c: Connection) -> None:
    request = await start(c, ["a"])
    owner = await carry(c, request, until="chunked")
    error = {"code": "embedding_unavailable", "message": "away"}
    await c.execute("select ingest_note_retry(($1, 0, $2)::ingest_fence_v1, $3, 60)", [request], owner, error)
    waiting = "select waiting_for from ingest_status where id = $1"
    assert str(await c.fetchval(waiting, request)).startswith("service: away")
    await put_clock(c, "61 s")
    await c.execute("select ingest_beat('L1', 0)")
    assert await c.fetchval(waiting, request) is None
    await settle(c, request)


@pytest.mark.parametrize("kind", ["f", "p"])
async def test_no_function_of_ours_asks_another_clock(c: Connection, kind: str) -> None:
    rows = await c.fetch(
        "select p.proname, pg_get_functiondef(p.oid) as text from pg_proc p"
        " where p.proname like 'ingest\\_%' and p.prokind = $1::text::\"char\"",
        kind,
    )
    assert [row["proname"] for row in rows if row["proname"] not in ALLOWED and CLOCKS.search(row["text"])] == []
