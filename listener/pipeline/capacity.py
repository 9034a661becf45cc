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
        self._reserved: set[str] = set()
        self._freed = asyncio.Event()

    @property
    def free(self) -> int:
        """Places that new work may take."""
        return max(0, self.total - self.taken)

    def reserve(self, workflow: str) -> None:
        """Take a place for a workflow that is about to start here."""
        if workflow not in self._reserved:
            self._reserved.add(workflow)
            self.taken += 1

    def release(self, workflow: str) -> None:
        """Give a reserved place back: the workflow did not start here after all."""
        if workflow in self._reserved:
            self._reserved.discard(workflow)
            self.give_back()

    def take(self, workflow: str) -> None:
        """Take the place that was reserved for a workflow, else one more."""
        if workflow in self._reserved:
            self._reserved.discard(workflow)
        else:
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
    async def one(self, workflow: str) -> AsyncIterator[None]:
        """Wait for a place, unless one is reserved, and have it for the time of a block."""
        if workflow not in self._reserved:
            await self.wait()
        self.take(workflow)
        try:
            yield
        finally:
            self.give_back()
