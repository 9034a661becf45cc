"""Delete chunks and texts of revisions that were replaced some time ago."""

from __future__ import annotations

from datetime import timedelta

import asyncpg

from listener.engine.loop import Rounds

LOOK_SECONDS = 60.0


class Purge(Rounds):
    """The loop that purges, a page at a time: nobody waits for it, and it keeps nobody waiting."""

    name = "purge"

    def __init__(self, pool: asyncpg.Pool, retention_hours: float, pause_seconds: float) -> None:
        super().__init__(LOOK_SECONDS, first_after=LOOK_SECONDS)  # others have more to do at a start
        self._pool = pool
        self._retention = timedelta(hours=retention_hours)
        self._pause_seconds = pause_seconds

    async def look(self) -> None:
        """Purge a page, and look again soon if there was one."""
        purged = await self._pool.fetchval("select ingest.ingest_purge($1::interval, 500)", self._retention)
        self._seconds = self._pause_seconds if purged else LOOK_SECONDS
