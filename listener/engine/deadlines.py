"""Cancel requests that run longer than their ``timeout_seconds``, by the database's clock."""

from __future__ import annotations

import asyncpg

from listener.engine.loop import Rounds


class Deadlines(Rounds):
    """The loop that cancels what is overdue; any listener that is notified carries the cancel out."""

    name = "deadlines"

    def __init__(self, pool: asyncpg.Pool, seconds: float) -> None:
        super().__init__(seconds)
        self._pool = pool

    async def look(self) -> None:
        """Cancel what is overdue."""
        if await self._pool.fetch("select ingest.ingest_cancel_overdue()"):
            await self._pool.execute("select pg_notify(ingest.ingest_channel('commands'::text), '')")
