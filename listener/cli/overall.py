"""``status --watch`` without an ID: how it all goes, again and again, through restarts of the database."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import anyio

from listener.cli.fitting import Line
from listener.cli.follow import QUIET_SECONDS
from listener.cli.output import Output, as_text
from listener.cli.running import open_ingest
from listener.cli.situation_lines import lines_of
from listener.errors import OperatorError

if TYPE_CHECKING:
    from rich.live import Live

    from listener.client.situation import Situation

AWAY = {"database_lost", "database_unreachable"}
AGAIN_SECONDS = 1.0


class View(Protocol):
    """Where it is shown."""

    def show(self, now: Situation) -> None: ...
    def lost(self, error: OperatorError) -> None: ...


async def watch_situation(output: Output, show_sql: bool) -> None:
    """Show how it all goes until a signal comes; a database that goes away is waited for, once it has been there."""
    seen = False
    with _view(output) as view:
        while True:
            try:
                async with open_ingest(output, show_sql) as ingest, aclosing(ingest.situations()) as looks:
                    async for now in looks:
                        view.show(now)
                        seen = True
            except OperatorError as error:
                if not seen or error.code not in AWAY:
                    raise
                view.lost(error)
            await anyio.sleep(AGAIN_SECONDS)


@contextmanager
def _view(output: Output) -> Iterator[View]:
    if output.terminal:
        from rich.live import Live

        with Live(console=output.console, auto_refresh=False) as live:
            yield _Screen(output, live)
    else:
        yield _Changes(output)


class _Screen:
    """The lines stay where they are, and are overwritten."""

    def __init__(self, output: Output, live: Live) -> None:
        self._output = output
        self._live = live
        self._lines: list[Line] = []

    def show(self, now: Situation) -> None:
        self._lines = lines_of(now, self._output.width, shutil.get_terminal_size().lines - 2)
        self._update(f"{now.at.astimezone():%H:%M:%S}, Ctrl-C to quit", "dim")

    def lost(self, error: OperatorError) -> None:
        self._update(f"{datetime.now().astimezone():%H:%M:%S}, {error.code}: waiting for the database", "red")

    def _update(self, head: str, style: str) -> None:
        from rich.console import Group

        self._live.update(Group(as_text([(head, style)]), *map(as_text, self._lines)), refresh=True)


class _Changes:
    """Lines, or a JSON object, each time that something changed; where only figures did, every two seconds at most."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._last: tuple[object, object] = None, None
        self._written_at = 0.0
        self._lost = False

    def show(self, now: Situation) -> None:
        kinds, figures = _kinds(now), _figures(now)
        is_due = self._output.json or time.monotonic() - self._written_at >= QUIET_SECONDS
        if kinds != self._last[0] or (is_due and figures != self._last[1]) or self._lost:
            self._last, self._written_at, self._lost = (kinds, figures), time.monotonic(), False
            self._output.value(now)
            self._output.line(f"{now.at.astimezone().isoformat(sep=' ', timespec='seconds')}")
            for line in lines_of(now, 10**6):
                self._output.pieces([("  ", ""), *line])

    def lost(self, error: OperatorError) -> None:
        if not self._lost:
            self._output.note(f"{error.code}: waiting for the database")
        self._lost = True


def _kinds(now: Situation) -> object:
    """Return what changes seldom: which listeners there are, what is waited for, what fails."""
    listeners = None if now.listeners is None else [one.executor_id for one in now.listeners]
    failing = None if now.failing is None else [one.code for one in now.failing]
    return listeners, [one.kind for one in now.waiting], failing, now.watches and now.watches.troubled


def _figures(now: Situation) -> object:
    """Return all of it but the time and what goes with that: a listener's silence, and the speed of what is over."""
    listeners = [replace(one, silent_seconds=0.0) for one in now.listeners or ()]
    speeds = now.documents_per_second, now.chunks_per_second
    rounded = [float(f"{speed:.2g}") if speed and now.running else None for speed in speeds]
    lasting = replace(now, at=now.at.min, listeners=listeners, documents_per_second=None, chunks_per_second=None)
    return lasting, rounded
