"""``python -m benchmarks.bare_html``: the least that a program must do to embed a folder of HTML pages locally.

Processes parse and cut pages, a thread embeds them in groups, and each group is one binary COPY: our own functions and
the same libraries, without status, limits or recovery. Prints seconds, from the first page to the last COPY's commit;
processes, weights and connections are there before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import asyncpg
from pgvector.asyncpg import register_vector

from benchmarks.bare import COLUMNS, TABLE, Row
from listener.chunking.splitting import chunk
from listener.documents.markup import read
from listener.documents.reading import About
from listener.embedding import DEFAULT_TEMPLATE, embedding_input, text_hash
from listener.embedding.token_vectors import TokenVectors

GROUP = 128
PAGE = About("", "text/html")
PAGES = 16  # that a process parses at a time
WRITERS = 2


async def run(dsn: str, folder: Path, processes: int) -> dict[str, Any]:
    """Make the table, then parse, embed and store the folder."""
    pool = await asyncpg.create_pool(dsn, min_size=WRITERS, max_size=WRITERS, init=register_vector)
    await pool.execute(TABLE)
    model = TokenVectors.load(256)
    with ProcessPoolExecutor(processes, get_context("spawn")) as parsers:
        list(parsers.map(_warm_up, range(processes)))
        begin = time.monotonic()
        rows, turn = _rows(parsers, folder), asyncio.Lock()
        await asyncio.gather(*(_work(pool, model, rows, turn) for _ in range(WRITERS)))
        seconds = time.monotonic() - begin
    await pool.close()
    return {"seconds": seconds}


def _warm_up(_: int) -> None:
    time.sleep(0.5)  # so that each process gets one
    read(b"<p>One line.", PAGE)


async def _work(pool: asyncpg.Pool, model: TokenVectors, rows: Iterator[Row], turn: asyncio.Lock) -> None:
    while some := await _next(rows, turn):
        vectors = (await asyncio.to_thread(model.embed, [row[-1] for row in some])).vectors
        records = [(*row[:-1], vector) for row, vector in zip(some, vectors, strict=True)]
        async with pool.acquire() as connection:
            await connection.copy_records_to_table("bare_chunks", records=records, columns=COLUMNS)


async def _next(rows: Iterator[Row], turn: asyncio.Lock) -> list[Row]:
    """Wait for the parsers in a thread, so that the other writer's COPY goes on meanwhile."""
    async with turn:
        return await asyncio.to_thread(lambda: list(islice(rows, GROUP)))


def _rows(parsers: Executor, folder: Path) -> Iterator[Row]:
    for rows in parsers.map(_page, *zip(*enumerate(sorted(folder.iterdir())), strict=True), chunksize=PAGES):
        yield from rows


def _page(number: int, path: Path) -> list[Row]:
    reading = read(path.read_bytes(), PAGE)
    text, title, rows = str(reading.text, "utf-8"), reading.title or "", []
    for ordinal, part in enumerate(chunk(text, "text/markdown", 1000, 100)):
        body, headings = text[part.start : part.end], part.heading_path
        embedded = embedding_input(DEFAULT_TEMPLATE, "", title=title, heading_path=headings, text=body)
        about = json.dumps({"heading_path": headings})
        rows.append((number, ordinal, part.start, part.end, body, text_hash(embedded), about, embedded))
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--processes", required=True, type=int)
    given = parser.parse_args()
    json.dump(asyncio.run(run(given.dsn, given.folder, given.processes)), sys.stdout)
