"""Signs of life, and going on with what dead listeners left.

Nothing here compares two machines' clocks: the database's clock decides who is late, and a listener judges others only
after its own heartbeats have succeeded for a whole lease: after an outage of Postgres everybody is stale, nobody dead.
Takeover looks at workflows whose executor is not alive, again and again, not once per death: a dead listener that
wakes up can still leave some.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from datetime import timedelta
from typing import Any

import asyncpg
from dbos import DBOS

from listener import __version__
from listener.announcements import Announcements
from listener.claims import declared_dead
from listener.outages import OUTAGE
from listener.settings import Settings
from listener.workflows import PIPELINE, Workflows

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
    """One listener's heartbeat, and its eye on the others."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        settings: Settings,
        executor_id: str,
        workflows: Workflows,
        announcements: Announcements,
        *,
        application: str,
        roots: list[str],
        queue: str,
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._executor_id = executor_id
        self._workflows = workflows
        self._announcements = announcements
        self._application = application
        self._roots = roots
        self._queue = queue
        self._beating_since: float | None = None
        self._purged_at = time.monotonic()

    async def register(self) -> None:
        """Enter this listener."""
        await self._pool.execute(
            "insert into ingest_listeners (executor_id, host, pid, version, pipeline, roots, queue, capacity, lease)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            self._executor_id,
            socket.gethostname(),
            os.getpid(),
            __version__,
            PIPELINE,
            self._roots,
            self._queue,
            self._settings.concurrency,
            timedelta(seconds=self._settings.lease_seconds),
        )

    async def leave(self) -> None:
        """Strike this listener out: what it leaves unfinished is free for others at once."""
        await self._pool.execute("delete from ingest_listeners where executor_id = $1", self._executor_id)

    async def run(self) -> None:
        """Beat, judge, take over and clean up until cancelled. Raises OperatorError ``declared_dead``."""
        while True:
            try:
                await self._beat()
                await self._cancel_overdue()
                if self._may_judge():
                    await self._take_over()
                await self._purge()
            except OUTAGE as error:
                log.warning("heartbeat failed: %s", error or type(error).__name__)
                self._beating_since = None
            await asyncio.sleep(self._settings.heartbeat_seconds)

    async def others(self) -> int:
        """Return how many batches the other listeners of our queues can take at a time."""
        query = (
            "select count(*) from ingest_listeners where queue = $1 and executor_id <> $2 and dead_at is null"
            " and pipeline = $3 and heartbeat_at > clock_timestamp() - lease"
        )
        count = await self._pool.fetchval(query, self._queue, self._executor_id, PIPELINE)
        return int(count) * self._settings.batch_concurrency

    async def _beat(self) -> None:
        running = self._workflows.requests.taken
        if not await self._pool.fetchval("select ingest_beat($1, $2)", self._executor_id, running):
            raise declared_dead(self._executor_id)
        self._beating_since = self._beating_since or time.monotonic()

    def _may_judge(self) -> bool:
        since = self._beating_since
        return since is not None and time.monotonic() - since > self._settings.lease_seconds

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
