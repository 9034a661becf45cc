"""A burst of small requests: 1,000 inline documents of one chunk each, beside bare DBOS doing the same steps.

Each run has a fresh database and processes that are warm: all of them have carried out some documents. Ours goes from
the first INSERT to the last request's end, by the database's clock: inserted in one transaction, or by 16 clients, a
row each. Bare DBOS (``benchmarks.bare_dbos``) starts its workflows itself, on the event loop or in threads, or takes
them off its queue, where one statement enqueued them, with its best settings (``FORMS``; where these depend on the
machine, with both). The listener's are its defaults. Ratios are to the way of bare DBOS that is best over all rounds.
"""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from benchmarks import bare_dbos, bare_steps, corpus, session
from benchmarks.report import Options, Report, Spread, Table
from listener.embedded import Server

DOCUMENTS = 1000
WARM_UP = 50
CLIENTS = 16
LOOK_SECONDS = 0.05
BARE = "bare DBOS, "
RIVALS = 3

FORMS: dict[str, dict[str, Any]] = {
    "async": {"form": "async", "at_once": 32},
    "async, 8 connections": {"form": "async", "at_once": 32, "pool": 8, "threads": 8, "connections": 8},
    "sync, 4 threads": {"form": "sync", "at_once": 4},
    "sync, 8 threads": {"form": "sync", "at_once": 8, "pool": 8},
    "async off its queue": {"form": "async-queue", "at_once": 32},
    "sync off its queue": {"form": "sync-queue", "at_once": 16},
}
"""The ways in which bare DBOS is run: options of ``benchmarks.bare_dbos``. The three that are fastest in the first
round run in the others too; the best of these is the one we compare with."""

Documents = list[tuple[str, str]]
Insert = Callable[[str, Documents], Awaitable[None]]


async def measure(options: Options) -> Report:
    """Return requests/s of every way, and ours over the best of bare DBOS."""
    count = options.size(DOCUMENTS, 40)
    runs: dict[str, list[dict[str, Any]]] = {}
    async with session.server(options.folder) as server:
        forms = FORMS
        for _ in range(options.rounds):
            for name, insert in (("one transaction", _insert_together), ("16 clients", _insert_singly)):
                runs.setdefault(f"listener, {name}", []).append(await _listener(server, count, insert))
            for name, settings in forms.items():
                runs.setdefault(f"{BARE}{name}", []).append(await bare(server, count, **settings))
            forms = _fastest(runs)
    speeds = {way: Spread.of(run["requests_per_second"] for run in some) for way, some in runs.items()}
    rivals = [f"{BARE}{name}" for name in forms]
    best = max(rivals, key=lambda way: speeds[way].median)
    # Of a form that ran in the first round only, what it was then.
    ratios = {way: speed.ratio(Spread(speeds[best].values[: len(speed.values)])) for way, speed in speeds.items()}
    figures = {"documents": count, "best": best, "requests_per_second": speeds, "ratio_to_best": ratios, "runs": runs}
    return Report(figures, [_table(count, speeds, ratios)], _broken(runs, count))


