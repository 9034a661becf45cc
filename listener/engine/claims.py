"""Claim requests that are due and start their workflows.

::

    a place is free ─► claim ─► nothing? ─► take the idle lock, claim once more ─► sleep behind the doorbell
                        └► check what only we can see ─► start the workflow under the request's id

A claim commits before the start: a crash between them leaves a request that is claimed and has no workflow, which
``repair`` gives back.

Before a listener sleeps it looks at the whole line. While there is more to do than it can, it may begin farther back
(see ``line``).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext

import anyio
import asyncpg

from listener.concurrency import task_group
from listener.database.outages import OUTAGE, Pause, is_outage, named
from listener.engine import engine_rows
from listener.engine.doorbell import Doorbell
from listener.engine.endings import declared_dead
from listener.engine.engine_rows import Claimant, Claimed
from listener.engine.line import FRONT, Line, Place
from listener.engine.loop import Loop
from listener.errors import RequestError
from listener.pipeline.capacity import Capacity
from listener.pipeline.tools import Tools
from listener.pipeline.workflows import Workflows
from listener.sources.options import RequestOptions

log = logging.getLogger(__name__)

DECLARED_DEAD = "IG020"
MOST_VAIN = 20  # looks for rings one after the other that found nothing: anybody may ring, so then there is a pause
VAIN_PAUSE_SECONDS = 0.05


class Claims(Loop):
    """The loop that turns rows into workflows."""

    name = "claims"

    def __init__(
        self, tools: Tools, claimant: Claimant, capacity: Capacity, doorbell: Doorbell, workflows: Workflows
    ) -> None:
        self._tools = tools
        self._claimant = claimant
        self._places = capacity.requests
        self._doorbell = doorbell
        self._workflows = workflows
        self._line = Line()
        self._vain = 0

    async def run(self) -> None:
        """Claim and start. Raises OperatorError ``declared_dead``."""
        pause = Pause(longest=2.0)
        while True:
            try:
                await self._look()
                pause.reset()
            except OUTAGE as error:
                log.warning("claims: waiting for Postgres: %s", named(error))
                await pause.wait()  # it may answer and have no room on its disk
            except asyncpg.PostgresError as error:
                if error.sqlstate == DECLARED_DEAD:
                    raise declared_dead(self._claimant.executor_id) from None
                raise

    async def _look(self) -> None:
        """Claim what there is; if there is nothing, sleep until there may be."""
        if not self._places.free:
            await self._doorbell.wake(hand_over=self._doorbell.resting)
            await self._places.wait()
        if await self._claim(self._line.place):
            return
        answer = await self._doorbell.rest()
        if await self._claim(FRONT):
            return
        ahead = await engine_rows.look_ahead(self._doorbell.fetch, self._claimant.roots)
        if self._vain >= MOST_VAIN:
            await anyio.sleep(VAIN_PAUSE_SECONDS)
        rang = await self._doorbell.wait("locked" if ahead.locked else answer, ahead.seconds_until_due)
        self._vain = self._vain + 1 if rang else 0

    async def _claim(self, place: Place) -> bool:
        """Claim up to the free places and start what was claimed; False if nothing is due from ``place`` on."""
        free = self._places.free
        if not free:
            return True
        began = time.monotonic()
        claimed = await engine_rows.claim(self._doorbell.fetch, self._claimant, free, place)
        self._line.looked(place, [one.standing for one in claimed], time.monotonic() - began)
        if not claimed:
            return False
        self._vain = 0
        async with task_group() as starts:
            for some in _sharing(claimed):
                starts.start_soon(self._start_together, some)
        await self._doorbell.wake(hand_over=self._doorbell.resting and len(claimed) == free)
        return True

    async def _start_together(self, some: Sequence[Claimed]) -> None:
        """Start requests that may share a batch, or one that may not."""
        shares = self._workflows.shares
        with shares.together([one.id for one in some]) if some[0].share else nullcontext():
            async with task_group() as starts:
                for one in some:
                    starts.start_soon(self._start, one)

    async def _start(self, one: Claimed) -> None:
        """Start a request, or end it as failed; nothing that is in its way keeps others from starting."""
        try:
            if one.source is not None:
                await self._tools.sources.check(one.source, RequestOptions.read(one.options))
            await (self._workflows.start if one.attempt == 1 else self._workflows.go_on)(one.id)
        except Exception as error:
            if is_outage(error):
                log.warning("request %s starts later: waiting for Postgres: %s", one.id, named(error))
                self._workflows.shares.release([one.id])
                return
            if not isinstance(error, RequestError):
                log.exception("request %s could not be started", one.id)
            await self._workflows.refuse(one.id, one.attempt, error)


def _sharing(claimed: Sequence[Claimed]) -> Iterable[Sequence[Claimed]]:
    """Return the requests that may share a batch, and each of the others alone."""
    alike: dict[object, list[Claimed]] = {}
    for one in claimed:
        alike.setdefault(one.share or one.id, []).append(one)
    return alike.values()
