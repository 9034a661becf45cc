"""Rows of tables that are watched, as documents: the source of the requests that watches make (``table:/WATCH``).

::

    changed keys, or all rows by keyset pages ─► there, with text: Found
                                              └► gone, or without text: Page.gone
    all rows: then the documents, page by page ─► whose row is gone: Page.gone
    read: the rows as they are then ─► template ─► parser ─► title and metadata from their columns

A document is called ``table://SCHEMA.TABLE/KEY``: the values of the key's columns, percent-encoded, with commas between
them. SQL checks at each call that the watch's maker may still read the table (``ingest_check_table``).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import quote, unquote

from listener.concurrency import side_by_side
from listener.documents.parsed import Parsed
from listener.documents.parsers import Parsers
from listener.errors import DocumentError
from listener.sources.base import UNCHANGED, Found, LookUp, Outcome, Page, Ready, Source, Wanted, too_large
from listener.sources.options import RequestOptions

SCHEME = "table"
ROOT = f"{SCHEME}:"
PAGE = 1000
MOST_METADATA = 64 * 1024  # bytes: each chunk repeats it
MOST_TITLE = 1000  # characters
TEMPLATE_FIELD = re.compile(r"\{([^{}]*)\}")
PARSED_AT_A_TIME = 8

Key = tuple[str, ...]
"""The values of a key's columns, as text."""


@dataclass(frozen=True, slots=True)
class WatchedTable:
    """What is read for a watch."""

    prefix: str
    template: str
    media_type: str
    is_back_fill: bool

    def uri(self, key: Key) -> str:
        """Return what the document of a row is called."""
        return self.prefix + encoded(key)

    def text(self, columns: Mapping[str, str | None]) -> str:
        """Return the text of a row."""
        return TEMPLATE_FIELD.sub(lambda field: columns.get(field[1]) or "", self.template).strip()


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row as it is now: its key, its size, whether it has text; ``body``: its columns, if they were asked for.

    ``place``: which of the keys that were asked for it has.
    """

    place: int
    key: Key
    bytes: int
    has_text: bool
    body: Mapping[str, Any] | None = None


class TableReader(Protocol):
    """What the database is asked. Each may raise RequestError: watch, table or column gone, not permitted."""

    async def watched(self, watch: str) -> WatchedTable:
        """Return what a watch reads, with a reading number that is taken now."""

    async def list_changed(self, watch: str, after: int) -> Sequence[tuple[int, Key]]:
        """Return a page of the keys that were changed, each with its place in the list."""

    async def list_rows(self, watch: str, after: Key | None) -> Sequence[TableRow]:
        """Return a page of all rows, in the order of their keys."""

    async def list_read(self, watch: str, after: str) -> Sequence[str]:
        """Return a page of the URIs of the watch's documents."""

    async def read_rows(self, watch: str, keys: Sequence[tuple[Key, int]]) -> Sequence[TableRow]:
        """Return rows by key; of those with more bytes than given with it, no columns."""


