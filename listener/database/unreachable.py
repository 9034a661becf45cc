"""Why a connection to Postgres could not be made, as errors of ours, without a password in them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from listener.database.address import HIDDEN
from listener.database.dsn import address, shown
from listener.database.translation import read_only
from listener.errors import OperatorError

ASYNCPG_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_CHECK = "Check INGEST_DATABASE_URL, and that the server runs and lets this user in."
_REFUSED = (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError)


@contextmanager
def translate_refusals(dsn: str) -> Iterator[None]:
    """Raise what keeps from connecting as OperatorError ``database_unreachable``, or ``database_read_only``."""
    known = address(dsn)
    try:
        yield
    except asyncpg.TargetServerAttributeNotMatched:
        raise read_only(f"at {shown(dsn)} ") from None
    except (OSError, asyncio.TimeoutError, ValueError, *ASYNCPG_ERRORS) as error:
        said = str(error) or type(error).__name__
        for secret in filter(None, (known.password, known.parameters.get("sslpassword"))):
            said = said.replace(secret, HIDDEN) if len(secret) > 3 else said
        raise OperatorError(
            "database_unreachable", f"no connection to Postgres at {shown(dsn)}: {said}", _hint(error)
        ) from None


def _hint(error: BaseException) -> str:
    if isinstance(error, _REFUSED):
        return (
            "Check user and password in INGEST_DATABASE_URL. Percent-encode special characters of the password, above"
            " all % and +, or set the variable PGPASSWORD to the plain password."
        )
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return "Check the database's name in INGEST_DATABASE_URL, or create it: create database NAME;"
    return _CHECK


def require_utf8(connection: asyncpg.Connection, dsn: str) -> None:
    """Raise OperatorError ``database_not_utf8`` if the database holds texts in another encoding."""
    encoding = getattr(connection.get_settings(), "server_encoding", "UTF8")
    if encoding != "UTF8":
        raise OperatorError(
            "database_not_utf8",
            f"the database {shown(dsn)} has the encoding {encoding}, but UTF8 is needed to store all texts",
            "Create another one: create database NAME encoding 'UTF8' locale 'C' template template0;",
        )
