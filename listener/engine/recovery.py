"""Going on with what dead listeners left, deadlines, and purging what was replaced.

Takeover looks at workflows whose executor is not alive, again and again, not once per death: a dead listener that
wakes up can still leave some.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import time
from datetime import timedelta
from uuid import UUID

import asyncpg
from dbos import DBOS

from listener.database.outages import OUTAGE
from listener.engine.heartbeat import Heartbeat, Identity
from listener.pipeline.announcements import Announcements
from listener.pipeline.checkpoints import DONE
from listener.pipeline.workflows import PIPELINE, Workflows
from listener.settings import Settings

log = logging.getLogger(__name__)

PURGE_SECONDS = 60.0
RARELY = 2  # looks; what hardly ever happens costs an idle listener statements all the same

# Batches before their request: resumed first, a parent would take the old errors of its children.
LEFT_BEHIND = """
select w.workflow_uuid as id, split_part(w.workflow_uuid, ':', 1)::uuid as request,
       not exists (
         select from ingest_listeners l where l.dead_at is null and l.pipeline = w.application_version) as outdated
from workflow_status w
left join ingest_requests r on r.id = split_part(w.workflow_uuid, ':', 1)::uuid
where w.name in ('ingest_request', 'ingest_batch') and w.application_name = $1
  and ($3::text[] is null or w.workflow_uuid = any ($3))
  and (r.local_path is null or ingest_has_root($2, r.local_path))
  and (w.status = 'PENDING' and (w.workflow_uuid = any ($4) or not exists (
         select from ingest_listeners l where l.executor_id = w.executor_id and l.dead_at is null))
    or w.status = 'ENQUEUED' and w.queue_name like 'ingest%' and not exists (
         select from ingest_listeners l where l.dead_at is null and l.pipeline = w.application_version
           and w.queue_name in ('ingest_requests' || l.queue, 'ingest_batches' || l.queue)))
order by request, w.name, w.workflow_uuid
limit 200
"""

# Ours according to DBOS, and not executed here: its execution was fenced off, as one of an earlier attempt may be by a
# command that it did not hear of, and DBOS waits for an outcome that nobody writes.
NOT_EXECUTED = """
select w.workflow_uuid as id from workflow_status w
where w.status = 'PENDING' and w.executor_id = $1 and w.application_name = $2
  and w.name in ('ingest_request', 'ingest_batch') and w.workflow_uuid <> all ($3)
limit 200
"""

# Claimed, and its workflow is not there, or is the one of an earlier attempt that has ended.
NEVER_STARTED = """
select r.id, r.executor_id from ingest_requests r
where r.status = 'running'
  and not exists (select from ingest_listeners l where l.executor_id = r.executor_id and l.dead_at is null)
  and not exists (select from workflow_status w where w.workflow_uuid = r.id::text
                  and (r.begun = r.attempt or w.status in ('PENDING', 'ENQUEUED', 'DELAYED')))
limit 200
"""

# Claimed by us, and the answer was lost on its way here, or the start failed.
OURS_NEVER_STARTED = """
select r.id from ingest_requests r
where r.status = 'running' and r.executor_id = $1 and r.started_at < clock_timestamp() - $2::interval
  and not exists (select from workflow_status w where w.workflow_uuid = r.id::text
                  and (r.begun = r.attempt or w.status in ('PENDING', 'ENQUEUED', 'DELAYED')))
limit 200
"""

# The workflow could not write the request's end, or was ended with DBOS's own tools.
ENDED_UNSEEN = """
select r.id, r.attempt, w.status from ingest_requests r join workflow_status w on w.workflow_uuid = r.id::text
where r.status = 'running' and r.begun = r.attempt and w.status not in ('PENDING', 'ENQUEUED', 'DELAYED')
  and not exists (select from ingest_commands c where c.request_id = r.id and c.done_at is null)
