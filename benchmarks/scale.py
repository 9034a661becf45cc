"""More listeners on one Postgres: what 1, 2, 4 and 8 carry, with a service that waits and with the local embedder.

A service answers each call after a while and costs next to no CPU: a listener waits for it nearly all the time, so
others beside it should add what they carry.

::

    many batches       4 requests of 16 batches each, small calls of 200 ms: batches are shared between listeners
    default settings   16 requests of one batch each, calls of 2 s, 8 of a listener at a time: requests are shared
    slow service       the same with few and short texts and calls of 8 s: what is left of CPU is next to nothing
    small texts        1,000 requests of one inline text each, default settings, the local embedder
    local embedder     CPU alone: more listeners than cores can't help, and on a small machine Postgres wants its part

Each run has a fresh database and listeners that have just started. The requests come at once, each a folder or a text;
the time goes from their INSERT to the last one's end, by the database's clock. Who carried out how many batches is
counted: with a service, a listener without any is reported as broken. Beside it stands what is short: whose the cores
were, and what the listeners' sessions did, as samples of ``pg_stat_activity``.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks import burst, corpus, session, shares, ways
from benchmarks.report import Options, Report, Spread, Table
from listener.embedded import Server

LISTENERS = (1, 2, 4, 8)
FILES = 64  # in a request's folder, of some 14 chunks each
DIMENSIONS = 64
LOOK_SECONDS = 0.05

SPEEDS = ("chunks_per_second", "ratio_to_one", "least_share")

Runs = dict[int, list[dict[str, Any]]]
Rows = list[tuple[str | None, str | None]]


@dataclass(frozen=True)
class Way:
    """What is ingested, and how: so many requests; the seconds that a call takes (None: the local embedder).

    ``texts``: the requests are texts of their own, no folders.
    """

    requests: int
    latency: float | None
    settings: dict[str, str]
    texts: bool = False
    files: int = FILES


WAYS = {
    "many batches": Way(
        4, 0.2, {"INGEST_BATCH_DOCUMENTS": "4", "INGEST_EMBEDDING_CALLS": "4", "INGEST_EMBEDDING_CALL_TEXTS": "8"}
    ),
    "default settings": Way(16, 2.0, {}),
    "small texts": Way(1000, None, {}, texts=True),
    "slow service": Way(16, 8.0, {"INGEST_EMBEDDING_CALL_TEXTS": "4"}, files=4),
    "local embedder": Way(4, None, {"INGEST_BATCH_DOCUMENTS": "4"}),
}


async def measure(options: Options) -> Report:
    """Return chunks/s and the ratio to one listener, by way and number of listeners."""
    rows = {name: _rows(name, way, options) for name, way in WAYS.items()}
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(session.server(options.folder))
        slowest = 1.0 if options.quick else 60.0
        environments = {name: await _environment(stack, way, slowest) for name, way in WAYS.items()}
        numbers = LISTENERS[: options.size(len(LISTENERS), 2)]
        runs: dict[str, Runs] = {name: {number: [] for number in numbers} for name in WAYS}
        for _ in range(options.rounds):
            for name in WAYS:
                for number in numbers:
                    run = await _run(server, rows[name], number, environments[name])
                    runs[name][number].append(run)
    figures = {name: {str(number): _figures(some, number) for number in some} for name, some in runs.items()}
    return Report(figures | {"runs": runs}, [_table(figures, runs)], [*_broken(runs)])


async def _environment(stack: AsyncExitStack, way: Way, slowest: float) -> dict[str, str]:
    if way.latency is None:
        return way.settings
    url = await stack.enter_async_context(ways.endpoint(latency=min(way.latency, slowest), dimensions=DIMENSIONS))
    return ways.service(url) | way.settings | {"INGEST_EMBEDDING_DIMENSIONS": str(DIMENSIONS)}


def _table(figures: dict[str, Any], runs: dict[str, Runs]) -> Table:
    table = Table(
        f"Requests that come at once, {os.cpu_count()} cores",
        ["", "listeners", "chunks/s", "× one", "least share of the batches", "cores: listeners", "Postgres", "all",
         "sessions at work, and what they did (last run)"],
    )  # fmt: skip
    for way, some in figures.items():
        for number, found in some.items():
            last = runs[way][int(number)][-1]["shares"]
            cores = (found[of] for of in ("listeners", "postgres", "machine"))
            table.add(way, number, *(found[of] for of in SPEEDS), *cores, last.active)
    return table


def _figures(runs: Runs, number: int) -> dict[str, Any]:
    speeds = {of: Spread.of(run["chunks"] / run["seconds"] for run in some) for of, some in runs.items()}
    least = Spread.of(_least(run["batches"], number) / sum(run["batches"].values()) for run in runs[number])
    taken = [run["shares"] for run in runs[number]]
    return {
        "chunks_per_second": speeds[number],
        "ratio_to_one": speeds[number].ratio(speeds[1]),
        "least_share": least,
        "listeners": Spread.of(one.of_cores(one.listeners) for one in taken),
        "postgres": Spread.of(one.of_cores(one.postgres) for one in taken),
        "machine": Spread.of(one.of_cores(one.machine) for one in taken),
    }


def _least(batches: dict[str, int], listeners: int) -> int:
    return min(batches.values()) if len(batches) == listeners else 0


def _broken(runs: dict[str, Runs]) -> list[str]:
    broken = []
    for way, some in runs.items():
        if len(chunks := {run["chunks"] for of in some.values() for run in of}) > 1:
            broken.append(f"{way}: not the same work: {sorted(chunks)} chunks")
        for number, of in some.items():
            for run in of:
                if run["succeeded"] != run["requests"]:
                    broken.append(f"{way}, {number} listeners: {run['succeeded']} requests succeeded")
                if WAYS[way].latency is not None and len(run["batches"]) != number:
                    broken.append(f"{way}, {number} listeners: {len(run['batches'])} carried out batches")
    return broken


def _write_folders(folder: Path, requests: int, files: int) -> list[Path]:
    """Write a folder for each request; no two have a text in common, else its vector would be copied."""
    corpus.write_markdown(folder / "all", files * requests)
    targets = [folder / f"request-{number}" for number in range(requests)]
    for index, path in enumerate(sorted((folder / "all").iterdir())):
        targets[index % requests].mkdir(exist_ok=True)
        path.rename(targets[index % requests] / path.name)
    return targets


def _rows(name: str, way: Way, options: Options) -> Rows:
    """Return sources and contents of the requests."""
    if way.texts:
        return [(None, text) for _, text in corpus.notes("scale", options.size(way.requests, 40))]
    files = options.size(way.files, way.files // 4)
    folders = _write_folders(options.folder / "documents" / name, way.requests, files)
    return [(str(folder), None) for folder in folders]


async def _run(server: Server, rows: Rows, listeners: int, environment: dict[str, str]) -> dict[str, Any]:
    root = Path(rows[0][0]).parent if rows[0][0] else None
    async with burst.database(server) as dsn, AsyncExitStack() as stack:
        pids = [
            (await stack.enter_async_context(session.listener(dsn, root, **environment))).pid for _ in range(listeners)
        ]
        connection = await stack.enter_async_context(asyncpg.create_pool(dsn, min_size=1, max_size=1))
        async with shares.watched(server, dsn, pids) as taken:
            await _insert(connection, rows)
            await _all_ended(connection)
        (about,) = await connection.fetch(
            "select extract(epoch from max(finished_at) - min(created_at))::float8 as seconds,"
            " count(*) filter (where status = 'succeeded') as succeeded, sum(chunks_total)::int as chunks"
            " from ingest_requests"
        )
        found = await connection.fetch("select executor_id, count(*)::int as batches from ingest_batches group by 1")
    batches = {row["executor_id"]: row["batches"] for row in found}
    return dict(about) | {"requests": len(rows), "batches": batches, "shares": taken}


async def _insert(connection: asyncpg.Pool, rows: Rows) -> None:
    query = (
        "insert into ingest_requests (source, content, collection)"
        " select source, content, 'scale' from unnest($1::text[], $2::text[]) as one (source, content)"
    )
    await connection.execute(query, *map(list, zip(*rows, strict=True)))


async def _all_ended(connection: asyncpg.Pool) -> None:
    query = "select exists (select from ingest_requests where status in ('pending', 'running'))"
    while await connection.fetchval(query):  # noqa: ASYNC110 - the other side is a database
        await asyncio.sleep(LOOK_SECONDS)
