"""Stop the workflows of cancelled requests, with DBOS's public API.

Of the control functions only ``ingest_cancel`` leaves something to do at once, also for a listener at capacity: what
the others put back to pending is claimed like a new request. A cancel is an intent: carrying it out twice, or going on
after a crash in the middle, ends the same; one whose request goes on again by now is let be.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

import asyncpg
from dbos import DBOS

from listener.database.outages import OUTAGE
from listener.engine.doorbell import Doorbell
from listener.pipeline.announcements import Announcements

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
PAGE = 100


class Commands:
    """The loop that carries out ``ingest_commands``, at capacity or not."""

    def __init__(self, pool: asyncpg.Pool, doorbell: Doorbell, announcements: Announcements, executor_id: str) -> None:
        self._pool = pool
        self._doorbell = doorbell
        self._announcements = announcements
        self._executor_id = executor_id

    async def run(self) -> None:
        """Carry out commands when they are heard of, and look for unheard ones now and then; until cancelled."""
        while True:
            with suppress(TimeoutError, asyncio.TimeoutError):
                await asyncio.wait_for(self._doorbell.commanded.wait(), LOOK_SECONDS)
            self._doorbell.commanded.clear()
            try:
                while await self._carry_out_page():
                    pass
            except OUTAGE as error:
                log.warning("commands wait for Postgres: %s", error or type(error).__name__)

    async def _carry_out_page(self) -> bool:
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch("select * from ingest_take_cancels($1)", PAGE)
            if not rows:
                return False
            await self._cancel([str(row["request_id"]) for row in rows if row["stands"]])
            await connection.execute(
                "update ingest_commands c set done_at = clock_timestamp(), executor_id = $3, outcome = o.outcome"
                " from unnest($1::bigint[], $2::text[]) as o (id, outcome) where c.id = o.id",
                [row["id"] for row in rows],
                ["cancelled" if row["stands"] else "overtaken" for row in rows],
                self._executor_id,
            )
        for row in rows:
            if row["stands"]:
                self._announcements.ended(row["request_id"], "cancelled")
        return True

    async def _cancel(self, workflows: list[str]) -> None:
        """Stop workflows and their batches. One that does not exist yet finds its request cancelled when it begins."""
        if not workflows:
            return
        log.info("cancelling %d workflows", len(workflows))
        await DBOS.cancel_workflows_async(workflows, cancel_children=True)
