"""The discover step: what is behind the source, written down in pages and cut into batches.

With ``options.record`` the files are read through, and each of their records is a document.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from typing import Any

from listener.errors import DocumentError
from listener.models import Found, Refused
from listener.pipeline.references import RequestRef
from listener.pipeline.request_rows import Container, ManifestEntry, RunningRequest
from listener.pipeline.tools import Tools
from listener.sources.records import Entry, ReadRange, Records, RecordSpec, kind_of, parse_spec
from listener.sources.records.contents import LONGEST_URI

PAGE = 1000

Page = Sequence["Found | Refused"]


async def discover(tools: Tools, ref: RequestRef, request: RunningRequest) -> dict[str, int]:
    """Write the manifest, unless it is complete; return the fields of Manifest."""
    if request.discovered:
        return asdict(await tools.gateway.manifest(ref))
    await tools.gateway.reset_manifest(ref, tools.executor_id, request.attempt)
    if request.fork_step in (None, "discover"):
        await _write_manifest(tools, ref, request)
    else:
        await tools.gateway.copy_manifest(ref, tools.executor_id, request.attempt)
    return asdict(await tools.gateway.complete_manifest(ref, tools.executor_id, request.attempt))


async def _write_manifest(tools: Tools, ref: RequestRef, request: RunningRequest) -> None:
    options = request.options.model_dump()
    spec = parse_spec(options)
    pages = _in_pages(tools, _found(tools, request, options))
    most = tools.settings.batch_documents
    if spec:
        pages = _records(tools, ref, request, spec, pages)
        most = tools.settings.batch_records
    most = min(most, request.options.batch_documents or most)
    cut = _Cut(most, tools.settings.batch_bytes)
    async for page in pages:
        entries = [cut.entry(item) for item in page]
        await tools.gateway.add_found(ref, tools.executor_id, request.attempt, entries)


def _found(tools: Tools, request: RunningRequest, options: dict[str, Any]) -> Iterator[Found | Refused]:
    if request.source is not None:
        return tools.sources.discover(request.source, options)
    about = Found(uri=request.uri or str(request.id), media_type=request.media_type, bytes=len(request.inline))
    return iter([about])


async def _in_pages(tools: Tools, found: Iterator[Found | Refused]) -> AsyncIterator[Page]:
    while page := await tools.in_thread(lambda: list(islice(found, PAGE))):
        yield page


async def _records(
    tools: Tools, ref: RequestRef, request: RunningRequest, spec: RecordSpec, pages: AsyncIterator[Page]
) -> AsyncIterator[Page]:
    """Yield the records that are in the files, instead of these."""
    number = 0
    async for page in pages:
        for item in page:
            if isinstance(item, Refused):
                yield [item]
                continue
            number += 1
            try:
                async for records in _records_of(tools, ref, request, spec, item, number):
                    yield records
            except DocumentError as error:
                yield [Refused(item.uri, error.code, error.message, error.hint)]


async def _records_of(
    tools: Tools, ref: RequestRef, request: RunningRequest, spec: RecordSpec, item: Found, number: int
) -> AsyncIterator[Page]:
    kind = kind_of(item.uri, item.media_type)
    if kind is None:
        hint = "'record' takes JSON Lines, CSV and TSV: choose them with 'include'; ingest others without 'record'"
        raise DocumentError("no_records", f"{item.uri} is no file of records", hint)
    read_range, size = _reader(tools, request, item)
    most = tools.settings.max_document_bytes
    found = Records(
        read_range,
        size,
        uri=item.uri,
        kind=kind,
        spec=spec,
        limit=min(request.options.max_bytes or most, most),
        workers=tools.workers,
        threads=tools.threads,
    )
    form = await found.format()
    container = Container(number, item.path, form.as_json(), {})
    await tools.gateway.add_container(ref, tools.executor_id, request.attempt, container)
    async for page in found.pages(form):
        yield [_record(entry, number) for entry in page]


def _reader(tools: Tools, request: RunningRequest, item: Found) -> tuple[ReadRange, int]:
    if item.path is not None:
        return partial(tools.sources.read_range, item.path), item.bytes or 0
    data = request.inline
    return lambda start, length: data[start : start + length], len(data)


def _record(entry: Entry, number: int) -> Found | Refused:
    if entry.error:
        return Refused(entry.uri, entry.error.code, entry.error.message, entry.error.hint)
    return Found(
        entry.uri, bytes=entry.length, container=number, start=entry.start, digest=entry.digest, line=entry.line
    )


@dataclass(slots=True)
class _Cut:
    """Numbers the documents, and the batches that they go into: by count and bytes, a large one alone."""

    most_documents: int
    most_bytes: int
    position: int = -1
    batch: int = 1
    documents: int = 0
    bytes: int = 0

    def entry(self, item: Found | Refused) -> ManifestEntry:
        """Return what the manifest says of the next document."""
        self.position += 1
        if isinstance(item, Refused) or len(item.uri.encode()) > LONGEST_URI:
            return _failed_entry(self.position, item)
        size = item.bytes or 0
        if self.documents and (self.documents == self.most_documents or self.bytes + size > self.most_bytes):
            self.batch, self.documents, self.bytes = self.batch + 1, 0, 0
        self.documents, self.bytes = self.documents + 1, self.bytes + size
        return ManifestEntry(self.position, self.batch, item)


def _failed_entry(position: int, item: Found | Refused) -> ManifestEntry:
    if isinstance(item, Refused):
        error = DocumentError(item.code, item.message, item.hint)
    else:
        hint = f"at most {LONGEST_URI} bytes: shorten the names of its folders, or its own"
        error = DocumentError("uri_too_long", f"the URI {item.uri[:100]}… has {len(item.uri.encode())} bytes", hint)
    return ManifestEntry(position, None, Found(item.uri[:LONGEST_URI]), error.as_json("discover"))
