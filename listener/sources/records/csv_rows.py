"""CSV: cut a block into rows, and a row into its fields. Runs in workers.

Python's ``csv`` reads strictly: text between a closing quote and the next delimiter is an error, and so is a
quote that is never closed. Such a row fails as one line, the one in which it began, and reading continues with the next
line: an unclosed quote must not swallow the rows after it.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from listener.errors import DocumentError
from listener.sources.records.layout import Layout, Lines

BROKEN = re.compile("[\ud800-\udfff]")
WRONG_QUOTES = "a quote opens or closes in the wrong place"
OPEN_QUOTE = "a quote that opens here is not closed"
RETURN = "it has a carriage return outside quotes"
HINT = 'enclose fields that contain quotes, delimiters or line ends in quotes, and double their own quotes: "5"" pipe"'


@dataclass(frozen=True, slots=True)
class Row:
    """A row from ``start`` to ``end`` (without the line's end); the next begins at ``behind``, in ``next_line``."""

    start: int
    end: int
    behind: int
    line: int
    next_line: int
    fields: list[str]
    error: DocumentError | None = None


def rows(data: bytes, final: bool, line: int, layout: Layout, uri: str) -> Iterator[Row]:
    """Yield the rows of a block, blank ones too; without ``final`` one that is not complete is kept back."""
    source, reader = _reader(data, final, layout, 0, line)
    while True:
        start, number, source.broken = source.position, source.line, False
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if source.exhausted and not final:
                return
            behind = data.find(b"\n", start) + 1 or len(data)
            yield Row(start, behind, behind, number, number + 1, [], unreadable(uri, number, _what(error)))
            source, reader = _reader(data, final, layout, behind, number + 1)
            continue
        end = _without_line_end(data, start, source.position)
        wrong = _wrong(fields, source.broken, layout, f"line {number} of {uri}")
        yield Row(start, end, source.position, number, source.line, fields, wrong)


def is_blank(fields: list[str]) -> bool:
    """Tell whether a row is empty: an empty line, or delimiters only, as spreadsheets leave them."""
    return not any(fields) or (len(fields) == 1 and not fields[0].strip())


def fields_of(data: bytes, layout: Layout, where: str) -> dict[str, str]:
    """Return the fields of one row that the spec names. Raises DocumentError ``undecodable`` or ``bad_row``."""
    source, reader = _reader(data, True, layout, 0, 1)
    try:
        fields = next(reader, [])
    except csv.Error as error:
        raise DocumentError("bad_row", f"{where} can't be read: {_what(error)}", HINT) from None
    if wrong := _wrong(fields, source.broken, layout, where):
        raise wrong
    return {name: fields[position] for name, position in layout.positions.items()}


def unreadable(uri: str, line: int, what: str) -> DocumentError:
    """Return the error of a row that can't be cut into fields."""
    return DocumentError("bad_row", f"line {line} of {uri} can't be read: {what}", HINT)


def _reader(data: bytes, final: bool, layout: Layout, position: int, line: int) -> tuple[Lines, Iterator[list[str]]]:
    csv.field_size_limit(sys.maxsize)  # of the process; ours is for whole records
    source = Lines(data, layout.charset, final, position, line)
    return source, csv.reader(source, delimiter=layout.delimiter, strict=True)


def _what(error: csv.Error) -> str:
    message = str(error)
    if "unexpected end" in message:
        return OPEN_QUOTE
    return RETURN if "new-line" in message else WRONG_QUOTES


def _wrong(fields: list[str], broken: bool, layout: Layout, where: str) -> DocumentError | None:
    if is_blank(fields):
        return None
    if len(fields) != layout.columns:
        message = f"{where} has {len(fields)} fields, the header has {layout.columns}"
        return DocumentError("bad_row", message, "write every row with all columns; " + HINT)
    if broken and any(map(BROKEN.search, fields)):
        hint = "write the whole file in one encoding, best in UTF-8"
        return DocumentError("undecodable", f"{where} has bytes that are not {layout.charset.upper()}", hint)
    return None


def _without_line_end(data: bytes, start: int, end: int) -> int:
    end -= data[end - 1 : end] == b"\n" and end > start
    return end - (data[end - 1 : end] == b"\r" and end > start)
