"""Go on with what dead listeners left.

::

    lease passed ─► declared dead ─► its unfinished workflows, under their request's lock ─► resumed on their queue

Takeover looks at workflows whose executor is not alive, again and again, not once per death: a dead listener that
wakes up can still leave some.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import groupby
from uuid import UUID

import asyncpg
from dbos import DBOS

from listener.engine import workflow_rows
from listener.engine.heartbeat import Heartbeat
from listener.engine.loop import Rounds
from listener.engine.workflow_rows import LeftWorkflow
from listener.pipeline.checkpoints import DONE
from listener.pipeline.identity import Identity
from listener.pipeline.workflows import Workflows

log = logging.getLogger(__name__)

# Declared by the owner, who writes; ended by ourselves, whose sessions they are.
DECLARE_DEAD = """
with dead as materialized (select d.executor from ingest.ingest_declare_dead($1::text) as d (executor))
select dead.executor, ingest.ingest_end_sessions(dead.executor) from dead"""


class Takeover(Rounds):
    """The loop that declares listeners dead and continues their work."""

    name = "takeover"

    def __init__(
        self, pool: asyncpg.Pool, identity: Identity, heartbeat: Heartbeat, adoption: Adoption, seconds: float
    ) -> None:
        super().__init__(seconds)
        self._pool = pool
        self._identity = identity
        self._heartbeat = heartbeat
        self._adoption = adoption

    async def look(self) -> None:
        """Declare dead listeners dead, and adopt their work."""
        if self._heartbeat.may_judge:
            for executor, _ in await self._pool.fetch(DECLARE_DEAD, self._identity.executor_id):
                log.warning("listener %s gave no sign of life: its work continues elsewhere", executor)
            await self._adoption.adopt_left()


class Adoption:
    """Brings orphaned workflows to life where their queue is heard."""

    def __init__(self, pool: asyncpg.Pool, identity: Identity, workflows: Workflows) -> None:
        self._pool = pool
        self._identity = identity
        self._workflows = workflows

    async def adopt_left(self, parked: Sequence[str] = ()) -> None:
        """Adopt the workflows of dead listeners, and those that are ``parked`` here: nobody executes them."""
        left = await workflow_rows.left_behind(self._pool.fetch, self._identity, parked=parked)
        for request, workflows in groupby(left, key=lambda one: one.request):
            await self._adopt(request, [one.id for one in workflows], parked)

    async def _adopt(self, request: UUID, ids: list[str], parked: Sequence[str]) -> None:
        """Resume a request's orphaned workflows under the request's lock.

        Under the lock they are checked again: another survivor may have resumed them, and they may be running now.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            status = await connection.fetchval("select ingest.ingest_lock_left($1::uuid)", request)
            left = await workflow_rows.left_behind(connection.fetch, self._identity, parked=parked, among=ids)
            outdated = any(one.outdated for one in left)
            if outdated and status == "running":
                await connection.execute(
                    "select ingest.ingest_change_pipeline($1::uuid, $2::text)", request, self._identity.pipeline
                )
            else:
                # DONE: it died before DBOS recorded the end; of an old version: cancelled, nobody waits for it.
                wanted = status == "running" or (status in DONE and not outdated)
                await (self._resume if wanted else self._cancel)(left)
        if outdated and status == "running":
            log.warning("request %s was left by another version: it continues with the steps of this one", request)
            await self._workflows.go_on(request, [one.id for one in left if one.is_batch])

    async def _resume(self, left: Sequence[LeftWorkflow]) -> None:
        for batches, queue in ((True, self._identity.batches_queue), (False, self._identity.requests_queue)):
            if ids := [one.id for one in left if one.is_batch == batches]:
                log.warning("taking over %d workflows: %s …", len(ids), ids[0])
                await DBOS.resume_workflows_async(ids, queue_name=queue)

    async def _cancel(self, left: Sequence[LeftWorkflow]) -> None:
        if left:
            await DBOS.cancel_workflows_async([one.id for one in left])
