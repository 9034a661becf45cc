"""What the loops take from our tables, as typed values. ``fetch``: that of the connection or pool that is to run it."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import asyncpg

from listener.embedding import Space
from listener.engine.line import Standing
from listener.pipeline.capacity import Room
from listener.pipeline.identity import Identity


class Fetch(Protocol):
    """Runs a statement and returns its rows."""

    def __call__(self, query: str, /, *args: object) -> Awaitable[list[asyncpg.Record]]: ...


# claims


@dataclass(frozen=True, slots=True)
class Claimant:
    """The claiming listener: what it may read, and the space for a collection that has none yet."""

    executor_id: str
    roots: list[str]
    space: str

    @classmethod
    def of(cls, identity: Identity, space: Space) -> Claimant:
        """Return a listener as it claims."""
        return cls(identity.executor_id, list(identity.roots), json.dumps(asdict(space)))


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claimed request. ``source`` is None for inline content; requests with the same ``share`` may share a batch.

    ``long``: it may be much work, see ``ingest_is_long``.
    """

    id: UUID
    priority: int
    created_at: datetime
    source: str | None
    options: str
    attempt: int
    share: str | None
    submitter: str
    collection: str
    long: bool

    @property
    def standing(self) -> Standing:
        """Where it was in the line."""
        return Standing(self.long, self.priority, self.submitter, self.collection, self.created_at)


async def claim(
    fetch: Fetch, claimant: Claimant, room: Room, leaves: bool, turns: str
) -> tuple[list[Claimed], float | None, dict[str, Any]]:
    """Claim due requests, as far as there is room, and return them by priority, with whose turn it is then.

    Between the two: in how many seconds a scheduled one is due (None: none is scheduled).
    ``leaves``: others may have their share of the long ones. ``turns``: as ``Lines`` says. Raises IG020 to a listener
    that was declared dead.
    """
    query = """select id, priority, created_at, source, options, attempt, share, submitter, collection, long, turns
      from ingest.ingest_claim(
        $1::text, $2::text[], $3::jsonb, $4::int, $5::int, $6::int, $7::jsonb, $8::boolean, $9::jsonb)"""
    *rows, last = await fetch(
        query,
        claimant.executor_id,
        claimant.roots,
        claimant.space,
        *(room.requests, room.long, room.new, json.dumps(room.served)),
        leaves,
        turns,
    )
    claimed = [Claimed(*about) for *about, _ in rows]
    answer = json.loads(last["turns"])
    due = answer.pop("next")
    return sorted(claimed, key=lambda one: (one.priority, one.created_at)), due, answer


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


# re-ranking


@dataclass(frozen=True, slots=True)
class OpenRerank:
    """A query whose chunks must be scored, with those of their texts that the asker may read."""

    id: int
    query: str
    revisions: list[int]
    ordinals: list[int]
    texts: list[str]


async def take_reranks(fetch: Fetch, executor_id: str, reranker: str, most: int) -> list[OpenRerank]:
    """Return questions to a re-ranker, claimed for this listener."""
    query = "select id, query, revisions, ordinals, texts from ingest.ingest_take_reranks($1::text, $2::text, $3::int)"
    return [OpenRerank(*row) for row in await fetch(query, executor_id, reranker, most)]
