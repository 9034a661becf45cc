"""What a chunk continues: the header of a table that was cut, the first line of a code block.

It is searched and embedded with the chunk, whose own text stays the slice that it is. A lead is a slice of the same
text, of bounded length: half a chunk at most, otherwise cut at a cell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from listener.documents.drawn_tables import DRAWN
from listener.documents.listings import read_listings
from listener.documents.markdown.fences import Fences
from listener.documents.markdown.tables import Tables, read_tables

MARKDOWN_TYPES = frozenset({"text/markdown", "text/x-markdown"})
BARRED = MARKDOWN_TYPES | {"text/plain", "text/x-org"}
"""Where tables are written with bars and dashes, which psql does too."""
LEAST = 100  # characters that a lead may have, however small chunks are
NONE = (0, 0)

_DELIMITERS = {"text/csv": ",;|\t", "text/tab-separated-values": "\t"}
_SEPARATOR = re.compile(r"\ufeff?sep=[^\r\n]\r?\n", re.IGNORECASE)  # what Excel writes above the columns
_NUMBER = re.compile(r"[-+\d.,:%/ ]*\Z")


def bare(media_type: str) -> str:
    """Return a media type without its parameters."""
    return media_type.partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Leads:
    """What lies above each place of a text and holds for it too."""

    text: str
    fences: Fences
    tables: Tables
    columns: tuple[int, int]  # the row of a plain-text table that names its columns; otherwise (0, 0)
    most: int

    @classmethod
    def of(cls, text: str, media_type: str, fences: Fences, size: int) -> Leads:
        """Look through a text whose chunks have ``size`` characters."""
        kind = bare(media_type)
        fences = fences if kind in MARKDOWN_TYPES else read_listings(text, kind)
        tables = [*read_tables(text, fences)] if kind in BARRED else []
        tables += [one for read in DRAWN.get(kind, ()) for one in read(text) if fences.around(one.start) is None]
        return cls(text, fences, Tables.of(tables), _columns(text, _DELIMITERS.get(kind, "")), max(size // 2, LEAST))

    def before(self, at: int) -> tuple[int, int]:
        """Return where that lies which a chunk from ``at`` on continues; (0, 0) if it continues nothing."""
        if table := self.tables.around(at):
            head = min(table.head, at)
            return self._within(table.start, head if head - table.start <= self.most else table.header)
        if (fence := self.fences.around(at)) is not None:
            line = self._end_of_line(fence)
            return self._within(fence, line) if line < at else NONE
        return self._within(*self.columns) if at >= self.columns[1] > 0 else NONE

    def _within(self, start: int, end: int) -> tuple[int, int]:
        """Return the lead without surrounding blanks, cut after a cell if it is too long."""
        if end - start > self.most:
            cell = max(self.text.rfind(mark, start, start + self.most) for mark in "|,;\t")
            end = cell + 1 if cell > start else start + self.most
        said = self.text[start:end]
        return start + len(said) - len(said.lstrip()), start + len(said.rstrip())

    def _end_of_line(self, at: int) -> int:
        end = self.text.find("\n", at)
        return len(self.text) if end < 0 else end


def _columns(text: str, delimiters: str) -> tuple[int, int]:
    """Return where the first row lies if it names columns: several, most of them no numbers, nor the first."""
    if not delimiters:
        return NONE
    begin = found.end() if (found := _SEPARATOR.match(text)) else 0
    end = text.find("\n", begin)
    row = text[begin : max(end, begin)]
    delimiter = max(delimiters, key=row.count)
    names = row.split(delimiter)
    said = [name for name in (name.strip(' "\r') for name in names) if name]  # an index often has none
    numbers = sum(_NUMBER.match(name) is not None for name in said)
    return (begin, end) if len(names) > 1 and 2 * numbers < len(said) and not _NUMBER.match(said[0]) else NONE
