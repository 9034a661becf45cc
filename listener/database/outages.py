"""Postgres goes away and comes back: what that looks like to a driver, and waiting for it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import anyio
import asyncpg
import psycopg
from sqlalchemy import event, exc
from sqlalchemy.engine import Engine, ExceptionContext

T = TypeVar("T")

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.05

OUTAGE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InsufficientResourcesError,  # no connection left, disk full, out of memory
    asyncpg.ReadOnlySQLTransactionError,  # a failover that our connection has not followed yet, or an operator's wish
    asyncpg.InternalClientError,  # a pool resets a connection that Postgres has just ended, and hides the reason
    exc.OperationalError,  # the same, seen by DBOS
    exc.TimeoutError,
    OSError,  # refused, unreachable, no such socket, a name that does not resolve; of two addresses a plain OSError
    asyncio.TimeoutError,  # before Python 3.11 no OSError
)
"""What is raised while Postgres is away, restarts, can't write or has no connection left: it is worth trying again."""

GONE = (asyncpg.UndefinedFunctionError, asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError)
"""What is raised when a newer program has migrated the schema, or somebody has dropped it: to try again can't help."""

BLOCKED = (asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError, asyncpg.SerializationError)
"""What is raised where others are in the way: nothing was changed, and it is worth trying again."""
AMBIGUOUS = (OSError, asyncio.TimeoutError)
DRIVERS = ("asyncpg", "psycopg", "sqlalchemy")
REPEATED = ("25006", "40001")  # read-only for a while; a conflict with another transaction


class Pause:
    """Waits between tries, each time about twice as long as before, up to ``longest`` seconds."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._seconds = FIRST_PAUSE_SECONDS

    async def wait(self) -> None:
        """Wait before the next try."""
        await anyio.sleep(self._seconds * random.uniform(0.5, 1.0))
        self._seconds = min(self._seconds * 2, self._longest)

    def reset(self) -> None:
        """Begin with a short one again: a try has succeeded."""
        self._seconds = FIRST_PAUSE_SECONDS


async def retry_on_outage(call: Callable[[], Awaitable[T]]) -> T:
    """Make a call that may be repeated, and repeat it while Postgres is away or it met a deadlock."""
    pause = Pause(longest=5.0)
    while True:
        try:
            return await call()
        except BLOCKED as error:
            log.warning("waiting for a lock that another transaction holds: %s", error)
        except GONE as error:
            await _wait_to_be_ended(error)
        except OUTAGE as error:
            if not is_outage(error):
                raise
            log.warning("waiting for Postgres: %s", named(error))
        await pause.wait()


@contextmanager
def waiting_for_postgres(who: str) -> Iterator[None]:
    """End a block cleanly if Postgres goes away or a lock is unavailable; the log says that ``who`` waits."""
    try:
        yield
    except OUTAGE as error:
        log.warning("%s: waiting for Postgres: %s", who, named(error))
    except BLOCKED as error:
        log.warning("%s: waiting for a lock that another transaction holds: %s", who, error)


def named(error: BaseException) -> str:
    """Return what an error says; of a silent one its name."""
    return str(error) or type(error).__name__


_gone: list[str] = []


def gone_function() -> str | None:
    """Return Postgres's message about a function lost as its schema was migrated or dropped; otherwise None."""
    return _gone[0] if _gone else None


async def _wait_to_be_ended(error: asyncpg.PostgresError) -> None:
    """Leave everything as it is: the heartbeat is about to end this listener, and newer ones continue its work."""
    _gone.append(str(error))
    await anyio.sleep_forever()


def is_outage(error: BaseException) -> bool:
    """Tell whether an error says that Postgres is away; a file that is missing or a parser that is late does not."""
    if isinstance(error, asyncpg.DataError):  # an InterfaceError too, but the same value is refused again
        return False
    return isinstance(error, OUTAGE) and (not isinstance(error, AMBIGUOUS) or _comes_from_a_driver(error))


def _comes_from_a_driver(error: BaseException) -> bool:
    trace = error.__traceback__
    while trace is not None:
        if str(trace.tb_frame.f_globals.get("__name__")).partition(".")[0] in DRIVERS:
            return True
        trace = trace.tb_next
    return False


def treat_as_disconnect() -> None:
    """Have DBOS try again where it would give a workflow up: SQLAlchemy tells it that the connection was lost.

    By itself it takes only some texts of the driver for one: not ``connection is bad``, which psycopg says of a Unix
    socket that is not there, not a database that is read-only for a while, and no serialization failure.
    """
    if not event.contains(Engine, "handle_error", _mark_as_disconnect):
        event.listen(Engine, "handle_error", _mark_as_disconnect)


def _mark_as_disconnect(context: ExceptionContext) -> None:
    error = context.original_exception
    unconnected = context.connection is None and isinstance(error, psycopg.OperationalError)
    if unconnected or (isinstance(error, psycopg.Error) and error.sqlstate in REPEATED):
        context.is_disconnect = True
