"""What any other status than success means: the texts are refused, calls are limited, or an error.

Bodies of errors differ: ``{"error": {"message", "type", "param", "code"}}`` (OpenAI, Ollama, vLLM), the same without
the outer object (TEI, older vLLM), ``{"error": "…"}``, ``{"detail": …}``, plain text or HTML of a proxy in between.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

from listener.embedding.answers import Answer
from listener.embedding.embedder import Space
from listener.errors import ServiceError, SettingsError, wish
from listener.logs.masking import HIDDEN, Key, mask
from listener.logs.visible import on_one_line

MOST_READ = 100_000
MOST_MASKED = 4_000
MOST_OF_A_MESSAGE = 300
LONGEST_HEADER = 200
ECHO = 16  # characters of a text by which it is known again

_QUOTA = {"insufficient_quota", "billing_hard_limit_reached"}
_OF_CHARACTERS = re.compile(r"token|context|length|too large|payload|body", re.IGNORECASE)
_ERROR_STATUS = re.compile(r"[45][0-9][0-9]")
_QUERY = re.compile(r"[?#]")
_TAG = re.compile(r"<[^<>]*>")
_TOO_LARGE = re.compile(r"request too large|must be reduced", re.IGNORECASE)  # OpenAI: alone over the minute's limit
_OF_TEXTS_AS_500 = re.compile(r"unsupported value: NaN|input length exceeds", re.IGNORECASE)  # Ollama
_SECRET = re.compile(r"[^\s'\"`=&?,:;()<>\[\]{}/]+")  # a word that may be one: services repeat parts of a key


_STATUSES = {
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "not_found_error": 404,
    "invalid_request_error": 400,
}


@dataclass(frozen=True, slots=True)
class RefusedTexts:
    """The service won't embed these texts together: one of them, or so many at a time (``by_characters``: so much)."""

    message: str
    by_characters: bool


@dataclass(frozen=True, slots=True)
class Limited:
    """The service wants fewer calls; ``wish`` is how many seconds it wants to be left alone, if it said so."""

    message: str
    wish: float | None


def error_inside(answer: Answer) -> Answer:
    """Return the error inside a successful answer that contains an error instead of vectors.

    Its status is the one that the error names, or that fits its code; otherwise that of a gateway without an answer.
    """
    if answer.status != 200 or b'"embedding"' in answer.body or len(answer.body) > MOST_READ:
        return answer
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return answer
    if not isinstance(body, dict) or body.get("data") or not (body.get("error") or body.get("detail")):
        return answer
    return replace(answer, status=_status_of(body), is_inside=True)


def _status_of(body: dict[str, Any]) -> int:
    parts = [one for one in (body.get("error"), body) if isinstance(one, dict)]
    for value in (one.get(name) for one in parts for name in ("status", "code", "status_code")):
        if type(value) is int and 400 <= value < 600:
            return value
        if isinstance(value, str) and _ERROR_STATUS.fullmatch(value):
            return int(value)
    codes = _explained_in_json(body).codes
    return next((status for code, status in _STATUSES.items() if code in codes), 502)


def words_of(answer: Answer, key: str | None, sent: Sequence[str] = ()) -> str:
    """Return the text of an answer that is not JSON; empty if it is JSON, or not text."""
    try:
        json.loads(answer.body)
    except (ValueError, RecursionError):
        told = answer.body[:MOST_MASKED].decode("utf-8", "replace")
        return harmless(_TAG.sub(" ", told), key, sent) if "\ufffd" not in told[:MOST_OF_A_MESSAGE] else ""
    return ""


def read_refusal(answer: Answer, space: Space, key: str | None, sent: Sequence[str] = ()) -> RefusedTexts | Limited:
    """Return what the service refuses; a refusal that no other texts and no waiting would change is raised.

    Raises SettingsError ``api_key_refused``, ``quota_exhausted``, ``unknown_model``, ``wrong_dimensions``,
    ``endpoint_redirects`` or ``request_refused``, ServiceError ``embedding_unavailable``.
    """
    told = _explained(answer)
    said = harmless(told.message, key)
    message = harmless(told.message, key, sent) or f"status {answer.status}"
    pause = retry_after(answer.headers)
    _raise_what_settings_must_change(answer, told, message, space, key)
    if answer.status == 429 and not _TOO_LARGE.search(said):
        return Limited(message, pause)
    if answer.status == 503 and pause is not None:
        return Limited(message, pause)
    if answer.status in (400, 413, 422, 429) or (answer.status == 500 and _OF_TEXTS_AS_500.search(said)):
        return RefusedTexts(message, bool(_OF_CHARACTERS.search(said)) or (answer.status == 413 and not told.is_json))
    if answer.status >= 500 or answer.status in (408, 409, 424, 425):
        how = "an error with status 200" if answer.is_inside else f"with status {answer.status}"
        raise ServiceError(
            "embedding_unavailable",
            f"{space.endpoint} answered {how}: {message}",
            "See the service's own log.",
            retry_after=pause,
        )
    _raise_request_refused(space, message)


