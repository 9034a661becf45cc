"""What DBOS knows of our workflows: the reads of its table ``workflow_status``, with typed answers. Nothing is written.

These stay here and are no SQL functions: functions fix their search path when they are made, and DBOS's schema has a
name of its own in each installation. The pools' search path ends with it. ``tests/sql/test_plans.py`` has their plans.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from listener.engine.engine_rows import Fetch
from listener.pipeline.identity import Identity

# Batches before their request: resumed first, a parent would take the old errors of its children. A workflow whose id
# is none of ours is left alone, whoever wrote it: the cast of it would fail, and end this listener.
LEFT_BEHIND = """
select w.workflow_uuid as id, u.request,
       not exists (
         select from ingest.ingest_listeners l
         where l.dead_at is null and l.pipeline = w.application_version) as outdated
from dbos.workflow_status w
cross join lateral (select case when w.workflow_uuid ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(:[0-9]{1,9})?$'
                           then split_part(w.workflow_uuid, ':', 1)::uuid end as request) u
left join ingest.ingest_requests r on r.id = u.request
where w.name in ('ingest_request', 'ingest_batch') and w.application_name = $1 and u.request is not null
  and ($3::text[] is null or w.workflow_uuid = any ($3))
  and (ingest.ingest_locator(r) is null or ingest.ingest_has_root($2::text[], ingest.ingest_locator(r)))
  and (w.status = 'PENDING' and (w.workflow_uuid = any ($4) or not exists (
         select from ingest.ingest_listeners l where l.executor_id = w.executor_id and l.dead_at is null))
    or w.status = 'ENQUEUED' and w.queue_name like 'ingest%' and not exists (
         select from ingest.ingest_listeners l where l.dead_at is null and l.pipeline = w.application_version
           and w.queue_name in ('ingest_requests' || l.queue, 'ingest_batches' || l.queue)))
order by request, w.name, w.workflow_uuid
limit 200
"""

# What DBOS believes to run here, but what does. An execution was fenced off, as one of an earlier attempt may be by a
# command that it did not hear of, and DBOS waits for an outcome that nobody writes.
NOT_EXECUTED = """
select w.workflow_uuid as id from dbos.workflow_status w
where w.status = 'PENDING' and w.executor_id = $1 and w.application_name = $2
  and w.name in ('ingest_request', 'ingest_batch') and w.workflow_uuid <> all ($3)
limit 200
"""

NEVER_STARTED = """
select r.id, r.executor_id from ingest.ingest_requests r
where r.status = 'running'
  and not exists (select from ingest.ingest_listeners l where l.executor_id = r.executor_id and l.dead_at is null)
  and not exists (select from dbos.workflow_status w where w.workflow_uuid = r.id::text
                  and (r.begun = r.attempt or w.status in ('PENDING', 'ENQUEUED', 'DELAYED')))
limit 200
"""

# Claimed here a lease ago: the claim's answer was lost on its way, or the start failed. $3 have begun nevertheless.
OURS_NEVER_STARTED = """
select r.id from ingest.ingest_requests r
where r.status = 'running' and r.executor_id = $1 and r.started_at < ingest.ingest_now() - $2::interval
  and not exists (select from dbos.workflow_status w where w.workflow_uuid = r.id::text
                  and (r.begun = r.attempt and r.id <> all ($3::uuid[])
                       or w.status in ('PENDING', 'ENQUEUED', 'DELAYED')))
limit 200
"""

ENDED_UNSEEN = """
select r.id, r.attempt, w.status
from ingest.ingest_requests r join dbos.workflow_status w on w.workflow_uuid = r.id::text
where r.status = 'running' and r.begun = r.attempt and w.status not in ('PENDING', 'ENQUEUED', 'DELAYED')
  and not exists (select from ingest.ingest_commands c where c.request_id = r.id and c.done_at is null)
