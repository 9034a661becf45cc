"""How it went in the last hour, day or week, in buckets of equal width, for charts; and which services are away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from listener.client.session import Session

BUCKETS = 120
HISTORY = """select h.at, h.seconds, h.pending, h.scheduled, h.running, h.documents, h.failures, h.chunks, h.texts,
  h.tokens
from {schema}.ingest_list_history($1::interval, $2::int) h"""

OUTAGES = """select o.service, o.tenant, o.since, o.code, o.message, o.next_at from {schema}.ingest_list_outages() o"""


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

    ``pending``, ``scheduled``, ``running``  the most requests that were so at one time
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
