"""The core's figures: latency of single inserts, chunks/s of a folder, what a second run sends, an idle listener."""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks import corpus
from listener import embedded
from listener.service import migrate
from listener.settings import Settings

IDLE_SECONDS = 30.0


async def measure(folder: Path, html: Path | None, scale: float) -> dict[str, Any]:
    """Return all figures; ``scale`` 1.0 is the full size."""
    corpus.write_markdown(folder / "markdown", files := max(20, round(500 * scale)))
    async with await embedded.start(folder / "server") as server:
        dsn = server.dsn()
        await migrate(Settings(), dsn)
        roots = ":".join(str(path) for path in (folder, html) if path)
        async with _listener(dsn, roots) as starts:
            connection = await asyncpg.connect(dsn)
            figures = {
                "latency_ms": await _latency(connection, starts, round(200 * scale)),
                "markdown": await _folder(connection, folder / "markdown", files),
                "html": await _html(connection, html) if html else None,
                "checkpoint_bytes_max": await _checkpoints(connection),
                "idle": await _idle(connection, IDLE_SECONDS * max(scale, 0.2)),
            }
            await connection.close()
    return figures


@asynccontextmanager
async def _listener(dsn: str, roots: str) -> AsyncIterator[dict[str, int]]:
    """Run one listener process; yields what fills with the moment at which each request's workflow began."""
    environment = os.environ | {"INGEST_DATABASE_URL": dsn, "INGEST_FILE_ROOTS": roots, "INGEST_LOG_LEVEL": "ERROR"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.listener_process", env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    line = await process.stdout.readline()
    if line != b"ready\n":
        raise SystemExit("the listener did not start")
    starts: dict[str, int] = {}
    reading = asyncio.create_task(_read(process.stdout, starts))
    try:
        yield starts
    finally:
        process.terminate()
        await process.wait()
        await reading


async def _read(stream: asyncio.StreamReader, starts: dict[str, int]) -> None:
    while line := await stream.readline():
        request, moment = line.decode().split()
        starts[request] = int(moment)


async def _latency(connection: asyncpg.Connection, starts: dict[str, int], count: int) -> dict[str, float]:
    """INSERT committed → first line of the workflow, one at a time, each after the one before has ended."""
    samples = []
    for number in range(count):
        query = "insert into ingest_requests (content, uri, collection) values ($1, $2, 'latency') returning id"
        request = await connection.fetchval(
            query, f"# Note {number}\n\nSome words about number {number}.", f"n{number}"
        )
        committed = time.monotonic_ns()
        await _end(connection, request)
        while str(request) not in starts:  # noqa: ASYNC110 - the reader fills a dict; a millisecond does not count here
            await asyncio.sleep(0.001)
        samples.append((starts[str(request)] - committed) / 1e6)
    ranked = statistics.quantiles(samples, n=100)
    return {"p50": ranked[49], "p90": ranked[89], "p99": ranked[98], "max": max(samples), "count": count}


async def _folder(connection: asyncpg.Connection, folder: Path, files: int) -> dict[str, Any]:
    """The folder cold, unchanged, and with one edit in each of ten files."""
    cold = await _ingest(connection, folder, "markdown")
    unchanged = await _ingest(connection, folder, "markdown")
    corpus.edit(folder, 10)
    edited = await _ingest(connection, folder, "markdown")
    return {
        "files": files,
        "cold": cold | {"chunks_per_second": cold["chunks"] / cold["seconds"]},
        "unchanged": unchanged | {"times_faster": cold["seconds"] / unchanged["seconds"]},
        "ten_edited": edited,
    }


async def _html(connection: asyncpg.Connection, folder: Path) -> dict[str, Any]:
    run = await _ingest(connection, folder, "html", '{"include": "**/*.html"}')
    return run | {"documents_per_second": run["documents"] / run["seconds"]}


async def _ingest(connection: asyncpg.Connection, folder: Path, collection: str, options: str = "{}") -> dict[str, Any]:
    query = "insert into ingest_requests (source, collection, options) values ($1, $2, $3::jsonb) returning id"
    begin = time.monotonic()
    request = await connection.fetchval(query, str(folder), collection, options)
    await _end(connection, request)
    seconds = time.monotonic() - begin
    row = await connection.fetchrow("select * from ingest_status where id = $1", request)
    sent = await connection.fetchval(
        "select coalesce(sum(((output::jsonb) ->> 'sent')::int), 0) from dbos.operation_outputs"
        " where workflow_uuid like $1 || '%' and function_name = 'embed'",
        str(request),
    )
    return {
        "status": row["status"],
        "seconds": seconds,
        "documents": row["documents_total"],
        "skipped": row["documents_skipped"],
        "failed": row["documents_failed"],
        "chunks": row["chunks_total"],
        "texts_sent": sent,
    }


async def _end(connection: asyncpg.Connection, request: Any) -> None:
    query = "select status not in ('pending', 'running') from ingest_requests where id = $1"
    while not await connection.fetchval(query, request):  # noqa: ASYNC110 - the other side is a database
        await asyncio.sleep(0.01)


async def _checkpoints(connection: asyncpg.Connection) -> int:
    """The largest checkpoint or input that DBOS stores for us."""
    return int(
        await connection.fetchval(
            "select greatest((select max(octet_length(output)) from dbos.operation_outputs),"
            " (select max(octet_length(inputs)) from dbos.workflow_status),"
            " (select max(octet_length(output)) from dbos.workflow_status))"
        )
    )


async def _idle(connection: asyncpg.Connection, seconds: float) -> dict[str, float]:
    """Transactions per second and connections of an idle listener, without this connection's own."""
    count = (
        "select pg_stat_force_next_flush(), xact_commit + xact_rollback as n"
        " from pg_stat_database where datname = current_database()"
    )
    await asyncio.sleep(2.0)  # the last request's connections flush their counts when they are idle for a second
    before = (await connection.fetchrow(count))["n"]
    await asyncio.sleep(seconds)
    after = (await connection.fetchrow(count))["n"]
    others = "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
    return {
        "transactions_per_second": (after - before - 1) / seconds,
        "connections": await connection.fetchval(others + " and datname = current_database()"),
    }
