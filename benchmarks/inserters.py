"""What our triggers cost those who insert: pgbench, single rows, beside twins of the table without our triggers.
(Then many rows at once: ``inserters_bulk``.)

::

    without    a twin of ingest_requests: its columns, constraints and indexes, no trigger
    notify     such a twin with the trigger that comes to mind first: NOTIFY for each statement, the doorbell's channel
    as it is   ingest_requests, with validation and doorbell

    listeners  absent · idle (asleep behind the doorbell) · busy (with a backlog of other requests, all the time)
    flush      the disk's own, and 2 ms (commit_delay, whoever else commits)

All arms insert the same statement, a request for tomorrow, so that no arm brings the listeners work: what keeps them
busy is a backlog of their own, and how much of it they did during each run is measured too. The twins' defaults are
what the triggers fill in. To an idle listener such a row is the worst case: it looks, finds nothing to do and goes to
sleep, so each commit rings; a row that is due would make it busy. A busy one never holds the idle lock.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import asyncpg

from benchmarks import inserters_bulk, session
from benchmarks.report import Options, Report, Spread, Table
from listener import embedded

LISTENERS = 2
RUN_SECONDS = 3  # a session compiles the triggers once: what that takes is little of it
PATIENCE_SECONDS = 60.0
MOST_REQUESTS_PER_SECOND = 1500  # of all listeners together: the backlog lasts for a run
FLUSHES = {"the disk's": 0, "2 ms": 2000}  # microseconds that the leader of a group of commits waits
ARMS = {"without": "twin_without", "notify": "twin_notify", "as it is": "ingest_requests"}
STATES = ("absent", "idle", "busy")
INSERT = "insert into {table} (source, run_at) values ('/srv/documents/report.md', now() + interval '1 day');"

TWINS = """
create table twin_{name} (like ingest_requests including {what});
alter table twin_{name} alter due set default false, alter id set default gen_random_uuid();
"""
NOTIFY = """
create function twin_rings() returns trigger language plpgsql as
  $$ begin perform pg_notify('ingest_doorbell', ''); return null; end $$;
create trigger rings after insert on twin_notify for each statement execute function twin_rings();
"""
EMPTY = """
create function twin_passes() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger prepare before insert on twin_empty for each row execute function twin_passes();
"""
LEAN = "alter table twin_{name} add primary key (id);"
PARTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "columns and primary key": ("twin_lean", ()),
    "… with constraints": ("twin_checked", ()),
    "… with indexes: without our triggers": ("twin_without", ()),
    "… with a trigger that does nothing": ("twin_empty", ()),
    "as it is": ("ingest_requests", ()),
}
"""Table, triggers that are off meanwhile."""

BACKLOG = "select count(*) from ingest_requests where status = 'pending' and due and not limited"
ADD_WORK = """
insert into ingest_requests (content, uri, collection, priority)
select 'A note to work on.', 'note-' || n, 'work', -1 from generate_series(1, $1::int) n
"""
NO_WORK = "select ingest_cancel(id) from ingest_requests where collection = 'work' and status = 'pending'"
ASLEEP = """
select exists (select from pg_locks l, ingest_lock_key('idle') key where l.locktype = 'advisory' and l.granted
  and l.mode = 'ExclusiveLock' and (l.classid::bigint << 32 | l.objid::bigint) = key)
