"""What a source of documents is. ``docs/sources.md`` says how to ship one.

::

    check ─► discover: pages of Found | Refused ─► read_all: bytes, or a text, or "unchanged", or an error of each
                                                  read_ranges: pieces of one, for records

A source is what the request names (``s3://bucket/docs/``); a document of it is named by its URI and lies at a locator,
which is all that reading it takes, on any listener with the same roots.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

from listener.concurrency import side_by_side
from listener.documents.parsed import Parsed
from listener.documents.pool import Workers
from listener.errors import DocumentError, RequestError, ServiceError, TransientError, of_document
from listener.settings import Settings
from listener.sources.archive_looks import ArchiveLook
from listener.sources.options import RequestOptions

Digest = bytes  # a SHA-256, 32 bytes

READS = 16  # concurrently, in one ``read_all``
PIECE, WHOLE = 2**20, 2**26  # bytes of a document that is read piece by piece, and of one that can't be

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """Where a record lies: ``length`` bytes from ``start`` on in a RecordFile, in line ``line``, with this digest."""

    container: int
    start: int
    length: int
    line: int
    digest: Digest


@dataclass(frozen=True, slots=True)
class Found:
    """One document of a source, not read yet.

    ``uri`` is what it is called in its collection (``file:///srv/docs/a.md``); ``locator`` is where it lies, if the URI
    does not say it: a file's path, else a URL with the source's scheme. ``bytes`` is its size if known without reading
    it; ``version`` (an etag, say) and ``modified_at`` tell its state from an earlier one. ``record``: where, if it is a
    record. ``path``: its path below the source, as patterns match it; only archives need it.
    """

    uri: str
    locator: str | None = None
    media_type: str | None = None
    bytes: int | None = None
    version: str | None = None
    modified_at: datetime | None = None
    record: RecordPlace | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """What discovery saw but can't offer: unreadable, a device, a link out of the roots; a whole folder, archive, file.

    For all that lies below or inside of it, by its URI, ``/`` and ``#``. ``passing``: another try may help.
    """

    uri: str
    code: str
    message: str
    hint: str = ""
    passing: bool = False

    @classmethod
    def of(cls, uri: str, error: DocumentError) -> Refused:
        """Return the error as what discovery yields."""
        return cls(uri, error.code, error.message, error.hint, isinstance(error, TransientError))


@dataclass(frozen=True, slots=True)
class RecordFile:
    """A document each record of which is one; ``number``: their ``RecordPlace.container``; ``layout``: as JSON."""

    number: int
    locator: str
    layout: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a source's documents, at most about a thousand; ``files`` must be known before them.

    ``cursor``: ``discover(…, after=cursor)`` continues after this page; None if the source can't start in the middle.
    ``complete``: whether nothing is missing that has no name here, as the rest of a list that was cut off. What is in
    no page is gone only if all of them were complete; what lies below or inside of something Refused is not gone.
    ``gone``: URIs of documents that certainly no longer exist; they are deleted, unless something read since this
    look began brought them. ``note``: what the look left out without failing. ``archive``: one that is finished.
    """

    items: Sequence[Found | Refused]
    files: Sequence[RecordFile] = ()
    cursor: str | None = None
    complete: bool = True
    gone: Sequence[str] = ()
    note: RequestError | None = None
    archive: ArchiveLook | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a document from when it was read last. ``digest``: the SHA-256 of its bytes, or ``Ready``'s."""

    digest: Digest | None = None
    bytes: int | None = None
    version: str | None = None
    modified_at: datetime | None = None


LookUp = Callable[[Sequence[str]], Awaitable[Mapping[str, Known]]]  # what is known of a page's documents, by URI


@dataclass(frozen=True, slots=True)
class Wanted:
    """A document to read: at most ``limit`` bytes, and only if it has changed since it was ``known``."""

    found: Found
    limit: int
    known: Known | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document's bytes, and what the source said of them as it gave them. ``seconds``: ``read_all`` sees to it.

    ``media_type``: if it knows better than ``Found.media_type``; it may carry a charset, as in HTTP.
    """

    data: bytes
    media_type: str | None = None
    version: str | None = None
    modified_at: datetime | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """A document whose text its source makes itself. ``digest`` changes with it; ``bytes``: of what it was made of."""

    parsed: Parsed
    digest: Digest
    bytes: int


class Unchanged(Enum):
    """That a document is still what it was when it was ``Known``."""

    UNCHANGED = "unchanged"


UNCHANGED = Unchanged.UNCHANGED
Outcome = Fetched | Ready | Unchanged


@dataclass(frozen=True, slots=True)
class SourceTools:
    """What a source is made with: settings of the listener, its threads for reading, its processes for parsing."""

    settings: Settings
    threads: Executor
    workers: Workers

    async def in_thread(self, function: Callable[..., T], *args: object) -> T:
        """Run blocking calls in the listener's own threads, not in DBOS's."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, function, *args)


class Source(ABC):
    """Documents that URLs of one scheme lead to.

    Inherit from it: what has a body here need not be written. All methods run on the listener's event loop, so that
    what blocks goes into a thread (``SourceTools.in_thread``). Whatever they are given, they read nothing outside of
    the roots. Errors: RequestError if the request can't be carried out, DocumentError if one document can't be read;
    ServiceError (``discover``) and TransientError (reading) if a service may be away: it is asked, and waited for.
    """

    roots: Sequence[str]
    """What this listener may read: folders and prefixes of URLs (``/srv/docs``, ``s3://bucket/docs/``, ``toy:``).

    A listener claims a request only if one of its roots is above the source.
    """

    @abstractmethod
    async def check(self, source: str, options: RequestOptions) -> None:
        """Raise the RequestError of a source that can't be read here. Quick: called at the claim, nothing is listed."""

    @abstractmethod
    def discover(
        self, source: str, options: RequestOptions, *, known: LookUp | None = None, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Yield the source's documents page by page, in bounded memory.

        ``after`` is the cursor of a page that was kept by an execution that died. Raises RequestError, ``empty_source``
        if there is no document.
        """

    @abstractmethod
    async def read(self, wanted: Wanted) -> Outcome:
        """Return a document's bytes, or UNCHANGED if it still is what it was when it was known.

        Raises DocumentError: ``too_large`` above the limit (without reading all of it; it may then be asked for again
        with a higher one), ``not_found`` …
        """

    async def read_all(self, wanted: Sequence[Wanted]) -> list[Outcome | DocumentError]:
        """Read several documents, each with its own outcome or error, in the order of ``wanted``.

        They belong to one batch: together at most some megabytes, or one large document.
        """

        async def attempt(one: Wanted) -> Outcome | DocumentError:
            began = time.monotonic()
            try:
                return timed(await self.read(one), began)
            except (DocumentError, ServiceError) as error:
                return of_document(error)

        return await side_by_side(attempt, wanted, READS)

    async def read_ranges(self, found: Found, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        """Return pieces of a document, by start and length, fewer bytes where it ends: for records and archives."""
        message = f"{found.uri} can't be read in parts, as records must be"
        raise DocumentError("no_records", message, "copy it to where that is possible, such as a local folder")

    async def current(self, found: Found) -> Found:
        """Return a document as it is now, not read, for archives (``version`` may be another one than elsewhere)."""
        place = found.locator or found.uri
        try:
            async with aclosing(self.discover(place, RequestOptions())) as pages:
                async for page in pages:
                    for item in page.items:
                        if isinstance(item, Found) and place in (item.locator, item.uri):
                            return item
        except (RequestError, ServiceError) as error:
            raise of_document(error) from None
        raise DocumentError("not_found", f"{found.uri} is not there any more", "ingest its source again")

    async def pieces(self, found: Found) -> AsyncGenerator[bytes, None]:
        """Yield a document piece by piece, for what may be larger than memory: archives. By ranges, if it has any."""
        at = 0
        try:
            while piece := (await self.read_ranges(found, [(at, PIECE)]))[0]:
                yield piece
                at += len(piece)
        except DocumentError as error:
            if error.code != "no_records":
                raise
            outcome = await self.read(Wanted(found, WHOLE))
            if isinstance(outcome, Fetched):
                yield outcome.data

    def service(self, place: str) -> str:
        """Return what is away when a place can't be had (ServiceError, TransientError), as people know it."""
        return "/".join(place.split("/", 3)[:3])

    async def probe(self, place: str) -> None:
        """Ask for what a request named; ServiceError: its service is away. Any other error is an answer."""
        async with aclosing(self.discover(place, RequestOptions())) as pages:
            await anext(pages, None)

    async def look(self, root: str) -> str:
        """Return what was seen of a root, and whose credentials served, for ``doctor``; or raise an IngestError."""
        return root

    async def close(self) -> None:  # noqa: B027 - most have nothing to close
        """Give back what was opened."""


def timed(outcome: Outcome, began: float) -> Outcome:
    """Return what was read since then (by ``time.monotonic``), with the time that it took."""
    if isinstance(outcome, Fetched) and outcome.seconds is None:
        return replace(outcome, seconds=time.monotonic() - began)
    return outcome


def too_large(uri: str, size: int | None, most: int) -> DocumentError:
    """Return the error of a document over the limit; ``size`` is None if it is not known."""
    has = f"has {size} bytes, more than {most}" if size is not None else f"has more than {most} bytes"
    return DocumentError("too_large", f"{uri} {has}", "split it, or raise INGEST_MAX_DOCUMENT_BYTES")
