"""The process that holds a model: started when it is first needed, watched, replaced when it dies.

torch takes seconds to import, hundreds of MB, and may end its process over a model or for want of memory; none of that
is to reach the listener. One call at a time goes over a socket; a thread of ours waits for the answer::

    ask ─► line: searches first ─► thread ─► socket ─► neural_worker        answer ─► the awaiting task
                                     └ process gone, or too slow: end it, raise; the next call starts another

The process sees no secret of the environment. It ends with the listener, also when that is SIGKILLed.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from listener.documents import wire
from listener.errors import ServiceError, SettingsError

T = TypeVar("T")

log = logging.getLogger(__name__)

START_SECONDS = 300.0  # a model of some GB from a slow disk
MOST_ANSWER = 256 * 1024 * 1024
LOOK_SECONDS = 1.0
FEW = 8  # texts: a search's call, which goes before those of documents

_BOOT = (
    "import sys; number, parent, kind, folder, device, *paths = sys.argv[1:]; sys.path[:] = paths;"
    " from listener.embedding.neural.neural_worker import serve;"
    " serve(int(number), int(parent), kind, folder, device)"
)
_KEPT = (
    "LD_LIBRARY_PATH", "PATH", "HOME", "TMPDIR", "LANG", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER",
    "HIP_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE",
)  # fmt: skip
_SET = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "1",
    "OMP_WAIT_POLICY": "PASSIVE",  # beside Postgres, threads that wait by spinning made it ten times slower
    "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
}


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """What a model said when it was loaded; ``tokens``: the longest text that it reads at once, 0: any."""

    device: str
    dimensions: int
    tokens: int


class OutOfMemory(Exception):
    """The call was too large for the available memory; the process continues."""


class NeuralProcess:
    """One model in a separate process. ``kind``: ``embed`` or ``rerank``."""

    def __init__(self, kind: str, name: str, folder: Path, device: str, threads: int | None, seconds: float) -> None:
        self.name = name
        self._arguments = (kind, str(folder), device)
        self._threads = threads or len(os.sched_getaffinity(0))
        self._seconds = seconds
        self._thread = ThreadPoolExecutor(
            1, thread_name_prefix="neural"
        )  # the process ends with the thread that made it
        self._child: _Child | None = None
        self._closed = threading.Event()
        self._busy = False
        self._line: list[tuple[bool, int, asyncio.Event]] = []
        self._numbers = count()

    async def load(self) -> LoadedModel:
        """Start the process and load the model, if that is not done.

        Raises SettingsError ``model_not_loaded``, ServiceError ``embedder_died`` or ``embedder_memory``.
        """
        return await self._run(True, lambda: self._started().loaded)

    async def ask(self, call: list[Any], texts: int) -> list[Any]:
        """Return what the model makes of a call, which is about so many texts.

        Raises OutOfMemory, ServiceError ``embedder_died``, ``embedding_timeout`` or ``embedding_failed``, and as
        ``load`` does.
        """
        return await self._run(texts <= FEW, lambda: self._answer(call))

    async def close(self) -> None:
        """End the process; a call under way fails."""
        self._closed.set()
        if child := self._child:
            child.process.kill()
        await asyncio.to_thread(self._thread.shutdown)
        self._drop()

    @property
    def pid(self) -> int | None:
        """The process's id, if it runs."""
        child = self._child
        return child.process.pid if child else None

    async def _run(self, first: bool, function: Callable[[], T]) -> T:
        """Run the conversation with the process, in turn; it ends when the process does, even if nobody waits."""
        await self._turn(first)
        running = asyncio.get_running_loop().run_in_executor(self._thread, function)
        running.add_done_callback(self._over)
        return await asyncio.shield(running)

    def _over(self, ran: asyncio.Future[Any]) -> None:
        if not ran.cancelled():
            ran.exception()  # nobody may wait for it any more
        self._next()

    async def _turn(self, first: bool) -> None:
        """Wait for the process to be free: in order, but searches, which somebody waits for, before documents."""
        if self._busy:
            mine = (not first, next(self._numbers), asyncio.Event())
            heapq.heappush(self._line, mine)
            try:
                await mine[2].wait()
            except asyncio.CancelledError:
                if mine in self._line:
                    self._line.remove(mine)
                    heapq.heapify(self._line)
                else:
                    self._next()
                raise
        self._busy = True

    def _next(self) -> None:
        self._busy = bool(self._line)
        if self._line:
            heapq.heappop(self._line)[2].set()

    def _started(self) -> _Child:
        if self._closed.is_set():
            raise ServiceError("embedder_died", f"{self.name} is being closed", "Its listener stops.")
        if self._child is None:
            try:
                self._child = child = _Child(self._arguments, self._threads)
            except OSError as error:
                told = f"the process of {self.name} could not be started: {error}"
                raise ServiceError(
                    "embedder_died", told, "Is there enough memory, and may it start processes?"
                ) from None
            if self._closed.is_set():  # closed meanwhile, when there was nothing yet to kill
                child.process.kill()
            try:
                child.loaded = LoadedModel(*self._heard(child, START_SECONDS))
            except BaseException:
                self._drop()
                raise
            log.info("%s is loaded on %s", self.name, child.loaded.device, extra={"pid": child.process.pid})
        return self._child

    def _answer(self, call: list[Any]) -> list[Any]:
        child = self._started()
        try:
            with suppress(OSError):  # it died, or takes nothing: hearing tells how
                child.tell(wire.pack(call), time.monotonic() + self._seconds)
            return self._heard(child, self._seconds)
        except _Failed as failed:
            raise ServiceError(
                "embedding_failed", f"{self.name} failed: {failed}", "The model fails on these texts, or is faulty."
            ) from None
        except ServiceError:
            self._drop()
            raise

    def _heard(self, child: _Child, seconds: float) -> list[Any]:
        """Return the answer, or raise what went wrong."""
        loading = child.loaded is _NOT_YET
        try:
            match child.hear(time.monotonic() + seconds):
                case ["ok", *said]:
                    return said
                case ["error", "memory", str(said)] if loading:
                    raise ServiceError("embedder_memory", f"{self.name} does not fit: {said}", _SMALLER)
                case ["error", "memory", str(said)]:
                    raise OutOfMemory(said)
                case ["error", _, str(said)] if loading:
                    raise SettingsError("model_not_loaded", f"{self.name} can't be loaded: {said}", _LOADS)
                case ["error", _, str(said)]:
                    raise _Failed(said)
            raise ServiceError(
                "embedder_died", f"the process of {self.name} gives invalid answers", "Please report it."
            )
        except TimeoutError:
            raise ServiceError(
                "embedding_timeout",
                f"{self.name} gave no answer within {seconds:g} seconds",
                "Use a smaller model, a GPU, or a longer INGEST_EMBEDDING_TIMEOUT_SECONDS.",
            ) from None
        except (EOFError, ConnectionError, wire.NoMessage):
            raise ServiceError("embedder_died", f"the process of {self.name} {child.end()}", _SMALLER) from None

    def _drop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()


