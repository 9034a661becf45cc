"""What load, chunk and embed read and write about documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
from pgvector import Vector

from listener.models import Chunk, Loaded, NewChunk, Owner, RequestRef
from listener.store.fence import fenced
from listener.store.values import as_array, as_json


class DocumentStatements:
    """Statements about a batch's documents and chunks."""

    _pool: asyncpg.Pool

    # load

    async def to_load(self, owner: Owner) -> list[asyncpg.Record]:
        """Return the revisions to read, each with a number of reading taken now."""
        return list(await self._pool.fetch("select * from ingest_to_load($1, $2)", *owner.batch))

    async def containers(self, request: RequestRef, numbers: Iterable[int]) -> dict[int, asyncpg.Record]:
        """Return path and format of files of records, by number, and the option that says what is what."""
        query = (
            "select k.container, k.path, k.format, r.options -> 'record' as record from ingest_containers k"
            " join ingest_requests r on r.id = k.request_id where r.id = $1 and k.container = any ($2)"
        )
        return {row["container"]: row for row in await self._pool.fetch(query, request.request, list(numbers))}

    async def inline_range(self, request: RequestRef, start: int, length: int) -> bytes:
        """Return a slice of a request's own content, in bytes."""
        return bytes(
            await self._pool.fetchval("select ingest_inline_range($1, $2, $3)", request.request, start, length)
        )

    async def skip_unchanged(self, owner: Owner, same: Sequence[Loaded]) -> set[int]:
        """Skip revisions whose bytes are live already; return those that were, others have changed meanwhile."""
        if not same:
            return set()
        with fenced():
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
        with fenced():
            await self._pool.execute(
                "select ingest_save_loaded($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
                *owner.key,
                [one.revision for one in loaded],
                [one.read_seq for one in loaded],
                [one.digest for one in loaded],
                [one.size for one in loaded],
                [one.parsed and one.parsed.text for one in loaded],
                [one.parsed and one.parsed.title for one in loaded],
                [one.parsed and one.parsed.media_type for one in loaded],
                [as_json(dict(one.parsed.metadata)) if one.parsed else None for one in loaded],
                [as_json(one.error) for one in loaded],
                [as_json(list(one.parsed.pages)) if one.parsed and one.parsed.pages else None for one in loaded],
                [one.part for one in loaded],
            )

    async def open_documents(self, owner: Owner) -> int:
        """Return how many of the batch's documents have still a way to go."""
        query = (
            "select count(*) from ingest_revisions where request_id = any ($1) and batch = $2"
            " and state in ('loaded', 'chunked', 'embedded')"
        )
        return int(await self._pool.fetchval(query, *owner.batch))

    # chunk

    async def to_chunk(self, owner: Owner) -> list[asyncpg.Record]:
        """Return the texts to cut."""
        return list(await self._pool.fetch("select * from ingest_to_chunk($1, $2)", *owner.batch))

    async def save_chunked(
        self, owner: Owner, cut: Sequence[tuple[int, Sequence[Chunk] | None, dict[str, Any] | None]]
    ) -> int:
        """Write boundaries or errors, by revision: loaded → chunked or failed. Return the batch's chunks."""
        with fenced():
            return int(
                await self._pool.fetchval(
                    "select ingest_save_chunked($1, $2, $3, $4, $5, $6, $7, $8)",
                    *owner.key,
                    [revision for revision, _, _ in cut],
                    [chunks and as_array(chunk.start for chunk in chunks) for _, chunks, _ in cut],
                    [chunks and as_array(chunk.end for chunk in chunks) for _, chunks, _ in cut],
                    [chunks and as_json([chunk.heading_path for chunk in chunks]) for _, chunks, _ in cut],
                    [as_json(error) for _, _, error in cut],
                )
            )

    # embed

    async def to_embed(self, owner: Owner) -> list[asyncpg.Record]:
        """Return the cut texts, and which of their chunks are stored already."""
        return list(await self._pool.fetch("select * from ingest_to_embed($1, $2)", *owner.batch))

    async def known_digests(self, space: int, digests: Iterable[bytes]) -> set[bytes]:
        """Return those of ``digests`` whose vectors the space has."""
        rows = await self._pool.fetch("select * from ingest_known_hashes($1, $2) as hash", space, list(digests))
        return {row["hash"] for row in rows}

    async def copy_known(self, owner: Owner, chunks: Sequence[NewChunk]) -> list[NewChunk]:
        """Store chunks with vectors that the space has; return those whose vectors are gone by now."""
        with fenced():
            rows = await self._pool.fetch(
                "select * from ingest_copy_known($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) as place",
                *owner.key,
                *_columns(chunks),
            )
        return [chunks[row["place"] - 1] for row in rows]

    async def save_chunks(self, owner: Owner, chunks: Sequence[NewChunk], vectors: Sequence[Vector]) -> None:
        """Store chunks with new vectors, one for each."""
        with fenced():
            await self._pool.execute(
                "select ingest_save_chunks($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                *owner.key,
                *_columns(chunks),
                vectors,
            )

    async def note_embedded(self, owner: Owner, counts: Mapping[UUID, tuple[int, int]]) -> None:
        """Count chunks that were stored and the tokens that they took, by request."""
        query = "select ingest_note_embedded($1, $2, $3, $4, $5, $6)"
        chunks, tokens = zip(*counts.values(), strict=True)
        with fenced():
            await self._pool.execute(query, *owner.key, list(counts), chunks, tokens)

    async def save_embedded(self, owner: Owner, outcomes: Sequence[tuple[int, dict[str, Any] | None]]) -> None:
        """Write that all chunks of these revisions are stored, or why not: chunked → embedded or failed."""
        with fenced():
            await self._pool.execute(
                "select ingest_save_embedded($1, $2, $3, $4, $5)",
                *owner.key,
                [revision for revision, _ in outcomes],
                [as_json(error) for _, error in outcomes],
            )

    async def note_retry(self, owner: Owner, error: dict[str, Any], seconds: float) -> None:
        """Let ``ingest_status`` say why the batch waits, and how long."""
        await self._pool.execute("select ingest_note_retry($1, $2, $3, $4, $5)", *owner.key, as_json(error), seconds)


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
