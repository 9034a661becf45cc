"""A listener that sleeps takes what rings and sleeps on; where more and more comes it gives the idle lock up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from listener_process import ListenerProcess
from pipeline import ended, ingested, until
from staging import Connection, add, session

ASLEEP = """
  select count(*) = 1 from pg_locks where locktype = 'advisory' and mode = 'ExclusiveLock' and granted
    and (classid::bigint << 32) + objid::bigint = ingest_lock_key('idle')
    and database = (select oid from pg_database where datname = current_database())
"""
LATER = "insert into ingest_requests (content, run_at) values ('later', now() + interval '1 second') returning id"


@pytest.fixture
def it(tmp_path: Path, ready: str) -> Iterator[ListenerProcess]:
    """A listener that finds by itself only what rings."""
    it = ListenerProcess(ready, tmp_path, safety_poll_seconds=600).ready()
    yield it
    it.kill()


async def given_up(own: Connection) -> None:
    """Wait until the idle lock is given up."""
    await own.execute("select pg_advisory_lock_shared(ingest_lock_key('idle'))")
    await own.execute("select pg_advisory_unlock_shared(ingest_lock_key('idle'))")


async def test_a_listener_that_sleeps_carries_one_request_without_giving_up_the_idle_lock(
    it: ListenerProcess, own: Connection
) -> None:
    async with session(it.dsn) as c:
        await ingested(c, content="its collection is made now")
        await until(lambda: c.fetchval(ASLEEP))
        await asyncio.sleep(0.3)  # a quiet time is what this is about
        waiting = asyncio.create_task(given_up(own))
        for number in range(3):
            assert (await ingested(c, content=f"text {number}"))["status"] == "succeeded"
            await asyncio.sleep(0.3)
        assert not waiting.done()
        requests = [await add(c, content=f"one of many {number}") for number in range(200)]
        await asyncio.wait_for(waiting, 30)
        assert {row["status"] for row in await ended(c, *requests)} == {"succeeded"}


async def test_a_listener_that_sleeps_on_wakes_when_the_next_scheduled_request_is_due(it: ListenerProcess) -> None:
    async with session(it.dsn) as c:
        await ingested(c, content="its collection is made now")
        await until(lambda: c.fetchval(ASLEEP))
        await asyncio.sleep(0.3)
        async with c.transaction():
            now = await add(c, content="now")
            later = await c.fetchval(LATER)
        await ended(c, now, later)
