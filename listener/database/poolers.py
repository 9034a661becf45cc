"""Poolers between us and Postgres, such as PgBouncer: one in transaction mode gives each transaction any session.

What is set, prepared or locked in such a session affects the next client that gets it. Clients do without (see
``connections``); a program that can't needs its own session, or refuses to start.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import asyncpg

from listener.errors import OperatorError

_PID = "select pg_catalog.pg_backend_pid()"
_LOOKS = 3


async def goes_through_pooler(connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy) -> bool:
    """Tell whether a pooler is in between: it gives its clients other process ids."""
    return bool(await connection.fetchval(_PID) != connection.get_server_pid())


def pooled_elsewhere() -> OperatorError:
    """Return the error of a pooler that does not lead to where the listener is registered."""
    return OperatorError(
        "pooled_elsewhere",
        "INGEST_POOLER_URL does not lead to the database of INGEST_DATABASE_URL: this listener is not registered there",
        "Check its host, its database, and that it leads to the primary.",
    )


async def require_own_session(
    connection: asyncpg.Connection, connect: Callable[[], Awaitable[asyncpg.Connection]]
) -> None:
    """Raise OperatorError ``shared_sessions`` if others get the session of ``connection`` between its transactions.

    ``connect`` opens another connection of the same login. On a pooler that is busy the answer is a guess, a good one.
    """
    if not await goes_through_pooler(connection):
        return
    other = await connect()
    try:
        for _ in range(_LOOKS):
            mine = {await connection.fetchval(_PID), await connection.fetchval(_PID)}
            theirs = {await other.fetchval(_PID), await other.fetchval(_PID)}
            if len(mine) > 1 or mine & theirs:
                raise OperatorError(
                    "shared_sessions",
                    "a pooler gives each transaction another session of Postgres",
                    "Bypass it, or use its session mode. Applications may use it.",
                )
    finally:
        await other.close()
