"""What the discover step writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from listener.models import ManifestEntry, RequestRef
from listener.pipeline.fence import fenced
from listener.pipeline.values import as_json


class ManifestStatements:
    """Statements about a request's manifest."""

    _pool: asyncpg.Pool

    async def reset_manifest(self, request: RequestRef, executor: str, attempt: int) -> None:
        """Drop what an interrupted discovery left."""
        with fenced():
            query = "select ingest_reset_manifest($1, $2, $3)"
            await self._pool.execute(query, request.request, executor, attempt)

    async def add_found(self, request: RequestRef, executor: str, attempt: int, page: Sequence[ManifestEntry]) -> None:
        """Write a page of the manifest."""
        with fenced():
            await self._add_found(request, executor, attempt, page)

    async def _add_found(self, request: RequestRef, executor: str, attempt: int, page: Sequence[ManifestEntry]) -> None:
        await self._pool.execute(
            "select ingest_add_found($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
            request.request,
            executor,
            [entry.position for entry in page],
            [entry.batch for entry in page],
            [entry.found.uri for entry in page],
            [entry.found.locator for entry in page],
            [entry.found.media_type for entry in page],
            [entry.found.bytes for entry in page],
            [as_json(entry.error) for entry in page],
            [entry.found.container for entry in page],
            [entry.found.start for entry in page],
            [entry.found.digest for entry in page],
            [entry.found.line for entry in page],
            attempt,
        )

    async def add_container(
        self,
        request: RequestRef,
        executor: str,
        attempt: int,
        number: int,
        path: str | None,
        format_: dict[str, Any],
    ) -> None:
        """Enter a file of records; ``path`` is None for the request's own content."""
        with fenced():
            query = "select ingest_add_container($1, $2, $3, $4, $5, $6)"
            await self._pool.execute(query, request.request, executor, number, path, as_json(format_), attempt)

    async def copy_manifest(self, request: RequestRef, executor: str, attempt: int) -> None:
        """Write the manifest of a fork. Raises RequestError if what it was forked from can't be used (any more)."""
        with fenced():
            await self._pool.execute("select ingest_copy_manifest($1, $2, $3)", request.request, executor, attempt)

    async def complete_manifest(self, request: RequestRef, executor: str, attempt: int) -> dict[str, int]:
        """Set the completion mark; return the numbers of documents and batches, and that of the first batch."""
        with fenced():
            query = "select * from ingest_complete_manifest($1, $2, $3)"
            return dict((await self._pool.fetch(query, request.request, executor, attempt))[0])

    async def manifest(self, request: RequestRef) -> dict[str, int]:
        """Return the same of a manifest that is complete."""
        query = (
            "select (select documents_total from ingest_requests where id = $1) as documents,"
            " count(*) as batches, min(batch) as first_batch from ingest_batches where request_id = $1"
        )
        return dict((await self._pool.fetch(query, request.request))[0])
