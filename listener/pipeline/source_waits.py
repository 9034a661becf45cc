"""Sources and own steps that are away: what needs them is parked as what waits for an embedder is.

::

    a look or a read failed, after its quick repeats ─► the source is suspected, and asked for what the request named
      it answers     the fault is the page's, the object's: one more look, then it is what failed
      it is away     parked; then discovery continues after the last page that was kept, the batch with what it lacks
      patience over  a look fails its request, a read its documents: both can be retried
"""

from __future__ import annotations

from functools import partial

from listener.database.outages import retry_on_outage
from listener.errors import ServiceError
from listener.pipeline.away import Key, SourceAway, how_to_ask
from listener.pipeline.parking import Parked, Parking
from listener.pipeline.places import Seat
from listener.pipeline.request_rows import BatchSettings, RunningRequest
from listener.pipeline.rows import Failure, Fence
from listener.pipeline.tools import Tools
from listener.sources.archives.kinds import split_source


class SourceWaits:
    """Parks work that can't continue because a source is away."""

    def __init__(self, tools: Tools, parking: Parking) -> None:
        self._tools = tools
        self._parking = parking

    async def before(self, fence: Fence, settings: BatchSettings, seat: Seat) -> bool:
        """Park a batch that waited when its listener died; return whether it may wait on, should that fail again."""
        assert settings.waits_for is not None
        one = self._parked(fence, settings, (settings.waits_for, settings.tenant))
        return await self._park(fence, one, seat, None) != "over"

    async def after_reading(self, fence: Fence, settings: BatchSettings, seat: Seat, away: SourceAway) -> str:
        """Park a batch that could not read documents; return ``away`` or ``well``, as its source was, or ``over``.

        Or ``left``: nobody asks any more for the generation that it was on its way into. Raises LostOwnership.
        """
        key, reason = (away.service, settings.tenant), _reason(away.error, away.step, away.service)
        await self._suspect(key, away.place, away.error, reason)
        one = self._parked(fence, settings, key)
        verdict = await self._park(fence, one, seat, reason)
        return verdict if verdict in ("over", "left") else "away" if one.opened else "well"

    async def after_looking(self, request: RunningRequest, seat: Seat, error: ServiceError) -> str:
        """Park a request whose source could not be looked at; return as ``after_reading``. Raises LostOwnership."""
        assert request.source is not None
        place = split_source(request.source).place
        service = self._tools.sources.service(place)
        settings = await retry_on_outage(partial(self._tools.gateway.batch_settings, request.id, 0))
        key, reason = (service, settings.tenant), _reason(error, "discover", service)
        await self._suspect(key, place, error, reason)
        one = Parked(key, request.id, None, None, self._parking.patience(settings.patience))
        mine = (request.id, self._tools.executor_id, request.attempt)
        await retry_on_outage(partial(self._tools.gateway.park_discovery, *mine, reason))
        verdict = await self._parking.wait(one, seat, partial(self._tools.gateway.go_on_discovery, *mine))
        return verdict if verdict == "over" else "away" if one.opened else "well"

    async def _suspect(self, key: Key, place: str, error: ServiceError, reason: Failure) -> None:
        await self._parking.suspected(key, how_to_ask(place), error, {**reason, "place": place})

    def _parked(self, fence: Fence, settings: BatchSettings, key: Key) -> Parked:
        patience = self._parking.patience(settings.patience)
        return Parked(key, fence.requests[0], fence.number, fence.token, patience)

    async def _park(self, fence: Fence, one: Parked, seat: Seat, reason: Failure | None) -> str:
        go_on = partial(self._tools.gateway.go_on, fence)
        await retry_on_outage(partial(self._tools.gateway.park, fence, reason))
        verdict = await self._parking.wait(one, seat, go_on)
        if verdict == "over":
            await retry_on_outage(go_on)  # to record what failed, even without room
        return verdict


def _reason(error: ServiceError, step: str, service: str) -> Failure:
    return error.as_json(step) | {"service": service}
