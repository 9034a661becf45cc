"""How much one listener carries at a time: request places, batch places, and word when one comes free."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Places:
    """A number of places. Work that must run takes one anyway, also beyond the number: ``free`` is then 0."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.taken = 0
        self._freed = asyncio.Event()

    @property
    def free(self) -> int:
        """Places that new work may take."""
        return max(0, self.total - self.taken)

    def take(self) -> None:
        """Take a place."""
        self.taken += 1

    def give_back(self) -> None:
        """Give a place back, and wake who waits for one."""
        self.taken -= 1
        if self.taken < self.total:
            self._freed.set()

    async def wait(self, seconds: float | None = None) -> bool:
        """Wait until a place is free; False if that took longer than ``seconds``."""
        while not self.free:
            self._freed.clear()
            try:
                await asyncio.wait_for(self._freed.wait(), seconds)
            except (TimeoutError, asyncio.TimeoutError):
                return False
        return True

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Wait for a place, and have it for the time of a block."""
        await self.wait()
        self.take()
        try:
            yield
        finally:
            self.give_back()
