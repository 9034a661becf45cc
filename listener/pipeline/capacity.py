"""How much one listener carries at a time: request places, batch places, and what is executed in them."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from listener.concurrency import set_within


class Places:
    """A number of places. Work that must run takes one anyway, also beyond the number: ``free`` is then 0."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.taken = 0
        self._reserved: set[str] = set()
        self._freed = asyncio.Event()
        self._returning: deque[asyncio.Future[None]] = deque()

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
        """Give a place back: to who returns, else wake who waits for one."""
        self.taken -= 1
        while self._returning and self.taken < self.total:
            returns = self._returning.popleft()
            if not returns.done():
                self.taken += 1
                returns.set_result(None)
        if self.taken < self.total:
            self._freed.set()

    def take_anyway(self) -> None:
        """Take a place, whether one is free or not."""
        self.taken += 1

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Give a place back for the time of a block, then wait for one again, before all new work, as one comes."""
        self.give_back()
        try:
            yield
        except BaseException:
            self.take_anyway()  # whoever had it gives it back
            raise
        await self._return()

    async def _return(self) -> None:
        if self.taken < self.total:
            self.taken += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._returning.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.done() or turn.cancelled():
                self.take_anyway()  # else it came at the same moment
            raise

    async def wait(self, seconds: float | None = None) -> bool:
        """Wait until a place is free; False if that takes longer than ``seconds``."""
        while not self.free:
            self._freed.clear()
            if not await set_within(self._freed, seconds):
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


class Capacity:
    """The places of a listener, and the workflows that are executed here.

    Requests and batches have separate places: with one kind for both, requests that wait for their batches deadlock.
    """

    def __init__(self, requests: int, batches: int) -> None:
        self.requests = Places(requests)
        self.batches = Places(batches)
        self._one_ended = asyncio.Event()
        self._executing: Counter[str] = Counter()

    @property
    def executing(self) -> list[str]:
        """The ids of the workflows that are executed here, or wait here for a place."""
        return [*self._executing]

    @property
    def busy(self) -> bool:
        """Whether a request or a batch runs here."""
        return bool(self.requests.taken or self.batches.taken)

    @contextmanager
    def executes(self, workflow: str) -> Iterator[None]:
        """Count a workflow as executed here, for the time of a block; its place is given back inside of it."""
        self._executing[workflow] += 1
        try:
            yield
        finally:
            self._executing -= Counter([workflow])
            self._one_ended.set()

    async def drained(self) -> None:
        """Wait until nothing runs here."""
        while self.busy:
            self._one_ended.clear()
            await self._one_ended.wait()
