"""How many calls may be in flight, and when the next may begin: shared by all who embed into one space.

Every "too many requests" halves the number and makes everybody wait as long as the service wishes; answers raise it
slowly again. To be limited is no failure while answers come: only who sees none for ``PATIENCE_SECONDS`` gives up. No
wish lasts longer than an hour, and what is wished for one space stops no other.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from listener.embedding.trouble import report
from listener.errors import LONGEST_WISH_SECONDS, ServiceError
from listener.errors import wish as sound

PATIENCE_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0


class Pace:
    """Lets at most ``limit`` calls run, between 1 and ``most``, and none begin during a pause. For one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.limit = float(most)
        self._places = anyio.CapacityLimiter(most)
        self._resume_at = 0.0
        self._lowered_at = float("-inf")
        self._passed_at = float("-inf")
        self._in_a_row = 0
        self._limited_since = float("inf")
        self._told = ""

    @asynccontextmanager
    async def turn(self, waiting_since: float) -> AsyncIterator[float]:
        """Wait for a place, hold it, and yield the time at which the call began.

        Raises ServiceError ``rate_limited`` if the pause is longer than anybody should wait here.
        """
        call = object()
        await self._pause(waiting_since)  # without a place: those after it learn at once why they wait
        await self._places.acquire_on_behalf_of(call)
        try:
            await self._pause(waiting_since)
            yield now()
        finally:
            self._places.release_on_behalf_of(call)

    def passed(self) -> None:
        """Note an answer: one more call may run for each full round of them."""
        self._set(min(self._most, self.limit + 1 / self.limit))
        self._passed_at = now()
        self._in_a_row = 0
        self._limited_since = float("inf")

    def lower(self, began: float) -> bool:
        """Halve the number, unless the call began before that was last done: then it says nothing new."""
        if began < self._lowered_at:
            return False
        self._set(max(1.0, self.limit / 2))
        self._lowered_at = now()
        return True

    def limited(self, began: float, wish: float | None, told: str) -> None:
        """Note that the service was overloaded. ``wish``: the pause it asked for, in seconds; ``told``: its message."""
        self._told = told
        if not self._in_a_row:
            self._limited_since = began
        if self.lower(began):
            self._in_a_row += 1
        pause = sound(wish) or self._own_pause()
        pause = min(pause * random.uniform(1.0, 1.1), LONGEST_WISH_SECONDS)
        self._resume_at = max(self._resume_at, now() + pause)

    def lift(self) -> None:
        """Forget the pause: the service answers again."""
        self._resume_at = 0.0
        self._in_a_row = 0
        self._limited_since = float("inf")

    def _own_pause(self) -> float:
        doublings = min(self._in_a_row - 1, 10)  # 2.0 ** 1024 would overflow
        return min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0**doublings)

    def _set(self, limit: float) -> None:
        self.limit = limit
        self._places.total_tokens = int(limit)

    async def _pause(self, since: float) -> None:
        while (pause := self._resume_at - now()) > 0:
            if self._resume_at - max(min(since, self._limited_since), self._passed_at) > PATIENCE_SECONDS:
                raise rate_limited(self._told, pause)
            report(rate_limited(self._told, pause), pause)
            await anyio.sleep(pause)


def rate_limited(told: str, wish: float | None) -> ServiceError:
    """Return the error of a service that asks for fewer calls; ``told``: its message."""
    return ServiceError(
        "rate_limited",
        f"the embedding service asks for fewer calls: {told}",
        "Wait, raise the limit there, or lower INGEST_EMBEDDING_CALLS.",
        retry_after=wish,
    )


def now() -> float:
    """Return the event loop's time in seconds."""
    return anyio.current_time()
