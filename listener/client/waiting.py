"""Waiting for requests: a notification is a hint to look, the row is the truth."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from uuid import UUID

import anyio

from listener.client import statements
from listener.client.results import Status, status
from listener.client.session import Session
from listener.client.transport import Waited
from listener.errors import RequestError


async def until_ended(session: Session, requests: Sequence[UUID], seconds: float | None) -> list[UUID]:
    """Return when all of ``requests`` have ended, or after ``seconds``; return the unfinished ones, in order."""
    deadline = float("inf") if seconds is None else anyio.current_time() + seconds
    async with session.waiting(requests) as waited:
        await _look(session, waited)
        while waited.left and anyio.current_time() < deadline:
            with anyio.move_on_after(deadline - anyio.current_time()):
                await waited.changed()
            if waited.unknown:
                await _look(session, waited)
        return [request for request in dict.fromkeys(requests) if str(request) in waited.left]


async def looks(session: Session, requests: Sequence[UUID], every: float) -> AsyncGenerator[list[Status], None]:
    """Yield the progress of ``requests``, every ``every`` seconds and when one has ended, until all have.

    Raises RequestError ``unknown_request`` if one is not there at the first look.
    """
    async with session.waiting(requests) as waited:
        session.show("-- again and again:")
        found = await statuses_of(session, requests)
        while True:
            waited.left &= {str(one.id) for one in found if not one.finished}
            yield found
            if all(one.finished for one in found):
                return
            with anyio.move_on_after(every):
                await waited.changed()
            rows = await session.quiet().rows(statements.STATUS, [*map(str, requests)])
            found = [*map(status, rows)]


async def statuses_of(session: Session, requests: Sequence[UUID]) -> list[Status]:
    """Return how far ``requests`` are, in their order; raises RequestError ``unknown_request``."""
    found = [*map(status, await session.rows(statements.STATUS, [*map(str, requests)]))]
    if missing := set(requests) - {one.id for one in found}:
        raise RequestError(
            "unknown_request", f"there is no request {missing.pop()}", "See select id, status from ingest_requests."
        )
    return found


async def _look(session: Session, waited: Waited) -> None:
    rows = await session.rows(statements.UNFINISHED, [*waited.left])
    waited.unknown = False
    waited.left &= {row["id"] for row in rows}