def _raise_what_settings_must_change(
    answer: Answer, told: _Explained, message: str, space: Space, key: str | None
) -> None:
    if answer.status == 402 or told.codes & _QUOTA:
        raise SettingsError(
            "quota_exhausted", f"{space.endpoint}: {message}", "Add credit or raise the budget there, then retry."
        )
    if answer.status in (401, 403):
        raise SettingsError(
            "api_key_refused",
            f"{space.endpoint} refuses the key: {message}",
            "Set OPENAI_API_KEY to a key of this service that may use the model, and restart the listener.",
        )
    if answer.status in (404, 405) or "model_not_found" in told.codes:
        raise SettingsError(
            "unknown_model",
            f"{space.endpoint} has no model {space.model!r}, or no embeddings: {message}",
            "Check the collection's model, and OPENAI_BASE_URL: it mostly ends with /v1.",
        )
    if told.param == "dimensions" or "matryoshka" in told.message[:MOST_READ].lower():
        raise SettingsError(
            "wrong_dimensions",
            f"{space.model} can't make vectors of {space.dimensions} dimensions: {message}",
            "Use the model's dimensions.",
        )
    if 300 <= answer.status < 400:
        raise SettingsError(
            "endpoint_redirects",
            f"{space.endpoint} redirects to {harmless(_without_query(answer.headers.get('location', '?')), key)}",
            "Set OPENAI_BASE_URL to where it leads.",
        )


def _without_query(url: str) -> str:
    """Return a URL without user, password, query and fragment: keys travel there."""
    place = _QUERY.split(url, maxsplit=1)[0]
    scheme, slashes, rest = place.partition("//")
    host, slash, path = rest.partition("/")
    return f"{scheme}{slashes}{host.rpartition('@')[2]}{slash}{path}"


def _raise_request_refused(space: Space, message: str) -> NoReturn:
    raise SettingsError(
        "request_refused",
        f"{space.endpoint} refuses what we send, whatever the text: {message}",
        "Is it an OpenAI-compatible API, and the model one for embeddings?",
    )


def raise_refused(refused: RefusedTexts, space: Space) -> NoReturn:
    """Raise SettingsError ``request_refused``: even a harmless text was."""
    _raise_request_refused(space, refused.message)


def harmless(message: str, key: str | None, sent: Sequence[str] = ()) -> str:
    """Return what others said in one line, shortened, without the key, parts of it, and what looks like one.

    It ends where one of the ``sent`` texts begins: readers of the error may not be allowed to read these.
    """
    told = _until_echo(" ".join(message[:MOST_READ].split())[:MOST_MASKED], sent)
    told = mask(Key(key).hide(told) if key else told)
    told = on_one_line(_SECRET.sub(_hidden_if_starred, told))  # no jsonb accepts a NUL or half a surrogate pair
    return told if len(told) <= MOST_OF_A_MESSAGE else told[: MOST_OF_A_MESSAGE - 1] + "…"


def _until_echo(told: str, sent: Sequence[str]) -> str:
    begins = {" ".join(text[: 4 * ECHO].split())[:ECHO] for text in sent}
    forms = {form for begin in begins if len(begin) >= ECHO // 2 for form in (begin, json.dumps(begin)[1:-1])}
    end = min((at for form in forms if (at := told.find(form)) >= 0), default=None)
    return told if end is None else f"{told[:end]}…"


def _hidden_if_starred(word: re.Match[str]) -> str:
    """Hide a word of which a service shows parts, as of a key, and all that begins as OpenAI's do."""
    return HIDDEN if HIDDEN in word[0] or word[0].startswith("sk-") else word[0]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return for how many seconds the service wants to be left alone: ``retry-after-ms``, or seconds, or a date.

    At most an hour. Of several values (a repeated header) the longest counts; unreadable ones are ignored.
    """
    if "retry-after-ms" in headers:
        wishes = [_number(part) / 1000 for part in headers["retry-after-ms"][:LONGEST_HEADER].split(",")]
    else:
        wishes = _wishes(headers.get("retry-after", "")[:LONGEST_HEADER], headers.get("date", "")[:LONGEST_HEADER])
    readable = [one for one in map(wish, wishes) if one is not None]
    return max(readable, default=None)


def _wishes(value: str, date: str) -> list[float]:
    """Return the seconds of a header; NaN if it has none. A date contains a comma, as a list does."""
    numbers = [_number(part) for part in value.split(",")]
    return numbers if any(map(math.isfinite, numbers)) else [*numbers, _until(value, date)]


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan


def _until(value: str, date: str) -> float:
    """Return the seconds until a date; it is compared with the service's own clock, if the answer shows it."""
    try:
        own = parsedate_to_datetime(date) if date else datetime.now(timezone.utc)
        return (parsedate_to_datetime(value) - own).total_seconds()
    except (ValueError, TypeError, OverflowError, IndexError):
        return math.nan


@dataclass(frozen=True, slots=True)
class _Explained:
    message: str
    codes: frozenset[str]
    param: str | None
    is_json: bool


def _explained(answer: Answer) -> _Explained:
    try:
        return _explained_in_json(json.loads(answer.body))
    except (ValueError, RecursionError):  # lists in lists, ten thousand deep
        text = answer.body[:MOST_MASKED].decode("utf-8", "replace")
        return _Explained(_TAG.sub(" ", text), frozenset(), None, False)


def _explained_in_json(body: Any) -> _Explained:
    error = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(error, dict):
        return _Explained(str(error), frozenset(), None, True)
    message = error.get("message") or error.get("detail") or error
    codes = frozenset(str(error[name]) for name in ("type", "code") if error.get(name))
    return _Explained(message if isinstance(message, str) else json.dumps(message), codes, error.get("param"), True)
