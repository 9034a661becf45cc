"""The plan step, in place of embed: which texts would be sent, and what they would take. Nothing is sent or kept.

Texts are noted by their digests, so each counts once in all of the request's batches; the documents' texts go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing

from listener.embedding import Embedder
from listener.pipeline.chunk_steps import ChunkSteps
from listener.pipeline.new_chunks import new_chunks, window
from listener.pipeline.request_rows import BatchSettings
from listener.pipeline.rows import Failure, Fence, NewChunk, Texts, ToEmbed
from listener.pipeline.token_counts import token_counts
from listener.pipeline.tools import Tools, in_turn, with_texts


async def plan(tools: Tools, fence: Fence, settings: BatchSettings, texts: Texts) -> dict[str, int]:
    """Count what the batch's chunked revisions would have to send."""
    rows = await tools.gateway.to_embed(fence)
    embedder = tools.embedders.of(settings.space)
    steps = ChunkSteps(tools, fence, settings, patient=False)
    chunks = 0
    async with aclosing(in_turn(tools, fence, rows, "plan")) as groups:
        async for group in groups:
            async with aclosing(with_texts(tools, texts, group)) as some:
                async for worded, found in some:
                    chunks += await _some(tools, fence, settings, (embedder, steps), worded, found)
                    await tools.gateway.save_planned(fence, [row.id for row in worded])
    return {"documents": len(rows), "chunks": chunks}


async def _some(
    tools: Tools,
    fence: Fence,
    settings: BatchSettings,
    by: tuple[Embedder, ChunkSteps],
    rows: Sequence[ToEmbed],
    texts: Mapping[int, str],
) -> int:
    """Note the texts of some documents, a window at a time; return their chunks."""
    chunks, count, (embedder, steps) = new_chunks(rows, texts, settings), 0, by
    failures: dict[int, Failure] = {}
    while some := await tools.in_thread(_windowed, chunks):
        count += len(some)
        found = {one.digest: one.embedded for one in await steps.reworked(some, texts, failures)}
        known = await tools.gateway.known_digests(settings.space_id, found)
        new = {digest: text for digest, text in found.items() if digest not in known}
        tokens, is_estimate = await token_counts(tools, embedder, list(new.values()))
        noted = dict.fromkeys(known) | dict(zip(new, tokens, strict=True))
        await tools.gateway.note_planned(fence, noted, is_estimate)
    return count


def _windowed(chunks: Iterator[NewChunk]) -> list[NewChunk]:
    return list(window(chunks))
