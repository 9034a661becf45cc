"""What one submitter can have waiting: it meets its limits at the INSERT, whatever way it goes, and others don't."""

from __future__ import annotations

import asyncio
import uuid

import asyncpg
import pytest
from roles import MANY, limit, login, refused
from staging import Connection, add, add_listener, blocked, claim, collection


async def pending(c: Connection) -> int:
    found: int = await c.fetchval("select count(*) from ingest_requests where status = 'pending'")
    return found


async def copied(c: Connection, count: int) -> None:
    await c.copy_records_to_table("ingest_requests", records=[("/a",)] * count, columns=["source"])


# waiting requests


@pytest.mark.postgres(16, 18)
async def test_a_submitter_has_no_more_requests_waiting_than_its_limit(
    c: Connection, installed: str, submitter: str
) -> None:
    await limit(c, submitter, max_pending=3)
    async with login(installed, submitter) as it:
        for _ in range(3):
            await add(it)
        for statement in (
            "insert into ingest_requests (source) values ('/a')",
            "insert into ingest_requests (source, run_at) values ('/a', now() + interval '1 day')",
            "select ingest_add('/a')",
            "insert into ingest_requests (source, dedupe_key) values ('/a', 'k') on conflict do nothing",
        ):
            with refused("IG043", "too_many_pending"):
                await it.execute(statement)
        assert await pending(c) == 3
        await add_listener(c)
        assert len(await claim(c, 1)) == 1
        await add(it)  # at once
        with refused("IG043", "too_many_pending"):
            await add(it)
    await add(c)  # of the owner


async def test_one_statement_or_transaction_brings_no_more_than_the_limit(
    c: Connection, installed: str, submitter: str
) -> None:
    await limit(c, submitter, max_pending=5)
    async with login(installed, submitter) as it:
        await it.execute(MANY, 5)
        await c.execute("select ingest_cancel(id) from ingest_requests; delete from ingest_requests")
        with refused("IG043", "too_many_pending"):
            await it.execute(MANY, 6)
        with refused("IG043", "too_many_pending"):
            await it.executemany("insert into ingest_requests (source) values ($1)", [("/a",)] * 6)
        await c.execute(f"alter role {submitter} bypassrls")  # Postgres refuses COPY to who is under row security
        with refused("IG043", "too_many_pending"):
            await copied(it, 6)
        assert await pending(c) == 0
        async with it.transaction():
            for _ in range(5):
                async with it.transaction():
                    await add(it)
            for _ in range(2):
                with refused("IG043", "too_many_pending"):
                    async with it.transaction():
                        await add(it)
        assert await pending(c) == 5


async def test_a_bulk_is_refused_within_a_thousandth_of_the_limit(
    c: Connection, installed: str, submitter: str
) -> None:
    await limit(c, submitter, max_pending=5000)
    async with login(installed, submitter) as it:
        await it.execute("begin")
        await it.execute(MANY, 5000)
        with refused("IG043", "too_many_pending"):
            await it.execute(MANY, 6)
        await it.execute("rollback")
        with refused("IG043", "too_many_pending"):
            await it.execute(MANY, 20_000)
        await c.execute(f"alter role {submitter} bypassrls")
        with refused("IG043", "too_many_pending"):
            await copied(it, 20_000)
    assert await pending(c) == 0


async def test_rolled_back_and_older_rows_of_a_session_do_not_count(
    c: Connection, installed: str, submitter: str
) -> None:
    await limit(c, submitter, max_pending=100)
    async with login(installed, submitter) as it:
        for _ in range(3):  # the server counts what a session has tried
            await it.execute("begin")
            await it.execute(MANY, 90)
            await it.execute("rollback")
        await it.execute(MANY, 100)
    assert await pending(c) == 100


async def test_big_transactions_of_a_submitter_come_one_at_a_time_and_small_ones_do_not_wait(
    c: Connection, installed: str, submitter: str
) -> None:
    """Transactions don't see each other's rows: else each could bring the limit."""
    await limit(c, submitter, max_pending=1000)
    async with (
        login(installed, submitter) as first,
        login(installed, submitter) as second,
        login(installed, submitter) as third,
    ):
        await first.execute("begin")
        await first.execute(MANY, 900)
        await third.execute("set lock_timeout = '5s'")
        await third.execute(MANY, 5)
        waiting = asyncio.create_task(second.execute(MANY, 900))
        await blocked(c, second)
        await first.execute("commit")
        with refused("IG043", "too_many_pending"):
            await waiting
    assert await pending(c) == 905


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
async def test_a_big_transaction_with_an_old_snapshot_counts_right_or_fails(
    c: Connection, installed: str, submitter: str, isolation: str
) -> None:
    await limit(c, submitter, max_pending=1000)
    async with login(installed, submitter) as first, login(installed, submitter) as second:
        await first.execute(f"begin isolation level {isolation}")
        await first.fetchval("select count(*) from ingest_requests")
        await second.execute(MANY, 900)
        with pytest.raises(asyncpg.PostgresError) as error:
            await first.execute(MANY, 900)
        assert error.value.sqlstate in ("40001", "IG043")
    assert await pending(c) == 900


