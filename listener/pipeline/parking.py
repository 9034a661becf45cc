"""Work that waits for a service holds nothing: no place, slot, limit, connection or text. It is a coroutine that waits.

::

    a call failed ─► the service is suspected: one listener asks it for a harmless text (``engine.circuits``)
                     └► the batch is parked until that is decided
                          it lives     the fault is the batch's own: back to the step, which tries again so many times
                          it is away   the circuit is open; parked until it is closed, or patience is over, or a cancel
    circuit closed ─► a place again, in the order of arrival ─► a slot of its collection's limit again ─► on it goes

``engine.circuits`` looks at all that is parked here, once a second, in one statement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from listener.database.outages import retry_on_outage
from listener.embedding import Space
from listener.errors import LostOwnership, ServiceError
from listener.pipeline.away import Key
from listener.pipeline.checkpoints import without_slot
from listener.pipeline.places import Seat
from listener.pipeline.request_rows import BatchSettings
from listener.pipeline.rows import Fence
from listener.pipeline.tools import Tools

LEASE_SECONDS = 10.0  # to ask in, beyond what a call may take
LIMITED_SECONDS = 1.0


@dataclass(eq=False, slots=True)
class Parked:
    """Work that waits here; without a batch, a request that waits with its next one.

    ``opened``: it has seen its circuit open.
    """

    key: Key
    request: UUID
    batch: int | None
    owner: UUID | None
    patience: float
    outcome: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    opened: bool = False

    def tell(self, verdict: str) -> None:
        """Say what has become of its service, or of itself."""
        self.opened = self.opened or verdict in ("open", "over")
        if verdict != "open" and not self.outcome.done():
            self.outcome.set_result(verdict)


class Parking:
    """What waits here for services, and which of them are to be asked whether they live."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self.parked: set[Parked] = set()
        self.suspects: dict[Key, Space] = {}
        self.changed = asyncio.Event()

    @property
    def lease(self) -> float:
        """How many seconds a listener has to ask a service whether it lives."""
        return self._tools.settings.embedding_timeout_seconds + LEASE_SECONDS

    async def failed(self, settings: BatchSettings, error: ServiceError) -> None:
        """Say that a service failed; if nobody asks yet whether it lives, this listener does, at once."""
        if await self.suspect(settings.key, error):
            self.suspects[settings.key] = settings.space
        self.changed.set()

    async def suspect(self, key: Key, error: ServiceError) -> bool:
        """Take the turn to ask a service whether it lives; False if it is away already, or another listener asks."""
        wish = error.retry_after or (LIMITED_SECONDS if error.code == "rate_limited" else None)
        reason = error.as_json("embed")
        ask = partial(self._tools.gateway.suspect, key, self._tools.executor_id, reason, wish, self.lease)
        return await retry_on_outage(ask)

    async def after(self, fence: Fence, settings: BatchSettings, seat: Seat, error: ServiceError) -> bool:
        """Park a batch whose call failed; return whether the service was away. Else the fault is the batch's own.

        Raises ServiceError when its patience is over, LostOwnership if it is not to go on.
        """
        await self.failed(settings, error)
        return await self._park(fence, settings, seat, error)

    async def before(self, fence: Fence, settings: BatchSettings, seat: Seat) -> None:
        """Park a batch that has not begun, since its service is away or its request is parked; raises as ``after``."""
        await self._park(fence, settings, seat, None)

    def holds_up(self, settings: BatchSettings) -> bool:
        """Whether a batch with these settings would wait: its service is away, or others wait for it here."""
        return bool(self._tools.away.error(settings.key)) or any(
            one.key == settings.key and one.batch is not None for one in self.parked
        )

    async def gate(self, request: UUID, settings: BatchSettings) -> None:
        """Wait with a request's next batch while its service ``holds_up``; raises as ``after``."""
        while self.holds_up(settings):
            await self._outcome(Parked(settings.key, request, None, None, self._patience(settings)), settings, None)

    async def look(self, parked: Sequence[Parked]) -> dict[int, str]:
        """Return what has become of parked work, by its place."""
        return await self._tools.gateway.look_at_parked(parked)

    async def _park(self, fence: Fence, settings: BatchSettings, seat: Seat, error: ServiceError | None) -> bool:
        known = error or self._tools.away.error(settings.key)
        reason = _reason(settings, known) if known else None
        one = Parked(settings.key, fence.requests[0], fence.number, fence.token, self._patience(settings))
        await retry_on_outage(partial(self._tools.gateway.park, fence, reason))
        while True:
            with without_slot(seat.workflow):
                async with seat.away():
                    await self._outcome(one, settings, known)
            if await retry_on_outage(partial(self._tools.gateway.go_on, fence)):
                return one.opened
            one = Parked(one.key, one.request, one.batch, one.owner, one.patience, opened=one.opened)

    async def _outcome(self, one: Parked, settings: BatchSettings, error: ServiceError | None) -> None:
        """Wait until it may go on."""
        self.parked.add(one)
        self.changed.set()
        try:
            verdict = await one.outcome
        finally:
            self.parked.discard(one)
        if verdict == "gone":
            raise LostOwnership("lost_ownership", f"request {one.request} does not go on here")
        if verdict == "over":
            raise _last(self._tools.away.error(settings.key) or error, settings)

    def _patience(self, settings: BatchSettings) -> float:
        return self._tools.settings.service_patience if settings.patience is None else settings.patience


def _reason(settings: BatchSettings, error: ServiceError) -> dict[str, object]:
    return error.as_json("embed") | {"service": settings.service}


def _last(known: ServiceError | None, settings: BatchSettings) -> ServiceError:
    """Return the error of a batch whose patience is over: what its service said last."""
    error = known or ServiceError("embedding_unavailable", f"{settings.service} is away", "See the listener's log.")
    last = ServiceError(error.code, error.message, error.hint)
    last.step = "embed"  # also of a batch that has not come that far
    return last
