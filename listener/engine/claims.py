"""Claim requests that are due and start their workflows.

::

    there is room ─► claim ─► nothing? ─► take the idle lock, claim once more ─► sleep behind the doorbell
                     └► check what only we can see ─► start the workflow under the request's id
    woken from a sleep ─► claim ─► that was all ─► start it, and sleep on: the idle lock was never given up

A claim commits before the start: a crash between them leaves a request that is claimed and has no workflow, which
``repair`` gives back.

A claim takes what this listener can begin now (``Capacity.room``), and of long requests only its share: others could
begin the rest earlier. It rings for them, and takes what is still there a moment later. Before a listener sleeps it
looks at the whole line. While there is more to do than it can, it may begin farther back (see ``line``).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext

import anyio
import anyio.lowlevel
import asyncpg

from listener.concurrency import set_within, side_by_side
from listener.database.outages import BLOCKED, OUTAGE, Pause, is_outage, named
from listener.documents.turns import Share
from listener.engine import engine_rows
from listener.engine.doorbell import Doorbell
from listener.engine.endings import declared_dead
from listener.engine.engine_rows import Claimant, Claimed
from listener.engine.line import WhoseTurn
from listener.engine.loop import Loop
from listener.errors import RequestError
from listener.pipeline.capacity import Capacity, Room
from listener.pipeline.tools import Tools
from listener.pipeline.workflows import Workflows
from listener.sources.archives.archive_source import ArchiveSource
from listener.sources.options import RequestOptions

log = logging.getLogger(__name__)

DECLARED_DEAD = "IG020"
MOST_VAIN = 20  # looks for rings one after the other that found nothing: anybody may ring, so then there is a pause
VAIN_PAUSE_SECONDS = 0.05
LEAVES_SECONDS = 0.2  # for other listeners to take what was left for them
GROWS_SECONDS = 0.25  # until a listener may have more places than it had
ENDS_SECONDS = 2.0  # for a claim under way when the listener stops
STUCK_SECONDS = 1.0  # without a place that comes free, until others begin beside those that have them
QUIET_SECONDS = 0.02  # of sleep: then what rings is no sign that more is on its way


class Claims(Loop):
    """The loop that turns rows into workflows."""

    name = "claims"

    def __init__(
        self, tools: Tools, claimant: Claimant, capacity: Capacity, doorbell: Doorbell, workflows: Workflows
    ) -> None:
        self._tools = tools
        self._claimant = claimant
        self._capacity = capacity
        self._doorbell = doorbell
        self._workflows = workflows
        self._lines = WhoseTurn()
        self._left_at: float | None = None
        self._vain = 0
        self._due_at: float | None = None
        self._slept = 0.0
        self._sleeps_on = False
        self._one_claim = anyio.Lock()
        capacity.batches.on_free = self._freed

    async def stop(self) -> None:
        """End the run; a claim under way starts what it took first, else that would wait for another listener."""
        with anyio.move_on_after(ENDS_SECONDS):
            async with self._one_claim:
                await super().stop()
        await super().stop()

    async def run(self) -> None:
        """Claim and start. Raises OperatorError ``declared_dead``."""
        pause = Pause(longest=2.0)
        while True:
            try:
                await self._look()
                pause.reset()
            except (*OUTAGE, *BLOCKED) as error:
                log.warning("claims: waiting for Postgres: %s", named(error))
                await pause.wait()  # it may answer and have no room on its disk
            except BLOCKED as error:
                log.warning("claims: waiting for a lock that another transaction holds: %s", error)
                await pause.wait()
            except asyncpg.PostgresError as error:
                if error.sqlstate == DECLARED_DEAD:
                    raise declared_dead(self._claimant.executor_id) from None
                raise

    async def _look(self) -> None:
        """Claim what there is; if there is nothing, sleep until there may be."""
        if not self._capacity.requests.free:
            await self._wait_for_a_place()
        if await self._claim(self._capacity.room):
            return
        answer = await self._doorbell.rest()
        if not self._sleeps_on and await self._claim(self._capacity.room, front=True):
            return
        if self._vain >= MOST_VAIN:
            await anyio.sleep(VAIN_PAUSE_SECONDS)
        began = time.monotonic()
        rang = await self._doorbell.wait("locked" if self._lines.locked else answer, self._next_look())
        self._slept = time.monotonic() - began
        self._vain = self._vain + 1 if rang else 0

    async def _wait_for_a_place(self) -> None:
        """Wait for one; if none comes free for a while, who has nothing at work here begins beside those who have."""
        await self._doorbell.wake(hand_over=self._doorbell.resting)
        places, stuck_at = self._capacity.requests, time.monotonic() + STUCK_SECONDS
        while not places.free:
            places.given_back.clear()
            beside = self._capacity.beside
            if time.monotonic() < stuck_at or not beside.requests or not await self._claim(beside):
                await set_within(places.given_back, STUCK_SECONDS)

    def _next_look(self) -> float | None:
        """Return when to look again without a ring, in seconds: for what is scheduled, was left, or has no place."""
        looks = [self._due_at - time.monotonic()] if self._due_at is not None else []
        if self._left_at is not None:
            looks.append(LEAVES_SECONDS)
        if self._lines.more:
            looks.append(GROWS_SECONDS)
        return min(looks, default=None)

    def _freed(self) -> None:
        """There is a place to work in: what waits for one can be claimed."""
        if self._lines.more:
            self._doorbell.nudge()

    async def _claim(self, room: Room, front: bool = False) -> bool:
        """Claim what there is room for and start it; False if nothing more is due, or left for others."""
        if not room.requests:
            return True
        async with self._one_claim:
            return await self._claim_and_start(room, front)

    async def _claim_and_start(self, room: Room, front: bool) -> bool:
        asked, began = self._lines.asked(front, room.served_small), time.monotonic()
        leaves = self._left_at is None or began - self._left_at < LEAVES_SECONDS
        claimed, due, answer = await engine_rows.claim(self._doorbell.fetch, self._claimant, room, leaves, asked)
        self._due_at = None if due is None else time.monotonic() + due  # to start what was claimed may take long
        self._lines.answered(asked, answer, [one.standing for one in claimed], time.monotonic() - began)
        rings = self._lines.left and self._left_at is None
        self._left_at = (self._left_at or began) if self._lines.left else None
        self._sleeps_on = 0 < len(claimed) < room.requests and self._was_all()
        self._slept = 0.0
        if claimed:
            self._vain = 0
            await side_by_side(self._start_together, [*_sharing(claimed)], len(claimed))
            rings = rings or (self._doorbell.resting and (self._lines.more or len(claimed) == room.requests))
            if not self._sleeps_on:
                await self._doorbell.wake(hand_over=rings)
        elif rings:
            await self._doorbell.ring()
        return bool(claimed) and not self._sleeps_on

    def _was_all(self) -> bool:
        """Tell whether a claim that found something found all there is, out of a sleep that was long enough.

        Nothing can be missed then: who inserts while the idle lock is held rings. To give it up and take it again
        would be five statements, beside the work that has just begun.
        """
        return self._doorbell.resting and self._lines.saw_all and self._slept > QUIET_SECONDS

    async def _start_together(self, some: Sequence[Claimed]) -> None:
        """Start requests that may share a batch, or one that may not."""
        shares = self._workflows.shares
        with shares.together([one.id for one in some]) if some[0].share else nullcontext():
            await anyio.lowlevel.checkpoint()  # what the batch asks first is on its way before DBOS begins
            await side_by_side(self._start, some, len(some))

    async def _start(self, one: Claimed) -> None:
        """Start a request, or end it as failed; nothing that is in its way keeps others from starting."""
        try:
            if one.source is not None:
                source = ArchiveSource(self._tools.sources, self._tools.archives)
                await source.check(one.source, RequestOptions.read(one.options))
            if one.attempt == 1:
                if not one.long:
                    self._capacity.begin_small(str(one.id), Share(one.submitter, one.collection))
                await self._workflows.start(one.id, one.long)
            else:
                await self._workflows.go_on(one.id)
        except Exception as error:
            self._capacity.end_small(str(one.id))
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
