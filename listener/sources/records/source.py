"""The records of another source's documents, as separate documents."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from functools import partial

from listener.concurrency import task_group
from listener.documents.parsed import Parsed
from listener.documents.pool import Workers
from listener.errors import DocumentError, ServiceError, TransientError
from listener.sources.base import (
    UNCHANGED,
    Digest,
    Found,
    LookUp,
    Outcome,
    Page,
    Ready,
    RecordFile,
    RecordPlace,
    Refused,
    Source,
    Wanted,
)
from listener.sources.options import RequestOptions
from listener.sources.records.finding import Entry, Records, Reserve, unlimited
from listener.sources.records.layout import Layout
from listener.sources.records.loading import content_hash, load
from listener.sources.records.spec import RecordSpec, kind_of

Outcomes = dict[int, Outcome | DocumentError]  # by their places in the answer


class RecordSource(Source):
    """Wraps the source ``inner`` of files with records; everything else is left to it.

    ``limit``: the most bytes of a record; ``files``: by number, those whose records are going to be read; ``reserve``:
    of the memory that finding records takes, block by block.
    """

    roots = ()

    def __init__(
        self,
        inner: Source,
        spec: RecordSpec,
        workers: Workers,
        *,
        limit: int = 0,
        files: Mapping[int, RecordFile] | None = None,
        reserve: Reserve = unlimited,
    ) -> None:
        self._inner = inner
        self._spec = spec
        self._workers = workers
        self._limit = limit
        self._files = files or {}
        self._reserve = reserve

    async def check(self, source: str, options: RequestOptions) -> None:
        await self._inner.check(source, options)

    async def discover(
        self, source: str, options: RequestOptions, *, known: LookUp | None = None, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Yield the records that are in the documents, instead of these. It can't begin in the middle."""
        number = 0
        async with aclosing(self._inner.discover(source, options)) as pages:
            async for page in pages:
                for item in page.items:
                    number += isinstance(item, Found)
                    async for some in self._instead_of(item, number, item.uri == source):
                        yield some
                if page.note or not page.complete:
                    yield Page((), complete=page.complete, note=page.note)

    async def read(self, wanted: Wanted) -> Outcome:
        (outcome,) = await self.read_all([wanted])
        if isinstance(outcome, DocumentError):
            raise outcome
        return outcome

    async def read_all(self, wanted: Sequence[Wanted]) -> list[Outcome | DocumentError]:
        """Read records: those of each file in one go, parsed in one call. A record's digest is ``content_hash``."""
        outcomes: Outcomes = {}
        others: list[tuple[int, Wanted]] = []
        by_file: dict[int, list[tuple[int, Wanted, RecordPlace]]] = {}
        for number, one in enumerate(wanted):
            if record := one.found.record:
                by_file.setdefault(record.container, []).append((number, one, record))
            else:
                others.append((number, one))
        async with task_group() as tasks:
            if others:
                tasks.start_soon(self._read_others, others, outcomes)
            for file, records in by_file.items():
                tasks.start_soon(self._read_records, self._files[file], records, outcomes)
        return [outcomes[number] for number in range(len(wanted))]

    async def read_ranges(self, found: Found, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        return await self._inner.read_ranges(found, ranges)

    async def _piece(self, file: Found, start: int, length: int) -> bytes:
        (piece,) = await self._inner.read_ranges(file, [(start, length)])
        return piece

    async def _instead_of(self, item: Found | Refused, number: int, is_itself: bool) -> AsyncIterator[Page]:
        if isinstance(item, Refused):
            yield Page([item])
            return
        try:
            async for records in self._pages(item, number):
                yield records
        except DocumentError as error:
            if is_itself and isinstance(error, TransientError):
                raise ServiceError(error.code, error.message, error.hint) from None
            yield Page([Refused.of(item.uri, error)])

    async def _pages(self, file: Found, number: int) -> AsyncGenerator[Page, None]:
        kind = kind_of(file.uri, file.media_type)
        if kind is None:
            hint = "'record' takes JSON Lines, CSV and TSV: select them with 'include'; ingest others without 'record'"
            raise DocumentError("no_records", f"{file.uri} is not a file of records", hint)
        if file.bytes is None:
            hint = "its source must report sizes, as folders do: copy the file to where they are known"
            raise DocumentError("no_records", f"unknown size of {file.uri} is", hint)
        records = Records(
            partial(self._piece, file),
            file.bytes,
            uri=file.uri,
            kind=kind,
            spec=self._spec,
            limit=self._limit,
            workers=self._workers,
            reserve=self._reserve,
        )
        layout = await records.layout()
        yield Page((), [RecordFile(number, file.locator or file.uri, layout.as_json())])
        async for entries in records.pages(layout):
            yield Page([_offer(entry, number, layout, self._spec) for entry in entries])

    async def _read_others(self, wanted: Sequence[tuple[int, Wanted]], outcomes: Outcomes) -> None:
        read = await self._inner.read_all([one for _, one in wanted])
        outcomes.update(zip((number for number, _ in wanted), read, strict=True))

    async def _read_records(
        self, file: RecordFile, records: Sequence[tuple[int, Wanted, RecordPlace]], outcomes: Outcomes
    ) -> None:
        layout = Layout(**file.layout)
        changed: list[tuple[int, Entry, Digest]] = []
        for number, one, record in records:
            digest = content_hash(record.digest, layout, self._spec)
            if one.known and one.known.digest == digest:
                outcomes[number] = UNCHANGED
            else:
                entry = Entry(one.found.uri, record.start, record.length, record.line, record.digest)
                changed.append((number, entry, digest))
        if not changed:
            return
        of_file = Found(changed[0][1].uri.partition("#")[0], file.locator)
        entries = [entry for _, entry, _ in changed]
        read_ranges = partial(self._inner.read_ranges, of_file)
        loaded = await load(read_ranges, entries, layout=layout, spec=self._spec, workers=self._workers)
        for (number, entry, digest), parsed in zip(changed, loaded, strict=True):
            outcomes[number] = Ready(parsed, digest, entry.length) if isinstance(parsed, Parsed) else parsed


def _offer(entry: Entry, number: int, layout: Layout, spec: RecordSpec) -> Found | Refused:
    if entry.error:
        return Refused.of(entry.uri, entry.error)
    place = RecordPlace(number, entry.start, entry.length, entry.line, entry.digest or b"")
    state = content_hash(place.digest, layout, spec)
    return Found(entry.uri, bytes=entry.length, version=state.hex(), record=place)
