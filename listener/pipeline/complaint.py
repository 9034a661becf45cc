"""Say in a batch's row what keeps its service from answering, as soon as the embedder reports it."""

from __future__ import annotations

import asyncio
import logging

import asyncpg

from listener.database.outages import OUTAGE
from listener.errors import ServiceError
from listener.pipeline.gateway import Gateway
from listener.pipeline.rows import Fence

log = logging.getLogger(__name__)

PAUSE_SECONDS = 0.5


class Complaint:
    """What one execution of a step reports about its service; costs nothing as long as all is well."""

    def __init__(self, gateway: Gateway, fence: Fence, service: str) -> None:
        self._gateway = gateway
        self._fence = fence
        self._service = service
        self._latest: tuple[ServiceError, float | None] | None = None
        self._writing: asyncio.Task[None] | None = None

    def hear(self, error: ServiceError, next_in: float | None) -> None:
        """Write it down soon; of several within a moment, the last one counts."""
        self._latest = error, next_in
        if self._writing is None:
            # A task, no task group: an embedder reports from wherever it is.
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def withdraw(self) -> bool:
        """Stop reporting; True: something was reported, and the batch's next write removes it."""
        if self._writing is None:
            return False
        writing, self._writing, self._latest = self._writing, None, None
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        return True

    async def _write(self) -> None:
        while True:
            if self._latest is not None:
                (error, next_in), self._latest = self._latest, None
                reason = error.as_json("embed") | {"service": self._service}
                try:
                    await self._gateway.note_retry(self._fence, reason, next_in)
                except (*OUTAGE, asyncpg.PostgresError) as outage:
                    log.debug("could not record what a batch waits for: %s", outage)
            await asyncio.sleep(PAUSE_SECONDS)