class _Failed(Exception):
    """The model raised an error; the process continues."""


class _Child:
    """The process and our end of the socket to it; used by one thread."""

    def __init__(self, arguments: tuple[str, ...], threads: int) -> None:
        self.loaded = _NOT_YET
        self._socket, theirs = socket.socketpair()
        with theirs, ExitStack() as failed:
            failed.callback(self._socket.close)
            self.process = subprocess.Popen(
                [sys.executable, "-c", _BOOT, str(theirs.fileno()), str(os.getpid()), *arguments, *sys.path],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # errors are in the answers; libraries draw progress bars
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=_SET
                | {"OMP_NUM_THREADS": str(threads)}
                | {name: os.environ[name] for name in _KEPT if name in os.environ},
            )
            failed.pop_all()

    def tell(self, parts: list[wire.Buffer], deadline: float) -> None:
        for part in parts:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            self._socket.sendall(part)

    def hear(self, deadline: float) -> Any:
        def fill(view: memoryview) -> int:
            while (left := deadline - time.monotonic()) > 0:
                self._socket.settimeout(min(left, LOOK_SECONDS))
                with suppress(TimeoutError):
                    if number := self._socket.recv_into(view):
                        return number
                    raise EOFError
            raise TimeoutError

        return wire.unpack(*wire.receive(fill, MOST_ANSWER))

    def end(self) -> str:
        """End the process, and return how it ended if it had by itself."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=0.5)
        self.process.kill()
        code = self.process.wait()
        self._socket.close()
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"


_NOT_YET = LoadedModel("", 0, 0)
_SMALLER = "Most likely memory ran out: use a smaller model, or add memory. It is restarted automatically."
_LOADS = (
    "It has to be a model that the installed sentence-transformers loads without code of its own; INGEST_NEURAL_DEVICE"
    " must be there."
)
