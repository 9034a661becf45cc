"""Run functions in worker processes that may crash, hang, exhaust memory or turn hostile without harming anything else.

Each worker is a fresh interpreter that serves one call at a time over a socket; a thread of ours owns it::

    await run(f, data) ─► turns ─► thread ─► socket ─► worker: f(data)        answer ─► the awaiting task
                                      │ looks at the clock and at the worker's memory while it waits
                                      └ worker gone, too slow or too large: end it, start another, raise

Why not ``multiprocessing``: spawn and forkserver run the user's ``__main__`` again, which repeats a script that has no
main guard, and fork hangs once native threads exist. Here nothing of ``__main__`` is imported: functions must live in
a module. Why threads: the pool can be called from any event loop, and large answers are read off the loop.

Memory is what the worker really occupies (RSS), read from ``/proc`` every 20 ms while a call runs. ``RLIMIT_AS`` counts
reserved addresses instead (thread stacks, arenas, mapped libraries), and native libraries abort when it bites, which
looks like a crash. Where there is no ``/proc``, only the time limit holds.

A document may take a worker over. It finds an empty environment, and can do little (``confinement``). What it answers
is data (``wire``) of bounded size, checked against what the function says it returns (``returned``). And it sees the
documents of one submitter only.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from listener.documents import headway, spent, wire
from listener.documents.failures import AnswerTooLarge, WorkerFailed, WorkerMemory, WorkersClosed, WorkerTimeout
from listener.documents.headway import Headway
from listener.documents.process import Worker, readable
from listener.documents.turns import Turns, current

T = TypeVar("T")

log = logging.getLogger(__name__)

TURN_SECONDS = 1.0  # that a worker stays with one submitter while others wait
START_SECONDS = 60.0  # for a machine under load; an interpreter starts in a fraction of a second
MOST_ANSWER = 64 * 1024 * 1024  # bytes of an answer, besides four times its arguments', unless the caller says


@dataclass(slots=True)
class _Call:
    function: Callable[..., Any]
    args: tuple[Any, ...]
    seconds: float
    most: int
    asides: list[Any] | None
    future: Future[Any]
    headway: Headway | None
    took: float = 0.0


class Workers:
    """A pool of at most ``count`` worker processes, each limited in time per call and in memory.

    Processes start when first needed; idle ones wait in a read and cost no CPU. They end with this process, also
    when it is SIGKILLed. Where calls wait, no share has more of them than another one (``turns``).
    """

    def __init__(
        self, count: int, timeout_seconds: float, memory_mb: int, environment: Sequence[str] | None = None
    ) -> None:
        """``environment``: variables for processes that may use the network (``docs/own-steps.md``)."""
        self._environment = environment
        self.timeout_seconds = timeout_seconds  # of a call, unless it has its own
        self.missing: list[str] = []  # of the confinement, as the workers say
        self._memory = memory_mb * 1024 * 1024
        self._folders: list[str] = []
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="worker")
        self._turns: Turns[_Call] = Turns()
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._alive: set[Worker] = set()
        self._closed = False

    async def __aenter__(self) -> Workers:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def run(
        self,
        function: Callable[..., T],
        *args: Any,
        timeout: float | None = None,
        most: int | None = None,
        asides: list[Any] | None = None,
    ) -> T:
        """Call ``function(*args)`` in a worker and return what it returns, or raise what it raises.

        ``function`` is one of a module (not of ``__main__``, no lambda, no method). Arguments are plain data, and
        dataclasses and named tuples of it. So is what it returns, if its annotation says so. Calls wait for a free
        worker without a limit; ``timeout`` seconds (default: the pool's) count from when one takes the call. ``most``:
        bytes of the answer. A call whose task is cancelled while it runs continues to its end or limit, unheard.
        ``asides``: gets what the function says before it returns, as it is: also if it never does.

        Raises WorkerCrashed, WorkerTimeout, WorkerMemory, AnswerTooLarge; DocumentError, Malformed and Binary as the
        function raised them, CallRaised for everything else that it raised; WorkersClosed.
        """
        _require_a_module_s(function)
        if most is None:
            most = MOST_ANSWER + 4 * sum(len(one) for one in args if isinstance(one, (bytes, str)))
        seconds = self.timeout_seconds if timeout is None else timeout
        call = _Call(function, args, seconds, most, asides, Future(), headway.current())
        self._turns.wait(current(), call)
        try:
            self._threads.submit(self._next)
        except RuntimeError:
            raise WorkersClosed from None
        try:
            answer: T = await asyncio.wrap_future(call.future)
        finally:
            spent.worked(call.took)
        return answer

    @property
    def wanted(self) -> bool:
        """Whether calls wait for a free worker."""
        return self._turns.wanted

    def let_read(self, folder: str) -> None:
        """Let processes started from now on read a folder, in addition to importable modules."""
        self._folders.append(folder)

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
        """Return the process ids of the present workers."""
        with self._lock:
            return [worker.process.pid for worker in self._alive]

    def _next(self) -> None:
        share, call = self._turns.take(self._still())
        try:
            if call.future.set_running_or_notify_cancel():
                call.future.set_result(self._answer(call, share.submitter))
        except BaseException as error:
            call.future.set_exception(error)
        finally:
            self._turns.end(share)

    def _still(self) -> str | None:
        """Return the submitter whose turn it still is at this thread's worker: each change costs a process."""
        worker: Worker | None = getattr(self._mine, "worker", None)
        over = worker is None or time.monotonic() - self._mine.since > TURN_SECONDS
        return None if over or worker is None else worker.served

    def _answer(self, call: _Call, submitter: str) -> Any:
        name = call.function.__module__, call.function.__qualname__
        request = wire.pack([*name, wire.arguments(call.args), call.most])
        worker, began = self._worker_for(submitter), time.monotonic()
        try:
            if call.headway:
                call.headway.begin(sum(memoryview(part).nbytes for part in request))
            answer = worker.ask(call.function, request, began + call.seconds, call.most, call.asides, call.headway)
        except AnswerTooLarge:
            raise
        except WorkerFailed as failure:
            self._replace(worker)
            if self._closed:
                raise WorkersClosed from None
            if isinstance(failure, WorkerTimeout):
                failure = WorkerTimeout(f"no answer within {call.seconds:g} seconds")
            failure.seconds = time.monotonic() - began
            raise failure from None
        except MemoryError:
            raise WorkerMemory("the worker could not get the memory that it asked for") from None
        finally:
            call.took = time.monotonic() - began
            self._leave_small(worker)
        return answer

    def _leave_small(self, worker: Worker) -> None:
        if worker.ready and worker.memory() > self._memory // 2:
            self._replace(worker)  # freed memory that stays with the process must not fail the next call

    def _worker_for(self, submitter: str) -> Worker:
        """Return a worker that has seen no other submitter's document: one that was taken over must not see this."""
        worker: Worker | None = getattr(self._mine, "worker", None)
        if worker and submitter and worker.served not in ("", submitter):
            self._replace(worker)
        worker = self._worker()
        if submitter and worker.served != submitter:
            worker.served, self._mine.since = submitter, time.monotonic()
        return worker

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
            self._say(worker.missing)
        return worker

    def _say(self, missing: list[str]) -> None:
        if missing and not self.missing:
            log.warning("parsers are not confined as they should be: %s", "; ".join(missing))
        self.missing = missing

    def _start(self) -> Worker:
        with self._lock:
            if self._closed:
                raise WorkersClosed
            worker = Worker(self._memory, readable(self._folders), self._environment)
            self._alive.add(worker)
        self._mine.worker, self._mine.since = worker, time.monotonic()
        return worker

    def _replace(self, worker: Worker) -> None:
        self._drop(worker)
        with suppress(WorkersClosed):  # closed meanwhile
            self._start()  # it gets ready while the caller deals with the error

    def _drop(self, worker: Worker) -> None:
        with self._lock:
            self._alive.discard(worker)
        self._mine.worker = None
        worker.ready = False
        worker.end()


def _require_a_module_s(function: Callable[..., Any]) -> None:
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if module == "__main__" or getattr(sys.modules.get(module or ""), name, None) is not function:
        raise ValueError(f"{function!r} must live in a module that workers can import, under its own name")
