"""When there is something new to see: a bell of the database, or time that passed while work goes on.

While no page is open, nothing is asked of the database and nothing is listened to.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio

from listener.cli.lasting import LastingWay
from listener.client import Ingest
from listener.client.permitted import if_permitted
from listener.client.situation import BELLS
from listener.errors import IngestError, OperatorError

LEAST_SECONDS = 0.5  # between two looks, however often it rings
MOST_SHARE, MOST_REST_SECONDS = 9, 30.0  # what follows a look takes a tenth of the time, or comes twice a minute
ANSWER_SECONDS = 10.0  # then the database is away: it may be frozen
BUSY_SECONDS, IDLE_SECONDS, DEAF_SECONDS, AWAY_SECONDS = 2.0, 15.0, 5.0, 1.0
IS_BUSY = "select exists (select from {schema}.ingest_requests r where r.status = 'running')"
_NO_ANSWER = OperatorError(
    "database_unreachable",
    f"Postgres has not answered for {ANSWER_SECONDS:.0f} s",
    "See: ingest doctor",
)


class Live:
    """Tells all open pages when to look. ``moment`` changes each time; ``away``: why the database can't be asked."""

    def __init__(self, way: LastingWay) -> None:
        self.moment = 0
        self.away: IngestError | None = None
        self.cost = 0.0
        """Seconds that reading pages took since the last moment, all of them together."""
        self._way = way
        self._changed = asyncio.Condition()
        self._open_pages = 0
        self._hearing: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Count an open page, for the time of a block; the first one begins to listen, the last one ends it."""
        self._open_pages += 1
        if self._hearing is None:
            self.cost = 0.0
            self._hearing = asyncio.create_task(self._hear_again_and_again())
        try:
            yield
        finally:
            self._open_pages -= 1
            if not self._open_pages:
                await self._stop()

    async def next(self, seen: int) -> int:
        """Return the moment after ``seen``, once there is one."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.moment != seen)
        return self.moment

    async def look(self) -> None:
        """Have all open pages look now: something was done here."""
        async with self._changed:
            self.moment += 1
            self._changed.notify_all()

    async def _stop(self) -> None:
        hearing, self._hearing = self._hearing, None
        if hearing:
            hearing.cancel()
            with suppress(asyncio.CancelledError):
                await hearing

    async def _hear_again_and_again(self) -> None:
        while self._hearing is asyncio.current_task():  # a connection that breaks may swallow the cancel
            try:
                await self._way.use(self._hear)
            except IngestError as error:
                self.away = error
                await self.look()
            await anyio.sleep(AWAY_SECONDS)

    async def _hear(self, ingest: Ingest) -> None:
        async with ingest.session.ringing(BELLS) as rang:
            while True:
                busy = await self._is_busy(ingest)
                self.away = None
                await self.look()
                await self._wait(rang, BUSY_SECONDS if busy else IDLE_SECONDS)

    async def _is_busy(self, ingest: Ingest) -> bool:
        asking = asyncio.ensure_future(if_permitted(ingest.session.value(IS_BUSY)))  # searchers see no requests
        await asyncio.wait({asking}, timeout=ANSWER_SECONDS)
        if not asking.done():
            self.away = _NO_ANSWER
            await self.look()
        return bool(await asking)

    async def _wait(self, rang: asyncio.Event | None, most: float) -> None:
        least = min(MOST_REST_SECONDS, max(LEAST_SECONDS, MOST_SHARE * self.cost))
        self.cost = 0.0
        await anyio.sleep(least)
        if rang is None:
            await anyio.sleep(max(0.0, min(most, DEAF_SECONDS) - least))
            return
        with anyio.move_on_after(max(0.0, most - least)):
            await rang.wait()
        rang.clear()
