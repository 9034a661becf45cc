"""``python -m benchmarks.bare_dbos``: the listener's steps as a plain DBOS application, one workflow a document.

What somebody who knows DBOS would write, without requests, status, fences, retries, limits or listeners: discover,
load, chunk, embed and save are DBOS steps. What one finds out the next one gets from it, through DBOS's checkpoint;
each writes in one statement at most (chunk in none).

``--form async`` keeps ``--at-once`` workflows running on the event loop, ``sync`` calls them in as many threads,
``async-queue`` and ``sync-queue`` take them off DBOS's queue. Says ``ready`` once all is open. A line ``<prefix>
<documents>`` on stdin has so many documents carried out; the answer is the seconds that took, from the first start
to the last workflow's end. With a queue whoever runs this enqueues, and looks at DBOS's tables for the end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import psycopg
from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer
from pgvector.asyncpg import register_vector
from psycopg.adapt import Dumper
from psycopg.pq import Format
from psycopg.types import TypeInfo
from psycopg.types.array import ListBinaryDumper

from benchmarks import corpus
from benchmarks.bare_steps import DISCOVER, EMBED, LOAD, MEDIA_TYPE, SAVE, Texts
from listener.embedding import text_hash

APPLICATION = "bare"
QUEUE = "bare"


# the application in DBOS's async form


class AsyncForm:
    """Workflows on the event loop, statements over asyncpg."""

    def __init__(self, texts: Texts, pool: asyncpg.Pool) -> None:
        @DBOS.step()
        async def discover(uri: str, content: str) -> int:
            return int(await pool.fetchval(DISCOVER, DBOS.workflow_id, uri, MEDIA_TYPE, len(content)))

        @DBOS.step()
        async def load(revision: int, uri: str, content: str) -> dict[str, Any] | None:
            loaded = texts.parse(uri, content)
            digest = text_hash(content)
            return loaded if await pool.fetchval(LOAD, revision, digest, loaded["text"], loaded["title"]) else None

        @DBOS.step(name="chunk")
        async def cut(text: str) -> dict[str, list[Any]]:
            return texts.cut(text)

        @DBOS.step()
        async def embed(revision: int, loaded: dict[str, Any], boundaries: dict[str, list[Any]]) -> None:
            await pool.execute(EMBED, revision, *texts.rows(loaded, boundaries))

        @DBOS.step()
        async def save(revision: int, boundaries: dict[str, list[Any]]) -> None:
            headings = json.dumps(boundaries["headings"])
            await pool.execute(SAVE, revision, boundaries["starts"], boundaries["ends"], headings)

        @DBOS.workflow(name="document")
        async def document(uri: str, content: str) -> None:
            revision = await discover(uri, content)
            loaded = await load(revision, uri, content)
            if loaded is not None:
                boundaries = await cut(loaded["text"])
                await embed(revision, loaded, boundaries)
                await save(revision, boundaries)

        self._document = document

    async def carry_out(self, documents: list[tuple[str, str]], at_once: int) -> None:
        """Start a workflow for each, so many at a time, and wait for all."""
        places = asyncio.Semaphore(at_once)

        async def one(uri: str, content: str) -> None:
            async with places:
                handle = await DBOS.start_workflow_async(self._document, uri, content)
                await handle.get_result()

        await asyncio.gather(*(one(*document) for document in documents))


# the same in its sync form


class SyncForm:
    """Workflows in threads, statements over a psycopg connection in each."""

    def __init__(self, texts: Texts, dsn: str) -> None:
        local = threading.local()

        def run(statement: str, *values: Any) -> psycopg.Cursor[Any]:
            if not hasattr(local, "connection"):
                local.connection = _connection(dsn)
            return local.connection.execute(statement, values)  # type: ignore[no-any-return]

        @DBOS.step()
        def discover(uri: str, content: str) -> int:
            found = run(DISCOVER, DBOS.workflow_id, uri, MEDIA_TYPE, len(content)).fetchone()
            assert found
            return int(found[0])

        @DBOS.step()
        def load(revision: int, uri: str, content: str) -> dict[str, Any] | None:
            loaded = texts.parse(uri, content)
            digest = text_hash(content)
            return loaded if run(LOAD, revision, digest, loaded["text"], loaded["title"]).fetchone() else None

        @DBOS.step(name="chunk")
        def cut(text: str) -> dict[str, list[Any]]:
            return texts.cut(text)

        @DBOS.step()
        def embed(revision: int, loaded: dict[str, Any], boundaries: dict[str, list[Any]]) -> None:
            *columns, found = texts.rows(loaded, boundaries)
            run(EMBED, revision, *columns, _Vectors(_Vector(one.to_binary()) for one in found))

        @DBOS.step()
        def save(revision: int, boundaries: dict[str, list[Any]]) -> None:
            run(SAVE, revision, boundaries["starts"], boundaries["ends"], json.dumps(boundaries["headings"]))

        @DBOS.workflow(name="document")
        def document(uri: str, content: str) -> None:
            revision = discover(uri, content)
            loaded = load(revision, uri, content)
            if loaded is not None:
                boundaries = cut(loaded["text"])
                embed(revision, loaded, boundaries)
                save(revision, boundaries)

        self._document = document
        self._threads: ThreadPoolExecutor | None = None

    async def carry_out(self, documents: list[tuple[str, str]], at_once: int) -> None:
        """Call the workflow for each, in so many threads."""
        self._threads = self._threads or ThreadPoolExecutor(at_once)
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(self._threads, self._document, *one) for one in documents))


class _Vector(bytes):
    """A vector in pgvector's binary form."""


