"""How long it takes until work goes on: after a listener's SIGKILL at the default lease, and after Postgres is back."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks import fleet
from benchmarks.report import Spread
from listener import embedded

LOOK_SECONDS = 0.01


async def takeovers(server: embedded.Server, folder: Path, service: fleet.Service, kills: int) -> Spread:
    """SIGKILL in the middle of an embed step → the batch's next step, on the other listener (defaults: lease 10 s)."""
    two = fleet.Fleet(server.dsn(), folder / "takeovers", service.url)
    for _ in range(2):
        await two.add()
    seconds = []
    connection = await fleet.connect(server.dsn())
    for number in range(kills):
        await two.matured(2)
        before = len(service.sent)
        await _insert(connection, f"takeover {number}")
        victim = await _next_sender(service, before)
        killed = time.monotonic()
        await two.kill(victim)
        await two.add()
        await _next_sender(service, before + 1)
        seconds.append(time.monotonic() - killed)
        await _all_ended(connection)
    await connection.close()
    await two.stop()
    return Spread.of(seconds)


async def restarts(server: embedded.Server, folder: Path, service: fleet.Service, times: int) -> Spread:
    """Postgres, killed, accepts connections again → a listener claims the request that is inserted at once."""
    two = fleet.Fleet(server.dsn(), folder / "restarts", service.url)
    for _ in range(2):
        await two.add()
    await two.matured(2)
    seconds = []
    for number in range(times):
        accepted = await fleet.restart_postgres(server, away_seconds=2.0)
        connection = await fleet.connect(server.dsn())
        request = await _insert(connection, f"restart {number}")
        query = "select status <> 'pending' from ingest_requests where id = $1"
        while not await connection.fetchval(query, request):  # noqa: ASYNC110 - the other side is a database
            await asyncio.sleep(LOOK_SECONDS)
        seconds.append(time.monotonic() - accepted)
        await _all_ended(connection)
        await connection.close()
    await two.stop()
    return Spread.of(seconds)


async def _insert(connection: asyncpg.Connection, text: str) -> Any:
    query = "insert into ingest_requests (content, uri, collection) values ($1, $1, 'times') returning id"
    return await connection.fetchval(query, text)


async def _next_sender(service: fleet.Service, count: int) -> str:
    """Wait until more than ``count`` texts were sent; return who sent the one after these."""
    while len(service.sent) <= count:  # noqa: ASYNC110 - the service fills a list
        await asyncio.sleep(0.002)
    return service.sent[count][0]


async def _all_ended(connection: asyncpg.Connection) -> None:
    query = "select count(*) from ingest_requests where status in ('pending', 'running')"
    while await connection.fetchval(query):  # noqa: ASYNC110 - the other side is a database
        await asyncio.sleep(LOOK_SECONDS)
