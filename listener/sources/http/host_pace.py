"""How often a host is asked, by all requests of this listener together."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

SIDE_BY_SIDE = 4  # requests to one host
LONGEST_GAP = 30.0  # seconds between two, whatever robots.txt wants
LONGEST_REST = 120.0  # seconds that a host is left alone because it said so
MOST_HOSTS = 1000
AWAY_SECONDS = 30.0
MISSED_SECONDS = 90.0  # a service that is away is asked once a minute at least


class HostPace:
    """One host: four concurrent requests, each started a gap after the previous one; fewer if it asks for that."""

    def __init__(self, gap: float) -> None:
        self._limiter = anyio.CapacityLimiter(SIDE_BY_SIDE)
        self._gap = gap
        self._next = 0.0
        self._away_until = 0.0
        self._found_at = self._missed_at = float("-inf")

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until the host may be asked, and have a place until the block ends."""
        async with self._limiter:
            now = asyncio.get_running_loop().time()
            begin = max(now, self._next)
            self._next = begin + self._gap
            await anyio.sleep(begin - now)
            yield

    def wants_gap(self, seconds: float) -> None:
        """Have more seconds between two requests, as robots.txt wants it."""
        self._gap = max(self._gap, min(seconds, LONGEST_GAP))

    def rest(self, seconds: float) -> None:
        """Leave the host alone for a while."""
        now = asyncio.get_running_loop().time()
        if not self.is_away:
            self._next = max(self._next, now + min(seconds, LONGEST_REST))

    def lost(self) -> None:
        """Note that patience with it is over: for half a minute nobody has more than one try."""
        now = asyncio.get_running_loop().time()
        self._away_until = now + AWAY_SECONDS
        self._next = min(self._next, now + self._gap)

    def found(self) -> None:
        """Note that it answers."""
        self._away_until = 0.0
        self._found_at = asyncio.get_running_loop().time()

    def missed(self) -> bool:
        """Note that a probe failed; tell whether it answered others since the previous one."""
        before, self._missed_at = self._missed_at, asyncio.get_running_loop().time()
        return before < self._found_at and before > self._missed_at - MISSED_SECONDS

    @property
    def is_away(self) -> bool:
        """Whether it was lost just now."""
        return asyncio.get_running_loop().time() < self._away_until

    @property
    def is_idle(self) -> bool:
        """Whether nobody asks it."""
        return self._limiter.statistics().borrowed_tokens == 0 and self._next < asyncio.get_running_loop().time()


class HostPaces:
    """Those of all hosts, by origin; of idle ones only the last thousand are remembered."""

    def __init__(self, per_second: float) -> None:
        self._gap = 1 / per_second
        self._paces: OrderedDict[str, HostPace] = OrderedDict()

    def of(self, origin: str) -> HostPace:
        """Return the host's pace."""
        pace = self._paces.setdefault(origin, HostPace(self._gap))
        self._paces.move_to_end(origin)
        if len(self._paces) > MOST_HOSTS:
            oldest = next(iter(self._paces))
            if self._paces[oldest].is_idle:
                del self._paces[oldest]
        return pace
