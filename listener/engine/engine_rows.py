"""What the loops take from our tables, as typed values. ``fetch``: that of the connection or pool that is to run it."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import asyncpg

from listener.embedding import Space
from listener.engine.line import FRONT, Place, Standing
from listener.pipeline.identity import Identity


class Fetch(Protocol):
    """Runs a statement and returns its rows."""

    def __call__(self, query: str, /, *args: object) -> Awaitable[list[asyncpg.Record]]: ...


# claims


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who claims: what it may read, and the space of a collection that has none yet."""

    executor_id: str
    roots: list[str]
    space: str

    @classmethod
    def of(cls, identity: Identity, space: Space) -> Claimant:
        """Return a listener as it claims."""
        return cls(identity.executor_id, list(identity.roots), json.dumps(asdict(space)))


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claimed request. ``source`` is None for inline content; requests with the same ``share`` may share a batch."""

    id: UUID
    priority: int
    created_at: datetime
    source: str | None
    options: str
    attempt: int
    share: str | None

    @property
    def standing(self) -> Standing:
        """Where it stood in the line."""
        return self.priority, self.created_at


@dataclass(frozen=True, slots=True)
class Rest:
    """What comes next when nothing is due: when it is, in seconds, and whether a request was passed by, locked."""

    seconds_until_due: float | None
    locked: bool


async def claim(fetch: Fetch, claimant: Claimant, most: int, place: Place = FRONT) -> list[Claimed]:
    """Claim up to ``most`` due requests from a place in the line on, in order. Raises IG020 to one declared dead."""
    query = "select * from ingest.ingest_claim($1::text, $2::int, $3::text[], $4::jsonb, $5::int, $6::timestamptz)"
    rows = await fetch(query, claimant.executor_id, most, claimant.roots, claimant.space, *place)
    return sorted((Claimed(*row) for row in rows), key=lambda one: one.priority)


async def look_ahead(fetch: Fetch, roots: list[str]) -> Rest:
    """Return when a request is due next."""
    (row,) = await fetch("select ingest.ingest_seconds_until_due(), ingest.ingest_left_locked($1::text[])", roots)
    return Rest(*row)


# cancels


@dataclass(frozen=True, slots=True)
class OpenCancel:
    """A cancel to carry out. ``stands``: its request is still cancelled."""

    id: int
    request: UUID
    stands: bool


async def take_cancels(fetch: Fetch, most: int) -> list[OpenCancel]:
    """Return open cancels, locked with their requests until the transaction ends."""
    return [OpenCancel(*row) for row in await fetch("select * from ingest.ingest_take_cancels($1::int)", most)]


# queries


@dataclass(frozen=True, slots=True)
class OpenQuery:
    """A text whose vector a search waits for."""

    space_id: int
    space: Space
    hash: bytes
    text: str

    @property
    def key(self) -> tuple[int, bytes]:
        """What the database knows it by."""
        return self.space_id, self.hash


async def take_queries(fetch: Fetch, most: int) -> list[OpenQuery]:
    """Return queries that wait, claimed for a short time."""
    rows = await fetch("select * from ingest.ingest_take_queries($1::int)", most)
    return [OpenQuery(space_id, Space(*space), hash_, text) for space_id, *space, hash_, text in rows]