limit 200
"""


class Recovery:
    """One listener's eye on what others left, on deadlines and on what is to be purged."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        settings: Settings,
        identity: Identity,
        heartbeat: Heartbeat,
        workflows: Workflows,
        announcements: Announcements,
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._identity = identity
        self._heartbeat = heartbeat
        self._workflows = workflows
        self._announcements = announcements
        self._purged_at = time.monotonic()
        self._ended_since: dict[tuple[UUID, int], float] = {}
        self._not_executed_since: dict[str, float] = {}

    async def run(self) -> None:
        """Look after deadlines, dead listeners and replaced chunks until cancelled."""
        for look in itertools.count():
            try:
                await self._cancel_overdue()
                if self._heartbeat.may_judge:
                    await self._take_over()
                if look % RARELY == 0:
                    await self._repair()
                await self._purge()
            except OUTAGE as error:
                log.warning("recovery waits for Postgres: %s", str(error) or type(error).__name__)
            await asyncio.sleep(self._settings.heartbeat_seconds)

    async def _cancel_overdue(self) -> None:
        rows = await self._pool.fetch("select * from ingest_cancel_overdue() as id")
        if rows:
            await self._pool.execute("select pg_notify(ingest_channel('commands'), '')")

    async def _repair(self) -> None:
        await self._start_claimed()
        if self._heartbeat.may_judge:
            await self._revive()
            await self._give_back_claimed()
            await self._settle_ended()

    async def _start_claimed(self) -> None:
        lease = timedelta(seconds=self._settings.lease_seconds)
        executing = set(self._workflows.executing)
        for row in await self._pool.fetch(OURS_NEVER_STARTED, self._identity.executor_id, lease):
            if str(row["id"]) in executing:
                continue  # it has begun just now
            log.warning("request %s was claimed here and did not start: it starts now", row["id"])
            await self._workflows.go_on(row["id"])  # which starts it, if there is no workflow

    async def _take_over(self) -> None:
        for row in await self._pool.fetch("select * from ingest_bury($1) as executor", self._identity.executor_id):
            log.warning("listener %s gave no sign of life: its work goes on elsewhere", row["executor"])
        await self._adopt_left([])

    async def _revive(self) -> None:
        """Resume workflows that DBOS believes to run here, and that have not been executed for a whole lease."""
        now, workflows = time.monotonic(), self._workflows
        query = (NOT_EXECUTED, self._identity.executor_id, self._identity.application, workflows.executing)
        rows = await self._pool.fetch(*query)
        self._not_executed_since = {row["id"]: self._not_executed_since.get(row["id"], now) for row in rows}
        parked = [id for id, since in self._not_executed_since.items() if now - since > self._settings.lease_seconds]
        if parked:
            await self._adopt_left(parked)

    async def _adopt_left(self, parked: list[str]) -> None:
        left = await self._pool.fetch(LEFT_BEHIND, self._identity.application, self._identity.roots, None, parked)
        for request in dict.fromkeys(row["request"] for row in left):
            await self._adopt(request, [row["id"] for row in left if row["request"] == request], parked)

    async def _adopt(self, request: UUID, ids: list[str], parked: list[str]) -> None:
        """Resume a request's orphaned workflows where its queue is heard, under the request's lock.

        Under the lock they are looked at once more: another survivor may have resumed them, and they may run by now.
        """
        async with self._pool.acquire() as connection, connection.transaction():
            status = await connection.fetchval("select ingest_lock_left($1)", request)
            rows = await connection.fetch(LEFT_BEHIND, self._identity.application, self._identity.roots, ids, parked)
            old = any(row["outdated"] for row in rows)
            outdated = old and status == "running"
            if outdated:
                await connection.execute("select ingest_change_pipeline($1, $2)", request, PIPELINE)
            else:
                # DONE: it died before DBOS heard of the end; of an old version it is cancelled, since nobody hears it.
                wanted = status == "running" or (status in DONE and not old)
                await self._resume([row["id"] for row in rows], wanted=wanted)
        if outdated:
            log.warning("request %s was left by another version: it goes on with the steps of this one", request)
            await self._workflows.go_on(request, [row["id"] for row in rows if ":" in row["id"]])

    async def _resume(self, ids: list[str], *, wanted: bool) -> None:
        if ids and not wanted:
            await DBOS.cancel_workflows_async(ids)
            return
        for workflows, queue in (
            ([id for id in ids if ":" in id], "ingest_batches"),
            ([id for id in ids if ":" not in id], "ingest_requests"),
        ):
            if workflows:
                log.warning("taking over %d workflows: %s …", len(workflows), workflows[0])
                await DBOS.resume_workflows_async(workflows, queue_name=f"{queue}{self._identity.queue}")

    async def _give_back_claimed(self) -> None:
        for row in await self._pool.fetch(NEVER_STARTED):
            if await self._pool.fetchval("select ingest_unclaim($1, $2)", row["id"], row["executor_id"]):
                log.warning("request %s was claimed and never started: it is pending again", row["id"])

    async def _settle_ended(self) -> None:
        """End requests whose workflow has ended for a whole lease without the request saying so."""
        now = time.monotonic()
        rows = await self._pool.fetch(ENDED_UNSEEN)
        self._ended_since = {key: self._ended_since.get(key, now) for key in map(_attempt, rows)}
        for row in rows:
            if now - self._ended_since[_attempt(row)] > self._settings.lease_seconds:
                status, error = _unseen_end(row["status"])
                end = "select ingest_end($1, null, $2, $3, $4)"
                final = await self._pool.fetchval(end, row["id"], row["attempt"], status, error)
                if final is not None:
                    log.warning("request %s: its workflow had ended as %s", row["id"], row["status"])
                    self._announcements.ended(row["id"], final)

    async def _purge(self) -> None:
        """Purge a page; on to the next one at the next look, so that a long purge holds nothing else up."""
        if time.monotonic() - self._purged_at < PURGE_SECONDS:
            return
        retention = timedelta(hours=self._settings.retention_hours)
        if not await self._pool.fetchval("select ingest_purge($1)", retention):
            self._purged_at = time.monotonic()


def _attempt(row: asyncpg.Record) -> tuple[UUID, int]:
    return row["id"], row["attempt"]


def _unseen_end(workflow_status: str) -> tuple[str, str]:
    """Return the request's status and error for a workflow that ended without writing them."""
    if workflow_status == "CANCELLED":
        return "cancelled", json.dumps(
            {
                "code": "cancelled",
                "message": "its workflow was cancelled with DBOS's tools",
                "hint": "To go on with it: select ingest_resume(id).",
                "step": None,
            }
        )
    return "failed", json.dumps(
        {
            "code": "workflow_ended",
            "message": f"its workflow ended as {workflow_status} and could not write the request's end",
            "hint": "The listener's log says what was in the way. Then: select ingest_retry(id).",
            "step": None,
            "retryable": True,
        }
    )
