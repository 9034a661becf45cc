"""How a long-running command is stopped: cleanly by the first SIGTERM or SIGINT, at once by the second.

The handlers are Python's, not the event loop's: they work before the loop runs, and while something blocks it (DBOS
connects to its database inside it).
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any, TypeVar

from listener.cli.problems import OK, SIGNALLED

T = TypeVar("T")

STOP_SECONDS = 10.0  # in addition to the grace period, for closing everything

log = logging.getLogger(__name__)


class StopSignals:
    """SIGTERM and SIGINT of this process, from now on. Before ``attach`` the first one ends it: nothing is open yet."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._number: int | None = None
        self._heard_of = threading.Event()
        self._at_once: Callable[[], None] = lambda: None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._heard)

    def attach(self, most_seconds: float, at_once: Callable[[], None] | None = None) -> None:
        """Notify the running loop of the first signal; the process ends ``most_seconds`` after it in any case.

        ``at_once`` ends what belongs to this process, when it ends then or by a second signal.
        """
        self._at_once = at_once or self._at_once
        self._asked = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._end_in_time, args=[most_seconds], daemon=True).start()

    @property
    def asked(self) -> bool:
        """Whether a signal has come."""
        return self._number is not None

    async def unless_asked(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Return what ``work`` returns, or cancel it and return None as soon as a signal comes, whatever it raises."""
        task, stop = asyncio.create_task(work), asyncio.create_task(self._asked.wait())
        try:
            await asyncio.wait([task, stop], return_when=asyncio.FIRST_COMPLETED)
            if not self.asked:
                return task.result()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return None
        finally:
            stop.cancel()

    def end_if_asked(self) -> None:
        """End the process, if a signal has come: threads of DBOS may wait for Postgres, and Python would for them."""
        if self.asked:
            logging.shutdown()
            os._exit(OK)

    def _heard(self, number: int, _: FrameType | None) -> None:
        if self._loop is None:
            os._exit(OK)
        if self.asked:
            self._at_once()
            os._exit(SIGNALLED + number)
        self._number = number
        self._heard_of.set()
        self._loop.call_soon_threadsafe(self._asked.set)

    def _end_in_time(self, seconds: float) -> None:
        self._heard_of.wait()
        threading.Event().wait(seconds)
        log.warning("stopping took longer than %g seconds: the rest continues elsewhere after the lease", seconds)
        self._at_once()
        self.end_if_asked()
