"""What an embedder has to say while a call is not through: it failed and is repeated, is put off, or has no answer.

A caller of ``embed`` may listen (``reported_to``); an embedder reports (``report``) in any case. So an outage is
known at its first failed call, not only after all repeats.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from listener.errors import ServiceError

log = logging.getLogger(__name__)

SILENT_SECONDS = 5.0
LOGGED_SECONDS = 60.0  # of one service a line a minute, however many calls wait and however slow it always is

Report = Callable[[ServiceError, float | None], None]
"""Takes the trouble, and in how many seconds the next call begins; None: nobody knows."""

_logged_at: dict[str, float] = {}
_listens: ContextVar[Report | None] = ContextVar("listens", default=None)


@contextmanager
def reported_to(listens: Report) -> Iterator[None]:
    """Have troubles of calls that begin in this block reported; tasks that they start are meant, too."""
    token = _listens.set(listens)
    try:
        yield
    finally:
        _listens.reset(token)


def report(error: ServiceError, next_in: float | None = None) -> None:
    """Say that a call of ``embed`` waits, and why; nothing happens if nobody listens."""
    if listens := _listens.get():
        listens(error, next_in)


@contextmanager
def silence_reported(service: str) -> Iterator[None]:
    """Report each few seconds that a call has no answer, until the block ends."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    timer: asyncio.TimerHandle

    def silent() -> None:
        nonlocal timer
        told = f"{service} has not answered for {loop.time() - began:.0f} s"
        report(ServiceError("embedding_silent", told, "It may be overloaded: see its own log."))
        if loop.time() - _logged_at.get(service, float("-inf")) >= LOGGED_SECONDS:
            _logged_at[service] = loop.time()
            log.info("%s", told)
        timer = loop.call_later(SILENT_SECONDS, silent)

    timer = loop.call_later(SILENT_SECONDS, silent)
    try:
        yield
    finally:
        timer.cancel()
