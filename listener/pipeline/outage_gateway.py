"""Statements about services that are away, and the work that waits for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from listener.pipeline.away import Key
from listener.pipeline.request_gateway import RequestGateway
from listener.pipeline.rows import Failure, Fence, as_json

if TYPE_CHECKING:
    from listener.pipeline.parking import Parked


class OutageGateway(RequestGateway):
    """What parked work says and asks."""

    async def suspect(self, key: Key, executor: str, error: Failure, wish: float | None, lease: float) -> bool:
        """Record that a service failed; True: this listener is to probe it, within ``lease`` seconds."""
        query = "select ingest.ingest_suspect($1::text, $2::text, $3::text, $4::jsonb, $5::float8, $6::float8)"
        return bool(await self._pool.fetchval(query, *key, executor, as_json(error), wish, lease))

    async def park(self, fence: Fence, error: Failure | None) -> None:
        """Write down that a batch waits for its service."""
        await self._write(
            "select ingest.ingest_park($1::ingest.ingest_fence_v1, $2::jsonb)", fence.as_row, as_json(error)
        )

    async def go_on(self, fence: Fence) -> bool:
        """Record that a batch continues; False if its collection or submitter has no room for its request now."""
        return bool(await self._write("select ingest.ingest_go_on($1::ingest.ingest_fence_v1)", fence.as_row))

    async def park_discovery(self, request: UUID, executor: str, attempt: int, error: Failure) -> None:
        """Write down that the look for a request's documents waits for its source."""
        query = "select ingest.ingest_park_discovery($1::uuid, $2::text, $3::int, $4::jsonb)"
        await self._write(query, request, executor, attempt, as_json(error))

    async def go_on_discovery(self, request: UUID, executor: str, attempt: int) -> bool:
        """Record that it continues; returns the same as ``go_on``."""
        query = "select ingest.ingest_go_on_discovery($1::uuid, $2::text, $3::int)"
        return bool(await self._write(query, request, executor, attempt))

    async def look_at_parked(self, parked: Sequence[Parked]) -> dict[int, str]:
        """Return the state of parked work, by its place among ``parked``: closed, left, open, over or gone."""
        query = (
            "select place, verdict from ingest.ingest_look_at_parked($1::uuid[], $2::int[], $3::uuid[], $4::float8[])"
        )
        columns = ([getattr(one, name) for one in parked] for name in ("request", "batch", "owner", "patience"))
        return {place - 1: verdict for place, verdict in await self._pool.fetch(query, *columns)}
