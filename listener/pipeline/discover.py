"""The discover step: find what is behind the source, record it in pages and divide it into batches.

What is live in the state that the source tells of is counted, and not read. A source that can go on behind a page does
so after a death; what was written stays.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from functools import partial
from typing import TypeGuard

from listener.concurrency import assembly_line
from listener.documents.turns import on_behalf_of
from listener.errors import DocumentError, ServiceError, TransientError
from listener.pipeline.references import RequestRef
from listener.pipeline.request_rows import Container, Discovery, ManifestEntry, RunningRequest
from listener.pipeline.tools import Tools
from listener.pipeline.unread import REFUSALS
from listener.sources import inline
from listener.sources.archives.archive_source import ArchiveSource, IsSame
from listener.sources.base import Found, Page, Refused, Source, too_large
from listener.sources.inline import Inline, OwnContent
from listener.sources.records.contents import LONGEST_URI
from listener.sources.records.source import RecordSource
from listener.sources.records.spec import parse_spec

WEB = ("http://", "https://")
MOST_SERVICES = 16  # each with separate batches; documents of further services share them
LIST_PAGE = 4096  # live documents that are listed in a transaction
LOOKS = 2
"""How often in a row something may fail while its source answers others."""
Wait = Callable[[ServiceError], Awaitable[str]]
"""Waits for a source that may be away; returns ``away`` or ``well``, as it was, or ``over``: patience is."""

TIMES_RECORDS = 6  # a content that is cut into records: as it was fetched, a block of it, and a worker's of both


async def discover(tools: Tools, ref: RequestRef, request: RunningRequest, wait: Wait | None = None) -> dict[str, int]:
    """Write the manifest, unless it is complete; return the fields of Manifest.

    ``wait``: parks it while the source is away. It goes on from the last page then, if the source can begin there.
    """
    if request.discovered:
        return asdict(await tools.gateway.manifest(ref))
    looks = 0
    while True:
        try:
            with on_behalf_of(request.share):
                return await _discovered(tools, ref, request)
        except ServiceError as error:
            if wait is None or request.source is None or error.code in REFUSALS:
                raise
            verdict = await wait(error)
            looks = looks + 1 if verdict == "well" else 0
            if verdict == "over" or looks == LOOKS:
                raise
        request = replace(request, listing=await tools.gateway.listing(ref))


async def _discovered(tools: Tools, ref: RequestRef, request: RunningRequest) -> dict[str, int]:
    if request.fork_step in (None, "discover"):
        await _write_manifest(tools, ref, request)
    elif request.fork_step == "generation":
        await _list_standing(tools, ref, request)
    else:
        await tools.gateway.reset_manifest(ref, tools.executor_id, request.attempt)
        await tools.gateway.copy_manifest(ref, tools.executor_id, request.attempt)
    return asdict(await tools.gateway.complete_manifest(ref, tools.executor_id, request.attempt))


async def _list_standing(tools: Tools, ref: RequestRef, request: RunningRequest) -> None:
    """List what is live in the collection, from where an execution that died left off: nothing is read again."""
    gateway, settings = tools.gateway, tools.settings
    fence = ref, tools.executor_id, request.attempt
    if request.listing is None:
        await gateway.reset_manifest(*fence)
    documents = min(settings.batch_documents, request.options.batch_documents or settings.batch_documents)
    while await gateway.list_standing(*fence, LIST_PAGE, documents, settings.batch_bytes):
        pass


async def _write_manifest(tools: Tools, ref: RequestRef, request: RunningRequest) -> None:
    """Look at the source, from where an execution that died left off if the source can."""
    gateway, options = tools.gateway, request.options
    if (listing := request.listing) is None or listing.cursor is None:
        await gateway.reset_manifest(ref, tools.executor_id, request.attempt)
        listing = Discovery(read_seq=await gateway.next_reading())
    manifest = _Manifest(tools, ref, request, listing)
    place = request.source if request.source is not None else inline.locator_of_request(request.id)
    known = partial(gateway.known, request.collection)
    async with _source(tools, request, partial(gateway.is_same_archive, request.id)) as source:
        pages = source.discover(place, options, known=known, after=listing.cursor)
        await assembly_line(pages, manifest.compare, manifest.write)


class _Manifest:
    """Writes pages of discovery: what has not changed is counted, the rest numbered and cut into batches.

    Nothing is remembered of a page until it is written, so one may be compared while another is written.
    """

    def __init__(self, tools: Tools, ref: RequestRef, request: RunningRequest, listing: Discovery) -> None:
        settings, options = tools.settings, request.options
        most = settings.batch_records if options.record else settings.batch_documents
        self._most_documents = min(most, options.batch_documents or most)
        self._most_bytes = settings.batch_bytes
        self._max_document_bytes = settings.max_document_bytes
        self._gateway = tools.gateway
        self._sources = tools.sources
        self._fence = ref, tools.executor_id, request.attempt
        self._compares = request.source is not None and not options.force
        self._listing = listing
        self._read_seq = listing.read_seq

    async def compare(self, page: Page) -> tuple[Page, Mapping[int, int]]:
        """Return a page with the documents on it that have not changed, by their places; delete what is gone."""
        if page.gone:
            await self._gateway.delete_absent(*self._fence, page.gone, self._read_seq)
        found = {place: item for place, item in enumerate(page.items) if self._compares and self._can_be_same(item)}
        if not found:
            return page, {}
        seen = await self._gateway.see_unchanged(*self._fence, self._read_seq, [*found.values()])
        same = zip(found, seen, strict=True)
        return page, {place: document for place, document in same if document is not None}

    async def write(self, compared: tuple[Page, Mapping[int, int]]) -> None:
        """Write a page that was compared."""
        page, unchanged = compared
        for file in page.files:
            container = Container(file.number, inline.stored(file.locator), file.layout, {})
            ref, executor, attempt = self._fence
            await self._gateway.add_container(ref, executor, attempt, container)
        if page.archive:
            await self._write_archive(page)
            return
        left = [item for place, item in enumerate(page.items) if place not in unchanged]
        entries = [self._numbered(self._looked_at(item)) for item in left]
        self._listing = self._behind(page)
        await self._gateway.add_page(*self._fence, entries, list(unchanged.values()), self._listing)

    async def _write_archive(self, page: Page) -> None:
        """Record the result for an archive. One that changed after it was left unopened makes the look incomplete."""
        assert page.archive
        uri, state, members = page.archive.uri, page.archive.state, page.archive.members
        if members is not None:
            await self._gateway.note_archive(*self._fence, uri, state, members)
            return
        self._listing = self._behind(page)
        read_seq = self._listing.read_seq
        if not await self._gateway.see_archive(*self._fence, read_seq, uri, state, self._listing):
            self._listing = self._behind(replace(page, complete=False))
            await self._gateway.add_page(*self._fence, [], [], self._listing)

    def _behind(self, page: Page) -> Discovery:
        so_far = self._listing
        complete = so_far.complete and page.complete
        note = page.note.as_json("discover") if page.note else so_far.note
        behind = {"cursor": page.cursor, "complete": complete, "page": so_far.page + 1, "note": note}
        return so_far.model_copy(update=behind)

    def _can_be_same(self, item: Found | Refused) -> TypeGuard[Found]:
        return isinstance(item, Found) and bool(item.version or item.modified_at) and not self._problem(item)

    def _looked_at(self, item: Found | Refused) -> ManifestEntry:
        """Return what the manifest says of a document, without a number and a batch."""
        if isinstance(item, Refused):
            kind = TransientError if item.passing else DocumentError
            return _failed_entry(item.uri, kind(item.code, item.message, item.hint))
        if error := self._problem(item):
            return _failed_entry(item.uri, error, _stored(item).locator)
        return ManifestEntry(0, None, _stored(item))

    def _numbered(self, entry: ManifestEntry) -> ManifestEntry:
        """Give the next number to a document, and a batch: by service, count and bytes, a large one alone."""
        last = self._listing
        position = last.position + 1
        if entry.error:
            self._listing = last.model_copy(update={"position": position})
            return replace(entry, position=position)
        service, size = self._service(entry.found), entry.found.bytes or 0
        begun = last.batches.get(service)
        if begun is None or begun[1] >= self._most_documents or begun[2] + size > self._most_bytes:
            begun = (last.batch + 1 if last.documents else last.batch, 0, 0)
        batch, documents, together = begun[0], begun[1] + 1, begun[2] + size
        cut = {"position": position, "batch": max(batch, last.batch), "documents": documents, "bytes": together}
        batches = {**last.batches, service: (batch, documents, together)}
        self._listing = last.model_copy(update=cut | {"batches": batches})
        return replace(entry, position=position, batch=batch)

    def _service(self, found: Found) -> str:
        """Return by what a document is batched: a web server that is away holds up only its own documents."""
        place = found.locator or found.uri
        if not place.startswith(WEB):
            return ""
        service = self._sources.service(place)
        batches = self._listing.batches
        return service if service in batches or len(batches) < MOST_SERVICES else ""

    def _problem(self, item: Found) -> DocumentError | None:
        if (length := len(item.uri.encode())) > LONGEST_URI:
            hint = f"at most {LONGEST_URI} bytes: shorten the names of its folders, or its own"
            return DocumentError("uri_too_long", f"the URI {item.uri[:100]}… has {length} bytes", hint)
        # Inline content is refused by the load step: ingest_retry continues from there, under a higher limit.
        most = self._max_document_bytes
        if item.bytes is not None and item.bytes > most and inline.stored(item.locator or item.uri):
            return too_large(item.uri, item.bytes, most)
        return None


@asynccontextmanager
async def _source(tools: Tools, request: RunningRequest, is_same: IsSame) -> AsyncIterator[Source]:
    """Give what finds the request's documents: the installed sources, its own content, the records in either."""
    most, record = tools.settings.max_document_bytes, request.options.record
    limit = min(request.options.max_bytes or most, most)
    if request.source is not None:
        skips = not request.options.force and record is None
        found: Source = ArchiveSource(tools.sources, tools.archives, is_same if skips else None)
        if record is not None:
            found = RecordSource(found, parse_spec(record), tools.workers, limit=limit, reserve=tools.memory.reserve)
        yield found
        return
    size = request.inline_bytes or 0
    own = OwnContent(request.uri or str(request.id), request.media_type, True, size)
    if record is None or size > most:
        yield _inline(tools, request, own)
        return
    async with tools.memory.reserve(TIMES_RECORDS * size):  # all of it now: it is cut into records here
        own = (await tools.gateway.contents({request.id: most}))[request.id]
        yield RecordSource(_inline(tools, request, own), parse_spec(record), tools.workers, limit=limit)


def _inline(tools: Tools, request: RunningRequest, own: OwnContent) -> Source:
    content = Inline(tools.gateway.contents, tools.gateway.inline_range, {request.id: own})
    return ArchiveSource(tools.sources.beside(inline.SCHEME, content), tools.archives)


def _stored(item: Found) -> Found:
    """Return the manifest's entry for a document: its place, unless its request or its file of records says so."""
    locator = None if item.record else inline.stored(item.locator or item.uri)
    return item if locator == item.locator else replace(item, locator=locator)


def _failed_entry(uri: str, error: DocumentError, locator: str | None = None) -> ManifestEntry:
    return ManifestEntry(0, None, Found(uri[:LONGEST_URI], locator), error.as_json("discover"))
