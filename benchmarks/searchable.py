"""From an INSERT's commit until its text is searchable, beside a bare script that listens, embeds and inserts.

One small text at a time, each when all is quiet again. Both are looked for by the same kind of statement, one row by a
key, again and again from this process. What a request costs besides is counted, not timed: commits that wrote to the
log, and the log's bytes, while as many were carried out as there are statements in between.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg

from benchmarks import bare_notes, session
from benchmarks.report import Options, Spread, Table
from listener.embedded import Server

LOOK_SECONDS = 0.0005
SEED = 7
WARM_UP = 5
OURS, BARE = "listener", "bare asyncpg script"

Add = Callable[[asyncpg.Connection, str], Awaitable[Any]]


@dataclass(frozen=True)
class SearchableWay:
    """How a text is inserted, and found; ``worker`` makes what carries it."""

    name: str
    insert: str
    look: str
    worker: Callable[[str], AbstractAsyncContextManager[session.Running]]


WAYS = (
    SearchableWay(
        OURS,
        "insert into ingest_requests (uri, content, collection) values ($1, $2, 'latency')",
        "select true from ingest_documents where collection = 'latency' and uri = $1 and revision_id is not null",
        session.listener,
    ),
    SearchableWay(
        BARE,
        "insert into bare_notes (uri, content) values ($1, $2)",
        "select true from bare_chunks where revision_id = (select max(id) from bare_notes where $1 <> '')",
        lambda dsn: session.worker("benchmarks.bare_notes", dsn),
    ),
)


async def measure(server: Server, options: Options) -> tuple[dict[str, Any], Table]:
    """Return the milliseconds of both ways, and what each text cost, as figures and as a table."""
    dsns = {way.name: await _database(server, number) for number, way in enumerate(WAYS)}
    await bare_notes.install(dsns[BARE])
    found: dict[str, list[dict[str, float]]] = {way.name: [] for way in WAYS}
    for number in range(options.rounds):
        for way in WAYS if number % 2 == 0 else WAYS[::-1]:
            found[way.name].append(await _one(way, dsns[way.name], options.size(100, 5)))
    spreads = {
        name: {figure: Spread.of(run[figure] for run in runs) for figure in runs[0]} for name, runs in found.items()
    }
    return spreads, _table(spreads)


async def _database(server: Server, number: int) -> str:
    name = f"searchable_{number}"
    await server.create_database(name, "ingest")
    return server.dsn(name)


async def _one(way: SearchableWay, dsn: str, count: int) -> dict[str, float]:
    chance = random.Random(SEED)
    connection = await asyncpg.connect(dsn)
    times: list[float] = []
    async with way.worker(dsn):
        for _ in range(WARM_UP):
            await _latency(way, connection)
        await asyncio.sleep(0.5)
        before = await _counts(connection)
        for _ in range(count):
            times.append(await _latency(way, connection))
            await asyncio.sleep(chance.uniform(0.05, 0.15))
        after = await _counts(connection)
    await connection.close()
    times.sort()
    return {
        "p50": times[len(times) // 2],
        "p90": times[len(times) * 9 // 10],
        "max": times[-1],
        "transactions": (after[0] - before[0]) / count,
        "log_bytes": (after[1] - before[1]) / count,
    }


async def _latency(way: SearchableWay, connection: asyncpg.Connection) -> float:
    """Add one; return the milliseconds from its commit until it is found."""
    key = str(uuid4())
    await connection.execute(way.insert, key, f"# Note\n\nSome words about {key}.")
    committed = time.monotonic_ns()
    while not await connection.fetchval(way.look, key):  # noqa: ASYNC110 - the other side is a database
        await asyncio.sleep(LOOK_SECONDS)
    return (time.monotonic_ns() - committed) / 1e6


async def _counts(connection: asyncpg.Connection) -> tuple[int, int]:
    """Return the next transaction's number, and the length of the log: what only reads moves neither."""
    query = """select pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
      (pg_current_wal_insert_lsn() - '0/0')::bigint"""
    row = await connection.fetchrow(query)
    return int(row[0]), int(row[1])


def _table(spreads: dict[str, dict[str, Spread]]) -> Table:
    table = Table(
        "INSERT committed → searchable, one small text at a time, ms; what each cost, its INSERT included",
        ["way", "p50", "p90", "max", "p50 / bare", "transactions that wrote", "bytes of the log"],
    )
    for name, of in spreads.items():
        ratio = of["p50"].ratio(spreads[BARE]["p50"])
        table.add(name, of["p50"], of["p90"], of["max"], ratio, of["transactions"], of["log_bytes"])
    return table
