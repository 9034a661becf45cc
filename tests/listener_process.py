"""A listener in a process of its own: real, but a test can hold it at a named point, kill it, and see what it embedded.

This file is both the driver (``ListenerProcess``) and the program that it runs. The program is ``ingest listen`` with
the store's statements, the start of a workflow and the embedder wrapped. It obeys lines on stdin::

    hold POINT KEY N   stop the Nth caller of POINT whose arguments show KEY; says ``armed``, later ``held POINT KEY``
    go                 let all go on

With ``TEST_DEADLY=FILE`` it obeys the lines of FILE too: ``discover:WORD``, ``load:WORD`` and ``embed:WORD`` kill it by
SIGKILL when the source, the file's path or the text has WORD in it; ``slow:WORD`` makes the last two take a while.
``TEST_CLOCK=SECONDS`` has its clock go wrong by so much.

Points are ``before:NAME`` and ``after:NAME`` of a method of ``Gateway``, and of ``start`` (of a request's workflow),
``rewind`` (of one that ran before; KEY may be a batch's), ``resume`` (of what a dead one left, under the request's
lock), ``obey`` (a cancel), ``open``, ``register`` and ``launch`` (while it starts); ``before:embed`` (KEY is a piece of
text), and ``after:held`` (an execution that gives way knows the request's status, and is to act on it). When its stdin
closes, the test is gone, and it ends at once.
"""

from __future__ import annotations

import asyncio
import ctypes
import functools
import inspect
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from forking import Forked, clean_environment, fork_server

PATIENCE_SECONDS = 40.0
SLOW_SECONDS = 1.0

INSIDE: ContextVar[frozenset[str]] = ContextVar("INSIDE", default=frozenset())


class ListenerProcess:
    """Starts a listener and waits until it is ready. ``settings`` are INGEST_ variables without their prefix.

    ``path``: a folder with more distributions.
    """

    def __init__(
        self, dsn: str, folder: Path, *, group_texts: int = 0, pipeline: str = "", deadly: Path | None = None,
        clock: float = 0.0, path: Path | None = None,
        **settings: object,
    ) -> None:  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        self.dsn, self.folder = dsn, folder
        self._texts, self._log = folder / "embedded.jsonl", folder / "stderr.log"
        given = {_variable(name): str(value) for name, value in settings.items()}
        environment = clean_environment("OPENAI_") | given | {
            "INGEST_DATABASE_URL": dsn,
            "TEST_EMBEDDED_TEXTS": str(self._texts),
            "TEST_GROUP_TEXTS": str(group_texts),
            "TEST_PIPELINE": pipeline,
            "TEST_DEADLY": str(deadly or "/nowhere"),
            "TEST_CLOCK": str(clock),
        }  # fmt: skip
        if path:
            environment["PYTHONPATH"] += f"{os.pathsep}{path}"
        self.process: Forked | subprocess.Popen[str]
        with self._log.open("a") as log:
            if clock or pipeline or path:  # must be there before anything is imported
                self.process = subprocess.Popen(
                    [sys.executable, __file__, "listen"], cwd=folder, env=environment, text=True,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                )  # fmt: skip
            else:
                self.process = fork_server().start("listener_process", ["listen"], folder, environment, log)
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._unmatched: list[str] = []
        threading.Thread(target=self._read, args=[self.process.stdout], daemon=True).start()
        self.executor_id = ""

    def ready(self) -> ListenerProcess:
        """Wait until it claims."""
        self.executor_id = self.wait_for("ready ").split()[1]
        return self

    def hold(self, point: str, nth: int = 1, *, key: object = "") -> None:
        self._tell(f"hold {point} {key or '-'} {nth}")
        self.wait_for("armed")

    def held(self, point: str, key: object = "") -> None:
        """Wait until it stands at a point."""
        self.wait_for(f"held {point} {key or '-'}")

    def go(self) -> None:
        self.go_when_it_runs()
        self.wait_for("gone on")

    def go_when_it_runs(self) -> None:
        """Let all go on, also if it is stopped just now."""
        self._tell("go")

    def wait_for(self, start: str) -> str:
        """Return the next line of output that begins like this."""
        while True:
            for known in self._unmatched:
                if known.startswith(start):
                    self._unmatched.remove(known)
                    return known
            try:
                line = self._lines.get(timeout=PATIENCE_SECONDS)
            except queue.Empty:
                raise AssertionError(f"no {start!r}, only {self._unmatched}; {self.log()[-3000:]}") from None
            assert line is not None, f"the listener ended: {self.log()[-3000:]}"
            self._unmatched.append(line)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        """Wait until it has ended; return its exit status."""
        status = self.process.wait(PATIENCE_SECONDS)
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        return status

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.ended()

    def stop(self) -> int:
        """End it in good order, however the test ended."""
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        try:
            return self.ended()
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def log(self) -> str:
        return self._log.read_text()

    def embedded(self, piece: str = "") -> list[str]:
        """Return the texts that were sent to the embedder so far and contain ``piece``, in order."""
        calls = self._texts.read_text().splitlines() if self._texts.exists() else []
        return [text for call in calls for text in json.loads(call) if piece in text]

    def _tell(self, line: str) -> None:
        assert self.process.stdin
        print(line, file=self.process.stdin, flush=True)

    def _read(self, out: TextIO) -> None:
        with out:
            for line in out:
                self._lines.put(line.rstrip("\n"))
        self._lines.put(None)


