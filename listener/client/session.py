"""What all calls send their statements through: fills in the schema, shows the SQL if asked, translates errors."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg

from listener.client import statements
from listener.client.transport import Connections, Single, Waited
from listener.database.connections import client_connection
from listener.database.repeating import repeated
from listener.database.translation import translate_errors

CLOSE_SECONDS = 2.0
_PARAMETER = re.compile(r"\$(\d+)")

Show = Callable[[str], None]


class Session:
    """A way to Postgres. ``show`` is called with each statement before it is sent, as psql takes it."""

    def __init__(self, connections: Connections, schema: str, show: Show | None = None) -> None:
        self._connections = connections
        self._schema = schema
        self._quoted = schema if schema == "public" else '"' + schema.replace('"', '""') + '"'
        self._show = show

    @property
    def in_transaction(self) -> bool:
        """Whether statements are part of a transaction that somebody opened."""
        return self._connections.in_transaction

    async def rows(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """Send a statement and return its rows; raises IngestError.

        Outside of a transaction it is sent again where another one was in its way; inside, that is ``try_again``.
        """
        text = self.written(statement)
        if self._show:
            self._show(as_psql(text, *values))
        send = partial(self._connections.rows, text, *values)
        with translate_errors():
            return await (send() if self.in_transaction else repeated(send))

    async def value(self, statement: str, *values: Any) -> Any:
        """Send a statement and return the first column of its first row; None without a row."""
        rows = await self.rows(statement, *values)
        return rows[0][0] if rows else None

    def written(self, statement: str) -> str:
        """Return ``statement`` with the schema in it."""
        return statement.format(schema=self._quoted)

    def show(self, text: str) -> None:
        """Show what is sent otherwise."""
        if self._show:
            self._show(text)

    def quiet(self) -> Session:
        """Return the same way, which shows nothing."""
        return Session(self._connections, self._schema)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """Open a transaction for the time of a block: what goes by way of what this yields is part of it."""
        async with AsyncExitStack() as ending:
            with translate_errors():
                one = await ending.enter_async_context(self._connections.transaction())
            self.show("begin;")
            yield Session(one, self._schema, self._show)
            with translate_errors():  # what the block itself raises is the caller's
                await ending.pop_all().aclose()
            self.show("commit;")

    @asynccontextmanager
    async def waiting(self, requests: Iterable[UUID]) -> AsyncIterator[Waited]:
        """Hear of the ends of ``requests``, for the time of a block. What has ended before is the caller's to see."""
        with translate_errors():
            channel = await self.quiet().value(statements.CHANNEL) if await self._connections.hears() else None
            if channel:
                self.show(f'listen "{channel}";')
            async with self._connections.ends(channel, self.written(statements.UNFINISHED)).waiting(requests) as waited:
                yield waited

    @asynccontextmanager
    async def ringing(self, kinds: Iterable[str]) -> AsyncIterator[asyncio.Event | None]:
        """Yield an event that these notifications set, for the time of a block; None: it can't receive them."""
        heard = asyncio.Event()
        with translate_errors():
            if not await self._connections.hears():
                yield None
                return
            channels = [await self.quiet().value(statements.CHANNEL_OF, kind) for kind in kinds]
            for channel in channels:
                self.show(f'listen "{channel}";')
            async with self._connections.listening(channels, lambda *_: heard.set()):
                yield heard

    @asynccontextmanager
    async def listening(self, channel: str) -> AsyncIterator[asyncio.Event]:
        """Give an event that is set by a notification on ``channel``."""
        heard = asyncio.Event()
        async with self._connections.listening([channel], lambda *_: heard.set()):
            yield heard


@asynccontextmanager
async def open_session(dsn: str, schema: str, show: Show | None = None) -> AsyncIterator[Session]:
    """Open one connection for the time of a block; raises OperatorError ``database_unreachable``."""
    connection = await client_connection(dsn)
    try:
        yield Session(Single(connection), schema, show)
    finally:
        with suppress(asyncio.TimeoutError):  # it is cut then, for example where the server has frozen
            await connection.close(timeout=CLOSE_SECONDS)


def as_psql(text: str, *values: object) -> str:
    """Return a statement as psql takes it, with ``values`` written out where it has ``$1`` and so on."""
    return _PARAMETER.sub(lambda number: _literal(values[int(number[1]) - 1]), text) + ";"


def _literal(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return str(value) if value >= 0 else f"({value})"  # a cast binds more tightly than a minus
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'"
    if isinstance(value, (list, tuple)):
        return f"array[{', '.join(map(_literal, value))}]"
    assert isinstance(value, (str, UUID, datetime, timedelta))
    return "'" + str(value).replace("'", "''") + "'"
