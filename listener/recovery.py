"""Going on with what dead listeners left, deadlines, and purging what was replaced.

Takeover looks at workflows whose executor is not alive, again and again, not once per death: a dead listener that
wakes up can still leave some.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta
from typing import Any

import asyncpg
from dbos import DBOS

from listener.heartbeat import Heartbeat
from listener.outages import OUTAGE
from listener.settings import Settings

log = logging.getLogger(__name__)

PURGE_SECONDS = 60.0

# Batches before their request: resumed first, a parent would take the old errors of its children.
LEFT_BEHIND = """
select w.workflow_uuid as id, split_part(w.workflow_uuid, ':', 1)::uuid as request, w.executor_id as executor,
       r.status = 'running' as wanted
from workflow_status w
left join ingest_requests r on r.id = split_part(w.workflow_uuid, ':', 1)::uuid
where w.name in ('ingest_request', 'ingest_batch') and w.application_name = $1
  and (r.local_path is null or ingest_has_root($2, r.local_path))
  and (w.status = 'PENDING' and not exists (
         select from ingest_listeners l where l.executor_id = w.executor_id and l.dead_at is null)
    or w.status = 'ENQUEUED' and w.queue_name like 'ingest%' and not exists (
         select from ingest_listeners l where l.dead_at is null and w.queue_name in (
           'ingest_requests' || l.queue, 'ingest_batches' || l.queue)))
order by request, w.name, w.workflow_uuid
limit 200
"""

NEVER_STARTED = """
select r.id, r.executor_id from ingest_requests r
where r.status = 'running'
  and not exists (select from ingest_listeners l where l.executor_id = r.executor_id and l.dead_at is null)
  and not exists (select from workflow_status w where w.workflow_uuid = r.id::text)
limit 200
"""


class Recovery:
    """One listener's eye on what others left, on deadlines and on what is to be purged."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        settings: Settings,
        executor_id: str,
        heartbeat: Heartbeat,
        *,
        application: str,
        roots: list[str],
        queue: str,
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._executor_id = executor_id
        self._heartbeat = heartbeat
        self._application = application
        self._roots = roots
        self._queue = queue
        self._purged_at = time.monotonic()

    async def run(self) -> None:
        """Look after deadlines, dead listeners and replaced chunks until cancelled."""
        while True:
            try:
                await self._cancel_overdue()
                if self._heartbeat.may_judge:
                    await self._take_over()
                await self._purge()
            except OUTAGE as error:
                log.warning("recovery waits for Postgres: %s", str(error) or type(error).__name__)
            await asyncio.sleep(self._settings.heartbeat_seconds)

    async def _cancel_overdue(self) -> None:
        rows = await self._pool.fetch("select * from ingest_cancel_overdue() as id")
        if rows:
            await self._pool.execute("select pg_notify(ingest_channel('commands'), '')")

    async def _take_over(self) -> None:
        for row in await self._pool.fetch("select * from ingest_bury($1) as executor", self._executor_id):
            log.warning("listener %s gave no sign of life: its work goes on elsewhere", row["executor"])
        left = await self._pool.fetch(LEFT_BEHIND, self._application, self._roots)
        for request in dict.fromkeys(row["request"] for row in left):
            await self._adopt(request, [row for row in left if row["request"] == request])
        for row in await self._pool.fetch(NEVER_STARTED):
            if await self._pool.fetchval("select ingest_unclaim($1, $2)", row["id"], row["executor_id"]):
                log.warning("request %s was claimed and never started: it is pending again", row["id"])

    async def _adopt(self, request: Any, workflows: list[asyncpg.Record]) -> None:
        """Resume a request's orphaned workflows here or wherever its queue is heard, under the request's lock."""
        ids = [row["id"] for row in workflows]
        async with self._pool.acquire() as connection, connection.transaction():
            status = await connection.fetchval(
                "select status from ingest_requests where id = $1 for no key update", request
            )
            if status != "running":
                await DBOS.cancel_workflows_async(ids)
                return
            batches = [id for id in ids if ":" in id]
            parents = [id for id in ids if ":" not in id]
            log.warning("taking over request %s: %d workflows", request, len(ids))
            if batches:
                await DBOS.resume_workflows_async(batches, queue_name=f"ingest_batches{self._queue}")
            if parents:
                await DBOS.resume_workflows_async(parents, queue_name=f"ingest_requests{self._queue}")

    async def _purge(self) -> None:
        if time.monotonic() - self._purged_at < PURGE_SECONDS:
            return
        self._purged_at = time.monotonic()
        retention = timedelta(hours=self._settings.retention_hours)
        while await self._pool.fetchval("select ingest_purge($1)", retention):
            pass
