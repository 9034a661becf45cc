"""A database restored from a copy: nothing starts in it until somebody has confirmed that work continues there.

::

    first listener ─► the place is remembered: cluster, database, table, timeline
    a listener starts, or is still running ─► same place? ─► no: it waits, and says so ─► confirmed ─► it works there

Else a copy for tests, or yesterday's backup, would pay, delete and publish once more what the original did.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable

import anyio
import asyncpg

from listener.errors import OperatorError

log = logging.getLogger(__name__)

RESTORED = "IG025"
LOOK_SECONDS = 1.0
REPEAT_SECONDS = 60.0


async def when_confirmed(begin: Callable[[], Awaitable[None]]) -> None:
    """Do ``begin``; as long as the database refuses it as restored, wait, and say so each minute."""
    reported_at = float("-inf")
    while True:
        try:
            return await begin()
        except asyncpg.PostgresError as error:
            if error.sqlstate != RESTORED:
                raise
            if time.monotonic() - reported_at >= REPEAT_SECONDS:
                log.warning("waiting: %s", restored(error), extra={"code": "restored_database"})
                reported_at = time.monotonic()
        await anyio.sleep(LOOK_SECONDS)


def restored(error: asyncpg.PostgresError) -> OperatorError:
    """Return the error of a listener whose database was restored from a copy."""
    return OperatorError("restored_database", error.message or str(error), error.hint or "")
