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
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from listener.database.outages import retry_on_outage
from listener.embedding import Space
from listener.errors import LostOwnership, ServiceError
from listener.pipeline.away import Key
from listener.pipeline.capacity import Places
from listener.pipeline.checkpoints import without_slot
from listener.pipeline.request_rows import BatchSettings
from listener.pipeline.rows import Fence
from listener.pipeline.tools import Tools

LEASE_SECONDS = 10.0  # to ask in, beyond what a call may take
LIMITED_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class OwnPlace:
    """The place that a workflow has."""

    places: Places
    workflow: str


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


@dataclass(eq=False)
class Parent:
    """A request whose batches are workflows of their own; while all of these are parked, it holds no place either."""

    request: UUID
    place: OwnPlace
    _left: ExitStack | None = None

    @property
    def left(self) -> bool:
        """Whether it has given its place back."""
        return self._left is not None

    def leave(self) -> None:
        """Give its place and slot back."""
        if self._left is None:
            self._left = ExitStack()
            self._left.enter_context(without_slot(self.place.workflow))
            self.place.places.give_back()

    def come_back(self) -> None:
        """Take them again: its batches go on, and wait for their own places."""
        if self._left is not None:
            self.place.places.take_anyway()
            self._left.close()
            self._left = None


class Parking:
    """What waits here for services, and which of them are to be asked whether they live."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self.parked: set[Parked] = set()
        self.parents: set[Parent] = set()
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

    async def after(self, fence: Fence, settings: BatchSettings, place: OwnPlace, error: ServiceError) -> bool:
        """Park a batch whose call failed; return whether the service was away. Else the fault is the batch's own.

        Raises ServiceError when its patience is over, LostOwnership if it is not to go on.
        """
        await self.failed(settings, error)
        return await self._park(fence, settings, place, error)

    async def before(self, fence: Fence, settings: BatchSettings, place: OwnPlace) -> None:
        """Park a batch that has not begun, since its service is away or its request is parked; raises as ``after``."""
        await self._park(fence, settings, place, None)

    async def gate(self, request: UUID, settings: BatchSettings) -> None:
        """Wait with a request's next batch while the service is away; raises LostOwnership as ``after``."""
        while self._tools.away.error(settings.key):
            await self._outcome(Parked(settings.key, request, None, None, self._patience(settings)), settings, None)

    @contextmanager
    def parent(self, request: UUID, place: OwnPlace) -> Iterator[None]:
        """Have a request give up its place while all of its batches are parked."""
        parent = Parent(request, place)
        self.parents.add(parent)
        try:
            yield
        finally:
            self.parents.discard(parent)
            parent.come_back()

    async def look(self, parked: Sequence[Parked]) -> dict[int, str]:
        """Return what has become of parked work, by its place."""
        return await self._tools.gateway.look_at_parked(parked)

    async def requests_parked(self, requests: Sequence[UUID]) -> set[UUID]:
        """Return those of ``requests`` of which nothing runs."""
        return await self._tools.gateway.parked(requests)

    async def _park(self, fence: Fence, settings: BatchSettings, place: OwnPlace, error: ServiceError | None) -> bool:
        known = error or self._tools.away.error(settings.key)
        reason = _reason(settings, known) if known else None
        one = Parked(settings.key, fence.requests[0], fence.number, fence.token, self._patience(settings))
        await retry_on_outage(partial(self._tools.gateway.park, fence, reason))
        while True:
            with without_slot(place.workflow):
                async with place.places.away():
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
