"""What a request consists of: what was asked for, its batches, its documents, what was done to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from listener.client.results import Reason, metadata, reason
from listener.client.session import Session
from listener.errors import RequestError

ORDER = """select r.submitted_by, r.dedupe_key, r.forked_from::text, r.fork_step, r.watch, r.media_type,
  coalesce(octet_length(r.content), octet_length(r.content_bytes))::bigint as content_bytes,
  r.options::text, r.metadata::text, r.settings::text, r.discovered_at
from {schema}.ingest_requests r where r.id = $1::text::uuid"""

BATCHES = """select b.batch, b.documents, b.bytes, b.chunks, b.chunks_embedded, b.texts, b.tokens, b.step,
  b.executor_id, b.crashes, b.done, b.skipped, b.failed, b.begun_at, b.moved_at, b.finished_at, b.last_error::text,
  b.next_attempt_at
from {schema}.ingest_batches b where b.request_id = $1::text::uuid and b.batch > $2::int
order by b.batch limit $3::int"""

_DOCUMENT = """select v.id, v.batch, v.uri, v.collection, v.state, v.reason, v.title, v.bytes, v.media_type,
    v.created_at, v.read_seconds::float8, v.parse_seconds::float8,
    v.embed_seconds::float8, v.error::text, v.warning::text
  from {schema}.ingest_revisions v where v.request_id = $1::text::uuid and ($6::text is null or v.state = $6::text)"""
# Those of no batch come last. Of each kind a page is taken from the index, whatever lies before it.
DOCUMENTS = f"""({_DOCUMENT} and v.batch >= $2::int and (v.batch > $2::int or v.id > $3::bigint)
  order by v.batch, v.id limit $4::int)
union all
({_DOCUMENT} and v.batch is null and v.id > $5::bigint order by v.id limit $4::int)
order by batch, id limit $4::int"""

# Of so many at most: a request may have a million.
SPENT = """select count(*) as documents, sum(t.read_seconds)::float8 as read, sum(t.parse_seconds)::float8 as parse,
  sum(t.embed_seconds)::float8 as embed
