"""Where the tables of a Markdown text lie, also those written in HTML, and their header rows."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from listener.documents.markdown.fences import Fences


class Table(NamedTuple):
    """A table from ``start`` to ``end``: its header row ends at ``header``, the row of dashes below it at ``head``.

    In HTML both are the end of the header row.
    """

    start: int
    header: int
    head: int
    end: int


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a text, in order."""

    all: tuple[Table, ...]
    starts: tuple[int, ...]

    @classmethod
    def of(cls, tables: Iterable[Table]) -> Tables:
        """Put tables in order."""
        found = tuple(sorted(tables))
        return cls(found, tuple(table.start for table in found))

    def around(self, at: int) -> Table | None:
        """Return the table that ``at`` lies inside of, below its header row."""
        found = bisect_right(self.starts, at) - 1
        table = self.all[found] if found >= 0 else None
        return table if table and table.header < at < table.end else None


def read_tables(text: str, fences: Fences) -> Iterator[Table]:
    """Yield the tables outside of fenced code, in no order."""
    yield from _tables(text, fences)
    yield from _html_tables(text, fences)


_DASHES = re.compile(r"\n(?:[ \t]{0,3}>){0,6}[ \t]{0,12}[|:-][|:\-+ \t\r]*(?=\n|\Z)")
_NO_ROW = re.compile(r"\n[^|\n]*(?=\n|\Z)")


def _tables(text: str, fences: Fences) -> Iterator[Table]:
    at = 0
    while dashes := _DASHES.search(text, at):
        header, head = dashes.start(), dashes.end()
        start = text.rfind("\n", at, header) + 1 or at
        at = head
        if not _is_table(text[start:header], dashes[0]) or fences.around(header) is not None:
            continue
        behind = _NO_ROW.search(text, head)
        at = behind.start() if behind else len(text)
        yield Table(start, header, head, at)


def _is_table(header: str, dashes: str) -> bool:
    """Tell whether a line and the dashes below it begin a table; Org and psql write a cross between columns."""
    return "|" in header and ("|" in dashes or "+" in dashes) and "-" in dashes


_HTML_TABLE = re.compile(r"<(/?)table\b", re.IGNORECASE)
_END_OF_ROW = re.compile(r"</tr\s{0,9}>", re.IGNORECASE)
_CELL = re.compile(r"<t([hd])\b", re.IGNORECASE)


def _html_tables(text: str, fences: Fences) -> Iterator[Table]:
    """Yield tables written in HTML whose first row names the columns; tables in their cells are cells."""
    depth = start = 0
    for tag in _HTML_TABLE.finditer(text):
        if fences.around(tag.start()) is not None:
            continue
        if not tag[1]:
            start = start if depth else tag.start()
            depth += 1
        elif depth == 1 and (header := _html_header(text, start, tag.start())):
            yield Table(start, header, header, tag.start())
        depth = max(depth - 1, 0) if tag[1] else depth


def _html_header(text: str, start: int, end: int) -> int | None:
    """Return where the first row ends; None if it has more than names."""
    row = _END_OF_ROW.search(text, start, end)
    kinds = {cell[1].lower() for cell in _CELL.finditer(text, start, row.start())} if row else set()
    return row.end() if row and kinds == {"h"} else None
