"""The discover step: what is behind the source, written down in pages and cut into batches."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass, replace

import asyncpg

from listener.errors import DocumentError
from listener.models import ManifestEntry, RequestRef
from listener.options import RequestOptions
from listener.pipeline.tools import Tools
from listener.sources import inline
from listener.sources.base import Found, Page, Refused, Source, too_large
from listener.sources.inline import Inline, OwnContent
from listener.sources.records.contents import LONGEST_URI
from listener.sources.records.source import RecordSource
from listener.sources.records.spec import parse_spec


async def discover(tools: Tools, ref: RequestRef, request: asyncpg.Record) -> dict[str, int]:
    """Write the manifest; return the numbers of documents and batches, and that of the first batch."""
    if request["discovered_at"] is not None:
        return await tools.store.manifest(ref)
    await tools.store.reset_manifest(ref, tools.executor_id, request["attempt"])
    if request["fork_step"] in (None, "discover"):
        await _write_manifest(tools, ref, request)
    else:
        await tools.store.copy_manifest(ref, tools.executor_id, request["attempt"])
    return await tools.store.complete_manifest(ref, tools.executor_id, request["attempt"])


async def _write_manifest(tools: Tools, ref: RequestRef, request: asyncpg.Record) -> None:
    options, settings = RequestOptions.read(request["options"]), tools.settings
    most = settings.batch_records if options.record else settings.batch_documents
    cut = _Cut(most, settings.batch_bytes, settings.max_document_bytes)
    place = request["source"] or inline.locator_of_request(request["id"])
    async with aclosing(_source(tools, request, options).discover(place, options)) as pages:
        async for page in pages:
            await _write(tools, ref, request["attempt"], page, cut)


async def _write(tools: Tools, ref: RequestRef, attempt: int, page: Page, cut: _Cut) -> None:
    for file in page.files:
        about = (file.number, inline.stored(file.locator), dict(file.layout))
        await tools.store.add_container(ref, tools.executor_id, attempt, *about)
    if page.items:
        await tools.store.add_found(ref, tools.executor_id, attempt, [cut.entry(item) for item in page.items])


def _source(tools: Tools, request: asyncpg.Record, options: RequestOptions) -> Source:
    """Return what finds the request's documents: the installed sources, its own content, the records in either."""
    source: Source = tools.sources
    if request["source"] is None:
        content = request["content"] if request["content_bytes"] is None else request["content_bytes"]
        own = OwnContent(request["uri"] or str(request["id"]), request["media_type"], content)
        source = tools.sources.beside(inline.SCHEME, Inline(tools.reading, {request["id"]: own}))
    if options.record is None:
        return source
    most = tools.settings.max_document_bytes
    limit = min(options.max_bytes or most, most)
    return RecordSource(source, parse_spec(options.record), tools.workers, limit=limit)


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
            return _failed_entry(self.position, item.uri, error)
        size = item.bytes or 0
        if self.documents and (self.documents == self.most_documents or self.bytes + size > self.most_bytes):
            self.batch, self.documents, self.bytes = self.batch + 1, 0, 0
        self.documents, self.bytes = self.documents + 1, self.bytes + size
        return ManifestEntry(self.position, self.batch, replace(item, locator=inline.stored(item.locator)))

    def _problem(self, item: Found) -> DocumentError | None:
        if (length := len(item.uri.encode())) > LONGEST_URI:
            hint = f"at most {LONGEST_URI} bytes: shorten the names of its folders, or its own"
            return DocumentError("uri_too_long", f"the URI {item.uri[:100]}… has {length} bytes", hint)
        if item.bytes is not None and item.bytes > self.max_document_bytes and item.locator:
            return too_large(item.uri, item.bytes, self.max_document_bytes)
        return None


def _failed_entry(position: int, uri: str, error: DocumentError) -> ManifestEntry:
    return ManifestEntry(position, None, Found(uri[:LONGEST_URI]), error.as_json("discover"))
