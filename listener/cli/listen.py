"""``listen``: one listener in the foreground, for a supervisor to watch; of one process or several."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from listener import logs
from listener.cli import arguments
from listener.cli.problems import UsageProblem
from listener.cli.processes.cores import processes_for
from listener.cli.running import importing, load_settings
from listener.cli.stopping import STOP_SECONDS, StopSignals
from listener.cli.systemd import Systemd
from listener.errors import OperatorError
from listener.pipeline.one_of import OneOf

if TYPE_CHECKING:
    from listener.cli.watchdog import Watchdog
    from listener.service import Listener
    from listener.settings import Settings

RETRY_SECONDS = 1.0

Page = Callable[[], Coroutine[Any, Any, str]]
"""Returns a process's figures, as text."""

log = logging.getLogger(__name__)


class Reports(Protocol):
    """Whoever is told how a process is: systemd, or the supervisor of several processes."""

    def ready(self, status: str, figures: Page) -> None:
        """Requests are claimed."""

    def stopping(self, status: str) -> None:
        """No more are."""

    def watching(self) -> AbstractAsyncContextManager[None]:
        """Have it watch the event loop for the time of a block."""


def listen(
    wait_for_database: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long to wait if the database is down at the start.")
    ] = 0.0,
    processes: Annotated[
        str | None, typer.Option(metavar="N|auto", help="Processes, for more than one core; else INGEST_PROCESSES.")
    ] = None,
    as_json: arguments.Json = False,
) -> None:
    """Run a listener until SIGTERM or SIGINT: it claims requests as they are committed and ingests them.

    Start as many as you like, on as many machines. Local sources are read only below INGEST_ROOTS. Logs go to
    stderr, a line an event; with --json, or INGEST_LOG_FORMAT=json, a JSON object an event.

    A signal stops it cleanly: work that ends within INGEST_GRACE_SECONDS ends, the rest is left to other listeners or
    the next start, and the exit status is 0. A second signal ends it at once, with 143 or 130. If the database is down
    at the start, the exit status is 5, so that a supervisor starts it again; later it waits until the database is back.

    A process uses one core. With --processes it has several, with one log and one end: if one of them dies, it is
    started again; what is wrong for all ends it.

    \b
    INGEST_ROOTS=/srv/docs ingest listen
    INGEST_ROOTS=/srv/docs ingest listen --processes 4
    INGEST_DATABASE_URL=postgresql://app@db/app ingest listen --wait-for-database 60 --json
    """
    signals = StopSignals()
    settings = _with_processes(load_settings(), processes)
    count = processes_for(settings)
    form = "json" if as_json else settings.log_format
    turns = logs.turns() if count > 1 else -1
    logs.to_stderr(settings.log_level, form, 0 if count > 1 else None, turns)
    _warn(settings)
    if count == 1:
        asyncio.run(serve(settings, wait_for_database, signals, form, Systemd(os.environ), OneOf()))
    else:
        from listener.cli.processes.supervisor import Supervisor

        asyncio.run(Supervisor(settings, count, wait_for_database, form, signals, turns).run())


def _with_processes(settings: Settings, given: str | None) -> Settings:
    from listener.settings.numbers import processes_of

    try:
        return settings if given is None else settings.model_copy(update={"processes": processes_of(given)})
    except ValueError as error:
        raise UsageProblem("usage", f"--processes {given}: {error}", "ingest listen --help") from None


def _warn(settings: Settings) -> None:
    from listener.settings import misspelt
    from listener.sources.folder_roots import unreadable

    for name, meant in misspelt(os.environ):
        log.warning("%s is set, but nothing reads it; was %s meant?", name, meant)
    for folder in settings.folders:
        if problem := unreadable(str(folder)):
            log.warning(
                "the root %s %s: mount it, or correct INGEST_ROOTS; until then its requests fail", folder, problem
            )


async def serve(
    settings: Settings,
    most_seconds: float,
    signals: StopSignals,
    form: str,
    reports: Reports,
    one_of: OneOf,
) -> None:
    """Run a listener, or one process of it, until a signal; raises what ends it. Waits so long for the database."""
    signals.attach(settings.grace_seconds + STOP_SECONDS)
    from listener.cli.watchdog import Watchdog

    with importing():
        from listener import service

    dsn = await signals.unless_asked(_database(settings, most_seconds))
    if dsn is not None:
        watchdog = Watchdog(settings.lease_seconds, form, one_of)
        await _run(service.Listener(settings, dsn, one_of), settings, dsn, signals, watchdog, reports)
    log.info("stopped")
    signals.end_if_asked()


async def _run(
    listener: Listener, settings: Settings, dsn: str, signals: StopSignals, watchdog: Watchdog, reports: Reports
) -> None:
    async with reports.watching(), watchdog.watching(), stopped_afterwards(listener):
        await signals.unless_asked(listener.start())
        watchdog.begin()
        if not signals.asked:
            ready = ready_line(settings, dsn, listener.executor_id)
            log.info(ready)
            reports.ready(ready, listener.figures)
            await signals.unless_asked(listener.wait())
        if signals.asked:
            log.info("stopping: running work has %g seconds to end", settings.grace_seconds)
            reports.stopping(f"stopping, at most {settings.grace_seconds:g} seconds")


@asynccontextmanager
async def running(listener: Listener) -> AsyncIterator[None]:
    """Have ``listener`` run for the time of a block."""
    async with stopped_afterwards(listener):
        await listener.start()
        yield


@asynccontextmanager
async def stopped_afterwards(listener: Listener) -> AsyncIterator[None]:
    """Stop ``listener`` at the end of a block, however far it had started; an error of the block is the one raised."""
    try:
        yield
    except BaseException:
        with suppress(Exception):
            await listener.stop()
        raise
    await listener.stop()


async def _database(settings: Settings, most_seconds: float) -> str:
    from listener.database.connections import open_database
    from listener.database.dsn import find_dsn

    deadline = time.monotonic() + most_seconds
    is_reported = False
    while True:
        try:
            dsn = await find_dsn(settings)
            await open_database(settings, dsn)
        except OperatorError as error:
            if error.code != "database_unreachable" or time.monotonic() >= deadline:
                raise
            if not is_reported:
                log.warning("%s; trying again for %g seconds", error.message, most_seconds)
            is_reported = True
            await asyncio.sleep(min(RETRY_SECONDS, max(deadline - time.monotonic(), 0)))
        else:
            return dsn


def ready_line(settings: Settings, dsn: str, executor_id: str) -> str:
    """Return what a listener says when it is ready."""
    from listener.database.dsn import shown

    urls = [root for root in settings.roots if not root.startswith("/")]
    roots = ", ".join(map(str, (*settings.folders, *urls))) or "none (sources need INGEST_ROOTS)"
    return (
        f"listening on {shown(dsn)}, schema {settings.schema_}, {settings.concurrency} places, roots {roots},"
        f" as {executor_id}"
    )
