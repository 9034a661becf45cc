"""Tell others that requests ended: one NOTIFY for all that ended within some 20 ms, outside their transactions.

It carries nothing, since anybody may LISTEN: receivers look at what they may see. NOTIFY takes a lock of the whole
database at commit; in the finishing transactions it would line them up.
"""

from __future__ import annotations

import asyncio
import logging

import anyio
import asyncpg

from listener.database.outages import OUTAGE
from listener.tracing.figures import Figures

log = logging.getLogger(__name__)

COALESCE_SECONDS = 0.02


class Announcements:
    """Announces ends on the channel ``ingest_finished``. A hint: the row is the truth."""

    def __init__(self, pool: asyncpg.Pool, figures: Figures) -> None:
        self._pool = pool
        self._figures = figures
        self._ends = 0
        self._flush: asyncio.Task[None] | None = None

    def ended(self, status: str) -> None:
        """Count a request that ended, and announce it soon."""
        self._figures.ended(status)
        self._ends += 1
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
            ended, self._ends = self._ends, 0
            try:
                await self._pool.execute("select pg_notify(ingest.ingest_channel('finished'::text), '')")
            except (*OUTAGE, asyncpg.PostgresError) as error:
                log.warning("could not announce that %d requests ended: %s", ended, error)
