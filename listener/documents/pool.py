"""Run functions in worker processes that may crash, hang or eat memory without harming anybody else.

Each worker is a fresh interpreter that serves one call at a time over a socket; a thread of ours owns it::

    await run(f, data) ─► thread ─► socket ─► worker: f(data)        reply ─► the awaiting task
                            │ looks at the clock and at the worker's memory while it waits
                            └ worker gone, too slow or too large: end it, start another, raise

Why not ``multiprocessing``: spawn and forkserver run the user's ``__main__`` again, which repeats a script that has no
main guard, and fork hangs once native threads exist. Here nothing of ``__main__`` is imported: functions must live in
a module. Why threads: the pool can be called from any event loop, and large replies are read beside the loop.

Memory is what the worker really occupies (RSS), read from ``/proc`` every 20 ms while a call runs. ``RLIMIT_AS`` counts
reserved addresses instead (thread stacks, arenas, mapped libraries), and native libraries abort when it bites, which
looks like a crash. Where there is no ``/proc``, only the time limit holds.

The limits contain accidents, not attackers: replies are pickles, as they are in ``multiprocessing``.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from listener.documents.wire import Buffer, beside_the_pickle, pack, send, unpack

T = TypeVar("T")

LOOK_SECONDS = 0.02  # a worker that only fills memory overshot a limit of 200 MB by 15 MB
START_SECONDS = 60.0  # for a machine under load; an interpreter starts in a fraction of a second
PAGE = os.sysconf("SC_PAGE_SIZE")
PR_SET_PDEATHSIG = 1  # from <linux/prctl.h>

# The worker sees the same modules as we do, and nothing of __main__.
BOOT = (
    "import sys; sys.path[:] = sys.argv[3:]; from listener.documents.pool import serve; serve(*map(int, sys.argv[1:3]))"
)


class WorkerFailed(Exception):
    """The worker did not answer; it was replaced."""


class WorkerCrashed(WorkerFailed):
    """The worker ended by itself; the message says how (signal or exit code)."""


class WorkerTimeout(WorkerFailed):
    """The call took longer than its time limit, so the worker was killed."""


class WorkerMemory(WorkerFailed):
    """The call needed more memory than the limit, so the worker was killed or ran out of it."""


class WorkersClosed(RuntimeError):
    """The pool was closed, before the call or while it ran."""

    def __init__(self) -> None:
        super().__init__("the workers are closed")


class Workers:
    """A pool of at most ``count`` worker processes, each limited in time per call and in memory.

    Processes start when first needed; idle ones wait in a read and cost no CPU. They end with this process, also
    when it is SIGKILLed.
    """

    def __init__(self, count: int, timeout_seconds: float, memory_mb: int) -> None:
        self.timeout_seconds = timeout_seconds  # of a call, unless it has its own
        self._memory = memory_mb * 1024 * 1024
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="worker")
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._alive: set[Worker] = set()
        self._closed = False

    async def __aenter__(self) -> Workers:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def run(self, function: Callable[..., T], *args: Any, timeout: float | None = None) -> T:
        """Call ``function(*args)`` in a worker and return what it returns, or raise what it raises.

        ``function`` must be importable (not of ``__main__``, no lambda). Calls wait for a free worker without a limit;
        ``timeout`` seconds (default: the pool's) count from when one takes the call. A call whose task is cancelled
        while it runs goes on to its end or its limit, unheard.

        Raises WorkerCrashed, WorkerTimeout, WorkerMemory; WorkersClosed.
        """
        if getattr(function, "__module__", None) == "__main__":
            raise ValueError(f"{function!r} must live in a module that workers can import")
        limit = self.timeout_seconds if timeout is None else timeout
        try:
            call = self._threads.submit(self._call, function, args, limit)
        except RuntimeError:
            raise WorkersClosed from None
        return await asyncio.wrap_future(call)

    async def close(self) -> None:
        """End all workers at once; calls that run or wait fail with WorkersClosed."""
        with self._lock:
            self._closed = True
            for worker in self._alive:
                worker.kill()
        await asyncio.to_thread(self._threads.shutdown)
        for worker in self._alive:
            worker.end()
        self._alive.clear()

    def pids(self) -> list[int]:
        """Return the process ids of the workers that are there now."""
        with self._lock:
            return [worker.process.pid for worker in self._alive]

    def _call(self, function: Callable[..., T], args: tuple[Any, ...], limit: float) -> T:
        request = pack((function, tuple(map(beside_the_pickle, args))))
        worker = self._worker()
        try:
            ok, value = worker.ask(request, time.monotonic() + limit, self._memory)
        except WorkerFailed as failure:
            self._replace(worker)
            if self._closed:
                raise WorkersClosed from None
            if isinstance(failure, WorkerTimeout):
                raise WorkerTimeout(f"no answer within {limit:g} seconds") from None
            raise
        if worker.memory() > self._memory // 2:
            self._replace(worker)  # freed memory that stays with the process must not fail the next call
        if ok:
            return value  # type: ignore[no-any-return]  # it is what the function returned, in another process
        if isinstance(value, MemoryError):
            raise WorkerMemory("the worker could not get the memory that it asked for")
        raise value

    def _worker(self) -> Worker:
        """Return this thread's worker, started if need be and ready."""
        worker: Worker | None = getattr(self._mine, "worker", None)
        if worker is None:
            worker = self._start()
        if not worker.ready:
            try:
                worker.await_ready(time.monotonic() + START_SECONDS)
            except WorkerFailed as failure:
                self._drop(worker)
                raise WorkersClosed if self._closed else failure from None
        return worker

    def _start(self) -> Worker:
        with self._lock:
            if self._closed:
                raise WorkersClosed
            worker = Worker()
            self._alive.add(worker)
        self._mine.worker = worker
        return worker

    def _replace(self, worker: Worker) -> None:
        self._drop(worker)
        with suppress(WorkersClosed):  # closed meanwhile
            self._start()  # it gets ready while the caller deals with the error

    def _drop(self, worker: Worker) -> None:
        with self._lock:
            self._alive.discard(worker)
        self._mine.worker = None
        worker.end()


class Worker:
    """One process and our end of the socket to it; used by one thread, except ``kill``."""

    def __init__(self) -> None:
        self.ready = False
        self._socket, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-c", BOOT, str(theirs.fileno()), str(os.getpid()), *sys.path]
            # stdout is the program's: a library that prints must not write into it
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
            )
        self._statm = Path(f"/proc/{self.process.pid}/statm")

    def await_ready(self, deadline: float) -> None:
        """Wait for the sign that the interpreter is up, so that its start does not count as the call's time."""
        self._receive(deadline, sys.maxsize)
        self.ready = True

    def ask(self, request: Sequence[Buffer], deadline: float, memory: int) -> tuple[bool, Any]:
        """Return (True, result) or (False, exception); raise WorkerFailed if none comes within the limits."""
        try:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            for part in request:
                self._socket.sendall(part)
        except TimeoutError:
            raise WorkerTimeout from None
        except OSError:  # it died: receiving tells how
            pass
        reply: tuple[bool, Any] = self._receive(deadline, memory)
        return reply

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

    def _receive(self, deadline: float, memory: int) -> Any:
        def fill(view: memoryview) -> int:
            while True:
                if (left := deadline - time.monotonic()) <= 0:
                    raise WorkerTimeout
                self._socket.settimeout(min(LOOK_SECONDS, left))
                try:
                    if count := self._socket.recv_into(view):
                        return count
                except TimeoutError:
                    if self.memory() > memory:
                        raise WorkerMemory(f"the worker grew beyond {memory // 1024 // 1024} MB") from None
                    continue
                except OSError:
                    pass
                raise WorkerCrashed(self._how_it_ended())

        return unpack(fill)

    def _how_it_ended(self) -> str:
        try:
            code = self.process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            return "the worker closed its connection"
        return f"the worker was ended by {signal.Signals(-code).name}" if code < 0 else f"the worker exited with {code}"


def serve(descriptor: int, parent: int) -> None:
    """Answer calls until the other end is gone. This is all that a worker process runs."""
    _die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what to do
    with socket.socket(fileno=descriptor) as connection, suppress(EOFError, ConnectionError):
        send(connection, pack(None))
        while True:
            call = unpack(lambda view: _some(connection.recv_into(view)))
            send(connection, _reply(*call))
            del call  # an idle worker holds no document


def _die_with(parent: int) -> None:
    """Let the kernel end this process with its parent, even while native code keeps it from noticing."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - for workers only

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        os._exit(0)


def _reply(function: Callable[..., Any], args: tuple[Any, ...]) -> list[Buffer]:
    try:
        return pack((True, function(*(bytes(value) if type(value) is memoryview else value for value in args))))
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))  # some exceptions break only when they are read
            return pack((False, error))
        except Exception:
            return pack((False, RuntimeError(f"{type(error).__name__}: {error}")))


def _some(count: int) -> int:
    if not count:
        raise EOFError
    return count
