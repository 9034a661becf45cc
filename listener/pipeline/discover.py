"""The discover step: what is behind the source, written down in pages and cut into batches."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict, dataclass, replace

from listener.documents.turns import on_behalf_of
from listener.errors import DocumentError
from listener.pipeline.references import RequestRef
from listener.pipeline.request_rows import Container, ManifestEntry, RunningRequest
from listener.pipeline.tools import Tools
from listener.sources import inline
from listener.sources.archives.archive_source import ArchiveSource
from listener.sources.base import Found, Page, Refused, Source, too_large
from listener.sources.inline import Inline, OwnContent
from listener.sources.records.contents import LONGEST_URI
from listener.sources.records.source import RecordSource
from listener.sources.records.spec import parse_spec

TIMES_RECORDS = 6  # a content that is cut into records: as it was fetched, a block of it, and a worker's of both


async def discover(tools: Tools, ref: RequestRef, request: RunningRequest) -> dict[str, int]:
    """Write the manifest, unless it is complete; return the fields of Manifest."""
    if request.discovered:
        return asdict(await tools.gateway.manifest(ref))
    with on_behalf_of(request.share):
        return await _discovered(tools, ref, request)


async def _discovered(tools: Tools, ref: RequestRef, request: RunningRequest) -> dict[str, int]:
    await tools.gateway.reset_manifest(ref, tools.executor_id, request.attempt)
    if request.fork_step in (None, "discover"):
        await _write_manifest(tools, ref, request)
    else:
        await tools.gateway.copy_manifest(ref, tools.executor_id, request.attempt)
    return asdict(await tools.gateway.complete_manifest(ref, tools.executor_id, request.attempt))


async def _write_manifest(tools: Tools, ref: RequestRef, request: RunningRequest) -> None:
    options, settings = request.options, tools.settings
    most = settings.batch_records if options.record else settings.batch_documents
    cut = _Cut(min(most, options.batch_documents or most), settings.batch_bytes, settings.max_document_bytes)
    place = request.source if request.source is not None else inline.locator_of_request(request.id)
    async with _source(tools, request) as source, aclosing(source.discover(place, options)) as pages:
        async for page in pages:
            await _write(tools, ref, request.attempt, page, cut)


async def _write(tools: Tools, ref: RequestRef, attempt: int, page: Page, cut: _Cut) -> None:
    for file in page.files:
        container = Container(file.number, inline.stored(file.locator), file.layout, {})
        await tools.gateway.add_container(ref, tools.executor_id, attempt, container)
    if page.items:
        await tools.gateway.add_found(ref, tools.executor_id, attempt, [cut.entry(item) for item in page.items])


@asynccontextmanager
async def _source(tools: Tools, request: RunningRequest) -> AsyncIterator[Source]:
    """Give what finds the request's documents: the installed sources, its own content, the records in either."""
    most, record = tools.settings.max_document_bytes, request.options.record
    limit = min(request.options.max_bytes or most, most)
    if request.source is not None:
        found: Source = ArchiveSource(tools.sources, tools.archives)
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


@dataclass(slots=True)
class _Cut:
    """Numbers the documents, and the batches that they go into: by count and bytes, a large one alone."""

    most_documents: int
    most_bytes: int
    max_document_bytes: int
    position: int = -1
    batch: int = 1
    documents: int = 0
    bytes: int = 0

    def entry(self, item: Found | Refused) -> ManifestEntry:
        """Return what the manifest says of the next document."""
        self.position += 1
        if isinstance(item, Refused):
            return _failed_entry(self.position, item.uri, DocumentError(item.code, item.message, item.hint))
        if error := self._problem(item):
            return _failed_entry(self.position, item.uri, error, _stored(item).locator)
        size = item.bytes or 0
        if self.documents and (self.documents == self.most_documents or self.bytes + size > self.most_bytes):
            self.batch, self.documents, self.bytes = self.batch + 1, 0, 0
        self.documents, self.bytes = self.documents + 1, self.bytes + size
        return ManifestEntry(self.position, self.batch, _stored(item))

    def _problem(self, item: Found) -> DocumentError | None:
        if (length := len(item.uri.encode())) > LONGEST_URI:
            hint = f"at most {LONGEST_URI} bytes: shorten the names of its folders, or its own"
            return DocumentError("uri_too_long", f"the URI {item.uri[:100]}… has {length} bytes", hint)
        # A request's own content is refused by the load step: ingest_retry goes on from there, under a higher limit.
        if item.bytes is not None and item.bytes > self.max_document_bytes and inline.stored(item.locator or item.uri):
            return too_large(item.uri, item.bytes, self.max_document_bytes)
        return None


def _stored(item: Found) -> Found:
    """Return what the manifest says of a document: where it lies, unless its request or its file of records says so."""
    locator = None if item.record else inline.stored(item.locator or item.uri)
    return item if locator == item.locator else replace(item, locator=locator)


def _failed_entry(position: int, uri: str, error: DocumentError, locator: str | None = None) -> ManifestEntry:
    return ManifestEntry(position, None, Found(uri[:LONGEST_URI], locator), error.as_json("discover"))
