"""How a container is written: charset, delimiter, columns. Found once, at its start, before any record is read.

A JSON Lines file is UTF-8 (the standard says so). A CSV file begins with a header row. Its delimiter is the one of
``, ; tab |`` that makes the fields of the spec appear in the header, else the most fields; ``.tsv`` has the tab. Its
charset is found by the means of ``parsing.decoding``.
"""

from __future__ import annotations

import codecs
import csv
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from listener.documents import decoding
from listener.errors import DocumentError
from listener.sources.records.spec import JSON_LINES, TSV, RecordSpec

DELIMITERS = (",", ";", "\t", "|")
BINARY_HEAD = 512  # archives and Office files have NULs there, text has none
SAMPLE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read the records of one container.

    ``positions``: the columns of the fields that the spec names, from 0; not all columns, so that it is small whatever
    the header. ``start``: the byte where the first record, or blanks before it, begins; ``line``: the line of that.
    """

    kind: str
    start: int = 0
    line: int = 1
    charset: str = "utf-8"
    delimiter: str = ""
    columns: int = 0
    positions: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the format as plain JSON values, below 4 KB; ``Layout(**value)`` is the way back."""
        return asdict(self)


def find_layout(head: bytes, whole: bool, sample: bytes, kind: str, spec: RecordSpec, uri: str) -> Layout:
    """Find out how a container is written.

    ``head`` is its beginning, ``whole`` whether that is all; ``sample`` is a piece with characters beyond ASCII if it
    has any (for the charset). Raises DocumentError ``unsupported_encoding``, ``bad_header`` or ``missing_field``.
    """
    if b"\0" in head[:BINARY_HEAD] or head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _unreadable(uri, "is UTF-16, or no text at all")
    start = len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    if kind == JSON_LINES:
        return Layout(kind, start)
    charset = "utf-8" if start else _charset(sample, uri)
    delimiters = ("\t",) if kind == TSV else DELIMITERS
    rows = list(_header_rows(head[start:], whole, charset, delimiters))
    best = max(rows, key=lambda row: (len(row.known(spec)), len(row.names)), default=None)
    if best is None or (len(rows) < len(delimiters) and len(best.known(spec)) < len(spec.names)):
        hint = "is a quote in its first row not closed, or do its lines end with carriage returns alone?"
        raise DocumentError("bad_header", f"{uri} has no readable row of column names", hint)
    return Layout(
        kind,
        start=start + best.end,
        line=best.line,
        charset=charset,
        delimiter=best.delimiter,
        columns=len(best.names),
        positions=_positions(best.names, spec, uri),
    )


@dataclass(frozen=True, slots=True)
class _Header:
    names: list[str]
    delimiter: str
    end: int
    line: int

    def known(self, spec: RecordSpec) -> set[str]:
        return set(spec.names) & set(self.names)


def _charset(sample: bytes, uri: str) -> str:
    cut = sample[:SAMPLE]
    cut = cut[: cut.rfind(b"\n") + 1] or cut  # not within a character
    try:
        _, notes = decoding.decode(cut, None, told=True, html=False)
    except decoding.Binary:
        raise _unreadable(uri, "is no text") from None
    charset = str(notes.get("encoding", "utf-8"))
    if charset.startswith(("utf-16", "utf-32")):
        raise _unreadable(uri, f"is {charset.upper()}")
    return charset


def _header_rows(data: bytes, whole: bool, charset: str, delimiters: tuple[str, ...]) -> Iterator[_Header]:
    """Yield the first row that is not blank, as each of the delimiters cuts it, if it can be cut by it."""
    csv.field_size_limit(sys.maxsize)
    for delimiter in delimiters:
        lines = Lines(data, charset, whole)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        try:
            row = next((row for row in reader if any(map(str.strip, row))), None)
        except csv.Error:
            continue
        if row is not None:
            yield _Header([name.strip().replace("\0", "") for name in row], delimiter, lines.position, lines.line)


def _positions(names: list[str], spec: RecordSpec, uri: str) -> dict[str, int]:
    twice = [name for name, count in Counter(filter(None, names)).items() if count > 1]
    if twice:
        message = f"{uri} has two columns of the name {twice[0][:100]!r}"
        raise DocumentError("bad_header", message, "give each column a distinct name")
    missing = [name for name in spec.names if name not in names]
    if missing:
        known = ", ".join(filter(None, names))
        hint = f"options.record must name existing columns: {known[:300]}{'…' if len(known) > 300 else ''}"
        raise DocumentError("missing_field", f"{uri} has no column {missing[0]!r}", hint)
    return {name: names.index(name) for name in spec.names}


class Lines:
    """Decoded lines of a block, one after the other, without a list of them all.

    ``position`` is the byte after the last line taken, ``line`` the number of the next one. Without
    ``final`` a last line that has no end is kept back. Bytes that the charset does not have become lone surrogates,
    and ``broken`` is set.
    """

    __slots__ = ("_charset", "_data", "_final", "broken", "exhausted", "line", "position")

    def __init__(self, data: bytes, charset: str, final: bool, position: int = 0, line: int = 1) -> None:
        self._data = data
        self._charset = charset
        self._final = final
        self.position = position
        self.line = line
        self.broken = False
        self.exhausted = False

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        end = self._data.find(b"\n", self.position) + 1
        if not end:
            end = len(self._data)
            if not self._final or self.position == end:
                self.exhausted = True
                raise StopIteration
        raw = self._data[self.position : end]
        self.position = end
        self.line += 1
        try:
            text = raw.decode(self._charset)
        except UnicodeError:
            self.broken = True
            text = raw.decode(self._charset, "surrogateescape")
        return text.replace("\0", "") if "\0" in text else text


def _unreadable(uri: str, what: str) -> DocumentError:
    return DocumentError("unsupported_encoding", f"{uri} {what}", "records are read from text: save it as UTF-8")
