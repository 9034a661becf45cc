"""What a migration waits for: it reports that while it waits, and gives up in the end.

::

    its turn              one migration at a time in a schema; the holder of the lock is named
    old transactions      an index that is built CONCURRENTLY waits for each that is open, such as a backup's

Locks on tables, for which others would queue up, are another matter: see ``locks``.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import asyncpg

from listener.errors import OperatorError

log = logging.getLogger(__name__)

Connection = asyncpg.Connection

WAIT_SECONDS = 600.0
TRY_SECONDS = 0.1
LOOK_SECONDS = 0.5


@dataclass(slots=True)
class Patience:
    """How long a migration waits for others, in seconds, and who is told what it waits for.

    ``connect`` opens another connection, to look who is in the way while the first one waits; without it only the error
    in the end tells whose transaction is the oldest.
    """

    seconds: float = WAIT_SECONDS
    say: Callable[[str], None] = log.warning
    connect: Callable[[], Awaitable[Connection]] | None = None
    _seen: dict[int, str] = field(default_factory=dict)

    @asynccontextmanager
    async def turn(self, connection: Connection, schema: str) -> AsyncIterator[None]:
        """Keep other migrators of ``schema`` out meanwhile; raises OperatorError ``migration_running``.

        The lock is tried, never waited for: a waiting session would hold a snapshot, and an index that the one inside
        builds CONCURRENTLY would wait for that in turn.
        """
        key = await connection.fetchval("select pg_catalog.hashtextextended($1, 0::bigint)", f"ingest:{schema}:migrate")
        deadline = asyncio.get_running_loop().time() + self.seconds
        told = False
        while not await connection.fetchval("select pg_catalog.pg_try_advisory_lock($1)", key):
            holder = await self._holder(connection, key)
            if asyncio.get_running_loop().time() >= deadline:
                raise self._no_turn(holder, schema)
            if holder and not told:
                self.say(f'{holder} migrates schema "{schema}": waiting for its end, at most {self.seconds:g} seconds')
                told = True
            await asyncio.sleep(TRY_SECONDS)
        try:
            yield
        finally:
            await connection.fetchval("select pg_catalog.pg_advisory_unlock($1)", key)

    @asynccontextmanager
    async def watched(self, connection: Connection, what: str) -> AsyncIterator[None]:
        """Say for whom the session waits in this block, which makes ``what``.

        Raises OperatorError ``schema_locked`` where its lock timeout ended the wait.
        """
        self._seen.clear()
        looking = asyncio.create_task(self._look(connection.get_server_pid(), what))
        try:
            yield
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            raise await self._held_up(connection, what) from None
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking

    async def _holder(self, connection: Connection, key: int) -> str | None:
        row = await connection.fetchrow(_HOLDER, key)
        return _described(row) if row else None

    def _no_turn(self, holder: str | None, schema: str) -> OperatorError:
        return OperatorError(
            "migration_running",
            f'{holder or "another session"} has the lock of migrations of schema "{schema}" for over'
            f" {self.seconds:g} seconds",
            "Let that migration end, then migrate again, or wait longer: --wait SECONDS. If its process is no"
            " migration, or hangs: select pg_terminate_backend(pid).",
        )

    async def _look(self, pid: int, what: str) -> None:
        if self.connect is None:
            return
        with suppress(OSError, OperatorError, asyncpg.PostgresError, asyncpg.InterfaceError):  # the wait continues
            connection = await self.connect()
            try:
                while True:
                    self._tell(await connection.fetch(_IN_THE_WAY, pid), what)
                    await asyncio.sleep(LOOK_SECONDS)
            finally:
                await connection.close()

    def _tell(self, rows: Sequence[asyncpg.Record], what: str) -> None:
        for row in rows:
            if row["pid"] not in self._seen:
                self._seen[row["pid"]] = _described(row)
                self.say(
                    f"{what} waits for the transaction of {self._seen[row['pid']]}, at most {self.seconds:g} seconds"
                )

    async def _held_up(self, connection: Connection, what: str) -> OperatorError:
        if not self._seen and (oldest := await connection.fetchrow(_OLDEST)):
            self._seen[oldest["pid"]] = _described(oldest)
        who = ", ".join(self._seen.values()) or "another session"
        return OperatorError(
            "schema_locked",
            f"{what} waits for a transaction that was open for over {self.seconds:g} seconds: {who}",
            "Let it end (it is usually a backup) or end it, then migrate again: finished parts stay, and unfinished"
            " ones are rebuilt. Or wait longer: --wait SECONDS.",
        )


def _described(row: asyncpg.Record) -> str:
    if not row["pid"]:
        return "a prepared transaction (pg_prepared_xacts)"
    since = f", since {row['since']}" if row["since"] else ""
    return f"process {row['pid']} ({row['name'] or 'without a name'!r}, role {row['role']}{since})"


# A 64-bit advisory lock key is stored in two columns of 32.
_HOLDER = """
select l.pid, a.application_name as name, a.usename as role,
  pg_catalog.to_char(pg_catalog.timezone('UTC'::text, a.backend_start), 'YYYY-MM-DD HH24:MI:SS UTC') as since
from pg_catalog.pg_locks l left join pg_catalog.pg_stat_activity a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted and l.objsubid = 1
  and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = pg_catalog.current_database())
  and ((l.classid::bigint << 32) | l.objid::bigint) = $1
"""

_IN_THE_WAY = """
select p.pid, a.application_name as name, a.usename as role,
  pg_catalog.to_char(pg_catalog.timezone('UTC'::text, a.xact_start), 'YYYY-MM-DD HH24:MI:SS UTC') as since
from pg_catalog.unnest(pg_catalog.pg_blocking_pids($1)) as p (pid)
left join pg_catalog.pg_stat_activity a on a.pid = p.pid
where p.pid <> pg_catalog.pg_backend_pid()
"""

_OLDEST = """
select a.pid, a.application_name as name, a.usename as role,
  pg_catalog.to_char(pg_catalog.timezone('UTC'::text, a.xact_start), 'YYYY-MM-DD HH24:MI:SS UTC') as since
from pg_catalog.pg_stat_activity a
where a.datname = pg_catalog.current_database() and a.pid <> pg_catalog.pg_backend_pid() and a.xact_start is not null
order by a.xact_start limit 1
"""
