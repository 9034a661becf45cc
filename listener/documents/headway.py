"""How far a worker has come with a document: what it says of it, otherwise an estimate by the time that it has worked.

::

    worker: tell(rows read) ─► wire ─┐
                                     ├► Headway ─► the load and chunk steps write it down, once a second
    its CPU time, in /proc ──────────┘
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

PACE_SECONDS = 0.5  # between two looks, and between two messages of a worker
SHORT_SECONDS, BYTES_A_SECOND = 2.0, 1_000_000  # what parsers take, roughly: text, sheets and pages differ little


class Headway:
    """The share of a document's work in workers that is done: it never falls.

    What comes next is a ``part`` of what is left: a whole that may contain others is all of it, as far as is known.
    Written by a thread that talks to a worker, read by the event loop.
    """

    def __init__(self) -> None:
        self.share = 0.0
        self._begun_at = 0.0
        self._part = 1.0
        self._expected = SHORT_SECONDS
        self._is_told = False

    def part(self, of: int) -> None:
        """From here on, one of so many equal parts of what is left is worked on."""
        self._part, self._begun_at = 1 / max(1, of), self.share

    def done(self) -> None:
        """That part is done."""
        self._move(1.0)
        self._begun_at = self.share

    def begin(self, size: int) -> None:
        """A worker begins with so many bytes; it may be another attempt."""
        self._begun_at, self._is_told = self.share, False
        self._expected = SHORT_SECONDS + size / BYTES_A_SECOND

    def told(self, share: float) -> None:
        """It says how far it is; from here on, nothing is estimated."""
        self._is_told = True
        self._move(share)

    def worked(self, seconds: float) -> None:
        """It has used so much CPU time."""
        if not self._is_told:
            self._move(seconds / (seconds + self._expected))

    def _move(self, share: float) -> None:
        self.share = max(self.share, self._begun_at + (1 - self._begun_at) * self._part * share)


_headway: ContextVar[Headway | None] = ContextVar("headway", default=None)


def current() -> Headway | None:
    """Return what notes how far this task's document is, if anything does."""
    return _headway.get()


@contextmanager
def noted_in(headway: Headway) -> Iterator[None]:
    """Note there how far the calls of a block are."""
    token = _headway.set(headway)
    try:
        yield
    finally:
        _headway.reset(token)


# In the worker.

_send: Callable[[float], None] | None = None
_told_at = 0.0


def tell_by(send: Callable[[float], None]) -> None:
    """Say how this process tells how far it is."""
    global _send  # noqa: PLW0603 - one per process
    _send = send


def tell(share: float) -> None:
    """Say how far the present call is, from 0 to 1; only now and then, so that it may be called for each piece."""
    global _told_at  # noqa: PLW0603 - one per process
    if _send and time.monotonic() - _told_at >= PACE_SECONDS:
        _told_at = time.monotonic()
        _send(share)
