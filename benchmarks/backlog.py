"""What a claim and an insert take when there is much else: the same calls beside 1,000 pending requests.

::

    pending              1 k, 100 k, 1 M requests that are due, all of them claimable
    finished             1 M finished ones, and 1 k pending
    scheduled            1 M for tomorrow, more urgent than the 1 k pending
    full collection      1 k and 1 M of a collection at its limit, more urgent than the 1 k pending
    submitter at limit   1 M of a submitter at its limit, more urgent than the 1 k pending
    another submitter    1 M of another submitter, in one collection, and each in one of its own
    root of nobody       1 M below a folder that is no listener's, more urgent than the 1 k pending
    old snapshot         100 k were claimed and ended, while a transaction that is still open keeps VACUUM from removing
                         what they left

Each is a database of its own, kept for the whole run; they take turns, round by round. A call is the statement that
listeners send, with one free place, from where a listener would begin to look (``listener.engine.line``: after a long
look further back, for a while; p99 shows the long ones). It is timed by its client, its commit is not: what a flush
takes is the disk's affair.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from statistics import median, quantiles
from typing import Any, TypeVar

import asyncpg

from benchmarks import session
from benchmarks.report import Options, Report, Spread, Table
from listener import embedded
from listener.database.connections import qualifying
from listener.database.names import Names
from listener.engine import engine_rows
from listener.engine.line import WhoseTurn
from listener.pipeline.capacity import Room

T = TypeVar("T")

FEW, MANY, MOST = 1_000, 100_000, 1_000_000
CALLS = 200
EXECUTOR = "backlog"
ROOTS = ["/srv"]
ROOM = Room(1, 1, 0, {})
CLAIMANT = engine_rows.Claimant(
    EXECUTOR, ROOTS, json.dumps({"embedder": "local", "endpoint": "", "model": "none", "dimensions": 3})
)

LISTENER = """
insert into ingest_listeners (executor_id, host, pid, version, pipeline, capacity, roots, lease)
values ($1, 'here', 1, '0', '0', 10, $2, '1 day')
"""
REQUESTS = """
insert into ingest_requests (source, collection, priority, run_at)
select $2 || '/report-' || n || '.md', replace($3, '#', n::text), $4, now() + $5::int * interval '1 day'
from generate_series(1, $1::int) n
"""
LIMIT = "insert into ingest_limits (role, max_running) values ('app', 0)"
OTHERS = """
with system as materialized (select ingest_as_system())
update ingest_requests r set submitted_by = $1 from system where status = 'pending'
"""
FINISH = """
with system as materialized (select ingest_as_system())
update ingest_requests r set status = 'cancelled', finished_at = clock_timestamp() from system where status = 'pending'
"""
INSERT = "insert into ingest_requests (source, collection) values ('/srv/new.md', 'c')"
SETTLE = "select ingest_settle(r.id, null, null) from ingest_requests r where r.status = 'running'"
BASE = "1,000 pending"


@dataclass
class Case:
    """A database with a backlog; ``claims`` and ``inserts`` fill with [median, p99] of each round, in ms."""

    connection: asyncpg.Connection
    claims: list[tuple[float, float]] = field(default_factory=list)
    inserts: list[tuple[float, float]] = field(default_factory=list)
    lines: WhoseTurn = field(default_factory=WhoseTurn)
    empty: int = 0

    async def round(self, calls: int) -> None:
        """Insert and claim in turns, so that the backlog stays what it is."""
        claims, inserts = [], []
        for _ in range(calls):
            inserts.append((await self._timed(partial(self.connection.fetch, INSERT)))[0])
            asked = self.lines.asked()
            claim = partial(engine_rows.claim, self.connection.fetch, CLAIMANT, ROOM, True, asked)
            seconds, (claimed, _, answer) = await self._timed(claim)
            self.lines.answered(asked, answer, [one.standing for one in claimed], seconds)
            claims.append(seconds)
            self.empty += not claimed
        for found, times in ((self.claims, claims), (self.inserts, inserts)):
            found.append((median(times) * 1000, quantiles(times, n=100, method="inclusive")[98] * 1000))

    async def _timed(self, statement: Callable[[], Awaitable[T]]) -> tuple[float, T]:
        async with self.connection.transaction():
            began = time.perf_counter()
            found = await statement()
            return time.perf_counter() - began, found


async def measure(options: Options) -> Report:
    """Return median and p99 of claims and inserts, in ms, for each backlog, and how much longer than the least."""
    calls = options.size(CALLS, 20)
    async with session.server(options.folder) as server:
        cases: dict[str, Case] = {}
        for name, backlog in _backlogs(options).items():
            began = time.monotonic()
            cases[name] = await _make(server, f"backlog_{len(cases)}", backlog)
            print(f"{name}: made in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        async with _old_snapshot(server, "backlog_old") as case:
            await _churn(case, options.size(MANY, FEW))
            cases["old snapshot"] = case
            for _ in range(options.rounds):
                for found in cases.values():
                    await found.round(calls)
        for found in cases.values():
            await found.connection.close()
    broken = [f"{name}: {case.empty} claims took nothing" for name, case in cases.items() if case.empty]
    return Report(_figures(cases), [_table(cases)], broken)


def _backlogs(options: Options) -> dict[str, dict[str, Any]]:
    """Return what is in the way in each database, before the 1,000 pending ones."""
    many, most = options.size(MANY, 2 * FEW), options.size(MOST, 5 * FEW)
    return {
        BASE: {},
        f"{many:,} pending": {"count": many},
        f"{most:,} pending": {"count": most},
        f"{most:,} finished": {"count": most, "finished": True},
        f"{most:,} scheduled": {"count": most, "priority": -9, "days": 1},
        f"{FEW:,} of a full collection": {"count": FEW, "priority": -9, "collection": "full"},
        f"{most:,} of a full collection": {"count": most, "priority": -9, "collection": "full"},
        f"{most:,} of a submitter at its limit": {"count": most, "priority": -9, "limited": True},
        f"{most:,} of another submitter": {"count": most, "other": True},
        f"{most:,} of another one, each in a collection of its own": {"count": most, "other": True, "collection": "#"},
        f"{most:,} below a root of nobody": {"count": most, "priority": -9, "folder": "/elsewhere"},
    }


async def _make(server: embedded.Server, database: str, backlog: Mapping[str, Any]) -> Case:
    connection = await _database(server, database)
    await connection.execute("""select ingest_collection('full', '{"max_running": 1}')""")
    await connection.execute(LIMIT)
    await _add(connection, 1, collection="full")
    await _claim(connection, 1)
    given = dict(backlog)
    if count := given.pop("count", 0):
        finished, limited, other = (given.pop(name, False) for name in ("finished", "limited", "other"))
        await _add(connection, count, **given)
        if finished:
            await connection.execute(FINISH)
        if limited:
            await connection.execute(OTHERS, "app")
        if other:
            await connection.execute(OTHERS, "another")
    await _add(connection, FEW)
    await connection.execute("vacuum analyze")  # as autovacuum does in time
    return Case(connection)


async def _claim(connection: asyncpg.Connection, most: int) -> None:
    await engine_rows.claim(connection.fetch, CLAIMANT, Room(most, most, 0, {}), True, WhoseTurn().asked())


async def _database(server: embedded.Server, name: str) -> asyncpg.Connection:
    """Return a connection to a new database with one listener."""
    await session.migrated(server, name)
    connection = await asyncpg.connect(
        server.dsn(name), statement_cache_size=100, connection_class=qualifying(Names("public", "public"))
    )
    await connection.execute(LISTENER, EXECUTOR, ROOTS)
    return connection


async def _add(
    connection: asyncpg.Connection, count: int, folder: str = "/srv", collection: str = "c", priority: int = 0,
    days: int = 0,
) -> None:  # fmt: skip
    await connection.execute(REQUESTS, count, folder, collection, priority, days, timeout=1200)


@asynccontextmanager
async def _old_snapshot(server: embedded.Server, name: str) -> AsyncIterator[Case]:
    """Give a database in which a transaction stays open that reads nothing and keeps everything."""
    case = await _make(server, name, {})
    holder = await asyncpg.connect(server.dsn(name))
    async with holder.transaction(isolation="repeatable_read"):
        await holder.fetchval("select count(*) from ingest_requests")
        yield case
    await holder.close()


async def _churn(case: Case, count: int) -> None:
    """Insert, claim and end so many requests; leave the 1,000 that are newest."""
    for _ in range(count // FEW):
        await _add(case.connection, FEW)
        await _claim(case.connection, FEW)
        await case.connection.execute(SETTLE + " and r.collection = 'c'")
    await case.connection.execute("vacuum analyze")  # removes nothing


def _figures(cases: dict[str, Case]) -> dict[str, Any]:
    return {
        name: {
            kind: {"median_ms": Spread.of(m for m, _ in runs), "p99_ms": Spread.of(p for _, p in runs)}
            for kind, runs in (("claim", case.claims), ("insert", case.inserts))
        }
        for name, case in cases.items()
    }


def _table(cases: dict[str, Case]) -> Table:
    table = Table(
        "Backlog: ms of a claim and of an insert, without their commits",
        ["beside", "claim", "its p99", "× the claim beside 1,000", "insert", "its p99", "× the insert beside 1,000"],
    )
    figures = _figures(cases)
    for name, found in figures.items():
        cells: list[object] = []
        for kind in ("claim", "insert"):
            of, base = found[kind]["median_ms"], figures[BASE][kind]["median_ms"]
            cells += [of, found[kind]["p99_ms"], of.ratio(base)]
        table.add(name, *cells)
    return table
