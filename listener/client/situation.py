"""How it all goes, as the caller may see it: listeners, what waits and why, speed, what fails, watches, indexes."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime

import anyio

from listener.client import statements
from listener.client.permitted import if_permitted
from listener.client.session import Session

MOST_COUNTED = 100_000
MOST_ASKED = 200  # requests of a kind that are asked what they wait for
MOST_ENDED = 2_000
MOST_SORTED = 10_000  # pending ones, of which the oldest are asked
MOST_FAILURES = 2_000
MOST_PAUSE_SHARE = 9  # a look takes a tenth of the time at most, whatever it costs
HEARING_SECONDS, DEAF_SECONDS, LEAST_SECONDS = 2.0, 1.0, 0.25
BELLS = ("finished", "doorbell", "commands", "watches")

COUNTS = """select {schema}.ingest_now() as at,
  o.running, o.parked,
  (select count(*) from (
     select from {schema}.ingest_requests r where r.status = 'pending' and r.due limit $1::int) x) as pending,
  (select count(*) from (
     select from {schema}.ingest_requests r where r.status = 'pending' and not r.due limit $1::int) x) as scheduled
from (
  select count(*) filter (where x.resume_at is null) as running, count(x.resume_at) as parked
  from (select r.resume_at from {schema}.ingest_requests r where r.status = 'running' limit $1::int) x) o"""

WAITING = """select split_part(w.reason, ':', 1) as kind, count(*) as requests, min(w.created_at) as since,
  (array_agg(w.reason order by w.created_at))[1] as reason
from (
  select {schema}.ingest_waiting_for(k.request) as reason, (k.request).created_at
  from (
    (select r as request from {schema}.ingest_requests r where r.status = 'running' limit $1::int)
    union all (
      select p.r from (
        select r from {schema}.ingest_requests r where r.status = 'pending' and r.due limit $2::int) p
      order by (p.r).created_at limit $1::int)
    union all (select r from {schema}.ingest_requests r where r.status = 'pending' and not r.due limit $1::int)) k) w
where w.reason is not null group by 1 order by split_part(min(w.reason), ':', 1) = 'capacity', 2 desc, 1"""

# Of what moved in the last minute: of each batch the share of its time in it, as ingest_progress_of does. Where more
# than so many requests have ended meanwhile, since the first of the latest of them. The time is asked for by itself:
# its function is volatile, and no index would be used.
SPEED = """with ended as (
  select r.id, r.status, r.finished_at from {schema}.ingest_requests r
  where r.finished_at > (select {schema}.ingest_now()) - interval '1 minute' order by r.finished_at desc limit $1::int
), since as (
  select (select {schema}.ingest_now()) as until,
    coalesce((select min(e.finished_at) from ended e having count(*) = $1::int),
             (select {schema}.ingest_now()) - interval '1 minute') as since
), moved as (
  select greatest(b.begun_at, s.since) as first,
    coalesce(extract(epoch from b.moved_at - greatest(b.begun_at, s.since))
             / nullif(extract(epoch from b.moved_at - b.begun_at), 0), 1) as share,
    b.begun_remaining - b.remaining as documents, b.chunks_embedded as chunks
  from since s, {schema}.ingest_batches b
  where b.request_id in (
      select e.id from ended e
      union all (select r.id from {schema}.ingest_requests r where r.status = 'running' limit $1::int))
    and b.moved_at > s.since and b.begun_at <= b.moved_at
)
select (sum(m.documents * m.share) / nullif(extract(epoch from max(s.until) - min(m.first)), 0))::float8 as documents,
  (sum(m.chunks * m.share) / nullif(extract(epoch from max(s.until) - min(m.first)), 0))::float8 as chunks,
  (select coalesce(jsonb_object_agg(e.status, e.requests), '{{}}')::text
   from (select e.status, count(*) as requests from ended e group by 1) e) as ended
from since s left join moved m on true"""

FAILING = """with looked as materialized (
  select f.code, f.uri, f.failed_at, f.failing_now from {schema}.ingest_failures f
  order by f.revision_id desc limit $1::int
)
select f.code, count(*) as documents, max(f.failed_at) as last_at, (array_agg(f.uri order by f.uri))[1] as uri,
  (select count(*) from looked) >= $1::int as more
from looked f where f.failing_now group by f.code order by 2 desc, 1"""

WATCHES = """select count(*) as watches, count(*) filter (where w.paused) as paused,
  count(*) filter (where w.running_request is not null) as running,
  count(w.trouble) as in_trouble,
  coalesce((array_agg(w.name || ': ' || w.trouble order by w.name) filter (where w.trouble is not null))[:50], '{{}}')
    as troubled
