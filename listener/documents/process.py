"""One worker process and our end of the socket to it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from listener.documents import confinement, returned, wire
from listener.documents.failures import WorkerCrashed, WorkerMemory, WorkerTimeout

LOOK_SECONDS = 0.02  # a worker that only fills memory overshot a limit of 200 MB by 15 MB
PAGE = os.sysconf("SC_PAGE_SIZE")

# The worker sees the same modules as we do, and nothing of __main__.
BOOT = (
    "import sys; numbers, (count, *paths) = [*map(int, sys.argv[1:4])], sys.argv[4:]; sys.path[:] = paths[:int(count)];"
    " from listener.documents.serving import serve; serve(*numbers, paths[int(count):])"
)
KEPT = ("LD_LIBRARY_PATH",)  # without it some interpreters do not start; nothing else of the environment gets there


class Worker:
    """Used by one thread, except ``kill``. ``readable``: what it may read besides the libraries of the system."""

    def __init__(self, memory: int, readable: Sequence[str]) -> None:
        self.ready = False
        self.missing: list[str] = []
        self._memory = memory
        self._socket, theirs = socket.socketpair()
        with theirs:
            numbers = map(str, (theirs.fileno(), os.getpid(), memory, len(sys.path)))
            paths = [*sys.path, *readable]
            # stdout is the program's: a library that prints must not write into it
            self.process = subprocess.Popen(
                [sys.executable, "-c", BOOT, *numbers, *paths],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={name: os.environ[name] for name in KEPT if name in os.environ},
            )
        self._statm = Path(f"/proc/{self.process.pid}/statm")

    def await_ready(self, deadline: float) -> None:
        """Wait for the sign that the interpreter is up, so that its start does not count as the call's time."""
        header, frames = wire.receive(self._fill(deadline), 0)
        self.missing = wire.unpack(header, frames)
        self.ready = True

    def ask(self, function: Callable[..., Any], request: Sequence[wire.Buffer], deadline: float, most: int) -> Any:
        """Return the function's result, or raise what it raised; raise WorkerFailed if none comes within the limits."""
        try:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            for part in request:
                self._socket.sendall(part)
        except TimeoutError:
            raise WorkerTimeout from None
        except OSError:  # it died: receiving tells how
            pass
        try:
            return returned.result(function, *wire.receive(self._fill(deadline), most))
        except wire.NoMessage as wrong:
            raise WorkerCrashed(f"the worker went wrong: {wrong}") from None

    def memory(self) -> int:
        """Return the bytes of memory that the process occupies; 0 where the system does not tell."""
        try:
            return int(self._statm.read_bytes().split()[1]) * PAGE
        except (OSError, IndexError):
            return 0

    def kill(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()

    def end(self) -> None:
        """End the process and give back what belongs to it."""
        self.kill()
        self.process.wait()
        self._socket.close()

    def _fill(self, deadline: float) -> wire.Fill:
        def fill(view: memoryview) -> int:
            while True:
                if (left := deadline - time.monotonic()) <= 0:
                    raise WorkerTimeout
                self._socket.settimeout(min(LOOK_SECONDS, left))
                try:
                    if count := self._socket.recv_into(view):
                        return count
                except TimeoutError:
                    if self.memory() > self._memory:
                        message = f"the worker grew beyond {self._memory // 1024 // 1024} MB"
                        raise WorkerMemory(message) from None
                    continue
                except OSError:
                    pass
                raise WorkerCrashed(self._how_it_ended())

        return fill

    def _how_it_ended(self) -> str:
        try:
            code = self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return "the worker closed its connection"
        return f"the worker was ended by {signal.Signals(-code).name}" if code < 0 else f"the worker exited with {code}"


def readable(folders: Sequence[str] = ()) -> list[str]:
    """Return what workers may read: what they import, and ``folders``."""
    return [*confinement.libraries(sys.path), *folders]
