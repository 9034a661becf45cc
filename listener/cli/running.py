"""How a verb runs: its signals, its settings, and its way to the database, which shows the SQL that goes there."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from listener.cli.output import Output
from listener.cli.problems import SIGNALLED, Stopped

if TYPE_CHECKING:
    from listener.client import Ingest, Session
    from listener.settings import Settings

T = TypeVar("T")


def load_settings() -> Settings:
    """Read the settings; raises OperatorError ``wrong_setting``."""
    from listener import settings

    return settings.load()


@contextmanager
def importing() -> Iterator[None]:
    """Look for no garbage while a block imports: it makes objects by the hundred thousand, and all of them stay."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def run(verb: Coroutine[Any, Any, T]) -> T:
    """Run ``verb``; the first SIGINT or SIGTERM cancels it and lets it clean up, the second ends the process.

    Raises Stopped after a signal.
    """
    return asyncio.run(_until_signal(verb))


async def _until_signal(verb: Coroutine[Any, Any, T]) -> T:
    task = asyncio.create_task(verb)
    caught: list[int] = []

    def stop(number: int) -> None:
        if caught:
            os._exit(SIGNALLED + number)
        caught.append(number)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        raise Stopped(caught[0] if caught else signal.SIGINT) from None


@asynccontextmanager
async def open_ingest(output: Output, show_sql: bool = False) -> AsyncIterator[Ingest]:
    """Give the verbs of the Python interface, over one connection; with ``show_sql`` they show what they send."""
    from listener.client import Ingest

    async with open_session_of(load_settings(), output, show_sql) as session:
        yield Ingest(session)


@asynccontextmanager
async def open_session_of(settings: Settings, output: Output, show_sql: bool = False) -> AsyncIterator[Session]:
    """Give one connection to the installation of some settings."""
    from listener.client import open_session
    from listener.database.dsn import find_dsn

    dsn = await find_dsn(settings, output.note)
    async with open_session(dsn, settings.schema_, output.sql if show_sql else None) as session:
        yield session
