"""More listeners on one Postgres: what 1, 2 and 4 of them carry, with a service that waits and with the local embedder.

The service answers each call after 200 ms and costs next to no CPU: a listener waits for it nearly all the time, so
others beside it should add what they carry. Calls are small (``CALL_TEXTS``), else one listener would fill the machine.
The local embedder is CPU alone: more listeners than cores can't help, and on a small machine Postgres wants its part.

Each run has a fresh database and listeners that have just started. Several requests come at once, each a folder of many
batches; the time goes from their INSERT to the last one's end, by the database's clock. Who carried out how many
batches is counted: with the service, a listener without any is reported as broken.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks import burst, corpus, session, ways
from benchmarks.report import Options, Report, Spread, Table
from listener.embedded import Server

LISTENERS = (1, 2, 4)
REQUESTS = 4
FILES = 64  # in a request's folder, of some 14 chunks each
BATCH_DOCUMENTS = 4
LATENCY_SECONDS = 0.2
DIMENSIONS = 64
CALL_TEXTS = 8
CALLS = 4  # of a listener, in flight
LOOK_SECONDS = 0.05
WAITING = f"service with {LATENCY_SECONDS * 1000:.0f} ms"

Runs = dict[int, list[dict[str, Any]]]


async def measure(options: Options) -> Report:
    """Return chunks/s and the ratio to one listener, by embedder and number of listeners."""
    _write_folders(options.folder / "documents", options.size(FILES, 16))
    async with (
        session.server(options.folder) as server,
        ways.endpoint(latency=LATENCY_SECONDS, dimensions=DIMENSIONS) as url,
    ):
        embedders = {WAITING: _service(url), "local embedder": {}}
        numbers = LISTENERS[: options.size(len(LISTENERS), 2)]
        runs: dict[str, Runs] = {way: {number: [] for number in numbers} for way in embedders}
        for _ in range(options.rounds):
            for way, environment in embedders.items():
                for number in numbers:
                    runs[way][number].append(await _run(server, options.folder / "documents", number, environment))
    figures = {way: {str(number): _figures(some, number) for number in some} for way, some in runs.items()}
    return Report(figures | {"runs": runs}, [_table(figures)], [*_broken(runs)])


def _table(figures: dict[str, Any]) -> Table:
    table = Table(
        f"{REQUESTS} requests of many batches at once",
        ["", "listeners", "chunks/s", "× one", "least share of the batches"],
    )
    for way, some in figures.items():
        for number, found in some.items():
            table.add(way, number, found["chunks_per_second"], found["ratio_to_one"], found["least_share"])
    return table


def _figures(runs: Runs, number: int) -> dict[str, Any]:
    speeds = {of: Spread.of(run["chunks"] / run["seconds"] for run in some) for of, some in runs.items()}
    shares = Spread.of(_least(run["batches"], number) / sum(run["batches"].values()) for run in runs[number])
    return {
        "chunks_per_second": speeds[number],
        "ratio_to_one": speeds[number].ratio(speeds[1]),
        "least_share": shares,
    }


def _least(batches: dict[str, int], listeners: int) -> int:
    return min(batches.values()) if len(batches) == listeners else 0


def _broken(runs: dict[str, Runs]) -> list[str]:
    chunks = {run["chunks"] for some in runs.values() for of in some.values() for run in of}
    broken = [f"not the same work: {sorted(chunks)} chunks"] if len(chunks) > 1 else []
    for way, some in runs.items():
        for number, of in some.items():
            for run in of:
                if run["succeeded"] != REQUESTS:
                    broken.append(f"{way}, {number} listeners: {run['succeeded']} of {REQUESTS} requests succeeded")
                if way == WAITING and len(run["batches"]) != number:
                    broken.append(f"{way}, {number} listeners: {len(run['batches'])} carried out batches")
    return broken


def _write_folders(folder: Path, files: int) -> None:
    """Write a folder for each request; no two have a text in common, else its vector would be copied."""
    corpus.write_markdown(folder / "all", files * REQUESTS)
    for index, path in enumerate(sorted((folder / "all").iterdir())):
        target = folder / f"request-{index % REQUESTS}"
        target.mkdir(exist_ok=True)
        path.rename(target / path.name)


def _service(url: str) -> dict[str, str]:
    return ways.service(url) | {
        "INGEST_EMBEDDING_DIMENSIONS": str(DIMENSIONS),
        "INGEST_EMBEDDING_CALLS": str(CALLS),
        "INGEST_EMBEDDING_CALL_TEXTS": str(CALL_TEXTS),
    }


async def _run(server: Server, folder: Path, listeners: int, environment: dict[str, str]) -> dict[str, Any]:
    environment = environment | {"INGEST_BATCH_DOCUMENTS": str(BATCH_DOCUMENTS)}
    async with burst.database(server) as dsn, AsyncExitStack() as stack:
        for _ in range(listeners):
            await stack.enter_async_context(session.listener(dsn, folder, **environment))
        connection = await stack.enter_async_context(asyncpg.create_pool(dsn, min_size=1, max_size=1))
        await _insert(connection, [folder / f"request-{number}" for number in range(REQUESTS)])
        await _all_ended(connection)
        (about,) = await connection.fetch(
            "select extract(epoch from max(finished_at) - min(created_at))::float8 as seconds,"
            " count(*) filter (where status = 'succeeded') as succeeded, sum(chunks_total)::int as chunks"
            " from ingest_requests"
        )
        rows = await connection.fetch("select executor_id, count(*)::int as batches from ingest_batches group by 1")
    return dict(about) | {"batches": {row["executor_id"]: row["batches"] for row in rows}}


async def _insert(connection: asyncpg.Pool, folders: list[Path]) -> None:
    query = "insert into ingest_requests (source, collection) select unnest($1::text[]), 'scale'"
    await connection.execute(query, [str(folder) for folder in folders])


async def _all_ended(connection: asyncpg.Pool) -> None:
    query = "select exists (select from ingest_requests where status in ('pending', 'running'))"
    while await connection.fetchval(query):  # noqa: ASYNC110 - the other side is a database
        await asyncio.sleep(LOOK_SECONDS)
