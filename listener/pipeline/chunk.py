"""The chunk step: boundaries into the texts, deterministic.

A few hundred characters are cut where they are, a few short texts in a thread. Longer and more ones are cut in worker
processes, which have limits: a million characters can be made to take five seconds, in which threads get in each
other's way.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing

from listener.chunking.boundaries import Asked, Boundaries, boundaries
from listener.documents.failures import CallRaised, WorkerCrashed, WorkerFailed
from listener.errors import DocumentError
from listener.pipeline.rows import Cut, Fence, Texts, ToChunk
from listener.pipeline.tools import Tools, in_turn, with_texts
from listener.pipeline.under_way import Headways
from listener.pipeline.writes import written_now_and_then

HERE_CHARACTERS = 1000  # a tenth of a millisecond, what a thread would cost too; whatever they are, no more than 10
CALL_CHARACTERS = 200_000  # chunked per call, unless a text is longer: that takes longer than a worker's round trip

Some = list[tuple[ToChunk, Asked]]


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
                    chunks = await _cut(tools, fence, worded, found) or chunks
    return {"documents": len(rows), "chunks": chunks}


async def _cut(tools: Tools, fence: Fence, rows: Sequence[ToChunk], texts: Mapping[int, str]) -> int:
    """Cut some texts; return the chunks that the batch has then."""
    work = [(row, (texts[row.id], row.media_type, row.chunk_size, row.chunk_overlap)) for row in rows]
    asked, characters = [asked for _, asked in work], sum(len(asked[0]) for _, asked in work)
    if characters <= CALL_CHARACTERS:
        found = boundaries(asked) if characters <= HERE_CHARACTERS else await tools.in_thread(boundaries, asked)
        return await tools.gateway.save_chunked(fence, _outcomes(work, found))
    chunks = 0

    async def save(cuts: list[Cut]) -> None:
        nonlocal chunks
        chunks = await tools.gateway.save_chunked(fence, cuts)

    headways = Headways(tools.gateway, fence, "chunk")
    async with written_now_and_then(save, headways.write) as write:

        async def cut_some(some: Some) -> None:
            with headways.of(some[-1][0].id):  # a long text goes alone; short ones don't take a second
                write(await _in_worker(tools, some))

        await asyncio.gather(*map(cut_some, _grouped(work)))
    return chunks


def _grouped(work: Some) -> Iterator[Some]:
    """Yield neighbours that one call is to cut."""
    group: Some = []
    characters = 0
    for one in work:
        length = len(one[1][0])
        if group and characters + length > CALL_CHARACTERS:
            yield group
            group, characters = [], 0
        group.append(one)
        characters += length
    if group:
        yield group


async def _in_worker(tools: Tools, some: Some) -> list[Cut]:
    """Cut some texts; if that fails, one by one: which of them it was is not known."""
    try:
        found = await tools.workers.run(boundaries, [asked for _, asked in some])
        await tools.in_thread(_require_sense, some, found)
        return _outcomes(some, found)
    except (WorkerFailed, CallRaised) as failure:
        if len(some) == 1:
            return [_failed(some[0][0], failure)]
    return [found for one in some for found in await _in_worker(tools, [one])]


def _require_sense(some: Some, found: Sequence[Boundaries]) -> None:
    """Raise WorkerCrashed unless there is an answer for each text, whose chunks lie in it, in order."""
    if len(found) != len(some) or not all(map(_makes_sense, some, found)):
        raise WorkerCrashed("the worker gave an invalid answer")


def _makes_sense(one: tuple[ToChunk, Asked], found: Boundaries) -> bool:
    starts, ends, said, leads = found
    places = list(zip(starts, ends, strict=False))
    within = all(0 <= start < end <= len(one[1][0]) for start, end in places)
    within = within and all(
        0 <= start <= end <= len(one[1][0]) for start, end in zip(leads[::2], leads[1::2], strict=False)
    )
    try:
        headings = json.loads(said)
    except (ValueError, RecursionError):
        return False
    named = all(isinstance(path, list) and all(isinstance(name, str) for name in path) for path in headings)
    named = named and len(leads) in (0, 2 * len(starts))
    return within and named and len(starts) == len(ends) == len(headings) and places == sorted(set(places))


def _outcomes(work: Some, found: Sequence[Boundaries]) -> list[Cut]:
    return [_outcome(row, *one) for (row, _), one in zip(work, found, strict=True)]


def _outcome(row: ToChunk, starts: Sequence[int], ends: Sequence[int], headings: str, leads: Sequence[int]) -> Cut:
    if not starts:
        return Cut(row.id, error=DocumentError("no_text", "the document has no text").as_json("chunk"))
    return Cut(row.id, starts, ends, headings, leads=leads)


def _failed(row: ToChunk, failure: WorkerFailed | CallRaised) -> Cut:
    hint = "It is large, or malicious: split it, or raise INGEST_PARSE_TIMEOUT_SECONDS or INGEST_PARSE_MEMORY_MB."
    error = DocumentError("chunking_failed", f"chunking the text failed: {failure}", hint)
    return Cut(row.id, error=error.as_json("chunk"))
