"""Requests that fit what is asked for, the newest first: a page of them, how many there are, and a verb for each.

However many requests there are, a page looks at no more than ``MOST_LOOKED`` of them: it says where it stopped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from listener.client import statements
from listener.client.results import STATUSES, Status, status
from listener.client.session import Session
from listener.errors import RequestError

Verb = Literal["cancel", "resume", "retry"]
Place = tuple[datetime, UUID]
VERBS: dict[Verb, str] = {"cancel": statements.CANCEL, "resume": statements.RESUME, "retry": statements.RETRY}
MOST_LOOKED = 20_000  # of requests that may fit, by one statement
MOST_COUNTED = 100_000  # the same, where they are only counted
MOST_EXPLAINED = 2_000  # the same, where it counts why they wait
WAITS = (
    "listener",
    "root",
    "step",
    "run_at",
    "collection",
    "submitter",
    "capacity",
    "service",
    "takeover",
    "restored_database",
)
VERB_PAGE = 200
SCHEDULED = "scheduled"
SOUGHT = (*STATUSES, SCHEDULED)

_OPEN = {  # in the order in which they become each other; partial indexes have them
    SCHEDULED: "r.status = 'pending' and not r.due",
    "pending": "r.status = 'pending' and r.due",
    "running": "r.status = 'running'",
}
_FOR_VERB: dict[Verb, str] = {
    "cancel": "r.status in ('pending', 'running')",
    "resume": "(r.status = 'cancelled' or (r.status = 'failed' and r.error ->> 'code' = 'crash_limit'))",
    "retry": "r.status in ('failed', 'partially_succeeded')",
}
_NEWEST = "order by r.created_at desc, r.id desc"
_LOOKED = """with {open}looked as materialized (
  select r.id, r.created_at, r.status, r.collection, coalesce(r.source, r.uri) as source,
    coalesce(r.submitted_by, r.created_by) as submitter, {for_verb} as is_for_verb, {waits} as waits
  from {{schema}}.ingest_requests r
  where {inside}
  {newest} limit {most}
)"""
# Why a request waits takes several look-ups to say: only for those that have not ended, and for few at a time.
_OPEN_ONES = "open as materialized ({parts}), "
_OPEN_PART = "(select r.id from {{schema}}.ingest_requests r where {inside} {newest} limit {most})"
_AMONG_OPEN = "r.id = any (array(select o.id from open o))"  # by their ids, however many the planner expects
_WAITS = "split_part({{schema}}.ingest_waiting_for(r), ':', 1)"
_PAGE = """, found as (
  select k.id, k.created_at from looked k where {outside} order by k.created_at desc, k.id desc limit {limit}
), stopped as (
  select k.id, k.created_at from looked k order by k.created_at, k.id limit 1
)
select f.id::text, f.created_at, (select count(*) from looked) as looked, s.id::text as stopped_id,
  s.created_at as stopped_at
from stopped s left join found f on true order by f.created_at desc, f.id desc"""
_COUNTS = """
select n.looked, f.status, f.is_for_verb, coalesce(f.requests, 0) as requests
from (select count(*) as looked from looked) n left join (
  select k.status, k.is_for_verb, count(*) as requests from looked k where {outside} group by k.status, k.is_for_verb
) f on true order by 4 desc, 2"""


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests: all that fit everything that is given.

    ``status``      of ``SOUGHT``; pending: due; scheduled: not due yet
    ``source``      a part of the source, or of the URI of inline content, in any case
    ``since``, ``until``  when they were inserted
    ``waiting``     the first word of why nothing happens to it, of ``WAITS``
    """

    status: str | None = None
    collection: str | None = None
    source: str | None = None
    submitter: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    waiting: str | None = None

    def most(self, otherwise: int) -> int:
        """Return how many may be looked at by one statement."""
        return min(MOST_EXPLAINED, otherwise) if self.waiting else otherwise


