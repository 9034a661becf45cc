"""OpenDocument sheets: cells as they are shown, which the file says itself.

Repeated cells and rows are included only a few times: programs fill whole sheets with them, and so may an attacker.
"""

from __future__ import annotations

import zipfile
from io import BytesIO

from listener.documents import sheets
from listener.documents.reading import Malformed
from listener.documents.sheets import Sheet
from listener.documents.streaming import UNREADABLE, Declared, parse

MOST_REPEATS = 100  # of one cell or row that is filled
MOST_COLUMNS = 16_384
CELLS = ("table-cell", "covered-table-cell")
ASIDE = ("annotation", "tracked-changes", "dde-links", "content-validations", "ruby-text")
BLANKS = {"s": " ", "tab": " ", "line-break": " "}
VALUES = ("date-value", "time-value", "boolean-value", "string-value", "value")


def read(data: bytes) -> tuple[list[str], list[str]]:
    """Return the sheets as Markdown, and what of them could not be read. Raises Malformed."""
    cells = _Cells()
    unread = []
    with zipfile.ZipFile(BytesIO(data)) as archive:
        try:
            parse(archive, "content.xml", cells.start, cells.end, cells.text)
        except Declared:
            raise Malformed("it declares a DTD, a document type of its own") from None
        except UNREADABLE as error:
            if not any(sheet.rows for sheet in cells.sheets):
                raise Malformed(f"its content can't be read ({error})") from None
            unread = [f"what follows row {len(cells.sheets[-1].rows)} of sheet {cells.sheets[-1].name!r}"]
    return [sheets.markdown(cells.sheets)], [*unread, *sheets.uncalculated(cells.sheets)]


class _Cells:
    """The cells of all sheets as the XML comes in."""

    def __init__(self) -> None:
        self.sheets: list[Sheet] = []
        self._depth = 0  # of tables in each other
        self._aside = 0
        self._row: dict[int, str] = {}
        self._rows = 1
        self._column = 0
        self._cell: dict[str, str] | None = None
        self._words: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._aside or tag in ASIDE:
            self._aside += 1
        elif tag == "table":
            self._depth += 1
            if self._depth == 1:
                self.sheets.append(Sheet(_get(attributes, "name") or ""))
        elif tag == "table-row" and self._depth == 1:
            self._row, self._column = {}, 0
            self._rows = _count(attributes, "number-rows-repeated")
        elif tag in CELLS and self._depth == 1:
            self._cell, self._words = attributes, []
        elif tag in BLANKS:
            self._words.append(BLANKS[tag])

    def text(self, words: str) -> None:
        if self._cell is not None and not self._aside:
            self._words.append(words)

    def end(self, tag: str) -> None:
        if self._aside:
            self._aside -= 1
        elif tag in ("p", "h"):
            self._words.append("\n")
        elif tag == "table":
            self._depth -= 1
        elif tag in CELLS and self._depth == 1 and self._cell is not None:
            self._end_cell(self._cell)
            self._cell = None
        elif tag == "table-row" and self._depth == 1 and self._row and self.sheets:
            self.sheets[-1].rows += [self._row] * min(self._rows, MOST_REPEATS)

    def _end_cell(self, cell: dict[str, str]) -> None:
        count = _count(cell, "number-columns-repeated")
        shown = sheets.cell("".join(self._words)) or sheets.cell(self._value(cell))
        if shown and self._column < MOST_COLUMNS:
            for column in range(self._column, self._column + min(count, MOST_REPEATS)):
                self._row[column] = shown
        self._column += count

    def _value(self, cell: dict[str, str]) -> str:
        value = next(filter(None, (_get(cell, name) for name in VALUES)), "")
        formula = _get(cell, "formula") or ""
        if formula and not value and not _get(cell, "value-type"):
            self.sheets[-1].uncalculated += 1
            return "=" + formula.partition("=")[2]
        return value


def _get(attributes: dict[str, str], name: str) -> str | None:
    return next((value for key, value in attributes.items() if key.rpartition(":")[2] == name), None)


def _count(attributes: dict[str, str], name: str) -> int:
    count = _get(attributes, name) or "1"
    return max(int(count), 1) if count.isdecimal() and len(count) < 10 else 1