limit 200
"""

# All workflows of some requests, none of which goes on.
THROUGH = """
select o.request, coalesce(array_agg(w.id) filter (where w.id is not null), '{}') as workflows
from unnest($1::uuid[]) as o (request)
left join lateral (
  select w.workflow_uuid as id, w.status from dbos.workflow_status w where w.workflow_uuid = o.request::text
  union all
  select b.workflow_uuid, b.status from dbos.workflow_status b where b.parent_workflow_id = o.request::text
) w on true
group by o.request
having bool_and(w.status is null or w.status not in ('PENDING', 'ENQUEUED', 'DELAYED'))
"""

# By the index of when they were made: before these, only a few have not ended.
OLD = """
select u.request, r.id is null as is_gone
from dbos.workflow_status w
cross join lateral (select case when w.workflow_uuid ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                           then w.workflow_uuid::uuid end as request) u
left join ingest.ingest_requests r on r.id = u.request
where w.name = 'ingest_request' and w.application_name = $1 and u.request is not null
  and w.created_at < (extract(epoch from (select ingest.ingest_now()) - $2::interval) * 1000)::bigint
  and w.status not in ('PENDING', 'ENQUEUED', 'DELAYED')
  and (r.id is null or r.finished_at < (select ingest.ingest_now()) - $2::interval)
order by w.created_at
limit $3
"""


@dataclass(frozen=True, slots=True)
class LeftWorkflow:
    """An unfinished workflow that nobody executes. ``outdated``: no living listener has the steps it began with."""

    id: str
    request: UUID
    outdated: bool

    @property
    def is_batch(self) -> bool:
        """Whether it is one of a batch, not the request's own."""
        return ":" in self.id


@dataclass(frozen=True, slots=True)
class NeverStarted:
    """A request that was claimed by a listener and has no workflow, or only that of an earlier attempt that ended."""

    request: UUID
    executor_id: str


@dataclass(frozen=True, slots=True)
class EndedUnseen:
    """A running request whose workflow has ended, as ``workflow_status`` in DBOS's words."""

    request: UUID
    attempt: int
    workflow_status: str

    @property
    def key(self) -> tuple[UUID, int]:
        """One attempt of a request."""
        return self.request, self.attempt


@dataclass(frozen=True, slots=True)
class ThroughRequest:
    """A request none of whose workflows goes on, with the ids of these workflows."""

    request: UUID
    workflows: Sequence[str]


@dataclass(frozen=True, slots=True)
class OldWorkflow:
    """A request's workflow that ended long ago. ``is_gone``: the request was deleted."""

    request: UUID
    is_gone: bool


async def left_behind(
    fetch: Fetch, identity: Identity, *, parked: Sequence[str], among: Sequence[str] | None = None
) -> list[LeftWorkflow]:
    """Return workflows that a listener with these roots may take over, batches before their request.

    They are those of dead listeners, and ``parked`` ones of living listeners that do not execute them; of all
    workflows, or ``among`` some.
    """
    rows = await fetch(LEFT_BEHIND, identity.application, list(identity.roots), among, parked)
    return [LeftWorkflow(*row) for row in rows]


async def never_started(fetch: Fetch) -> list[NeverStarted]:
    """Return requests that dead listeners claimed and did not start."""
    return [NeverStarted(*row) for row in await fetch(NEVER_STARTED)]


async def ended_unseen(fetch: Fetch) -> list[EndedUnseen]:
    """Return requests whose workflow could not write their end, or was ended with DBOS's own tools."""
    return [EndedUnseen(*row) for row in await fetch(ENDED_UNSEEN)]


async def through(fetch: Fetch, requests: Sequence[UUID]) -> list[ThroughRequest]:
    """Return those of ``requests`` none of whose workflows goes on."""
    return [ThroughRequest(*row) for row in await fetch(THROUGH, requests)]


async def old(fetch: Fetch, application: str, age: timedelta, limit: int) -> list[OldWorkflow]:
    """Return workflows that were made, and whose requests ended, longer ago than ``age``, the oldest first."""
    return [OldWorkflow(*row) for row in await fetch(OLD, application, age, limit)]
