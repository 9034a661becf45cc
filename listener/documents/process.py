"""One worker process and our end of the socket to it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

from listener.documents import confinement, returned, wire
from listener.documents.failures import WorkerCrashed, WorkerMemory, WorkerTimeout
from listener.documents.headway import PACE_SECONDS, Headway

LOOK_SECONDS = 0.02  # a worker that only fills memory overshot a limit of 200 MB by 15 MB
PAGE, TICKS = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
MOST_MESSAGES = 10_000  # of a call
OPENING_TRIES = 20
PROC = Path("/proc/self")

# The worker sees the same modules as we do, and nothing of __main__.
BOOT = (
    "import sys; numbers, (count, *paths) = [*map(int, sys.argv[1:5])], sys.argv[5:]; sys.path[:] = paths[:int(count)];"
    " from listener.documents.serving import serve; serve(*numbers, paths[int(count):])"
)
KEPT = ("LD_LIBRARY_PATH",)  # without it some interpreters do not start; nothing else of the environment is passed on
OPEN = (  # what a call over the network needs, for workers that may make some
    *(
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "NO_PROXY",
        "https_proxy",
        "http_proxy",
        "no_proxy",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    ),
)


class Worker:
    """Used by one thread, except ``kill``. ``readable``: what it may read besides the system's libraries.

    ``environment``: it is not confined, and finds these variables; None: it is, and finds none.
    """

    def __init__(self, memory: int, readable: Sequence[str], environment: Sequence[str] | None = None) -> None:
        self.ready = False
        self.served = ""  # the submitter whose documents it has seen
        self.missing: list[str] = []
        self._looked = 0.0
        self._headway: Headway | None = None
        self._worked_before = 0.0
        self._noted_at = 0.0
        self._memory = memory
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._is_open = is_open = environment is not None
            numbers = map(str, (theirs.fileno(), os.getpid(), memory, int(is_open), len(sys.path)))
            kept = (*KEPT, *(OPEN if is_open else ()), *(environment or ()))
            paths = [*sys.path, *readable]
            # stdout is the program's: a library that prints must not write into it
            self.process = subprocess.Popen(
                [sys.executable, "-c", BOOT, *numbers, *paths],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=is_open,  # what it starts ends with it
                env={name: os.environ[name] for name in kept if name in os.environ},
            )
        # Opened now: once it hides itself, a /proc that shows processes to their owner only (hidepid) lacks it.
        self._statm, self._stat = (_opened(f"/proc/{self.process.pid}/{name}") for name in ("statm", "stat"))

    def await_ready(self, deadline: float) -> None:
        """Wait for the sign that the interpreter is up, so that its start does not count as the call's time."""
        header, frames = wire.receive(self._fill(deadline), 0)
        self.missing = wire.unpack(header, frames)
        self.ready = True

    def ask(
        self,
        function: Callable[..., Any],
        request: Sequence[wire.Buffer],
        deadline: float,
        most: int,
        asides: list[Any] | None = None,
        headway: Headway | None = None,
    ) -> Any:
        """Return the function's result, or raise what it raised; raise WorkerFailed if none comes within the limits.

        ``asides``: gets what is said before that, not checked, up to ``most`` bytes. ``headway``: notes how far it is.
        """
        self._signal(signal.SIGCONT)
        try:
            self._note(headway)
            self._tell(request, deadline)
            return returned.result(function, self._answer(deadline, most, asides))
        except wire.NoMessage as wrong:
            raise WorkerCrashed(f"the worker went wrong: {wrong}") from None
        finally:
            self._headway = None
            self._signal(signal.SIGSTOP)  # nobody looks at what it does between two calls

    def _answer(self, deadline: float, most: int, asides: list[Any] | None) -> Any:
        """Receive the answer, and what is said before it."""
        left = most
        for _ in range(MOST_MESSAGES):
            header, frames = wire.receive(self._fill(deadline), most)
            left -= len(header) + sum(len(frame) for frame in frames if frame is not None)
            match returned.said(header, frames):
                case [wire.SO_FAR, int() | float() as share] if 0 <= share <= 1:
                    if self._headway:
                        self._headway.told(float(share))
                case [wire.ASIDE, value] if asides is not None and left >= 0:
                    asides.append(value)
                case answer:
                    return answer
        raise wire.NoMessage("it says too much before its answer")

    def _note(self, headway: Headway | None) -> None:
        self._headway, self._noted_at = headway, time.monotonic()
        self._worked_before = self._cpu_seconds() if headway else 0.0

    def _cpu_seconds(self) -> float:
        """Return the CPU time that the process has used; 0 where the system does not tell."""
        try:
            return sum(map(int, _present(self._stat).rpartition(b")")[2].split()[11:13])) / TICKS
        except (OSError, ValueError):
            return 0.0

    def _tell(self, request: Sequence[wire.Buffer], deadline: float) -> None:
        try:
            for part in request:
                self._send(memoryview(part).cast("B"), deadline)
        except ConnectionError:  # it died: receiving tells how
            pass

    def memory(self) -> int:
        """Return the bytes of memory that the process occupies; 0 where the system does not tell."""
        try:
            return int(_present(self._statm).split()[1]) * PAGE
        except (OSError, ValueError, IndexError):
            return 0

    def kill(self) -> None:
        """End the process, whatever it does."""
        self._signal(signal.SIGKILL)

    def end(self) -> None:
        """End the process and give back what belongs to it."""
        self.kill()
        self.process.wait()
        self._socket.close()
        for file in filter(None, (self._statm, self._stat)):
            file.close()

    def _signal(self, number: int) -> None:
        """Send a signal to the process, and to those that it has started, if it may start any."""
        if self.process.returncode is None:  # nobody has waited for it: so nobody else has its number
            with suppress(ProcessLookupError, PermissionError):
                (os.killpg if self._is_open else os.kill)(self.process.pid, number)

    def _send(self, view: memoryview, deadline: float) -> None:
        while view:
            self._look(deadline)
            try:
                view = view[self._socket.send(view[: wire.PIECE]) :]
            except TimeoutError:
                continue

    def _fill(self, deadline: float) -> wire.Fill:
        def fill(view: memoryview) -> int:
            while True:
                self._look(deadline)
                try:
                    if count := self._socket.recv_into(view):
                        return count
                except TimeoutError:
                    continue
                except OSError:
                    pass
                raise WorkerCrashed(self._how_it_ended())

        return fill

    def _look(self, deadline: float) -> None:
        """Raise WorkerTimeout or WorkerMemory beyond the limits, however busy the worker keeps us."""
        now = time.monotonic()
        if now >= deadline:
            raise WorkerTimeout
        if now - self._looked > LOOK_SECONDS:
            self._looked = now
            if self.memory() > self._memory:
                raise WorkerMemory(f"the worker grew beyond {self._memory // 1024 // 1024} MB")
        if self._headway and now - self._noted_at > PACE_SECONDS:
            self._noted_at = now
            self._headway.worked(max(0.0, self._cpu_seconds() - self._worked_before))
        self._socket.settimeout(min(LOOK_SECONDS, deadline - now))

    def _how_it_ended(self) -> str:
        try:
            code = self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return "the worker closed its connection"
        return f"the worker was ended by {signal.Signals(-code).name}" if code < 0 else f"the worker exited with {code}"


def _opened(path: str) -> FileIO | None:
    """Open a file in /proc. It may be a moment late there: a process is hidden as its parent is until it has begun."""
    for _ in range(OPENING_TRIES if PROC.exists() else 0):
        with suppress(OSError):
            return FileIO(path)
        time.sleep(0.001)
    return None


def _present(file: FileIO | None) -> bytes:
    """Return what a file in /proc says now. Raises OSError if the process has ended, ValueError once it is closed."""
    return os.pread(file.fileno(), 4096, 0) if file else b""


def readable(folders: Sequence[str] = ()) -> list[str]:
    """Return what workers may read: what they import, and ``folders``."""
    return [*confinement.libraries(sys.path), *folders]
