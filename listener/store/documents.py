"""Every statement that the steps run: thin calls of SQL functions, which hold the rules and the fences."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import asyncpg

from listener.errors import LostOwnership
from listener.models import BatchRef, Chunk, Loaded, ManifestEntry, NewChunk, Owner, RequestRef

LOST_OWNERSHIP = "IG021"


class Store:
    """Statements over a pool of connections whose search path leads to our objects."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def begin(self, request: RequestRef, executor: str) -> asyncpg.Record | None:
        """Return the request's row if it runs and this listener may run it, else None."""
        row = await self._pool.fetchrow("select * from ingest_begin($1, $2)", request.request, executor)
        return row if row is not None and row["id"] is not None else None

    async def batch_settings(self, batch: BatchRef) -> dict[str, Any]:
        """Return the settings that the batch's request started with, and how it is to be published."""
        query = (
            "select settings || jsonb_build_object('publish', coalesce(options ->> 'publish', 'document'))"
            " from ingest_requests where id = $1"
        )
        return dict(json.loads(await self._pool.fetchval(query, batch.request)))

    async def is_running(self, request: RequestRef) -> bool:
        """Return whether the request runs."""
        query = "select exists (select from ingest_requests where id = $1 and status = 'running')"
        return bool(await self._pool.fetchval(query, request.request))

    async def own(self, owner: Owner, executor: str) -> bool:
        """Make ``owner`` the batch's only writer; False if the request does not run or this listener is dead."""
        request, batch, token = owner.key
        return bool(
            await self._pool.fetchval("select ingest_own_batch($1, $2, $3, $4)", request, batch, executor, token)
        )

    # discover

    async def reset_manifest(self, request: RequestRef, executor: str) -> None:
        """Drop what an interrupted discovery left."""
        with _fenced():
            await self._pool.execute("select ingest_reset_manifest($1, $2)", request.request, executor)

    async def add_found(self, request: RequestRef, executor: str, page: Sequence[ManifestEntry]) -> None:
        """Write a page of the manifest."""
        await self._pool.execute(
            "select ingest_add_found($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            request.request,
            executor,
            [entry.position for entry in page],
            [entry.batch for entry in page],
            [entry.found.uri for entry in page],
            [entry.found.path for entry in page],
            [entry.found.media_type for entry in page],
            [entry.found.bytes for entry in page],
            [_json(entry.error) for entry in page],
        )

    async def complete_manifest(self, request: RequestRef, executor: str) -> dict[str, int]:
        """Set the completion mark; return the numbers of documents and batches, and that of the first batch."""
        with _fenced():
            query = "select * from ingest_complete_manifest($1, $2)"
            return dict((await self._pool.fetch(query, request.request, executor))[0])

    async def manifest(self, request: RequestRef) -> dict[str, int]:
        """Return the same of a manifest that is complete."""
        query = (
            "select (select documents_total from ingest_requests where id = $1) as documents,"
            " count(*) as batches, min(batch) as first_batch from ingest_batches where request_id = $1"
        )
        return dict((await self._pool.fetch(query, request.request))[0])

    async def batches(self, request: RequestRef) -> list[int]:
        """Return the numbers of the request's batches, in order."""
        rows = await self._pool.fetch(
            "select batch from ingest_batches where request_id = $1 order by batch", request.request
        )
        return [row["batch"] for row in rows]

    async def untouched(self, request: RequestRef, batches: Iterable[int]) -> int:
        """Return how many of these batches wait on the queue, with no listener that took them off it."""
        # DBOS knows: a batch that was taken off but has no owner yet waits for a place at one listener, not for others.
        query = "select count(*) from workflow_status where workflow_uuid = any ($1) and status = 'ENQUEUED'"
        return int(await self._pool.fetchval(query, [f"{request.request}:{batch}" for batch in batches]))

    # load

    async def to_load(self, batch: BatchRef) -> list[asyncpg.Record]:
        """Return the revisions to read, each with a number of reading taken now."""
        return list(await self._pool.fetch("select * from ingest_to_load($1, $2)", batch.request, batch.batch))

    async def skip_unchanged(self, owner: Owner, same: Sequence[Loaded]) -> set[int]:
        """Skip revisions whose bytes are live already; return those that were, others have changed meanwhile."""
        if not same:
            return set()
        with _fenced():
            skipped = await self._pool.fetchval(
                "select ingest_skip_unchanged($1, $2, $3, $4, $5, $6)",
                *owner.key,
                [one.revision for one in same],
                [one.read_seq for one in same],
                [one.digest for one in same],
            )
        return set(skipped)

    async def save_loaded(self, owner: Owner, loaded: Sequence[Loaded]) -> None:
        """Write normalized texts and errors: discovered → loaded or failed."""
        if not loaded:
            return
        with _fenced():
            await self._pool.execute(
                "select ingest_save_loaded($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                *owner.key,
                [one.revision for one in loaded],
                [one.read_seq for one in loaded],
                [one.digest for one in loaded],
                [one.size for one in loaded],
                [one.parsed and one.parsed.text for one in loaded],
                [one.parsed and one.parsed.title for one in loaded],
                [one.parsed and one.parsed.media_type for one in loaded],
                [_json(dict(one.parsed.metadata)) if one.parsed else None for one in loaded],
                [_json(one.error) for one in loaded],
            )

    async def open_documents(self, batch: BatchRef) -> int:
        """Return how many of the batch's documents have still a way to go."""
        query = (
            "select count(*) from ingest_revisions where request_id = $1 and batch = $2"
            " and state in ('loaded', 'chunked', 'embedded')"
        )
        return int(await self._pool.fetchval(query, batch.request, batch.batch))

    # chunk

    async def to_chunk(self, batch: BatchRef) -> list[asyncpg.Record]:
        """Return the texts to cut."""
        return list(await self._pool.fetch("select * from ingest_to_chunk($1, $2)", batch.request, batch.batch))

    async def save_chunked(
        self, owner: Owner, cut: Sequence[tuple[int, Sequence[Chunk] | None, dict[str, Any] | None]]
    ) -> int:
        """Write boundaries or errors, by revision: loaded → chunked or failed. Return the batch's chunks."""
        with _fenced():
            return int(
                await self._pool.fetchval(
                    "select ingest_save_chunked($1, $2, $3, $4, $5, $6)",
                    *owner.key,
                    [revision for revision, _, _ in cut],
                    [None if chunks is None else _boundaries(chunks) for _, chunks, _ in cut],
                    [_json(error) for _, _, error in cut],
                )
            )

    # embed

    async def to_embed(self, batch: BatchRef) -> list[asyncpg.Record]:
        """Return the cut texts, and which of their chunks are stored already."""
        return list(await self._pool.fetch("select * from ingest_to_embed($1, $2)", batch.request, batch.batch))

    async def known_digests(self, space: int, digests: Iterable[bytes]) -> set[bytes]:
        """Return those of ``digests`` whose vectors the space has."""
        rows = await self._pool.fetch("select * from ingest_known_hashes($1, $2) as hash", space, list(digests))
        return {row["hash"] for row in rows}

    async def copy_known(self, owner: Owner, chunks: Sequence[NewChunk]) -> list[NewChunk]:
        """Store chunks with vectors that the space has; return those whose vectors are gone by now."""
        with _fenced():
            rows = await self._pool.fetch(
                "select * from ingest_copy_known($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) as place",
                *owner.key,
                *_columns(chunks),
            )
        return [chunks[row["place"] - 1] for row in rows]

    async def save_chunks(self, owner: Owner, chunks: Sequence[NewChunk], vectors: Sequence[bytes]) -> None:
        """Store chunks with new vectors, one in pgvector's binary form for each."""
        with _fenced():
            await self._pool.execute(
                "select ingest_save_chunks($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                *owner.key,
                *_columns(chunks),
                vectors,
            )

    async def save_embedded(self, owner: Owner, outcomes: Sequence[tuple[int, dict[str, Any] | None]]) -> None:
        """Write that all chunks of these revisions are stored, or why not: chunked → embedded or failed."""
        with _fenced():
            await self._pool.execute(
                "select ingest_save_embedded($1, $2, $3, $4, $5)",
                *owner.key,
                [revision for revision, _ in outcomes],
                [_json(error) for _, error in outcomes],
            )

    async def note_retry(self, owner: Owner, error: dict[str, Any], seconds: float) -> None:
        """Let ``ingest_status`` say why the batch waits, and how long."""
        await self._pool.execute("select ingest_note_retry($1, $2, $3, $4, $5)", *owner.key, _json(error), seconds)

    # save

    async def publish(self, owner: Owner) -> tuple[int, int]:
        """Make the batch's embedded revisions live; return how many were, and how many a newer reading superseded."""
        return await self._publish(*owner.key)

    async def publish_request(self, request: RequestRef) -> tuple[int, int]:
        """Make all embedded revisions of the request live at once."""
        return await self._publish(request.request, None, None)

    async def _publish(self, request: UUID, batch: int | None, token: UUID | None) -> tuple[int, int]:
        with _fenced():
            (row,) = await self._pool.fetch("select * from ingest_publish($1, $2, $3)", request, batch, token)
        return row["published"], row["superseded"]

    async def settle(self, request: UUID, status: str | None = None, error: dict[str, Any] | None = None) -> str | None:
        """End a running request; without a status its documents decide. None if it was not running."""
        result = await self._pool.fetchval("select ingest_settle($1, $2, $3)", request, status, _json(error))
        return None if result is None else str(result)


def _columns(chunks: Sequence[NewChunk]) -> tuple[list[Any], ...]:
    return (
        [one.revision for one in chunks],
        [one.ordinal for one in chunks],
        [one.chunk.start for one in chunks],
        [one.chunk.end for one in chunks],
        [one.text for one in chunks],
        [one.digest for one in chunks],
        [one.metadata for one in chunks],
    )


def _boundaries(chunks: Sequence[Chunk]) -> str:
    return json.dumps(
        {
            "starts": [chunk.start for chunk in chunks],
            "ends": [chunk.end for chunk in chunks],
            "headings": [list(chunk.heading_path) for chunk in chunks],
        }
    )


def _json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)


class _fenced:
    """Turn the database's ``IG021`` into LostOwnership."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, asyncpg.PostgresError) and error.sqlstate == LOST_OWNERSHIP:
            raise LostOwnership("lost_ownership", str(error)) from None
