"""A bulk load through an embedding service: 7,000 chunks, 1,536 dimensions, beside a bare asyncio + COPY script.

Each run has a database of its own, cloned from one that was only migrated, and begins after a checkpoint. Three ways
take turns: a listener that is up already, the bare script into an equal table, the same into one without indexes.
The listener's time goes from INSERT to the request's end, after one line of warming up; then it gets the folder
unchanged, and edited.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks import corpus, session
from benchmarks.report import Options, Report
from listener.embedded import Server

DIMENSIONS = 1536
LATENCY_SECONDS = 0.02
GROUP = 128  # texts in a call, for both
CALLS = 8


async def measure(options: Options) -> Report:
    """Return the medians, the ratio of chunks/s, and every run."""
    folder, rounds = options.folder, options.rounds
    corpus.write_markdown(folder / "markdown", options.size(500, 20))
    async with session.server(folder) as server, endpoint() as url:
        ours, equal, plain = [], [], []
        for number in range(rounds):
            ours.append(await _listener(server, f"ours_{number}", folder / "markdown", url))
            equal.append(await _bare(server, f"bare_{number}", folder / "markdown", url))
            plain.append(await _bare(server, f"plain_{number}", folder / "markdown", url, "--without-indexes"))
    corpus_chunks = {run["chunks"] for run in (*equal, *plain)} | {run["cold"]["chunks"] for run in ours}
    assert len(corpus_chunks) == 1, f"not the same work: {corpus_chunks} chunks"
    runs = {"listener": ours, "bare": equal, "bare_without_indexes": plain}
    return Report(_summary(ours, equal, plain) | {"runs": runs})


@asynccontextmanager
async def endpoint(latency: float = LATENCY_SECONDS, dimensions: int = DIMENSIONS) -> AsyncIterator[str]:
    """Run the fake embedding service; yield its base URL."""
    options = [f"--latency={latency}", f"--dimensions={dimensions}"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.endpoint",
        *options,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    try:
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.stdin.close()
        await process.wait()


def service(url: str) -> dict[str, str]:
    """Return the environment of a listener that embeds there."""
    return {
        "INGEST_EMBEDDER": "openai",
        "INGEST_EMBEDDING_MODEL": "bench",
        "INGEST_EMBEDDING_DIMENSIONS": str(DIMENSIONS),
        "INGEST_EMBEDDING_CALLS": str(CALLS),
        "INGEST_EMBEDDING_CALL_TEXTS": str(GROUP),
        "OPENAI_BASE_URL": url,
        "OPENAI_API_KEY": "bench",
    }


async def _listener(server: Server, database: str, folder: Path, url: str) -> dict[str, Any]:
    """The folder cold, unchanged, and with one edit in each of ten files."""
    originals = corpus.first(folder, 10)
    dsn = await _database(server, database)
    async with session.listener(dsn, folder, **service(url)):
        connection = await asyncpg.connect(dsn)
        await _warm_up(connection)
        cold = await session.ingest(connection, folder, "bulk")
        unchanged = await session.ingest(connection, folder, "bulk")
        corpus.edit(folder, len(originals))
        edited = await session.ingest(connection, folder, "bulk")
        await connection.close()
    for path, data in originals.items():
        path.write_bytes(data)
    await _drop(server, database)
    return {"cold": cold, "unchanged": unchanged, "ten_edited": edited}


async def _warm_up(connection: asyncpg.Connection) -> None:
    """Have one line embedded: the bare script's imports and connections don't count either."""
    query = "insert into ingest_requests (content, uri, collection) values ('One line.', 'one', 'warm') returning id"
    await session.end(connection, await connection.fetchval(query))


async def _bare(server: Server, database: str, folder: Path, url: str, *options: str) -> dict[str, Any]:
    given = [f"--dsn={await _database(server, database)}", f"--folder={folder}", f"--url={url}", f"--group={GROUP}"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.bare", *given, *options, stdout=asyncio.subprocess.PIPE, env=os.environ
    )
    out, _ = await process.communicate()
    await _drop(server, database)
    return dict(json.loads(out))


async def _database(server: Server, name: str) -> str:
    """Clone the migrated database; return the clone's DSN."""
    await server.create_database(name, "ingest")
    connection = await asyncpg.connect(server.dsn(name))
    await connection.execute("checkpoint")
    await connection.close()
    return server.dsn(name)


async def _drop(server: Server, name: str) -> None:
    """Drop a clone, so that its autovacuum does not run beside the next one's measurement."""
    connection = await asyncpg.connect(server.dsn("postgres"))
    await connection.execute(f"drop database {name} with (force)")
    await connection.close()


def _summary(ours: list[Any], equal: list[Any], plain: list[Any]) -> dict[str, Any]:
    chunks = equal[0]["chunks"]
    cold = statistics.median(run["cold"]["seconds"] for run in ours)
    unchanged = statistics.median(run["unchanged"]["seconds"] for run in ours)
    bare = statistics.median(run["seconds"] for run in equal)
    bare_plain = statistics.median(run["seconds"] for run in plain)
    return {
        "chunks": chunks,
        "chunks_per_second": {
            "listener": chunks / cold,
            "bare": chunks / bare,
            "bare_without_indexes": chunks / bare_plain,
        },
        "ratio_to_bare": bare / cold,
        "ratio_to_bare_without_indexes": bare_plain / cold,
        "unchanged": {"seconds": unchanged, "times_faster": cold / unchanged, "texts_sent": _sent(ours, "unchanged")},
        "ten_edited": {
            "seconds": statistics.median(run["ten_edited"]["seconds"] for run in ours),
            "texts_sent": _sent(ours, "ten_edited"),
        },
    }


def _sent(ours: list[Any], which: str) -> int:
    return max(int(run[which]["texts_sent"]) for run in ours)
