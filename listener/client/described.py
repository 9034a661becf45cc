"""All that a page says of one collection, as far as the caller may see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from listener.client.evaluations import Evaluation, Evaluations
from listener.client.inventory import Holding, Inventory, Used
from listener.client.named_steps import NamedStep, NamedSteps
from listener.client.permitted import if_permitted
from listener.client.reembedding import GenerationState, Reembedding
from listener.errors import RequestError

MOST_COUNTED = 10_000
MOST_GRANTS = 200
MOST_GENERATIONS = 20
MOST_EVALUATIONS = 60
DAYS = 30

INDEX = """select i.generation, i.state, i.percent::float8, i.why, i.index_name, i.chunks, i.bytes, i.built_at, i.took,
  i.last_error
from {schema}.ingest_indexes i where i.collection = $1::text order by i.generation desc"""
TRAFFIC = """select p.alive, p.most, o.service, o.error ->> 'message' as outage, o.probe_at,
  (select count(*) from (select from {schema}.ingest_requests r
     where r.status = 'running' and r.resume_at is null and r.collection = $1::text limit $2::int) x) as running,
  (select count(*) from (select from {schema}.ingest_requests r
     where r.status = 'running' and r.resume_at is not null and r.collection = $1::text limit $2::int) x) as parked,
  (select count(*) from (select from {schema}.ingest_requests r
     where r.status = 'pending' and r.collection = $1::text limit $2::int) x) as pending
from {schema}.ingest_places($1::text, null::text, null::text) p cross join {schema}.ingest_outage_of($1::text) o"""
RIGHTS = """select {schema}.ingest_is_owner() as owns,
  array(
    select k.may from unnest('{{submit,search,operate}}'::text[]) as k (may)
    where {schema}.ingest_may(k.may, $1::text)) as may"""
GRANTS = """select g.role::text, g.may, g.collection, g.granted_by::text, g.granted_at
from {schema}.ingest_collection_grants g where g.collection in ('', $1::text)
order by g.collection desc, g.role, g.may limit $2::int"""
LANGUAGES = "select {schema}.ingest_search_configs($1::text)::text[]"


@dataclass(frozen=True, slots=True)
class IndexState:
    """How the vectors of a generation are searched: a row of ``ingest_indexes``."""

    generation: int
    state: str
    percent: float | None
    why: str | None
    index_name: str | None
    chunks: int
    bytes: int | None
    built_at: datetime | None
    took: timedelta | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Traffic:
    """What runs and waits, counted up to ``MOST_COUNTED``: the caller's own requests, or, for operators, all.

    ``alive``    listeners; ``most``: the collection's ``max_running``; ``parked``: waits for a service
    ``service``  its embedding service, while that is away: ``outage`` says why, ``probe_at`` when it is asked
    """

    alive: int | None
    most: int | None
    service: str | None
    outage: str | None
    probe_at: datetime | None
    running: int
    parked: int
    pending: int


@dataclass(frozen=True, slots=True)
class HeldRight:
    """A right of a role, in this collection or, where ``collection`` is empty, in all."""

    role: str
    may: str
    collection: str
    granted_by: str
    granted_at: datetime


@dataclass(frozen=True, slots=True)
class Described:
    """A collection. None: the caller may not see it.

    ``indexes``      of each generation, the newest first; empty in a collection's first minute
    ``generations``  the newest first, ``MOST_GENERATIONS`` of them
    ``languages``    text search configurations that its chunks stand under
    ``evaluations``  the newest first, ``MOST_EVALUATIONS`` of them
    ``steps``        own steps that it names, in their order
    ``used``         the last ``DAYS`` days, the newest first
    ``may``          the caller's own rights; ``owns``: it may do everything. ``grants``: all, for the owner
    """

    holding: Holding
    indexes: Sequence[IndexState] | None
    generations: Sequence[GenerationState] | None
    traffic: Traffic | None
    languages: Sequence[str] | None
    evaluations: Sequence[Evaluation] | None
    used: Sequence[Used] | None
    steps: Sequence[NamedStep]
    owns: bool
    may: Sequence[str]
    grants: Sequence[HeldRight] | None


class Describing(Inventory, Evaluations, Reembedding, NamedSteps):
    """The verb that tells all of a collection; ``Ingest`` has it too."""

    async def describe(self, collection: str) -> Described:
        """Return all that the caller may see of a collection; raises RequestError ``unknown_collection``."""
        held = await self.collections(collection)
        if not held:
            hint = "ingest collections lists those in which this role has a right."
            raise RequestError("unknown_collection", f'there is no collection "{collection}" for this role', hint)
        rows = self.session.rows
        indexes = await if_permitted(rows(INDEX, collection))
        generations = await if_permitted(self.generations(collection))
        traffic = await if_permitted(rows(TRAFFIC, collection, MOST_COUNTED))
        grants = await if_permitted(rows(GRANTS, collection, MOST_GRANTS))
        (own,) = await rows(RIGHTS, collection)
        return Described(
            holding=held[0],
            indexes=None if indexes is None else [IndexState(**row) for row in indexes],
            generations=generations and generations[: -MOST_GENERATIONS - 1 : -1],
            traffic=None if traffic is None else Traffic(**traffic[0]),
            languages=await if_permitted(self.session.value(LANGUAGES, collection)),
            evaluations=await if_permitted(self.evaluations(collection, limit=MOST_EVALUATIONS)),
            used=await if_permitted(self.usage(collection, since=timedelta(days=DAYS))),
            steps=await self.named_steps(collection),
            owns=own["owns"],
            may=own["may"],
            grants=None if grants is None else [HeldRight(**row) for row in grants],
        )
