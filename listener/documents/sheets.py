"""Excel sheets that the parser leaves out without a word, and what it writes into cells.

It drops a whole sheet when one cell that says that it is a number (``t="n"``) holds blanks beside it, which Excel
reads, or when a cell has a type or an error of its own kind. Without the type, which is the default, it takes them.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from io import BytesIO

from listener.documents.package import part, relations

HEADING = re.compile(r"^## (.*)$", re.MULTILINE)
FILLED = re.compile(rb"<(?:\w+:)?(?:v|is)>\s*[^\s<]|<(?:\w+:)?is>\s*<")
CELL_TYPE = re.compile(rb"""(<(?:\w+:)?c\b[^<>]*?)\st=["'](\w*)["']""")
VALUE = re.compile(rb"(<(?:\w+:)?v>)([^<]*)(</(?:\w+:)?v>)")
TYPES = {b"n": b"", b"e": b' t="str"', b"s": b' t="s"', b"b": b' t="b"', b"d": b' t="d"', b"str": b' t="str"',
         b"inlineStr": b' t="inlineStr"'}  # fmt: skip
WORDS = re.compile(r"(?<=\| )(?:DURATION: (?:PT(\d+)H(\d+)M(\d+)(?:[.,]\d+)?S|(?=\d+:\d))|#ERR: (\w+)(?= \|))")
SHOWN = {"Div0": "#DIV/0!", "NA": "#N/A", "Name": "#NAME?", "Null": "#NULL!", "Num": "#NUM!", "Ref": "#REF!",
         "Value": "#VALUE!", "GettingData": "#GETTING_DATA"}  # fmt: skip


def lost(data: bytes, text: str) -> list[str]:
    """Return the names of the filled sheets of an Excel file that have no heading in its text."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        headings = [_plain(heading) for heading in HEADING.findall(text)]
        missing = [(name, file) for name, file in _sheets(archive) if not _is_there(_plain(name), headings)]
        return [name for name, file in missing if _is_filled(archive, file)]


def repaired(data: bytes) -> bytes:
    """Return the file with cells that the parser takes."""
    with zipfile.ZipFile(BytesIO(data)) as archive, BytesIO() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as copy:
            for entry in archive.infolist():
                content = archive.read(entry)
                copy.writestr(entry.filename, _mended(content) if "/worksheets/" in entry.filename else content)
        return file.getvalue()


def in_words(text: str) -> str:
    """Return a sheet's text with durations and errors as the sheet shows them."""
    return WORDS.sub(_shown, text)


def _sheets(archive: zipfile.ZipFile) -> list[tuple[str, str]]:
    """Return name and file of each sheet of cells."""
    workbook = part(archive, "xl/workbook.xml")
    files = relations(archive, "xl/workbook.xml")
    found = []
    for sheet in () if workbook is None else workbook.iter():
        ids = [value for key, value in sheet.items() if key.endswith("}id")]
        if sheet.tag.endswith("}sheet") and ids and files.get(ids[0], ("",))[0].endswith("/worksheet"):
            found.append((sheet.get("name", ""), files[ids[0]][1]))
    return found


def _plain(name: str) -> str:
    return "".join(name.replace("\\", "").split())


def _is_there(name: str, headings: Sequence[str]) -> bool:
    return name in headings or f"{name}(hidden)" in headings or f"{name}(veryhidden)" in headings


def _is_filled(archive: zipfile.ZipFile, file: str) -> bool:
    return file in archive.namelist() and FILLED.search(archive.read(file)) is not None


def _mended(sheet: bytes) -> bytes:
    typed = CELL_TYPE.sub(lambda found: found[1] + TYPES.get(found[2], b' t="str"'), sheet)
    return VALUE.sub(lambda found: found[1] + found[2].strip() + found[3], typed)


def _shown(found: re.Match[str]) -> str:
    hours, minutes, seconds, error = found.groups()
    if error:
        return SHOWN.get(error, f"#{error.upper()}")
    return f"{int(hours):02}:{minutes}:{seconds}" if hours else ""
