"""Every statement that workflows run about requests, manifests and batches; ``gateway`` adds those of the steps.

A write that another execution has fenced off raises LostOwnership.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from listener.database.translation import refusals
from listener.pipeline.identity import Identity
from listener.pipeline.references import BatchRef, RequestRef
from listener.pipeline.request_rows import (
    BatchSettings,
    Container,
    Discovery,
    Manifest,
    ManifestEntry,
    RunningRequest,
    states_of,
)
from listener.pipeline.rows import Failure, Fence, as_json
from listener.sources.base import Found, Known
from listener.sources.options import RequestOptions


class RequestGateway:
    """Statements about requests, their manifests and batches, over a pool whose search path leads to our objects."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    # requests

    async def begin(self, request: RequestRef, executor: str, attempt: int | None = None) -> RunningRequest | None:
        """Return the request if it runs (that attempt of it) and this listener may run it, otherwise None."""
        query = """select id, collection, source, inline_bytes, media_type, uri, options, attempt, crashes, discovered,
          fork_step, submitted_by, listing from ingest.ingest_begin_request($1::uuid, $2::text, $3::int)"""
        row = await self._row(query, request.request, executor, attempt)
        if row is None:
            return None
        listing = row["listing"] and Discovery.model_validate_json(row["listing"])
        return RunningRequest(**{**row, "options": RequestOptions.read(row["options"]), "listing": listing})

    async def running(self, requests: Iterable[UUID]) -> set[UUID]:
        """Return those of ``requests`` that run."""
        query = "select id from ingest.ingest_requests where id = any ($1) and status = 'running'"
        return set(await self._column(query, list(requests)))

    async def status(self, request: RequestRef) -> str | None:
        """Return the request's status; None if it was deleted."""
        return _text(
            await self._pool.fetchval("select status from ingest.ingest_requests where id = $1", request.request)
        )

    async def batch_settings(self, request: UUID, batch: int) -> BatchSettings:
        """Return what a batch is carried through its steps with, and whether it has to wait before."""
        query = "select ingest.ingest_batch_settings($1::uuid, $2::int)"
        return BatchSettings.model_validate_json(await self._pool.fetchval(query, request, batch))

    @asynccontextmanager
    async def held(self, request: RequestRef) -> AsyncIterator[str | None]:
        """Keep the request's status as it is for the time of a block, and give it; None if the request was deleted."""
        async with self._pool.acquire() as connection, connection.transaction():
            yield await connection.fetchval("select ingest.ingest_hold($1::uuid)", request.request)

    async def settle(
        self,
        request: UUID,
        executor: str | None,
        attempt: int | None,
        status: str | None = None,
        error: Failure | None = None,
    ) -> str | None:
        """End a running request; without a status its documents decide. None if that attempt does not run here."""
        query = "select ingest.ingest_end($1::uuid, $2::text, $3::int, $4::text, $5::jsonb)"
        return _text(await self._pool.fetchval(query, request, executor, attempt, status, as_json(error)))

    # batches

    async def own(self, batch: BatchRef, executor: str, most_crashes: int) -> Fence | None:
        """Become the batch's only writer; None if the request does not run or this listener is dead."""
        token = uuid4()
        query = "select ingest.ingest_own_batch($1::uuid, $2::int, $3::text, $4::uuid, $5::int)"
        how = await self._pool.fetchval(query, batch.request, batch.batch, executor, token, most_crashes)
        return None if how is None else Fence((batch.request,), batch.batch, token, alone=how == "alone")

    async def try_alone(self, fence: Fence, revision: int | None, step: str) -> None:
        """Write down which document is tried alone from now on."""
        await self._write(
            "select ingest.ingest_try_alone($1::ingest.ingest_fence_v1, $2::bigint, $3::text)",
            fence.as_row,
            revision,
            step,
        )

    async def batches(self, request: RequestRef) -> list[int]:
        """Return the numbers of the request's batches, in order."""
        return await self._column(
            "select batch from ingest.ingest_batches where request_id = $1 order by 1", request.request
        )

    async def unfinished_batches(self, request: RequestRef) -> list[int]:
        """Return the numbers of batches with unfinished documents."""
        query = """select distinct batch from ingest.ingest_revisions where request_id = $1 and batch is not null
          and state in ('discovered', 'loaded', 'chunked', 'embedded') order by 1"""
        return await self._column(query, request.request)

    async def left_failed(self, request: RequestRef) -> list[int]:
        """Return the numbers of batches whose workflows failed or were cancelled, and whose documents are finished."""
        query = """select b.batch from ingest.ingest_batches b
          join dbos.workflow_status w on w.workflow_uuid = b.request_id || ':' || b.batch
          where b.request_id = $1 and w.status not in ('SUCCESS', 'PENDING', 'ENQUEUED', 'DELAYED') and not exists (
            select from ingest.ingest_revisions v where v.request_id = b.request_id and v.batch = b.batch
              and v.state in ('discovered', 'loaded', 'chunked', 'embedded')) order by 1"""
        return await self._column(query, request.request)

    async def has_owner(self, batch: BatchRef) -> bool:
        """Return whether an execution has taken the batch since its request was last started."""
        query = "select owner is not null from ingest.ingest_batches where request_id = $1 and batch = $2"
        return bool(await self._pool.fetchval(query, batch.request, batch.batch))

    async def untouched(self, request: RequestRef, batches: Iterable[int]) -> int:
        """Return how many of these batches wait on the queue, with no listener that took them off it."""
        # DBOS knows: a batch that was taken off but has no owner yet waits for a place at one listener, not for others.
        query = "select count(*) from dbos.workflow_status where workflow_uuid = any ($1) and status = 'ENQUEUED'"
        return int(await self._pool.fetchval(query, [f"{request.request}:{batch}" for batch in batches]))

    async def others(self, identity: Identity, settings: BatchSettings) -> int:
        """Return how many other listeners live that may take a batch with these settings from the same queue."""
        query = "select ingest.ingest_count_others($1::text, $2::text, $3::text, $4::boolean)"
        knowing = settings.plan or settings.capped or settings.generations > 1
        return int(await self._pool.fetchval(query, identity.executor_id, identity.queue, identity.pipeline, knowing))

    async def others_have_steps(self, identity: Identity, request: RequestRef) -> bool:
        """Return whether all of these others have a request's own steps."""
        query = "select ingest.ingest_others_have_steps($1::text, $2::text, $3::text, $4::uuid)"
        mine = (identity.executor_id, identity.queue, identity.pipeline)
        return bool(await self._pool.fetchval(query, *mine, request.request))

    # discover

    async def reset_manifest(self, request: RequestRef, executor: str, attempt: int) -> None:
        """Drop what an interrupted discovery left."""
        await self._write(
            "select ingest.ingest_reset_manifest($1::uuid, $2::text, $3::int)", request.request, executor, attempt
        )

    async def listing(self, request: RequestRef) -> Discovery | None:
        """Return how far discovery is."""
        query = "select listing from ingest.ingest_requests where id = $1"
        listing = await self._pool.fetchval(query, request.request)
        return listing and Discovery.model_validate_json(listing)

    async def next_reading(self) -> int:
        """Take a number of reading: what is looked at from now on is newer than what others have read so far."""
        return int(await self._pool.fetchval("select ingest.ingest_next_reading()"))

    async def known(self, collection: str, uris: Sequence[str]) -> dict[str, Known]:
        """Return what is known of the live ones among documents."""
        query = """select uri, hash, bytes, version, modified_at
          from ingest.ingest_known_states($1::text, $2::text[])"""
        return {uri: Known(*state) for uri, *state in await self._pool.fetch(query, collection, list(uris))}

    async def see_unchanged(
        self, request: RequestRef, executor: str, attempt: int, read_seq: int, page: Sequence[Found]
    ) -> list[int | None]:
        """Return, by place, the documents that are live in the state that discovery saw; None: it must be read."""
        query = """select ingest.ingest_see_unchanged($1::uuid, $2::text, $3::int, $4::bigint, $5::jsonb)"""
        return list(await self._write(query, request.request, executor, attempt, read_seq, states_of(page)))

    async def add_page(
        self,
        request: RequestRef,
        executor: str,
        attempt: int,
        page: Sequence[ManifestEntry],
        unchanged: Sequence[int],
        listing: Discovery,
    ) -> None:
        """Write a page of the manifest, documents that have not changed, and how far discovery is."""
        query = """select ingest.ingest_add_page(
          $1::uuid, $2::text, $3::int, $4::ingest.ingest_found_v1[], $5::bigint[], $6::jsonb)"""
        rows = [entry.as_row for entry in page]
        await self._write(query, request.request, executor, attempt, rows, list(unchanged), listing.model_dump_json())

    async def is_same_archive(self, request: UUID, uri: str, state: str) -> bool:
        """Return whether all that is in an archive is live as it was read in this state."""
        query = "select ingest.ingest_is_same_archive($1::uuid, $2::text, $3::text)"
        return bool(await self._pool.fetchval(query, request, uri, state))

    async def see_archive(
        self, request: RequestRef, executor: str, attempt: int, read_seq: int, uri: str, state: str, listing: Discovery
    ) -> bool:
        """Write that an archive was left shut, and how far discovery is; False: it is not the same any more."""
        query = """select ingest.ingest_see_archive(
          $1::uuid, $2::text, $3::int, $4::bigint, $5::text, $6::text, $7::jsonb)"""
        behind = listing.model_dump_json()
        return bool(await self._write(query, request.request, executor, attempt, read_seq, uri, state, behind))

    async def note_archive(
        self, request: RequestRef, executor: str, attempt: int, uri: str, state: str, members: int
    ) -> None:
        """Note an archive that was listed to its end."""
        query = "select ingest.ingest_note_archive($1::uuid, $2::text, $3::int, $4::text, $5::text, $6::int)"
        await self._write(query, request.request, executor, attempt, uri, state, members)

    async def add_container(self, request: RequestRef, executor: str, attempt: int, container: Container) -> None:
        """Enter a file of records."""
        query = "select ingest.ingest_add_container($1::uuid, $2::text, $3::int, $4::text, $5::jsonb, $6::int)"
        about = (container.number, container.locator, as_json(dict(container.layout)))
        await self._write(query, request.request, executor, *about, attempt)

    async def delete_absent(
        self, request: RequestRef, executor: str, attempt: int, uris: Sequence[str], read_seq: int
    ) -> int:
        """Delete documents that are gone, unless a later reading brought them; return how many."""
        query = "select ingest.ingest_delete_absent($1::uuid, $2::text, $3::int, $4::text[], $5::bigint)"
        return int(await self._write(query, request.request, executor, attempt, list(uris), read_seq))

    async def copy_manifest(self, request: RequestRef, executor: str, attempt: int) -> None:
        """Write the manifest of a fork. Raises RequestError if what it was forked from can't be used (any more)."""
        await self._write(
            "select ingest.ingest_copy_manifest($1::uuid, $2::text, $3::int)", request.request, executor, attempt
        )

    async def list_standing(
        self, request: RequestRef, executor: str, attempt: int, most: int, documents: int, size: int
    ) -> bool:
        """Write a page of a manifest of live documents, cut into batches of so many documents and bytes; False: all."""
        query = "select ingest.ingest_list_standing($1::uuid, $2::text, $3::int, $4::int, $5::int, $6::bigint)"
        return bool(await self._write(query, request.request, executor, attempt, most, documents, size))

    async def complete_manifest(self, request: RequestRef, executor: str, attempt: int) -> Manifest:
        """Set the completion mark."""
        query = (
            "select documents, batches, first_batch from ingest.ingest_complete_manifest($1::uuid, $2::text, $3::int)"
        )
        return Manifest(**await self._row(query, request.request, executor, attempt))

    async def manifest(self, request: RequestRef) -> Manifest:
        """Return a manifest that is complete."""
        query = """select (select documents_total from ingest.ingest_requests where id = $1) as documents,
          count(*) as batches, min(batch) as first_batch from ingest.ingest_batches where request_id = $1"""
        return Manifest(**await self._row(query, request.request))

    async def _row(self, query: str, *values: Any) -> Any:
        with refusals():
            return await self._pool.fetchrow(query, *values)

    async def _write(self, query: str, *values: Any) -> Any:
        with refusals():
            return await self._pool.fetchval(query, *values)

    async def _column(self, query: str, *values: Any) -> list[Any]:
        return [value for (value,) in await self._pool.fetch(query, *values)]


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
