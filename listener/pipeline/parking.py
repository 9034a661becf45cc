"""Work that waits for a service holds nothing: no place, slot, limit, connection or text. It is a coroutine that waits.

::

    a call failed ─► the service is suspected: one listener asks it for a harmless text (``engine.circuits``)
                     └► the batch is parked until that is decided
                          it lives     the fault is the batch's own: back to the step, which tries again so many times
                          it is away   the circuit is open; parked until it is closed, or patience is over, or a cancel
    circuit closed ─► a place again, in the order of arrival ─► a slot of its collection's limit again ─► on it goes

``engine.circuits`` looks at all that is parked here, once a second, in one statement. Sources are services too
(``source_waits``).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from listener.database.outages import retry_on_outage
from listener.errors import IngestError, LostOwnership, ServiceError
from listener.pipeline.away import HowToAsk, Key, SourcePlace, StepPlace
from listener.pipeline.checkpoints import without_slot
from listener.pipeline.places import Seat
from listener.pipeline.request_rows import BatchSettings
from listener.pipeline.rows import Failure, Fence
from listener.pipeline.tools import Tools

LEASE_SECONDS = 10.0  # to ask in, beyond what a call may take
LIMITED_SECONDS = 1.0
LOOK_SECONDS = 1.0
LONGEST_END_SECONDS = 60.0  # for which it is waited behind an outage, which took patience already


class GenerationLeft(Exception):
    """The generation that a batch is brought into stopped, or was dropped: it goes on without."""


@dataclass(eq=False, slots=True)
class Parked:
    """Work that waits here; without a batch, a request that waits with its next one, or for its documents to be found.

    ``opened``: it has seen its circuit open. ``outcome``: what the last verdict was.
    """

    key: Key
    request: UUID
    batch: int | None
    owner: UUID | None
    patience: float
    outcome: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    opened: bool = False

    def tell(self, verdict: str) -> None:
        """Report the state of its service, or its own."""
        self.opened = self.opened or verdict in ("open", "over")
        if verdict != "open" and not self.outcome.done():
            self.outcome.set_result(verdict)

    def wait_again(self) -> None:
        """Wait for another verdict: it could not continue after this one."""
        self.outcome = asyncio.get_running_loop().create_future()


class Parking:
    """What waits here for services, and which of them must be probed."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self.parked: set[Parked] = set()
        self.suspects: dict[Key, HowToAsk] = {}
        self.changed = asyncio.Event()

    @property
    def lease(self) -> float:
        """How many seconds a listener has to probe a service that embeds."""
        return self._tools.settings.embedding_timeout_seconds + LEASE_SECONDS

    def lease_of(self, how: HowToAsk) -> float:
        """How many seconds it has to ask any service."""
        settings = self._tools.settings
        if isinstance(how, StepPlace):
            return settings.step_timeout_seconds + LEASE_SECONDS
        return settings.http_timeout_seconds + LEASE_SECONDS if isinstance(how, SourcePlace) else self.lease

    async def failed(self, settings: BatchSettings, error: ServiceError) -> None:
        """Report that a service failed; if nobody probes it yet, this listener does, at once."""
        await self.suspected(settings.key, settings.space, error, error.as_json("embed"))

    async def suspected(self, key: Key, asked: HowToAsk, error: ServiceError, reason: Failure) -> None:
        """Say so of any service; ``asked``: how it is asked, ``reason``: what its circuit says of the failure."""
        if await self._suspect(key, error, reason, self.lease_of(asked)):
            self.suspects[key] = asked
        self.changed.set()

    async def suspect(self, key: Key, error: ServiceError) -> bool:
        """Take the turn to probe a service; False if it is already away, or another listener probes it."""
        return await self._suspect(key, error, error.as_json("embed"), self.lease)

    async def _suspect(self, key: Key, error: ServiceError, reason: Failure, lease: float) -> bool:
        wish = error.retry_after or (LIMITED_SECONDS if error.code == "rate_limited" else None)
        ask = partial(self._tools.gateway.suspect, key, self._tools.executor_id, reason, wish, lease)
        return await retry_on_outage(ask)

    async def after(self, fence: Fence, settings: BatchSettings, seat: Seat, error: ServiceError) -> bool:
        """Park a batch whose call failed; return whether the service was away. Else the fault is the batch's own.

        Raises ServiceError when its patience runs out, LostOwnership if it must not continue, GenerationLeft if
        nobody asks any more for what it was to be embedded for.
        """
        await self.failed(settings, error)
        return await self._park(fence, settings, seat, error)

    async def before(self, fence: Fence, settings: BatchSettings, seat: Seat) -> None:
        """Park a batch that has not begun, since its service is away or its request is parked; raises as ``after``."""
        await self._park(fence, settings, seat, None)

    async def until_made(self, fence: Fence, settings: BatchSettings, seat: Seat, error: IngestError) -> str:
        """Park a batch that can't be brought into a generation, until the request that makes it has ended.

        That one meets the same, unless it is this listener's fault. Returns what ``asked_for`` says then; raises
        LostOwnership.
        """
        over = LONGEST_END_SECONDS if isinstance(error, ServiceError) else self.patience(settings.patience)
        give_up = time.monotonic() + over
        await retry_on_outage(partial(self._tools.gateway.park, fence, _reason(settings, error)))
        while True:
            with without_slot(seat.workflow):
                async with seat.away():
                    asked = "made"
                    while asked == "made" and time.monotonic() < give_up:
                        await asyncio.sleep(LOOK_SECONDS)
                        asked = await retry_on_outage(partial(self._tools.gateway.asked_for, fence))
            if asked == "gone":
                raise LostOwnership("lost_ownership", f"request {fence.requests[0]} does not continue here")
            if await retry_on_outage(partial(self._tools.gateway.go_on, fence)):
                return asked
            give_up = time.monotonic() + LOOK_SECONDS  # no room just now

    def holds_up(self, settings: BatchSettings) -> bool:
        """Whether a batch with these settings would wait: its service is away, or others wait for it here."""
        return bool(self._tools.away.error(settings.key)) or any(
            one.key == settings.key and one.batch is not None for one in self.parked
        )

    async def gate(self, request: UUID, settings: BatchSettings) -> None:
        """Wait with a request's next batch while its service ``holds_up``; raises as ``after``."""
        while self.holds_up(settings):
            one = Parked(settings.key, request, None, None, self.patience(settings.patience))
            if await self.verdict(one) == "over":
                raise _last(self._tools.away.error(settings.key), settings)

    async def look(self, parked: Sequence[Parked]) -> dict[int, str]:
        """Return the state of parked work, by its place."""
        return await self._tools.gateway.look_at_parked(parked)

    def patience(self, wish: float | None) -> float:
        """Return how many seconds work waits at most."""
        return self._tools.settings.service_patience if wish is None else wish

    async def wait(
        self,
        one: Parked,
        seat: Seat,
        go_on: Callable[[], Awaitable[bool]],
        over: Callable[[], ServiceError] | None = None,
    ) -> str:
        """Wait without a place until parked work may ``go_on`` and does; return the verdict, or ``over`` at once.

        ``go_on`` records that, False if there is no room for it now. ``over``: what is then raised instead, without
        a place. Raises LostOwnership.
        """
        self._tools.figures.count("waits")
        while True:
            with without_slot(seat.workflow):
                async with seat.away():
                    verdict = await self.verdict(one)
                    if verdict == "over" and over:
                        raise over()
            if verdict == "over" or await retry_on_outage(go_on):
                return verdict
            one.wait_again()

    async def verdict(self, one: Parked) -> str:
        """Wait until it may continue (``closed``, ``left``), or must give up (``over``). Raises LostOwnership."""
        self.parked.add(one)
        self.changed.set()
        try:
            verdict = await one.outcome
        finally:
            self.parked.discard(one)
        if verdict == "gone":
            raise LostOwnership("lost_ownership", f"request {one.request} does not continue here")
        return verdict

    async def _park(self, fence: Fence, settings: BatchSettings, seat: Seat, error: ServiceError | None) -> bool:
        known = error or self._tools.away.error(settings.key)
        reason = _reason(settings, known) if known else None
        patience = self.patience(settings.patience)
        one = Parked(settings.key, fence.requests[0], fence.number, fence.token, patience)
        await retry_on_outage(partial(self._tools.gateway.park, fence, reason))

        def over() -> ServiceError:
            return _last(self._tools.away.error(settings.key) or known, settings)

        if await self.wait(one, seat, partial(self._tools.gateway.go_on, fence), over) == "left":
            raise GenerationLeft
        return one.opened


def _reason(settings: BatchSettings, error: IngestError) -> Failure:
    return error.as_json("embed") | {"service": settings.service}


def _last(known: ServiceError | None, settings: BatchSettings) -> ServiceError:
    """Return the error of a batch whose patience is over: what its service said last."""
    error = known or ServiceError("embedding_unavailable", f"{settings.service} is away", "See the listener's log.")
    last = ServiceError(error.code, error.message, error.hint)
    last.step = "embed"  # also of a batch that has not come that far
    return last
