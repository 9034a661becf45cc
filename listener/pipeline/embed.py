"""The embed step: chunks to vectors in full groups across the batch's documents, several calls in flight.

Found vectors are copied inside the database. What is missing is sent, and stored as each group returns, so a crash
repeats at most the groups in flight.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from pgvector import Vector

from listener.database.outages import retry_on_outage
from listener.documents.utf8 import HERE_BYTES
from listener.embedding import Embedder, Embeddings, TextsRefused, groups
from listener.embedding.trouble import reported_to
from listener.errors import ServiceError
from listener.pipeline.caps import Caps, Granted
from listener.pipeline.chunk_steps import ChunkSteps
from listener.pipeline.complaint import Complaint
from listener.pipeline.gateway import Gateway
from listener.pipeline.new_chunks import new_chunks, window
from listener.pipeline.places import shows
from listener.pipeline.request_rows import BatchSettings
from listener.pipeline.rows import Count, Failure, Fence, NewChunk, Texts, ToEmbed
from listener.pipeline.tools import Tools, in_turn, with_texts
from listener.pipeline.under_way import UnderWay

COUNT_SECONDS = 0.5

Calls = AsyncIterator[Callable[[], Awaitable[None]]]


@dataclass(slots=True)
class EmbedStep:
    """One execution of the step for one batch."""

    tools: Tools
    embedder: Embedder
    fence: Fence
    settings: BatchSettings
    texts: Texts
    patient: bool = True
    sent: int = 0
    copied: int = 0
    tokens: int = 0
    failures: dict[int, Failure] = field(default_factory=dict)
    uncounted: dict[UUID, Count] = field(default_factory=dict)
    counted_at: float = field(default_factory=time.monotonic)
    under_way: UnderWay = field(default_factory=partial(UnderWay, ()))
    complaint: Complaint = field(init=False)
    caps: Caps = field(init=False)
    steps: ChunkSteps = field(init=False)

    def __post_init__(self) -> None:
        self.complaint = Complaint(self.gateway, self.fence, self.settings.service)
        self.caps = Caps(self.tools, self.embedder, self.fence, self.settings.capped)
        self.steps = ChunkSteps(self.tools, self.fence, self.settings, self.patient)

    @property
    def gateway(self) -> Gateway:
        return self.tools.gateway

    async def run(self) -> dict[str, int]:
        """Embed the batch's chunked revisions. Raises SettingsError, ServiceError or LostOwnership."""
        rows = await self.gateway.to_embed(self.fence)
        await self.caps.begin()
        try:
            await self._all(rows)
        finally:
            await self.complaint.withdraw()
        return {
            "documents": len(rows),
            "sent": self.sent,
            "copied": self.copied,
            "tokens": self.tokens,
            "failed": len(self.failures),
        }

    async def _all(self, rows: Sequence[ToEmbed]) -> None:
        async with aclosing(in_turn(self.tools, self.fence, rows, "embed")) as groups:
            async for group in groups:
                async with aclosing(with_texts(self.tools, self.texts, group)) as some:
                    async for worded, texts in some:
                        await self._documents(worded, texts)

    async def _documents(self, rows: Sequence[ToEmbed], texts: Mapping[int, str]) -> None:
        chunks = new_chunks(rows, texts, self.settings)
        size = sum(len(texts[row.id]) + len(row.headings) + len(row.metadata) for row in rows)
        self.under_way = UnderWay(rows)
        try:
            await _at_most(self.embedder.in_flight, self._groups(chunks, texts, small=size <= HERE_BYTES))
        finally:
            await self._write_count()
        if left := self.under_way.take_all(self.failures):
            await self.gateway.save_embedded(self.fence, left)

    async def _groups(self, chunks: Iterator[NewChunk], words: Mapping[int, str], small: bool) -> Calls:
        """Yield one call for each group, to embed and store it; copy vectors that the space has on the way."""

        def take() -> list[NewChunk]:
            return list(window(chunks))

        while some := take() if small else await self.tools.in_thread(take):
            self.under_way.begin(some)
            missing = await self._copy_known(await self.steps.reworked(some, words, self.failures))
            by_digest: dict[bytes, list[NewChunk]] = {}
            for one in missing:
                by_digest.setdefault(one.digest, []).append(one)
            texts = list(by_digest.values())
            lengths = [len(same[0].embedded) for same in texts]
            for group in groups(lengths, self.embedder.group_texts, self.embedder.group_characters):
                yield partial(self._embed, texts[group.start : group.stop])

    async def _copy_known(self, some: Sequence[NewChunk]) -> list[NewChunk]:
        known = await self.gateway.known_digests(self.settings.space_id, {one.digest for one in some})
        if not known:
            return list(some)
        found = [one for one in some if one.digest in known]
        gone = await self.gateway.copy_known(self.fence, found)
        self.copied += len(found) - len(gone)
        without = set(map(id, gone))
        copied = [one for one in found if id(one) not in without]
        await self._count(copied, _by_request(copied, 0, 0))
        return [one for one in some if one.digest not in known] + gone

    async def _embed(self, texts: Sequence[Sequence[NewChunk]]) -> None:
        """Embed different texts, each wanted by some chunks; those that a cap keeps from being sent fail."""
        tokens = await self.caps.most_tokens([same[0].embedded for same in texts])
        while texts:
            granted = await self.caps.reserve(tokens)
            if granted is None:
                self._fail(texts, self.caps.told)
                return
            stored = False
            try:
                stored = await self._send(texts[: granted.texts], granted)
            finally:
                if not stored:
                    await self.caps.give_back(granted)
            texts, tokens = texts[granted.texts :], tokens[granted.texts :]

    async def _send(self, texts: Sequence[Sequence[NewChunk]], granted: Granted) -> bool:
        """Send texts and store their vectors, unless all of them are refused; a refused one fails its documents."""
        try:
            with self.tools.tracing.embedding(self.embedder.space, len(texts)) as span:
                self.tools.away.check(self.settings.key)
                shows()
                with reported_to(self.complaint.hear), self.tools.busyness.call(self.embedder):
                    embeddings = await self.embedder.embed([same[0].embedded for same in texts])
                span.usage(embeddings.tokens)
        except TextsRefused as refused:
            texts = self._without(texts, refused)
            if not texts:
                return False
            if refused.rest is None:
                return await self._send(texts, granted)
            embeddings = refused.rest
        await self._store(texts, embeddings, granted)
        return True

    def _without(self, texts: Sequence[Sequence[NewChunk]], refused: TextsRefused) -> Sequence[Sequence[NewChunk]]:
        """Fail the documents of refused texts, and return the other texts."""
        indices = set(refused.indices)
        reason = refused.as_json("embed")
        self._fail([texts[index] for index in indices], lambda _: reason)
        return [same for index, same in enumerate(texts) if index not in indices]

    def _fail(self, texts: Sequence[Sequence[NewChunk]], reason: Callable[[UUID], Failure]) -> None:
        for same in texts:
            for one in same:
                self.failures[one.revision] = reason(one.request)

    async def _store(self, texts: Sequence[Sequence[NewChunk]], embeddings: Embeddings, granted: Granted) -> None:
        self.sent += len(texts)
        self.tokens += embeddings.tokens
        chunks = [one for same in texts for one in same]
        spread = [vector for same, vector in zip(texts, map(Vector, embeddings.vectors), strict=True) for _ in same]
        # Here, not with all of the step again: what was paid for is not thrown away when a connection is lost.
        counts = _by_request(chunks, len(texts), embeddings.tokens)
        if granted.reservation is None:
            await retry_on_outage(partial(self.gateway.save_chunks, self.fence, chunks, spread))
            await self._count(chunks, counts)
        else:
            save = partial(self.gateway.save_spent, self.fence, chunks, spread, counts, granted.reservation)
            await retry_on_outage(save)
            self._figure(counts)
            await self._count(chunks, [])

    async def _count(self, chunks: Sequence[NewChunk], counts: Sequence[Count]) -> None:
        """Count what was stored. The batch's row hears of it now and then: else all groups would wait for its lock."""
        self.under_way.store(chunks)
        for one in counts:
            before = self.uncounted.get(one.request, Count(one.request, 0, 0, 0))
            self.uncounted[one.request] = before + one
        if await self.complaint.withdraw() or time.monotonic() - self.counted_at > COUNT_SECONDS:
            await self._write_count()

    async def _write_count(self) -> None:
        counts, self.uncounted, self.counted_at = self.uncounted, {}, time.monotonic()
        if counts:
            await self.gateway.note_embedded(self.fence, [*counts.values()])
            self._figure(counts.values())
        # Documents that are through are said to be, one by one; requests that share a batch have one each.
        if len(self.fence.requests) == 1 and (through := self.under_way.take_through()):
            await self.gateway.save_embedded(self.fence, through)

    def _figure(self, counts: Iterable[Count]) -> None:
        for one in counts:
            self.tools.figures.stored(one.chunks, one.texts, one.tokens)


