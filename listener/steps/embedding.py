"""The embed step: chunks to vectors in full groups across the batch's documents, several calls in flight.

Found vectors are copied inside the database. What is missing is sent, and stored as each group returns, so a crash
repeats at most the groups in flight.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

import asyncpg

from listener.embedding import Embedder, embedding_input, groups, text_hash
from listener.errors import TextsRefused
from listener.models import Chunk, NewChunk, Owner
from listener.store import Store
from listener.vectors import encode_rows

WINDOW = 1024  # chunks that are looked up at a time

Failures = dict[int, dict[str, Any]]
Calls = AsyncIterator[Callable[[], Awaitable[None]]]


@dataclass(slots=True)
class EmbedStep:
    """One execution of the step for one batch."""

    store: Store
    embedder: Embedder
    owner: Owner
    settings: dict[str, Any]
    sent: int = 0
    copied: int = 0
    failures: Failures = field(default_factory=dict)

    async def run(self) -> dict[str, int]:
        """Embed the batch's chunked revisions. Raises SettingsError, ServiceError or LostOwnership."""
        rows = await self.store.to_embed(self.owner.batch)
        chunks = (one for row in rows for one in _new_chunks(row, self.settings))
        await _at_most(self.embedder.in_flight, self._groups(chunks))
        if rows:
            await self.store.save_embedded(self.owner, [(row["id"], self.failures.get(row["id"])) for row in rows])
        return {"documents": len(rows), "sent": self.sent, "copied": self.copied, "failed": len(self.failures)}

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
        return [one for one in window if one.digest not in known] + gone

    async def _embed(self, texts: Sequence[Sequence[NewChunk]]) -> None:
        """Embed different texts, each wanted by one or more chunks, and store them."""
        try:
            vectors = await self.embedder.embed([same[0].embedded for same in texts])
        except TextsRefused as refused:
            await self._without(texts, refused)
            return
        self.sent += len(texts)
        chunks = [one for same in texts for one in same]
        spread = [vector for same, vector in zip(texts, encode_rows(vectors), strict=True) for _ in same]
        await self.store.save_chunks(self.owner, chunks, spread)

    async def _without(self, texts: Sequence[Sequence[NewChunk]], refused: TextsRefused) -> None:
        """Fail the documents of refused texts alone, and embed the others."""
        indices = set(refused.indices)
        for index in indices:
            for one in texts[index]:
                self.failures[one.revision] = refused.as_json("embed")
        rest = [same for index, same in enumerate(texts) if index not in indices]
        if rest:
            await self._embed(rest)


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
        about = json.dumps(metadata | {"heading_path": path}, ensure_ascii=False)
        yield NewChunk(row["id"], ordinal, Chunk(start, end, tuple(path)), text, embedded, text_hash(embedded), about)


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
