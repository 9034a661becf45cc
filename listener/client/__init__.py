"""The interface for Python programs: ask for ingestion, wait, search. Thin callers of the SQL that anybody can type.

::

    import listener

    async with listener.connect() as ingest:
        request = await ingest.add("/srv/docs", collection="handbook")
        outcome = await ingest.wait(request, timeout=60)
        hits = await ingest.search("how do I pay?", collection="handbook", k=5)

``await listener.add(...)`` and the other verbs open a connection for the one call. All raise IngestError; ``code`` says
which one. Nothing is decided here: the database refuses what is wrong, listeners do the work.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

import anyio
import asyncpg

from listener import settings
from listener.client.ingest import Ingest
from listener.client.passages import Passage
from listener.client.results import Failure, Hit, Reason, Status
from listener.client.session import Session, open_session
from listener.client.transport import AnyConnection, Pooled, Single
from listener.database.connections import open_database
from listener.database.dsn import check_dsn, find_dsn
from listener.database.translation import translate_errors

__all__ = [
    "Failure",
    "Hit",
    "Ingest",
    "Passage",
    "Reason",
    "Session",
    "Status",
    "add",
    "cancel",
    "connect",
    "context",
    "failures",
    "fork",
    "open_session",
    "resume",
    "retry",
    "search",
    "status",
    "statuses",
    "wait",
    "wait_all",
]

POOL_SIZE = 4
CLOSE_SECONDS = 5.0

P = ParamSpec("P")
T = TypeVar("T")


@asynccontextmanager
async def connect(
    database: str | AnyConnection | asyncpg.Pool | None = None,
    *,
    schema: str | None = None,
    connections: int = POOL_SIZE,
) -> AsyncIterator[Ingest]:
    """Open the way to an ingesting Postgres for the time of a block.

    ``database``: a URL; without it ``INGEST_DATABASE_URL``, without that the embedded server. Or an asyncpg pool or
    connection of your own, which stays open, and whose transaction the calls are part of. ``schema``: by default
    ``INGEST_SCHEMA``. ``connections``: of the pool that a URL opens. Raises OperatorError
    ``database_unreachable``, ``schema_not_migrated``, ``bad_database_url``, ``bad_schema_name``, ``wrong_setting``.
    """
    chosen = settings.with_schema(settings.load(), schema)
    if database is None or isinstance(database, str):
        dsn = check_dsn(database) if database else await find_dsn(chosen)
        async with _pool(chosen, dsn, connections) as pool:
            yield Ingest(Session(Pooled(pool), chosen.schema_), traced=_is_traced(chosen))
    else:
        own = Pooled(database) if isinstance(database, asyncpg.Pool) else Single(database)
        yield Ingest(Session(own, chosen.schema_), traced=_is_traced(chosen))


@asynccontextmanager
async def _pool(chosen: settings.Settings, dsn: str, connections: int) -> AsyncIterator[asyncpg.Pool]:
    database = await open_database(chosen, dsn)
    with translate_errors():
        pool = await database.client_pool(connections, "ingest client")
    try:
        yield pool
    finally:
        with anyio.move_on_after(CLOSE_SECONDS):  # then it is terminated: a wait that outlives the block holds it open
            await pool.close()


def _is_traced(chosen: settings.Settings) -> bool:
    return chosen.tracing == "opik"


def _over_one_connection(
    verb: Callable[Concatenate[Ingest, P], Coroutine[Any, Any, T]],
) -> Callable[P, Coroutine[Any, Any, T]]:
    """Return the verb as a function that opens one connection for the call."""

    @functools.wraps(verb)
    async def over_one_connection(*arguments: P.args, **named: P.kwargs) -> T:
        chosen = settings.load()
        async with open_session(await find_dsn(chosen), chosen.schema_) as session:
            return await verb(Ingest(session, traced=_is_traced(chosen)), *arguments, **named)

    signature = inspect.signature(verb)
    shown = signature.replace(parameters=list(signature.parameters.values())[1:])  # help() without self
    setattr(over_one_connection, "__signature__", shown)  # noqa: B010 - mypy knows no such attribute
    return over_one_connection


add = _over_one_connection(Ingest.add)
wait = _over_one_connection(Ingest.wait)
wait_all = _over_one_connection(Ingest.wait_all)
status = _over_one_connection(Ingest.status)
statuses = _over_one_connection(Ingest.statuses)
failures = _over_one_connection(Ingest.failures)
cancel = _over_one_connection(Ingest.cancel)
resume = _over_one_connection(Ingest.resume)
retry = _over_one_connection(Ingest.retry)
fork = _over_one_connection(Ingest.fork)
search = _over_one_connection(Ingest.search)
context = _over_one_connection(Ingest.context)
