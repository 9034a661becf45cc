"""The way to Postgres: which server, connections and pools with our search path and pgvector's binary format."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from listener import vectors
from listener.errors import OperatorError
from listener.settings import Settings

IDLE_IN_TRANSACTION = "60s"
CONNECT_TIMEOUT_SECONDS = 10.0
COMMAND_TIMEOUT_SECONDS = 120.0
WRITABLE = SessionAttribute.read_write  # a session that began while the database was read-only stays so


@dataclass(frozen=True, slots=True)
class Database:
    """A Postgres that answers: ``dsn`` as drivers take it, ``schema`` of our objects, ``vector_schema`` of pgvector."""

    dsn: str
    schema: str
    vector_schema: str

    def search_path(self, *extra: str) -> str:
        """Return the path to our objects and pgvector's."""
        names = dict.fromkeys((self.schema, self.vector_schema, *extra, "pg_temp"))
        return ", ".join('"' + name.replace('"', '""') + '"' for name in names)

    async def connect(self, application_name: str) -> asyncpg.Connection:
        """Open one connection; raises OperatorError ``database_unreachable``."""
        connection = await _connect(self.dsn, self._server_settings(application_name))
        await self._prepare(connection)
        return connection

    @asynccontextmanager
    async def session(self, application_name: str = "ingest") -> AsyncIterator[asyncpg.Connection]:
        """Open one connection for the time of a block."""
        connection = await self.connect(application_name)
        try:
            yield connection
        finally:
            await connection.close()

    async def pool(self, size: int, application_name: str, extra_schema: str) -> asyncpg.Pool:
        """Open a pool of at most ``size`` connections, made when needed; ``extra_schema`` is searched last."""
        return await asyncpg.create_pool(
            self.dsn,
            min_size=1,
            max_size=size,
            init=self._prepare,
            reset=_keep,
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=COMMAND_TIMEOUT_SECONDS,
            max_inactive_connection_lifetime=60.0,
            target_session_attrs=WRITABLE,
            server_settings=self._server_settings(application_name, extra_schema),
        )

    def _server_settings(self, application_name: str, *extra_schemas: str) -> dict[str, str]:
        return {
            "search_path": self.search_path(*extra_schemas),
            "application_name": application_name[:63],
            "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION,
            "tcp_keepalives_idle": "15",
            "tcp_keepalives_interval": "5",
            "jit": "off",
        }

    async def _prepare(self, connection: asyncpg.Connection) -> None:
        await connection.set_type_codec(
            "vector", schema=self.vector_schema, encoder=vectors.encode, decoder=vectors.decode, format="binary"
        )


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
            "schema_not_migrated", f"pgvector is not in the database {_shown(dsn)}", "Run: ingest migrate"
        )
    return Database(dsn, settings.schema_, vector_schema)


async def plain_connection(dsn: str) -> asyncpg.Connection:
    """Open a connection without anything of ours, for migrations; raises OperatorError ``database_unreachable``."""
    return await _connect(dsn, {})


async def _connect(dsn: str, server_settings: dict[str, str]) -> asyncpg.Connection:
    try:
        return await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_SECONDS, server_settings=server_settings)
    except (OSError, asyncio.TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        raise OperatorError(
            "database_unreachable",
            f"no connection to Postgres at {_shown(dsn)}: {str(error) or type(error).__name__}",
            "Check INGEST_DATABASE_URL, and that the server runs and lets this user in.",
        ) from None


async def _keep(_: asyncpg.Connection) -> None:
    """Leave a connection as it is when it goes back: we set nothing in sessions, and a reset is a round trip a call."""


def _shown(dsn: str) -> str:
    """Return the DSN without its password; of one that is no URL nothing, since a password may stand anywhere."""
    parts = urlsplit(dsn)
    if parts.scheme not in ("postgresql", "postgres"):
        return "(not a postgresql:// URL)"
    login, _, hosts = parts.netloc.rpartition("@")
    user = login.partition(":")[0]
    return f"{parts.scheme}://{user}{'@' if user else ''}{hosts}{parts.path}"
