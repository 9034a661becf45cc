"""Find the records in a block of a container: one call in a worker for each block, and a small state in between.

A record that is larger than the limit is not kept: the state remembers where it began (``Skipped``), and it is passed
over block by block. For CSV that means to know whether the end of a line stands in quotes; if it turns out that they
were never closed, reading goes back to the line after the one where the record began.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from listener.errors import DocumentError
from listener.sources.records import contents, csv_rows, json_lines, overlong
from listener.sources.records.layout import Layout
from listener.sources.records.spec import JSON_LINES, RecordSpec

MOST = 10_000  # records of one call: a block of tiny ones must not become a huge reply

# Fragment of the URI (None: the line's number), start, length, line, SHA-256 in hex, error. Tuples, not objects: they
# are sent faster, and the parent makes entries of them page by page.
Line = tuple["str | None", int, int, int, "str | None", "DocumentError | None"]
Place = tuple[int, int, int, int]  # in the block: start, end without the line's end, start of the next; the line


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record over the limit whose end was not found yet: its first byte and line, and the byte after that line."""

    start: int
    line: int
    mode: str
    next_line: int | None = None


@dataclass(frozen=True, slots=True)
class State:
    """The reading position (the next byte, and its line) and what must be known to continue.

    ``limit``: the most bytes of a record; ``room``: of its id in the URI.
    """

    uri: str
    layout: Layout
    spec: RecordSpec
    limit: int
    room: int
    offset: int
    line: int
    skipped: Skipped | None = None


def begin(uri: str, layout: Layout, spec: RecordSpec, limit: int) -> State:
    """Return the state before the first record. ``limit``: the most bytes of a record."""
    return State(uri, layout, spec, limit, contents.LONGEST_URI - len(uri.encode()) - 1, layout.start, layout.line)


def scan(block: bytes, state: State, final: bool) -> tuple[list[Line], State]:
    """Return the records in ``block``, which begins at ``state.offset``, and the state after them.

    ``final``: nothing comes after the block. The next block begins at the new state's ``offset``. If the state is the
    same as before, no record ends in the block: give a longer one.
    """
    if state.skipped is not None:
        return _pass_over(block, state, state.skipped, final)
    found: list[Line] = []
    behind, line = 0, state.line
    for entry, behind, line in _records(block, state, final):  # noqa: B007 - read after the loop
        if entry is not None:
            found.append(entry)
        if len(found) >= MOST:
            break
    after = replace(state, offset=state.offset + behind, line=line)
    if len(found) < MOST and len(block) - behind > state.limit + 2:  # two: the line's end does not count
        mode = overlong.START if state.layout.delimiter else overlong.PLAIN
        after = replace(after, skipped=Skipped(after.offset, line, mode))
    return found, after


def _records(block: bytes, state: State, final: bool) -> Iterator[tuple[Line | None, int, int]]:
    """Yield each record (None for blank ones), the place after it, and the line that begins there."""
    if state.layout.kind == JSON_LINES:
        for start, end, behind, number in json_lines.lines(block, final, state.line):
            data = block[start:end]
            fields = partial(json_lines.fields_of, data)
            yield (
                None if not data or data.isspace() else _line(block, state, (start, end, behind, number), fields),
                behind,
                number + 1,
            )
    else:
        for row in csv_rows.rows(block, final, state.line, state.layout, state.uri):
            blank = row.error is None and csv_rows.is_blank(row.fields)
            place = row.start, row.end, row.behind, row.line
            entry = None if blank else _line(block, state, place, partial(_of_row, state, row))
            yield entry, row.behind, row.next_line


def _line(block: bytes, state: State, place: Place, fields: Callable[[str], Mapping[str, Any]]) -> Line:
    start, end, behind, number = place
    where = f"line {number} of {state.uri}"
    if end - start > state.limit:
        return None, state.offset + start, behind - start, number, None, _too_large(where, state.limit)
    try:
        name = _fragment(fields(where), state, where)
    except DocumentError as error:
        return None, state.offset + start, end - start, number, None, error
    return (
        name,
        state.offset + start,
        end - start,
        number,
        hashlib.sha256(memoryview(block)[start:end]).hexdigest(),
        None,
    )


def _of_row(state: State, row: csv_rows.Row, where: str) -> Mapping[str, Any]:
    if row.error:
        raise row.error
    name = state.spec.id
    return {} if name is None else {name: row.fields[state.layout.positions[name]]}


def _fragment(fields: Mapping[str, Any], state: State, where: str) -> str | None:
    if state.spec.id is None:
        return None
    return contents.fragment(fields, state.spec.id, where, state.room)


def _pass_over(block: bytes, state: State, skipped: Skipped, final: bool) -> tuple[list[Line], State]:
    behind, mode = overlong.pass_over(block, skipped.mode, state.layout.delimiter)
    next_line = skipped.next_line
    if next_line is None and (end := block.find(b"\n") + 1):
        next_line = state.offset + end
    after = replace(
        state,
        offset=state.offset + behind,
        line=state.line + block.count(b"\n", 0, behind),
        skipped=replace(skipped, mode=mode, next_line=next_line),
    )
    if mode == overlong.BROKEN and (next_line or final):
        return _back_to_the_next_line(after, skipped, next_line, csv_rows.WRONG_QUOTES)
    if mode == overlong.QUOTED and final:
        return _back_to_the_next_line(after, skipped, next_line, csv_rows.OPEN_QUOTE)
    if mode != overlong.ENDED and not final:
        return [], after
    return [_failed(after, skipped, after.offset)], replace(after, skipped=None)


def _back_to_the_next_line(
    after: State, skipped: Skipped, next_line: int | None, what: str
) -> tuple[list[Line], State]:
    end = next_line or after.offset
    error = csv_rows.unreadable(after.uri, skipped.line, what) if end - skipped.start <= after.limit else None
    return [_failed(after, skipped, end, error)], replace(after, offset=end, line=skipped.line + 1, skipped=None)


def _failed(state: State, skipped: Skipped, end: int, error: DocumentError | None = None) -> Line:
    error = error or _too_large(f"line {skipped.line} of {state.uri}", state.limit)
    return None, skipped.start, end - skipped.start, skipped.line, None, error


def _too_large(where: str, limit: int) -> DocumentError:
    hint = "split it, or raise INGEST_MAX_DOCUMENT_BYTES; in CSV, is a quote in this line not closed?"
    return DocumentError("too_large", f"{where} begins a record of more than {limit} bytes", hint)
