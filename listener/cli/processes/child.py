"""The program of one process of a listener: what ``ingest listen`` is, but it reports to its supervisor."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from typing import NoReturn

from listener import logs
from listener.cli import problems
from listener.cli.listen import Page, serve
from listener.cli.running import load_settings
from listener.cli.stopping import StopSignals
from listener.pipeline.one_of import OneOf

FIGURES_SECONDS = 4.5


def main(descriptor: str, number: str, processes: str, wait: str, form: str, turns: str) -> NoReturn:
    """Run process ``number`` of ``processes``. ``turns``: a file by which they take turns to log, or -1."""
    signals = StopSignals()
    supervised = Supervised(socket.socket(fileno=int(descriptor)), signals)
    one_of = OneOf(int(number), int(processes))
    try:
        settings = load_settings()
        logs.to_stderr(settings.log_level, form, one_of.number, int(turns))
        asyncio.run(serve(settings, float(wait), signals, form, supervised, one_of))
    except BaseException as error:  # the supervisor decides whether it is reported or logged
        problem = problems.shown(error)
        if problem.status == problems.BUG:
            logging.getLogger(__name__).error("a bug ends this process", exc_info=error)
        supervised.tell(problem=asdict(problem))
        sys.exit(problem.status)
    sys.exit(problems.OK)


class Supervised:
    """Reports to the supervisor, and stops when that is gone."""

    def __init__(self, channel: socket.socket, signals: StopSignals) -> None:
        self._channel = channel
        self._signals = signals
        self._turn = threading.Lock()
        self._page: Page | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        threading.Thread(target=self._hear, name="supervised", daemon=True).start()

    def ready(self, status: str, figures: Page) -> None:
        """Say that this process claims requests; from now on it has figures."""
        self._loop, self._page = asyncio.get_running_loop(), figures
        self.tell(ready=status)

    def stopping(self, status: str) -> None:
        """Nothing: the supervisor had it stop, or finds out how it ended."""

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Nothing: who watches the loop is the same without a supervisor."""
        yield

    def tell(self, **message: object) -> None:
        """Send a message; a supervisor that is gone hears nothing."""
        with suppress(OSError), self._turn:
            self._channel.sendall(json.dumps(message).encode() + b"\n")

    def _hear(self) -> None:
        """Obey the supervisor, in a thread: also while the loop is blocked, or does not run yet."""
        with suppress(OSError), self._channel.makefile("rb") as lines:
            for _ in lines:
                self.tell(figures=self._figures())
        if not self._signals.asked:
            os.kill(os.getpid(), signal.SIGTERM)

    def _figures(self) -> str:
        if self._page is None or self._loop is None:
            return ""
        asked = asyncio.run_coroutine_threadsafe(self._page(), self._loop)
        try:
            return asked.result(FIGURES_SECONDS)
        except Exception:  # the loop hangs or ends: a page without this process is answer enough
            asked.cancel()
            return ""
