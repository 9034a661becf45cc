"""A program's way to Postgres: a pool, or one connection of the caller's own, with whatever transaction it is in."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg

AnyConnection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
Rung = Callable[..., None]
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Pooled:
    """Statements go over any connection of a pool; one of them hears notifications, while somebody waits."""

    in_transaction = False

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def rows(self, text: str, *values: Any) -> list[asyncpg.Record]:
        """Send a statement and return its rows."""
        return list(await self._pool.fetch(text, *values))

    @asynccontextmanager
    async def listening(self, channel: str, rung: Rung) -> AsyncIterator[None]:
        """Have ``rung`` called for each notification on ``channel``, for the time of a block."""
        if self._pool.get_max_size() == 1:  # a listener would keep everybody, itself included, from the one connection
            yield
            return
        async with self._pool.acquire() as connection, _listening(connection, channel, rung):
            yield

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Single]:
        """Take a connection and open a transaction on it, for the time of a block."""
        async with self._pool.acquire() as connection, connection.transaction():
            yield Single(connection)

    def ends(self, channel: str) -> Ends:
        """Return what rings on ``channel``: the same for all who wait by way of this pool, in any ``connect`` block."""
        key = (id(self._pool), channel)
        return _ENDS.setdefault(key, Ends(self, channel, partial(_ENDS.pop, key, None)))


class Single:
    """Statements go over one connection, one after the other, inside the transaction that it is in."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()

    @property
    def in_transaction(self) -> bool:
        return bool(self._connection.is_in_transaction())

    async def rows(self, text: str, *values: Any) -> list[asyncpg.Record]:
        """Send a statement and return its rows."""
        async with self._turn:
            return list(await self._connection.fetch(text, *values))

    @asynccontextmanager
    async def listening(self, channel: str, rung: Rung) -> AsyncIterator[None]:
        """Have ``rung`` called for each notification on ``channel``, for the time of a block."""
        async with _listening(self._connection, channel, rung, self._turn):
            yield

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Single]:
        """Open a transaction, or a savepoint in the one that it is in, for the time of a block."""
        async with self._connection.transaction():
            yield self

    def ends(self, channel: str) -> Ends:
        """Return what rings on ``channel``."""
        return Ends(self, channel)


Connections = Pooled | Single


class Ends:
    """Wakes those who wait when their requests end: LISTENs once for all of them, while somebody waits."""

    def __init__(self, connections: Connections, channel: str, forget: Callable[[], object] = bool) -> None:
        self._connections = connections
        self._channel = channel
        self._forget = forget
        self._waiting: dict[asyncio.Event, frozenset[str]] = {}
        self._change = asyncio.Lock()
        self._listening = AsyncExitStack()

    @asynccontextmanager
    async def bell(self, requests: Iterable[UUID]) -> AsyncIterator[asyncio.Event]:
        """Give an event that is set when one of ``requests`` has ended."""
        bell = asyncio.Event()
        async with self._change:
            if not self._waiting:
                await self._listening.enter_async_context(self._connections.listening(self._channel, self._rung))
            self._waiting[bell] = frozenset(map(str, requests))
        try:
            yield bell
        finally:
            async with self._change:
                del self._waiting[bell]
                if not self._waiting:
                    self._forget()
                    await self._listening.aclose()

    def _rung(self, _connection: object, _pid: int, _channel: str, payload: str) -> None:
        ended = set(_ID.findall(payload))
        for bell, requests in self._waiting.items():
            if not ended.isdisjoint(requests):
                bell.set()


_ENDS: dict[tuple[int, str], Ends] = {}
"""Those of pools, while somebody waits: if each wait kept a connection, enough of them would block each other."""


@asynccontextmanager
async def _listening(
    connection: AnyConnection, channel: str, rung: Rung, turn: asyncio.Lock | None = None
) -> AsyncIterator[None]:
    turn = turn or asyncio.Lock()
    async with turn:
        await connection.add_listener(channel, rung)
    try:
        yield
    finally:
        async with turn:
            if not connection.is_closed():
                await connection.remove_listener(channel, rung)
