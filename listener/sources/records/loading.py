"""Load records that were found before: their bytes again, compared with what was found, and what is in them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from concurrent.futures import Executor
from itertools import accumulate
from typing import TYPE_CHECKING

from listener.documents.pool import WorkerFailed, Workers
from listener.errors import DocumentError
from listener.sources.records.contents import Content
from listener.sources.records.extracting import Item, extract
from listener.sources.records.finding import Entry, ReadRange, changed, worker_failed
from listener.sources.records.layout import Format
from listener.sources.records.spec import RecordSpec

if TYPE_CHECKING:
    from listener.models import Parsed

GAP = 64 * 1024  # bytes between two records that are read along: opening the file again costs more

Span = tuple[int, int, list[int]]  # start, end, and which records lie in it


async def load(
    read_range: ReadRange,
    entries: Sequence[Entry],
    *,
    form: Format,
    spec: RecordSpec,
    workers: Workers,
    threads: Executor,
) -> list[Parsed | DocumentError]:
    """Return the contents of some records of one container, or why there are none, in the order of ``entries``.

    The bytes of all of them are in memory at the same time. Text of records is ``text/plain``. Errors:
    ``source_changed``, ``missing_field``, ``no_text``, ``bad_json``, ``bad_row``, ``undecodable``, ``too_large``
    (metadata), ``parser_timeout``, ``parser_memory``, ``parser_crashed``, and what ``read_range`` raises.
    """
    pieces = await asyncio.get_running_loop().run_in_executor(threads, _read_all, read_range, entries)
    good = [number for number, piece in enumerate(pieces) if isinstance(piece, bytes)]
    data = [piece for piece in pieces if isinstance(piece, bytes)]
    contents = await _extracted(data, [entries[number] for number in good], form, spec, workers)
    outcomes = dict(zip(good, map(_parsed, contents), strict=True))
    return [outcomes[number] if isinstance(piece, bytes) else piece for number, piece in enumerate(pieces)]


def content_hash(digest: bytes, form: Format, spec: RecordSpec) -> bytes:
    """Return what stays the same as long as a record gives the same document: 32 bytes.

    It is of the record's bytes and of how they are read: other fields in the spec, or columns in another order, are a
    change.
    """
    positions = sorted(form.positions.items())
    how = (form.kind, form.charset, form.delimiter, positions, spec.text, spec.title, spec.metadata)
    return hashlib.sha256(digest + repr(how).encode()).digest()


def _read_all(read_range: ReadRange, entries: Sequence[Entry]) -> list[bytes | DocumentError]:
    pieces: dict[int, bytes | DocumentError] = {}
    for start, end, numbers in _spans(entries):
        try:
            data = read_range(start, end - start)
        except DocumentError as error:
            pieces.update(dict.fromkeys(numbers, error))
            continue
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
    data: Sequence[bytes], entries: Sequence[Entry], form: Format, spec: RecordSpec, workers: Workers
) -> list[Content | DocumentError]:
    if not entries:
        return []
    try:
        return await workers.run(extract, b"".join(data), _items(data, entries), form, spec)
    except WorkerFailed as failure:
        if len(entries) == 1:
            return [worker_failed(entries[0].uri, failure)]
    # Which of them it was is not known: one by one, so that it fails alone.
    tries = (_extracted([one], [entry], form, spec, workers) for one, entry in zip(data, entries, strict=True))
    return [(await one)[0] for one in tries]


def _items(data: Sequence[bytes], entries: Sequence[Entry]) -> list[Item]:
    ends = list(accumulate(map(len, data)))
    return [
        (end - len(one), end, f"line {entry.line} of {entry.uri.rpartition('#')[0]}")
        for one, end, entry in zip(data, ends, entries, strict=True)
    ]


def _parsed(content: Content | DocumentError) -> Parsed | DocumentError:
    from listener.models import Parsed  # noqa: PLC0415 - Pydantic would cost each worker 300 ms and 11 MB

    if isinstance(content, DocumentError):
        return content
    text, title, metadata = content
    return Parsed(text, "text/plain", title, metadata)
