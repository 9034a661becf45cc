"""What addresses say: filters of requests, and where a page of a list begins. What can't be read is refused."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from uuid import UUID

from listener.cli.webui.page import PageAddress
from listener.client.selection import WAITS, Place, RequestFilter
from listener.errors import RequestError

AGES = {
    "10m": ("10 minutes", timedelta(minutes=10)), "1h": ("hour", timedelta(hours=1)), "1d": ("day", timedelta(days=1)),
    "7d": ("week", timedelta(days=7)), "30d": ("30 days", timedelta(days=30)),
}  # fmt: skip
FILTERS = ("status", "waiting", "collection", "source", "submitter", "age")
_UNREADABLE = RequestError("wrong_address", "the address of this page can't be read", "Go on from the list itself.")


def request_filter(asked: PageAddress) -> RequestFilter:
    """Return which requests are asked for; raises RequestError ``wrong_address``."""
    age, waiting = asked.get("age"), asked.get("waiting")
    if (age and age not in AGES) or (waiting and waiting not in WAITS):
        raise _UNREADABLE
    since = datetime.now(timezone.utc) - AGES[age][1] if age else None
    return RequestFilter(
        asked.get("status") or None, asked.get("collection") or None, asked.get("source") or None,
        asked.get("submitter") or None, since, waiting=waiting or None,
    )  # fmt: skip


def filters_of(asked: PageAddress) -> dict[str, str]:
    """Return the filters that are set, as addresses have them."""
    return {name: asked.get(name) for name in FILTERS if asked.get(name)}


def place_of(asked: PageAddress) -> Place | None:
    """Return behind which request the list begins; raises RequestError ``wrong_address``."""
    text = asked.get("after")
    if not text:
        return None
    at, _, request = text.partition("_")
    try:
        return time_of(at), UUID(request)
    except ValueError:
        raise _UNREADABLE from None


def place_text(place: Place | None) -> str | None:
    """Return a place as addresses have it."""
    return f"{place[0].astimezone(timezone.utc).isoformat()}_{place[1]}" if place else None


def time_of(text: str) -> datetime:
    """Return a time with its zone; raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(text)
    return at


def row_of(asked: PageAddress) -> tuple[int | None, int] | None:
    """Return behind which document of a request the list begins; raises RequestError ``wrong_address``."""
    text = asked.get("after")
    if not text:
        return None
    batch, _, row = text.partition(".")
    return (_number(batch, 2**31) if batch else None), _number(row, 2**63)


def row_text(place: tuple[int | None, int]) -> str:
    """Return the place of a document as addresses have it."""
    return f"{'' if place[0] is None else place[0]}.{place[1]}"


def number_of(asked: PageAddress, name: str, default: int) -> int:
    """Return a whole number of the query; raises RequestError ``wrong_address``."""
    return _number(asked.get(name), 2**31) if asked.get(name) else default


def _number(text: str, below: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and int(text) < below):
        raise _UNREADABLE
    return int(text)
