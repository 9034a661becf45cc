"""What Postgres refuses, and that it went away, as errors of ours: the one place that reads SQLSTATEs.

Our own functions raise SQLSTATEs of the class ``IG``; the constraint name of such an error is its code.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from listener.errors import IngestError, LostOwnership, OperatorError, RequestError

if TYPE_CHECKING:
    import asyncpg

LOST_OWNERSHIP = "IG021"
AGAIN = {"40001", "40P01"}  # a conflict with another transaction: serialization failure, deadlock
_READ_ONLY = "25006"
_NOT_MIGRATED = {"42P01", "42883", "42703", "3F000"}  # undefined table, function, column, schema
_PREPARED_ELSEWHERE = {"26000", "42P05"}  # no such prepared statement; there is one already


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise what a driver raises in the block as an IngestError; what is not Postgres's passes as it is."""
    try:
        yield
    except IngestError:
        raise
    except Exception as error:
        known = translated(error)
        if known is None:
            raise
        raise known from error


def translated(error: BaseException) -> IngestError | None:
    """Return a driver's error as RequestError (refused: change what you ask) or OperatorError; None: it is neither."""
    import asyncpg  # noqa: PLC0415 - it takes 0.1 s, and only errors and programs that have it already come here

    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return read_only()
    if isinstance(error, asyncpg.PostgresError):
        return refusal(error) or _answer(error)
    if isinstance(error, asyncpg.InterfaceError) and "another operation" in str(error):
        return None  # the program uses one connection for two calls at once
    if isinstance(error, ValueError) and isinstance(error, asyncpg.InterfaceError):
        return RequestError("invalid_value", str(error))  # asyncpg could not encode an argument
    if isinstance(error, (asyncpg.InterfaceError, ConnectionError, TimeoutError)):
        return _lost(str(error) or type(error).__name__)
    if type(error) is asyncpg.InternalClientError:  # a statement was begun on a connection that had just been cut
        return _lost(str(error))
    return None


def refusal(error: asyncpg.PostgresError) -> RequestError | LostOwnership | None:
    """Return what one of our own functions refused; None if the error is Postgres's own."""
    state = error.sqlstate or ""
    if state == LOST_OWNERSHIP:
        return LostOwnership("lost_ownership", error.message or str(error))
    if state.startswith("IG"):
        return RequestError(error.constraint_name or state, error.message or str(error), error.hint or "")
    return None


@contextmanager
def refusals() -> Iterator[None]:
    """Raise what our functions refuse in the block as ``refusal`` says; other errors pass: they may be an outage."""
    import asyncpg  # noqa: PLC0415 - as above

    try:
        yield
    except asyncpg.PostgresError as error:
        if refused := refusal(error):
            raise refused from None
        raise


def _answer(error: asyncpg.PostgresError) -> IngestError:
    state, message, hint = error.sqlstate or "", error.message or str(error), error.hint or ""
    if state in _NOT_MIGRATED:
        return OperatorError("schema_not_migrated", message, "Run: ingest migrate (and check INGEST_SCHEMA)")
    if state.startswith(("08", "57P")):
        return _lost(message)
    if state in AGAIN:
        hint = "Nothing was changed. Repeat the transaction, or the statement if there is none."
        return OperatorError("try_again", message, hint)
    if state == _READ_ONLY:
        return read_only()
    if state == "42501":
        return OperatorError(
            "not_permitted",
            message,
            "Have the owner give this role a right: ingest grant ROLE --as submitter, searcher or operator.",
        )
    if state in _PREPARED_ELSEWHERE:
        return OperatorError(
            "shared_sessions",
            message,
            "A pooler in transaction mode is in between: make your asyncpg pool or connection with"
            " statement_cache_size=0. Listeners must bypass it.",
        )
    if state.startswith(("22", "23", "54")):  # a value that Postgres can't take; 54: too deep, too long, too wide
        return RequestError(error.constraint_name or "invalid_value", message, hint)
    return OperatorError("database_error", f"{message} (SQLSTATE {state})", hint)


def read_only(where: str = "") -> OperatorError:
    """Return the error of a server that takes no writes; ``where`` is ``at `` and its URL."""
    return OperatorError(
        "database_read_only",
        f"Postgres {where}accepts no writes: it is a standby, or default_transaction_read_only is on",
        "Name the primary, or all servers: postgresql://user@one,two/database. Or, if it is a setting:"
        " alter database NAME reset default_transaction_read_only; alter role NAME reset …",
    )


def _lost(message: str) -> OperatorError:
    hint = "Requests are kept: when Postgres is back, a listener continues. See: ingest doctor"
    return OperatorError("database_lost", f"the connection to Postgres was lost: {message}", hint)
