"""What every suite needs: a server, a listener in a process of its own, a request from INSERT to its end, memory."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from listener import embedded
from listener.service import migrate
from listener.settings import Settings

PAGE = os.sysconf("SC_PAGE_SIZE")
LOOK_SECONDS = 0.05


@dataclass
class Running:
    """A worker process: ``starts`` fills with the moment (monotonic ns) at which each request's workflow began."""

    pid: int
    starts: dict[str, int] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def began(self, name: str) -> int:
        """Wait until a workflow or job has begun, a minute at most; return when (monotonic ns)."""
        while name not in self.starts:
            self.news.clear()
            await asyncio.wait_for(self.news.wait(), 60)
        return self.starts[name]

    @asynccontextmanager
    async def memory(self) -> AsyncIterator[dict[str, float]]:
        """Yield what fills, when it is left, with the memory of the listener and its workers, in MB over now."""
        figures: dict[str, float] = {}
        before = peak = _resident(self.pid)
        ended = asyncio.Event()

        async def look() -> None:
            nonlocal peak
            while not ended.is_set():
                peak = max(peak, _resident(self.pid))
                with suppress(TimeoutError, asyncio.TimeoutError):
                    await asyncio.wait_for(ended.wait(), LOOK_SECONDS)

        looking = asyncio.create_task(look())
        try:
            yield figures
        finally:
            ended.set()
            await looking
            figures |= {"idle_mb": before / 2**20, "peak_over_idle_mb": (peak - before) / 2**20}


@asynccontextmanager
async def server(folder: Path) -> AsyncIterator[embedded.Server]:
    """Start an embedded Postgres and migrate its database ``ingest``."""
    async with await embedded.start(folder / "server") as running:
        await migrate(Settings(), running.dsn())
        yield running


async def migrated(server: embedded.Server, database: str) -> None:
    """Make and migrate one more database of a server."""
    await server.create_database(database)
    await migrate(Settings(), server.dsn(database))


@asynccontextmanager
async def listener(dsn: str, *roots: Path | None, **environment: str) -> AsyncIterator[Running]:
    """Run one listener process with access to ``roots``."""
    async with worker("benchmarks.listener_process", environment=_environment(dsn, roots) | environment) as running:
        yield running


@asynccontextmanager
async def worker(module: str, *arguments: str, environment: dict[str, str] | None = None) -> AsyncIterator[Running]:
    """Run a module that says ``ready`` and then, for each workflow or job, its name and when it began."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    running = Running(process.pid)
    try:
        if await process.stdout.readline() != b"ready\n":
            raise SystemExit(f"{module} did not start")
        reading = asyncio.create_task(_read(process.stdout, running))
        yield running
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
    await reading


def say(line: str) -> None:
    """Tell the suite, from within a worker."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def say_begun(name: str) -> None:
    """Tell the suite that a workflow or job has begun, just now."""
    say(f"{name} {time.monotonic_ns()}")


def _environment(dsn: str, roots: tuple[Path | None, ...]) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("INGEST_", "OPENAI_"))}
    paths = ":".join(str(path) for path in roots if path)
    return clean | {"INGEST_DATABASE_URL": dsn, "INGEST_FILE_ROOTS": paths, "INGEST_LOG_LEVEL": "ERROR"}


async def _read(stream: asyncio.StreamReader, running: Running) -> None:
    while line := await stream.readline():
        name, moment = line.decode().split()
        running.starts[name] = int(moment)
        running.news.set()


async def ingest(
    connection: asyncpg.Connection, source: Path | str, collection: str, options: str = "{}"
) -> dict[str, Any]:
    """Insert a request, wait for its end; return its outcome, seconds, texts sent and the seconds of its steps."""
    query = "insert into ingest_requests (source, collection, options) values ($1, $2, $3::jsonb) returning id"
    begin = time.monotonic()
    request = await connection.fetchval(query, str(source), collection, options)
    await end(connection, request)
    seconds = time.monotonic() - begin
    (row,) = await connection.fetch("select * from ingest_status where id = $1", request)
    return {
        "request": str(request),
        "status": row["status"],
        "error": row["error"],
        "seconds": seconds,
        "documents": row["documents_total"],
        "skipped": row["documents_skipped"],
        "failed": row["documents_failed"],
        "chunks": row["chunks_total"],
        "texts_sent": await _texts_sent(connection, request),
        "step_seconds": await _step_seconds(connection, request),
    }


async def end(connection: asyncpg.Connection, request: Any) -> None:
    """Wait until a request has ended."""
    query = "select status not in ('pending', 'running') from ingest_requests where id = $1"
    while not await connection.fetchval(query, request):  # noqa: ASYNC110 - the other side is a database
        await asyncio.sleep(0.01)


async def _texts_sent(connection: asyncpg.Connection, request: Any) -> int:
    query = (
        "select coalesce(sum(((output::jsonb) ->> 'sent')::int), 0) from dbos.operation_outputs"
        " where workflow_uuid like $1 || '%' and function_name = 'embed'"
    )
    return int(await connection.fetchval(query, str(request)))


async def _step_seconds(connection: asyncpg.Connection, request: Any) -> dict[str, float]:
    """Return how long each step took, summed over batches (several run at a time)."""
    query = (
        "select function_name as step, sum(completed_at_epoch_ms - started_at_epoch_ms) / 1000.0 as seconds"
        " from dbos.operation_outputs where workflow_uuid like $1 || '%'"
        " and function_name in ('discover', 'load', 'chunk', 'embed', 'save') group by 1"
    )
    rows = await connection.fetch(query, str(request))
    return {row["step"]: float(row["seconds"]) for row in rows if row["seconds"] is not None}


def _resident(pid: int) -> int:
    """Return the bytes that a process and its descendants occupy; what they share counts for each."""
    total = 0
    for process in (pid, *descendants(pid)):
        with suppress(OSError, IndexError):
            total += int(Path(f"/proc/{process}/statm").read_bytes().split()[1]) * PAGE
    return total


def descendants(pid: int) -> Iterator[int]:
    """Yield the ids of a process's children, their children, and so on."""
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(OSError):
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from descendants(int(child))