async def test_who_holds_a_lock_of_ours_keeps_no_submitter_from_being_counted(
    c: Connection, other: Connection, installed: str, submitter: str
) -> None:
    """Anybody can hold an advisory lock, and leave a transaction open."""
    await limit(c, submitter, max_pending=3)
    async with login(installed, submitter) as it, login(installed, submitter) as idle:
        await other.execute("select pg_advisory_lock(ingest_lock_key('pending:' || $1))", submitter)
        await idle.execute("begin")
        await add(idle)
        for _ in range(3):
            await add(it)
        with refused("IG043", "too_many_pending"):
            await add(it)


async def test_a_setting_of_the_submitter_s_changes_nothing(c: Connection, installed: str, submitter: str) -> None:
    await limit(c, submitter, max_pending=2)
    async with login(installed, submitter) as it:
        for setting in (
            "ingest.writer = 'on'",
            "ingest.silent = 'on'",
            "session_replication_role = replica",
            "track_counts = off",
        ):
            try:
                await it.execute(f"set {setting}")
            except asyncpg.InsufficientPrivilegeError:
                continue
        with refused("IG043", "too_many_pending"):
            await it.execute(MANY, 3)
        with pytest.raises(asyncpg.PostgresError):  # a time of its own would hide a row from the count
            await it.execute("insert into ingest_requests (source, created_at) values ('/a', '2020-01-01')")


# bytes


async def test_content_that_waits_has_no_more_bytes_than_the_limit(
    c: Connection, installed: str, submitter: str
) -> None:
    await limit(c, submitter, max_pending_bytes=10_000)
    async with login(installed, submitter) as it:
        with refused("IG043", "too_many_pending_bytes"):
            await add(it, content="x" * 10_001)
        for _ in range(2):
            await add(it, content="x" * 2000)
            await add(it, content_bytes=b"x" * 2000)
        large = {"said": uuid.uuid4().hex * 100}
        for columns in ({"content": "é" * 1001}, {"content_bytes": b"x" * 2001}, {"metadata": large}):
            with refused("IG043", "too_many_pending_bytes"):
                await add(it, **columns)
        await add(it)  # a source has none
        await add(it, content="x" * 2000)
        await c.execute("select ingest_cancel(id) from ingest_requests")
        fill = "insert into ingest_requests (content) select repeat('x', 1000) from generate_series(1, $1::int)"
        with refused("IG043", "too_many_pending_bytes"):
            await it.execute(fill, 11)
        await it.execute(fill, 10)


# priorities


async def test_a_priority_below_the_floor_is_an_operator_s(c: Connection, installed: str, submitter: str) -> None:
    await add(c, priority=-5)  # the owner's
    async with login(installed, submitter) as it:
        await add(it, priority=0)
        for statement in (
            "insert into ingest_requests (source, priority) values ('/a', -1)",
            "select ingest_add('/a', priority => -2147483648)",
        ):
            with refused("IG043", "priority_too_urgent"):
                await it.execute(statement)
        # An administrator's own grants and policies may let it change what is its own.
        await c.execute(
            f"grant update (priority) on ingest_requests to {submitter};"
            f"create policy own on ingest_requests for update to {submitter} using (submitted_by = '{submitter}')"
        )
        await it.execute("update ingest_requests set priority = 5")
        with refused("IG043", "priority_too_urgent"):
            await it.execute("update ingest_requests set priority = -1")
        await it.execute("update ingest_requests set priority = 0")
        await limit(c, submitter, min_priority=10)
        with refused("IG043", "priority_too_urgent"):
            await add(it)
        await c.execute(
            "select ingest_grant($1, 'operator', 'default')", submitter
        )  # it would push ahead of everybody else
        with refused("IG043", "priority_too_urgent"):
            await it.execute("update ingest_requests set priority = -1")
        await c.execute("select ingest_grant($1, 'operator')", submitter)
        await it.execute("update ingest_requests set priority = -1")


# new collections


async def test_a_submitter_brings_no_more_collections_into_being_than_its_limit(
    c: Connection, installed: str, submitter: str
) -> None:
    await add_listener(c)
    await limit(c, submitter, max_new_collections=3)
    await collection(c, "there")
    async with login(installed, submitter) as it:
        with refused("IG043", "too_many_collections"):
            await it.execute(
                "insert into ingest_requests (source, collection) select '/a', 'n' || n from generate_series(1, 4) n"
            )
        await it.execute(
            "insert into ingest_requests (source, collection) select '/a', 'n' || n % 2 from generate_series(1, 9) n"
        )
        await claim(c, 4)
        await add(it, collection="n2")
        for _ in range(2):
            with refused("IG043", "too_many_collections"):
                await add(it, collection="n3")
            await claim(c, 100)
        for free in ("n0", "n1", "n2", "there", "default"):
            await add(it, collection=free)
        await c.execute("select ingest_cancel(id) from ingest_requests")
        await c.execute("delete from ingest_collections where name = 'n2'")
        await add(it, collection="n4")  # in the place of what is gone
        with refused("IG043", "too_many_collections"):
            await add(it, collection="n2")
    await add(c, collection="the owner's")


async def test_new_collections_of_open_transactions_keep_nobody_waiting(
    c: Connection, installed: str, submitter: str
) -> None:
    async with login(installed, submitter) as first, login(installed, submitter) as second:
        await first.execute("begin")
        await add(first, collection="new")
        await second.execute("set lock_timeout = '5s'")
        await add(second, collection="new")
        await add(second, collection="another")
