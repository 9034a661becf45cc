"""``call ingest_embed_query``: how long a caller waits for the local embedder's vector, and how many are answered.

One caller after another, each with a text that is new; then 16 at a time, each on a connection of its own; then texts
that are known. The listener is otherwise idle. All callers are one role, that of the owner.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import asyncpg

from benchmarks import session
from benchmarks.report import Options, Report, Spread, Table

CALLERS = 16
CALL = "call ingest_embed_query($1)"
INSERT = "insert into ingest_requests (content, uri) values ('Kittens purr.', 'cats')"
FIGURES = {"p50": "p50, ms", "p99": "p99, ms", "per_second": "calls/s"}


async def measure(options: Options) -> Report:
    """Return p50, p99 and calls a second of each way to call, over the rounds."""
    found: dict[str, list[dict[str, float]]] = {}
    texts = (f"question number {number}" for number in range(10_000_000))
    async with (
        session.server(options.folder) as server,
        session.listener(server.dsn()),
        _callers(server.dsn()) as callers,
    ):
        await _ready(callers[0], next(texts))
        for _ in range(options.rounds):
            for way, figures in (await _round(callers, texts, options.size(200, 5))).items():
                found.setdefault(way, []).append(figures)
    spreads = {way: {key: Spread.of(run[key] for run in runs) for key in FIGURES} for way, runs in found.items()}
    table = Table("call ingest_embed_query", ["", *FIGURES.values()])
    for way, spread in spreads.items():
        table.add(way, *spread.values())
    return Report(spreads, [table])


@asynccontextmanager
async def _callers(dsn: str) -> AsyncIterator[list[asyncpg.Connection]]:
    connections = [await asyncpg.connect(dsn) for _ in range(CALLERS)]
    try:
        yield connections
    finally:
        for connection in connections:
            await connection.close()


async def _ready(connection: asyncpg.Connection, text: str) -> None:
    """Give the default collection its space, and have the listener load its embedder."""
    ended = asyncio.Event()
    await connection.add_listener("ingest_finished", lambda *_: ended.set())
    await connection.execute(INSERT)
    await asyncio.wait_for(ended.wait(), 60)
    await connection.execute(CALL, text)


async def _round(callers: list[asyncpg.Connection], texts: Iterator[str], count: int) -> dict[str, dict[str, float]]:
    known = [next(texts) for _ in range(count)]
    return {
        "one at a time": await _timed(callers[:1], [known]),
        f"{CALLERS} at a time": await _timed(callers, [[next(texts) for _ in range(count)] for _ in callers]),
        "known": await _timed(callers[:1], [known]),
    }


async def _timed(callers: list[asyncpg.Connection], asked: list[list[str]]) -> dict[str, float]:
    """Have each caller ask its texts, one after the other."""
    took: list[float] = []

    async def ask(caller: asyncpg.Connection, own: list[str]) -> None:
        for text in own:
            began = time.perf_counter()
            await caller.execute(CALL, text)
            took.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*map(ask, callers, asked))
    seconds = time.perf_counter() - began
    cuts = statistics.quantiles(took, n=100, method="inclusive")
    return {"p50": cuts[49] * 1000, "p99": cuts[98] * 1000, "per_second": len(took) / seconds}
