"""A program's way to Postgres: a pool, or one connection of the caller's own, with whatever transaction it is in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any
from uuid import UUID

import anyio
import asyncpg

from listener.database.poolers import goes_through_pooler

LOOK_SECONDS = 1.0  # how often waits look although nothing rang
COALESCE_SECONDS = 0.05  # anybody may ring: so often at most they look

AnyConnection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
Rung = Callable[..., None]


class Pooled:
    """Statements go over any connection of a pool; one of them receives notifications while somebody waits."""

    in_transaction = False

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._hears: bool | None = None

    async def rows(self, text: str, *values: Any) -> list[asyncpg.Record]:
        """Send a statement and return its rows."""
        return list(await self._pool.fetch(text, *values))

    async def hears(self) -> bool:
        """Tell whether it can listen: a LISTEN through a pooler may stay in a session that others get."""
        if self._pool.get_max_size() == 1:  # a listener would keep everybody, itself included, from the one connection
            return False
        if self._hears is None:
            async with self._pool.acquire() as connection:
                self._hears = not await goes_through_pooler(connection)
        return self._hears

    @asynccontextmanager
    async def listening(self, channels: Sequence[str], rung: Rung) -> AsyncIterator[None]:
        """Have ``rung`` called for each notification on ``channels``, for the time of a block; takes one connection."""
        async with self._pool.acquire() as connection, _listening(connection, channels, rung):
            yield

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Single]:
        """Take a connection and open a transaction on it, for the time of a block."""
        async with self._pool.acquire() as connection, connection.transaction():
            yield Single(connection)

    def ends(self, channel: str | None, unfinished: str) -> Ends:
        """Return the receiver of notifications: one for all who wait on this pool, in any ``connect`` block."""
        key = (id(self._pool), channel)
        return _ENDS.setdefault(key, Ends(self, channel, unfinished, partial(_ENDS.pop, key, None)))


class Single:
    """Statements go over one connection, one after the other, inside the transaction that it is in."""

    def __init__(self, connection: AnyConnection) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()
        self._hears: bool | None = None

    @property
    def in_transaction(self) -> bool:
        return bool(self._connection.is_in_transaction())

    async def rows(self, text: str, *values: Any) -> list[asyncpg.Record]:
        """Send a statement and return its rows."""
        async with self._turn:
            return list(await self._connection.fetch(text, *values))

    async def hears(self) -> bool:
        """Tell whether it can listen: a LISTEN through a pooler may stay in a session that others get."""
        if self._hears is None:
            async with self._turn:
                self._hears = not await goes_through_pooler(self._connection)
        return self._hears

    @asynccontextmanager
    async def listening(self, channels: Sequence[str], rung: Rung) -> AsyncIterator[None]:
        """Have ``rung`` called for each notification on ``channels``, for the time of a block."""
        async with _listening(self._connection, channels, rung, self._turn):
            yield

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Single]:
        """Open a transaction, or a savepoint inside the present one, for the time of a block."""
        async with self._connection.transaction():
            yield self

    def ends(self, channel: str | None, unfinished: str) -> Ends:
        """Return the receiver of notifications."""
        return Ends(self, channel, unfinished)


Connections = Pooled | Single


class Waited:
    """The requests that somebody waits for: ``left`` has those that had not ended at the last look."""

    def __init__(self, requests: Iterable[UUID]) -> None:
        self.left = set(map(str, requests))
        self.unknown = False
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        """Return when one has ended, or it is not known whether, since a look failed (``unknown``)."""
        await self._changed.wait()
        self._changed.clear()

    def seen(self, ended: set[str]) -> None:
        """Remove those that have ended."""
        if not self.left.isdisjoint(ended):
            self.left -= ended
            self._changed.set()

    def unseen(self) -> None:
        """Have every waiter look for itself, and get its own error."""
        self.unknown = True
        self._changed.set()


class Ends:
    """Receives notifications that requests end, and looks which: once for all waiters within ``COALESCE_SECONDS``.

    A ring says nothing more. Who may not see a request learns from the look that it is not there.
    """

    def __init__(
        self, connections: Connections, channel: str | None, unfinished: str, forget: Callable[[], object] = bool
    ) -> None:
        """``channel``: None: nothing rings. ``unfinished``: the statement that tells which requests have not ended."""
        self._connections = connections
        self._channel = channel
        self._unfinished = unfinished
        self._forget = forget
        self._waiting: set[Waited] = set()
        self._change = asyncio.Lock()
        self._rang = asyncio.Event()
        self._open = AsyncExitStack()

    @asynccontextmanager
    async def waiting(self, requests: Iterable[UUID]) -> AsyncIterator[Waited]:
        """Look for the ends of ``requests``, for the time of a block. What has ended before is the caller's to see."""
        waited = Waited(requests)
        async with self._change:
            if not self._waiting:
                if self._channel:
                    await self._open.enter_async_context(self._connections.listening([self._channel], self._ring))
                await self._open.enter_async_context(_beside(self._look_again_and_again()))
            self._waiting.add(waited)
        try:
            yield waited
        finally:
            async with self._change:
                self._waiting.remove(waited)
                if not self._waiting:
                    self._forget()
                    await self._open.aclose()

    def _ring(self, *_: object) -> None:
        self._rang.set()

    async def _look_again_and_again(self) -> None:
        while True:
            with anyio.move_on_after(LOOK_SECONDS):
                await self._rang.wait()
            self._rang.clear()
            await self._look()
            await anyio.sleep(COALESCE_SECONDS)

    async def _look(self) -> None:
        waiting = [*self._waiting]  # those who come during this look have looked by themselves
        asked = {request for waited in waiting for request in waited.left}
        if not asked:
            return
        try:
            rows = await self._connections.rows(self._unfinished, [*asked])
        except Exception:  # each waiter gets its own error
            for waited in waiting:
                waited.unseen()
        else:
            ended = asked - {row["id"] for row in rows}
            for waited in waiting:
                waited.seen(ended)


_ENDS: dict[tuple[int, str | None], Ends] = {}
"""Those of pools, while somebody waits: if each wait kept a connection, enough of them would block each other."""


@asynccontextmanager
async def _listening(
    connection: AnyConnection, channels: Sequence[str], rung: Rung, turn: asyncio.Lock | None = None
) -> AsyncIterator[None]:
    turn = turn or asyncio.Lock()
    try:
        for channel in channels:
            async with turn:
                await connection.add_listener(channel, rung)
        yield
    finally:
        for channel in channels:
            async with turn:
                with suppress(asyncpg.InterfaceError):  # it broke, and was taken back by its pool
                    if not connection.is_closed():
                        await connection.remove_listener(channel, rung)


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run ``work`` in a separate task, for the time of a block; entering and leaving may be done by different tasks."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
