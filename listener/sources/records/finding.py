"""Find the records of a file, block by block. Runs in the listener, the work in workers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

from listener.documents.failures import (
    AnswerTooLarge,
    CallRaised,
    WorkerCrashed,
    WorkerFailed,
    WorkerMemory,
    WorkerTimeout,
)
from listener.documents.pool import Workers
from listener.errors import DocumentError
from listener.sources.records.layout import Layout, find_layout
from listener.sources.records.scanning import MOST, Line, State, begin, scan
from listener.sources.records.spec import JSON_LINES, RecordSpec

T = TypeVar("T")
ReadRange = Callable[[int, int], Awaitable[bytes]]  # (start, length) → the bytes, fewer at the end

Reserve = Callable[[int], AbstractAsyncContextManager[None]]
"""Waits for so many bytes of memory, and has them for the time of a block."""

SHA_256 = re.compile("[0-9a-f]{64}")
TIMES_BLOCK = 3  # a block, and its result
BLOCK = 2 * 1024 * 1024
SMALLEST_BLOCK = 16 * 1024
PAGE = 1000
FAR_ENOUGH = 64 * 1024 * 1024  # a file that is ASCII up to here counts as UTF-8


def unlimited(_: int) -> AbstractAsyncContextManager[None]:
    """Reserve nothing."""
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Entry:
    """A record: its URI, its place in bytes, its line (from 1), and the SHA-256 of its bytes, or its error."""

    uri: str
    start: int
    length: int
    line: int
    digest: bytes | None = None
    error: DocumentError | None = None


class Records:
    """The records of one container of ``size`` bytes, found block by block.

    ``limit`` is the most bytes of a record. At any time one block (2 MB, or
    twice the longest record), the entries in it, and a worker's copy of both are in memory.
    """

    def __init__(
        self,
        read_range: ReadRange,
        size: int,
        *,
        uri: str,
        kind: str,
        spec: RecordSpec,
        limit: int,
        workers: Workers,
        reserve: Reserve = unlimited,
    ) -> None:
        self._read_range = read_range
        self._size = size
        self._uri = uri
        self._kind = kind
        self._spec = spec
        self._limit = limit
        self._workers = workers
        self._reserve = reserve

    async def layout(self) -> Layout:
        """Find out how the container is written.

        Raises DocumentError, which is one of the whole container: ``empty_document``, ``unsupported_encoding``,
        ``bad_header``, ``missing_field``, ``source_changed``, ``parser_timeout``, ``parser_memory``,
        ``parser_crashed``, or what ``read_range`` raises.
        """
        if not self._size:
            raise DocumentError("empty_document", f"{self._uri} is empty", "there is nothing to ingest: 0 bytes")
        async with self._reserve(TIMES_BLOCK * BLOCK):
            head = await self._read(0, BLOCK)
            sample = await self._beyond_ascii(head)
            whole = len(head) == self._size
            return await self._run(find_layout, head, whole, sample, self._kind, self._spec, self._uri)

    async def pages(self, layout: Layout) -> AsyncIterator[list[Entry]]:
        """Yield the records in their order, in pages of at most 1,000; ``layout`` is what ``layout()`` returned.

        Raises DocumentError ``source_changed`` or ``parser_…``, or what ``read_range`` raises.
        """
        state, size = begin(self._uri, layout, self._spec, self._limit), BLOCK
        while state.offset < self._size:
            async with self._reserve(TIMES_BLOCK * min(size, self._size - state.offset)):
                block = await self._read(state.offset, size)
                final = state.offset + len(block) == self._size
                lines, after = await self._run(scan, block, state, final)
                self._require_sense(state, lines, after, len(block))
                size = next_size(len(block), len(lines), state, after)
                state = after
                del block  # the consumer may take its time
            for first in range(0, len(lines), PAGE):
                yield [_entry(self._uri, line) for line in lines[first : first + PAGE]]

    async def _beyond_ascii(self, head: bytes) -> bytes:
        """Return the first block that says something about the charset, or the last one that was looked at."""
        block, offset = head, 0
        while self._kind != JSON_LINES and block.isascii() and offset + BLOCK < min(self._size, FAR_ENOUGH):
            offset += BLOCK
            block = await self._read(offset, BLOCK)
        return block

    async def _read(self, start: int, length: int) -> bytes:
        length = min(length, self._size - start)
        data = await self._read_range(start, length)
        if len(data) != length:
            raise changed(self._uri)
        return data

    async def _run(self, function: Callable[..., T], *args: Any) -> T:
        try:
            return await self._workers.run(function, *args)
        except (WorkerFailed, CallRaised) as failure:
            raise worker_failed(self._uri, failure) from None

    def _require_sense(self, before: State, lines: Sequence[Line], after: State, length: int) -> None:
        """Raise DocumentError unless all of it lies in the block: otherwise a faulty worker could keep us for ever."""
        end = before.offset + length
        first = before.skipped.start + 1 if before.skipped else before.offset  # what was skipped is read again
        passed = after.skipped.start if after.skipped else after.offset
        good = first <= after.offset <= end and first - 1 <= passed <= after.offset
        good = good and (after != before or (length <= before.limit + 2 and end < self._size))
        for _, start, size, _, digest, _ in lines:
            good = good and size >= 0 and first <= start + 1 and start + size <= end
            good = good and (digest is None or SHA_256.fullmatch(digest) is not None)
        if not good:
            raise worker_failed(self._uri, WorkerCrashed("the worker gave an invalid answer"))


def next_size(length: int, found: int, before: State, after: State) -> int:
    """Return how many bytes to read next, after a block of ``length`` bytes in which ``found`` records were found."""
    if found >= MOST:
        return min(max((after.offset - before.offset) * 5 // 4, SMALLEST_BLOCK), BLOCK)
    if after == before:  # the record continues after the block
        return min(length * 2, after.limit + 3)
    return BLOCK


def changed(what: str) -> DocumentError:
    """Return the error of a container that is not any more what discovery saw."""
    hint = "ingest it again when nobody writes to it: its records were found in an earlier state"
    return DocumentError("source_changed", f"{what} changed while it was ingested", hint)


def worker_failed(what: str, failure: WorkerFailed | CallRaised) -> DocumentError:
    """Return the error of what a worker was working on when it failed."""
    message = f"{what} could not be read: {failure}"
    if isinstance(failure, CallRaised):
        return DocumentError("parser_failed", message, "skip it with 'exclude', and report it")
    if isinstance(failure, AnswerTooLarge):
        return DocumentError("too_large", message, "split it, or raise INGEST_MAX_DOCUMENT_BYTES")
    if isinstance(failure, WorkerTimeout):
        return DocumentError("parser_timeout", message, "raise INGEST_PARSE_TIMEOUT_SECONDS")
    if isinstance(failure, WorkerMemory):
        return DocumentError("parser_memory", message, "split long records, or raise INGEST_PARSE_MEMORY_MB")
    return DocumentError("parser_crashed", message, "if other documents fail too, check for a lack of memory")


def _entry(uri: str, line: Line) -> Entry:
    name, start, length, number, digest, error = line
    known = bytes.fromhex(digest) if digest else None
    return Entry(f"{uri}#{name or f'line={number}'}", start, length, number, known, error)
