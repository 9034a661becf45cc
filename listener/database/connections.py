"""The way to Postgres: which server, connections that write out schemas, pools that know pgvector's types too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from listener.database.dsn import check_dsn, leaves_host_open, names_several_hosts, shown
from listener.database.names import PATH, Names, quoted
from listener.database.poolers import goes_through_pooler, require_own_session
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
UNPREPARED = {"statement_cache_size": 0}  # a session that others get next must have no prepared statements in it


@dataclass(frozen=True, slots=True)
class Database:
    """A Postgres that answers: ``dsn`` as drivers take it, and what our schema, pgvector's and DBOS's are called.

    ``pooled``: a pooler such as PgBouncer is in between.
    """

    dsn: str
    names: Names
    pooled: bool = False

    def search_path(self) -> str:
        """Return a path to our objects and pgvector's, for people who type."""
        schemas = dict.fromkeys((self.names.schema, self.names.vector_schema, "pg_temp"))
        return ", ".join(map(quoted, schemas))

    async def connect(self, application_name: str, wanted: SessionAttribute | None = WRITABLE) -> asyncpg.Connection:
        """Open one connection, as a rule one that may write; raises OperatorError ``database_unreachable``."""
        options = {"connection_class": qualifying(self.names)} | ({"target_session_attrs": wanted} if wanted else {})
        with _translate_refusals(self.dsn):
            return await _open(self.dsn, _server_settings(application_name), **options)

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
        settings = {**_server_settings(application_name), "lock_timeout": lock_wait}
        return await self._pool(size, settings, init=self._know_vectors, connection_class=qualifying(self.names))

    async def client_pool(self, size: int, application_name: str) -> asyncpg.Pool:
        """Open a pool for a program's calls, through a pooler too: then it leaves nothing in sessions."""
        if self.pooled:
            return await self._pool(size, _named(application_name), **UNPREPARED)
        return await self._pool(size, _server_settings(application_name))

    async def require_own_sessions(self) -> None:
        """Raise OperatorError ``shared_sessions`` if a pooler in transaction mode is in between."""
        if self.pooled:
            connection = await plain_connection(self.dsn)
            try:
                await require_own_session(connection, partial(plain_connection, self.dsn))
            finally:
                await connection.close()

    async def _pool(self, size: int, server_settings: dict[str, str], **options: Any) -> asyncpg.Pool:
        return await asyncpg.create_pool(
            self.dsn,
            min_size=1,
            max_size=size,
            reset=_keep,
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=COMMAND_TIMEOUT_SECONDS,
            max_inactive_connection_lifetime=60.0,
            target_session_attrs=WRITABLE,
            server_settings=server_settings,
            **options,
        )

    async def _know_vectors(self, connection: asyncpg.Connection) -> None:
        """Send and read vectors as ``pgvector.Vector``, in binary; in ``vector[]`` each has to be one."""
        from pgvector.asyncpg import register_vector  # noqa: PLC0415 - the CLI's verbs have no use for it

        await register_vector(connection, schema=self.names.vector_schema)


def _named(application_name: str) -> dict[str, str]:
    return {"application_name": application_name[:63]}  # poolers pass it on


def _server_settings(application_name: str) -> dict[str, str]:
    return {
        **_named(application_name),
        "search_path": PATH,
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
    connection = await plain_connection(dsn)
    try:
        pooled = await goes_through_pooler(connection)
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
    return Database(dsn, Names(settings.schema_, vector_schema, settings.schema_of_dbos), pooled)


async def plain_connection(dsn: str, **server_settings: str) -> asyncpg.Connection:
    """Open a connection that knows nothing of our objects, for statements that are sent once.

    Raises OperatorError ``database_unreachable``, ``bad_database_url``.
    """
    with _translate_refusals(dsn):
        return await _open(dsn, server_settings, **UNPREPARED)


async def client_connection(dsn: str) -> asyncpg.Connection:
    """Open one for a person's or a program's call, through a pooler too; raises as ``plain_connection``."""
    with _translate_refusals(dsn):
        try:
            return await _open(dsn, {**_named("ingest"), "jit": "off"}, **UNPREPARED)
        except asyncpg.ProtocolViolationError:  # poolers refuse settings that they can't keep apart
            return await _open(dsn, _named("ingest"), **UNPREPARED)


async def _open(dsn: str, server_settings: dict[str, str], **options: Any) -> asyncpg.Connection:
    options.setdefault("target_session_attrs", WRITABLE if names_several_hosts(dsn) and leaves_host_open(dsn) else None)
    return await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_SECONDS, server_settings=server_settings, **options)


@contextmanager
def _translate_refusals(dsn: str) -> Iterator[None]:
    """Raise what keeps from connecting as OperatorError, without a password in it."""
    check_dsn(dsn)
    try:
        yield
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
