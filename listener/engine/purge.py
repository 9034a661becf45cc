"""Delete what was kept long enough: texts and chunks that were replaced, finished requests, commands."""

from __future__ import annotations

import time
from datetime import timedelta

import asyncpg

from listener.engine.loop import Rounds
from listener.settings import Settings

LOOK_SECONDS = 60.0
PAGE = 500
SHARE = 3  # so many times as long as the pages of a look take is the pause behind them

REPLACED = "select ingest.ingest_purge_replaced($1::interval, $2::int)"
REQUESTS = "select ingest.ingest_purge_requests($1::interval, $2::int)"
COMMANDS = "select ingest.ingest_purge_commands($1::interval, $2::int)"


class Purge(Rounds):
    """The loop that purges, a page at a time: nobody waits for it, and it keeps nobody waiting."""

    name = "purge"

    def __init__(self, pool: asyncpg.Pool, settings: Settings, pause_seconds: float) -> None:
        super().__init__(LOOK_SECONDS, first_after=LOOK_SECONDS)  # others have more to do at a start
        self._pool = pool
        self._pause_seconds = pause_seconds
        ages = (
            (REPLACED, settings.retention_hours * 3600),
            (REQUESTS, settings.retention_requests),
            (COMMANDS, settings.retention_commands),
        )
        self._purges = [(sql, timedelta(seconds=age)) for sql, age in ages if age is not None]

    async def look(self) -> None:
        """Purge a page of each kind, and look again soon if there was one."""
        began = time.monotonic()
        purged = [await self._pool.fetchval(sql, age, PAGE) for sql, age in self._purges]
        pause = max(self._pause_seconds, SHARE * (time.monotonic() - began))
        self._seconds = pause if any(purged) else LOOK_SECONDS
