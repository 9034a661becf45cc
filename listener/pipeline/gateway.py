"""Every statement that the steps run about documents: thin calls of SQL functions, which hold the rules and the fences.

Rows become values of ``rows`` here and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg

from listener.pipeline.references import RequestRef
from listener.pipeline.request_rows import BatchSettings, Container
from listener.pipeline.rows import (
    Count,
    Cut,
    Failure,
    Fence,
    Loaded,
    LoadedRow,
    NewChunk,
    Outcome,
    ToChunk,
    ToEmbed,
    ToLoad,
    as_json,
)
from listener.pipeline.step_gateway import StepGateway
from listener.sources.base import Digest, Known, RecordPlace
from listener.sources.inline import OwnContent

if TYPE_CHECKING:
    from pgvector import Vector


class Gateway(StepGateway):
    """All statements of workflows and steps."""

    async def note_headway(self, fence: Fence, step: str, shares: Mapping[int, float]) -> None:
        """Write down which share of a step is done with documents that are in it."""
        query = "select ingest.ingest_note_headway($1::ingest.ingest_fence_v1, $2::text, $3::bigint[], $4::float8[])"
        await self._write(query, fence.as_row, step, [*shares], [*shares.values()])

    # load

    async def to_load(self, fence: Fence) -> list[ToLoad]:
        """Return the revisions to read, each with a number of reading taken now."""
        query = """select id, request_id, uri, locator, media_type, case when whole_uri is null then bytes end as size,
          read_seq, live_hash, live_bytes, live_version, live_modified_at, max_bytes, whole_uri, version,
          container, range_start, bytes, line, range_hash
          from ingest.ingest_to_load($1::ingest.ingest_fence_v1)"""
        return [_to_load(row) for row in await self._pool.fetch(query, fence.as_row)]

    async def containers(self, request: RequestRef, numbers: Iterable[int]) -> dict[int, Container]:
        """Return files of records, by number."""
        query = """select k.container as number, coalesce(k.locator, k.path) as locator, k.format as layout,
          r.options -> 'record' as record
          from ingest.ingest_containers k join ingest.ingest_requests r on r.id = k.request_id
          where r.id = $1 and k.container = any ($2)"""
        rows = await self._pool.fetch(query, request.request, list(numbers))
        return {
            number: Container(number, locator, json.loads(layout), json.loads(record))
            for number, locator, layout, record in rows
        }

    async def contents(self, wanted: Mapping[UUID, int]) -> dict[UUID, OwnContent]:
        """Return requests' inline contents, each up to a limit of bytes: of a larger one only its size."""
        query = """select r.id, coalesce(r.uri, r.id::text), r.media_type, r.content is not null as is_text,
            coalesce(octet_length(r.content), octet_length(r.content_bytes)) as size,
            case when octet_length(r.content) <= w.most then convert_to(r.content, 'UTF8')
                 when octet_length(r.content_bytes) <= w.most then r.content_bytes end as content
          from unnest($1::uuid[], $2::bigint[]) as w (id, most) join ingest.ingest_requests r on r.id = w.id"""
        rows = await self._pool.fetch(query, [*wanted], [*wanted.values()])
        return {request: OwnContent(*about) for request, *about in rows}

    async def text_sizes(self, revisions: Sequence[int]) -> dict[int, int]:
        """Return how many bytes the texts of revisions have."""
        query = """select v.id, octet_length(coalesce(o.text, v.text)) from ingest.ingest_revisions v
          left join ingest.ingest_revisions o on o.id = v.stands_for where v.id = any ($1)"""
        return {revision: size or 0 for revision, size in await self._pool.fetch(query, revisions)}

    async def inline_range(self, request: UUID, start: int, length: int) -> bytes:
        """Return a slice of a request's own content, in bytes."""
        query = "select ingest.ingest_inline_range($1::uuid, $2::bigint, $3::bigint)"
        return bytes(await self._pool.fetchval(query, request, start, length))

    async def skip_unchanged(self, fence: Fence, same: Sequence[Loaded]) -> set[int]:
        """Skip revisions whose bytes are already live; return those that were; others have changed meanwhile."""
        if not same:
            return set()
        rows = [(one.revision, one.read_seq, one.digest, one.version, one.modified_at) for one in same]
        query = "select ingest.ingest_skip_unchanged($1::ingest.ingest_fence_v1, $2::ingest.ingest_unchanged_v2[])"
        return set(await self._write(query, fence.as_row, rows))

    async def save_loaded(self, fence: Fence, loaded: Sequence[LoadedRow]) -> None:
        """Write normalized texts and errors (``Loaded.as_row``): discovered → loaded or failed."""
        if loaded:
            query = "select ingest.ingest_save_loaded($1::ingest.ingest_fence_v1, $2::ingest.ingest_loaded_v2[])"
            await self._write(query, fence.as_row, loaded)

    async def open_documents(self, fence: Fence) -> int:
        """Return how many of the batch's documents are unfinished."""
        query = """select count(*) from ingest.ingest_revisions where request_id = any ($1) and batch = $2
          and state in ('loaded', 'chunked', 'embedded')"""
        return int(await self._pool.fetchval(query, list(fence.requests), fence.number))

    # chunk

    async def to_chunk(self, fence: Fence) -> list[ToChunk]:
        """Return the revisions whose texts must be chunked."""
        return [
            ToChunk(**row)
            for row in await self._pool.fetch(
                "select * from ingest.ingest_to_chunk($1::ingest.ingest_fence_v1)", fence.as_row
            )
        ]

    async def texts(self, revisions: Sequence[int]) -> dict[int, str]:
        """Return the texts of revisions; of those that were deleted or replaced meanwhile, it may be gone."""
        query = """select v.id, case when v.stands_for is null then v.text else o.text end as text
          from ingest.ingest_revisions v left join ingest.ingest_revisions o on o.id = v.stands_for
          where v.id = any ($1)"""
        rows = await self._pool.fetch(query, revisions)
        return {row["id"]: row["text"] for row in rows if row["text"] is not None}

    async def save_chunked(self, fence: Fence, cuts: Sequence[Cut]) -> int:
        """Write boundaries or errors: loaded → chunked or failed. Return the batch's chunks."""
        query = "select ingest.ingest_save_chunked($1::ingest.ingest_fence_v1, $2::ingest.ingest_cut_v2[])"
        return int(await self._write(query, fence.as_row, [cut.as_row for cut in cuts]))

    # embed

    async def to_embed(self, fence: Fence) -> list[ToEmbed]:
        """Return the revisions that are cut."""
        rows = await self._pool.fetch("select * from ingest.ingest_to_embed($1::ingest.ingest_fence_v1)", fence.as_row)
        return [ToEmbed(**row) for row in rows]

    async def known_digests(self, space: int, digests: Iterable[Digest]) -> set[Digest]:
        """Return those of ``digests`` whose vectors the space has."""
        return set(await self._column("select ingest.ingest_known_hashes($1::int, $2::bytea[])", space, list(digests)))

    async def copy_known(self, fence: Fence, chunks: Sequence[NewChunk]) -> list[NewChunk]:
        """Store chunks with vectors that the space has; return those whose vectors are now gone."""
        query = "select ingest.ingest_copy_known($1::ingest.ingest_fence_v1, $2::ingest.ingest_chunk_v1[])"
        places = await self._write(query, fence.as_row, [one.as_row() for one in chunks])
        return [chunks[place - 1] for place in places]

    async def save_chunks(self, fence: Fence, chunks: Sequence[NewChunk], vectors: Sequence[Vector]) -> None:
        """Store chunks with new vectors, one for each."""
        rows = [one.as_row(vector) for one, vector in zip(chunks, vectors, strict=True)]
        await self._write(
            "select ingest.ingest_save_chunks($1::ingest.ingest_fence_v1, $2::ingest.ingest_chunk_v1[])",
            fence.as_row,
            rows,
        )

    async def note_embedded(self, fence: Fence, counts: Sequence[Count]) -> None:
        """Count chunks that were stored, and what they took."""
        query = "select ingest.ingest_note_embedded($1::ingest.ingest_fence_v1, $2::ingest.ingest_count_v1[])"
        await self._write(query, fence.as_row, [count.as_row for count in counts])

    async def save_spent(
        self,
        fence: Fence,
        chunks: Sequence[NewChunk],
        vectors: Sequence[Vector],
        counts: Sequence[Count],
        reservation: int,
    ) -> None:
        """Store chunks with new vectors, and count what they took, of what was reserved for it."""
        query = """select ingest.ingest_save_spent($1::ingest.ingest_fence_v1, $2::ingest.ingest_chunk_v1[],
          $3::ingest.ingest_count_v1[], $4::bigint)"""
        rows = [chunk.as_row(vector) for chunk, vector in zip(chunks, vectors, strict=True)]
        await self._write(query, fence.as_row, rows, [count.as_row for count in counts], reservation)

    # plan

    async def note_planned(self, fence: Fence, tokens: Mapping[Digest, int | None], is_estimate: bool) -> None:
        """Note texts that a plan came across, and what each would take; None: the space has it."""
        query = """select ingest.ingest_note_planned(
          $1::ingest.ingest_fence_v1, $2::bytea[], $3::int[], $4::boolean)"""
        await self._write(query, fence.as_row, list(tokens), list(tokens.values()), is_estimate)

    async def save_planned(self, fence: Fence, revisions: Sequence[int]) -> None:
        """Write that these revisions are counted, and drop their texts: chunked → skipped."""
        query = "select ingest.ingest_save_planned($1::ingest.ingest_fence_v1, $2::bigint[])"
        await self._write(query, fence.as_row, list(revisions))

    async def save_embedded(self, fence: Fence, outcomes: Sequence[Outcome]) -> None:
        """Write that all chunks of these revisions are stored, or why not: chunked → embedded or failed."""
        query = "select ingest.ingest_save_embedded($1::ingest.ingest_fence_v1, $2::ingest.ingest_outcome_v2[])"
        await self._write(query, fence.as_row, [outcome.as_row for outcome in outcomes])

    async def note_retry(self, fence: Fence, error: Failure, seconds: float | None) -> None:
        """Let ``ingest_status`` say why the batch waits, and how long, if that is known."""
        await self._pool.execute(
            "select ingest.ingest_note_retry($1::ingest.ingest_fence_v1, $2::jsonb, $3::float8)",
            fence.as_row,
            as_json(error),
            seconds,
        )

    async def next_generation(self, fence: Fence) -> BatchSettings | None:
        """Turn the batch to the next generation that its documents have to stand in; None: they stand in all."""
        settings = await self._write("select ingest.ingest_next_generation($1::ingest.ingest_fence_v1)", fence.as_row)
        return None if settings is None else BatchSettings.model_validate_json(settings)

    async def asked_for(self, fence: Fence) -> str:
        """Return whether the generation that the batch is brought into is asked for; see ``ingest_asked_for``."""
        return str(await self._write("select ingest.ingest_asked_for($1::ingest.ingest_fence_v1)", fence.as_row))

    # save

    async def publish(self, fence: Fence) -> tuple[int, int]:
        """Make the batch's embedded revisions live; return how many were, and how many a newer reading superseded."""
        return await self._publish(*fence.as_row)

    async def publish_request(self, request: RequestRef) -> tuple[int, int]:
        """Make all embedded revisions of the request live at once."""
        return await self._publish([request.request], None, None)

    # mirror

    async def delete_gone(self, request: RequestRef, executor: str, attempt: int, most: int) -> int:
        """Delete a page of documents that are gone; return how many the source no longer leads to."""
        query = "select ingest.ingest_delete_gone($1::uuid, $2::text, $3::int, $4::int)"
        return int(await self._write(query, request.request, executor, attempt, most))

    async def _publish(self, requests: list[UUID], batch: int | None, token: UUID | None) -> tuple[int, int]:
        query = "select published, superseded from ingest.ingest_publish($1::uuid[], $2::int, $3::uuid)"
        published, superseded = await self._row(query, requests, batch, token)
        return published, superseded


def _to_load(row: asyncpg.Record) -> ToLoad:
    values = list(row.values())
    about, live, (most, whole_uri, version), record = values[:7], values[7:11], values[11:14], values[14:]
    known = None if live[0] is None else Known(*live)
    return ToLoad(
        *about,
        known,  # type: ignore[call-arg]  # seven columns are before it
        most,
        None if record[0] is None else RecordPlace(*record),
        whole_uri,
        version,
    )
