"""PDF, Office, OpenDocument, EPUB, RTF and Outlook files to Markdown, in a worker.

::

    Excel, OpenDocument       our own readers: workbook, open_sheets, open_text, open_slides
    Word, PowerPoint          repaired (word, slides), then xberg
    PDF                       xberg, with annotations and attached files; what is damaged is found by pdf_pages
    EPUB, RTF, 97-2003, .msg  xberg

The result is cleaned up: escapes, link targets and letters (``tidying``), default titles (``titles``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from listener.documents import (
    extraction,
    media_types,
    office_types,
    open_sheets,
    open_slides,
    open_text,
    package,
    pdf,
    properties,
    reading,
    sheets,
    slides,
    word,
    workbook,
)
from listener.documents.extraction import BY_PAGE, Unreadable
from listener.documents.reading import About, DocumentFormat, Malformed, Read, Reading
from listener.documents.tidying import letters, tidy, trimmed, unmarked

SLIDE_RULE = re.compile(r"^-----(?:\n\n|\n?\Z)", re.MULTILINE)  # between slides of .ppt; an empty one of .pptx
MAIL_HEADER = re.compile(r"\A(?:\*\*[A-Za-z-]+\*\*:[^\n]*\n\n)+")
TABLE_SHARE = 1 / 3  # of the time limit: then a PDF is read once more, without tables and with the whole limit
PDF_JUNK = 1024  # bytes before the beginning of a PDF that readers take
MAIL_START = b"mime-version:"
PAGED = frozenset({office_types.PDF, office_types.PPTX})
OWN: dict[str, Callable[[bytes], tuple[list[str], list[str]]]] = {
    office_types.XLSX: workbook.read,
    office_types.ODS: open_sheets.read,
    office_types.ODT: open_text.read,
    office_types.ODP: open_slides.read,
}


def read(data: bytes, about: About) -> Reading:
    """Parse one document; its media type may be a container's. In a PDF, no tables are looked for.

    Raises DocumentError ``unsupported``, ``encrypted``, ``zip_bomb`` or ``parser_failed``.
    """
    return _read(data, about, tables=False)


def read_with_tables(data: bytes, about: About) -> Reading:
    """Do the same, but look for tables in a PDF that deserves it."""
    return _read(data, about, tables=pdf.deserves_tables(data))


def attempts(data: bytes, about: About) -> Sequence[tuple[Read, float]]:
    """Try a PDF with its tables first: the search may take all time or memory. With OCR it may have all the time."""
    if about.media_type != office_types.PDF or len(data) > pdf.TABLE_BYTES:
        return ()
    return [(read_with_tables, 1.0 if about.ocr else TABLE_SHARE)]


def otherwise(data: bytes, promised: str) -> str | None:
    """Return what a document is that does not begin as it should.

    Readers take a PDF that begins late. Programs export web pages, archived ones and tables of text as .xls and .doc,
    and .doc was text once.
    """
    if promised == office_types.PDF and b"%PDF-" in data[:PDF_JUNK]:
        return promised
    if media_types.starts_like_html(data):
        return media_types.HTML
    if promised in (office_types.DOC, office_types.XLS, office_types.RTF):
        return office_types.MAIL if data[:64].lower().startswith(MAIL_START) else media_types.PLAIN
    return None


def _read(data: bytes, about: About, tables: bool) -> Reading:
    kind = _inside(data, about)
    try:
        if kind in OWN:
            return _of_own(data, kind)
        if kind == office_types.PDF:
            return _of_pdf(data, about, tables)
        return _of_library(data, about, kind)
    except (Unreadable, Malformed) as failure:
        raise extraction.refused(about.uri, str(failure)) from None


def _of_own(data: bytes, kind: str) -> Reading:
    texts, unread = OWN[kind](data)
    title, notes = properties.of(data)
    return _reading(texts, letters(title or "") or None, notes, kind, unread)


def _of_library(data: bytes, about: About, kind: str) -> Reading:
    unread, aside = package.damaged(data) if kind in office_types.ZIPPED else [], ""
    given = data
    if kind == office_types.DOCX:
        given, aside = word.mended(data)
    elif kind == office_types.PPTX:
        given = slides.mended(data)
    document = extraction.extracted(given, kind, about.ocr)
    texts = _texts(document, data, kind, unread)
    texts[-1] += f"\n\n{aside}" if aside else ""
    return _reading(texts, _title(document, kind), _notes(document, kind), kind, unread)


def _of_pdf(data: bytes, about: About, tables: bool) -> Reading:
    found = pdf.read(data, about.ocr, tables)
    if found is None:
        return Reading(reading.as_buffer(""), notes={"unmapped": True})
    read = _reading(
        found.texts, _title(found.document, about.media_type), _notes(found.document, office_types.PDF),
        office_types.PDF, found.unread,
    )  # fmt: skip
    return read._replace(parts=found.parts)


def _reading(texts: list[str], title: str | None, notes: dict[str, Any], kind: str, unread: Sequence[str]) -> Reading:
    text, pages = _joined(texts, trimmed if kind in OWN else tidy)
    if kind in PAGED or len(texts) > 1:
        notes["page_count"] = len(texts)
    paged = kind in PAGED or kind in office_types.IMAGES or len(pages) > 1
    return Reading(
        reading.as_buffer(text), title, reading.sane(notes), pages if paged else (), (), media_types.MARKDOWN, unread
    )


def _title(document: Any, kind: str) -> str | None:
    said = document.metadata
    if kind == office_types.OUTLOOK:
        return reading.short(said.title or said.subject)
    return letters(reading.short(said.title) or "") or None


def _inside(data: bytes, about: About) -> str:
    kind = about.media_type
    if kind == office_types.ZIP:
        kind = office_types.of_zip(data, about.uri, about.promised)
    elif kind == office_types.OLE:
        kind = office_types.of_ole(data, about.uri, about.promised)
    if kind in (office_types.ZIP, office_types.OLE):
        raise media_types.unsupported(about.uri, kind, "its content is")
    return kind


def _texts(document: Any, data: bytes, kind: str, unread: Sequence[str]) -> list[str]:
    """Return the text by pages if the format has them, otherwise in one piece."""
    if kind == office_types.OUTLOOK:
        return [MAIL_HEADER.sub("", document.content)]
    if kind == office_types.XLS:
        return [sheets.in_words(document.content)]
    if kind == office_types.PPT:
        return _slides(document.content)
    if kind in office_types.MARKED:
        return [unmarked(text) for text in _pages(document, kind)]
    pages = _pages(document, kind)
    if kind == office_types.PPTX:
        return slides.in_order(data, [SLIDE_RULE.sub("", page) for page in pages], unread)
    return pages


def _pages(document: Any, kind: str) -> list[str]:
    pages = [page.content for page in document.pages or ()] if kind in BY_PAGE else []
    return pages or [document.content]


def _slides(markdown: str) -> list[str]:
    return SLIDE_RULE.split(SLIDE_RULE.sub("", markdown, count=1) if markdown.startswith("-----") else markdown)


def _joined(texts: Sequence[str], tidied: Callable[[str], str]) -> tuple[str, list[int]]:
    """Return the tidied texts as one, and where in it each begins."""
    pieces, starts, at = [], [], 0
    for text in (tidied(one.replace("\0", "")) for one in texts):  # gone before anything is counted
        starts.append(at)
        if text:
            pieces.append(text + "\n\n")
            at += len(text) + 2
    whole = "".join(pieces).rstrip("\n") + "\n"
    return whole, [min(start, len(whole)) for start in starts]  # empty pages at the end


def _notes(document: Any, kind: str) -> dict[str, Any]:
    about = document.metadata
    if kind == office_types.OUTLOOK:
        return _of_message(about)
    return {
        "authors": reading.listed(about.authors or (), ";"),
        "created": reading.short(about.created_at),
        "modified": reading.short(about.modified_at),
        "language": reading.short(about.language),
        "subject": reading.short(about.subject),
        "keywords": reading.listed(about.keywords or (), ";,"),
    }


def _of_message(about: Any) -> dict[str, Any]:
    fields = json.loads(str(about.format))
    name, address = fields.get("from_name"), fields.get("from_email")
    return {
        "from": reading.short(f"{name} <{address}>" if name and address else name or address),
        "to": reading.listed(fields.get("to_emails") or (), ";"),
        "cc": reading.listed(fields.get("cc_emails") or (), ";"),
        "date": reading.short(about.created_at),
        "message_id": reading.short(fields.get("message_id")),
    }


FORMAT = DocumentFormat(
    read,
    office_types.EXTENSIONS,
    aliases=office_types.ALIASES,
    starts=office_types.STARTS,
    otherwise=otherwise,
    pictures=office_types.IMAGES,
    attempts=attempts,
)
