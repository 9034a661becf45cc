"""PageTurns: a few of a kind at a time, so that what is slow leaves connections to others."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from listener.errors import RequestError

AT_A_TIME = 2  # of the connections that all pages share
TURN_SECONDS = 10.0


class PageTurns:
    """PageTurns by kind, such as the name of a page."""

    def __init__(self) -> None:
        self._kinds: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_A_TIME))

    @asynccontextmanager
    async def of(self, kind: str) -> AsyncIterator[None]:
        """Wait for a turn, for the time of a block; raises RequestError ``too_many_looks``."""
        turns = self._kinds[kind]
        with anyio.move_on_after(TURN_SECONDS) as waiting:
            await turns.acquire()
        if waiting.cancelled_caught:
            message = "others who look at this wait for the database, or for a listener"
            raise RequestError("too_many_looks", message, "Try again in a moment.")
        try:
            yield
        finally:
            turns.release()
