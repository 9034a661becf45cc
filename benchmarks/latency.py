"""From an INSERT's commit to the first line of what it asked for: one at a time, and at 20/s whatever the answer takes.

And until a text is searchable, beside a bare script: see ``benchmarks.searchable``.

Each way has a database of its own on one server, and one worker process, alone while it is measured. All rows come
from this process, through one asyncpg pool: a request by plain INSERT, a job by pgqueuer's own producer, the others by
the SQL functions that their packages install, each a statement and a transaction of its own. The clock starts when the
driver says that it is committed. Ways take turns; the order moves on by one each round.

Our workflow goes on after its first line and makes a document searchable, in four steps; the others' jobs are one line.
"By LISTEN alone" is no queue, but the least in which DBOS starts anything: it claims nothing, and loses what it misses.
"""

from __future__ import annotations

import asyncio
import importlib
import random
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from benchmarks import searchable, session
from benchmarks.report import Options, Report, Spread, Table
from listener.embedded import Server

Add = Callable[[str], Awaitable[Any]]
Start = Callable[[str], AbstractAsyncContextManager[session.Running]]

SEED = 5
PER_SECOND = 20
FIGURES = ("p50", "p90", "p99", "max")
OURS, PEER = "listener", "pgqueuer"
INSERT = "insert into ingest_requests (id, content, uri, collection) values ($1, $2, $3, 'latency')"


@dataclass(frozen=True)
class Way:
    """One way from a row to work. ``module`` of benchmarks.peers; None: ours."""

    name: str
    module: str | None
    arguments: tuple[str, ...] = ()
    slow: bool = False

    async def install(self, dsn: str) -> None:
        """Make its tables."""
        if self.module:
            await self._peer.install(dsn)

    def worker(self, dsn: str) -> AbstractAsyncContextManager[session.Running]:
        """Run its worker."""
        if self.module is None:
            return session.listener(dsn)
        return session.worker(f"benchmarks.peers.{self.module}", dsn, *self.arguments)

    def producer(self, pool: asyncpg.Pool) -> Add:
        """Return what adds a request or a job under a key."""
        add: Add = self._peer.producer(pool) if self.module else _requests(pool)
        return add

    @property
    def _peer(self) -> Any:
        try:
            return importlib.import_module(f"benchmarks.peers.{self.module}")
        except ModuleNotFoundError as error:
            raise SystemExit(f"{error}; run: pip install '.[bench]'") from None


WAYS = (
    Way(OURS, None),
    Way(PEER, "pgqueuer"),
    Way("procrastinate", "procrastinate"),
    Way("DBOS, by LISTEN alone", "dbos_listen"),
    Way("DBOS queue, 50 ms", "dbos_queue", ("--queue", "bench", "--polling", "0.05")),
    Way("DBOS queue, default", "dbos_queue", ("--queue", "bench"), slow=True),
)


async def measure(options: Options) -> Report:
    """Return p50, p90, p99 and max of each way and round, in ms, the ratios of ours to pgqueuer's; until searchable."""
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    async with session.server(options.folder) as server:
        dsns = {way.name: await _database(server, way) for way in WAYS}
        for number in range(options.rounds):
            for way in _turned(WAYS, number):
                for pace, figures in (await _one(way, dsns[way.name], options)).items():
                    found.setdefault(pace, {}).setdefault(way.name, []).append(figures)
        through, table = await searchable.measure(server, options)
    spreads = {pace: {name: _spreads(runs) for name, runs in ways.items()} for pace, ways in found.items()}
    tables = [_table(pace, ways) for pace, ways in spreads.items()]
    return Report({**spreads, "searchable": through}, [*tables, table])


def _turned(ways: tuple[Way, ...], number: int) -> tuple[Way, ...]:
    first = number % len(ways)
    return ways[first:] + ways[:first]


async def _database(server: Server, way: Way) -> str:
    """Make a way's database; return its DSN."""
    name = f"latency_{WAYS.index(way)}"
    await server.create_database(name, "template1" if way.module else "ingest")
    await way.install(server.dsn(name))
    return server.dsn(name)


async def _one(way: Way, dsn: str, options: Options) -> dict[str, dict[str, float]]:
    """Measure one way in one round, at both paces."""
    count = options.size(150, 10)
    async with way.worker(dsn) as running, _pool(dsn) as pool:
        add = way.producer(pool)
        await _one_at_a_time(add, running, 5)  # what is imported, connected or planned at first use is not counted
        return {
            "one at a time": _figures(await _one_at_a_time(add, running, count // 5 if way.slow else count)),
            f"{PER_SECOND}/s": _figures(await _open_loop(add, running, count)),
        }


@asynccontextmanager
async def _pool(dsn: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(dsn, min_size=4, max_size=4, reset=_keep) as pool:
        yield pool


async def _keep(_: asyncpg.Connection) -> None:
    """Send nothing when a connection goes back: it would come between a commit and the look at the clock."""


async def _one_at_a_time(add: Add, running: session.Running, count: int) -> list[float]:
    """Each some time after the one before has begun, so that all is quiet again; uneven, to hit polls anywhere."""
    chance = random.Random(SEED)
    found = []
    for _ in range(count):
        found.append(await _latency(add, running))
        await asyncio.sleep(chance.uniform(0.05, 0.15))
    return found


async def _open_loop(add: Add, running: session.Running, count: int) -> list[float]:
    """As many a second as given, at random moments, whether or not those before have begun."""
    chance = random.Random(SEED)
    waiting = []
    for _ in range(count):
        waiting.append(asyncio.create_task(_latency(add, running)))
        await asyncio.sleep(chance.expovariate(PER_SECOND))
    return list(await asyncio.gather(*waiting))


async def _latency(add: Add, running: session.Running) -> float:
    """Add one; return the milliseconds from its commit to the first line of what it asked for."""
    key = str(uuid4())
    await add(key)
    committed = time.monotonic_ns()
    return (await running.began(key) - committed) / 1e6


def _requests(pool: asyncpg.Pool) -> Add:
    def add(key: str) -> Awaitable[Any]:
        return pool.execute(INSERT, UUID(key), f"# Note\n\nSome words about {key}.", key)

    return add


def _figures(samples: list[float]) -> dict[str, float]:
    ranked = statistics.quantiles(samples, n=100, method="inclusive")
    return {"p50": ranked[49], "p90": ranked[89], "p99": ranked[98], "max": max(samples)}


def _spreads(runs: list[dict[str, float]]) -> dict[str, Spread]:
    return {name: Spread.of(run[name] for run in runs) for name in FIGURES}


def _table(pace: str, ways: dict[str, dict[str, Spread]]) -> Table:
    table = Table(
        f"INSERT committed → first line, {pace}, ms",
        ["way", *FIGURES, f"p50 / {PEER}'s", "p99 / own p50"],
    )
    for way in WAYS:
        found = ways[way.name]
        ratio = found["p50"].ratio(ways[PEER]["p50"])
        table.add(way.name, *(found[name] for name in FIGURES), ratio, found["p99"].ratio(found["p50"]))
    return table
