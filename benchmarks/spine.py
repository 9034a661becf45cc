"""The core's figures: latency of single inserts, chunks/s of a folder, what a second run sends, an idle listener."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks import corpus, session
from benchmarks.report import Options, Report

IDLE_SECONDS = 30


async def measure(options: Options) -> Report:
    """Return all figures."""
    folder, html = options.folder, options.html
    corpus.write_markdown(folder / "markdown", files := options.size(500, 20))
    async with session.server(folder) as server, session.listener(server.dsn(), folder, html) as running:
        connection = await asyncpg.connect(server.dsn())
        figures = {
            "latency_ms": await _latency(connection, running.starts, options.size(200, 20)),
            "markdown": await _folder(connection, folder / "markdown", files),
            "html": await _html(connection, html) if html else None,
            "checkpoint_bytes_max": await _checkpoints(connection),
            "idle": await _idle(connection, options.size(IDLE_SECONDS, 5)),
        }
        await connection.close()
    return Report(figures)


async def _latency(connection: asyncpg.Connection, starts: dict[str, int], count: int) -> dict[str, float]:
    """INSERT committed → first line of the workflow, one at a time, each after the one before has ended."""
    samples = []
    for number in range(count):
        query = "insert into ingest_requests (content, uri, collection) values ($1, $2, 'latency') returning id"
        request = await connection.fetchval(
            query, f"# Note {number}\n\nSome words about number {number}.", f"n{number}"
        )
        committed = time.monotonic_ns()
        await session.end(connection, request)
        while str(request) not in starts:  # noqa: ASYNC110 - the reader fills a dict; a millisecond does not count here
            await asyncio.sleep(0.001)
        samples.append((starts[str(request)] - committed) / 1e6)
    ranked = statistics.quantiles(samples, n=100)
    return {"p50": ranked[49], "p90": ranked[89], "p99": ranked[98], "max": max(samples), "count": count}


async def _folder(connection: asyncpg.Connection, folder: Path, files: int) -> dict[str, Any]:
    """The folder cold, unchanged, and with one edit in each of ten files."""
    cold = await session.ingest(connection, folder, "markdown")
    unchanged = await session.ingest(connection, folder, "markdown")
    corpus.edit(folder, 10)
    edited = await session.ingest(connection, folder, "markdown")
    return {
        "files": files,
        "cold": cold | {"chunks_per_second": cold["chunks"] / cold["seconds"]},
        "unchanged": unchanged | {"times_faster": cold["seconds"] / unchanged["seconds"]},
        "ten_edited": edited,
    }


async def _html(connection: asyncpg.Connection, folder: Path) -> dict[str, Any]:
    run = await session.ingest(connection, folder, "html", '{"include": "**/*.html"}')
    return run | {"documents_per_second": run["documents"] / run["seconds"]}


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
    before = (await connection.fetch(count))[0]["n"]
    await asyncio.sleep(seconds)
    after = (await connection.fetch(count))[0]["n"]
    others = "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
    return {
        "transactions_per_second": (after - before - 1) / seconds,
        "connections": await connection.fetchval(others + " and datname = current_database()"),
    }
