"""The chunk step: boundaries into the texts, deterministic."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing

from listener.chunking.splitting import Chunk, chunk
from listener.documents.failures import CallRaised, WorkerCrashed, WorkerFailed
from listener.errors import DocumentError
from listener.pipeline.rows import Cut, Fence, Texts, ToChunk
from listener.pipeline.tools import Tools, in_turn, with_texts

LARGE_TEXT = 200_000  # characters; chunking one takes longer than a worker process's round trip


async def cut(tools: Tools, fence: Fence, texts: Texts) -> dict[str, int]:
    """Find the chunks' boundaries in the texts."""
    rows = await tools.gateway.to_chunk(fence)
    if not rows:
        return {"documents": 0}
    chunks = 0
    async with aclosing(in_turn(tools, fence, rows, "chunk")) as groups:
        async for group in groups:
            async with aclosing(with_texts(tools, texts, group)) as some:
                async for worded, found in some:
                    chunks = await tools.gateway.save_chunked(fence, await _cut(tools, worded, found))
    return {"documents": len(rows), "chunks": chunks}


async def _cut(tools: Tools, rows: Sequence[ToChunk], texts: Mapping[int, str]) -> list[Cut]:
    """Cut small texts all at once in a thread, and each large one in a worker."""
    work = [(row, texts[row.id]) for row in rows]
    small = [(row, text) for row, text in work if len(text) <= LARGE_TEXT]
    here = tools.in_thread(lambda: [_outcome(row, chunk(text, *_how(row))) for row, text in small])
    there = asyncio.gather(*(_large(tools, row, text) for row, text in work if len(text) > LARGE_TEXT))
    found, others = await asyncio.gather(here, there)
    return found + others


async def _large(tools: Tools, row: ToChunk, text: str) -> Cut:
    try:
        chunks = await tools.workers.run(chunk, text, *_how(row))
        _require_sense(chunks, len(text))
        return _outcome(row, chunks)
    except (WorkerFailed, CallRaised) as failure:
        error = DocumentError("chunking_failed", f"cutting the text into chunks failed: {failure}", "Please report it.")
        return Cut(row.id, error=error.as_json("chunk"))


def _require_sense(chunks: Sequence[Chunk], characters: int) -> None:
    """Raise WorkerCrashed unless all chunks lie in the text, in order."""
    ends = [(one.start, one.end) for one in chunks]
    if any(not 0 <= start < end <= characters for start, end in ends) or ends != sorted(set(ends)):
        raise WorkerCrashed("the worker went wrong: its answer makes no sense")


def _how(row: ToChunk) -> tuple[str, int, int]:
    return row.media_type, row.chunk_size, row.chunk_overlap


def _outcome(row: ToChunk, chunks: Sequence[Chunk]) -> Cut:
    if not chunks:
        return Cut(row.id, error=DocumentError("no_text", "the document has no text").as_json("chunk"))
    return Cut(row.id, chunks)
