"""Waiting for requests: a notification is a hint to look, the row is the truth."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from uuid import UUID

import anyio

from listener.client import statements
from listener.client.results import Status, status
from listener.client.session import Session

LOOK_SECONDS = 1.0  # how often a wait looks although nothing rang


async def until_ended(session: Session, requests: Sequence[UUID], seconds: float | None) -> list[UUID]:
    """Return when all of ``requests`` have ended, or after ``seconds``; return those that have not, in their order."""
    deadline = None if seconds is None else anyio.current_time() + seconds
    ids = [str(request) for request in requests]
    async with session.bell(requests) as bell:
        while unfinished := await session.rows(statements.UNFINISHED, ids):
            left = LOOK_SECONDS if deadline is None else deadline - anyio.current_time()
            if left <= 0:
                late = {row["id"] for row in unfinished}
                return [UUID(name) for name in dict.fromkeys(ids) if name in late]
            await _rung(bell, min(left, LOOK_SECONDS))
    return []


async def looks(session: Session, requests: Sequence[UUID], every: float) -> AsyncGenerator[list[Status], None]:
    """Yield how far ``requests`` are, ``every`` so many seconds and when one has ended, until all have."""
    ids = [str(request) for request in requests]
    async with session.bell(requests) as bell:
        session.show("-- again and again:")
        while True:
            found = [status(row) for row in await session.rows(statements.STATUS, ids)]
            yield found
            if all(one.finished for one in found):
                return
            session = session.quiet()
            await _rung(bell, every)


async def _rung(bell: asyncio.Event, seconds: float) -> None:
    with anyio.move_on_after(seconds):
        await bell.wait()
    bell.clear()
