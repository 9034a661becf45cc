"""Postgres goes away and comes back: what that looks like to a driver, and waiting for it."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

T = TypeVar("T")

log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 5.0

OUTAGE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InternalClientError,  # a pool resets a connection that Postgres has just ended, and hides the reason
    ConnectionError,
    FileNotFoundError,  # a Unix socket that is not there
    socket.gaierror,
    TimeoutError,
    asyncio.TimeoutError,  # before Python 3.11 another class
)
"""What is raised while Postgres is away, restarts or has no connection left: it is worth trying again."""


async def patiently(call: Callable[[], Awaitable[T]]) -> T:
    """Make a call that may be repeated, and repeat it while Postgres is away or it met a deadlock."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return await call()
        except asyncpg.DataError:  # an InterfaceError too, but the same value is refused again
            raise
        except (asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError) as error:
            log.warning("waiting for a lock that another transaction holds: %s", error)
        except OUTAGE as error:
            log.warning("waiting for Postgres: %s", str(error) or type(error).__name__)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
