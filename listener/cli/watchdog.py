"""Kill this process if its event loop hangs for longer than its lease: nothing in it works then, or can say so.

What holds the interpreter keeps all of its threads and signal handlers from running, so it is another process that
watches (``watcher``). It has the stacks of all threads written to stderr, and kills this process with a signal.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
import anyio.to_thread

from listener.cli import watcher
from listener.concurrency import task_group
from listener.pipeline.one_of import OneOf

log = logging.getLogger(__name__)

LEASES = 1.5  # a loop that hangs for less is perhaps only late, and nobody has taken its work yet
LEAST_SECONDS = 5.0


class Watchdog:
    """Watches the loop that runs ``watching``, from ``begin`` on: earlier work, such as imports, may block it.

    ``form`` is that of the log's lines, ``text`` or ``json``; of several processes, each line has this one's number.
    """

    def __init__(self, lease_seconds: float, form: str, one_of: OneOf) -> None:
        self._seconds = max(LEASES * lease_seconds, LEAST_SECONDS)
        self._told = [form] if one_of.is_alone else [form, str(one_of.number)]
        self._begun = anyio.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Expect the loop to turn from now on."""
        self._begun.set()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Watch for the time of a block."""
        try:
            async with task_group() as tasks:
                tasks.start_soon(self._watch)
                try:
                    yield
                finally:
                    tasks.cancel_scope.cancel()
        finally:
            self._end()  # once nobody writes to it any more: the number of its pipe may be another file's then

    async def _watch(self) -> None:
        await self._begun.wait()
        _have_stacks_written()
        began = -self._seconds
        while time.monotonic() - began > self._seconds:  # one that ends at once can't be had here
            began = time.monotonic()
            try:
                await anyio.to_thread.run_sync(self._start)
            except OSError as error:
                log.warning("nothing watches whether this listener hangs: %s", error.strerror)
                return
            await self._signs()
        log.warning("nothing watches whether this listener hangs: the watcher has ended")

    def _start(self) -> None:
        program = [sys.executable, "-I", "-S", watcher.__file__, str(os.getpid()), str(self._seconds), *self._told]
        paths = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH") if name in os.environ}
        self._process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd="/", env=paths)

    async def _signs(self) -> None:
        """Report that the loop turns, until nobody is listening."""
        assert self._process
        assert self._process.stdin
        signs = self._process.stdin.fileno()
        os.set_blocking(signs, False)
        while True:
            try:
                os.write(signs, watcher.DEBUGGED if _is_debugged() else watcher.TURNS)
            except BlockingIOError:  # it is stopped, as we may be with it
                pass
            except BrokenPipeError:
                self._end()
                return
            await anyio.sleep(self._seconds / watcher.TICKS / 2)

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _have_stacks_written() -> None:
    """Have the signal that kills this process write the stacks of all threads: in C, without the interpreter."""
    with suppress(ValueError, OSError, AttributeError):  # a stderr that is not a file
        faulthandler.register(watcher.END, all_threads=True, chain=True)


def _is_debugged() -> bool:
    """Tell whether a debugger in this process may hold it at any time."""
    monitoring = getattr(sys, "monitoring", None)  # from Python 3.12 on
    return sys.gettrace() is not None or (monitoring and monitoring.get_tool(monitoring.DEBUGGER_ID)) is not None
