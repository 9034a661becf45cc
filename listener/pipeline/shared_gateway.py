"""The writes of a shared batch, joined: what its steps write is kept here, and stands in one transaction at the end.

::

    begin_shared        one statement: the batch, and all that its steps will ask of its documents
    load, chunk, embed  ask what is kept here, and add to it
    publish             one statement: texts, boundaries, chunks, states, publication, and the requests' ends

Nothing is lost by that which is not done again in a moment: texts are in the requests, and vectors are written as soon
as the one call that makes all of them has answered. Whatever takes longer than ``WRITE_SECONDS``, so that its progress
can be seen, or needs more than one call or one revision a document, is written from there on step by step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import anyio
import asyncpg

from listener.database.outages import retry_on_outage
from listener.errors import LostOwnership
from listener.pipeline.gateway import Gateway
from listener.pipeline.request_rows import BatchSettings
from listener.pipeline.rows import Count, Cut, Fence, LoadedRow, NewChunk, Outcome, ToChunk, ToEmbed, ToLoad
from listener.pipeline.writes import WRITE_SECONDS
from listener.sources.base import Known
from listener.sources.inline import OwnContent

if TYPE_CHECKING:
    from pgvector import Vector


class SharedGateway(Gateway):
    """The gateway of one shared batch.

    ``started``: the workflows of its requests stand in DBOS; nothing is published before, and never for ``unstarted``.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(pool)
        self.started = asyncio.Event()
        self.unstarted: set[UUID] = set()
        self._settings: BatchSettings | None = None
        self._joins = False
        self._writing = asyncio.Lock()
        self._taken: dict[int, asyncpg.Record] = {}
        self._loaded: dict[int, LoadedRow] = {}
        self._cuts: dict[int, Cut] = {}
        self._chunks: list[tuple[NewChunk, Vector]] = []
        self._counts: list[Count] = []
        self._outcomes: list[Outcome] = []
        self._ended: dict[UUID, str] = {}

    @classmethod
    def of(cls, gateway: Gateway) -> SharedGateway:
        """Return one over the pool of another gateway."""
        return cls(gateway._pool)

    async def begin_shared(self, requests: Sequence[UUID], executor: str) -> Fence | None:
        """Become the only writer of a batch that requests share; None if none of them can."""
        token = uuid4()
        query = "select settings, documents from ingest.ingest_take_shared($1::uuid[], $2::text, $3::uuid)"
        settings, documents = await self._row(query, list(requests), executor, token)
        if settings is None:
            return None
        self._settings = one = BatchSettings.model_validate_json(settings)
        self._joins = not (one.waits or one.plan or one.capped or one.generations > 1 or one.publish == "request")
        self._taken = {document["revision"]: document for document in documents}
        return Fence([document["request_id"] for document in documents], 1, token)

    async def end_shared(self, fence: Fence, executor: str) -> dict[UUID, str]:
        """End the requests whose documents are finished; return how they ended, also those that have by now."""
        left = [one for one in fence.requests if one not in self._ended and one not in self.unstarted]
        if left:
            query = "select id, status from ingest.ingest_end_shared($1::uuid[], $2::text, $3::uuid)"
            rows = await self._pool.fetch(query, left, executor, fence.token)
            self._ended |= {row["id"]: row["status"] for row in rows}
        return self._ended

    async def write_what_takes_longer(self, fence: Fence) -> None:
        """Write what is there after a second, as all steps do; from then on each writes its own."""
        await anyio.sleep(WRITE_SECONDS)
        await retry_on_outage(partial(self._part, fence))

    async def batch_settings(self, request: UUID, batch: int) -> BatchSettings:
        return self._settings or await super().batch_settings(request, batch)

    # load

    async def to_load(self, fence: Fence) -> list[ToLoad]:
        if not self._joins:
            return await super().to_load(fence)
        return [_to_load(one) for revision, one in self._taken.items() if revision not in self._loaded]

    async def contents(self, wanted: Mapping[UUID, int]) -> dict[UUID, OwnContent]:
        return {one["request_id"]: _content(one, wanted[one["request_id"]]) for one in self._taken.values()
                if one["request_id"] in wanted}  # fmt: skip

    async def save_loaded(self, fence: Fence, loaded: Sequence[LoadedRow]) -> None:
        if any(one.part for one in loaded):  # becomes a revision, which the database numbers
            await self._part(fence)
        async with self._writing:
            if not self._joins:
                return await super().save_loaded(fence, loaded)
            self._loaded |= {one.revision: one for one in loaded}
            return None

    async def open_documents(self, fence: Fence) -> int:
        return len(self._texts()) if self._joins else await super().open_documents(fence)

    # chunk

    async def to_chunk(self, fence: Fence) -> list[ToChunk]:
        if not self._joins or self._settings is None:
            return await super().to_chunk(fence)
        size, overlap = self._settings.chunk_size, self._settings.chunk_overlap
        return [
            ToChunk(revision, self._media_type(revision), size, overlap)
            for revision in self._texts()
            if revision not in self._cuts
        ]

    async def text_sizes(self, revisions: Sequence[int]) -> dict[int, int]:
        if not self._joins:
            return await super().text_sizes(revisions)
        return {revision: len(text.encode()) for revision, text in (await self.texts(revisions)).items()}

    async def texts(self, revisions: Sequence[int]) -> dict[int, str]:
        texts = self._texts()
        return {revision: texts[revision] for revision in revisions} if self._joins else await super().texts(revisions)

    async def save_chunked(self, fence: Fence, cuts: Sequence[Cut]) -> int:
        async with self._writing:
            if not self._joins:
                return await super().save_chunked(fence, cuts)
            self._cuts |= {cut.revision: cut for cut in cuts}
            return sum(len(cut.starts) for cut in self._cuts.values())

    # embed

    async def to_embed(self, fence: Fence) -> list[ToEmbed]:
        if not self._joins:
            return await super().to_embed(fence)
        return [self._to_embed(cut) for cut in self._cuts.values() if cut.error is None]

    async def copy_known(self, fence: Fence, chunks: Sequence[NewChunk]) -> list[NewChunk]:
        await self._part(fence)
        return await super().copy_known(fence, chunks)

    async def save_chunks(self, fence: Fence, chunks: Sequence[NewChunk], vectors: Sequence[Vector]) -> None:
        if len(chunks) < sum(len(cut.starts) for cut in self._cuts.values()):  # other calls are to be waited for
            await self._part(fence)
        async with self._writing:
            if not self._joins:
                return await super().save_chunks(fence, chunks, vectors)
            self._chunks = list(zip(chunks, vectors, strict=True))
            return None

    async def note_embedded(self, fence: Fence, counts: Sequence[Count]) -> None:
        async with self._writing:
            if not self._joins:
                return await super().note_embedded(fence, counts)
            self._counts.extend(counts)
            return None

    async def save_embedded(self, fence: Fence, outcomes: Sequence[Outcome]) -> None:
        async with self._writing:
            if not self._joins:
                return await super().save_embedded(fence, outcomes)
            self._outcomes.extend(outcomes)
            return None

    async def next_generation(self, fence: Fence) -> BatchSettings | None:
        await self._part(fence)
        self._settings = None  # they are other ones in each
        return await super().next_generation(fence)

    # save

    async def publish(self, fence: Fence) -> tuple[int, int]:
        await self.started.wait()
        fence = replace(fence, requests=[one for one in fence.requests if one not in self.unstarted])
        if not fence.requests:
            raise LostOwnership("lost_ownership", "none of the workflows of a shared batch was started")
        async with self._writing:
            return await (self._save(fence) if self._joins else super().publish(fence))

    async def _save(self, fence: Fence) -> tuple[int, int]:
        query = """select published, superseded, ended, statuses from ingest.ingest_save_shared(
          $1::ingest.ingest_fence_v1, $2::ingest.ingest_loaded_v2[], $3::ingest.ingest_cut_v2[],
          $4::ingest.ingest_chunk_v1[], $5::ingest.ingest_count_v1[], $6::ingest.ingest_outcome_v2[])"""
        cuts, counts, outcomes = (
            [one.as_row for one in some] for some in (self._cuts.values(), self._counts, self._outcomes)
        )
        chunks = [chunk.as_row(vector) for chunk, vector in self._chunks]
        row = await self._row(query, fence.as_row, [*self._loaded.values()], cuts, chunks, counts, outcomes)
        self._joins = False  # nothing is left for write_what_takes_longer, which may wait for us
        self._ended = dict(zip(row["ended"], row["statuses"], strict=True))
        return row["published"], row["superseded"]

    async def _part(self, fence: Fence) -> None:
        """Write what is kept, as the steps themselves would have; each of these may be repeated."""
        async with self._writing:
            if not self._joins:
                return
            await super().save_loaded(fence, [*self._loaded.values()])
            if self._cuts:
                await super().save_chunked(fence, [*self._cuts.values()])
            if self._chunks:
                await super().save_chunks(fence, *zip(*self._chunks, strict=True))
            counts, self._counts = self._counts, []
            if counts:
                await super().note_embedded(fence, counts)
            if self._outcomes:
                await super().save_embedded(fence, self._outcomes)
            self._joins = False

    # what is kept

    def _texts(self) -> dict[int, str]:
        return {revision: one.text for revision, one in self._loaded.items() if one.text is not None}

    def _media_type(self, revision: int) -> str:
        return self._loaded[revision].media_type or self._taken[revision]["media_type"]

    def _to_embed(self, cut: Cut) -> ToEmbed:
        about, request = self._loaded[cut.revision], self._taken[cut.revision]
        return ToEmbed(
            id=cut.revision,
            request_id=request["request_id"],
            title=about.title,
            starts=cut.starts,
            ends=cut.ends,
            headings=cut.headings,
            metadata=_merged(about.metadata or "{}", request["metadata"]),
            pages=about.pages,
            stored=range(len(cut.starts)) if self._chunks else (),
            leads=cut.leads or None,
        )


def _merged(metadata: str, more: str) -> str:
    """Return two objects in one, as JSON: of a name that is there twice, jsonb takes the later one."""
    return more if metadata == "{}" else metadata if more == "{}" else f"{metadata[:-1]}, {more[1:]}"


def _to_load(one: asyncpg.Record) -> ToLoad:
    live = [one[name] for name in ("live_hash", "live_bytes", "live_version", "live_modified_at")]
    return ToLoad(
        one["revision"],
        one["request_id"],
        one["uri"],
        None,
        one["media_type"],
        one["bytes"],
        one["read_seq"],
        None if live[0] is None else Known(*live),
        one["max_bytes"],
        None,
        None,
    )


def _content(one: asyncpg.Record, most: int) -> OwnContent:
    content = one["content"].encode()
    known = content if len(content) <= most else None
    return OwnContent(one["uri"], one["media_type"], is_text=True, size=len(content), content=known)
