"""History for charts: who notes it, what is left of it, what it says of a stretch of time, and to whom."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta, timezone

import asyncpg
import pytest
from roles import login, new_roles
from staging import Connection, add, put_clock

EVERY = timedelta(seconds=15)
NOTE = "select ingest_note_history($1)"
ROWS = "select at, since, pending, running, documents, failures from ingest_history order by at"
COUNT = "select ingest_add_counts($1::text[], $2::text[], $3::float8[])"


async def note_at(c: Connection, seconds: int) -> bool:
    """Note as a listener does, so many seconds from now."""
    await put_clock(c, f"{seconds} seconds")
    noted: bool = await c.fetchval(NOTE, EVERY)
    return noted


async def published(c: Connection, documents: float, failed: float = 0.0) -> None:
    await c.execute(COUNT, ["documents", "documents"], ["published", "failed"], [documents, failed])


async def past(c: Connection, first: datetime, notes: int, seconds: int, each: float = 1.0) -> datetime:
    """Write notes of so many seconds each, in which so many documents were published; return the time of the last."""
    await c.execute(
        "insert into ingest_history select $1::timestamptz + n * $3 * interval '1 second',"
        " $1::timestamptz + (n - 1) * $3 * interval '1 second', 5, 0, 2, n * $4::float8, 0, n, n, n"
        " from generate_series(1, $2::int) n",
        first, notes, seconds, each,
    )  # fmt: skip
    return first + timedelta(seconds=notes * seconds)


async def test_of_two_listeners_one_notes_how_it_goes(c: Connection, other: Connection) -> None:
    await add(c)
    async with c.transaction():
        assert await c.fetchval(NOTE, EVERY)
        assert not await other.fetchval(NOTE, EVERY)  # it does not wait for the first
    assert not await other.fetchval(NOTE, EVERY)
    (row,) = await c.fetch(ROWS)
    assert (row["pending"], row["running"], row["documents"]) == (1, 0, 0)


async def test_while_nothing_changes_a_row_goes_on(c: Connection) -> None:
    assert [await note_at(c, n * 16) for n in range(6)] == [True] * 6
    rows = await c.fetch(ROWS)
    assert len(rows) == 2
    assert rows[1]["since"] == rows[0]["at"]
    assert rows[1]["at"] - rows[0]["at"] >= timedelta(seconds=79)
    await published(c, 3)
    assert await note_at(c, 96)
    rows = await c.fetch(ROWS)
    assert len(rows) == 3
    assert rows[2]["since"] == rows[1]["at"]
    assert rows[2]["documents"] == 3


async def test_a_pause_of_all_listeners_is_a_gap(c: Connection) -> None:
    await note_at(c, 0)
    await published(c, 1000)
    await note_at(c, 600)
    rows = await c.fetch(ROWS)
    assert rows[1]["since"] == rows[1]["at"]
    seen = await c.fetch("select documents, pending from ingest_list_history('15 minutes', 15)")
    assert {row["documents"] for row in seen} == {None}, "what happened in the gap nobody knows"
    assert {row["pending"] for row in seen} == {None, 0}


async def test_buckets_say_how_fast_it_went(c: Connection) -> None:
    now = datetime.now(timezone.utc)
    last = await past(c, now - timedelta(minutes=40), 80, 15, each=30)
    rows = await c.fetch("select * from ingest_list_history('1 hour', 60)")
    assert len(rows) == 60
    assert {row["seconds"] for row in rows} == {60.0}
    assert all(after["at"] - before["at"] == timedelta(minutes=1) for before, after in itertools.pairwise(rows))
    then = [row for row in rows if now - timedelta(minutes=38) < row["at"] < last - timedelta(minutes=2)]
    assert len(then) > 10
    assert {round(row["documents"], 6) for row in then} == {2.0}
    assert {(row["pending"], row["running"]) for row in then} == {(5, 2)}
    assert {row["documents"] for row in rows if row["at"] > last} == {None}
    total = await c.fetchval("select sum(documents * seconds) from ingest_list_history('1 hour', 7)")
    assert total > 0


async def test_counters_that_fell_make_no_negative_speed(c: Connection) -> None:
    """As after a restore."""
    now = datetime.now(timezone.utc)
    await past(c, now - timedelta(minutes=10), 20, 15, each=1000)
    await past(c, now - timedelta(minutes=5), 10, 15, each=1)
    speeds = await c.fetch("select documents from ingest_list_history('10 minutes', 10)")
    assert min(row["documents"] for row in speeds if row["documents"] is not None) >= 0


async def test_what_is_old_is_thinned_out_and_says_the_same(c: Connection) -> None:
    now = datetime.now(timezone.utc)
    await past(c, now - timedelta(days=3), 960, 15, each=15)  # four hours
    await c.execute("insert into ingest_history values ($1, $1, 1, 1, 1, 0, 0, 0, 0, 0)", now - timedelta(days=40))
    speed = "select round(avg(documents)::numeric, 2) from ingest_list_history('4 days', 384)"
    assert await c.fetchval(speed) == 1
    assert await c.fetchval("select ingest_thin_history()") > 900
    left = await c.fetchval("select count(*) from ingest_history")
    assert 48 <= left <= 50
    assert await c.fetchval(speed) == 1
    assert await c.fetchval("select ingest_thin_history()") == 0
    assert await c.fetchval("select count(*) from ingest_history where at < now() - interval '32 days'") == 0


async def test_operators_see_it_and_nobody_else(installed: str, c: Connection) -> None:
    await c.fetchval(NOTE, EVERY)
    async with new_roles(c, 2) as (operator, submitter):
        await c.execute("select ingest_grant($1, 'operator'), ingest_grant($2, 'submitter')", operator, submitter)
        async with login(installed, operator) as session:
            assert await session.fetchval("select count(*) from ingest_list_history('1 hour')") == 120
            assert await session.fetch("select * from ingest_list_outages()") == []
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await session.fetch("select * from ingest_history")
        async with login(installed, submitter) as session:
            for statement in ("select from ingest_list_history()", "select from ingest_list_outages()", NOTE):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await session.fetch(statement, *([EVERY] if statement == NOTE else []))


@pytest.mark.parametrize("arguments", ["'40 days'", "'1 hour', 0", "'0 s'", "null", "'1 day', 100000"])
async def test_a_period_that_makes_no_sense_is_refused(c: Connection, arguments: str) -> None:
    with pytest.raises(asyncpg.PostgresError) as error:
        await c.fetch(f"select * from ingest_list_history({arguments})")
    assert (error.value.sqlstate, error.value.constraint_name) == ("IG035", "wrong_period")


async def test_a_service_that_is_away_is_listed(c: Connection) -> None:
    await c.execute(
        "insert into ingest_circuits (service, tenant, opened_at, error, probe_at)"
        " values ('s', '', now() - interval '1 minute', $1, now())",
        {"code": "embedder_unavailable", "message": "no"},
    )
    (row,) = await c.fetch("select service, code, message from ingest_list_outages()")
    assert tuple(row) == ("s", "embedder_unavailable", "no")