@dataclass(frozen=True, slots=True)
class RequestPage:
    """A page of requests. ``older``: where the next one begins; None: there are no more.

    ``looked``: so many were looked at in vain or not, before it gave up; None: it found as many as were asked for, or
    came to the end.
    """

    statuses: Sequence[Status]
    older: Place | None
    looked: int | None


@dataclass(frozen=True, slots=True)
class Matches:
    """How many requests fit, by status, and how many of them a verb takes. ``is_all``: no more were left uncounted."""

    by_status: Mapping[str, int]
    applicable: int
    is_all: bool

    @property
    def requests(self) -> int:
        """How many fit."""
        return sum(self.by_status.values())


@dataclass(frozen=True, slots=True)
class VerbResult:
    """What became of a verb for one request. ``error``: why it was refused."""

    request: UUID
    error: RequestError | None = None


class Selecting:
    """The verbs for requests that fit; ``Ingest`` has them too."""

    session: Session

    async def request_page(self, sought: RequestFilter, *, limit: int = 50, after: Place | None = None) -> RequestPage:
        """Return the newest requests that fit, behind ``after``. Raises RequestError ``unknown_status``."""
        ids, older, looked = await _page(self.session, sought, None, limit, after)
        rows = await self.session.rows(statements.STATUS, [*map(str, ids)])
        return RequestPage([*map(status, rows)], older, looked)

    async def count_matches(self, sought: RequestFilter, verb: Verb) -> Matches:
        """Return how many requests fit, of the newest ``MOST_COUNTED``, and how many of them ``verb`` takes.

        To cancel, only those are looked at that have not ended.
        """
        counted = [await _count(self.session, part, verb) for part in _parts(sought, verb)]
        by_status: Counter[str] = Counter()
        for one in counted:
            by_status.update(one.by_status)
        return Matches(by_status, sum(one.applicable for one in counted), all(one.is_all for one in counted))

    async def each_matching(self, verb: Verb, sought: RequestFilter) -> AsyncGenerator[VerbResult, None]:
        """Carry out ``verb`` on all that fit and that it takes; yield what became of each.

        Each is a transaction of its own: one that is refused keeps no other back. Close it to stop.
        """
        if sought.until is None:  # what is inserted meanwhile nobody asked for
            sought = replace(sought, until=await self.session.value("select {schema}.ingest_now()"))
        for part in _parts(sought, verb):
            after: Place | None = None
            while True:
                ids, after, _ = await _page(self.session, part, verb, VERB_PAGE, after)
                for one in ids:
                    yield await self._carry_out(verb, one)
                if after is None:
                    break

    async def _carry_out(self, verb: Verb, request: UUID) -> VerbResult:
        try:
            await self.session.value(VERBS[verb], str(request))
        except RequestError as error:
            return VerbResult(request, error)
        return VerbResult(request)


def verbs_for(now: Status) -> list[str]:
    """Return the verbs that fit how a request stands, as ``_FOR_VERB`` has them, and fork."""
    verbs = {"cancel"} if not now.finished else set()
    verbs |= (
        {"resume"} if now.status == "cancelled" or (now.status == "failed" and now.code == "crash_limit") else set()
    )
    verbs |= {"retry"} if now.status in ("failed", "partially_succeeded") else set()
    verbs |= {"fork"} if now.status != "pending" else set()
    return [verb for verb in ("cancel", "resume", "retry", "fork") if verb in verbs]


def _parts(sought: RequestFilter, verb: Verb) -> list[RequestFilter]:
    """Return what is to be looked at one after the other: what has not ended is found at once, however much has."""
    if verb == "cancel" and sought.status is None:
        return [replace(sought, status=status) for status in _OPEN]
    return [sought]


async def _count(session: Session, sought: RequestFilter, verb: Verb) -> Matches:
    wanted, most = _Conditions(sought, verb, with_verb_only=False), sought.most(MOST_COUNTED)
    rows = await session.rows(wanted.looked(most) + _COUNTS.format(outside=wanted.outside()), *wanted.values)
    by_status: Counter[str] = Counter()
    for row in rows:
        if row["requests"]:
            by_status[row["status"]] += row["requests"]
    applicable = sum(row["requests"] for row in rows if row["is_for_verb"])
    return Matches(by_status, applicable, rows[0]["looked"] < most)


