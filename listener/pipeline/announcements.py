"""Tell others which requests ended: one NOTIFY for all that ended within some 20 ms, outside their transactions.

NOTIFY takes a lock of the whole database at commit; in the finishing transactions it would line them up.
"""

from __future__ import annotations

import asyncio
import json
import logging
from uuid import UUID

import anyio
import asyncpg

from listener.database.outages import OUTAGE

log = logging.getLogger(__name__)

COALESCE_SECONDS = 0.02
PAGE = 80  # ids and statuses in one payload, which may have 8,000 bytes


class Announcements:
    """Collects ends and announces them on the channel ``ingest_finished``. A hint: the row is the truth."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._ends: list[dict[str, str]] = []
        self._flush: asyncio.Task[None] | None = None

    def ended(self, request: UUID, status: str) -> None:
        """Announce soon that a request ended."""
        self._ends.append({"id": str(request), "status": status})
        if self._flush is None or self._flush.done():
            # A task, no task group: it outlives its caller.
            self._flush = asyncio.get_running_loop().create_task(self._announce())

    async def close(self) -> None:
        """Announce what is left."""
        if self._flush is not None:
            await asyncio.gather(self._flush, return_exceptions=True)

    async def _announce(self) -> None:
        while self._ends:
            await anyio.sleep(COALESCE_SECONDS)
            page, self._ends = self._ends[:PAGE], self._ends[PAGE:]
            try:
                await self._pool.execute(
                    "select pg_notify(ingest.ingest_channel('finished'::text), $1)", json.dumps(page)
                )
            except (*OUTAGE, asyncpg.PostgresError) as error:
                log.warning("could not announce %d finished requests: %s", len(page), error)
