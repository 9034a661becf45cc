"""What comes back: how far a request is, which of its documents failed, what a search found."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import asyncpg

from listener.errors import RequestError

UNFINISHED = ("pending", "running")
STATUSES = (*UNFINISHED, "succeeded", "partially_succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something failed: a stable code, a message, what to do, in which step, and whether a retry may help."""

    code: str
    message: str
    hint: str | None = None
    step: str | None = None
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """A row of ``ingest_status``: the progress of a request, or its outcome.

    ``status``            pending, running, succeeded, partially_succeeded, failed or cancelled
    ``percent``           0 to 100, to three decimals; only rises within an attempt, and stays where it was when the
                          request ended. None until all documents are found
    ``current_step``      discover, load, chunk, embed or save, while it runs
    ``documents_found``   by discovery, so far or at its end, without those inside of others
    ``documents_loaded``, ``documents_embedded``  on their way: read and not embedded yet; embedded and not live yet
    ``documents_…``       all; live now; unchanged or superseded; failed (see ``failures``). None: not all are found yet
    ``documents_unchanged``  skipped ones that were not read; ``documents_deleted``: by option ``mirror``
    ``chunks_total``      chunks of these documents
    ``documents_per_second``, ``eta``  how fast it was in the last minute, and how long it takes from now on at that
                          speed; None while nothing moves. Of a finished request: its overall speed
    ``waiting_for``       why nothing happens and what would help; None: nothing is in its way
    ``error_…, hint``     why it failed or was cancelled; also as ``code`` and ``message``
    ``last_error``        what its current step is tried again for, at ``next_attempt_at``
    ``source, uri``       what it was asked to ingest; ``uri`` of inline content
    ``tokens``            what the embedder counted
    ``note``              what discovery left out, such as a crawl that ends at its ``pages``; it is no failure
    """

    id: UUID
    collection: str
    status: str
    percent: float | None
    current_step: str | None
    documents_total: int | None
    documents_done: int | None
    documents_skipped: int | None
    documents_failed: int | None
    documents_unchanged: int | None
    documents_deleted: int | None
    chunks_total: int | None
    documents_per_second: float | None
    eta: timedelta | None
    waiting_for: str | None
    error_code: str | None
    error_message: str | None
    hint: str | None
    error: Reason | None
    last_error: Reason | None
    next_attempt_at: datetime | None
    source: str | None
    uri: str | None
    priority: int
    run_at: datetime
    attempt: int
    executor_id: str | None
    deadline_at: datetime | None
    created_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    tokens: int | None
    documents_found: int | None
    documents_loaded: int | None
    documents_embedded: int | None
    note: Reason | None

    @property
    def finished(self) -> bool:
        """Whether it has ended, however it ended."""
        return self.status not in UNFINISHED

    @property
    def code(self) -> str | None:
        return self.error_code

    @property
    def message(self) -> str | None:
        return self.error_message

    def raise_unless_succeeded(self) -> None:
        """Raise RequestError with the request's own code if it ended other than as succeeded."""
        if self.finished and self.status != "succeeded":
            raise RequestError(
                self.code or self.status, f"request {self.id} is {self.status}: {self.message}", self.hint or ""
            )


def outcome(ended: list[Status]) -> dict[str, str | int]:
    """Return the outcome of requests, in counts, for a span: how many ended how, their documents and chunks."""
    counts: dict[str, str | int] = {"request": str(ended[0].id)} if len(ended) == 1 else {"requests": len(ended)}
    counts |= Counter(status.status for status in ended)
    counts["documents"] = sum(status.documents_done or 0 for status in ended)
    counts["chunks"] = sum(status.chunks_total or 0 for status in ended)
    return counts


@dataclass(frozen=True, slots=True)
class Failure:
    """A row of ``ingest_failures``: a document that failed, in which step, why, and what to do.

    ``retryable``: trying again without a change may help. ``bytes``, ``media_type``: of the document, if it was read.
    ``failing_now``: not resolved since. ``found_at``, ``failed_at``, ``duration``, ``…_seconds``: when, and
    how long each step took with it.
    """

    request_id: UUID
    collection: str
    uri: str
    step: str | None
    code: str
    message: str
    hint: str | None
    retryable: bool
    bytes: int | None
    media_type: str | None
    failing_now: bool | None
    found_at: datetime | None
    failed_at: datetime | None
    read_seconds: float | None
    parse_seconds: float | None
    embed_seconds: float | None
    duration: timedelta | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that a search found.

    ``id``        of the chunk: the same as ``id`` in ``ingest_chunks``; a changed document's chunks have others
    ``uri``       of its document; ``ordinal``: its place in there, from 0
    ``score``     higher is better; comparable only within one search
    ``by``        what found it: words, vector, or both; words_no_vector: words, and the query's vector is not known;
                  reranked: its place is a re-ranker's. ``words_place``, ``vector_place``: places in the two, from 1
    ``metadata``  ``heading_path``, what the parser found, and what the request gave
    ``citation``  where it is, on one line: ``title › heading (uri#page=3)``
    """

    id: str
    uri: str
    title: str | None
    ordinal: int
    text: str
    score: float
    by: str
    metadata: Mapping[str, Any]
    words_place: int | None
    vector_place: int | None
    collection: str
    citation: str = ""


def found(hits: list[Hit]) -> dict[str, str | int]:
    """Return for a span how many chunks a search found, and by what."""
    return {"hits": len(hits)} | ({"by": _by(hits)} if hits else {})


def _by(hits: list[Hit]) -> str:
    """Return by what a search went."""
    ways = {hit.by for hit in hits}
    return ways.pop() if len(ways) == 1 else "both"


def status(row: asyncpg.Record) -> Status:
    """Return a row of ``statements.STATUS``."""
    errors = {key: reason(row[key]) for key in ("error", "last_error", "note")}
    run_at = row["run_at"] if row["run_at"].tzinfo else row["run_at"].replace(tzinfo=timezone.utc)  # infinity has none
    return Status(**{**row, **errors, "id": UUID(row["id"]), "run_at": run_at})


def failure(row: asyncpg.Record) -> Failure:
    """Return a row of ``statements.FAILURES``."""
    return Failure(**{**row, "request_id": UUID(row["request_id"])})


def hit(row: asyncpg.Record) -> Hit:
    """Return a row of ``statements.FOUND``."""
    return Hit(**{**row, "metadata": metadata(row["metadata"])})


def metadata(text: str | None) -> dict[str, Any]:
    """Return a JSON object, such as a chunk's metadata; empty if Python can't read it (too deep, an integer too long).

    Whoever inserted it must not keep others from what they search for.
    """
    try:
        known = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) else {}


def reason(text: str | None) -> Reason | None:
    """Return an error or a note as a row has it."""
    if text is None:
        return None
    known = metadata(text)
    named = {key: known[key] for key in Reason.__slots__ if key in known}
    return Reason(named.pop("code", ""), named.pop("message", ""), **named)
