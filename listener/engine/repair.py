"""Put right what stopped half way: claimed and never started, believed to run and not executed, ended unseen."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from uuid import UUID

import asyncpg

from listener.engine import workflow_rows
from listener.engine.heartbeat import Heartbeat
from listener.engine.loop import Rounds
from listener.engine.seen import Seen
from listener.engine.takeover import Adoption
from listener.errors import IngestError, ServiceError
from listener.pipeline.announcements import Announcements
from listener.pipeline.capacity import Capacity
from listener.pipeline.identity import Identity
from listener.pipeline.workflows import Workflows
from listener.settings import Settings

log = logging.getLogger(__name__)

RARELY = 2  # heartbeats between two looks; rare events still cost an idle listener statements


class Repair(Rounds):
    """The loop that finds requests and workflows which nobody carries on, although nobody died over them."""

    name = "repair"

    def __init__(
        self,
        pool: asyncpg.Pool,
        settings: Settings,
        identity: Identity,
        capacity: Capacity,
        heartbeat: Heartbeat,
        adoption: Adoption,
        workflows: Workflows,
        announcements: Announcements,
    ) -> None:
        super().__init__(RARELY * settings.heartbeat_seconds)
        self._pool = pool
        self._lease_seconds = settings.lease_seconds
        self._identity = identity
        self._capacity = capacity
        self._heartbeat = heartbeat
        self._adoption = adoption
        self._workflows = workflows
        self._announcements = announcements
        self._parked: Seen[str] = Seen()
        self._ended: Seen[tuple[UUID, int]] = Seen()

    async def look(self) -> None:
        """Look at our own, and at the others' if our own heartbeats say that Postgres was up."""
        await self._start_claimed()
        if self._heartbeat.may_judge:
            await self._revive()
            await self._give_back_claimed()
            await self._settle_ended()

    async def _start_claimed(self) -> None:
        executor, lease = self._identity.executor_id, timedelta(seconds=self._lease_seconds)
        left_out = self._workflows.shares.left_out
        for (request,) in await self._pool.fetch(workflow_rows.OURS_NEVER_STARTED, executor, lease, [*left_out]):
            left_out.discard(request)
            if str(request) in self._capacity.executing:
                continue  # it has begun just now, or begins
            log.warning("request %s was claimed here but did not start: it starts now", request)
            await self._workflows.go_on(request)  # which starts it, if there is no workflow

    async def _revive(self) -> None:
        """Resume workflows that DBOS believes to run here, and that have not been executed for a whole lease."""
        ours = (self._identity.executor_id, self._identity.application, self._capacity.executing)
        found = await self._pool.fetch(workflow_rows.NOT_EXECUTED, *ours)
        if parked := self._parked.longer_than(self._lease_seconds, [workflow for (workflow,) in found]):
            await self._adoption.adopt_left(parked)

    async def _give_back_claimed(self) -> None:
        for one in await workflow_rows.never_started(self._pool.fetch):
            if await self._pool.fetchval(
                "select ingest.ingest_unclaim($1::uuid, $2::text)", one.request, one.executor_id
            ):
                log.warning("request %s was claimed but never started: it is pending again", one.request)

    async def _settle_ended(self) -> None:
        """End requests whose workflow has ended for a whole lease without the request saying so."""
        found = {one.key: one for one in await workflow_rows.ended_unseen(self._pool.fetch)}
        for key in self._ended.longer_than(self._lease_seconds, found):
            workflow_status = found[key].workflow_status
            status, error = _unseen_end(workflow_status)
            end = "select ingest.ingest_end($1::uuid, null::text, $2::int, $3::text, $4::jsonb)"
            final = await self._pool.fetchval(end, *key, status, json.dumps(error.as_json()))
            if final is not None:
                log.warning("request %s: its workflow had ended as %s", key[0], workflow_status)
                self._announcements.ended(final)


def _unseen_end(workflow_status: str) -> tuple[str, IngestError]:
    """Return the request's status and error for a workflow that ended without writing them."""
    if workflow_status == "CANCELLED":
        return "cancelled", IngestError(
            "cancelled", "its workflow was cancelled with DBOS's tools", "To continue it: select ingest_resume(id)."
        )
    return "failed", ServiceError(
        "workflow_ended",
        f"its workflow ended as {workflow_status} and could not write the request's result",
        "See the listener's log for the reason. Then: select ingest_retry(id).",
    )
