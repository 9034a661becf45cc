"""Make requests of what was written to watched tables, see ``ingest_fold_changes``.

Writers ring nobody: the idle lock would be held by every transaction that writes to such a table, and a NOTIFY keeps
PREPARE TRANSACTION from working (decision 0030). So this loop looks twice a second where a table is watched; where none
is, creating a watch notifies.
"""

from __future__ import annotations

import time

import asyncpg

from listener.concurrency import set_within
from listener.database.outages import waiting_for_postgres
from listener.engine.doorbell import Doorbell
from listener.engine.loop import Loop

LOOK_SECONDS = 0.5
NONE_SECONDS = 30.0  # while no table is watched
DEAF_SECONDS = 2.0  # the same, where nothing can be heard
TEND_SECONDS = 60.0


class Changes(Loop):
    """The loop that turns changes of rows into requests."""

    name = "changes"

    def __init__(self, pool: asyncpg.Pool, doorbell: Doorbell) -> None:
        self._pool = pool
        self._doorbell = doorbell
        self._tended_at = 0.0

    async def run(self) -> None:
        """Look, again and again."""
        tables = 0
        while True:
            self._doorbell.tables.clear()
            with waiting_for_postgres(self.name):
                tables = await self._look()
            none = NONE_SECONDS if self._doorbell.hears else DEAF_SECONDS
            await set_within(self._doorbell.tables, LOOK_SECONDS if tables else none)

    async def _look(self) -> int:
        """Make requests, and now and then put in order what watches left; return how many tables are watched."""
        ((tables, _),) = await self._pool.fetch("select tables, requests from ingest.ingest_fold_changes()")
        if time.monotonic() - self._tended_at >= TEND_SECONDS:
            self._tended_at = time.monotonic()
            await self._pool.execute("select ingest.ingest_tend_tables()")
        return int(tables)