class _Vectors(list[_Vector]):
    """Several, sent in that form."""


def _connection(dsn: str) -> psycopg.Connection[Any]:
    connection = psycopg.connect(dsn, autocommit=True, cursor_factory=psycopg.RawCursor)
    found = TypeInfo.fetch(connection, "vector")
    assert found

    class _Binary(Dumper):
        format = Format.BINARY

        def dump(self, obj: _Vector) -> bytes:
            return obj

    _Binary.oid = found.oid
    connection.adapters.register_dumper(_Vector, _Binary)
    connection.adapters.register_dumper(_Vectors, ListBinaryDumper)
    found.register(connection)
    return connection


# the process


async def main(given: argparse.Namespace) -> None:
    """Open everything, then carry out what stdin asks for, until it ends."""
    pool = await asyncpg.create_pool(given.dsn, min_size=1, max_size=given.connections, init=register_vector)
    _configure(given)
    texts = Texts()
    form = AsyncForm(texts, pool) if given.form.startswith("async") else SyncForm(texts, given.dsn)
    DBOS.launch()
    if given.form.endswith("queue"):
        await DBOS.register_queue_async(
            QUEUE, worker_concurrency=given.at_once, polling_interval_sec=given.polling, on_conflict="always_update"
        )
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        prefix, count = line.split()
        documents = corpus.notes(prefix, int(count))
        begin = time.monotonic()
        await form.carry_out(documents, given.at_once)
        print(time.monotonic() - begin, flush=True)
    await asyncio.to_thread(DBOS.destroy, destroy_registry=True)
    await pool.close()


def _configure(given: argparse.Namespace) -> None:
    config = DBOSConfig(
        name=APPLICATION,
        system_database_url=given.dsn,
        application_version="1",
        serializer=DBOSPortableJSONSerializer() if given.serializer == "json" else None,  # its own: pickle
        sys_db_pool_size=given.pool,
        max_executor_threads=given.threads,
        db_engine_kwargs={"pool_size": given.pool, "max_overflow": 0, "pool_pre_ping": False},
        run_migrations=False,
        log_level="WARNING",
    )
    DBOS(config=config)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--form", choices=["async", "sync", "async-queue", "sync-queue"], required=True)
    parser.add_argument("--at-once", type=int, required=True, help="workflows that run at a time")
    parser.add_argument("--pool", type=int, default=4, help="DBOS's connections")
    parser.add_argument("--threads", type=int, default=4, help="DBOS's threads")
    parser.add_argument("--connections", type=int, default=4, help="the steps' connections, of the async form")
    parser.add_argument("--polling", type=float, default=0.05, help="seconds between looks at the queue")
    parser.add_argument("--serializer", choices=["json", "pickle"], default="pickle")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main(_arguments()))
