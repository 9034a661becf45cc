"""HTML with the local embedder: documents/s beside a bare script with the same libraries. Part of `bulk`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks import corpus, session
from benchmarks.report import Options, Report, Spread, Table
from listener.embedded import Server
from listener.settings import Settings

FOUND = "select count(*), md5(string_agg(text, '' order by text collate \"C\"))"


async def measure(server: Server, options: Options) -> Report:
    """Return the runs, a table and what the two did not do alike."""
    folder = options.folder / "html"
    corpus.write_html(folder, files := options.size(1000, 20))
    ours, bare = [], []
    for number in range(options.rounds):
        ours.append(await _ours(server, f"html_{number}", folder))
        bare.append(await _bare(server, f"bare_html_{number}", folder))
    stored = {(run["chunks"], run["texts"]) for run in (*ours, *bare)}
    broken = [] if len(stored) == 1 else [f"HTML: not the same chunks: {stored}"]
    return Report({"files": files, "listener": ours, "bare": bare}, [_table(ours, bare, files)], broken)


def _table(ours: list[dict[str, Any]], bare: list[dict[str, Any]], files: int) -> Table:
    mine, other = (Spread.of(run["seconds"] for run in runs) for runs in (ours, bare))
    table = Table(
        f"{files:,} HTML files, {ours[0]['chunks']:,} chunks, local embedder",
        ["way", "seconds", "documents/s", "listener's share of its speed"],
    )
    table.add("listener", mine, Spread.of(files / value for value in mine.values), None)
    table.add("bare script", other, Spread.of(files / value for value in other.values), other.ratio(mine))
    return table


async def _ours(server: Server, database: str, folder: Path) -> dict[str, Any]:
    """A listener that has parsed and embedded one page already."""
    await server.create_database(database, "ingest")
    connection = await asyncpg.connect(server.dsn(database))
    await connection.execute("checkpoint")
    async with session.listener(server.dsn(database), folder):
        warm = (
            "insert into ingest_requests (content, uri, media_type, collection)"
            " values ('<p>One line.', 'one', 'text/html', 'warm') returning id"
        )
        await session.end(connection, await connection.fetchval(warm))
        run = await session.ingest(connection, folder, "bulk")
        stored = await connection.fetchrow(f"{FOUND} from ingest_chunks where collection = 'bulk'")
    await connection.close()
    await server.drop_database(database)
    return run | {"chunks": stored[0], "texts": stored[1]}


async def _bare(server: Server, database: str, folder: Path) -> dict[str, Any]:
    await server.create_database(database, "ingest")
    connection = await asyncpg.connect(server.dsn(database))
    await connection.execute("checkpoint")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.bare_html", f"--dsn={server.dsn(database)}", f"--folder={folder}",
        f"--processes={Settings().parse_workers}", stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    stored = await connection.fetchrow(f"{FOUND} from bare_chunks")
    await connection.close()
    await server.drop_database(database)
    return dict(json.loads(out)) | {"chunks": stored[0], "texts": stored[1]}
