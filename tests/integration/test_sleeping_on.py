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


async def carried_asleep(c: Connection, own: Connection) -> bool:
    """Have a sleeping listener carry a request; tell whether the idle lock was held all the time."""
    await until(lambda: c.fetchval(ASLEEP))
    await asyncio.sleep(0.3)  # a quiet time is what this is about
    waiting = asyncio.create_task(own.execute("select pg_advisory_lock_shared(ingest_lock_key('idle'))"))
    await ingested(c, content="a text")
    held = not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await own.execute("select pg_advisory_unlock_all()")
    return held


async def test_a_listener_that_sleeps_carries_a_request_without_giving_up_the_idle_lock(
    it: ListenerProcess, own: Connection
) -> None:
    async with session(it.dsn) as c:
        for _ in range(20):  # after a claim that took long it looks again
            if await carried_asleep(c, own):
                return
        raise AssertionError("it gave the idle lock up each time")


async def test_a_listener_to_which_more_and_more_comes_gives_the_idle_lock_up(
    it: ListenerProcess, own: Connection
) -> None:
    async with session(it.dsn) as c:
        await until(lambda: c.fetchval(ASLEEP))
        waiting = asyncio.create_task(own.execute("select pg_advisory_lock_shared(ingest_lock_key('idle'))"))
        requests = [await add(c, content=f"one of many {number}") for number in range(200)]
        await asyncio.wait_for(waiting, 30)
        await own.execute("select pg_advisory_unlock_all()")
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


async def test_a_listener_takes_no_harm_from_a_request_that_is_put_off_for_ever(it: ListenerProcess) -> None:
    async with session(it.dsn) as c:
        await c.execute("insert into ingest_requests (content, run_at) values ('never', 'infinity')")
        for number in range(2):
            await ingested(c, content=f"one of {number}")


@pytest.mark.long
async def test_what_is_due_by_the_time_that_a_start_is_through_begins_then(
    it: ListenerProcess, own: Connection
) -> None:
    later = LATER.replace("1 second", "4 seconds")
    async with session(it.dsn) as c:
        await ingested(c, content="its collection is made now")
        await until(lambda: c.fetchval(ASLEEP))
        await asyncio.sleep(0.3)
        async with own.transaction():
            await own.execute("lock table dbos.workflow_status in access exclusive mode")  # so long takes the start
            async with c.transaction():
                now, due = await add(c, content="now"), await c.fetchval(later)
            await until(lambda: c.fetchval("select run_at < now() from ingest_requests where id = $1", due))
        await ended(c, now, due, within=3)
