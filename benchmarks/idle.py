"""What waiting costs: 1 and 8 idle listeners, beside as many bare DBOS processes with the same queues and pools.

Both wait at the same time, each with a server of its own. CPU is that of the processes with their children, and of all
of that Postgres, as the kernel counted it over a minute. What Postgres did meanwhile is counted in transactions; then
its log counts statements, in a shorter time of its own, since writing a log costs CPU. Before that everybody was let be
until the listeners' looks at others have begun.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncpg

from benchmarks import session
from benchmarks.peers import dbos_queue
from benchmarks.report import Options, Report, Spread, Table
from benchmarks.shares import cpu_seconds
from listener.embedded import Server
from listener.engine.durable import QUEUE_POLL_SECONDS

OURS, BARE = "listener", "bare DBOS"
MOST_ROUNDS = 3  # each takes minutes, and they differ little
BARE_ARGUMENTS = (
    "--like-a-listener", "--queue", "requests", "--queue", "batches", "--polling", str(QUEUE_POLL_SECONDS),
)  # fmt: skip
FIGURES = {
    "cpu": "CPU, % of a core",
    "postgres_cpu": "Postgres's CPU, %",
    "statements": "statements/s",
    "transactions": "transactions/s",
    "connections": "connections",
}


@dataclass(frozen=True)
class Times:
    """How long to watch, in seconds."""

    settle: float
    watch: float
    log: float


async def measure(options: Options) -> Report:
    """Return CPU, statements, transactions and connections of both for each number of processes, and what ours add."""
    times = Times(3, 2, 2) if options.quick else Times(13, 60, 12)
    processes = (1, 2) if options.quick else (1, 8)
    found: dict[int, dict[str, list[dict[str, float]]]] = {number: {OURS: [], BARE: []} for number in processes}
    other = options.folder / "other"
    other.mkdir()
    other.chmod(0o755)  # as its parent
    async with session.server(options.folder) as mine, session.server(other) as theirs:
        await theirs.create_database("bare", "template1")
        await dbos_queue.install(theirs.dsn("bare"))
        for _ in range(min(options.rounds, MOST_ROUNDS)):
            for number, runs in found.items():
                ours, bare = await asyncio.gather(
                    Watcher(mine, times).watch("ingest", _many(number, lambda: session.listener(mine.dsn()))),
                    Watcher(theirs, times).watch("bare", _many(number, lambda: _bare(theirs.dsn("bare")))),
                )
                runs[OURS].append(ours)
                runs[BARE].append(bare)
    spreads = {
        number: {name: {key: Spread.of(run[key] for run in runs) for key in FIGURES} for name, runs in both.items()}
        for number, both in found.items()
    }
    return Report({str(number): both for number, both in spreads.items()}, [_table(spreads)])


def _bare(dsn: str) -> AbstractAsyncContextManager[session.Running]:
    return session.worker("benchmarks.peers.dbos_queue", dsn, *BARE_ARGUMENTS)


@asynccontextmanager
async def _many(
    number: int, start: Callable[[], AbstractAsyncContextManager[session.Running]]
) -> AsyncIterator[list[int]]:
    """Run several processes; yield their ids."""
    async with AsyncExitStack() as stack:
        yield [(await stack.enter_async_context(start())).pid for _ in range(number)]


class Watcher:
    """Looks at processes and at the server that they talk to, from outside."""

    def __init__(self, server: Server, times: Times) -> None:
        self._server = server
        self._times = times

    async def watch(self, database: str, processes: AbstractAsyncContextManager[list[int]]) -> dict[str, float]:
        """Return what processes cost that do nothing, all together."""
        async with processes as pids:
            await asyncio.sleep(self._times.settle)
            connection = await asyncpg.connect(self._server.dsn("postgres"))
            try:
                return await self._costs(connection, pids, database) | await self._statements(connection, database)
            finally:
                await connection.close()

    async def _costs(self, connection: asyncpg.Connection, pids: list[int], database: str) -> dict[str, float]:
        postmasters, _ = self._server.home.processes()
        before = await self._look(connection, pids, postmasters, database)
        await asyncio.sleep(self._times.watch)
        after = await self._look(connection, pids, postmasters, database)
        return {
            "cpu": (after["cpu"] - before["cpu"]) * 100 / self._times.watch,
            "postgres_cpu": (after["postgres_cpu"] - before["postgres_cpu"]) * 100 / self._times.watch,
            "transactions": (after["transactions"] - before["transactions"]) / self._times.watch,
            "connections": after["connections"],
        }

    async def _look(
        self, connection: asyncpg.Connection, pids: list[int], postmasters: list[int], database: str
    ) -> dict[str, float]:
        (row,) = await connection.fetch(
            "select xact_commit + xact_rollback as transactions, numbackends as connections"
            " from pg_stat_database where datname = $1",
            database,
        )
        return dict(row) | {"cpu": sum(map(cpu_seconds, pids)), "postgres_cpu": sum(map(cpu_seconds, postmasters))}

    async def _statements(self, connection: asyncpg.Connection, database: str) -> dict[str, float]:
        """Have everything logged for a while, and count the lines about this database."""
        await self._log(connection, "all")
        before = self._logged(database)
        await asyncio.sleep(self._times.log)
        after = self._logged(database)
        await self._log(connection, "none")
        return {"statements": (after - before) / self._times.log}

    async def _log(self, connection: asyncpg.Connection, which: str) -> None:
        await connection.execute("alter system set log_line_prefix = 'bench %d '")
        await connection.execute(f"alter system set log_statement = '{which}'")
        await connection.execute("select pg_reload_conf()")
        await asyncio.sleep(1)  # each backend reads it before its next statement; the logger's file has it then

    def _logged(self, database: str) -> int:
        line = re.compile(rf"^bench {database} LOG:  (?:statement|execute [^:]+): ".encode(), re.MULTILINE)
        return sum(len(line.findall(path.read_bytes())) for path in (self._server.home.cluster / "log").iterdir())


def _table(spreads: dict[int, dict[str, dict[str, Spread]]]) -> Table:
    table = Table("Idle processes, all together", ["who", "processes", *FIGURES.values()])
    for number, both in spreads.items():
        for name, found in both.items():
            table.add(name, number, *(found[key] for key in FIGURES))
        table.add(
            "more than bare, each", number, *(_added(both[OURS][key], both[BARE][key], number) for key in FIGURES)
        )
    return table


def _added(ours: Spread, bare: Spread, number: int) -> Spread:
    """Return what one listener costs more, round by round."""
    return Spread.of((a - b) / number for a, b in zip(ours.values, bare.values, strict=True))
