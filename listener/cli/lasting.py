"""The way to Postgres of a server that stays: opened when it is first needed, and again after it was lost."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TypeVar

import anyio

from listener.client import POOL_SIZE, Ingest, connect
from listener.errors import OperatorError

T = TypeVar("T")


class LastingWay:
    """Sends calls over a pool, each on a connection of its own. A context manager, which closes the pool."""

    def __init__(self, connections: int = POOL_SIZE) -> None:
        self._connections = connections
        self._turn = anyio.Lock()
        self._opened = AsyncExitStack()
        self._ingest: Ingest | None = None

    async def __aenter__(self) -> LastingWay:
        logging.getLogger("asyncpg.pool").setLevel("CRITICAL")  # tracebacks for: Postgres is away
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._opened.aclose()

    async def use(self, call: Callable[[Ingest], Awaitable[T]], *, changes: bool = False) -> T:
        """Return what ``call`` returns. It is made twice where the connection turns out to be lost, unless it changes.

        Raises IngestError.
        """
        try:
            return await self._once(call)
        except OperatorError as error:
            if changes or error.code != "database_lost":
                raise
        return await self._once(call)

    async def _once(self, call: Callable[[Ingest], Awaitable[T]]) -> T:
        try:
            return await call(await self._open())
        except OSError as error:  # a socket that no longer exists
            raise OperatorError("database_lost", f"the connection to Postgres was lost: {error}", _LATER) from None

    async def _open(self) -> Ingest:
        async with self._turn:
            if self._ingest is None:
                self._ingest = await self._opened.enter_async_context(connect(connections=self._connections))
            return self._ingest


_LATER = "Try again when Postgres is back. To look into it: ingest doctor"
