"""A sitemap's XML: the pages that it lists, or the sitemaps. Streamed; what declares entities is refused.

::

    <urlset><url><loc>https://docs.example.com/a</loc><lastmod>2026-11-28</lastmod></url> …
    <sitemapindex><sitemap><loc>https://docs.example.com/guide.xml.gz</loc></sitemap> …
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from xml.parsers import expat

PIECE = 64 * 1024
LONGEST_TEXT = 8000
LASTMOD = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?(Z|z|[+-]\d\d:?\d\d)?)?)?)?"
)
ROOT_TAG = re.compile(rb"<(?:[A-Za-z][\w.-]{0,30}:)?(urlset|sitemapindex)[\s>]")
HEAD = 4096  # bytes in which a sitemap says that it is one


class NoSitemap(ValueError):
    """It can't be read as one; the message says why."""


@dataclass(frozen=True, slots=True)
class SitemapEntry:
    """A page, or a sitemap if ``is_sitemap``; ``lastmod`` as written there."""

    loc: str
    lastmod: str
    is_sitemap: bool


def looks_like_sitemap(data: bytes) -> bool:
    """Tell whether bytes begin as sitemaps do."""
    return ROOT_TAG.search(data[:HEAD].replace(b"\0", b"")) is not None


def unpacked(data: bytes, most: int) -> bytes:
    """Return the content of a gz file, which must be at most so many bytes; raises NoSitemap."""
    if not data.startswith(b"\x1f\x8b"):
        return data
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        whole = unpacker.decompress(data, most + 1)
    except zlib.error:
        raise NoSitemap("it is not a valid gz file") from None
    if len(whole) > most:
        raise NoSitemap(f"it has more than {most} bytes")
    if not unpacker.eof:
        raise NoSitemap("the gz file is truncated")
    return whole


def entries(data: bytes) -> Iterator[SitemapEntry]:
    """Yield what a sitemap lists; raises NoSitemap where it is no XML."""
    reading = _Reading()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    parser.EntityDeclHandler = reading.refuse
    try:
        for start in range(0, len(data), PIECE):
            parser.Parse(data[start : start + PIECE], start + PIECE >= len(data))
            yield from reading.taken()
    except expat.ExpatError as error:
        raise NoSitemap(f"it is no sound XML: {error}") from None
    except (LookupError, ValueError) as error:  # expat asks Python for the encoding that the XML names
        raise NoSitemap(f"its encoding can't be read: {error}") from None


def last_modified(text: str) -> tuple[datetime | None, datetime | None]:
    """Return when a page was modified, and when the day or second given is over; None if it is not given."""
    found = LASTMOD.fullmatch(text.strip())
    if not found:
        return None, None
    year, month, day, hour, minute, second, zone = found.groups()
    try:
        time = datetime(int(year), int(month or 1), int(day or 1), tzinfo=timezone.utc)
        if day is None:
            return time, None
        if hour is None:
            return time, time + timedelta(days=1, hours=14)  # whose day it is, it does not say
        time = time.replace(hour=int(hour), minute=int(minute), second=int(second or 0)) - _offset(zone)
        return time, time + (timedelta(seconds=2) if second else timedelta(minutes=1))
    except (ValueError, OverflowError):
        return None, None


def _offset(zone: str | None) -> timedelta:
    if zone in (None, "Z", "z"):
        return timedelta()
    assert zone is not None
    digits = zone[1:].replace(":", "")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -size if zone[0] == "-" else size


class _Reading:
    """What the parser meets: an entry ends with its element."""

    def __init__(self) -> None:
        self._entries: list[SitemapEntry] = []
        self._field: list[str] | None = None
        self._fields: dict[str, str] = {}
        self._depth = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        local = name.rpartition(" ")[2]
        if self._depth == 2:
            self._fields = {}
        self._field = [] if self._depth == 3 and local in ("loc", "lastmod") else None

    def text(self, text: str) -> None:
        if self._field is not None and sum(map(len, self._field)) < LONGEST_TEXT:
            self._field.append(text[:LONGEST_TEXT])

    def end(self, name: str) -> None:
        local = name.rpartition(" ")[2]
        if self._field is not None and self._depth == 3:
            self._fields[local] = "".join(self._field).strip()
            self._field = None
        if self._depth == 2 and local in ("url", "sitemap") and self._fields.get("loc"):
            fields = self._fields
            self._entries.append(SitemapEntry(fields["loc"], fields.get("lastmod", "")[:40], local == "sitemap"))
        self._depth -= 1

    def refuse(self, *_: object) -> None:
        raise NoSitemap("it declares entities")

    def taken(self) -> list[SitemapEntry]:
        entries, self._entries = self._entries, []
        return entries
