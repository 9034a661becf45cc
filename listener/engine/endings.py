"""Why a listener ends by itself: the errors of its loops, as reported to its operator."""

from __future__ import annotations

import logging
from contextlib import suppress

import asyncpg

from listener.database import schemas
from listener.database.connections import plain_connection
from listener.database.outages import GONE
from listener.engine.restores import RESTORED, restored
from listener.errors import OperatorError

log = logging.getLogger(__name__)
SCHEMA_NEWER = "schema_newer"


def ending(loop: str, error: Exception) -> OperatorError:
    """Return the error to report for a failed loop; a listener can't run without all of its loops."""
    if _has_gone(error):
        return schema_newer(str(error))
    if isinstance(error, OperatorError) and error.code == SCHEMA_NEWER:
        return error  # the caller finds out why its functions are missing, and says so
    if isinstance(error, OperatorError):
        log.error("the loop %s ends this listener: %s", loop, error)
        return error
    if isinstance(error, asyncpg.PostgresError) and error.sqlstate == RESTORED:
        return ending(loop, restored(error))
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        hint = "Its right was revoked, or never fully granted. As the owner: ingest grant ROLE --as listener"
        return ending(loop, OperatorError("not_permitted", str(error), hint))
    log.error("the loop %s failed", loop, exc_info=error)
    message = f"the loop {loop} failed: {type(error).__name__}: {error}"
    return OperatorError("internal", message, "The log has more; please report it.")


def _has_gone(error: Exception) -> bool:
    """Tell whether what was called is not there (any more): dropped before the call, or in the middle of it."""
    dropped = ("could not open relation", "cache lookup failed")
    return isinstance(error, GONE) or (
        isinstance(error, asyncpg.InternalServerError) and str(error).startswith(dropped)
    )


async def explained(error: BaseException, dsn: str, schema: str) -> BaseException:
    """Return ``error``, or that the schema has gone: what is called in it is missing then, too."""
    if isinstance(error, OperatorError) and error.code == SCHEMA_NEWER:
        with suppress(Exception):  # Postgres may be away as well
            connection = await plain_connection(dsn)
            try:
                if not await schemas.has_ours(connection, schema):
                    return schema_gone(schema)
            finally:
                await connection.close()
    return error


def declared_dead(executor_id: str) -> OperatorError:
    """Return the error of a listener that was declared dead: its work continues elsewhere."""
    return OperatorError(
        "declared_dead",
        f"listener {executor_id} gave no sign of life for its lease and was declared dead; others continue its work",
        "Restart it. If it happens often, raise INGEST_LEASE_SECONDS.",
    )


def schema_newer(said: str) -> OperatorError:
    """Return the error of a listener whose functions are not there any more."""
    return OperatorError(
        SCHEMA_NEWER,
        f"a newer program has migrated the schema while this one ran ({said}); others continue its work",
        "Upgrade this program: pip install --upgrade ingest-listener. If it is the newest, ask: ingest doctor",
    )


def schema_gone(schema: str) -> OperatorError:
    """Return the error of a listener whose schema is not there any more."""
    return OperatorError(
        "schema_gone",
        f'schema "{schema}" contains nothing of ours any more: it was uninstalled or dropped while this listener ran',
        "To start over: ingest migrate. Otherwise check INGEST_DATABASE_URL and INGEST_SCHEMA.",
    )
