"""What is asked about an installation: its server, its listeners, whether notifications arrive."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

import anyio

from listener.client import statements
from listener.client.session import Session


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """Versions of Postgres, also as ``number`` (180004 is 18.4), and of pgvector, if that is in the database.

    ``has_pgvector``: it is installed on the server. ``read_only``: nothing can be written.
    """

    postgres: str
    number: int
    pgvector: str | None
    vector_schema: str | None
    has_pgvector: bool
    read_only: bool


@dataclass(frozen=True, slots=True)
class Beating:
    """A listener that gave a sign of life within its lease, ``silent_seconds`` ago."""

    executor_id: str
    host: str
    pid: int
    running: int
    capacity: int
    silent_seconds: float


@dataclass(frozen=True, slots=True)
class Connections:
    """Connections that ordinary roles may open at all, that are in use, and the listeners' among those."""

    most: int
    used: int
    listeners: int


@dataclass(frozen=True, slots=True)
class Outage:
    """A service that is away: for how many seconds, and its last error."""

    service: str
    tenant: str
    seconds: float
    message: str


@dataclass(frozen=True, slots=True)
class SearchIndex:
    """How a collection's vectors are searched, and why: see the view ``ingest_indexes``."""

    collection: str
    state: str
    why: str
    last_error: str | None


async def server(session: Session) -> DatabaseServer:
    """Return what the server is."""
    return DatabaseServer(**(await session.rows(statements.SERVER))[0])


async def beating(session: Session, host: str | None = None) -> list[Beating]:
    """Return the listeners, of one host or all, that are alive by the database's clock."""
    return [Beating(**row) for row in await session.rows(statements.BEATING, host)]


async def connections(session: Session) -> Connections:
    """Return how many connections the server has, and who uses them."""
    return Connections(**(await session.rows(statements.CONNECTIONS))[0])


async def restored(session: Session) -> str | None:
    """Return why the database counts as an unconfirmed restored copy; None: it does not."""
    reason = await session.value(statements.RESTORED)
    return None if reason is None else str(reason)


async def beating_if_installed(session: Session) -> list[Beating]:
    """Return the listeners that are alive; none where nothing of ours is installed."""
    return await beating(session) if await session.value(statements.IS_INSTALLED) else []


async def hears(session: Session, other: Session, seconds: float) -> bool:
    """Tell whether ``session`` receives a NOTIFY of ``other``; behind a transaction-mode pooler it is lost."""
    channel = f"ingest_doctor_{uuid4().hex}"
    async with session.listening(channel) as heard:
        await other.rows(statements.NOTIFY, channel)
        with anyio.move_on_after(seconds):
            await heard.wait()
    return heard.is_set()


async def has_dbos(session: Session, schema: str) -> bool:
    """Tell whether DBOS's tables are in ``schema``."""
    return bool(await session.value(statements.DBOS_IS_IN, schema))


async def documents(session: Session) -> int:
    """Return how many documents there are."""
    return int(await session.value(statements.DOCUMENTS))


async def outages(session: Session) -> list[Outage]:
    """Return the services that are away."""
    return [Outage(**row) for row in await session.rows(statements.OUTAGES)]


async def undone(session: Session) -> list[str]:
    """Return what can't proceed now: requests that no running listener may read, watches with errors."""
    unread = [row[0] for row in await session.rows(statements.WITHOUT_ROOT)]
    watches = await session.rows(statements.WATCHES_WITH_ERRORS)
    return [*unread, *(f'watch "{row["name"]}": {row["error_code"]}' for row in watches)]


async def indexes(session: Session) -> list[SearchIndex]:
    """Return how the vectors of each collection are searched."""
    return [SearchIndex(**row) for row in await session.rows(statements.INDEXES)]