from (select v.read_seconds, v.parse_seconds, v.embed_seconds from {schema}.ingest_revisions v
  where v.request_id = $1::text::uuid limit $2::int) t"""

COMMANDS = """select k.verb, k.arguments::text, k.created_by, k.created_at, k.outcome
from {schema}.ingest_commands k where k.request_id = $1::text::uuid order by k.id desc limit $2::int"""

PRIORITY = """update {schema}.ingest_requests r set priority = $2::int where r.id = $1::text::uuid
returning r.priority"""

MAY_CONTROL = """select coalesce(has_function_privilege(
  to_regprocedure('{schema}.ingest_cancel(uuid)'), 'execute'), false)"""

LAST_BATCH, LAST_ROW = 2**31 - 1, 2**63 - 1
MOST_SUMMED = 20_000
STATES = ("discovered", "loaded", "chunked", "embedded", "published", "skipped", "failed")


@dataclass(frozen=True, slots=True)
class RequestOrder:
    """What was asked for, beside what ``Status`` has. ``content_bytes``: of inline content, if it is."""

    submitted_by: str | None
    dedupe_key: str | None
    forked_from: UUID | None
    fork_step: str | None
    watch: str | None
    media_type: str | None
    content_bytes: int | None
    options: Mapping[str, Any]
    metadata: Mapping[str, Any]
    settings: Mapping[str, Any]
    discovered_at: datetime | None


@dataclass(frozen=True, slots=True)
class ShownBatch:
    """A batch: the documents that go through the steps together. ``done``, ``skipped``, ``failed``: of its documents.

    ``begun_at``, ``moved_at``, ``finished_at``: when its last execution began, when something moved last, its end
    """

    batch: int
    documents: int
    bytes: int
    chunks: int
    chunks_embedded: int
    texts: int
    tokens: int
    step: str | None
    executor_id: str | None
    crashes: int
    done: int | None
    skipped: int | None
    failed: int | None
    begun_at: datetime | None
    moved_at: datetime | None
    finished_at: datetime | None
    last_error: Reason | None
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True)
class RequestDocument:
    """A document of a request: how far it is (``STATES``), why it was skipped or failed, what it took."""

    id: int
    batch: int | None
    uri: str
    collection: str
    state: str
    reason: str | None
    title: str | None
    bytes: int | None
    media_type: str | None
    created_at: datetime
    read_seconds: float | None
    parse_seconds: float | None
    embed_seconds: float | None
    error: Reason | None
    warning: Reason | None

    @property
    def place(self) -> tuple[int | None, int]:
        """Where it stands among the others."""
        return self.batch, self.id


@dataclass(frozen=True, slots=True)
class SecondsSpent:
    """Seconds that documents took to be read, parsed and embedded, of the first ``MOST_SUMMED``."""

    documents: int
    read: float | None
    parse: float | None
    embed: float | None


@dataclass(frozen=True, slots=True)
class GivenCommand:
    """What somebody asked of a request afterwards, and what came of it."""

    verb: str
    arguments: Mapping[str, Any]
    created_by: str
    created_at: datetime
    outcome: str | None


class Anatomy:
    """The verbs that take a request apart; ``Ingest`` has them too."""

    session: Session

    async def request_order(self, request: UUID) -> RequestOrder:
        """Return what was asked for; raises RequestError ``unknown_request``."""
        rows = await self.session.rows(ORDER, str(request))
        if not rows:
            raise _unknown(request)
        row: dict[str, Any] = dict(rows[0])
        origin = row.pop("forked_from")
        known: dict[str, Any] = {name: metadata(row.pop(name)) for name in ("options", "metadata", "settings")}
        return RequestOrder(**row, **known, forked_from=None if origin is None else UUID(origin))

    async def request_batches(self, request: UUID, *, after: int = -1, limit: int = 50) -> Sequence[ShownBatch]:
        """Return batches of a request, by number; ``after``: behind this one."""
        rows = await self.session.rows(BATCHES, str(request), after, limit)
        return [ShownBatch(**{**row, "last_error": reason(row["last_error"])}) for row in rows]

    async def request_documents(
        self, request: UUID, *, state: str | None = None, after: tuple[int | None, int] | None = None, limit: int = 100
    ) -> Sequence[RequestDocument]:
        """Return documents of a request, by batch; ``after``: the ``place`` of the last one before.

        ``state``: only those that are in it.
        """
        batch, row = after or (-1, 0)
        behind = (LAST_BATCH, LAST_ROW, limit, row) if batch is None else (batch, row, limit, 0)
        return [
            RequestDocument(**{**one, "error": reason(one["error"]), "warning": reason(one["warning"])})
            for one in await self.session.rows(DOCUMENTS, str(request), *behind, state)
        ]

    async def request_seconds(self, request: UUID) -> SecondsSpent:
        """Return what reading, parsing and embedding took."""
        (row,) = await self.session.rows(SPENT, str(request), MOST_SUMMED)
        return SecondsSpent(**row)

    async def request_commands(self, request: UUID, *, limit: int = 50) -> Sequence[GivenCommand]:
        """Return what was asked of a request afterwards, the newest first; for operators.

        Raises OperatorError ``not_permitted``.
        """
        rows = await self.session.rows(COMMANDS, str(request), limit)
        return [GivenCommand(**{**row, "arguments": metadata(row["arguments"])}) for row in rows]

    async def set_priority(self, request: UUID, priority: int) -> int:
        """Have a pending request run before others, or after them: lower is sooner. Return its priority.

        Raises RequestError ``unknown_request``, or ``system_column`` if it has started.
        """
        set_to = await self.session.value(PRIORITY, str(request), priority)
        if set_to is None:
            raise _unknown(request)
        return int(set_to)

    async def may_control(self) -> bool:
        """Tell whether the role may cancel, resume, retry and fork requests, of some collections at least."""
        return bool(await self.session.value(MAY_CONTROL))


def _unknown(request: UUID) -> RequestError:
    hint = "See select id, status from ingest_requests."
    return RequestError("unknown_request", f"there is no request {request}", hint)
