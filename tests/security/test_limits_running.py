"""How much of a submitter runs at a time, and who sets its limits."""

from __future__ import annotations

import asyncpg
import pytest
from roles import MANY, limit, login, refused
from staging import SPACE, Connection, add, add_listener, claim, collection, one, settle

# running requests


async def test_a_submitter_runs_as_many_as_its_limit_whatever_the_collection(
    c: Connection, installed: str, submitter: str
) -> None:
    await add_listener(c)
    await limit(c, submitter, max_running=2)
    async with login(installed, submitter) as it:
        theirs = [await add(it, collection=f"c{n % 3}") for n in range(6)]
        ours = [await add(c, collection="c0"), await add(c, collection="d")]
        claimed = await claim(c)
        assert sorted(claimed) == sorted(theirs[:2] + ours)
        assert await claim(c) == []
        waits = await it.fetchval("select waiting_for from ingest_status where id = $1", theirs[2])
        assert waits.startswith("submitter: 2 of at most 2 ")
        assert await c.fetchval("select waiting_for from ingest_status where id = $1", theirs[2]) == waits
        await settle(c, theirs[0])
        (another,) = await claim(c)
        assert another in theirs[2:]
        await c.execute("select ingest_cancel($1)", theirs[1])
        await c.execute("select ingest_resume($1)", theirs[1])
        assert len(await claim(c)) == 1
        await limit(c, submitter, max_running=None)
        assert len(await claim(c)) == 3


async def test_limits_of_a_collection_and_of_a_submitter_hold_together(
    c: Connection, installed: str, submitter: str
) -> None:
    await add_listener(c)
    await collection(c, "full", max_running=2)
    await limit(c, submitter, max_running=3)
    async with login(installed, submitter) as it:
        await add(c, collection="full")
        for target in ("full", "full", "open", "full", "open", "open"):
            await add(it, collection=target)
        await claim(c)
        rows = await c.fetch(
            "select submitted_by = $1 as theirs, collection, count(*) from ingest_requests"
            " where status = 'running' group by 1, 2 order by 1, 2", submitter
        )  # fmt: skip
        assert [tuple(row) for row in rows] == [(False, "full", 1), (True, "full", 1), (True, "open", 2)]


async def test_two_listeners_never_both_take_a_submitter_s_last_place(
    c: Connection, other: Connection, installed: str, submitter: str
) -> None:
    await add_listener(c)
    await limit(c, submitter, max_running=1)
    await collection(c, "a", SPACE)
    async with login(installed, submitter) as it:
        await it.execute("insert into ingest_requests (source, collection) select '/a', 'a' from generate_series(1, 5)")
    await c.execute("begin")
    assert len(await claim(c, 3)) == 1
    await other.execute("set statement_timeout = '30s'")
    assert await claim(other, 3) == []  # without waiting for whoever holds the limit
    await c.execute("commit")
    assert await claim(other, 3) == []


async def test_the_first_limit_reaches_what_waits_and_what_is_being_inserted(
    c: Connection, installed: str, submitter: str
) -> None:
    await add_listener(c)
    await collection(c, "default", SPACE)
    for role in (submitter, ""):
        async with login(installed, submitter) as it:
            await it.execute(MANY, 2)
            await it.execute("begin")
            await it.execute(MANY, 2)
            await limit(c, role, max_running=1)
            await it.execute("commit")
            mine = await add(c)
            assert len([one for one in await claim(c) + await claim(c) if one != mine]) == 1
        await c.execute("select ingest_cancel(id) from ingest_requests where status in ('pending', 'running')")
        await c.execute("select ingest_limit($1, null)", submitter)


async def test_a_submitter_that_may_run_nothing_waits(c: Connection, installed: str, submitter: str) -> None:
    await add_listener(c)
    await limit(c, submitter, max_running=0)
    async with login(installed, submitter) as it:
        await add(it)
    ours = await add(c)
    assert await claim(c) == [ours]
    await limit(c, submitter, max_running=None)
    assert len(await claim(c)) == 1


# setting limits


async def test_limits_are_the_owner_s_to_set(c: Connection, installed: str, submitter: str) -> None:
    row = await one(
        c, "select * from ingest_limit($1, $2)", submitter, {"max_running": 4, "min_priority": -3, "max_queries": 5}
    )
    assert (row["max_running"], row["min_priority"], row["max_queries"], row["max_pending"]) == (
        4,
        -3,
        5,
        100_000,
    )  # the rest: those of all
    row = await one(c, "select * from ingest_limit($1, $2)", submitter, {"max_pending": None})
    assert (row["max_running"], row["max_pending"]) == (4, None)
    assert (await one(c, "select * from ingest_limit($1, null)", submitter))["role"] == ""
    assert (await one(c, "select * from ingest_limit('', null)"))["max_pending"] == 100_000
    for given, code, constraint in (
        ({"max_runing": 1}, "IG012", "unknown_setting"),
        ({"max_document_bytes": 1}, "IG012", "unknown_setting"),
        ({"max_running": -1}, "IG012", "wrong_limit"),
        ({"max_running": "4"}, "IG012", "wrong_limit"),
        ({"max_running": 1.5}, "IG012", "wrong_limit"),
        ({"max_pending": 1e12}, "IG012", "wrong_limit"),
        ({"max_pending_bytes": True}, "IG012", "wrong_limit"),
        ({"max_queries": None}, "IG012", "wrong_limit"),
    ):
        with refused(code, constraint):
            await limit(c, submitter, **given)
    with refused("IG041", "unknown_role"):
        await limit(c, "nobody at all", max_running=1)
    async with login(installed, submitter) as it:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await limit(it, submitter, max_running=None)
    await c.execute("select ingest_grant($1, 'listener'), ingest_grant($1, 'operator')", submitter)
    async with login(installed, submitter) as it:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await limit(it, submitter, max_running=None)


async def test_a_role_without_limits_of_its_own_has_those_of_all(c: Connection, installed: str, submitter: str) -> None:
    await limit(c, "", max_pending=1)
    async with login(installed, submitter) as it:
        await add(it)
        with refused("IG043", "too_many_pending"):
            await add(it)
        await limit(c, submitter, max_pending=2)
        await add(it)
    for _ in range(3):
        await add(c)  # the owner has none


async def test_the_caller_counts_not_the_session(c: Connection, installed: str, submitter: str) -> None:
    """By SET ROLE, and through an application's own function that runs as its owner."""
    await limit(c, submitter, max_pending=1)
    await c.execute(
        "create function submit() returns uuid language sql security definer as 'select ingest_add(''/a'')'"
    )
    await c.execute(f"grant execute on function submit to {submitter}; set role {submitter}")
    await add(c)
    for statement in ("select submit()", "select ingest_add('/a')"):
        with refused("IG043", "too_many_pending"):
            await c.execute(statement)
    await c.execute("reset role; drop function submit")
