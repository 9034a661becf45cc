"""What a person asks to get an overview: which request an id's beginning means, what fails and why, what is slow."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from listener.client import statements
from listener.client.results import Hit
from listener.client.session import Session
from listener.errors import IngestError, RequestError

LEAST_DIGITS = 4
_DIGITS = re.compile("[0-9a-f]+")
MOST_CANDIDATES = 10


@dataclass(frozen=True, slots=True)
class Candidate:
    """A request that an id's beginning may mean."""

    id: UUID
    status: str
    collection: str
    what: str


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Documents that failed for one reason: how many, in how many requests, of which types, and the latest of them."""

    code: str
    documents: int
    requests: int
    media_types: Sequence[str]
    retryable: bool
    last_at: datetime | None
    uri: str
    message: str
    hint: str | None


@dataclass(frozen=True, slots=True)
class Slow:
    """What a document took, in seconds: to be read, to become text, to be embedded, and together."""

    request_id: UUID
    collection: str
    uri: str
    state: str
    media_type: str | None
    bytes: int | None
    read_seconds: float | None
    parse_seconds: float | None
    embed_seconds: float | None
    seconds: float
    code: str | None


def digits_of(text: str) -> str:
    """Return the hexadecimal digits of an id or of its beginning (``0b6b1c9e-…``); RequestError ``not_an_id``."""
    digits = text.strip().removeprefix("urn:uuid:").strip("{}").rstrip("…").replace("-", "").lower()
    if _DIGITS.fullmatch(digits) and LEAST_DIGITS <= len(digits) <= 32:
        return digits
    hint = f"It is a UUID, or at least the first {LEAST_DIGITS} digits of one. See: ingest status"
    raise RequestError("not_an_id", f'"{text}" is not the id of a request', hint)


async def request_of(session: Session, text: str) -> UUID:
    """Return the request that an id or its beginning means.

    Raises RequestError ``not_an_id``, ``unknown_request``, or ``ambiguous_id``, whose hint lists the candidates.
    """
    digits = digits_of(text)
    if len(digits) == 32:  # the caller reports if there is none
        return UUID(digits)
    first, last = (str(UUID(digits.ljust(32, end))) for end in "0f")
    rows = await session.rows(statements.BEGINNING_WITH, first, last)
    found = [Candidate(**{**row, "id": UUID(row["id"])}) for row in rows]
    if not found:
        raise RequestError("unknown_request", f"no request has an id that begins with {text}", "See: ingest status")
    if len(found) > 1:
        raise _ambiguous(text, found)
    return found[0].id


def _ambiguous(text: str, found: Sequence[Candidate]) -> RequestError:
    named = [f"{one.id} ({one.status}, {one.what[-60:]})" for one in found[:MOST_CANDIDATES]]
    more = ["…"] if len(found) > MOST_CANDIDATES else []
    number = f"{MOST_CANDIDATES}+" if more else str(len(found))
    message = f"{text} is the beginning of {number} requests' ids"
    return RequestError("ambiguous_id", message, f"Give more digits of one of: {', '.join([*named, *more])}")


async def failure_groups(session: Session, given: Mapping[str, str], *, now: bool) -> list[FailureGroup]:
    """Return what fails by code, the most frequent first. ``given``: only with this code, collection, request."""
    return [FailureGroup(**row) for row in await session.rows(statements.failure_groups(given, now), *given.values())]


async def slow(session: Session, given: Mapping[str, str], limit: int) -> list[Slow]:
    """Return the documents that took longest."""
    rows = await session.rows(statements.slow(given), *given.values(), limit)
    return [Slow(**{**row, "request_id": UUID(row["request_id"])}) for row in rows]


async def roots(session: Session) -> list[str]:
    """Return what living listeners may read, as far as the caller may know it."""
    try:
        return [row["root"] for row in await session.rows(statements.ROOTS)]
    except IngestError:  # a submitter may not see them
        return []


async def require_collection(session: Session, name: str) -> None:
    """Raise RequestError ``unknown_collection`` unless there is one, or a request for one."""
    names = [row["name"] for row in await session.rows(statements.COLLECTIONS, name)]
    if name not in names:
        listed = ", ".join(names[:MOST_CANDIDATES]) + (", …" if len(names) > MOST_CANDIDATES else "")
        hint = f"There are: {listed}" if names else "There is none yet: the first request creates one."
        raise RequestError("unknown_collection", f'there is no collection "{name}"', hint)


async def marked(session: Session, query: str, hits: Sequence[Hit]) -> list[list[tuple[str, bool]]]:
    """Return hits' texts in pieces, each with whether it is a word that the query has, as full-text search sees it."""
    texts = [hit.text for hit in hits]
    token = uuid4().hex
    options = f"HighlightAll=true, StartSel={token}1, StopSel={token}0"
    languages = [hit.metadata.get("language") or hit.metadata.get("lang") for hit in hits]
    said = [language if isinstance(language, str) else None for language in languages]
    rows = await session.rows(statements.MARKED, query, [hit.collection for hit in hits], texts, options, said)
    found = [_pieces(row[0], token) for row in rows]
    # Postgres may omit parts of what it marks; the exact text is worth more than marks.
    return [
        pieces if "".join(piece for piece, _ in pieces) == text else [(text, False)]
        for text, pieces in zip(texts, found or [[] for _ in texts], strict=True)
    ]


def _pieces(text: str, token: str) -> list[tuple[str, bool]]:
    first, *others = text.split(token)
    pieces = [(first, False), *((one[1:], one[:1] == "1") for one in others)]
    return [(piece, is_word) for piece, is_word in pieces if piece]
