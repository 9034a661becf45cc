"""Acquire the locks that a migration or an uninstallation needs, without keeping others waiting for long.

A session that waits for a table's lock makes all others queue behind it, so each try is short, gives up everything, and
pauses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

from listener.errors import OperatorError

T = TypeVar("T")

SHORT_WAIT = "'150ms'"  # less than listeners wait for a lock: see ingest_wait_briefly
# Autovacuum gives way only to a session that has waited for deadlock_timeout.
LONG_WAIT = "extract(epoch from current_setting('deadlock_timeout')::interval) * 1000 + 500"
PAUSE_SECONDS = 1.0
PATIENCE_SECONDS = 60.0


async def until_locked(
    connection: asyncpg.Connection, schema: str, apply: Callable[[str], Awaitable[T]], say: Callable[[str], None]
) -> T:
    """Call ``apply`` with an SQL expression for its ``lock_timeout``, again and again while it does not get its locks.

    Waits are short; where a table is vacuumed, long enough for autovacuum. What it waits for is said once. Raises
    OperatorError ``schema_locked``.
    """
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    wait, told = SHORT_WAIT, False
    while True:
        try:
            return await apply(wait)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            if asyncio.get_running_loop().time() > deadline:
                raise await _locked(connection, schema) from None
            if not told:
                say(f"{await _who(connection, schema)} holds locks: waiting for at most {PATIENCE_SECONDS:g} seconds")
            told = True
            await asyncio.sleep(PAUSE_SECONDS)
            wait = LONG_WAIT if await connection.fetchval(_IS_VACUUMED, schema) else SHORT_WAIT


async def _who(connection: asyncpg.Connection, schema: str) -> str:
    holder = await connection.fetchrow(_LONGEST_HOLDER, schema)
    return "another session" if holder is None else f"process {holder['pid']} ({holder['state']}, {holder['name']!r})"


async def _locked(connection: asyncpg.Connection, schema: str) -> OperatorError:
    return OperatorError(
        "schema_locked",
        f'{await _who(connection, schema)} holds locks in schema "{schema}" for over {PATIENCE_SECONDS:g} seconds',
        "End its transaction, then try again: select pg_terminate_backend(pid) is the last resort.",
    )


# By the lock's mode: of whom a process is, a role without special rights can't see.
_IS_VACUUMED = """
select exists (
  select from pg_locks l join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace
  where n.nspname = $1 and l.mode = 'ShareUpdateExclusiveLock' and l.granted and l.pid <> pg_backend_pid()
    and l.database = (select oid from pg_database where datname = current_database()))
"""

_LONGEST_HOLDER = """
select a.pid, a.state, a.application_name as name
from pg_locks l join pg_class c on c.oid = l.relation join pg_namespace n on n.oid = c.relnamespace
join pg_stat_activity a on a.pid = l.pid
where n.nspname = $1 and l.granted and a.pid <> pg_backend_pid() and a.datname = current_database()
order by a.xact_start limit 1
"""
