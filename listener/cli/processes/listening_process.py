"""One process of a listener, as its supervisor sees it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import anyio

from listener.cli.problems import BUG, ENVIRONMENT, Problem

# The process sees the same modules as we do, and nothing of __main__.
BOOT = (
    "import sys; count = int(sys.argv[1]); paths, arguments = sys.argv[2:][:count], sys.argv[2:][count:];"
    " sys.path[:] = paths; from listener.cli.processes.child import main; main(*arguments)"
)
OF_SYSTEMD = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")  # reports come from the supervisor alone
MOST_LINE_BYTES = 16 * 1024 * 1024
FIGURES_SECONDS = 5.0  # Postgres may take four


@dataclass(frozen=True, slots=True)
class End:
    """How a process ended, and the problem that it reported; what killed it makes one too."""

    status: int
    problem: Problem | None

    @property
    def said(self) -> str:
        """What the log calls it."""
        if self.problem:
            return f"{self.problem.code}: {self.problem.message}"
        return f"killed by {signal_name(-self.status)}" if self.status < 0 else f"exit status {self.status}"

    def as_problem(self) -> Problem:
        """Return what the whole listener ends with, if it can't go on without this process."""
        told = f"a process of this listener ended before it was ready: {self.said}"
        hint = "The log has more, if anything does. Was memory used up? See: dmesg"
        status = self.status if self.status in (ENVIRONMENT, BUG) else ENVIRONMENT
        return self.problem or Problem("process_ended", told, hint, status)


def signal_name(number: int) -> str:
    """Return SIGKILL for 9."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class ListeningProcess:
    """A process that was started, and reports until it has ended."""

    def __init__(self, number: int, process: asyncio.subprocess.Process, channel: socket.socket) -> None:
        self.number = number
        self._process = process
        self._channel = channel
        self._ready: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._figures: asyncio.Future[str] | None = None
        self._problem: Problem | None = None
        self._life = asyncio.create_task(self._live(), name=f"process {number}")

    @classmethod
    async def start(cls, number: int, *arguments: object, pass_fds: tuple[int, ...]) -> ListeningProcess:
        """Start number ``number``; raises OSError. ``arguments``: those of ``child.main`` after its socket."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        environment = {name: value for name, value in os.environ.items() if name not in OF_SYSTEMD}
        given = map(str, (len(sys.path), *sys.path, theirs.fileno(), number, *arguments))
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", BOOT, *given),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), *pass_fds),
                env=environment,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which passes it on once
            )
        return cls(number, process, ours)

    @property
    def pid(self) -> int:
        """The process's number in the system."""
        return self._process.pid

    @property
    def is_ready(self) -> bool:
        """Whether it has claimed, and has not ended."""
        return self._ready.done() and self._ready.result() is not None and not self._life.done()

    async def ready(self) -> str | None:
        """Wait until it claims; returns what it says then, None if it has ended instead."""
        return await asyncio.shield(self._ready)

    async def ended(self) -> End:
        """Wait until it has ended."""
        await asyncio.shield(self._life)
        assert self._process.returncode is not None
        return End(self._process.returncode, self._problem)

    async def figures(self) -> str:
        """Return its page of figures; empty if it does not answer."""
        if self._figures is None:
            self._figures = asyncio.get_running_loop().create_future()
            with suppress(OSError):  # it has ended, or takes no more questions
                self._channel.send(b"figures\n")
        with anyio.move_on_after(FIGURES_SECONDS):
            return await asyncio.shield(self._figures)
        return ""

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended; also from a signal handler or a thread."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    async def _live(self) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=self._channel, limit=MOST_LINE_BYTES)
        try:
            while line := await reader.readline():
                self._heard(json.loads(line))
        except (OSError, ValueError):  # it died in the middle of a line
            pass
        finally:
            await self._process.wait()
            writer.close()
            self._answer("")
            if not self._ready.done():
                self._ready.set_result(None)

    def _heard(self, message: dict[str, Any]) -> None:
        if "ready" in message and not self._ready.done():
            self._ready.set_result(str(message["ready"]))
        if "problem" in message:
            self._problem = Problem(**message["problem"])
        if "figures" in message:
            self._answer(str(message["figures"]))

    def _answer(self, page: str) -> None:
        if self._figures is not None and not self._figures.done():
            self._figures.set_result(page)
        self._figures = None
