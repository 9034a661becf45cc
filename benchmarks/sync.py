"""A source that has not changed: 200,000 objects in a bucket and as many files, beside the bare listing of both."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path
from typing import Any

import asyncpg
import obstore
from obstore.store import S3Store

from benchmarks import bucket, session
from benchmarks.report import Options, Report, Spread, Table

OBJECTS = 200_000
ROUNDS = 5
OLD_ENOUGH_SECONDS = 4.0  # files that were changed just before they were read are hashed again


async def measure(options: Options) -> Report:
    """Return seconds of the first look and of those after it, rows, bytes of WAL and memory; and the bare listings."""
    count, port = options.size(OBJECTS, 2_000), _free_port()
    store: dict[str, Any] = {
        "endpoint": f"http://127.0.0.1:{port}", "access_key_id": "a", "secret_access_key": "b", "region": "eu-west-1",
        "client_options": {"allow_http": True},
    }  # fmt: skip
    environment = {
        "INGEST_ROOTS": f"s3://{bucket.BUCKET}/\n{options.folder / 'files'}", "AWS_ENDPOINT_URL": store["endpoint"],
        "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-west-1",
    }  # fmt: skip
    files = options.folder / "files"
    await asyncio.to_thread(_write, files, count)
    rounds = options.size(ROUNDS, 2)
    async with (
        session.worker("benchmarks.bucket", str(count), str(port)),
        session.server(options.folder) as server,
    ):
        client = S3Store(bucket.BUCKET, **store)
        await asyncio.sleep(OLD_ENOUGH_SECONDS)
        sources = {"objects": f"s3://{bucket.BUCKET}/data/", "files": str(files)}
        bare = {"objects": lambda: _list_bucket(client), "files": lambda: _list_folder(files)}
        figures = {}
        for name, source in sources.items():
            async with session.listener(server.dsn(), **environment) as running:
                figures[name] = await _one(server.dsn(), running, source, name, bare[name], rounds)
    return Report(figures, [_table(figures)], _broken(figures, count))


async def _one(dsn: str, running: session.Running, source: str, name: str, bare: Any, rounds: int) -> dict[str, Any]:
    connection = await asyncpg.connect(dsn)
    first = await session.ingest(connection, source, name)
    listed, again, wal, rows = [], [], [], 0
    count, run = 0, first
    async with running.memory() as memory:
        for _ in range(rounds):  # in turns
            began = time.monotonic()
            count = await asyncio.to_thread(bare)
            listed.append(time.monotonic() - began)
            before = await connection.fetchval("select pg_current_wal_lsn()")
            run = await session.ingest(connection, source, name, '{"mirror": true}')
            wal.append(await connection.fetchval("select pg_current_wal_lsn() - $1::pg_lsn", before))
            again.append(run["seconds"])
            query = "select count(*) from ingest_revisions where request_id = $1"
            rows += await connection.fetchval(query, run["request"])
    await connection.close()
    return {
        "listed": count, "first": first, "again": run, "bare_seconds": listed, "again_seconds": again,
        "revisions": rows, "wal_mb": [float(one) / 2**20 for one in wal], **memory,
    }  # fmt: skip


def _list_bucket(client: S3Store) -> int:
    return sum(len(page) for page in obstore.list(client, prefix="data/"))


def _list_folder(folder: Path) -> int:
    return sum(bool(path.stat().st_size) for path in folder.glob("*/*.md"))


def _write(folder: Path, count: int) -> None:
    for number in range(count):
        path = folder / f"{number // 1000:03}" / f"{number:07}.md"
        if number % 1000 == 0:
            path.parent.mkdir(parents=True)
        path.write_bytes(bucket.content(number))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _table(figures: dict[str, Any]) -> Table:
    table = Table(
        "A source that has not changed",
        ["source", "documents", "first look, s", "bare listing, s", "again, s", "ratio", "WAL, MB", "MB over idle"],
    )
    for name, one in figures.items():
        bare, again = Spread.of(one["bare_seconds"]), Spread.of(one["again_seconds"])
        table.add(
            name, one["listed"], one["first"]["seconds"], bare, again, again.ratio(bare), Spread.of(one["wal_mb"]),
            one["peak_over_idle_mb"],
        )  # fmt: skip
    return table


def _broken(figures: dict[str, Any], count: int) -> list[str]:
    broken = []
    for name, one in figures.items():
        if one["first"]["status"] != "succeeded" or one["again"]["skipped"] != count or one["revisions"]:
            broken.append(f"{name}: {one['first']['status']}, {one['again']['skipped']} of {count} unchanged")
    return broken