def _by_request(chunks: Sequence[NewChunk], texts: int, tokens: int) -> list[Count]:
    """Return what falls to each request: its chunks, and its parts of the texts and tokens, by characters."""
    characters: Counter[UUID] = Counter()
    counts: Counter[UUID] = Counter()
    for one in chunks:
        counts[one.request] += 1
        characters[one.request] += len(one.embedded)
    total, seen, given = sum(characters.values()), 0, Count(UUID(int=0), 0, 0, 0)
    parts: list[Count] = []
    for request, count in counts.items():
        seen += characters[request]
        upto = Count(request, given.chunks + count, texts * seen // total, tokens * seen // total)
        parts.append(upto - given)
        given = upto
    return parts


async def _at_most(limit: int, calls: Calls) -> None:
    """Run calls, at most ``limit`` at a time. After an error none begins, and what runs may end: it is paid for.

    Raises the first error, one that no waiting would mend before others. A cancel stops all.
    """
    running: set[asyncio.Task[None]] = set()
    errors: list[Exception] = []
    try:
        try:
            async for call in calls:
                running.add(asyncio.ensure_future(call()))
                if len(running) >= limit:
                    running = await _first_of(running, errors)
                if errors:
                    break
        except Exception as error:
            errors.append(error)
        while running:
            running = await _first_of(running, errors)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    if errors:
        raise next((error for error in errors if not isinstance(error, ServiceError)), errors[0])


async def _first_of(running: set[asyncio.Task[None]], errors: list[Exception]) -> set[asyncio.Task[None]]:
    """Wait for the next to end and note its error; return the others."""
    done, others = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        error = task.exception()
        if isinstance(error, Exception):
            errors.append(error)
        elif error is not None:
            raise error
    return others
