"""What the workflows ask and write about requests and batches."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from listener.models import BatchRef, Owner, RequestRef
from listener.pipeline.fence import fenced
from listener.pipeline.values import as_json


class RequestStatements:
    """Statements about requests and their batches."""

    _pool: asyncpg.Pool

    async def begin(self, request: RequestRef, executor: str, attempt: int | None = None) -> asyncpg.Record | None:
        """Return the request's row if it runs (that attempt of it) and this listener may run it, else None."""
        query = "select * from ingest_begin($1, $2, $3)"
        row = await self._pool.fetchrow(query, request.request, executor, attempt)
        return row if row is not None and row["id"] is not None else None

    async def begin_shared(self, requests: Sequence[UUID], executor: str) -> Owner | None:
        """Become the only writer of a batch that requests share; None if none of them can."""
        token = uuid4()
        query = "select ingest_begin_shared($1, $2, $3)"
        taken = await self._pool.fetchval(query, list(requests), executor, token)
        return Owner(taken, 1, token) if taken else None

    async def running(self, requests: Iterable[UUID]) -> set[UUID]:
        """Return those of ``requests`` that run."""
        query = "select id from ingest_requests where id = any ($1) and status = 'running'"
        return {row["id"] for row in await self._pool.fetch(query, list(requests))}

    async def end_shared(self, owner: Owner, executor: str) -> dict[UUID, str]:
        """End the requests of a shared batch whose documents are through; return how they ended."""
        query = "select * from ingest_end_shared($1, $2, $3)"
        rows = await self._pool.fetch(query, list(owner.requests), executor, owner.token)
        return {row["id"]: row["status"] for row in rows}

    async def status(self, request: RequestRef) -> str | None:
        """Return the request's status; None if it was deleted."""
        found: str | None = await self._pool.fetchval(
            "select status from ingest_requests where id = $1", request.request
        )
        return found

    async def batch_settings(self, request: UUID) -> dict[str, Any]:
        """Return the settings that a request started with, and how it is to be published."""
        query = (
            "select settings || jsonb_build_object('publish', coalesce(options ->> 'publish', 'document'))"
            " from ingest_requests where id = $1"
        )
        return dict(json.loads(await self._pool.fetchval(query, request)))

    @asynccontextmanager
    async def held(self, request: RequestRef) -> AsyncIterator[str | None]:
        """Keep the request's status as it is for the time of a block, and give it; None if the request was deleted."""
        query = "select status from ingest_requests where id = $1 for no key update"
        async with self._pool.acquire() as connection, connection.transaction():
            yield await connection.fetchval(query, request.request)

    async def own(self, batch: BatchRef, executor: str, most_crashes: int) -> Owner | None:
        """Become the batch's only writer; None if the request does not run or this listener is dead."""
        token = uuid4()
        query = "select ingest_own_batch($1, $2, $3, $4, $5)"
        how = await self._pool.fetchval(query, batch.request, batch.batch, executor, token, most_crashes)
        return None if how is None else Owner((batch.request,), batch.batch, token, alone=how == "alone")

    async def try_alone(self, owner: Owner, revision: int | None, step: str) -> None:
        """Write down which document is tried alone from now on."""
        with fenced():
            await self._pool.execute("select ingest_try_alone($1, $2, $3, $4, $5)", *owner.key, revision, step)

    async def batches(self, request: RequestRef) -> list[int]:
        """Return the numbers of the request's batches, in order."""
        rows = await self._pool.fetch(
            "select batch from ingest_batches where request_id = $1 order by batch", request.request
        )
        return [row["batch"] for row in rows]

    async def unfinished_batches(self, request: RequestRef) -> list[int]:
        """Return the numbers of batches with documents that have still a way to go."""
        query = (
            "select distinct batch from ingest_revisions where request_id = $1 and batch is not null"
            " and state in ('discovered', 'loaded', 'chunked', 'embedded') order by batch"
        )
        return [row["batch"] for row in await self._pool.fetch(query, request.request)]

    async def has_owner(self, batch: BatchRef) -> bool:
        """Return whether an execution has taken the batch since its request was last started."""
        query = "select owner is not null from ingest_batches where request_id = $1 and batch = $2"
        return bool(await self._pool.fetchval(query, batch.request, batch.batch))

    async def untouched(self, request: RequestRef, batches: Iterable[int]) -> int:
        """Return how many of these batches wait on the queue, with no listener that took them off it."""
        # DBOS knows: a batch that was taken off but has no owner yet waits for a place at one listener, not for others.
        query = "select count(*) from workflow_status where workflow_uuid = any ($1) and status = 'ENQUEUED'"
        return int(await self._pool.fetchval(query, [f"{request.request}:{batch}" for batch in batches]))

    async def publish(self, owner: Owner) -> tuple[int, int]:
        """Make the batch's embedded revisions live; return how many were, and how many a newer reading superseded."""
        return await self._publish(*owner.key)

    async def publish_request(self, request: RequestRef) -> tuple[int, int]:
        """Make all embedded revisions of the request live at once."""
        return await self._publish([request.request], None, None)

    async def _publish(self, requests: list[UUID], batch: int | None, token: UUID | None) -> tuple[int, int]:
        with fenced():
            (row,) = await self._pool.fetch("select * from ingest_publish($1, $2, $3)", requests, batch, token)
        return row["published"], row["superseded"]

    async def settle(
        self,
        request: UUID,
        executor: str | None,
        attempt: int | None,
        status: str | None = None,
        error: dict[str, Any] | None = None,
    ) -> str | None:
        """End a running request; without a status its documents decide. None if that attempt does not run here."""
        query = "select ingest_end($1, $2, $3, $4, $5)"
        result = await self._pool.fetchval(query, request, executor, attempt, status, as_json(error))
        return None if result is None else str(result)
