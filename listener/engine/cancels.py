"""Stop the workflows of cancelled requests, with DBOS's public API.

Of the control functions only ``ingest_cancel`` has work to do at once, even for a listener at capacity: requests that
the others put back to pending are claimed like new ones. A cancel is an intent: carrying it out twice, or resuming
after a crash in the middle, ends the same. It is ignored if its request has since been resumed.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import anyio
import asyncpg
from dbos import DBOS

from listener.concurrency import set_within
from listener.database.outages import waiting_for_postgres
from listener.engine import engine_rows
from listener.engine.doorbell import Doorbell
from listener.engine.loop import Loop
from listener.pipeline.announcements import Announcements

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
PAUSE_SECONDS = 0.02  # anybody may notify: a flood of notifications causes no more looks than that
PAGE = 100


class Cancels(Loop):
    """The loop that carries out cancels, at capacity or not."""

    name = "cancels"

    def __init__(self, pool: asyncpg.Pool, doorbell: Doorbell, announcements: Announcements, executor_id: str) -> None:
        self._pool = pool
        self._doorbell = doorbell
        self._announcements = announcements
        self._executor_id = executor_id

    async def run(self) -> None:
        """Carry out cancels when they are heard of, and look for unheard ones now and then."""
        while True:
            await set_within(self._doorbell.commanded, LOOK_SECONDS)
            self._doorbell.commanded.clear()
            with waiting_for_postgres(self.name):
                while await self._carry_out_page():
                    pass
            await anyio.sleep(PAUSE_SECONDS)

    async def _carry_out_page(self) -> bool:
        async with self._pool.acquire() as connection, connection.transaction():
            cancels = await engine_rows.take_cancels(connection.fetch, PAGE)
            if not cancels:
                return False
            standing = [one.request for one in cancels if one.stands]
            await self._cancel([str(request) for request in standing])
            outcomes = ["cancelled" if one.stands else "overtaken" for one in cancels]
            finish = "select ingest.ingest_finish_commands($1::bigint[], $2::text[], $3::text)"
            await connection.execute(finish, [one.id for one in cancels], outcomes, self._executor_id)
        for _ in standing:
            self._announcements.ended("cancelled")
        return True

    async def _cancel(self, workflows: Sequence[str]) -> None:
        """Stop workflows and their batches. One that does not exist yet finds its request cancelled when it begins."""
        if not workflows:
            return
        log.info("cancelling %d workflows", len(workflows))
        await DBOS.cancel_workflows_async([*workflows], cancel_children=True)
