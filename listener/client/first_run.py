"""Queries of a first run: the request of an earlier run, its outcome, and something to search for."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from listener.client import statements
from listener.client.session import Session, as_psql


@dataclass(frozen=True, slots=True)
class Earlier:
    """An unfinished request for the same source; ``started``: a listener has had it."""

    id: UUID
    started: bool


@dataclass(frozen=True, slots=True)
class Ingested:
    """A live document: its name, title, chunks and size."""

    uri: str
    title: str | None
    chunks: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Kind:
    """The outcome of documents of one kind: their extension, otherwise their media type."""

    kind: str
    ingested: int
    skipped: int
    failed: int
    chunks: int


async def earlier(session: Session, source: str, collection: str) -> Earlier | None:
    """Return the oldest unfinished request for ``source`` that is due."""
    rows = await session.rows(statements.EARLIER, source, collection, _key(source))
    return next((Earlier(UUID(row["id"]), row["started"]) for row in rows), None)


def insert_shown(session: Session, source: str, collection: str) -> str:
    """Return what ``insert`` sends, as psql takes it."""
    return as_psql(session.written(statements.INSERT), source, collection, _key(source))


async def insert(session: Session, source: str, collection: str) -> UUID:
    """Insert a request, or return the unfinished one that another first run inserted at the same time."""
    while True:
        if made := await session.value(statements.INSERT, source, collection, _key(source)):
            return UUID(str(made))
        if other := await earlier(session, source, collection):
            return other.id


async def ingested(session: Session, request: UUID, limit: int) -> list[Ingested]:
    """Return the documents that a request made live, by URI."""
    return [Ingested(**row) for row in await session.rows(statements.INGESTED, str(request), limit)]


async def kinds(session: Session, request: UUID) -> list[Kind]:
    """Return the outcome of a request's documents, by extension."""
    return [Kind(**row) for row in await session.rows(statements.KINDS, str(request))]


async def something_to_find(session: Session, request: UUID) -> str | None:
    """Return something that a search should find of what a request ingested: a title, or a chunk's first words."""
    of = str(request)
    found = await session.value(statements.TITLE, of) or await session.value(statements.FIRST_WORDS, of)
    return str(found).strip() if found else None


def _key(source: str) -> str:
    return f"quickstart:{source}"
