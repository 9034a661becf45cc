"""What our triggers cost those who insert many rows at once: 100 and 1,000 a statement, and COPY of 100,000.

::

    without      a twin of ingest_requests: its columns, constraints and indexes, no trigger
    as it is     ingest_requests, its owner inserts
    a submitter  ingest_requests, a role that may submit inserts, and has limits

What counts is the CPU of the backend, which other load on the machine changes little: microseconds a row, and memory
that it had at most. The arms take turns, each on a connection of its own; what they insert is rolled back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from benchmarks.report import Options, Spread, Table

SUBMITTER = "inserters_submitter"
ARMS = {"without": ("twin_without", ""), "as it is": ("ingest_requests", ""),
        "a submitter": ("ingest_requests", SUBMITTER)}  # fmt: skip
# Postgres refuses COPY to who is under row security; our own rights and limits hold all the same.
MAKE_SUBMITTER = f"""
create role {SUBMITTER} bypassrls;
select ingest_grant('{SUBMITTER}', 'submitter');
select ingest_limit('{SUBMITTER}', '{{"max_pending": 100000000}}');
select ingest_collection('default');
"""
MANY = "insert into {table} (source) select '/srv/documents/report.md' from generate_series(1, $1::int)"
Way = Callable[[asyncpg.Connection, str, int], Awaitable[None]]


@dataclass
class Bulk:
    """The runs of one arm: CPU of its backend in microseconds a row, and the most memory that it had, in MB."""

    micros: list[float] = field(default_factory=list)
    megabytes: list[float] = field(default_factory=list)


async def measure(dsn: str, connection: asyncpg.Connection, options: Options) -> dict[tuple[str, str], Bulk]:
    """Return the runs of each way and arm. The twins are there."""
    await connection.execute(MAKE_SUBMITTER)
    runs = {(way, arm): Bulk() for way in _ways(options) for arm in ARMS}
    for _ in range(options.rounds):
        for (way, arm), found in runs.items():
            insert, rows = _ways(options)[way]
            await _run(dsn, insert, rows, arm, found)
    return runs


def _ways(options: Options) -> dict[str, tuple[Way, int]]:
    return {
        "100 a statement": (_statements(100), options.size(20_000, 2_000)),
        "1,000 a statement": (_statements(1000), options.size(50_000, 5_000)),
        "COPY of 100,000": (_copy, options.size(100_000, 10_000)),
    }


def _statements(rows: int) -> Way:
    async def insert(connection: asyncpg.Connection, table: str, total: int) -> None:
        for _ in range(total // rows):
            async with _rolled_back(connection):
                await connection.execute(MANY.format(table=table), rows)

    return insert


async def _copy(connection: asyncpg.Connection, table: str, total: int) -> None:
    records: Sequence[tuple[str]] = [("/srv/documents/report.md",)] * total
    async with _rolled_back(connection):
        await connection.copy_records_to_table(table, records=records, columns=["source"])


@asynccontextmanager
async def _rolled_back(connection: asyncpg.Connection) -> AsyncIterator[None]:
    transaction = connection.transaction()
    await transaction.start()
    yield
    await transaction.rollback()


async def _run(dsn: str, insert: Way, rows: int, arm: str, found: Bulk) -> None:
    table, role = ARMS[arm]
    connection = await asyncpg.connect(dsn)
    try:
        if role:
            await connection.execute(f"set role {role}")
        await insert(connection, table, 1000)  # plans and functions of a session are made once
        pid = connection.get_server_pid()
        before = _cpu(pid)
        await insert(connection, table, rows)
        found.micros.append((_cpu(pid) - before) / 1000 / rows)
        found.megabytes.append(_own_memory(pid))
    finally:
        await connection.close()


def _cpu(pid: int) -> int:
    """Return the nanoseconds that a process was on a CPU."""
    return int(Path(f"/proc/{pid}/schedstat").read_bytes().split()[0])


def _own_memory(pid: int) -> float:
    """Return the most memory that a process had, in MB, without what it shares with others."""
    lines = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return (int(lines["VmHWM"].split()[0]) - int(lines["RssShmem"].split()[0])) / 1024


def table(runs: dict[tuple[str, str], Bulk]) -> Table:
    """Return CPU a row of each way, the twin's as a share of it, and memory."""
    result = Table(
        "Many rows at once, listeners absent. CPU of the backend, µs a row; its own memory at most, MB",
        ["way", "arm", "µs a row", "without our triggers as a share of it", "MB"],
    )
    for (way, arm), found in runs.items():
        micros = Spread.of(found.micros)
        share = Spread.of(runs[way, "without"].micros).ratio(micros)
        result.add(way, arm, micros, share, Spread.of(found.megabytes))
    return result


def figures(runs: dict[tuple[str, str], Bulk]) -> list[dict[str, object]]:
    """Return every run."""
    return [
        {"way": way, "arm": arm, "microseconds_a_row": Spread.of(found.micros), "megabytes": Spread.of(found.megabytes)}
        for (way, arm), found in runs.items()
    ]
