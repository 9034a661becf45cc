"""Whose call a free worker takes next: among those who wait, the one with the fewest running.

A share is (submitter, collection). First the submitters are equal, then each one's collections, then whoever was served
longest ago is next. Who waits alone has all workers.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Share(NamedTuple):
    """On whose behalf something is done."""

    submitter: str = ""
    collection: str = ""


NOBODY = Share()
_current: ContextVar[Share] = ContextVar("share", default=NOBODY)


@contextmanager
def on_behalf_of(share: Share) -> Iterator[None]:
    """Have the calls of a block, and of the tasks that begin in it, count as those of a share."""
    token = _current.set(share)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> Share:
    """Return on whose behalf this task works."""
    return _current.get()


class Turns(Generic[T]):
    """What waits for a worker, by share; used by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[Share, deque[T]] = {}
        self._working: Counter[Share] = Counter()
        self._submitters: Counter[str] = Counter()
        self._served: dict[Share, int] = {}
        self._numbers = count()

    @property
    def wanted(self) -> bool:
        """Whether something waits."""
        return bool(self._waiting)

    def wait(self, share: Share, item: T) -> None:
        """Put something at the end of its share's line."""
        with self._lock:
            self._waiting.setdefault(share, deque()).append(item)

    def take(self, submitter: str | None = None) -> tuple[Share, T]:
        """Return the next call; there has to be one. Call ``end`` when it is done.

        ``submitter``: whose turn it still is, if something of theirs waits.
        """
        with self._lock:
            theirs = [share for share in self._waiting if share.submitter == submitter]
            share = min(theirs or self._waiting, key=self._precedence)
            line = self._waiting[share]
            item = line.popleft()
            if not line:
                del self._waiting[share]
            self._working[share] += 1
            self._submitters[share.submitter] += 1
            self._served[share] = next(self._numbers)
            return share, item

    def end(self, share: Share) -> None:
        """Report that what was taken is done."""
        with self._lock:
            self._working -= Counter([share])
            self._submitters -= Counter([share.submitter])
            if share not in self._waiting and not self._working[share]:
                self._served.pop(share, None)

    def _precedence(self, share: Share) -> tuple[int, int, int]:
        return self._submitters[share.submitter], self._working[share], self._served.get(share, -1)
