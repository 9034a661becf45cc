"""Where in the line of due requests a claim begins to look."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

LONG_SECONDS = 0.01
SELDOM = 10
MOST_SECONDS = 5.0

Place = tuple["int | None", "datetime | None"]
"""Priority and time of insertion."""

FRONT: Place = (None, None)


class InLine(Protocol):
    """A request with its place in the line."""

    @property
    def priority(self) -> int: ...
    @property
    def created_at(self) -> datetime: ...


class Line:
    """Where in the line of due requests claims begin to look.

    At its front as a rule. What stands there may be in the way: index entries of requests that ended, which VACUUM may
    not remove while an old transaction is open, or requests below another host's folders. When passing them took long,
    the next claims begin where the last one found something, until looking at all of it again would take a tenth of
    the time; at most five seconds. So much later may a more urgent request be seen.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._place: Place | None = None
        self._until = clock()

    @property
    def place(self) -> Place:
        """Where to look from."""
        if self._place and self._clock() < self._until:
            return self._place
        return FRONT

    def looked(self, place: Place, found: Sequence[InLine], seconds: float) -> None:
        """Note what a claim from ``place`` on found, and how long it took."""
        if place == FRONT:
            pause = min(seconds * SELDOM, MOST_SECONDS) if seconds > LONG_SECONDS else 0.0
            self._until = self._clock() + pause
        self._place = max((one.priority, one.created_at) for one in found) if found else None
