"""Load records that were found before: their bytes again, compared with what was found, and what is in them."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import accumulate
from typing import Any

from listener.documents.failures import CallRaised, WorkerCrashed, WorkerFailed, WorkerTimeout
from listener.documents.parsed import Parsed
from listener.documents.pool import Workers
from listener.errors import DocumentError
from listener.sources.records.contents import Content
from listener.sources.records.extracting import Item, extract
from listener.sources.records.finding import Entry, changed, worker_failed
from listener.sources.records.layout import Layout
from listener.sources.records.spec import RecordSpec

ReadRanges = Callable[[Sequence[tuple[int, int]]], Awaitable[Sequence[bytes]]]  # start and length of each

Run = Callable[..., Awaitable[Any]]  # as ``Workers.run``

TOGETHER = 0.5  # of the time limit is for the first try
GAP = 64 * 1024  # bytes between two records that are read along: opening the file again costs more

Span = tuple[int, int, list[int]]  # start, end, and which records lie in it


async def load(
    read_ranges: ReadRanges, entries: Sequence[Entry], *, layout: Layout, spec: RecordSpec, workers: Workers
) -> list[Parsed | DocumentError]:
    """Return the contents of some records of one file, or why there are none, in the order of ``entries``.

    The bytes of all of them are in memory at the same time. Text of records is ``text/plain``. Errors:
    ``source_changed``, ``missing_field``, ``no_text``, ``bad_json``, ``bad_row``, ``undecodable``, ``too_large``
    (metadata), ``parser_timeout``, ``parser_memory``, ``parser_crashed``, and what ``read_ranges`` raises.
    """
    pieces = await _read_all(read_ranges, entries)
    good = [number for number, piece in enumerate(pieces) if isinstance(piece, bytes)]
    data = [piece for piece in pieces if isinstance(piece, bytes)]
    contents = await _extracted(data, [entries[number] for number in good], layout, spec, workers)
    outcomes = dict(zip(good, map(_parsed, contents), strict=True))
    return [outcomes[number] if isinstance(piece, bytes) else piece for number, piece in enumerate(pieces)]


def content_hash(digest: bytes, layout: Layout, spec: RecordSpec) -> bytes:
    """Return what stays the same as long as a record gives the same document: 32 bytes.

    It is of the record's bytes and of how they are read: other fields in the spec, or columns in another order, are a
    change.
    """
    positions = sorted(layout.positions.items())
    how = (layout.kind, layout.charset, layout.delimiter, positions, spec.text, spec.title, spec.metadata)
    return hashlib.sha256(digest + repr(how).encode()).digest()


async def _read_all(read_ranges: ReadRanges, entries: Sequence[Entry]) -> list[bytes | DocumentError]:
    spans = _spans(entries)
    try:
        blocks = await read_ranges([(start, end - start) for start, end, _ in spans])
    except DocumentError as error:
        return [error] * len(entries)
    return await asyncio.to_thread(_cut_out, spans, blocks, entries)


def _cut_out(spans: Sequence[Span], blocks: Sequence[bytes], entries: Sequence[Entry]) -> list[bytes | DocumentError]:
    pieces: dict[int, bytes | DocumentError] = {}
    for (start, _, numbers), data in zip(spans, blocks, strict=True):
        for number in numbers:
            entry = entries[number]
            first = entry.start - start
            pieces[number] = _same(data[first : first + entry.length], entry)
    return [pieces[number] for number in range(len(entries))]


def _spans(entries: Sequence[Entry]) -> list[Span]:
    """Return what to read: records that lie close together in one go."""
    spans: list[Span] = []
    for number in sorted(range(len(entries)), key=lambda number: entries[number].start):
        entry = entries[number]
        end = entry.start + entry.length
        if spans and entry.start - spans[-1][1] <= GAP:
            start, before, numbers = spans[-1]
            numbers.append(number)
            spans[-1] = start, max(before, end), numbers
        else:
            spans.append((entry.start, end, [number]))
    return spans


def _same(data: bytes, entry: Entry) -> bytes | DocumentError:
    return data if hashlib.sha256(data).digest() == entry.digest else changed(entry.uri)


async def _extracted(
    data: Sequence[bytes], entries: Sequence[Entry], layout: Layout, spec: RecordSpec, workers: Workers
) -> list[Content | DocumentError]:
    """Read all in one call; if that fails, one by one in the time that is left: which of them it was is not known."""
    if not entries:
        return []
    left = workers.timeout_seconds
    seconds = left if len(entries) == 1 else left * TOGETHER
    try:
        return await _extract(data, entries, layout, spec, partial(workers.run, timeout=seconds))
    except (WorkerFailed, CallRaised) as failure:
        if len(entries) == 1:
            return [worker_failed(entries[0].uri, failure)]
        left -= getattr(failure, "seconds", 0.0)
    contents: list[Content | DocumentError] = []
    for piece, entry in zip(data, entries, strict=True):
        began = time.monotonic()
        try:
            if left <= 0:
                raise WorkerTimeout(f"the others with it took {workers.timeout_seconds:g} seconds")
            contents += await _extract([piece], [entry], layout, spec, partial(workers.run, timeout=left))
        except (WorkerFailed, CallRaised) as failure:
            left -= getattr(failure, "seconds", time.monotonic() - began)
            contents.append(worker_failed(entry.uri, failure))
    return contents


async def _extract(
    data: Sequence[bytes], entries: Sequence[Entry], layout: Layout, spec: RecordSpec, run: Run
) -> list[Content | DocumentError]:
    found: list[Content | DocumentError] = await run(extract, b"".join(data), _items(data, entries), layout, spec)
    if len(found) != len(entries):
        raise WorkerCrashed("the worker gave an invalid answer")
    return found


def _items(data: Sequence[bytes], entries: Sequence[Entry]) -> list[Item]:
    ends = list(accumulate(map(len, data)))
    return [
        (end - len(one), end, f"line {entry.line} of {entry.uri.rpartition('#')[0]}")
        for one, end, entry in zip(data, ends, entries, strict=True)
    ]


def _parsed(content: Content | DocumentError) -> Parsed | DocumentError:
    return content if isinstance(content, DocumentError) else Parsed(content[0], "text/plain", *content[1:])
