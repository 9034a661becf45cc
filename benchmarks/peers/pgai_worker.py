"""pgai: files go into a table, its triggers queue the rows that change, its vectorizer worker embeds what is queued.

It needs no extension: ``pgai.install`` puts its SQL there. The worker is its own ``Worker``, told to end when the
queue is empty, so that none of its polling counts: two processes of four tasks. (Its ``--concurrency`` and more
workers are the two ways that its documentation gives; one process alone is busy reading JSON.) A call holds all
chunks of the ten rows that a task took; answers come as JSON numbers, it asks for nothing else. Its recursive text
splitter cuts at sections.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pgai
import psycopg
import structlog
from pgai.vectorizer import Worker

from benchmarks.peers import turns

Connection = psycopg.AsyncConnection[Any]
PROCESSES = 2
CONCURRENCY = 4  # tasks of a process
BATCH = 10  # rows that a task takes at a time
TABLE = "create table documents (name text primary key, body text not null)"
VECTORIZER = """
select ai.create_vectorizer(
  'documents'::regclass,
  destination => ai.destination_table('chunks'),
  loading => ai.loading_column('body'),
  parsing => ai.parsing_none(),
  embedding => ai.embedding_openai(%s, %s, base_url => %s),
  chunking => ai.chunking_recursive_character_text_splitter(1000, 0, array[E'\n\n## ']),
  formatting => ai.formatting_python_template('$chunk'),
  indexing => ai.indexing_none(),
  scheduling => ai.scheduling_none(),
  processing => ai.processing_default(%s, %s))
"""
UPSERT = """
insert into documents values (%s, %s)
on conflict (name) do update set body = excluded.body where documents.body <> excluded.body
"""


async def main() -> None:
    """Set the vectorizer up, then take turns."""
    given = turns.given()
    os.environ["OPENAI_API_KEY"] = turns.MODEL
    pgai.install(given.dsn)
    async with await psycopg.AsyncConnection.connect(given.dsn, autocommit=True) as connection:
        await connection.execute(TABLE)
        await connection.execute(VECTORIZER, [turns.MODEL, turns.DIMENSIONS, given.url, BATCH, CONCURRENCY])
        with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as processes:
            work = partial(_work_everywhere, processes, given.dsn)
            await _put(connection, {"warm": "One line."})
            await work()
            await connection.execute("delete from documents")  # a trigger of its own deletes the chunks
            await work()
            await turns.take(partial(_ingest, connection, given.folder, work))


async def _ingest(connection: Connection, folder: Path, work: Callable[[], Awaitable[None]]) -> None:
    await _put(connection, turns.documents(folder))
    await work()


async def _put(connection: Connection, documents: dict[str, str]) -> None:
    async with connection.transaction(), connection.cursor() as cursor:
        await cursor.executemany(UPSERT, list(documents.items()))


async def _work_everywhere(processes: ProcessPoolExecutor, dsn: str) -> None:
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(loop.run_in_executor(processes, _work, dsn) for _ in range(PROCESSES)))


def _work(dsn: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    if (failure := asyncio.run(Worker(dsn, once=True).run())) is not None:
        raise failure


if __name__ == "__main__":
    asyncio.run(main())
