"""The records of a batch: their ranges of bytes are read again, each file's in one go, and parsed in one call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from listener.errors import DocumentError
from listener.models import Parsed
from listener.pipeline.references import RequestRef
from listener.pipeline.request_rows import Container
from listener.pipeline.rows import Fence, Loaded, RecordPlace, ToLoad
from listener.pipeline.tools import Tools
from listener.sources import records
from listener.sources.records import Entry, Format, ReadRange, RecordSpec, content_hash, parse_spec


class RecordBatch:
    """What the records of a batch have in common: files, formats, and what the request says of their fields."""

    def __init__(self, tools: Tools, request: RequestRef, files: dict[int, Container]) -> None:
        self._tools = tools
        self._request = request
        self._paths = {number: file.locator for number, file in files.items()}
        self._formats = {number: Format(**file.layout) for number, file in files.items()}
        self._specs = {number: _spec(file.record) for number, file in files.items()}

    @classmethod
    async def of(cls, tools: Tools, fence: Fence, rows: Sequence[ToLoad]) -> RecordBatch:
        """Look up the files that the records among ``rows`` lie in."""
        numbers = {row.record.container for row in rows if row.record}
        request = RequestRef(request=fence.requests[0])  # a batch with records belongs to one request
        return cls(tools, request, await tools.gateway.containers(request, numbers) if numbers else {})

    def hash(self, place: RecordPlace) -> bytes:
        """Return what tells whether a record has changed."""
        return content_hash(place.digest, self._formats[place.container], self._specs[place.container])

    async def load(self, todo: Sequence[tuple[ToLoad, Loaded]]) -> list[Loaded]:
        """Read and parse records."""
        by_file: dict[int, list[tuple[Entry, Loaded]]] = {}
        for row, one in todo:
            if place := row.record:
                entry = Entry(row.uri, place.start, place.length, place.line, place.digest)
                by_file.setdefault(place.container, []).append((entry, one))
        found = await asyncio.gather(*(self._load(number, its) for number, its in by_file.items()))
        return [one for its in found for one in its]

    async def _load(self, number: int, todo: Sequence[tuple[Entry, Loaded]]) -> list[Loaded]:
        entries = [entry for entry, _ in todo]
        outcomes = await records.load(
            await self._reader(number, entries),
            entries,
            form=self._formats[number],
            spec=self._specs[number],
            workers=self._tools.workers,
            threads=self._tools.threads,
        )
        return [_told(one, outcome) for (_, one), outcome in zip(todo, outcomes, strict=True)]

    async def _reader(self, number: int, entries: Sequence[Entry]) -> ReadRange:
        if (path := self._paths[number]) is not None:
            return partial(self._tools.sources.read_range, path)
        first = min(entry.start for entry in entries)
        end = max(entry.start + entry.length for entry in entries)
        data = await self._tools.gateway.inline_range(self._request, first, end - first)
        return lambda start, length: data[start - first : start - first + length]


def _spec(option: Mapping[str, Any]) -> RecordSpec:
    spec = parse_spec({"record": option})
    assert spec is not None, "a request with containers has the option"
    return spec


def _told(one: Loaded, outcome: Parsed | DocumentError) -> Loaded:
    if isinstance(outcome, DocumentError):
        return replace(one, error=outcome.as_json("load"))
    return replace(one, parsed=outcome)
