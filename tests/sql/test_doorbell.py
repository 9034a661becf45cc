"""When the doorbell rings, and when it stays silent. A second session listens; a third may hold the idle lock."""

from __future__ import annotations

import asyncpg
import pytest
from staging import Connection, add, add_listener, claim, collection, settle


class Doorbell:
    """A sleeping listener: it LISTENs, holds the idle lock, and counts the rings."""

    def __init__(self, session: Connection) -> None:
        self.session = session
        self.rings: list[str] = []
        self.channel = "ingest_doorbell"

    async def rest(self) -> str:
        await self.session.add_listener(self.channel, lambda *ring: self.rings.append(str(ring[3])))
        return str(await self.session.fetchval("select ingest_rest()"))

    async def heard(self) -> int:
        """Return the rings since it was last asked: what was notified before a round trip's answer came before it."""
        await self.session.fetchval("select 1")
        count = len(self.rings)
        self.rings.clear()
        return count


@pytest.fixture
async def sleeping(other: Connection) -> Doorbell:
    doorbell = Doorbell(other)
    assert await doorbell.rest() == "resting"
    return doorbell


async def test_an_insert_rings_while_a_listener_sleeps(c: Connection, sleeping: Doorbell) -> None:
    await add(c)
    assert await sleeping.heard() == 1
    await c.execute("insert into ingest_requests (source) select '/a' from generate_series(1, 100)")
    assert await sleeping.heard() == 1


async def test_an_insert_is_silent_while_nobody_sleeps(c: Connection, sleeping: Doorbell) -> None:
    await sleeping.session.execute("select ingest_wake()")
    await add(c)
    assert await sleeping.heard() == 0


async def test_a_rolled_back_insert_is_silent(c: Connection, sleeping: Doorbell) -> None:
    await c.execute("begin")
    await add(c)
    await c.execute("rollback")
    assert await sleeping.heard() == 0


async def test_a_request_for_later_rings_so_that_the_listener_sets_its_timer(c: Connection, sleeping: Doorbell) -> None:
    await c.execute("insert into ingest_requests (source, run_at) values ('/a', now() + interval '1 day')")
    assert await sleeping.heard() == 1


async def test_an_update_to_an_earlier_time_rings(c: Connection, sleeping: Doorbell) -> None:
    await c.execute("insert into ingest_requests (source, run_at) values ('/a', now() + interval '1 day')")
    await sleeping.heard()
    await c.execute("update ingest_requests set run_at = now() + interval '1 hour'")
    assert await sleeping.heard() == 1
    await c.execute("update ingest_requests set run_at = now()")
    assert await sleeping.heard() == 1


async def test_a_request_that_goes_back_to_pending_rings(c: Connection, sleeping: Doorbell) -> None:
    await add_listener(c)
    request = await add(c)
    await claim(c)
    await sleeping.heard()
    assert await c.fetchval("select ingest_unclaim($1, 'L1')", request)
    assert await sleeping.heard() == 1


async def test_a_claim_and_an_end_without_a_limit_are_silent(c: Connection, sleeping: Doorbell) -> None:
    await add_listener(c)
    request = await add(c)
    await sleeping.heard()
    assert await claim(c) == [request]
    await settle(c, request)
    assert await sleeping.heard() == 0


async def test_a_raised_limit_rings_and_another_setting_does_not(c: Connection, sleeping: Doorbell) -> None:
    await collection(c, "c", max_running=1)
    await sleeping.heard()
    await collection(c, "c", max_running=2)
    assert await sleeping.heard() == 1
    await collection(c, "c", max_running=None)
    assert await sleeping.heard() == 1
    await collection(c, "c", chunk_size=500)
    assert await sleeping.heard() == 0


async def test_a_freed_place_of_a_limited_collection_rings(c: Connection, sleeping: Doorbell) -> None:
    await add_listener(c)
    await collection(c, "c", max_running=1)
    request = await add(c, collection="c")
    assert await claim(c) == [request]
    await sleeping.heard()
    await settle(c, request)
    assert await sleeping.heard() == 1


async def test_a_silenced_transaction_does_not_ring(c: Connection, sleeping: Doorbell) -> None:
    async with c.transaction():
        await c.execute("set local ingest.silent = on")
        await add(c)
    assert await sleeping.heard() == 0


async def test_a_transaction_that_rang_cannot_be_prepared(c: Connection, sleeping: Doorbell) -> None:
    await c.execute("begin")
    await add(c)
    with pytest.raises(asyncpg.FeatureNotSupportedError, match="NOTIFY"):
        await c.execute("prepare transaction 'rang'")


async def test_a_silenced_transaction_can_be_prepared(c: Connection, other: Connection, sleeping: Doorbell) -> None:
    await c.execute("begin; set local ingest.silent = on")
    await add(c)
    await c.execute("prepare transaction 'silenced'")
    await c.execute("commit prepared 'silenced'")
    assert await c.fetchval("select count(*) from ingest_requests") == 1
    assert await sleeping.heard() == 0


async def test_a_prepared_insert_counts_as_an_open_one(c: Connection, other: Connection) -> None:
    await c.execute("begin")
    await add(c)
    await c.execute("prepare transaction 'open'")
    assert await other.fetchval("select ingest_rest()") == "inserters"
    await c.execute("rollback prepared 'open'")
    assert await other.fetchval("select ingest_rest()") == "resting"


async def test_rest_tells_who_holds_the_idle_lock(c: Connection, other: Connection, third: Connection) -> None:
    assert await c.fetchval("select ingest_rest()") == "resting"
    assert await other.fetchval("select ingest_rest()") == "listener"
    await c.execute("select ingest_wake()")
    await third.execute("begin")
    await add(third)  # silent: nobody sleeps
    assert await c.fetchval("select ingest_rest()") == "inserters"
    await third.execute("rollback")
    assert await other.fetchval("select ingest_rest()") == "resting"


async def test_a_rest_that_failed_leaves_no_lock(c: Connection, other: Connection, third: Connection) -> None:
    await third.execute("begin")
    await add(third)
    assert await c.fetchval("select ingest_rest()") == "inserters"
    await third.execute("commit")
    assert await other.fetchval("select ingest_rest()") == "resting"
    assert await c.fetchval("select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()") == 0


async def test_nobody_waits_for_a_sleeping_listener_or_an_open_insert(
    c: Connection, third: Connection, sleeping: Doorbell
) -> None:
    await collection(c)
    await c.execute("begin")
    await add(c)
    await third.execute("set lock_timeout = '10s'")
    await add(third)
    assert await sleeping.heard() >= 1


async def test_a_cancel_of_a_running_request_is_told_on_the_channel_of_commands(
    c: Connection, other: Connection
) -> None:
    told: list[str] = []
    await other.add_listener("ingest_commands", lambda *note: told.append(str(note[2])))
    await add_listener(c)
    request = await add(c)
    await claim(c)
    await c.execute("select ingest_cancel($1)", request)
    await other.fetchval("select 1")
    assert told == ["ingest_commands"]
