"""Fill in what rows of a former release lack, so that a migration need not: a page now and then, beside other work."""

from __future__ import annotations

import time

import asyncpg

from listener.engine.loop import Rounds

LOOK_SECONDS = 60.0
SHARE = 3  # the pause after a page, in multiples of its time
DONE_SECONDS = 3600.0


class Backfill(Rounds):
    """The loop that adds titles and headings to the words of old chunks, 200 at a time.

    A page costs as much as inserting its chunks again (decision 0019), so there is one in each pause, not one after the
    other.
    """

    name = "backfill"

    def __init__(self, pool: asyncpg.Pool, pause_seconds: float) -> None:
        super().__init__(LOOK_SECONDS, first_after=LOOK_SECONDS)  # others have more to do at a start
        self._pool = pool
        self._pause_seconds = pause_seconds

    async def look(self) -> None:
        """Fill in a page, and look again soon if there may be another."""
        began = time.monotonic()
        more = await self._pool.fetchval("select ingest.ingest_fill_lexemes(200)")
        pause = max(self._pause_seconds, SHARE * (time.monotonic() - began))
        self._seconds = DONE_SECONDS if more is None else pause if more else LOOK_SECONDS
