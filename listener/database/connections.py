"""The way to Postgres: which server, connections that write out schemas, pools that know pgvector's types too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from listener.database.dsn import check_dsn, leaves_host_open, names_several_hosts, shown
from listener.database.names import PATH, Names, quoted
from listener.errors import OperatorError
from listener.settings import Settings

IDLE_IN_TRANSACTION = "60s"
CONNECT_TIMEOUT_SECONDS = 10.0
COMMAND_TIMEOUT_SECONDS = 120.0
ASYNCPG_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
DBOS_CONNECTION = {
    "target_session_attrs": "read-write",
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds; a server that vanished without a word is noticed by then
}
WRITABLE = SessionAttribute.read_write  # a session that began while the database was read-only stays so


@dataclass(frozen=True, slots=True)
class Database:
    """A Postgres that answers: ``dsn`` as drivers take it, and what our schema, pgvector's and DBOS's are called."""

    dsn: str
    names: Names

    def search_path(self) -> str:
        """Return a path to our objects and pgvector's, for people who type."""
        schemas = dict.fromkeys((self.names.schema, self.names.vector_schema, "pg_temp"))
        return ", ".join(map(quoted, schemas))

    async def connect(self, application_name: str, wanted: SessionAttribute | None = WRITABLE) -> asyncpg.Connection:
        """Open one connection, as a rule one that may write; raises OperatorError ``database_unreachable``."""
        return await _connect(self.dsn, _server_settings(application_name), wanted, qualifying(self.names))

    @asynccontextmanager
    async def session(
        self, application_name: str = "ingest", wanted: SessionAttribute | None = None
    ) -> AsyncIterator[asyncpg.Connection]:
        """Open one connection for the time of a block; of several hosts to the one that may write."""
        connection = await self.connect(application_name, wanted)
        try:
            yield connection
        finally:
            await connection.close()

    async def pool(self, size: int, application_name: str, lock_wait: str = "0") -> asyncpg.Pool:
        """Open a pool of at most ``size`` connections, made when needed; statements wait for a lock that long."""
        return await asyncpg.create_pool(
            self.dsn,
            min_size=1,
            max_size=size,
            init=self._know_vectors,
            reset=_keep,
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=COMMAND_TIMEOUT_SECONDS,
            max_inactive_connection_lifetime=60.0,
            target_session_attrs=WRITABLE,
            connection_class=qualifying(self.names),
            server_settings={**_server_settings(application_name), "lock_timeout": lock_wait},
        )

    async def _know_vectors(self, connection: asyncpg.Connection) -> None:
        """Send and read vectors as ``pgvector.Vector``, in binary; in ``vector[]`` each has to be one."""
        from pgvector.asyncpg import register_vector  # noqa: PLC0415 - the CLI's verbs have no use for it

        await register_vector(connection, schema=self.names.vector_schema)


def _server_settings(application_name: str) -> dict[str, str]:
    return {
        "search_path": PATH,
        "application_name": application_name[:63],
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION,
        "tcp_keepalives_idle": "15",
        "tcp_keepalives_interval": "5",
        "jit": "off",
    }


@cache
def qualifying(names: Names) -> type[asyncpg.Connection]:
    """Return a kind of connection that puts the schemas' names into every statement."""

    class Qualifying(asyncpg.Connection):
        __slots__ = ()

        async def execute(self, query: str, *args: Any, **options: Any) -> Any:
            return await super().execute(names.written(query), *args, **options)

        async def executemany(self, command: str, args: Any, **options: Any) -> Any:
            return await super().executemany(names.written(command), args, **options)

        async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
            return await super().fetch(names.written(query), *args, **options)

        async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
            return await super().fetchrow(names.written(query), *args, **options)

        async def fetchval(self, query: str, *args: Any, **options: Any) -> Any:
            return await super().fetchval(names.written(query), *args, **options)

    return Qualifying


async def open_database(settings: Settings, dsn: str) -> Database:
    """Return the database behind ``dsn``; raises OperatorError if it does not answer or lacks pgvector."""
    connection = await _connect(dsn, {})
    try:
        vector_schema = await connection.fetchval(
            "select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace"
            " where e.extname = 'vector'"
        )
    finally:
        await connection.close()
    if vector_schema is None:
        raise OperatorError(
            "schema_not_migrated", f"pgvector is not in the database {shown(dsn)}", "Run: ingest migrate"
        )
    return Database(dsn, Names(settings.schema_, vector_schema, settings.schema_of_dbos))


async def plain_connection(dsn: str, **server_settings: str) -> asyncpg.Connection:
    """Open a connection that knows nothing of our objects.

    Raises OperatorError ``database_unreachable``, ``bad_database_url``.
    """
    return await _connect(dsn, server_settings)


async def _connect(
    dsn: str,
    server_settings: dict[str, str],
    wanted: SessionAttribute | None = None,
    kind: type[asyncpg.Connection] = asyncpg.Connection,
) -> asyncpg.Connection:
    check_dsn(dsn)
    try:
        return await asyncpg.connect(
            dsn,
            timeout=CONNECT_TIMEOUT_SECONDS,
            server_settings=server_settings,
            connection_class=kind,
            target_session_attrs=wanted or (WRITABLE if names_several_hosts(dsn) and leaves_host_open(dsn) else None),
        )
    except (OSError, asyncio.TimeoutError, ValueError, *ASYNCPG_ERRORS) as error:
        raise OperatorError(
            "database_unreachable",
            f"no connection to Postgres at {shown(dsn)}: {str(error) or type(error).__name__}",
            "Check INGEST_DATABASE_URL, and that the server runs and lets this user in.",
        ) from None


async def _keep(_: asyncpg.Connection) -> None:
    """Leave a connection as it is when it goes back: we set nothing in sessions, and a reset is a round trip a call."""


def dbos_engine(name: str, connections: int) -> dict[str, Any]:
    """Return how DBOS's engine connects: as ``name``, by at most ``connections``."""
    return {
        "pool_size": connections,
        "max_overflow": 0,
        # A ping is a fifth of what DBOS sends. Without it the first statement after a cut fails: DBOS repeats that
        # after a second, and SQLAlchemy has replaced all of the pool's connections by then.
        "pool_pre_ping": False,
        # Few connections that are warm instead of all in turn. The others are not kept for ever: what lies between may
        # have cut them.
        "pool_use_lifo": True,
        "pool_recycle": 1800,
        "connect_args": {
            "application_name": name[:63],
            "options": f"-csearch_path={PATH.replace(' ', '')}",
            **DBOS_CONNECTION,
        },
    }
