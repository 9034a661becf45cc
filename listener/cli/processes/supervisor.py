"""The supervisor of a listener's processes: starts them, restarts what dies, and ends with them.

The first process has to be ready before the others start, so what is wrong for all is reported once, and ends the
whole. Later, one that ended is started again, after a pause that doubles; if it fails to start while no other runs,
the whole ends with its error. A signal is passed on, and the second one, or the time limit, kills all of them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from listener.cli.problems import ENVIRONMENT, Problem, Reported
from listener.cli.processes.listening_process import End, ListeningProcess
from listener.cli.stopping import STOP_SECONDS, StopSignals
from listener.cli.systemd import Systemd
from listener.concurrency import task_group
from listener.documents import confinement

if TYPE_CHECKING:
    from listener.settings import Settings

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
SOUND_SECONDS = 60.0  # one that lived so long is started again soon
LATER_SECONDS = 2.0  # each process ends in time by itself

log = logging.getLogger(__name__)


class Supervisor:
    """Keeps ``processes`` of them running. ``turns``: a file by which they take turns to log, or -1."""

    def __init__(
        self, settings: Settings, processes: int, wait: float, form: str, signals: StopSignals, turns: int
    ) -> None:
        self._settings = settings
        self._count = processes
        self._arguments = (processes, wait, form, turns)
        self._passed = (turns,) if turns >= 0 else ()
        self._signals = signals
        self._systemd = Systemd(os.environ)
        self._processes: dict[int, ListeningProcess] = {}
        self._restarts = dict.fromkeys(range(1, processes + 1), 0)
        self._first_ready = asyncio.Event()
        self._said_all = False

    async def run(self) -> None:
        """Run until a signal. Raises Reported if they can't run, OperatorError ``metrics_not_served``."""
        confinement.hide()  # own steps run under this user, and its environment has the database's password
        grace = self._settings.grace_seconds
        self._signals.attach(grace + STOP_SECONDS + LATER_SECONDS, self._kill)
        async with self._serving(), self._systemd.watching():
            try:
                await self._signals.unless_asked(self._supervise())
                if self._signals.asked:
                    log.info("stopping %d processes: running work has %g seconds to end", len(self._processes), grace)
                    self._systemd.stopping(f"stopping, at most {grace:g} seconds")
            finally:
                await self._stop(grace)
        log.info("stopped")
        self._signals.end_if_asked()

    async def _supervise(self) -> None:
        async with task_group() as tasks:
            tasks.start_soon(self._keep, 1)
            await self._first_ready.wait()
            for number in range(2, self._count + 1):
                tasks.start_soon(self._keep, number)

    async def _keep(self, number: int) -> None:
        """Run process ``number``, again and again; raises Reported if none can run."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            began = time.monotonic()
            pid, was_ready, end = await self._live(number)
            if not was_ready and not self._processes:
                raise Reported(end.as_problem())
            pause = FIRST_PAUSE_SECONDS if time.monotonic() - began > SOUND_SECONDS else pause
            message = "process %d ended: %s; it is started again in %g s"
            about = {"pid": pid, "code": end.problem.code, "hint": end.problem.hint} if end.problem else {"pid": pid}
            log.warning(message, number, end.said, pause, extra=about)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            self._restarts[number] += 1

    async def _live(self, number: int) -> tuple[int | None, bool, End]:
        """Start process ``number`` and wait for its end; returns its pid, and whether it was ready before it ended."""
        try:
            process = await ListeningProcess.start(number, *self._arguments, pass_fds=self._passed)
        except OSError as error:
            hint = "Are the limits of processes and files high enough? See: ulimit -a"
            problem = Problem("process_ended", f"a process can't be started: {error.strerror}", hint, ENVIRONMENT)
            return None, False, End(ENVIRONMENT, problem)
        self._processes[number] = process
        status = await process.ready()
        if status is not None:
            self._listens(status)
        end = await process.ended()
        del self._processes[number]
        return process.pid, status is not None, end

    def _listens(self, status: str) -> None:
        """A process has become ready: the others may start; say so when all are, and systemd each time."""
        ready = sum(process.is_ready for process in self._processes.values())
        if not self._first_ready.is_set():
            self._systemd.ready(f"1 of {self._count} processes, {status}")
        self._first_ready.set()
        self._systemd.report(f"STATUS={ready} of {self._count} processes, {status}")
        if ready == self._count:
            log.info("all %d processes listen", ready)

    async def _stop(self, grace: float) -> None:
        """Let all of them stop as on a signal, those that were about to be started again included."""
        try:
            with anyio.move_on_after(grace + STOP_SECONDS + LATER_SECONDS):
                for process in self._processes.values():
                    process.send_signal(signal.SIGTERM)
                await asyncio.gather(*(process.ended() for process in self._processes.values()))
        finally:
            self._kill()

    def _kill(self) -> None:
        """End what is left at once, as a second signal does."""
        for process in [*self._processes.values()]:
            process.send_signal(signal.SIGKILL)

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        """Serve everybody's figures for the time of a block, if there is a port for them."""
        if not self._settings.metrics_port:
            yield
            return
        from listener.engine.joined import Joined
        from listener.engine.scrapes import Scrapes

        joined = Joined()

        async def page(accept: str) -> tuple[bytes, str]:
            pages = dict.fromkeys(self._restarts, "")
            asked = [*self._processes.values()]
            answers = await asyncio.gather(*(process.figures() for process in asked))
            pages |= {process.number: answer for process, answer in zip(asked, answers, strict=True)}
            return joined.page(accept, pages, self._restarts)

        scrapes = Scrapes(page)
        await scrapes.serve(self._settings.metrics_host, self._settings.metrics_port)
        try:
            yield
        finally:
            await scrapes.close()