class WatchedTables(Source):
    """The rows of watched tables; a locator is ``table:/WATCH/KEY``."""

    roots = (ROOT,)

    def __init__(self, tables: TableReader, parsers: Parsers) -> None:
        self._tables = tables
        self._parsers = parsers

    async def check(self, source: str, options: RequestOptions) -> None:
        """Accept it: SQL takes such requests from watches only, and says what is wrong with one when it is read."""

    async def discover(
        self, source: str, options: RequestOptions, *, known: LookUp | None = None, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Yield the rows to read, and the documents whose rows are gone. There may be none of either."""
        watch = _watch(source)
        about = await self._tables.watched(watch)
        if not about.is_back_fill:
            async with aclosing(self._changed(watch)) as pages:
                async for page in pages:
                    yield page
            return
        key: Key | None = None
        while rows := await self._tables.list_rows(watch, key):
            yield _page(watch, about, rows, [])
            key = rows[-1].key
        async with aclosing(self._without_row(watch)) as left:
            async for page in left:
                yield page

    async def read(self, wanted: Wanted) -> Outcome:
        (outcome,) = await self.read_all([wanted])
        if isinstance(outcome, DocumentError):
            raise outcome
        return outcome

    async def read_all(self, wanted: Sequence[Wanted]) -> list[Outcome | DocumentError]:
        """Read rows as they are now, all of one watch in one go."""
        outcomes: dict[int, Outcome | DocumentError] = {}
        by_watch: dict[str, list[int]] = {}
        places = [_place(one.found.locator or "") for one in wanted]
        for number, (watch, _) in enumerate(places):
            by_watch.setdefault(watch, []).append(number)
        for watch, numbers in by_watch.items():
            about = await self._tables.watched(watch)
            rows = await self._tables.read_rows(
                watch, [(places[number][1], wanted[number].limit) for number in numbers]
            )
            found = {numbers[row.place]: row for row in rows}

            async def one(number: int, about: WatchedTable = about, found: dict[int, TableRow] = found) -> None:
                outcomes[number] = await self._outcome(about, wanted[number], found.get(number))

            await side_by_side(one, numbers, PARSED_AT_A_TIME)
        return [outcomes[number] for number in range(len(wanted))]

    async def _changed(self, watch: str) -> AsyncGenerator[Page, None]:
        place = 0
        while changed := await self._tables.list_changed(watch, place):
            yield await self._looked_at(watch, [key for _, key in changed])
            place = changed[-1][0]

    async def _without_row(self, watch: str) -> AsyncGenerator[Page, None]:
        """Yield pages of documents whose rows are gone; those with a row were found before."""
        about, uri = await self._tables.watched(watch), ""
        while uris := await self._tables.list_read(watch, uri):
            page = await self._looked_at(watch, [decoded(one.removeprefix(about.prefix)) for one in uris])
            if page.gone:
                yield replace(page, items=())
            uri = uris[-1]

    async def _looked_at(self, watch: str, keys: Sequence[Key]) -> Page:
        about = await self._tables.watched(watch)  # its number before the look: a later reading wins
        rows = await self._tables.read_rows(watch, [(key, -1) for key in keys])
        return _page(watch, about, rows, keys)

    async def _outcome(self, about: WatchedTable, wanted: Wanted, row: TableRow | None) -> Outcome | DocumentError:
        if row is None or not row.has_text:
            # Deleted since discovery. Its deletion is a separate change: the next request removes the document.
            return _empty()
        if row.body is None:
            return too_large(wanted.found.uri, row.bytes, wanted.limit)
        text, title = about.text(row.body["text"]), _title(row.body["title"])
        metadata = row.body["metadata"]
        if (size := len(json.dumps(metadata, ensure_ascii=False).encode())) > MOST_METADATA:
            message = f"{wanted.found.uri} has metadata of {size} bytes, {MOST_METADATA} are allowed"
            return DocumentError("too_large", message, "remove the large column from the watch's metadata")
        content = json.dumps([about.media_type, text, title, metadata], ensure_ascii=False, sort_keys=True)
        digest = hashlib.sha256(content.encode()).digest()
        if wanted.known and wanted.known.digest == digest:
            return UNCHANGED
        try:
            parsed = await self._parsers.parse(
                text.encode(), uri=wanted.found.uri, media_type=f"{about.media_type}; charset=utf-8"
            )
        except DocumentError as error:
            return error
        whole = replace(parsed, title=title or parsed.title, metadata={**parsed.metadata, **metadata})
        return Ready(whole, digest, row.bytes)


def encoded(key: Key) -> str:
    """Return a key as it appears in a URI; ``decoded`` reverses it."""
    return ",".join(quote(part, safe="") for part in key)


def decoded(text: str) -> Key:
    """Return the key in a URI."""
    return tuple(unquote(part) for part in text.split(","))


def _page(watch: str, about: WatchedTable, rows: Sequence[TableRow], keys: Sequence[Key]) -> Page:
    """Return rows as documents, and what is gone: rows without text, and those of ``keys`` that are not there."""
    there = {about.uri(row.key): row for row in rows if row.has_text}
    named = [about.uri(key) for key in keys] + [about.uri(row.key) for row in rows]
    items = [
        Found(uri, f"{ROOT}/{quote(watch, safe='')}/{encoded(row.key)}", about.media_type, row.bytes)
        for uri, row in there.items()
    ]
    return Page(items, gone=list(dict.fromkeys(uri for uri in named if uri not in there)))


def _empty() -> Ready:
    return Ready(Parsed("", "text/plain"), hashlib.sha256(b"").digest(), 0)


def _title(value: str | None) -> str | None:
    return " ".join((value or "").split())[:MOST_TITLE] or None


def _watch(source: str) -> str:
    return unquote(source.removeprefix(f"{ROOT}/"))


def _place(locator: str) -> tuple[str, Key]:
    watch, _, key = locator.removeprefix(f"{ROOT}/").partition("/")
    return unquote(watch), decoded(key)
