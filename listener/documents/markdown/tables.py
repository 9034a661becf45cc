"""Where the tables of a Markdown text lie, and their header rows."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from listener.documents.markdown.fences import Fences


class Table(NamedTuple):
    """A table from ``start`` to ``end``: its header row ends at ``header``, the row of dashes below it at ``head``."""

    start: int
    header: int
    head: int
    end: int


@dataclass(frozen=True, slots=True)
class Tables:
    """The tables of a text, in order."""

    all: tuple[Table, ...]
    starts: tuple[int, ...]

    def around(self, at: int) -> Table | None:
        """Return the table that ``at`` lies inside of, below its header row."""
        found = bisect_right(self.starts, at) - 1
        table = self.all[found] if found >= 0 else None
        return table if table and table.header < at < table.end else None


def read_tables(text: str, fences: Fences) -> Tables:
    """Return the tables outside of fenced code."""
    found = tuple(_tables(text, fences))
    return Tables(found, tuple(table.start for table in found))


_DASHES = re.compile(r"\n(?:[ \t]{0,3}>){0,6}[ \t]{0,12}[|:-][|:\- \t\r]*(?=\n|\Z)")
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
    return "|" in header and "|" in dashes and "-" in dashes
