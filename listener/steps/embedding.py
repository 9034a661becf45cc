"""The embed step: chunks to vectors in full groups across the batch's documents, several calls in flight.

Found vectors are copied inside the database. What is missing is sent, and stored as each group returns, so a crash
repeats at most the groups in flight.
"""

from __future__ import annotations

import asyncio
import json
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any
from uuid import UUID

import asyncpg
from pgvector import Vector

from listener.embedding import Embedder, Embeddings, TextsRefused, embedding_input, groups, text_hash
from listener.models import Chunk, NewChunk, Owner
from listener.steps.tools import Tools, in_turn
from listener.store import Store

WINDOW = 1024  # chunks that are looked up at a time
COUNT_SECONDS = 0.5
_AS_JSON = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps would make an encoder for each chunk

Failures = dict[int, dict[str, Any]]
Calls = AsyncIterator[Callable[[], Awaitable[None]]]


@dataclass(slots=True)
class EmbedStep:
    """One execution of the step for one batch."""

    tools: Tools
    embedder: Embedder
    owner: Owner
    settings: dict[str, Any]
    sent: int = 0
    copied: int = 0
    tokens: int = 0
    failures: Failures = field(default_factory=dict)
    uncounted: dict[UUID, tuple[int, int]] = field(default_factory=dict)  # by request: chunks, tokens
    counted_at: float = field(default_factory=time.monotonic)

    @property
    def store(self) -> Store:
        return self.tools.store

    async def run(self) -> dict[str, int]:
        """Embed the batch's chunked revisions. Raises SettingsError, ServiceError or LostOwnership."""
        rows = await self.store.to_embed(self.owner)
        async with aclosing(in_turn(self.tools, self.owner, rows, "embed")) as groups:
            async for group in groups:
                await self._documents(group)
        return {
            "documents": len(rows),
            "sent": self.sent,
            "copied": self.copied,
            "tokens": self.tokens,
            "failed": len(self.failures),
        }

    async def _documents(self, rows: Sequence[asyncpg.Record]) -> None:
        chunks = (one for row in rows for one in _new_chunks(row, self.settings))
        try:
            await _at_most(self.embedder.in_flight, self._groups(chunks))
        finally:
            await self._write_count()
        if rows:
            await self.store.save_embedded(self.owner, [(row["id"], self.failures.get(row["id"])) for row in rows])

    async def _groups(self, chunks: Iterator[NewChunk]) -> Calls:
        """Yield calls that embed and store one group each; store what the space has already on the way."""
        while window := list(islice(chunks, WINDOW)):
            missing = await self._copy_known(window)
            by_digest: dict[bytes, list[NewChunk]] = {}
            for one in missing:
                by_digest.setdefault(one.digest, []).append(one)
            texts = list(by_digest.values())
            lengths = [len(same[0].embedded) for same in texts]
            for group in groups(lengths, self.embedder.group_texts, self.embedder.group_characters):
                yield partial(self._embed, texts[group.start : group.stop])

    async def _copy_known(self, window: Sequence[NewChunk]) -> list[NewChunk]:
        known = await self.store.known_digests(self.settings["space_id"], {one.digest for one in window})
        if not known:
            return list(window)
        found = [one for one in window if one.digest in known]
        gone = await self.store.copy_known(self.owner, found)
        self.copied += len(found) - len(gone)
        await self._count([one for one in found if one not in gone] if gone else found, 0)
        return [one for one in window if one.digest not in known] + gone

    async def _embed(self, texts: Sequence[Sequence[NewChunk]]) -> None:
        """Embed different texts, each wanted by some chunks, and store them; refused ones fail their documents."""
        try:
            with self.tools.tracing.embedding(self.embedder.space, len(texts)) as span:
                embeddings = await self.embedder.embed([same[0].embedded for same in texts])
                span.usage(embeddings.tokens)
        except TextsRefused as refused:
            texts = self._without(texts, refused)
            if refused.rest is None and texts:
                await self._embed(texts)
            if refused.rest is None or not texts:
                return
            embeddings = refused.rest
        await self._store(texts, embeddings)

    def _without(self, texts: Sequence[Sequence[NewChunk]], refused: TextsRefused) -> Sequence[Sequence[NewChunk]]:
        """Fail the documents of refused texts, and return the other texts."""
        indices = set(refused.indices)
        for index in indices:
            for one in texts[index]:
                self.failures[one.revision] = refused.as_json("embed")
        return [same for index, same in enumerate(texts) if index not in indices]

    async def _store(self, texts: Sequence[Sequence[NewChunk]], embeddings: Embeddings) -> None:
        self.sent += len(texts)
        self.tokens += embeddings.tokens
        chunks = [one for same in texts for one in same]
        vectors = map(Vector, embeddings.vectors)
        spread = [vector for same, vector in zip(texts, vectors, strict=True) for _ in same]
        await self.store.save_chunks(self.owner, chunks, spread)
        await self._count(chunks, embeddings.tokens)

    async def _count(self, chunks: Sequence[NewChunk], tokens: int) -> None:
        """Count what was stored. The batch's row hears of it now and then: else all groups would wait for its lock."""
        for request, (count, share) in _by_request(chunks, tokens).items():
            before = self.uncounted.get(request, (0, 0))
            self.uncounted[request] = before[0] + count, before[1] + share
        if time.monotonic() - self.counted_at > COUNT_SECONDS:
            await self._write_count()

    async def _write_count(self) -> None:
        counts, self.uncounted, self.counted_at = self.uncounted, {}, time.monotonic()
        if counts:
            await self.store.note_embedded(self.owner, counts)


