"""The way to Postgres: which server, connections that write out schemas, pools that know pgvector's types too."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from listener.database.address import Address
from listener.database.dsn import address
from listener.database.names import PATH, Names, quoted
from listener.database.poolers import goes_through_pooler, require_own_session
from listener.database.reaching import arguments, seconds
from listener.database.schemas import require_pgvector
from listener.database.session_settings import OPTIONS, option, statements
from listener.database.unreachable import require_utf8, translate_refusals
from listener.errors import OperatorError
from listener.settings import Settings

COMMAND_TIMEOUT_SECONDS = 120.0
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

    @property
    def connect_seconds(self) -> float:
        """How long connecting may take."""
        return seconds(address(self.dsn).parameters)

    def search_path(self) -> str:
        """Return a path to our objects and pgvector's, for interactive use."""
        schemas = dict.fromkeys((self.names.schema, self.names.vector_schema, "pg_temp"))
        return ", ".join(map(quoted, schemas))

    async def connect(self, application_name: str, wanted: SessionAttribute | None = WRITABLE) -> asyncpg.Connection:
        """Open one connection, usually one that may write.

        Raises OperatorError ``database_unreachable`` or ``database_read_only``.
        """
        options = {"connection_class": qualifying(self.names)} | ({"target_session_attrs": wanted} if wanted else {})
        try:
            connection = await _open(self.dsn, _server_settings(application_name), **options)
        except _RefusedByPooler as refused:
            hint = "Have the pooler ignore them: PgBouncer's ignore_startup_parameters, see docs/deployment.md."
            raise OperatorError("database_unreachable", f"a pooler refuses {refused.__cause__}", hint) from None
        await settle(connection, everything=self.pooled)
        return connection

    @asynccontextmanager
    async def session(
        self, application_name: str = "ingest", wanted: SessionAttribute | None = None
    ) -> AsyncIterator[asyncpg.Connection]:
        """Open one connection for the time of a block; with several hosts, to the one that may write."""
        connection = await self.connect(application_name, wanted)
        try:
            yield connection
        finally:
            await connection.close()

    async def pool(self, size: int, application_name: str, lock_wait: str = "0") -> asyncpg.Pool:
        """Open a pool of at most ``size`` connections, made when needed; statements wait for a lock that long."""
        settings = {**_server_settings(application_name), "lock_timeout": lock_wait}
        prepare = partial(self._prepare, lock_wait)
        return await self._pool(size, settings, init=prepare, connection_class=qualifying(self.names))

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
            min_size=1,
            max_size=size,
            reset=_keep,
            command_timeout=COMMAND_TIMEOUT_SECONDS,
            max_inactive_connection_lifetime=60.0,
            **{**_arguments(address(self.dsn), server_settings), "target_session_attrs": WRITABLE, **options},
        )

    async def _prepare(self, lock_wait: str, connection: asyncpg.Connection) -> None:
        await settle(connection, everything=self.pooled)
        if self.pooled:
            await connection.execute("select pg_catalog.set_config('lock_timeout', $1, false)", lock_wait)
        await self._know_vectors(connection)

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
        "options": OPTIONS,
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


async def settle(connection: asyncpg.Connection, everything: bool = False) -> None:
    """Set in a session of one's own what could not be set while connecting.

    ``everything``: it goes through a pooler in session mode, which ignores startup parameters.
    """
    if more := statements(connection.get_server_version().major, everything):
        await connection.execute(more)


async def open_database(settings: Settings, dsn: str) -> Database:
    """Return the database behind ``dsn``; raises OperatorError if it does not answer or lacks pgvector."""
    connection = await plain_connection(dsn)
    try:
        pooled = await goes_through_pooler(connection)
        vector_schema = await require_pgvector(connection)
    finally:
        await connection.close()
    return Database(dsn, Names(settings.schema_, vector_schema, settings.schema_of_dbos), pooled)


async def plain_connection(dsn: str, **server_settings: str) -> asyncpg.Connection:
    """Open a connection that does not know our objects, for statements that are sent once.

    Raises OperatorError ``database_unreachable``, ``bad_database_url``, ``database_not_utf8``.
    """
    return await _open_through_any(dsn, server_settings)


async def client_connection(dsn: str) -> asyncpg.Connection:
    """Open one for a person's or a program's call, through a pooler too; raises as ``plain_connection``."""
    return await _open_through_any(dsn, {**_named("ingest"), "jit": "off"})


async def _open_through_any(dsn: str, server_settings: Mapping[str, str]) -> asyncpg.Connection:
    try:
        return await _open(dsn, {**server_settings, "options": OPTIONS}, **UNPREPARED)
    except _RefusedByPooler:
        named = {name: value for name, value in server_settings.items() if name == "application_name"}
        return await _open(dsn, named, **UNPREPARED)


class _RefusedByPooler(Exception):
    """Poolers refuse settings that they can't keep apart."""


async def _open(dsn: str, server_settings: Mapping[str, str], **options: Any) -> asyncpg.Connection:
    known = address(dsn)
    several = known.names_several_hosts and "target_session_attrs" not in known.parameters
    with translate_refusals(dsn):
        told = _arguments(known, server_settings) | ({"target_session_attrs": WRITABLE} if several else {})
        try:
            connection: asyncpg.Connection = await asyncpg.connect(**{**told, **options})
        except (asyncpg.ProtocolViolationError, asyncpg.FeatureNotSupportedError) as error:
            if "options" not in server_settings:
                raise
            raise _RefusedByPooler from error
    try:
        require_utf8(connection, dsn)
    except OperatorError:
        await connection.close()
        raise
    return connection


def _arguments(known: Address, server_settings: Mapping[str, str]) -> dict[str, Any]:
    """Return asyncpg's arguments: our settings win over those in the URL."""
    told = arguments(known)
    options = " ".join(filter(None, [known.parameters.get("options"), server_settings.get("options")]))
    together = {**server_settings, **({"options": options} if options else {})}
    return {**told, "server_settings": together}


async def _keep(_: asyncpg.Connection) -> None:
    """Leave a connection as it is when it goes back: we set nothing in sessions, and a reset is a round trip a call."""


def dbos_engine(dsn: str, name: str, connections: int, shared: bool = False) -> dict[str, Any]:
    """Return how DBOS's engine connects: as ``name``, by at most ``connections``.

    ``shared``: a pooler gives each transaction any session, so nothing is set or prepared in one.
    """
    given = address(dsn).parameters
    options = " ".join(filter(None, [given.get("options"), OPTIONS, option("search_path", PATH)]))
    ours = {key: value for key, value in DBOS_CONNECTION.items() if key not in given or key == "target_session_attrs"}
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
            "client_encoding": "utf8",
            **({"prepare_threshold": None} if shared else {"options": options}),
            **ours,
        },
    }
