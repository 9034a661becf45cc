"""Excel workbooks, each cell as the sheet shows it, read from their own XML.

Libraries hand out the numbers that lie under a cell (0.125, 45413) and not what it shows (12.5%, 2024-05-01), and drop
a sheet for a cell of an odd type. A formula saved without its result is kept as a formula.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Sequence
from io import BytesIO

from listener.documents import format_codes, headway, number_formats, sheets
from listener.documents.package import main_name, part, relations
from listener.documents.reading import Malformed
from listener.documents.sheets import Sheet
from listener.documents.streaming import UNREADABLE, Declared, parse

MAIN = "xl/workbook.xml"
HIDDEN = frozenset({"hidden", "veryHidden"})
GENERAL = "General"
ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
MOST_COLUMNS = 16_384


def read(data: bytes) -> tuple[list[str], list[str]]:
    """Return the sheets as Markdown, and what of them could not be read. Raises Malformed."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        book = _Book(archive)
        found, unread = [], []
        tell = _telling(archive, [file for _, file in book.sheets])
        for name, file in book.sheets:
            sheet = _Rows(book, name)
            try:
                parse(archive, file, sheet.start, sheet.end, sheet.text, tell)
            except Declared:
                raise Malformed(f"its {file} declares a DTD, a document type of its own") from None
            except UNREADABLE:
                sheet.lost = True
            if sheet.lost or sheet.missing:
                unread.append(f"sheet {name!r}" if sheet.lost else f"{sheet.missing} cells of sheet {name!r}")
            found.append(sheet.sheet)
    if not book.sheets:
        raise Malformed("it has no list of its sheets")
    return [sheets.markdown(found)], [*unread, *sheets.uncalculated(found)]


def _telling(archive: zipfile.ZipFile, files: Sequence[str]) -> Callable[[int], None]:
    """Return what is told how many bytes of the sheets are read, and tells how far that is."""
    sizes = {one.filename: one.file_size for one in archive.infolist()}
    whole, done = max(1, sum(sizes.get(file, 0) for file in files)), 0

    def tell(count: int) -> None:
        nonlocal done
        done += count
        headway.tell(min(1.0, done / whole))

    return tell


