"""The chunk step: boundaries into the texts, deterministic."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import asyncpg

from listener.chunking.splitting import chunk
from listener.documents.pool import WorkerFailed
from listener.errors import DocumentError
from listener.models import Chunk, Owner
from listener.pipeline.tools import Tools, in_turn

LARGE_TEXT = 200_000  # characters; chunking one takes longer than a worker process's round trip

Outcome = tuple[int, "Sequence[Chunk] | None", "dict[str, Any] | None"]
"""A revision's id, and its chunks or why there are none."""


async def cut(tools: Tools, owner: Owner) -> dict[str, int]:
    """Find the chunks' boundaries in the texts."""
    rows = await tools.store.to_chunk(owner)
    if not rows:
        return {"documents": 0}
    chunks = 0
    async with aclosing(in_turn(tools, owner, rows, "chunk")) as groups:
        async for group in groups:
            chunks = await tools.store.save_chunked(owner, await _cut(tools, group))
    return {"documents": len(rows), "chunks": chunks}


async def _cut(tools: Tools, rows: Sequence[asyncpg.Record]) -> list[Outcome]:
    """Cut small texts all at once in a thread, and each large one in a worker."""
    large = [row for row in rows if len(row["text"]) > LARGE_TEXT]
    small = [row for row in rows if len(row["text"]) <= LARGE_TEXT]
    here = tools.in_thread(lambda: [_outcome(row, chunk(*_work(row))) for row in small])
    there = asyncio.gather(*(_large(tools, row) for row in large))
    found, others = await asyncio.gather(here, there)
    return found + others


async def _large(tools: Tools, row: asyncpg.Record) -> Outcome:
    try:
        return _outcome(row, await tools.workers.run(chunk, *_work(row)))
    except WorkerFailed as failure:
        error = DocumentError("chunking_failed", f"cutting the text into chunks failed: {failure}", "Please report it.")
        return row["id"], None, error.as_json("chunk")


def _work(row: asyncpg.Record) -> tuple[str, str, int, int]:
    return row["text"], row["media_type"], row["chunk_size"], row["chunk_overlap"]


def _outcome(row: asyncpg.Record, chunks: Sequence[Chunk]) -> Outcome:
    if not chunks:
        return row["id"], None, DocumentError("no_text", "the document has no text").as_json("chunk")
    return row["id"], chunks, None
