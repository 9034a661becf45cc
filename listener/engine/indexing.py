"""Build, rebuild and drop ANN indexes as the owner: one round, by the session that holds the maintenance lock.

::

    the lock ─► what is next? (SQL decides) ─► create or drop, CONCURRENTLY ─► record the result ─► what is next? …

The lock is the session's: it goes when the session ends, however that comes about. So what is being built by our tables
while somebody else has the lock, nobody builds, and what is left of it is dropped. Waiting for old transactions keeps
nobody waiting but vacuum and other DDL; it ends after a while, and is tried again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import asyncpg

from listener.database import schemas
from listener.database.holdups import Patience
from listener.engine import index_rows
from listener.engine.index_rows import IndexTask
from listener.errors import OperatorError

log = logging.getLogger(__name__)

BUILD_WAIT_SECONDS = 1800.0
DROP_WAIT_SECONDS = 20.0
LEAST_MEMORY_KB = 65536
_ENDED = (asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError)
_LOCK = "select pg_catalog.pg_try_advisory_lock(ingest.ingest_lock_key('maintenance'::text))"
_MEMORY = """select pg_catalog.set_config('maintenance_work_mem', greatest(s.setting::bigint,
  least($1::bigint, $2::bigint))::text || 'kB', false)
from pg_catalog.pg_settings s where s.name = 'maintenance_work_mem'"""


@dataclass(frozen=True, slots=True)
class Indexed:
    """What was done with an index; ``error``: why it failed."""

    task: IndexTask
    seconds: float
    error: str | None


async def maintain(
    connection: asyncpg.Connection, memory_mb: int, say: Callable[[str], None] = log.info
) -> list[Indexed] | None:
    """Do all index work, on a session of the owner's; return None if another one is doing it."""
    if not await connection.fetchval(_LOCK):
        return None
    done: list[Indexed] = []
    while task := await index_rows.take(connection.fetch, [one.task.name for one in done]):
        began = time.monotonic()
        say(f"{task.todo} {task.name}, index of {task.collection!r}: {task.why}")
        error = await _run(connection, task, memory_mb)
        await index_rows.end(connection.fetch, task.name, error)
        done.append(Indexed(task, time.monotonic() - began, error))
        if error:
            log.warning("index %s of collection %r: %s", task.name, task.collection, error)
        else:
            say(f"{task.name}: done in {done[-1].seconds:.1f} s")
    return done


async def _run(connection: asyncpg.Connection, task: IndexTask, memory_mb: int) -> str | None:
    """Run a statement; return why it failed. Raises what ended the session."""
    wait = DROP_WAIT_SECONDS if task.memory_kb is None else BUILD_WAIT_SECONDS
    try:
        await connection.execute(f"set lock_timeout = {round(wait * 1000)}; set statement_timeout = 0")
        if task.memory_kb is not None:
            await connection.fetchval(_MEMORY, max(LEAST_MEMORY_KB, task.memory_kb), memory_mb * 1024)
        async with Patience(wait).watched(connection, f"the index {task.name}"):
            await _execute(connection, task)
    except OperatorError as error:
        return error.message
    except _ENDED:
        raise
    except asyncpg.PostgresError as error:
        return str(error)
    return None


async def _execute(connection: asyncpg.Connection, task: IndexTask) -> None:
    # As it is, past our connection's way with names: a collection may be called like a function of ours.
    try:
        await asyncpg.Connection.execute(connection, task.statement)
    except asyncpg.DiskFullError as error:
        # Processes that build together share memory in /dev/shm, of which a container has 64 MB by default.
        if "shared memory" not in str(error):
            raise
        log.warning("index %s is built by one process: %s", task.name, error)
        await connection.execute("set max_parallel_maintenance_workers = 0")
        drop = await schemas.formatted(connection, "drop index concurrently if exists ingest.%I", task.name)
        await connection.execute(drop)
        await asyncpg.Connection.execute(connection, task.statement)
