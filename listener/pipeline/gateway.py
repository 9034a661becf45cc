"""Every statement that workflows and steps run: thin calls of SQL functions, which hold the rules and the fences.

Rows become values of ``rows`` and ``request_rows`` here and nowhere else. A write that another execution has fenced off
raises LostOwnership.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import asyncpg

from listener.database.translation import as_ours
from listener.errors import LostOwnership, RequestError
from listener.options import RequestOptions
from listener.pipeline.references import BatchRef, RequestRef
from listener.pipeline.request_rows import BatchSettings, Container, Manifest, ManifestEntry, RunningRequest
from listener.pipeline.rows import (
    Count,
    Cut,
    Digest,
    Failure,
    Fence,
    Loaded,
    NewChunk,
    Outcome,
    RecordPlace,
    ToChunk,
    ToEmbed,
    ToLoad,
    as_json,
)

if TYPE_CHECKING:
    from pgvector import Vector

LOST_OWNERSHIP = "IG021"


class Gateway:
    """Statements over a pool of connections whose search path leads to our objects."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    # requests

    async def begin(self, request: RequestRef, executor: str, attempt: int | None = None) -> RunningRequest | None:
        """Return the request if it runs (that attempt of it) and this listener may run it, else None."""
        query = """select id, collection, source, content, content_bytes, media_type, uri, options, attempt, crashes,
          discovered_at is not null as discovered, fork_step from ingest_begin($1, $2, $3) where id is not null"""
        row = await self._pool.fetchrow(query, request.request, executor, attempt)
        return RunningRequest(**{**row, "options": RequestOptions.read(row["options"])}) if row else None

    async def begin_shared(self, requests: Sequence[UUID], executor: str) -> Fence | None:
        """Become the only writer of a batch that requests share; None if none of them can."""
        token = uuid4()
        query = "select ingest_begin_shared($1, $2, $3)"
        taken = await self._pool.fetchval(query, list(requests), executor, token)
        return Fence(taken, 1, token) if taken else None

    async def running(self, requests: Iterable[UUID]) -> set[UUID]:
        """Return those of ``requests`` that run."""
        query = "select id from ingest_requests where id = any ($1) and status = 'running'"
        return set(await self._column(query, list(requests)))

    async def end_shared(self, fence: Fence, executor: str) -> dict[UUID, str]:
        """End the requests of a shared batch whose documents are through; return how they ended."""
        query = "select id, status from ingest_end_shared($1, $2, $3)"
        rows = await self._pool.fetch(query, list(fence.requests), executor, fence.token)
        return {row["id"]: row["status"] for row in rows}

    async def status(self, request: RequestRef) -> str | None:
        """Return the request's status; None if it was deleted."""
        return _text(await self._pool.fetchval("select status from ingest_requests where id = $1", request.request))

    async def batch_settings(self, request: UUID) -> BatchSettings:
        """Return the settings that a request started with, and how it is to be published."""
        query = """select settings || jsonb_build_object('publish', coalesce(options ->> 'publish', 'document'))
          from ingest_requests where id = $1"""
        return BatchSettings.model_validate_json(await self._pool.fetchval(query, request))

    @asynccontextmanager
    async def held(self, request: RequestRef) -> AsyncIterator[str | None]:
        """Keep the request's status as it is for the time of a block, and give it; None if the request was deleted."""
        query = "select status from ingest_requests where id = $1 for no key update"
        async with self._pool.acquire() as connection, connection.transaction():
            yield await connection.fetchval(query, request.request)

    async def settle(
        self,
        request: UUID,
        executor: str | None,
        attempt: int | None,
        status: str | None = None,
        error: Failure | None = None,
    ) -> str | None:
        """End a running request; without a status its documents decide. None if that attempt does not run here."""
        query = "select ingest_end($1, $2, $3, $4, $5)"
        return _text(await self._pool.fetchval(query, request, executor, attempt, status, as_json(error)))

    # batches

    async def own(self, batch: BatchRef, executor: str, most_crashes: int) -> Fence | None:
        """Become the batch's only writer; None if the request does not run or this listener is dead."""
        token = uuid4()
        query = "select ingest_own_batch($1, $2, $3, $4, $5)"
        how = await self._pool.fetchval(query, batch.request, batch.batch, executor, token, most_crashes)
        return None if how is None else Fence((batch.request,), batch.batch, token, alone=how == "alone")

    async def try_alone(self, fence: Fence, revision: int | None, step: str) -> None:
        """Write down which document is tried alone from now on."""
        await self._write("select ingest_try_alone($1::ingest_fence_v1, $2, $3)", fence.as_row, revision, step)

    async def batches(self, request: RequestRef) -> list[int]:
        """Return the numbers of the request's batches, in order."""
        return await self._column("select batch from ingest_batches where request_id = $1 order by 1", request.request)

    async def unfinished_batches(self, request: RequestRef) -> list[int]:
        """Return the numbers of batches with documents that have still a way to go."""
        query = """select distinct batch from ingest_revisions where request_id = $1 and batch is not null
          and state in ('discovered', 'loaded', 'chunked', 'embedded') order by 1"""
        return await self._column(query, request.request)

    async def has_owner(self, batch: BatchRef) -> bool:
        """Return whether an execution has taken the batch since its request was last started."""
        query = "select owner is not null from ingest_batches where request_id = $1 and batch = $2"
        return bool(await self._pool.fetchval(query, batch.request, batch.batch))

    async def untouched(self, request: RequestRef, batches: Iterable[int]) -> int:
        """Return how many of these batches wait on the queue, with no listener that took them off it."""
        # DBOS knows: a batch that was taken off but has no owner yet waits for a place at one listener, not for others.
        query = "select count(*) from workflow_status where workflow_uuid = any ($1) and status = 'ENQUEUED'"
        return int(await self._pool.fetchval(query, [f"{request.request}:{batch}" for batch in batches]))

    # discover

    async def reset_manifest(self, request: RequestRef, executor: str, attempt: int) -> None:
        """Drop what an interrupted discovery left."""
        await self._write("select ingest_reset_manifest($1, $2, $3)", request.request, executor, attempt)

    async def add_found(self, request: RequestRef, executor: str, attempt: int, page: Sequence[ManifestEntry]) -> None:
        """Write a page of the manifest."""
        query = "select ingest_add_found($1, $2, $3, $4::ingest_found_v1[])"
        await self._write(query, request.request, executor, attempt, [entry.as_row for entry in page])

    async def add_container(self, request: RequestRef, executor: str, attempt: int, container: Container) -> None:
        """Enter a file of records."""
        query = "select ingest_add_container($1, $2, $3, $4, $5, $6)"
        about = (container.number, container.locator, as_json(dict(container.layout)))
        await self._write(query, request.request, executor, *about, attempt)

    async def copy_manifest(self, request: RequestRef, executor: str, attempt: int) -> None:
        """Write the manifest of a fork. Raises RequestError if what it was forked from can't be used (any more)."""
        await self._write("select ingest_copy_manifest($1, $2, $3)", request.request, executor, attempt)

    async def complete_manifest(self, request: RequestRef, executor: str, attempt: int) -> Manifest:
        """Set the completion mark."""
        query = "select documents, batches, first_batch from ingest_complete_manifest($1, $2, $3)"
        return Manifest(**await self._row(query, request.request, executor, attempt))

    async def manifest(self, request: RequestRef) -> Manifest:
        """Return a manifest that is complete."""
        query = """select (select documents_total from ingest_requests where id = $1) as documents,
          count(*) as batches, min(batch) as first_batch from ingest_batches where request_id = $1"""
        return Manifest(**await self._row(query, request.request))

    # load

    async def to_load(self, fence: Fence) -> list[ToLoad]:
        """Return the revisions to read, each with a number of reading taken now."""
        query = """select id, request_id, uri, locator, media_type, content, content_bytes, read_seq, live_hash,
          max_bytes, whole_uri, container, range_start, bytes, line, range_hash
          from ingest_to_load($1::ingest_fence_v1)"""
        return [_to_load(row) for row in await self._pool.fetch(query, fence.as_row)]

    async def containers(self, request: RequestRef, numbers: Iterable[int]) -> dict[int, Container]:
        """Return files of records, by number."""
        query = """select k.container as number, coalesce(k.locator, k.path) as locator, k.format as layout,
          r.options -> 'record' as record from ingest_containers k join ingest_requests r on r.id = k.request_id
          where r.id = $1 and k.container = any ($2)"""
        rows = await self._pool.fetch(query, request.request, list(numbers))
        return {
            number: Container(number, locator, json.loads(layout), json.loads(record))
            for number, locator, layout, record in rows
        }

    async def inline_range(self, request: RequestRef, start: int, length: int) -> bytes:
        """Return a slice of a request's own content, in bytes."""
        query = "select ingest_inline_range($1, $2, $3)"
        return bytes(await self._pool.fetchval(query, request.request, start, length))

    async def skip_unchanged(self, fence: Fence, same: Sequence[Loaded]) -> set[int]:
        """Skip revisions whose bytes are live already; return those that were, others have changed meanwhile."""
        if not same:
            return set()
        rows = [(one.revision, one.read_seq, one.digest) for one in same]
        query = "select ingest_skip_unchanged($1::ingest_fence_v1, $2::ingest_unchanged_v1[])"
        return set(await self._write(query, fence.as_row, rows))

    async def save_loaded(self, fence: Fence, loaded: Sequence[Loaded]) -> None:
        """Write normalized texts and errors: discovered → loaded or failed."""
        if loaded:
            query = "select ingest_save_loaded($1::ingest_fence_v1, $2::ingest_loaded_v1[])"
            await self._write(query, fence.as_row, [one.as_row for one in loaded])

    async def open_documents(self, fence: Fence) -> int:
        """Return how many of the batch's documents have still a way to go."""
        query = """select count(*) from ingest_revisions where request_id = any ($1) and batch = $2
          and state in ('loaded', 'chunked', 'embedded')"""
        return int(await self._pool.fetchval(query, list(fence.requests), fence.number))

    # chunk

    async def to_chunk(self, fence: Fence) -> list[ToChunk]:
        """Return the revisions whose texts are to be cut."""
        return [
            ToChunk(**row)
            for row in await self._pool.fetch("select * from ingest_to_chunk($1::ingest_fence_v1)", fence.as_row)
        ]

    async def texts(self, revisions: Sequence[int]) -> dict[int, str]:
        """Return the texts of revisions."""
        query = "select id, text from ingest_revisions where id = any ($1)"
        return {row["id"]: row["text"] for row in await self._pool.fetch(query, revisions)}

    async def save_chunked(self, fence: Fence, cuts: Sequence[Cut]) -> int:
        """Write boundaries or errors: loaded → chunked or failed. Return the batch's chunks."""
        query = "select ingest_save_chunked($1::ingest_fence_v1, $2::ingest_cut_v1[])"
        return int(await self._write(query, fence.as_row, [cut.as_row for cut in cuts]))

    # embed

    async def to_embed(self, fence: Fence) -> list[ToEmbed]:
        """Return the revisions that are cut."""
        rows = await self._pool.fetch("select * from ingest_to_embed($1::ingest_fence_v1)", fence.as_row)
        return [
            ToEmbed(**{**row, "headings": json.loads(row["headings"]), "metadata": json.loads(row["metadata"])})
            for row in rows
        ]

    async def known_digests(self, space: int, digests: Iterable[Digest]) -> set[Digest]:
        """Return those of ``digests`` whose vectors the space has."""
        return set(await self._column("select ingest_known_hashes($1, $2)", space, list(digests)))

    async def copy_known(self, fence: Fence, chunks: Sequence[NewChunk]) -> list[NewChunk]:
        """Store chunks with vectors that the space has; return those whose vectors are gone by now."""
        query = "select ingest_copy_known($1::ingest_fence_v1, $2::ingest_chunk_v1[])"
        places = await self._write(query, fence.as_row, [one.as_row() for one in chunks])
        return [chunks[place - 1] for place in places]

    async def save_chunks(self, fence: Fence, chunks: Sequence[NewChunk], vectors: Sequence[Vector]) -> None:
        """Store chunks with new vectors, one for each."""
        rows = [one.as_row(vector) for one, vector in zip(chunks, vectors, strict=True)]
        await self._write("select ingest_save_chunks($1::ingest_fence_v1, $2::ingest_chunk_v1[])", fence.as_row, rows)

    async def note_embedded(self, fence: Fence, counts: Sequence[Count]) -> None:
        """Count chunks that were stored, and what they took."""
        query = "select ingest_note_embedded($1::ingest_fence_v1, $2::ingest_count_v1[])"
        await self._write(query, fence.as_row, [count.as_row for count in counts])

    async def save_embedded(self, fence: Fence, outcomes: Sequence[Outcome]) -> None:
        """Write that all chunks of these revisions are stored, or why not: chunked → embedded or failed."""
        query = "select ingest_save_embedded($1::ingest_fence_v1, $2::ingest_outcome_v1[])"
        await self._write(query, fence.as_row, [outcome.as_row for outcome in outcomes])

    async def note_retry(self, fence: Fence, error: Failure, seconds: float) -> None:
        """Let ``ingest_status`` say why the batch waits, and how long."""
        await self._pool.execute(
            "select ingest_note_retry($1::ingest_fence_v1, $2, $3)", fence.as_row, as_json(error), seconds
        )

    # save

    async def publish(self, fence: Fence) -> tuple[int, int]:
        """Make the batch's embedded revisions live; return how many were, and how many a newer reading superseded."""
        return await self._publish(*fence.as_row)

    async def publish_request(self, request: RequestRef) -> tuple[int, int]:
        """Make all embedded revisions of the request live at once."""
        return await self._publish([request.request], None, None)

    async def _publish(self, requests: list[UUID], batch: int | None, token: UUID | None) -> tuple[int, int]:
        query = "select published, superseded from ingest_publish($1, $2, $3)"
        published, superseded = await self._row(query, requests, batch, token)
        return published, superseded

    async def _row(self, query: str, *values: Any) -> Any:
        with _fenced():
            return await self._pool.fetchrow(query, *values)

    async def _write(self, query: str, *values: Any) -> Any:
        with _fenced():
            return await self._pool.fetchval(query, *values)

    async def _column(self, query: str, *values: Any) -> list[Any]:
        return [value for (value,) in await self._pool.fetch(query, *values)]


def _to_load(row: asyncpg.Record) -> ToLoad:
    *about, whole_uri, container, start, length, line, digest = row.values()
    record = None if container is None else RecordPlace(container, start, length, line, digest)
    return ToLoad(*about, record, whole_uri)  # type: ignore[call-arg]  # nine columns are before these


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


@contextmanager
def _fenced() -> Iterator[None]:
    """Turn the database's ``IG021`` into LostOwnership, and what else our functions refuse into RequestError."""
    try:
        yield
    except asyncpg.PostgresError as error:
        if error.sqlstate == LOST_OWNERSHIP:
            raise LostOwnership("lost_ownership", str(error)) from None
        ours = as_ours(error) if (error.sqlstate or "").startswith("IG") else None
        if isinstance(ours, RequestError):
            raise ours from None
        raise
