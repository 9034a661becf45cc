"""Services that are away: probe them, one listener at a time, and release what waits for them.

::

    a call failed ─► suspected ─► asked for a harmless text ─► it answers: the circuit is gone, the fault was the call's
                                  └► no answer: it is open, and asked again after 1 s, 2 s … a minute
    each second while something waits here, or works:   which circuits are open, and the state of what is parked

The circuits stand in a table, by the database's clock; a prober that dies loses its turn with its lease. Whoever waits
holds nothing (``pipeline.parking``).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import asyncpg

from listener.concurrency import set_within, task_group
from listener.database.outages import waiting_for_postgres
from listener.embedding import Embedders, Space
from listener.embedding.probing import recovered
from listener.engine import circuit_rows
from listener.engine.circuit_rows import OpenCircuit
from listener.engine.loop import Loop
from listener.engine.outage_log import OutageLog
from listener.engine.prober import Prober
from listener.engine.seen import Seen
from listener.engine.start_check import StartCheck
from listener.pipeline.away import HowToAsk, Key
from listener.pipeline.capacity import Capacity
from listener.pipeline.parking import Parking
from listener.pipeline.tools import Tools

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
RARELY = 2  # heartbeats between two looks of an idle listener
SOON_SECONDS = 0.05


class Circuits(Loop):
    """The loop that knows which services are away, asks them, and wakes what waits for them."""

    name = "circuits"

    def __init__(
        self, pool: asyncpg.Pool, tools: Tools, parking: Parking, capacity: Capacity, default_space: Space
    ) -> None:
        self._pool = pool
        self._prober = Prober(pool, tools, parking.lease_of)
        self._start_check = StartCheck(pool, tools.embedders, self._prober, parking, default_space)
        self._away = tools.away
        self._embedders: Embedders = tools.embedders
        self._seldom = RARELY * tools.settings.heartbeat_seconds
        self._parking = parking
        self._capacity = capacity
        self._log = OutageLog()
        self._opened: Mapping[Key, OpenCircuit] = {}
        self._unasked: Seen[Key] = Seen()
        self._next_in: float | None = None

    async def run(self) -> None:
        """Look when something has changed, when a service must be probed, and now and then."""
        async with task_group() as probes:
            probes.start_soon(self._start_check.run)
            while True:
                self._parking.changed.clear()
                with waiting_for_postgres(self.name):
                    await self._look(probes)
                await set_within(self._parking.changed, self._pause())

    def _pause(self) -> float:
        if self._parking.parked or self._away or self._capacity.busy:
            return min(LOOK_SECONDS, max(self._next_in or LOOK_SECONDS, SOON_SECONDS))
        return min(self._seldom, max(self._next_in or self._seldom, SOON_SECONDS))

    async def _look(self, probes: TaskGroup) -> None:
        while self._parking.suspects:
            probes.start_soon(self._ask, *self._parking.suspects.popitem())
        circuits = await circuit_rows.open_circuits(self._pool.fetch)
        await self._note({one.key: one for one in circuits if one.opened})
        self._log.saw(circuits, Counter(one.key for one in self._parking.parked))
        await self._take_probes(circuits, probes)
        await self._wake()

    async def _note(self, opened: Mapping[Key, OpenCircuit]) -> None:
        """Note which services are away, and notify the embedders of those that were."""
        for key in self._opened.keys() - opened.keys():
            space = self._opened[key].space
            if space and await self._prober.reaches(space):
                recovered(self._embedders.of(space))
        self._opened = opened
        self._away.are({key: one.error for key, one in opened.items()})

    async def _take_probes(self, circuits: Sequence[OpenCircuit], probes: TaskGroup) -> None:
        """Probe the due services that nobody else probes, as far as they can be reached from here."""
        ways = [(one, one.how or self._start_check.spaces.get(one.key)) for one in circuits]
        mine = [(one, how) for one, how in ways if how and await self._prober.reaches(how)]
        await self._let_go({one.key for one in circuits if one.due} - {one.key for one, _ in mine})
        self._next_in = min((one.next_in for one, _ in mine if one.next_in), default=None)
        for one, how in mine:
            if one.due and await self._prober.take(one.key, self._parking.lease_of(how)):
                probes.start_soon(self._ask, one.key, how)

    async def _let_go(self, unasked: Collection[Key]) -> None:
        """Close circuits that nobody can probe any more: what waits for them continues, and reports what to set."""
        for key in self._unasked.longer_than(self._parking.lease, unasked):
            if await self._prober.take(key, self._parking.lease):
                log.warning("%s was away, and no listener can reach it any more: nothing waits for it now", key[0])
                await self._prober.end(key)
                self._parking.changed.set()

    async def _ask(self, key: Key, how: HowToAsk) -> None:
        await self._prober.ask(key, how)
        self._parking.changed.set()

    async def _wake(self) -> None:
        """Notify parked work of the state of its service."""
        parked = [*self._parking.parked]
        if not parked:
            return
        verdicts = await self._parking.look(parked)
        for place, verdict in verdicts.items():
            parked[place].tell(verdict)
