"""Notifications: any role may LISTEN, so they carry nothing; who hears one asks the status under its own rights."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from listener_process import ListenerProcess
from pipeline import ended
from staging import Connection, add, session

import listener
from listener import RequestError
from listener.client import statements

UNFINISHED = statements.UNFINISHED.format(schema="public")
CHANNELS = ("finished", "doorbell", "commands", "queries")
OF_DBOS = ("dbos_notifications_channel", "dbos_workflow_events_channel", "dbos_streams_channel")
# By channel: what a look calls; how often it does in a second at most, and at first.
FLOODED = {
    "doorbell": ("ingest_claim", 2 * 20, 100),
    "commands": ("ingest_take_cancels", 50, 10),
    "queries": ("ingest_take_queries", 20, 15),
}
TOMORROW = "select now() + interval '1 day'"


@asynccontextmanager
async def role(c: Connection, *kinds: str) -> AsyncIterator[str]:
    name = f"role_{uuid.uuid4().hex}"
    await c.execute(f"create role {name} login")
    try:
        for kind in kinds:
            await c.execute("select ingest_grant($1, $2)", name, kind)
        yield name
    finally:
        await c.execute(f"drop owned by {name} cascade; drop role {name}")


def as_role(dsn: str, name: str) -> str:
    return dsn.replace("//postgres@", f"//{name}@")


@pytest.fixture
def process(ready: str, listeners: list[ListenerProcess], tmp_path: Path) -> ListenerProcess:
    """A listener in ``ready``."""
    it = ListenerProcess(ready, tmp_path)
    listeners.append(it)
    return it.ready()


async def test_whoever_listens_hears_nothing_but_that_something_happened(
    ready: str, own: Connection, process: ListenerProcess
) -> None:
    heard: dict[str, set[str]] = {}

    def hear(_c: object, _pid: int, channel: str, payload: object) -> None:
        heard.setdefault(channel, set()).add(str(payload))

    async with role(own) as stranger, session(as_role(ready, stranger)) as spy:
        for channel in (*[f"ingest_{name}" for name in CHANNELS], *OF_DBOS):
            await spy.add_listener(channel, hear)
        good = [await add(own, uri=f"{n}", content=f"text {n}") for n in range(5)]
        bad = await add(own, uri="bad.exe", content="")
        assert len(await ended(own, *good, bad)) == 6
        process.hold("before:embed", key="slowly")
        slow = await add(own, uri="slow", content="It goes slowly.")
        await asyncio.to_thread(process.held, "before:embed", "slowly")
        await own.execute("select ingest_cancel($1)", slow)
        process.go()
        await own.execute("call ingest_embed_query('my secret')")
        wanted = {f"ingest_{name}" for name in CHANNELS}
        while not heard.keys() >= wanted:
            await spy.execute("select")
    assert heard == {channel: {""} for channel in wanted}


async def test_a_submitter_waits_for_its_own_requests_and_another_s_is_not_there(
    ready: str, own: Connection, process: ListenerProcess
) -> None:
    async with (
        role(own, "submitter") as one,
        role(own, "submitter") as other,
        asyncpg.create_pool(as_role(ready, one), min_size=1, max_size=3) as pool,
        listener.connect(pool) as ingest,
        listener.connect(as_role(ready, other)) as another,
    ):
        request = await ingest.add(content="Kittens purr.", uri="cats")
        for wait in (another.wait(request), anext(another.follow([request])), another.wait_all([request])):
            with pytest.raises(RequestError) as refused:
                await wait
            assert refused.value.code == "unknown_request"
        assert (await ingest.wait(request, timeout=60)).status == "succeeded"
        (status,) = [seen async for seen in ingest.follow([request])][-1]
        assert status.status == "succeeded"
    assert process.process.poll() is None


async def test_a_request_that_is_hidden_while_it_is_waited_for_ends_the_wait(ready: str, own: Connection) -> None:
    async with (
        role(own, "operator", "submitter") as name,
        asyncpg.create_pool(as_role(ready, name), min_size=1, max_size=3) as pool,
        listener.connect(pool) as ingest,
    ):
        request = await add(own, content="later", run_at=await own.fetchval(TOMORROW))
        wait = asyncio.create_task(ingest.wait(request))
        looked = "select count(*) from pg_stat_activity where query = $1"
        while not await own.fetchval(looked, UNFINISHED):
            pass  # a round trip each time; the test's own timeout ends it
        await own.execute("select ingest_revoke($1, 'operator')", name)
        await own.execute("notify ingest_finished")
        with pytest.raises(RequestError) as refused:
            await wait
        assert refused.value.code == "unknown_request"


async def test_a_flood_of_rings_makes_a_listener_look_no_more_than_now_and_then(
    ready: str, own: Connection, listeners: list[ListenerProcess], tmp_path: Path
) -> None:
    database = await own.fetchval("select current_database()")
    await own.execute(f"alter database {database} set track_functions = 'all'")
    listeners.append(process := ListenerProcess(ready, tmp_path))
    process.ready()
    took = dict.fromkeys(FLOODED, 0.0)
    async with role(own) as stranger, session(as_role(ready, stranger)) as spammer:
        for channel in FLOODED:
            began = time.monotonic()
            await spammer.execute(
                f"do $$ begin while clock_timestamp() < statement_timestamp() + interval '2 s' loop"
                f" notify ingest_{channel}; commit; end loop; end $$"
            )
            await ended(own, await add(own, content=f"after {channel}"))
            took[channel] = time.monotonic() - began
    seen = "select coalesce(sum(calls), 0) from pg_stat_user_functions where funcname = $1"
    for channel, (function, looks, first) in FLOODED.items():
        assert await own.fetchval(seen, function) <= first + looks * took[channel], channel


class Looks:
    """Counts the looks that connections of a pool have taken."""

    def __init__(self) -> None:
        self.taken = 0

    async def watch(self, connection: Connection) -> None:
        connection.add_query_logger(self._log)

    def _log(self, query: Any) -> None:
        self.taken += query.query == UNFINISHED


async def test_those_who_wait_look_together_and_no_more_for_a_flood_of_rings(ready: str, own: Connection) -> None:
    waiters, rings = 50, 2000
    looks = Looks()
    heard = asyncio.Event()
    requests = [await add(own, content=f"{n}", run_at=await own.fetchval(TOMORROW)) for n in range(waiters)]
    async with (
        asyncpg.create_pool(ready, min_size=1, max_size=3, init=looks.watch, reset=_keep) as pool,
        listener.connect(pool) as ingest,
    ):
        waits = [asyncio.create_task(ingest.wait(request)) for request in requests]
        while looks.taken < waiters:
            await own.execute("select")
        await own.add_listener("ingest_finished", lambda *_: heard.set())
        await own.execute("select pg_notify('ingest_finished', n::text) from generate_series(1, $1::int) n", rings)
        await heard.wait()
        await own.execute("select ingest_cancel(id) from ingest_requests")
        await own.execute("notify ingest_finished")
        assert {status.status for status in await asyncio.gather(*waits)} == {"cancelled"}
    # Each has looked once by itself; then all of them together, after a ring and once a second.
    assert waiters < looks.taken < waiters + rings // 10


async def _keep(_: object) -> None:
    """Leave a connection as it is: a reset would forget who counts."""


async def test_a_wait_whose_connection_breaks_ends_with_the_error(ready: str, own: Connection) -> None:
    request = await add(own, content="later", run_at=await own.fetchval(TOMORROW))
    connection = await asyncpg.connect(ready)
    async with listener.connect(connection) as ingest:
        wait = asyncio.create_task(ingest.wait(request))
        pid = connection.get_server_pid()
        looked = "select count(*) from pg_stat_activity where pid = $1 and query = $2 and state = 'idle'"
        while not await own.fetchval(looked, pid, UNFINISHED):
            pass  # a round trip each time; the test's own timeout ends it
        await own.execute("select pg_terminate_backend($1)", pid)
        with pytest.raises((listener.OperatorError, asyncpg.InterfaceError)):
            await wait
    with suppress(asyncpg.PostgresError, OSError):
        await connection.close(timeout=1)
