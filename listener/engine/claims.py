"""Claim requests that are due and start their workflows.

::

    a place is free ─► claim ─► nothing? ─► take the idle lock, claim once more ─► sleep behind the doorbell
                        └► check what only we can see ─► start the workflow under the request's id

A claim commits before the start: a crash between them leaves a request that is claimed and has no workflow, which
``recovery`` gives back.

Before a listener sleeps it looks at the whole line. While there is more to do than it can, it may begin farther back
(see ``Line``).
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from listener.database.outages import OUTAGE, Pause, is_outage
from listener.embedding import Space
from listener.engine.doorbell import Doorbell
from listener.errors import OperatorError, RequestError
from listener.pipeline.tools import Tools
from listener.pipeline.workflows import Workflows

log = logging.getLogger(__name__)

DECLARED_DEAD = "IG020"
CLAIM = "select * from ingest_claim($1, $2, $3, $4, $5, $6)"
LONG_SECONDS = 0.01
SELDOM = 10
MOST_SECONDS = 5.0


class Line:
    """Where in the line of due requests claims begin to look.

    At its front as a rule. What stands there may be in the way: index entries of requests that ended, which VACUUM may
    not remove while an old transaction is open, or requests below another host's folders. When passing them took long,
    the next claims begin where the last one found something, until looking at all of it again would take a tenth of
    the time; at most five seconds. So much later may a more urgent request be seen.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._place: tuple[int, datetime] | None = None
        self._until = clock()

    @property
    def place(self) -> tuple[int | None, datetime | None]:
        """Priority and time to look from; a pair of None means the front."""
        if self._place and self._clock() < self._until:
            return self._place
        return None, None

    def looked(self, place: tuple[Any, Any], rows: Sequence[Any], seconds: float) -> None:
        """Note what a claim from ``place`` on found, and how long it took."""
        if place == (None, None):
            pause = min(seconds * SELDOM, MOST_SECONDS) if seconds > LONG_SECONDS else 0.0
            self._until = self._clock() + pause
        self._place = max((row["priority"], row["created_at"]) for row in rows) if rows else None


class Claims:
    """The loop that turns rows into workflows."""

    def __init__(
        self, tools: Tools, doorbell: Doorbell, workflows: Workflows, space: Space, roots: tuple[Path, ...]
    ) -> None:
        self._tools = tools
        self._doorbell = doorbell
        self._workflows = workflows
        self._places = workflows.requests
        self._line = Line()
        self._arguments = (
            tools.executor_id,
            [str(root) for root in roots],
            json.dumps(
                {
                    "embedder": space.embedder,
                    "endpoint": space.endpoint,
                    "model": space.model,
                    "dimensions": space.dimensions,
                }
            ),
        )

    async def run(self) -> None:
        """Claim and start until cancelled. Raises OperatorError ``declared_dead``."""
        pause = Pause(longest=2.0)
        while True:
            try:
                await self._look()
                pause.reset()
            except OUTAGE as error:
                log.warning("claiming waits for Postgres: %s", str(error) or type(error).__name__)
                await pause.wait()  # it may answer and have no room on its disk
            except asyncpg.PostgresError as error:
                if error.sqlstate == DECLARED_DEAD:
                    raise declared_dead(self._tools.executor_id) from None
                raise

    async def _look(self) -> None:
        """Claim what there is; if there is nothing, sleep until there may be."""
        if not self._places.free:
            await self._doorbell.wake(hand_over=self._doorbell.resting)
            await self._places.wait()
        if await self._claim(self._line.place):
            return
        answer = await self._doorbell.rest()
        if await self._claim((None, None)):
            return
        query = "select ingest_seconds_until_due() as seconds, ingest_left_locked($1) as locked"
        row = (await self._doorbell.fetch(query, self._arguments[1]))[0]
        await self._doorbell.wait("locked" if row["locked"] else answer, row["seconds"])

    async def _claim(self, place: tuple[int | None, datetime | None]) -> bool:
        """Claim up to the free places and start what was claimed; False if nothing is due from ``place`` on."""
        executor, roots, space = self._arguments
        free = self._places.free
        if not free:
            return True
        began = time.monotonic()
        rows = await self._doorbell.fetch(CLAIM, executor, free, roots, space, *place)
        self._line.looked(place, rows, time.monotonic() - began)
        if not rows:
            return False
        rows.sort(key=lambda row: row["priority"])
        await asyncio.gather(*(self._start_together(some) for some in _sharing(rows)))
        await self._doorbell.wake(hand_over=self._doorbell.resting and len(rows) == free)
        return True

    async def _start_together(self, rows: Sequence[asyncpg.Record]) -> None:
        """Start requests that may share a batch, or one that may not."""
        share = self._workflows.shares.together([row["id"] for row in rows]) if rows[0]["share"] else nullcontext()
        with share:
            await asyncio.gather(*(self._start(row) for row in rows))

    async def _start(self, row: asyncpg.Record) -> None:
        try:
            if row["source"] is not None:
                await self._tools.in_thread(self._tools.sources.check, row["source"], json.loads(row["options"]))
            await (self._workflows.start if row["attempt"] == 1 else self._workflows.go_on)(row["id"])
        except Exception as error:
            if is_outage(error):
                raise  # recovery starts what was claimed and did not start
            if not isinstance(error, RequestError):
                log.exception("request %s could not be started", row["id"])
            await self._workflows.refuse(row["id"], row["attempt"], error)


def _sharing(rows: Sequence[asyncpg.Record]) -> Iterable[Sequence[asyncpg.Record]]:
    """Return the rows that may share a batch, and each of the others alone."""
    alike: dict[object, list[asyncpg.Record]] = {}
    for row in rows:
        alike.setdefault(row["share"] or row["id"], []).append(row)
    return alike.values()


def declared_dead(executor_id: str) -> OperatorError:
    """Return the error of a listener that others gave up: its work goes on elsewhere."""
    return OperatorError(
        "declared_dead",
        f"listener {executor_id} gave no sign of life for its lease and was declared dead; others go on with its work",
        "Start it again. If it happens often, raise INGEST_LEASE_SECONDS.",
    )
