"""PDFs: their pages, with what was noted on each; their filled form and attached files; which pages can't be read."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from listener.documents import extraction, office_types, pdf_pages, reading, titles
from listener.documents.extraction import Unreadable
from listener.documents.pdf_pages import Look
from listener.documents.reading import PartSent

PAGE = re.compile(rb"/Type\s*/Page(?![A-Za-z])")
PACKED = re.compile(rb"/Type\s*/ObjStm\b[^\x00]{0,300}?stream\r?\n")
MOST_INFLATED, MOST_OBJECTS = 1024 * 1024, 200  # of one stream of objects, which are small; streams that are looked at
# Finding tables takes 57 % of the time (17 ms a page against 7), and long documents are manuals and books.
TABLE_PAGES, TABLE_BYTES = 50, 4 * 1024 * 1024
UNCOUNTED_BYTES = 1024 * 1024  # of a file that hides its pages


@dataclass(frozen=True, slots=True)
class PdfContents:
    """What a PDF has: the texts of its pages, the parser's document, files inside, and what can't be read."""

    texts: list[str]
    document: Any
    parts: Sequence[PartSent]
    unread: list[str]


def read(data: bytes, ocr: tuple[str, str] | None, tables: bool) -> PdfContents | None:
    """Read a PDF, as far as it is sound; None if its fonts don't say which letters they draw. Raises Unreadable."""
    look = pdf_pages.look(data)
    document, missing = _extracted(data, ocr, tables)
    if titles.is_unknown(document.content):
        if ocr is None:
            return None
        document = extraction.extracted(data, office_types.PDF, ocr, forced=True)
    texts = [page.content for page in document.pages or ()] or [document.content]
    for number in missing:  # so that the numbers of the others are right
        texts.insert(number - 1, "")
    unread = _unread(texts, look)
    for note in look.notes if look else ():
        _add_note(texts, *note)
    texts[-1] += f"\n\n{filled(document)}"
    if look and look.parts and not any(map(str.strip, texts)):  # a cover around its files
        texts[-1] = "\n\n".join(f"Attached file: {name}" for name, _, _ in look.parts)
    return PdfContents(texts, document, look.parts if look else (), unread)


def _extracted(data: bytes, ocr: tuple[str, str] | None, tables: bool) -> tuple[Any, list[int]]:
    """Return the parser's document; of a file that it can't read, that of a sound copy, and which pages this lacks."""
    try:
        return extraction.extracted(data, office_types.PDF, ocr, tables), []
    except Unreadable:
        look = pdf_pages.look(data, copy=True)
        if look is None or not look.sound:
            raise
        return extraction.extracted(look.sound, office_types.PDF, ocr, tables), look.missing


def _unread(texts: Sequence[str], look: Look | None) -> list[str]:
    """Return what can't be read, for people: pages that are broken or not there, files."""
    if look is None:
        return []
    doubtful = [*look.doubtful, *(look.empty if look.damaged else ())]
    lost = {number for number in doubtful if number <= len(texts) and not texts[number - 1].strip()}
    pages = {*look.broken, *look.missing, *lost}
    gone = look.declared - look.pages
    return [*_ranges(sorted(pages)), *([f"{gone} of its {look.declared} pages"] if gone > 0 else []), *look.lost]


def _ranges(numbers: Sequence[int]) -> Iterator[str]:
    """Yield ``page 3`` or ``pages 5 to 9``."""
    first = last = 0
    for number in [*numbers, -1]:
        if first and number == last + 1:
            last = number
            continue
        if first:
            yield f"page {first}" if first == last else f"pages {first} to {last}"
        first = last = number


def _add_note(texts: list[str], number: int, author: str, words: str) -> None:
    """Write what somebody noted on a page at its end."""
    said, by = " ".join(words.split()), reading.short(author)
    if said and number <= len(texts) and said not in texts[number - 1]:
        texts[number - 1] += f"\n\nNote{f' by {by}' if by else ''}: {said}"


def deserves_tables(data: bytes) -> bool:
    """Tell whether tables are looked for in a PDF: in short ones, unless their fonts are bitmaps.

    Fonts of Type 3 come from old TeX; where their letters are unknown, the search took 12 s for 17 pages.
    """
    if len(data) > TABLE_BYTES:
        return False
    count = page_count(data)
    short = count <= TABLE_PAGES if count else len(data) <= UNCOUNTED_BYTES
    return short and not any(b"/Type3" in part for part in (data, *_packed(data)))


def page_count(data: bytes) -> int:
    """Return the approximate number of pages, 0 if unknown; takes a few milliseconds, unlike a parse.

    Right for 218 of 225 files; files with a history may seem longer, encrypted ones can't be looked into.
    """
    return sum(len(PAGE.findall(part)) for part in (data, *_packed(data)))


def _packed(data: bytes) -> Iterator[bytes]:
    for number, found in enumerate(PACKED.finditer(data)):
        if number == MOST_OBJECTS:
            return
        try:
            yield zlib.decompressobj().decompress(memoryview(data)[found.end() :], MOST_INFLATED)
        except zlib.error:
            continue


def filled(document: Any) -> str:
    """Return the filled fields of a form as lines ``label: value``; their places on the pages aren't known."""
    lines = []
    for field in document.form_fields or ():
        kind, value = str(field.field_type), reading.short(field.value)
        label = reading.short(field.tooltip or field.name or field.full_name)
        if kind in ("text", "choice") and value:
            lines.append(f"{label}: {value}")
        elif kind in ("checkbox", "radio") and value and value.lower() not in ("false", "off"):
            lines.append(f"{label}: yes" if value.lower() in ("true", "yes", "on", "1") else f"{label}: {value}")
    return "\n\n".join(dict.fromkeys(lines))
