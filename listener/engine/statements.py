"""What the loops ask and write about our tables: thin calls of SQL functions, with typed answers.

The statements take ``fetch`` of whatever connection or pool is to run them.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Awaitable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import asyncpg

from listener import __version__
from listener.embedding import Space
from listener.engine.line import FRONT, Place
from listener.pipeline.identity import Identity
from listener.settings import Settings


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


@dataclass(frozen=True, slots=True)
class Rest:
    """What comes next when nothing is due: when it is, in seconds, and whether a request was passed by, locked."""

    seconds_until_due: float | None
    locked: bool


async def claim(fetch: Fetch, claimant: Claimant, most: int, place: Place = FRONT) -> list[Claimed]:
    """Claim up to ``most`` due requests from a place in the line on, in order. Raises IG020 to one declared dead."""
    query = "select * from ingest_claim($1, $2, $3, $4, $5, $6)"
    rows = await fetch(query, claimant.executor_id, most, claimant.roots, claimant.space, *place)
    return sorted((Claimed(*row) for row in rows), key=lambda one: one.priority)


async def look_ahead(fetch: Fetch, roots: list[str]) -> Rest:
    """Return when a request is due next."""
    (row,) = await fetch("select ingest_seconds_until_due(), ingest_left_locked($1)", roots)
    return Rest(*row)


# doorbell


@dataclass(frozen=True, slots=True)
class Channels:
    """The names of our channels of notifications."""

    doorbell: str
    commands: str
    queries: str


async def channels(fetch: Fetch) -> Channels:
    """Return where to LISTEN."""
    query = "select ingest_channel('doorbell'), ingest_channel('commands'), ingest_channel('queries')"
    (row,) = await fetch(query)
    return Channels(*row)


async def try_to_rest(fetch: Fetch) -> str:
    """Try to take the idle lock; returns 'resting', or who holds it: 'listener' or 'inserters'."""
    (row,) = await fetch("select ingest_rest()")
    return str(row[0])


async def notify(fetch: Fetch, channel: str) -> None:
    """Ring on one of our channels."""
    await fetch("select pg_notify(ingest_channel($1), '')", channel)


async def is_idle(fetch: Fetch, backend: int) -> bool:
    """Tell whether a backend does nothing, or is gone."""
    (row,) = await fetch("select ingest_is_idle($1)", backend)
    return bool(row[0])


async def end_backend(fetch: Fetch, backend: int, session: str) -> None:
    """End a backend, if it still serves the session of that name."""
    await fetch("select ingest_end_backend($1, $2)", backend, session)


# cancels


@dataclass(frozen=True, slots=True)
class OpenCancel:
    """A cancel to carry out. ``stands``: its request is still cancelled."""

    id: int
    request: UUID
    stands: bool


async def take_cancels(fetch: Fetch, most: int) -> list[OpenCancel]:
    """Return open cancels, locked with their requests until the transaction ends."""
    return [OpenCancel(*row) for row in await fetch("select * from ingest_take_cancels($1)", most)]


async def finish_cancels(fetch: Fetch, cancels: Iterable[OpenCancel], executor_id: str) -> None:
    """Write that cancels were carried out, or overtaken."""
    done = [(one.id, "cancelled" if one.stands else "overtaken") for one in cancels]
    ids, outcomes = zip(*done, strict=True)
    await fetch("select ingest_finish_commands($1, $2, $3)", ids, outcomes, executor_id)


async def cancel_overdue(fetch: Fetch) -> list[UUID]:
    """Cancel running requests whose deadline has passed; return them."""
    return [row[0] for row in await fetch("select ingest_cancel_overdue()")]


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
    rows = await fetch("select * from ingest_take_queries($1)", most)
    return [OpenQuery(space_id, Space(*space), hash_, text) for space_id, *space, hash_, text in rows]


# listeners


async def register(fetch: Fetch, identity: Identity, settings: Settings, boot: timedelta) -> None:
    """Enter a listener; it is believed alive for ``boot`` and a lease."""
    await fetch(
        "select ingest_register($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        identity.executor_id,
        socket.gethostname(),
        os.getpid(),
        __version__,
        identity.pipeline,
        list(identity.roots),
        identity.queue,
        settings.concurrency,
        timedelta(seconds=settings.lease_seconds),
        settings.ocr,
        boot,
    )


async def beat(fetch: Fetch, executor_id: str, running: int) -> bool:
    """Give a sign of life; False if the listener was declared dead."""
    (row,) = await fetch("select ingest_beat($1, $2)", executor_id, running)
    return bool(row[0])


async def sign_off(fetch: Fetch, executor_id: str) -> None:
    """Strike a listener out: what it leaves unfinished is free for others at once."""
    await fetch("select ingest_sign_off($1)", executor_id)


async def declare_dead(fetch: Fetch, judge: str) -> list[str]:
    """Declare the listeners dead whose lease has passed; return their executor ids."""
    return [row[0] for row in await fetch("select ingest_declare_dead($1)", judge)]


# what was left, or is over


async def lock_left(fetch: Fetch, request: UUID) -> str | None:
    """Lock a request and its batches; return its status, None if it was deleted."""
    (row,) = await fetch("select ingest_lock_left($1)", request)
    status: str | None = row[0]
    return status


async def change_pipeline(fetch: Fetch, request: UUID, pipeline: str) -> None:
    """Have a request go on with other steps: its unfinished documents start over."""
    await fetch("select ingest_change_pipeline($1, $2)", request, pipeline)


async def unclaim(fetch: Fetch, request: UUID, executor_id: str) -> bool:
    """Give back a request that was claimed and never started; False if it is no longer that listener's."""
    (row,) = await fetch("select ingest_unclaim($1, $2)", request, executor_id)
    return bool(row[0])


async def end_unseen(fetch: Fetch, request: UUID, attempt: int, status: str, error: str) -> str | None:
    """End a request for a workflow that did not; return its final status, None if it goes on by now."""
    (row,) = await fetch("select ingest_end($1, null, $2, $3, $4)", request, attempt, status, error)
    final: str | None = row[0]
    return final


async def purge(fetch: Fetch, retention: timedelta) -> int:
    """Purge a page of what was replaced longer ago than that; return how many revisions."""
    (row,) = await fetch("select ingest_purge($1)", retention)
    return int(row[0])
