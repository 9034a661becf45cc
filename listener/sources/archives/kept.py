"""Archives that are open: a tar is unpacked once, not once for each batch of its members.

Recently read archives stay open for a while: a few of them, together at most as large as one may be, besides those
being read. One that has changed since is reopened.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """What is kept: it takes ``disk`` bytes on disk."""

    @property
    def disk(self) -> int: ...
    def close(self) -> None: ...


C = TypeVar("C", bound=Closable)

MOST_KEPT = 8
KEPT_SECONDS = 120.0
MOST_OPENING = 2  # concurrently: xz takes 65 MB for each


class _Held(Generic[C]):
    """``state`` tells whether it is still the same; None: unknown, so it serves only its present readers."""

    def __init__(self, state: str | None) -> None:
        self.state = state
        self.users = 0
        self.lock = asyncio.Lock()
        self.opened: C | None = None
        self.gone = False
        self.timer: asyncio.TimerHandle | None = None


class KeptOpen(Generic[C]):
    """By key; used on one event loop. ``most``: bytes on disk of what nobody uses."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: OrderedDict[Hashable, _Held[C]] = OrderedDict()
        self._opening = asyncio.Semaphore(MOST_OPENING)

    @asynccontextmanager
    async def opened(self, key: Hashable, state: str | None, make: Callable[[], Awaitable[C]]) -> AsyncIterator[C]:
        """Return what is kept under a key, if it has this state; else what ``make`` makes. Raises what that raises."""
        held = self._held.get(key)
        if held is None or state is None or held.state != state:
            if held is not None:
                self._drop(key, held)
            held = self._held[key] = _Held(state)
        held.users += 1
        try:
            async with held.lock:
                if held.opened is None:
                    async with self._opening:
                        held.opened = await make()
            yield held.opened
        finally:
            held.users -= 1
            self._let_go(key, held)

    async def close(self) -> None:
        """Close all of it."""
        for key, held in list(self._held.items()):
            self._drop(key, held)

    def _let_go(self, key: Hashable, held: _Held[C]) -> None:
        if held.users:
            return
        if held.gone or held.opened is None or held.state is None:
            self._drop(key, held)
            return
        self._held.move_to_end(key)
        if held.timer:
            held.timer.cancel()
        held.timer = asyncio.get_running_loop().call_later(KEPT_SECONDS, self._expire, key, held)
        self._make_room()

    def _make_room(self) -> None:
        idle = [(key, held) for key, held in self._held.items() if not held.users and held.opened]
        disk = sum(held.opened.disk for _, held in idle if held.opened)
        for number, (key, held) in enumerate(idle):
            if held.opened and (disk > self._most or len(idle) - number > MOST_KEPT):
                disk -= held.opened.disk
                self._drop(key, held)

    def _expire(self, key: Hashable, held: _Held[C]) -> None:
        if not held.users:
            self._drop(key, held)

    def _drop(self, key: Hashable, held: _Held[C]) -> None:
        """Forget it; it is closed as soon as nobody uses it."""
        if self._held.get(key) is held:
            del self._held[key]
        held.gone = True
        if held.timer:
            held.timer.cancel()
        if not held.users and held.opened is not None:
            held.opened.close()
            held.opened = None
