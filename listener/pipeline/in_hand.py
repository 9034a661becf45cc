"""What own steps of this listener are at: who comes with the same text waits, and finds what was made of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from listener.sources.base import Digest


class InHand:
    """The digests of texts that paid steps are sending, each with the end of that."""

    def __init__(self) -> None:
        self._ends: dict[Digest, asyncio.Event] = {}

    @asynccontextmanager
    async def take(self, keys: Iterable[Digest]) -> AsyncIterator[set[Digest]]:
        """Give those of the keys that nobody else has, for the time of the block; wait until there is one.

        Who has some waits for no others, so nobody waits in a circle.
        """
        wanted = set(keys)
        while not (free := wanted - self._ends.keys()):
            await self._ends[next(iter(wanted))].wait()
        end = asyncio.Event()
        self._ends |= dict.fromkeys(free, end)
        try:
            yield free
        finally:
            for key in free:
                del self._ends[key]
            end.set()
