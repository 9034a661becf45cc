"""Make requests of what was written to watched tables, see ``ingest_fold_changes``.

Writers ring nobody: the idle lock would be held by every transaction that writes to such a table, and a NOTIFY keeps
PREPARE TRANSACTION from working (decision 0030). So this loop looks twice a second, where a table is watched.
"""

from __future__ import annotations

import time

import asyncpg

from listener.engine.loop import Rounds

LOOK_SECONDS = 0.5
NONE_SECONDS = 2.0  # while no table is watched
TEND_SECONDS = 60.0


class Changes(Rounds):
    """The loop that turns changes of rows into requests."""

    name = "changes"

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(LOOK_SECONDS)
        self._pool = pool
        self._tended_at = 0.0

    async def look(self) -> None:
        """Make requests, and now and then put in order what watches left."""
        ((tables, _),) = await self._pool.fetch("select tables, requests from ingest.ingest_fold_changes()")
        self._seconds = LOOK_SECONDS if tables else NONE_SECONDS
        if time.monotonic() - self._tended_at >= TEND_SECONDS:
            self._tended_at = time.monotonic()
            await self._pool.execute("select ingest.ingest_tend_tables()")
