"""``python -m benchmarks.bare``: the least that a program must do to get a folder's chunks embedded and stored.

Plain asyncio and a binary COPY for each group of texts: no status, no recovery, no retries, nothing skipped, and no
HTTP library. Chunks and what is embedded for them are the listener's own, so that both do the same work. Its table is
``ingest_chunk_store`` under another name, with the same constraints and indexes, or without any and without full text.
Prints seconds and chunks, counted from the first file's opening to the last COPY's commit; connections are open before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import numpy as np
import pybase64
from pgvector.asyncpg import register_vector

from listener.chunking.splitting import chunk
from listener.embedding import DEFAULT_TEMPLATE, embedding_input, text_hash

CALLS = 8
TABLE = """
create table bare_chunks (like ingest_chunk_store including all);
alter table bare_chunks drop column lexemes,
  add column lexemes tsvector generated always as (to_tsvector(text_config, text)) stored;
create index on bare_chunks using gin (lexemes);
alter table bare_chunks alter column text_config set default 'english', alter column collection set default 'bare',
  alter column space_id set default 1
"""
COLUMNS = ["revision_id", "ordinal", "start_char", "end_char", "text", "hash", "metadata", "embedding"]
PLAIN = "create table bare_chunks as select revision_id, ordinal, start_char, end_char, text, hash, metadata, embedding"
Row = tuple[int, int, int, int, str, bytes, str, str]  # as COLUMNS, with the text to embed in the embedding's place


async def run(dsn: str, folder: Path, url: str, group: int, indexed: bool) -> dict[str, Any]:
    """Make the table, then embed and store the folder."""
    pool = await asyncpg.create_pool(dsn, min_size=CALLS, max_size=CALLS, init=register_vector)
    await pool.execute(TABLE if indexed else f"{PLAIN} from ingest_chunk_store limit 0")
    clients = [await Client.connect(url) for _ in range(CALLS)]
    begin = time.monotonic()
    rows = _rows(folder)
    await asyncio.gather(*(_work(pool, client, rows, group) for client in clients))
    seconds = time.monotonic() - begin
    chunks = await pool.fetchval("select count(*) from bare_chunks")
    await pool.close()
    return {"seconds": seconds, "chunks": chunks}


async def _work(pool: asyncpg.Pool, client: Client, rows: Iterator[Row], group: int) -> None:
    while some := list(islice(rows, group)):
        vectors = await client.embed([row[-1] for row in some])
        records = [(*row[:-1], vector) for row, vector in zip(some, vectors, strict=True)]
        async with pool.acquire() as connection:
            await connection.copy_records_to_table("bare_chunks", records=records, columns=COLUMNS)


def _rows(folder: Path) -> Iterator[Row]:
    for number, path in enumerate(sorted(folder.iterdir())):
        text = path.read_text(encoding="utf-8")
        title = text[2 : text.index("\n")]
        for ordinal, part in enumerate(chunk(text, "text/markdown", 1000, 100)):
            body, headings = text[part.start : part.end], part.heading_path
            embedded = embedding_input(DEFAULT_TEMPLATE, "", title=title, heading_path=headings, text=body)
            about = json.dumps({"heading_path": headings})
            yield number, ordinal, part.start, part.end, body, text_hash(embedded), about, embedded


class Client:
    """One connection to the embedding service."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def connect(cls, url: str) -> Client:
        """Connect to a base URL like ``http://127.0.0.1:1234/v1``."""
        where = urlsplit(url)
        return cls(*await asyncio.open_connection(where.hostname, where.port, limit=64 * 1024 * 1024))

    async def embed(self, texts: list[str]) -> np.ndarray[Any, Any]:
        """Return the texts' vectors, shape (texts, dimensions)."""
        body = json.dumps({"model": "bench", "input": texts, "encoding_format": "base64"}).encode()
        self._writer.write(
            b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        answer = json.loads(await self._reader.readexactly(length))
        return np.stack(
            [np.frombuffer(pybase64.b64decode(one["embedding"], validate=True), "<f4") for one in answer["data"]]
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--url", required=True)
    parser.add_argument("--group", type=int, required=True, help="texts in a call")
    parser.add_argument("--without-indexes", action="store_true")
    given = parser.parse_args()
    json.dump(asyncio.run(run(given.dsn, given.folder, given.url, given.group, not given.without_indexes)), sys.stdout)
