"""Where a request's next batch runs: in a place here, or on the queue, if other listeners have room (decision 0009)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from listener.database.outages import retry_on_outage
from listener.documents.turns import Share
from listener.pipeline.identity import Identity
from listener.pipeline.parking import Parking
from listener.pipeline.places import Places
from listener.pipeline.references import BatchRef, RequestRef
from listener.pipeline.request_rows import BatchSettings
from listener.pipeline.tools import Tools

LOOK_SECONDS = 0.5


class BatchRoom:
    """Finds room for batches that are separate workflows."""

    def __init__(self, tools: Tools, identity: Identity, places: Places, parking: Parking) -> None:
        self._tools = tools
        self._identity = identity
        self._places = places
        self._parking = parking

    async def wait(self, batch: BatchRef, share: Share, queued: Sequence[int], settings: BatchSettings) -> bool:
        """Wait until a batch can start, and its service is up, as far as known.

        True: in a place here, which is reserved; False: others have more room than there are batches of the request
        ``queued`` for them. Raises as ``Parking.gate``.
        """
        while True:
            await self._parking.gate(batch.request, settings)
            here = await self._here(batch, share, queued, settings)
            if not here or not self._parking.holds_up(settings):
                return here
            self._places.release(batch.workflow)

    async def _here(self, batch: BatchRef, share: Share, queued: Sequence[int], settings: BatchSettings) -> bool:
        while not (self._places.roomy and await self._places.acquire(batch.workflow, share)):
            if await self._others_have_room(RequestRef(request=batch.request), queued, settings):
                return False
            if await self._places.acquire(batch.workflow, share, LOOK_SECONDS):
                break
        return True

    async def _others_have_room(self, ref: RequestRef, queued: Sequence[int], settings: BatchSettings) -> bool:
        if settings.steps and not await retry_on_outage(
            partial(self._tools.gateway.others_have_steps, self._identity, ref)
        ):
            return False
        others = await retry_on_outage(partial(self._tools.gateway.others, self._identity, settings))
        others *= self._tools.settings.batch_concurrency  # as far as we know: each may have its own
        return others > 0 and await retry_on_outage(partial(self._tools.gateway.untouched, ref, queued)) < others
