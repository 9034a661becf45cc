"""Add what this listener counted to what the installation has counted, so that it outlives the listener.

What was counted since the last heartbeat of one that is killed is lost. If an answer is lost, so much may stand twice.
And every 15 seconds have the database note how it goes, for charts; of all listeners the first one does.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta

import asyncpg

from listener.database.outages import OUTAGE
from listener.engine.loop import Rounds
from listener.tracing.figures import Figures, Key

log = logging.getLogger(__name__)

NOTE_SECONDS = 15.0
NOTE = "select ingest.ingest_note_history($1::interval)"


class Tally(Rounds):
    """The loop that adds up, every heartbeat in which something was counted, and notes how it goes."""

    name = "tally"

    def __init__(self, pool: asyncpg.Pool, figures: Figures, seconds: float) -> None:
        super().__init__(seconds, first_after=seconds)
        self._pool = pool
        self._figures = figures
        self._added: dict[Key, float] = {}
        self._note_every = max(NOTE_SECONDS, seconds)
        self._noted_at = 0.0

    async def look(self) -> None:
        """Add what is new, and have it noted."""
        await self._add()
        if time.monotonic() - self._noted_at >= self._note_every:
            self._noted_at = time.monotonic()
            await self._pool.fetchval(NOTE, timedelta(seconds=self._note_every))

    async def _add(self) -> None:
        totals = self._figures.totals
        new = {key: value - self._added.get(key, 0) for key, value in totals.items()}
        rises = [(*key, value) for key, value in new.items() if value > 0]
        if rises:
            add = "select ingest.ingest_add_counts($1::text[], $2::text[], $3::float8[])"
            try:
                await self._pool.execute(add, *(list(column) for column in zip(*rises, strict=True)))
                self._added = totals
            except asyncpg.PostgresError as error:  # figures are not worth a listener's life
                log.warning("figures are added later: %s", error)

    async def stop(self) -> None:
        """Add the rest."""
        await super().stop()
        try:
            await self._add()
        except OUTAGE as error:
            log.info("the last figures of this listener are not in ingest_metrics: %s", error)
