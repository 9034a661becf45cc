"""A verb's way to the database: settings, the server, and a connection that can show what it sends."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

from listener.cli.output import Output, Row
from listener.cli.problems import SIGNALLED, Stopped

if TYPE_CHECKING:
    import asyncpg

    from listener.settings import Settings

T = TypeVar("T")
_PARAMETER = re.compile(r"\$(\d+)")


def load_settings() -> Settings:
    """Read the settings; raises OperatorError ``wrong_setting``."""
    from listener import settings

    return settings.load()


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
            _end_at_once(number)
        caught.append(number)
        task.cancel()

    handle_signals(stop)
    try:
        return await task
    except asyncio.CancelledError:
        raise Stopped(caught[0] if caught else signal.SIGINT) from None


def handle_signals(act: Callable[[int], None]) -> None:
    """Have the running loop call ``act`` with the number of each SIGINT and SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, act, number)


def _end_at_once(number: int) -> None:
    os._exit(SIGNALLED + number)


async def find_dsn(settings: Settings, output: Output) -> str:
    """Return the DSN that is set, or that of the embedded server, which is started if it does not run."""
    if settings.database_url:
        return settings.database_url
    from listener import embedded

    return (await embedded.start(settings.data_dir, progress=output.note)).dsn()


def masked(dsn: str) -> str:
    """Return ``dsn`` without its passwords."""
    try:
        parts = urlsplit(dsn)
        user, at, host = parts.netloc.rpartition("@")
        name, colon, _ = user.partition(":")
    except ValueError:
        return "***"
    pairs = [(key, "***" if "password" in key.lower() else value) for key, value in parse_qsl(parts.query)]
    netloc = f"{name}{':***' if colon else ''}{at}{host}"
    return parts._replace(netloc=netloc, query=urlencode(pairs, safe="/*")).geturl()


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement with ``$1``… for its ``values``."""

    text: str
    values: tuple[Any, ...] = ()

    def shown(self) -> str:
        """Return the statement as psql takes it, with the values written out."""
        return _PARAMETER.sub(lambda number: literal(self.values[int(number[1]) - 1]), self.text) + ";"


def literal(value: Any) -> str:
    """Return ``value`` as an SQL literal."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'"
    if isinstance(value, (str, UUID, datetime)):
        return "'" + str(value).replace("'", "''") + "'"
    return f"array[{', '.join(literal(item) for item in value)}]"


@dataclass(frozen=True)
class Session:
    """An open connection; with ``show_sql`` it tells ``output`` what it sends."""

    connection: asyncpg.Connection
    output: Output
    show_sql: bool = False

    async def rows(self, text: str, *values: Any) -> list[Row]:
        """Send a statement and return its rows; values of type jsonb come as Python values."""
        self.show(Statement(text, values).shown)
        return [dict(record) for record in await self.connection.fetch(text, *values)]

    async def row(self, text: str, *values: Any) -> Row | None:
        """Send a statement and return its first row."""
        rows = await self.rows(text, *values)
        return rows[0] if rows else None

    async def value(self, text: str, *values: Any) -> Any:
        """Send a statement and return the first column of its first row."""
        row = await self.row(text, *values)
        return next(iter(row.values())) if row else None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Open a transaction for the time of a block."""
        self.show(lambda: "begin;")
        async with self.connection.transaction():
            yield
        self.show(lambda: "commit;")

    def show(self, text: Callable[[], str]) -> None:
        """Show SQL if that is asked for."""
        if self.show_sql:
            self.output.sql(text())


@asynccontextmanager
async def open_session(
    settings: Settings, dsn: str, output: Output, *, show_sql: bool = False
) -> AsyncIterator[Session]:
    """Open a session for the time of a block; raises OperatorError if the database does not answer."""
    from listener.database.connections import open_database

    database = await open_database(settings, dsn)
    async with database.session() as connection:
        await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=str, decoder=json.loads)
        session = Session(connection, output, show_sql)
        if settings.schema_ != "public":
            session.show(lambda: f"set search_path = {database.search_path()};")
        yield session
