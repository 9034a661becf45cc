"""How a page's state is compared with an earlier one: by etag, otherwise by modification time, otherwise by bytes.

::

    "a81f…"  W/"a81f…"                        an etag, as the server said it
    modified Sat, 28 Nov 2026 07:28:00 GMT    two seconds old at least when it was seen
    sha256 9f86…                              of the bytes
    lastmod 2026-11-28T07:28:00Z              what a sitemap says
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime

from listener.sources.base import Digest, Known
from listener.sources.http.web_answer import WebAnswer

YOUNG = timedelta(seconds=2)
LONGEST_VERSION = 300
MODIFIED, HASHED, LASTMOD = "modified ", "sha256 ", "lastmod "


def version_of(answer: WebAnswer, digest: Digest | None = None) -> str | None:
    """Return what tells this state of a page from others; None if nothing does."""
    etag = answer.header("etag").strip()
    if etag.startswith(('"', 'W/"')) and len(etag) <= LONGEST_VERSION and etag.isascii() and etag.isprintable():
        return etag
    modified = modified_at(answer)
    if modified is not None and not _is_young(modified, answer):
        return f"{MODIFIED}{format_datetime(modified, usegmt=True)}"
    return f"{HASHED}{digest.hex()}" if digest is not None else None


def modified_at(answer: WebAnswer) -> datetime | None:
    """Return when the server says that the page was modified."""
    return http_date(answer.header("last-modified"))


def conditions(known: Known | None) -> Mapping[str, str]:
    """Return the headers that ask for a page only if it has changed."""
    if known is None:
        return {}
    version = known.version or ""
    if version.startswith(('"', 'W/"')):
        return {"if-none-match": version}
    if version.startswith(MODIFIED):
        return {"if-modified-since": version.removeprefix(MODIFIED)}
    if known.modified_at is not None:
        return {"if-modified-since": format_datetime(known.modified_at.astimezone(timezone.utc), usegmt=True)}
    return {}


def http_date(text: str) -> datetime | None:
    """Return the time in a header; None if it is invalid."""
    try:
        time = parsedate_to_datetime(text[:100])
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    try:
        return (time if time.tzinfo else time.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except OverflowError:
        return None


def _is_young(modified: datetime, answer: WebAnswer) -> bool:
    """Tell whether the page may have been written again in the second in which it was modified."""
    now = http_date(answer.header("date")) or datetime.now(timezone.utc)
    return now - modified < YOUNG
