"""What the documents in flight may take of the listener's memory, all of them together: ``INGEST_MEMORY_MB``.

::

    three quarters   portions of a step: a portion's worst case is reserved once, before anything of it is read, and
                     given back when it is stored; nobody who holds a reservation waits for another one
    one quarter      texts kept between steps, if there is room: otherwise they are fetched again

Reservations are granted in the order in which they were asked for, so that a large one is not starved by small ones.
What is larger than all there is gets all there is: it goes alone. Parsers' processes are limited by themselves.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")

MEBIBYTE = 1024 * 1024
KEPT_SHARE = 1 / 4
PORTION_SHARE = 1 / 3  # of what can be reserved: several portions are under way at once
# Of a text of one byte a character, at most: its bytes, the text as Python and as a worker have it, and what is under
# way to Postgres. A single character beyond the first 64 K makes Python take four bytes for each.
TIMES_TEXT = 8
TIMES_STORED = 6  # of one that comes from Postgres


@dataclass(frozen=True, slots=True)
class Portion(Generic[Row]):
    """Some rows of a step, and the bytes that they take at worst while they go through it."""

    rows: Sequence[Row]
    worst: int


class Memory:
    """The listener's budget, in bytes; used on one event loop."""

    def __init__(self, megabytes: int) -> None:
        total = megabytes * MEBIBYTE
        self._most_kept = int(total * KEPT_SHARE)
        self._most = total - self._most_kept
        self._reserved = 0
        self._kept = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def reserved(self) -> int:
        """What is reserved now."""
        return self._reserved

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for some of it."""
        return bool(self._waiting)

    @property
    def portion(self) -> int:
        """What a portion of several rows takes at most."""
        return int(self._most * PORTION_SHARE)

    @asynccontextmanager
    async def reserve(self, size: int) -> AsyncIterator[None]:
        """Wait for this many bytes and hold them for the time of a block, which must not ask for more."""
        size = min(size, self._most)
        await self._wait(size)
        try:
            yield
        finally:
            self._give_back(size)

    def keep(self, size: int) -> bool:
        """Take this many bytes for something that is kept, if there is room; ``let_go`` gives them back."""
        if self._kept + size > self._most_kept:
            return False
        self._kept += size
        return True

    def let_go(self, size: int) -> None:
        """Give back what was kept."""
        self._kept -= size

    async def _wait(self, size: int) -> None:
        if not self._waiting and self._reserved + size <= self._most:
            self._reserved += size
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back(size)  # it came at the same moment
            else:
                self._waiting.remove((size, turn))
                self._grant()
            raise

    def _give_back(self, size: int) -> None:
        self._reserved -= size
        self._grant()

    def _grant(self) -> None:
        while self._waiting and self._reserved + self._waiting[0][0] <= self._most:
            size, turn = self._waiting.popleft()
            if not turn.cancelled():
                self._reserved += size
                turn.set_result(None)


def portions(rows: Sequence[Row], worst: Callable[[Row], int], most: int) -> Iterator[Portion[Row]]:
    """Cut rows, in their order, into portions of at most ``most`` bytes at worst; a larger row goes alone."""
    some: list[Row] = []
    size = 0
    for row in rows:
        one = worst(row)
        if some and size + one > most:
            yield Portion(some, size)
            some, size = [], 0
        some.append(row)
        size += one
    if some:
        yield Portion(some, size)