def _by_request(chunks: Sequence[NewChunk], tokens: int) -> dict[UUID, tuple[int, int]]:
    """Return how many chunks each request has, and its part of the tokens, by characters."""
    characters: Counter[UUID] = Counter()
    counts: Counter[UUID] = Counter()
    for one in chunks:
        counts[one.request] += 1
        characters[one.request] += len(one.embedded)
    total, seen, given = sum(characters.values()), 0, 0
    parts: dict[UUID, tuple[int, int]] = {}
    for request, count in counts.items():
        seen += characters[request]
        upto = tokens * seen // total
        parts[request] = count, upto - given
        given = upto
    return parts


def _new_chunks(row: asyncpg.Record, settings: dict[str, Any]) -> Iterator[NewChunk]:
    stored = set(row["stored"])
    headings = json.loads(row["headings"])
    metadata = json.loads(row["metadata"])
    for ordinal, (start, end, path) in enumerate(zip(row["starts"], row["ends"], headings, strict=True)):
        if ordinal in stored:
            continue
        text = row["text"][start:end]
        embedded = embedding_input(
            settings["embedding_template"],
            settings["passage_prefix"],
            title=row["title"],
            heading_path=path,
            text=text,
        )
        about = metadata | {"heading_path": path} | _page(row["pages"], start, end)
        found = Chunk(start, end, tuple(path))
        said = _AS_JSON(about)
        yield NewChunk(row["request_id"], row["id"], ordinal, found, text, embedded, text_hash(embedded), said)


def _page(pages: Sequence[int] | None, start: int, end: int) -> dict[str, int]:
    """Return the page that a chunk begins on, and the one that it ends on if that is another."""
    if not pages:
        return {}
    first, last = bisect_right(pages, start), bisect_right(pages, end - 1)
    return {"page": max(first, 1)} | ({"last_page": last} if last > first else {})


async def _at_most(limit: int, calls: Calls) -> None:
    """Run calls, at most ``limit`` at a time; the first error stops and outlives the others."""
    running: set[asyncio.Task[None]] = set()
    try:
        async for call in calls:
            running.add(asyncio.ensure_future(call()))
            if len(running) >= limit:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        await asyncio.gather(*running)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
