"""The records of a batch: their ranges of bytes are read again, each file's in one go, and parsed in one call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import asyncpg

from listener.errors import DocumentError
from listener.models import Loaded, Owner, Parsed, RequestRef
from listener.pipeline.tools import Tools
from listener.sources import records
from listener.sources.records import Entry, Format, ReadRange, RecordSpec, content_hash, parse_spec

Rows = Sequence[asyncpg.Record]


class RecordBatch:
    """What the records of a batch have in common: files, formats, and what the request says of their fields."""

    def __init__(self, tools: Tools, request: RequestRef, files: dict[int, asyncpg.Record]) -> None:
        self._tools = tools
        self._request = request
        self._paths = {number: row["path"] for number, row in files.items()}
        self._formats = {number: Format(**json.loads(row["format"])) for number, row in files.items()}
        self._specs = {number: _spec(row["record"]) for number, row in files.items()}

    @classmethod
    async def of(cls, tools: Tools, owner: Owner, rows: Rows) -> RecordBatch:
        """Look up the files that the records among ``rows`` lie in."""
        numbers = {row["container"] for row in rows if row["container"] is not None}
        request = RequestRef(request=owner.requests[0])  # a batch with records belongs to one request
        return cls(tools, request, await tools.store.containers(request, numbers) if numbers else {})

    def hash(self, row: asyncpg.Record) -> bytes:
        """Return what tells whether a record has changed."""
        return content_hash(row["hash"], self._formats[row["container"]], self._specs[row["container"]])

    async def load(self, todo: Sequence[tuple[asyncpg.Record, Loaded]]) -> list[Loaded]:
        """Read and parse records."""
        by_file: dict[int, list[tuple[asyncpg.Record, Loaded]]] = {}
        for row, one in todo:
            by_file.setdefault(row["container"], []).append((row, one))
        found = await asyncio.gather(*(self._load(number, its) for number, its in by_file.items()))
        return [one for its in found for one in its]

    async def _load(self, number: int, todo: Sequence[tuple[asyncpg.Record, Loaded]]) -> list[Loaded]:
        entries = [Entry(row["uri"], row["range_start"], row["bytes"], row["line"], row["hash"]) for row, _ in todo]
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
        data = await self._tools.store.inline_range(self._request, first, end - first)
        return lambda start, length: data[start - first : start - first + length]


def _spec(option: str) -> RecordSpec:
    spec = parse_spec({"record": json.loads(option)})
    assert spec is not None, "a request with containers has the option"
    return spec


def _told(one: Loaded, outcome: Parsed | DocumentError) -> Loaded:
    if isinstance(outcome, DocumentError):
        return replace(one, error=outcome.as_json("load"))
    return replace(one, parsed=outcome)
