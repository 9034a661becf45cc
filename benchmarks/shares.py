"""Whose the cores were while something ran, and what Postgres's sessions waited for."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from benchmarks import session
from listener.embedded import Server

TICKS = os.sysconf("SC_CLK_TCK")
SAMPLE_SECONDS = 0.1
WAITS = """
select coalesce(wait_event_type || ':' || wait_event, 'CPU') from pg_stat_activity
where state = 'active' and application_name like 'ingest %' and pid <> pg_backend_pid()
"""


@dataclass
class Shares:
    """What a run took: of the cores, by whom, and what the sessions of listeners did when they were looked at."""

    cores: int = os.cpu_count() or 1
    seconds: float = 0.0
    listeners: float = 0.0
    postgres: float = 0.0
    machine: float = 0.0
    waits: Counter[str] = field(default_factory=Counter)
    samples: int = 0

    def of_cores(self, cpu_seconds: float) -> float:
        """Return a share of all cores."""
        return cpu_seconds / self.seconds / self.cores if self.seconds else 0.0

    @property
    def active(self) -> str:
        """How many sessions worked at a time on average, and what most of them did."""
        every = max(1, self.samples)
        most = ", ".join(f"{name} {number / every:.1f}" for name, number in self.waits.most_common(4))
        return f"{self.waits.total() / every:.1f}: {most}"

    def json(self) -> dict[str, object]:
        """Return all of it as figures."""
        shares = {name: self.of_cores(getattr(self, name)) for name in ("listeners", "postgres", "machine")}
        return {
            "cores": self.cores,
            "seconds": self.seconds,
            "samples": self.samples,
            "waits": dict(self.waits),
        } | shares


@asynccontextmanager
async def watched(server: Server, dsn: str, listeners: Iterable[int]) -> AsyncIterator[Shares]:
    """Yield what fills while the block runs."""
    found, pids = Shares(), list(listeners)
    postmasters, _ = server.home.processes()
    connection = await asyncpg.connect(dsn)
    before, began = _spent(pids, postmasters), time.monotonic()
    sampling = asyncio.create_task(_sample(connection, found))
    try:
        yield found
    finally:
        found.seconds = time.monotonic() - began
        found.listeners, found.postgres, found.machine = (
            after - earlier for after, earlier in zip(_spent(pids, postmasters), before, strict=True)
        )
        sampling.cancel()
        await asyncio.gather(sampling, return_exceptions=True)
        await connection.close()


async def _sample(connection: asyncpg.Connection, found: Shares) -> None:
    while True:
        found.waits.update(row[0] for row in await connection.fetch(WAITS))
        found.samples += 1
        await asyncio.sleep(SAMPLE_SECONDS)


def _spent(listeners: list[int], postmasters: list[int]) -> tuple[float, float, float]:
    return sum(map(cpu_seconds, listeners)), sum(map(cpu_seconds, postmasters)), _machine()


def _machine() -> float:
    """Return the seconds that all cores together have worked."""
    user, nice, system, _idle, _iowait, *rest = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + sum(rest)) / TICKS


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its descendants, those that have ended included."""
    total = 0
    for process in (pid, *session.descendants(pid)):
        total += sum(map(int, _stat(process)[11:15]))  # utime, stime, and those of children that were waited for
    return total / TICKS


def _stat(pid: int) -> list[bytes]:
    """Return the fields of /proc/PID/stat after the name, which may hold spaces; zeros if it has just ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
    except OSError:
        return [b"0"] * 20
