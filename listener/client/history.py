"""How it went in the last hour, day or week, in buckets of equal width, for charts; and which services are away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from listener.client.session import Session

BUCKETS = 120
HISTORY = """select h.at, h.seconds, h.pending, h.scheduled, h.running, h.documents, h.failures, h.chunks, h.texts,
  h.tokens, h.parked
from {schema}.ingest_list_history($1::interval, $2::int) h"""

OUTAGES = """select o.service, o.tenant, o.since, o.code, o.message, o.next_at from {schema}.ingest_list_outages() o"""

# Days without any are among them.
DAYS = """with used as (
  select u.day, sum(u.texts)::bigint as texts, sum(u.tokens)::bigint as tokens, sum(u.cost)::float8 as cost
  from {schema}.ingest_usage_by_day u
  where u.day > ({schema}.ingest_now() at time zone 'UTC')::date - $1::int group by 1
)
select d.day::date, coalesce(u.texts, 0) as texts, coalesce(u.tokens, 0) as tokens, u.cost
from (select generate_series(min(u.day), max(u.day), interval '1 day') as day from used u) d
left join used u on u.day = d.day::date order by 1"""


@dataclass(frozen=True, slots=True)
class UsedOnDay:
    """What was sent to embedders on a day, in UTC; ``cost``: None where no price is known."""

    day: date
    texts: int
    tokens: int
    cost: float | None


@dataclass(frozen=True, slots=True)
class ServiceAway:
    """A service that is away: since when, how it failed last, and when it is asked next."""

    service: str
    tenant: str
    since: datetime
    code: str | None
    message: str | None
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Measured:
    """How it went in a stretch of time, which begins ``at``. None: no listener noted it.

    ``pending``, ``scheduled``, ``running``, ``parked``  the most requests that were so at one time (parked: waiting for
    a service)
    ``documents``, ``failures``, ``chunks``, ``texts``, ``tokens``  a second: published, failed, stored, sent, sent
    """

    at: datetime
    seconds: float
    pending: int | None
    scheduled: int | None
    running: int | None
    documents: float | None
    failures: float | None
    chunks: float | None
    texts: float | None
    tokens: float | None
    parked: int | None


class Charted:
    """The verbs that tell how it goes for all; ``Ingest`` has them too."""

    session: Session

    async def history(self, period: timedelta = timedelta(hours=1), buckets: int = BUCKETS) -> Sequence[Measured]:
        """Return how it went in the last ``period``, the oldest first; the last bucket is under way.

        Raises RequestError ``not_granted`` for who does not operate all collections, and ``wrong_period``.
        """
        return [Measured(**row) for row in await self.session.rows(HISTORY, period, buckets)]

    async def outages(self) -> Sequence[ServiceAway]:
        """Return the services that are away, the longest first. Raises RequestError ``not_granted`` as ``history``."""
        return [ServiceAway(**row) for row in await self.session.rows(OUTAGES)]

    async def used_by_day(self, days: int = 14) -> Sequence[UsedOnDay]:
        """Return what was sent to embedders in the last ``days``, of all collections that the caller operates.

        The oldest first, from the first day on which anything was sent.
        """
        return [UsedOnDay(**row) for row in await self.session.rows(DAYS, days)]