"""
RUNNING = "select count(*) > 0 from ingest_requests where status = 'running'"
PER_SECOND = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)


@dataclass
class Runs:
    """The runs of one arm: inserts/s, and what the listeners did meanwhile, in requests/s."""

    inserts: list[float] = field(default_factory=list)
    requests: list[float] = field(default_factory=list)


@dataclass
class Bench:
    """A server with its twins, and where scripts go."""

    server: embedded.Server
    connection: asyncpg.Connection
    options: Options
    seconds: float
    clients: Sequence[int]
    broken: list[str] = field(default_factory=list)

    async def pgbench(self, table: str, clients: int) -> float:
        """Return inserts/s."""
        script = self.options.folder / f"{table}.sql"
        script.write_text(INSERT.format(table=table) + "\n")
        program = self.server.programs / "bin" / "pgbench"
        process = await asyncio.create_subprocess_exec(
            program, "--no-vacuum", "--protocol=prepared", f"--client={clients}",
            f"--jobs={min(clients, os.cpu_count() or 1)}", f"--time={max(1, round(self.seconds))}", f"--file={script}",
            self.server.dsn(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        if process.returncode or not (found := PER_SECOND.search(out.decode())):
            raise SystemExit(f"pgbench failed: {err.decode()}")
        return float(found[1])


async def measure(options: Options) -> Report:
    """Return inserts/s of each arm by flush, listeners and clients, and what each part of the table costs."""
    async with session.server(options.folder) as server:
        connection = await asyncpg.connect(server.dsn())
        clients = (4,) if options.quick else (1, 4, 16, 32)
        bench = Bench(server, connection, options, 1 if options.quick else RUN_SECONDS, clients)
        await _make_twins(connection)
        runs = {}
        for state in STATES:
            async with _listeners(bench, state):
                for flush, delay in FLUSHES.items():
                    await _flush(connection, delay)
                    runs[flush, state] = await _compare(bench, state)
        await _flush(connection, 0)
        parts = await _parts(bench)
        bulk = await inserters_bulk.measure(server.dsn(), connection, options)
        await connection.close()
    tables = [*(_table(flush, runs) for flush in FLUSHES), *_part_tables(parts), inserters_bulk.table(bulk)]
    return Report(_figures(runs, parts) | {"bulk": inserters_bulk.figures(bulk)}, tables, bench.broken)


async def _make_twins(connection: asyncpg.Connection) -> None:
    twins = {"without": "all", "notify": "all", "empty": "all", "lean": "defaults", "checked": "constraints"}
    for name, what in twins.items():
        await connection.execute(TWINS.format(name=name, what=f"{what} including defaults"))
    for name in ("lean", "checked"):
        await connection.execute(LEAN.format(name=name))
    await connection.execute(NOTIFY + EMPTY)


async def _flush(connection: asyncpg.Connection, delay: int) -> None:
    """Have each flush delayed, whoever else is about to commit."""
    await connection.execute(f"alter system set commit_delay = {delay}")
    await connection.execute("alter system set commit_siblings = 0")
    await connection.execute("select pg_reload_conf()")


@asynccontextmanager
async def _listeners(bench: Bench, state: str) -> AsyncIterator[None]:
    """Have no listeners, sleeping ones, or ones with more to do than they can."""
    async with AsyncExitStack() as stack:
        if state == "busy":
            await _top_up(bench)
        for _ in range(0 if state == "absent" else bench.options.size(LISTENERS, 1)):
            await stack.enter_async_context(session.listener(bench.server.dsn()))
        if state != "absent":
            await _until(bench.connection, ASLEEP if state == "idle" else RUNNING)
        yield
    if state == "busy":
        await bench.connection.execute(NO_WORK)


async def _top_up(bench: Bench) -> None:
    """Give the listeners enough to do for a run."""
    enough = int(MOST_REQUESTS_PER_SECOND * bench.seconds)
    missing = enough - await bench.connection.fetchval(BACKLOG)
    if missing > 0:
        await bench.connection.execute(ADD_WORK, missing)


async def _until(connection: asyncpg.Connection, query: str) -> None:
    async def look() -> None:
        while not await connection.fetchval(query):  # noqa: ASYNC110 - the other side is a database
            await asyncio.sleep(0.05)

    await asyncio.wait_for(look(), PATIENCE_SECONDS)


async def _compare(bench: Bench, state: str) -> dict[tuple[int, str], Runs]:
    """Let the arms take turns, round by round."""
    runs = {(clients, arm): Runs() for clients in bench.clients for arm in ARMS}
    for _ in range(bench.options.rounds):
        for (clients, arm), found in runs.items():
            inserts, requests = await _run(bench, state, ARMS[arm], clients)
            found.inserts.append(inserts)
            found.requests.append(requests)
    return runs


async def _run(bench: Bench, state: str, table: str, clients: int) -> tuple[float, float]:
    if state == "busy":
        await _top_up(bench)
    loop = asyncio.get_running_loop()
    began, before = loop.time(), await bench.connection.fetchval(BACKLOG)
    inserts = await bench.pgbench(table, clients)
    left, seconds = await bench.connection.fetchval(BACKLOG), loop.time() - began
    asleep = await bench.connection.fetchval(ASLEEP)
    if state == "busy" and (asleep or not left):
        bench.broken.append(f"{table}, {clients} clients: the listeners ran out of work")
    if state == "absent" and asleep:
        bench.broken.append(f"{table}, {clients} clients: a listener is there")
    return inserts, (before - left) / seconds


async def _parts(bench: Bench) -> dict[tuple[int, str], list[float]]:
    """Return inserts/s with ever more of what an insert runs into; no listener is there."""
    some = bench.clients[:1] if bench.options.quick else (1, 16)
    runs: dict[tuple[int, str], list[float]] = {(clients, part): [] for clients in some for part in PARTS}
    for _ in range(bench.options.rounds):
        for (clients, part), found in runs.items():
            table, off = PARTS[part]
            await _switch(bench.connection, "disable", off)
            found.append(await bench.pgbench(table, clients))
            await _switch(bench.connection, "enable", off)
    return runs


async def _switch(connection: asyncpg.Connection, verb: str, triggers: tuple[str, ...]) -> None:
    for trigger in triggers:
        await connection.execute(f"alter table ingest_requests {verb} trigger {trigger}")


def _table(flush: str, runs: dict[tuple[str, str], dict[tuple[int, str], Runs]]) -> Table:
    table = Table(
        f"Inserters, flush: {flush}. Inserts/s without our triggers; the others as a share of it",
        ["listeners", "clients", "without", "notify", "as it is", "listeners' work beside it"],
    )
    for state in STATES:
        of = runs[flush, state]
        for clients in dict.fromkeys(clients for clients, _ in of):
            without, notify, ours = (of[clients, arm] for arm in ARMS)
            inserts = Spread.of(without.inserts)
            work = Spread.of(ours.requests).ratio(Spread.of(without.requests)) if _worked(without) else None
            shares = [Spread.of(runs.inserts).ratio(inserts) for runs in (notify, ours)]
            table.add(state, clients, inserts, *shares, work)
    return table


def _worked(runs: Runs) -> bool:
    return all(requests > 0 for requests in runs.requests)


def _part_tables(parts: dict[tuple[int, str], list[float]]) -> Iterator[Table]:
    for clients in dict.fromkeys(clients for clients, _ in parts):
        table = Table(
            f"What an insert runs into, {clients} clients, listeners absent, flush: the disk's",
            ["table", "inserts/s", "share of without our triggers"],
        )
        without = Spread.of(parts[clients, "… with indexes: without our triggers"])
        for part in PARTS:
            inserts = Spread.of(parts[clients, part])
            table.add(part, inserts, inserts.ratio(without))
        yield table


def _figures(
    runs: dict[tuple[str, str], dict[tuple[int, str], Runs]], parts: dict[tuple[int, str], list[float]]
) -> dict[str, object]:
    """Return every run, by flush, listeners, clients and arm."""
    compared = [
        {"flush": flush, "listeners": state, "clients": clients, "arm": arm,
         "inserts_per_second": Spread.of(found.inserts), "requests_per_second": Spread.of(found.requests)}
        for (flush, state), of in runs.items() for (clients, arm), found in of.items()
    ]  # fmt: skip
    costs = [
        {"clients": clients, "part": part, "inserts_per_second": Spread.of(found)}
        for (clients, part), found in parts.items()
    ]
    return {"compared": compared, "parts": costs}