def _variable(name: str) -> str:
    return name.upper() if name.startswith("openai_") else f"INGEST_{name.upper()}"


# The program.


@dataclass
class Hold:
    point: str
    key: str
    left: int
    loop: asyncio.AbstractEventLoop | None = None
    go: asyncio.Event = field(default_factory=asyncio.Event)


class Points:
    """Where callers are held."""

    def __init__(self) -> None:
        self.known: set[str] = set()
        self._holds: list[Hold] = []

    def obey(self, commands: TextIO) -> None:
        """Carry out what stdin says, in a thread; its end is ours."""
        for line in commands:
            verb, *rest = line.split()
            if verb == "hold":
                point, key, nth = rest
                assert point in self.known, f"{point} is none of {sorted(self.known)}"
                self._holds.append(Hold(point, "" if key == "-" else key, int(nth)))
                say("armed")
            else:
                for hold in self._holds:
                    if hold.loop:
                        hold.loop.call_soon_threadsafe(hold.go.set)
                self._holds.clear()
                say("gone on")
        os._exit(99)

    async def reach(self, point: str, arguments: Sequence[Any]) -> None:
        for hold in self._holds:
            if hold.point == point and hold.key in repr(arguments):
                hold.left -= 1
                if hold.left == 0:
                    hold.loop = asyncio.get_running_loop()
                    say(f"held {point} {hold.key or '-'}")
                    await hold.go.wait()

    def around(self, name: str, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        self.known |= {f"before:{name}", f"after:{name}"}

        @functools.wraps(method)
        async def held(self_: Any, *arguments: Any, **named: Any) -> Any:
            if name in INSIDE.get():  # of the same method of a class above: one call, one point
                return await method(self_, *arguments, **named)
            inside = INSIDE.set(INSIDE.get() | {name})
            try:
                await self.reach(f"before:{name}", arguments)
                result = await method(self_, *arguments, **named)
                await self.reach(f"after:{name}", arguments)
                return result
            finally:
                INSIDE.reset(inside)

        return held


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def record_embeddings(embedder: Any, points: Points) -> Any:
    """Have an embedder write down what it is sent, before it embeds it."""
    embed, file = type(embedder).embed, Path(os.environ["TEST_EMBEDDED_TEXTS"])

    async def recorded(texts: Sequence[str]) -> Any:
        await asyncio.to_thread(die_or_wait, "embed", *texts)
        with file.open("a") as lines:  # noqa: ASYNC230 - a line, kept when this process is killed
            print(json.dumps(list(texts)), file=lines, flush=True)
        await points.reach("before:embed", texts)
        return await embed(embedder, texts)

    embedder.embed = recorded
    embedder.group_texts = int(os.environ["TEST_GROUP_TEXTS"]) or embedder.group_texts
    return embedder


def die_or_wait(place: str, *texts: str) -> None:
    """Die by SIGKILL, or take a while, where a test wants it."""
    file = Path(os.environ["TEST_DEADLY"])
    for line in file.read_text().splitlines() if file.exists() else ():
        where, word = line.split(":", 1)
        if any(word in text for text in texts):
            if where == place:
                os.kill(os.getpid(), signal.SIGKILL)
            elif where == "slow" and place != "discover":
                time.sleep(SLOW_SECONDS)


def deadly(file_reading: Any, walk: Any) -> None:
    """Have sources look whether what they read kills."""
    read, found = file_reading.read, walk.found

    def read_one(roots: Any, locator: str, limit: int) -> Any:
        die_or_wait("load", locator)
        return read(roots, locator, limit)

    def found_all(self: Any) -> Any:
        die_or_wait("discover", self.source)
        return found(self)

    file_reading.read, walk.found = read_one, found_all


def give_up_powers() -> None:
    """Let file modes count for root too, in this thread: drop the capabilities that pass them by."""
    if os.geteuid() == 0:
        header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
        ctypes.CDLL(None).capset(header, none)


def shift_clock(seconds: float) -> None:
    """Have this process's clock go wrong by so much, before anybody keeps a reference to it."""
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + seconds
    time.time_ns = lambda: real_ns() + round(seconds * 1e9)


def main() -> None:
    shift_clock(float(os.environ["TEST_CLOCK"]))
    from listener.pipeline import identity  # noqa: PLC0415 - the driver needs none of it

    identity.PIPELINE = os.environ["TEST_PIPELINE"] or identity.PIPELINE  # before others take it over
    from listener import cli, service  # noqa: PLC0415
    from listener.embedding import registry  # noqa: PLC0415
    from listener.engine import cancels, heartbeat, takeover  # noqa: PLC0415
    from listener.pipeline import rewinding, workflows  # noqa: PLC0415
    from listener.pipeline.gateway import Gateway  # noqa: PLC0415
    from listener.pipeline.shared_gateway import SharedGateway  # noqa: PLC0415
    from listener.sources import file_reading  # noqa: PLC0415
    from listener.sources.walk import Walk  # noqa: PLC0415

    points = Points()
    ours = [(Gateway, *one) for one in inspect.getmembers(Gateway, inspect.isfunction)]
    for gateway, name, method in [*ours, *((SharedGateway, *one) for one in vars(SharedGateway).items())]:
        if inspect.iscoroutinefunction(method) and not name.startswith("_"):
            setattr(gateway, name, points.around(name, method))
    setattr(workflows.Workflows, "start", points.around("start", workflows.Workflows.start))  # noqa: B010
    for name, owner, attribute in (
        ("resume", takeover.Adoption, "_resume"),
        ("obey", cancels.Cancels, "_cancel"),
        ("open", service.Listener, "_open"),
        ("register", heartbeat.Heartbeat, "register"),
        ("launch", service.Listener, "_launch"),
    ):
        setattr(owner, attribute, points.around(name, getattr(owner, attribute)))
    points.known |= {"before:embed", "before:rewind", "after:held"}
    rewind, hold_request = rewinding.rewind, Gateway.held

    async def held_and_rewind(*arguments: Any) -> bool:
        await points.reach("before:rewind", arguments)
        return await rewind(*arguments)

    @asynccontextmanager
    async def held_at_point(self: Gateway, *arguments: Any) -> AsyncIterator[str | None]:
        async with hold_request(self, *arguments) as status:
            await points.reach("after:held", arguments)
            yield status

    for module in (workflows, rewinding):  # of the request, and of its batches
        setattr(module, "rewind", held_and_rewind)  # noqa: B010
    setattr(Gateway, "held", held_at_point)  # noqa: B010
    deadly(file_reading, Walk)
    create, start = registry.create, service.Listener.start

    async def start_and_tell(self: service.Listener) -> None:
        await start(self)
        say(f"ready {self.executor_id}")

    setattr(registry, "create", lambda space, settings: record_embeddings(create(space, settings), points))  # noqa: B010
    setattr(service.Listener, "start", start_and_tell)  # noqa: B010
    # Only the threads that read documents: without its powers, root does not get to the server's private socket.
    readers = functools.partial(ThreadPoolExecutor, initializer=give_up_powers)
    setattr(service, "ThreadPoolExecutor", readers)  # noqa: B010
    threading.Thread(target=points.obey, args=[sys.stdin], daemon=True).start()
    cli.main()


if __name__ == "__main__":
    main()
