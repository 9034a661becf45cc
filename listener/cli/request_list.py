"""Requests in a list for people: a line each, and below it what it waits for or why it failed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from uuid import UUID

from listener.cli.fitting import SHORT_ID, Line, below, columns, cut, in_a_word, short
from listener.cli.follow import counted, counts_of, error_lines, note_lines, percent_text, through_documents
from listener.cli.in_shell import in_shell
from listener.cli.output import STYLES

if TYPE_CHECKING:
    from listener.client import Status

COLLECTION_WIDTH = 12
PARTIAL = "partial"  # partially_succeeded, in a list
HEADINGS = ("id", "status", "documents", "age", "took", "collection", "source")


def lines_of(statuses: Sequence[Status], width: int) -> list[Line]:
    """Return the lines of a list of requests, none of them wider than ``width`` if that is 80 or more."""
    digits = _digits([status.id for status in statuses])
    now = datetime.now(timezone.utc)
    rows = [_cells(status, digits, now) for status in statuses]
    heading, lines = columns(HEADINGS, rows, width, [STYLES.get(status.status, "") for status in statuses])
    made = [heading]
    for status, of_one in zip(statuses, lines, strict=True):
        made += [*of_one, *below(_reasons(status), width, digits + 2, "dim")]
    return made


def _digits(ids: Sequence[UUID]) -> int:
    """Return how many characters tell these ids apart, eight at least."""
    texts = [*map(str, ids)]
    digits = SHORT_ID
    while len({text[:digits] for text in texts}) < len(set(texts)):
        digits += 1
    return digits


def _cells(status: Status, digits: int, now: datetime) -> tuple[str, ...]:
    source = status.source or status.uri or "(inline)"
    collection = cut(status.collection, COLLECTION_WIDTH)
    age = in_a_word(now - status.created_at)
    return str(status.id)[:digits], _state(status), _documents(status), age, _took(status, now), collection, source


def _state(status: Status) -> str:
    return PARTIAL if status.status == "partially_succeeded" else status.status


def _documents(status: Status) -> str:
    if status.documents_total is None:
        return counts_of(status)
    percent = "" if status.finished or status.percent is None else f" {percent_text(status.percent)}%"
    return f"{through_documents(status)}/{status.documents_total}{percent}"


def _took(status: Status, now: datetime) -> str:
    if status.started_at is None:
        return ""
    return in_a_word(max((status.finished_at or now) - status.started_at, timedelta(0)))


def _reasons(status: Status) -> list[str]:
    reasons = [f"waits for {in_shell(status.waiting_for)}"] if status.waiting_for else []
    if status.documents_failed:
        number = counted(status.documents_failed, "document")
        reasons.append(f"{number} failed; see: ingest failures {short(status.id)}")
    if status.code and status.code != "documents_failed":
        reasons += error_lines(status)
    elif status.last_error and not status.finished and not status.waiting_for:
        reasons.append(f"tried again: {status.last_error.code}: {status.last_error.message}")
    return reasons + note_lines(status)
