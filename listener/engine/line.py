"""Where in the line of due requests a claim begins to look."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

LONG_SECONDS = 0.01
SELDOM = 10
MOST_SECONDS = 5.0

Standing = tuple[int, datetime]
"""Where a request stands in the line: its priority and time of insertion."""

Place = Standing | tuple[None, None]
"""Where to look from."""

FRONT: Place = (None, None)


class Line:
    """Where in the line of due requests claims begin to look.

    At its front as a rule. What stands there may be in the way: index entries of requests that ended, which VACUUM may
    not remove while an old transaction is open, or requests below another host's folders. When passing them took long,
    the next claims begin where the last one found something, until looking at all of it again would take a tenth of
    the time; at most five seconds. So much later may a more urgent request be seen.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._place: Standing | None = None
        self._until = clock()

    @property
    def place(self) -> Place:
        """Where to look from."""
        if self._place and self._clock() < self._until:
            return self._place
        return FRONT

    def looked(self, place: Place, found: Sequence[Standing], seconds: float) -> None:
        """Note where a claim from ``place`` on found something, and how long it took."""
        if place == FRONT:
            pause = min(seconds * SELDOM, MOST_SECONDS) if seconds > LONG_SECONDS else 0.0
            self._until = self._clock() + pause
        self._place = max(found) if found else None
