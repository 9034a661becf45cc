"""What the tests of whole listeners share: a database that is ready for one, requests and what became of them."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
from listener_process import ListenerProcess
from staging import Connection, add

from listener import service
from listener.embedded import Server
from listener.settings import Settings

FINAL = "('succeeded', 'partially_succeeded', 'failed', 'cancelled')"
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class Shared:
    """The listener that tests share. Its safety poll is far off: what is soon picked up was rung for."""

    dsn: str
    root: Path
    process: ListenerProcess


async def migrated(server: Server) -> str:
    """Return the name of a new database with our objects and DBOS's."""
    name = f"listened_{uuid.uuid4().hex}"
    await server.create_database(name)
    await service.migrate(Settings(), server.dsn(name))
    return name


@asynccontextmanager
async def cloned(server: Server, template: str) -> AsyncIterator[str]:
    """Give the URL of a copy of a database that nobody is connected to."""
    name = f"test_{uuid.uuid4().hex}"
    _administer(server, f"create database {name} template {template} strategy file_copy")
    try:
        yield server.dsn(name)
    finally:
        _administer(server, f"drop database if exists {name} with (force)")


def _administer(server: Server, statement: str) -> None:
    """Send a statement by a session that is kept: hundreds of tests have a database of their own."""
    dsn = server.dsn("postgres")
    if dsn not in _KEPT or _KEPT[dsn].closed:
        _KEPT[dsn] = psycopg.connect(dsn, autocommit=True)
    try:
        _KEPT[dsn].execute(statement.encode())
    except psycopg.OperationalError:  # a test ends all sessions of its server
        if not _KEPT.pop(dsn).broken:
            raise
        _administer(server, statement)


_KEPT: dict[str, psycopg.Connection] = {}


async def ended(c: Connection, *requests: uuid.UUID, within: float = PATIENCE_SECONDS) -> list[asyncpg.Record]:
    """Wait until the requests have a final status; return their rows, in this order."""
    query = (
        f"select r.* from unnest($1::uuid[]) with ordinality as o (id, place) join ingest_requests r using (id)"
        f" where r.status in {FINAL} order by place"
    )
    rang = asyncio.Event()
    await c.add_listener("ingest_finished", ring := lambda *_: rang.set())
    try:
        deadline = time.monotonic() + within
        while len(rows := await c.fetch(query, requests)) < len(requests):
            if time.monotonic() > deadline:
                stuck = await c.fetch(
                    "select id, status, current_step, waiting_for, last_error from ingest_status"
                    " where id = any ($1) and finished_at is null limit 5", requests,
                )  # fmt: skip
                raise AssertionError(f"not ended within {within} s: {[dict(row) for row in stuck]}")
            await _either(rang, 0.2)  # the notification is a hint
    finally:
        await c.remove_listener("ingest_finished", ring)
    return list(rows)


async def ingested(c: Connection, **columns: Any) -> asyncpg.Record:
    """Insert a request and wait for its end."""
    return (await ended(c, await add(c, **columns)))[0]


async def one(c: Connection, query: str, *values: Any) -> asyncpg.Record:
    """Return the only row of a query."""
    (row,) = await c.fetch(query, *values)
    return row


async def until(check: Callable[[], Awaitable[Any]], within: float = PATIENCE_SECONDS) -> Any:
    """Return the first true answer of ``check``, which is asked again and again."""
    deadline = time.monotonic() + within
    while not (answer := await check()):
        assert time.monotonic() < deadline, f"not within {within} s"
        await asyncio.sleep(0.01)  # a pause between questions; nothing depends on its length
    return answer


async def chunks(c: Connection, collection: str) -> list[asyncpg.Record]:
    """Return the live chunks, each with the slice of its document's text that it should be."""
    return list(
        await c.fetch(
            "select k.*, substr(v.text, k.start_char + 1, k.end_char - k.start_char) as slice, v.text as document"
            " from ingest_chunks k join ingest_revisions v on v.id = k.revision_id where k.collection = $1"
            " order by k.uri, k.ordinal",
            collection,
        )
    )


async def uris(c: Connection, collection: str) -> set[str]:
    rows = await c.fetch(
        "select uri from ingest_documents where collection = $1 and revision_id is not null", collection
    )
    return {row["uri"] for row in rows}


async def steps(c: Connection, request: uuid.UUID) -> list[tuple[str, dict[str, int]]]:
    """Return the names and outputs of the steps of a request and its batches, as DBOS recorded them."""
    rows = await c.fetch(
        "select function_name, output::jsonb as output from dbos.operation_outputs where workflow_uuid like $1 || '%'"
        " and function_name not like 'DBOS.%' and child_workflow_id is null order by workflow_uuid, function_id",
        str(request),
    )
    return [(row["function_name"], row["output"]) for row in rows]


async def counted(c: Connection, request: uuid.UUID, name: str) -> dict[str, int]:
    """Return the sums of a step's outputs over all batches."""
    total: dict[str, int] = {}
    for step, output in await steps(c, request):
        for key, number in output.items() if step == name else ():
            total[key] = total.get(key, 0) + number
    return total


async def _either(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except asyncio.TimeoutError:
        return
    event.clear()