from (
  select w.name, w.paused, w.running_request,
    case when not w.paused then coalesce(w.error_code || ': ' || w.error_message, w.waiting_for) end as trouble
  from {schema}.ingest_watches w) w"""

INDEXES = """select count(*) filter (where i.state in ('valid', 'own')) as usable,
  coalesce((array_agg(concat_ws(', ',
      i.collection || ': ' || replace(i.state, '_', ' ') || coalesce(' ' || i.percent || ' %', ''), i.why, i.last_error)
    order by i.collection, i.generation)
    filter (where i.state in ('building', 'waiting', 'needs_owner') or i.last_error is not null))[:50], '{{}}')
    as unfinished
from {schema}.ingest_indexes i"""


@dataclass(frozen=True, slots=True)
class Alive:
    """A living listener: how many of its places are taken, and for how many seconds it has been silent."""

    executor_id: str
    host: str
    pid: int
    running: int
    capacity: int
    silent_seconds: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """Why requests wait: the reason of the oldest of those that wait for this kind of thing, and since when."""

    kind: str
    requests: int
    since: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Failing:
    """Documents that fail now for one reason, and one of them. ``more``: older failures were not looked at."""

    code: str
    documents: int
    last_at: datetime | None
    uri: str
    more: bool = False


@dataclass(frozen=True, slots=True)
class Watching:
    """How many watches there are, are paused, run, and fail or wait; ``troubled``: the first 50 of these, and why."""

    watches: int
    paused: int
    running: int
    in_trouble: int
    troubled: Sequence[str]


@dataclass(frozen=True, slots=True)
class Indexing:
    """How many collections have an ANN index; ``unfinished``: the first 50 that are built, wait or failed, and why."""

    usable: int
    unfinished: Sequence[str]


@dataclass(frozen=True, slots=True)
class Situation:
    """How it all goes, as far as the caller may see it: its own requests, or those of the collections it operates.

    ``listeners``, ``failing``, ``watches``, ``indexes``  None: not visible to the caller's role
    ``running``, ``pending``, ``scheduled``  requests, counted up to ``MOST_COUNTED``
    ``parked``          of those that have begun, the ones that wait for a service: they do not count as running
    ``waiting``         why; of ``MOST_ASKED`` that run, of the oldest that are due, and of those scheduled; most
                        first, but last what only waits for its turn
    ``ended``           how many ended how in the last minute, of the latest ``MOST_ENDED``
    ``…_per_second``    in the last minute; None: nothing moved
    ``failing``         of the newest ``MOST_FAILURES`` failures
    """

    at: datetime
    listeners: Sequence[Alive] | None
    running: int
    parked: int
    pending: int
    scheduled: int
    waiting: Sequence[Backlog]
    ended: dict[str, int]
    documents_per_second: float | None
    chunks_per_second: float | None
    failing: Sequence[Failing] | None
    watches: Watching | None
    indexes: Indexing | None = None


async def situation(session: Session) -> Situation:
    """Return an overview; raises OperatorError ``not_permitted`` for roles that may see no requests."""
    (counts,) = await session.rows(COUNTS, MOST_COUNTED)
    (speed,) = await session.rows(SPEED, MOST_ENDED)
    alive = await if_permitted(session.rows(statements.BEATING, None))
    failing = await if_permitted(session.rows(FAILING, MOST_FAILURES))
    watches = await if_permitted(session.rows(WATCHES))
    indexes = await if_permitted(session.rows(INDEXES))
    return Situation(
        **counts,
        listeners=None if alive is None else [Alive(**row) for row in alive],
        waiting=[Backlog(**row) for row in await session.rows(WAITING, MOST_ASKED, MOST_SORTED)],
        ended=json.loads(speed["ended"]),
        documents_per_second=speed["documents"],
        chunks_per_second=speed["chunks"],
        failing=None if failing is None else [Failing(**row) for row in failing],
        watches=None if watches is None else Watching(**watches[0]),
        indexes=None if indexes is None else Indexing(**indexes[0]),
    )


async def situations(session: Session) -> AsyncGenerator[Situation, None]:
    """Yield how it all goes: when a request ends or comes, a watch changes, and every second or two; without an end."""
    async with session.ringing(BELLS) as rang:
        most = DEAF_SECONDS if rang is None else HEARING_SECONDS
        while True:
            began = anyio.current_time()
            yield await situation(session)
            session = session.quiet()
            least = max(LEAST_SECONDS, MOST_PAUSE_SHARE * (anyio.current_time() - began))
            await anyio.sleep(least)
            if rang is not None:
                with anyio.move_on_after(most - least):
                    await rang.wait()
                rang.clear()
            elif least < most:
                await anyio.sleep(most - least)
