"""The chunk step: boundaries into the texts, deterministic."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import asyncpg

from listener.chunking import chunk
from listener.errors import DocumentError
from listener.models import Chunk, Owner
from listener.steps.tools import Tools, in_turn
from listener.workers import WorkerFailed

LARGE_TEXT = 200_000  # characters; chunking one takes longer than a worker process's round trip


async def cut(tools: Tools, owner: Owner) -> dict[str, int]:
    """Find the chunks' boundaries in the texts."""
    rows = await tools.store.to_chunk(owner)
    if not rows:
        return {"documents": 0}
    chunks = 0
    async with aclosing(in_turn(tools, owner, rows, "chunk")) as groups:
        async for group in groups:
            outcomes = await asyncio.gather(*(_boundaries(tools, row) for row in group))
            chunks = await tools.store.save_chunked(owner, outcomes)
    return {"documents": len(rows), "chunks": chunks}


async def _boundaries(tools: Tools, row: asyncpg.Record) -> tuple[int, Sequence[Chunk] | None, dict[str, Any] | None]:
    work = (chunk, row["text"], row["media_type"], row["chunk_size"], row["chunk_overlap"])
    try:
        chunks = await (tools.workers.run(*work) if len(row["text"]) > LARGE_TEXT else tools.in_thread(*work))
    except WorkerFailed as failure:
        error = DocumentError("chunking_failed", f"cutting the text into chunks failed: {failure}", "Please report it.")
        return row["id"], None, error.as_json("chunk")
    if not chunks:
        return row["id"], None, DocumentError("no_text", "the document has no text").as_json("chunk")
    return row["id"], chunks, None