class _Book:
    """What the sheets of a workbook share."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        main = main_name(archive, MAIN)
        workbook = part(archive, main)
        files = relations(archive, main)
        self.sheets: list[tuple[str, str]] = []
        self.since_1904 = False
        for one in () if workbook is None else workbook.iter():
            ids = [value for key, value in one.items() if key.endswith("}id")]
            if one.tag.endswith("}sheet") and ids and files.get(ids[0], ("",))[0].endswith("/worksheet"):
                hidden = " (hidden)" if one.get("state") in HIDDEN else ""
                self.sheets.append((one.get("name", "") + hidden, files[ids[0]][1]))
            elif one.tag.endswith("}workbookPr"):
                self.since_1904 = one.get("date1904") in ("1", "true")
        named = {kind.rpartition("/")[2]: target for kind, target in files.values()}
        self.formats = self._formats(named.get("styles", ""))
        self.strings = self._strings(named.get("sharedStrings", ""))

    def _formats(self, file: str) -> dict[str, str]:
        """Return the format of each style of cells, by its number."""
        tree = part(self._archive, file)
        codes = dict(format_codes.BUILT_IN)
        styles = []
        for one in () if tree is None else tree.iter():
            if one.tag.endswith("}numFmt") and (number := one.get("numFmtId", "")).isdecimal():
                codes[int(number)] = one.get("formatCode", GENERAL)
            elif one.tag.endswith("}cellXfs"):
                styles = [xf.get("numFmtId", "0") for xf in one]
        known = [codes.get(int(number), GENERAL) if number.isdecimal() else GENERAL for number in styles]
        return {str(place): code for place, code in enumerate(known)}

    def _strings(self, file: str) -> list[str]:
        found: list[str] = []
        pieces: list[str] = []
        wanted, aside = False, False  # in a text; in a reading of Chinese characters

        def start(tag: str, _: dict[str, str]) -> None:
            nonlocal wanted, aside
            wanted = tag == "t"
            aside = aside or tag == "rPh"

        def end(tag: str) -> None:
            nonlocal wanted, aside
            wanted = False
            aside = aside and tag != "rPh"
            if tag == "si":
                found.append(sheets.cell(_unescaped("".join(pieces))))
                pieces.clear()

        def text(words: str) -> None:
            if wanted and not aside:
                pieces.append(words)

        if file in self._archive.namelist():
            try:
                parse(self._archive, file, start, end, text)
            except UNREADABLE:
                return found
        return found


class _Rows:
    """The cells of a sheet as its XML comes in."""

    def __init__(self, book: _Book, name: str) -> None:
        self.sheet = Sheet(name)
        self.lost = False
        self.missing = 0
        self._book = book
        self._row: dict[int, str] = {}
        self._column = -1
        self._cell: dict[str, str] | None = None
        self._in = ""
        self._aside = False  # in a reading of Chinese characters
        self._value: list[str] = []
        self._formula: list[str] | None = None

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "c":
            self._cell, self._in, self._aside = attributes, "", False
            self._column = _column(attributes.get("r", ""), self._column + 1)
            self._value, self._formula = [], None
        elif self._cell is not None and tag in ("v", "t", "f"):
            self._in = tag
            if tag == "f":
                self._formula = []
        elif tag == "rPh":
            self._aside = True
        elif tag == "row":
            self._row, self._column = {}, -1

    def text(self, words: str) -> None:
        if self._in == "f" and self._formula is not None:
            self._formula.append(words)
        elif self._in in ("v", "t") and not self._aside:
            self._value.append(words)

    def end(self, tag: str) -> None:
        if tag == self._in:
            self._in = ""
        elif tag == "rPh":
            self._aside = False
        elif tag == "c" and self._cell is not None:
            if shown := self._shown(self._cell, "".join(self._value)):
                self._row[self._column] = shown
            self._cell = None
        elif tag == "row" and self._row:
            self.sheet.rows.append(self._row)

    def _shown(self, cell: dict[str, str], value: str) -> str:
        kind = cell.get("t", "n")
        if self._formula is not None and not value and kind != "str":
            self.sheet.uncalculated += 1
            return sheets.cell(f"={''.join(self._formula)}") if self._formula else ""
        if kind == "s":
            return self._shared(value.strip())
        if kind == "b":
            return {"1": "TRUE", "0": "FALSE"}.get(value.strip(), value.strip().upper())
        if kind == "d":
            return value.strip().removesuffix("T00:00:00").replace("T", " ")
        if kind in ("n", "") and (number := _number(value)) is not None:
            return sheets.cell(number_formats.shown(number, self._format(cell), self._book.since_1904))
        code = self._format(cell)
        value = _unescaped(value)
        return sheets.cell(number_formats.text_shown(value, code) if "@" in code and code != "@" else value)

    def _shared(self, value: str) -> str:
        if value.isdecimal() and int(value) < len(self._book.strings):
            return self._book.strings[int(value)]
        self.missing += 1
        return ""

    def _format(self, cell: dict[str, str]) -> str:
        return self._book.formats.get(cell.get("s", "0"), GENERAL)


def _unescaped(text: str) -> str:
    """Return a text with the characters that XML can't have, which programs write as ``_x000D_``."""
    return ESCAPED.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def _column(reference: str, following: int) -> int:
    """Return the column of a cell, from 0: ``C5`` is 2."""
    number = 0
    for letter in reference.upper():
        if not "A" <= letter <= "Z":
            break
        number = number * 26 + ord(letter) - 64
    return number - 1 if 0 < number <= MOST_COLUMNS else following


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None
