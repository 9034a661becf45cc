"""Sessions that act as the owner of our tables: what listeners, which may only call functions, can't do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

from listener.database import migrations, schemas
from listener.database.connections import WRITABLE, open_database
from listener.database.dsn import check_dsn
from listener.errors import OperatorError
from listener.settings import Settings

MAINTENANCE = "ingest maintenance"
CLOSE_SECONDS = 2.0


@asynccontextmanager
async def owner_session(settings: Settings, dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """Open a session as the owner: by INGEST_MAINTENANCE_URL, else by ``dsn``, if its role is the owner or a member.

    Raises OperatorError ``not_permitted``, ``schema_not_migrated``, or that of a database that does not answer.
    """
    connection = await _connect(settings, dsn)
    try:
        await migrations.check(connection, settings.schema_)
        await _become_owner(connection, settings.schema_)
        with suppress(asyncpg.PostgresError):  # some systems can't: there the session of a killed process ends later
            await connection.execute("set client_connection_check_interval = '2s'")
        yield connection
    finally:
        # A cancelled statement is waited for, briefly: otherwise it would continue.
        with suppress(TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await connection.close(timeout=CLOSE_SECONDS)


async def _connect(settings: Settings, dsn: str) -> asyncpg.Connection:
    url = settings.maintenance_url
    try:
        database = await open_database(settings, check_dsn(url) if url else dsn)
        await database.require_own_sessions()
        return await database.connect(MAINTENANCE, WRITABLE)
    except OperatorError as error:
        hint = error.hint.replace("INGEST_DATABASE_URL", "INGEST_MAINTENANCE_URL") if url else error.hint
        raise OperatorError(error.code, error.message, hint) from None


async def _become_owner(connection: asyncpg.Connection, schema: str) -> None:
    try:
        role = await schemas.owner(connection, schema)
    except OperatorError as error:
        user = await connection.fetchval("select session_user")
        message = f"{error.message}, and {user} is not a member of it"
        hint = "Set INGEST_MAINTENANCE_URL to a URL of that role, for listeners; or as that role: ingest maintain"
        raise OperatorError("not_permitted", message, hint) from None
    if role:
        await connection.execute(await schemas.formatted(connection, "set role %I", role))