def _fastest(runs: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Return the forms of bare DBOS that were fastest in the first round."""
    ranked = sorted(FORMS, key=lambda name: runs[f"{BARE}{name}"][0]["requests_per_second"], reverse=True)
    return {name: FORMS[name] for name in ranked[:RIVALS]}


def _table(count: int, speeds: dict[str, Spread], ratios: dict[str, Spread]) -> Table:
    title = f"{count:,} requests of one small document"
    table = Table(title, ["", "requests/s", "× bare DBOS's best"])
    for way, speed in speeds.items():
        table.add(way, speed, ratios[way])
    return table


def _broken(runs: dict[str, list[dict[str, Any]]], count: int) -> list[str]:
    return [
        f"{way}: {run['succeeded']} of {count} succeeded, {run['chunks']} chunks are live"
        for way, some in runs.items()
        for run in some
        if (run["succeeded"], run["chunks"]) != (count, count)
    ]


@asynccontextmanager
async def database(server: Server) -> AsyncIterator[str]:
    """Clone the migrated database for the time of a block; yield the clone's DSN. It begins after a checkpoint."""
    name = "run"
    await server.create_database(name, "ingest")
    connection = await asyncpg.connect(server.dsn(name))
    await connection.execute("checkpoint")
    await connection.close()
    try:
        yield server.dsn(name)
    finally:
        await server.drop_database(name)


# ours


async def _listener(server: Server, count: int, insert: Insert) -> dict[str, Any]:
    async with database(server) as dsn, session.listener(dsn):
        connection = await asyncpg.connect(dsn)
        await insert(dsn, corpus.notes("warm", WARM_UP))
        await _all_ended(connection)
        await insert(dsn, corpus.notes("note", count))
        await _all_ended(connection)
        (row,) = await connection.fetch(
            "select extract(epoch from max(r.finished_at) - min(r.created_at))::float8 as seconds,"
            " count(*) filter (where r.status = 'succeeded') as succeeded,"
            " (select count(*) from ingest_chunks c where c.uri like 'note-%') as chunks"
            " from ingest_requests r where r.uri like 'note-%'"
        )
        await connection.close()
    return dict(row) | {"requests_per_second": count / row["seconds"]}


async def _insert_together(dsn: str, documents: Documents) -> None:
    query = (
        "insert into ingest_requests (uri, content, media_type, collection)"
        " select uri, content, $3, 'burst' from unnest($1::text[], $2::text[]) as one (uri, content)"
    )
    connection = await asyncpg.connect(dsn)
    await connection.execute(query, *map(list, zip(*documents, strict=True)), bare_steps.MEDIA_TYPE)
    await connection.close()


async def _insert_singly(dsn: str, documents: Documents) -> None:
    query = "insert into ingest_requests (uri, content, media_type, collection) values ($1, $2, $3, 'burst')"
    left = iter(documents)

    async def client(connection: asyncpg.Connection) -> None:
        for document in left:
            await connection.execute(query, *document, bare_steps.MEDIA_TYPE)

    connections = [await asyncpg.connect(dsn) for _ in range(CLIENTS)]
    await asyncio.gather(*map(client, connections))
    for connection in connections:
        await connection.close()


async def _all_ended(connection: asyncpg.Connection) -> None:
    query = "select exists (select from ingest_requests where status in ('pending', 'running'))"
    while await connection.fetchval(query):  # noqa: ASYNC110 - the other side is a database
        await asyncio.sleep(LOOK_SECONDS)


# bare DBOS


async def bare(server: Server, count: int, form: str, **settings: Any) -> dict[str, Any]:
    """Carry out so many documents in one of its forms; ``settings`` are options of ``benchmarks.bare_dbos``."""
    async with database(server) as dsn:
        connection = await asyncpg.connect(dsn)
        await connection.execute(bare_steps.TABLES)
        async with _application(dsn, form, settings) as process:
            carry_out = _enqueue if form.endswith("queue") else _ask
            await carry_out(process, connection, "warm", WARM_UP)
            seconds = await carry_out(process, connection, "note", count)
        (row,) = await connection.fetch(
            "select (select count(*) from bare_chunks join bare_documents using (revision_id) where uri like 'note-%')"
            " as chunks,"
            " (select count(*) from dbos.workflow_status where status = 'SUCCESS') - $1 as succeeded",
            WARM_UP,
        )
        await connection.close()
    return {"seconds": seconds, "requests_per_second": count / seconds, **row}


@asynccontextmanager
async def _application(dsn: str, form: str, settings: dict[str, Any]) -> AsyncIterator[Process]:
    given = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.bare_dbos", f"--dsn={dsn}", f"--form={form}", *given,
        stdin=PIPE, stdout=PIPE, env=os.environ,
    )  # fmt: skip
    try:
        await _line(process)
        yield process
    finally:
        assert process.stdin
        process.stdin.close()
        await process.wait()


async def _ask(process: Process, _: asyncpg.Connection, prefix: str, count: int) -> float:
    assert process.stdin
    process.stdin.write(f"{prefix} {count}\n".encode())
    return float(await _line(process))


async def _line(process: Process) -> str:
    assert process.stdout
    if not (line := await process.stdout.readline()):
        raise SystemExit("bare DBOS did not run")
    return line.decode()


async def _enqueue(_: Process, connection: asyncpg.Connection, prefix: str, count: int) -> float:
    """Enqueue in one statement, and wait for the end; return the seconds between, by the database's clock."""
    begin = await connection.fetchval("select extract(epoch from clock_timestamp())::float8")
    await connection.execute(
        "select count(dbos.enqueue_workflow('document', $1, array[to_json(uri), to_json(content)],"
        " app_version => '1', application_name => $2))"
        " from unnest($3::text[], $4::text[]) as one (uri, content)",
        bare_dbos.QUEUE, bare_dbos.APPLICATION, *map(list, zip(*corpus.notes(prefix, count), strict=True)),
    )  # fmt: skip
    query = "select exists (select from dbos.workflow_status where status in ('ENQUEUED', 'PENDING'))"
    while await connection.fetchval(query):  # noqa: ASYNC110 - the other side is a database
        await asyncio.sleep(LOOK_SECONDS)
    end = await connection.fetchval("select max(completed_at) / 1000.0 from dbos.workflow_status")
    return float(end) - float(begin)