async def _page(
    session: Session, sought: RequestFilter, verb: Verb | None, limit: int, after: Place | None
) -> tuple[list[UUID], Place | None, int | None]:
    """Return the ids of a page, where the next one begins, and how many were looked at if it gave up."""
    wanted = _Conditions(sought, verb, with_verb_only=True, after=after)
    most = sought.most(MOST_LOOKED) if wanted.filters else limit + 1
    page = _PAGE.format(outside=wanted.outside(), limit=limit + 1)
    rows = await session.rows(wanted.looked(most) + page, *wanted.values)
    found = [(row["created_at"], UUID(row["id"])) for row in rows if row["id"]]
    ids = [one for _, one in found[:limit]]
    if len(found) > limit:
        return ids, found[limit - 1], None
    if rows and wanted.filters and rows[0]["looked"] >= most:
        return ids, (rows[0]["stopped_at"], UUID(rows[0]["stopped_id"])), rows[0]["looked"]
    return ids, None, None


def _not_by_time(part: str) -> str:
    """Return the same look, but one that no index on the time of inserting can serve."""
    return part.replace("r.created_at", "(r.created_at + interval '0')")


class _Conditions:
    """The conditions: those that an index has stand inside of what is looked at, the others outside."""

    def __init__(
        self, sought: RequestFilter, verb: Verb | None, *, with_verb_only: bool, after: Place | None = None
    ) -> None:
        if sought.status is not None and sought.status not in SOUGHT:
            raise RequestError(
                "unknown_status", f'there is no status "{sought.status}"', f"Take one of: {', '.join(SOUGHT)}"
            )
        self.values: list[object] = []
        self.filters: list[str] = []
        self._for_verb = _FOR_VERB[verb] if verb else "false"
        self._inside = [_OPEN[sought.status]] if sought.status in _OPEN else []
        self._waits = sought.waiting is not None
        self._open = _OPEN if sought.waiting and not self._inside else {}
        self.filters += ["k.is_for_verb"] if verb and with_verb_only else []
        self._take(self._inside, "r.created_at >= ${}::timestamptz", sought.since)
        self._take(self._inside, "r.created_at <= ${}::timestamptz", sought.until)
        if after:
            self.values += [after[0], str(after[1])]
            number = len(self.values)
            self._inside.append(f"(r.created_at, r.id) < (${number - 1}::timestamptz, ${number}::text::uuid)")
        self._take(self.filters, "k.status = ${}::text", None if sought.status in _OPEN else sought.status)
        self._take(self.filters, "k.collection = ${}::text", sought.collection)
        self._take(self.filters, "k.submitter = ${}::text", sought.submitter)
        self._take(self.filters, "k.waits = ${}::text", sought.waiting)
        self._take(self.filters, "position(lower(${}::text) in lower(k.source)) > 0", sought.source)

    def _take(self, conditions: list[str], condition: str, value: object) -> None:
        if value is not None:
            self.values.append(value)
            conditions.append(condition.format(len(self.values)))

    def looked(self, most: int) -> str:
        """Return the part of the statement that looks at no more than so many."""
        inside, parts = " and ".join(self._inside) or "true", ""
        if self._open:
            each = {
                name: _OPEN_PART.format(inside=f"{one} and {inside}", newest=_NEWEST, most=most)
                for name, one in self._open.items()
            }
            # Few are not due, or run: an index has just these. By time the planner might go through all others.
            parts = _OPEN_ONES.format(
                parts=" union all ".join(one if name == "pending" else _not_by_time(one) for name, one in each.items())
            )
            inside = _AMONG_OPEN
        waits = _WAITS.format() if self._waits else "null::text"
        return _LOOKED.format(
            open=parts, for_verb=self._for_verb, waits=waits, inside=inside, newest=_NEWEST, most=most
        )

    def outside(self) -> str:
        """Return the other conditions."""
        return " and ".join(self.filters) or "true"
