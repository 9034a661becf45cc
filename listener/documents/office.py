"""PDF, Office, OpenDocument, EPUB, RTF and Outlook files to Markdown, in a worker, with xberg.

xberg reads bytes; everything is off that would fetch or keep something: OCR's own data, caches, grammars, models, what
documents link to. It is told what a document is and never guesses. What it gets wrong is put right here: the slides of
a presentation (``slides``, ``open_slides``), lost sheets (``sheets``), escapes, link targets and letters (``tidying``),
empty cells (``tables``), titles that are none (``titles``).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any

from listener.documents import media_types, office_types, open_slides, pdf, reading, sheets, slides, titles
from listener.documents.reading import About, DocumentFormat, Read, Reading
from listener.documents.tidying import letters, tidy, unmarked
from listener.errors import DocumentError

UNLIMITED = 2**31  # the worker's limits hold instead; its own refused a sheet of 60,000 rows
SLIDE_RULE = re.compile(r"^-----(?:\n\n|\n?\Z)", re.MULTILINE)  # between slides of .ppt; an empty one of .pptx
MAIL_HEADER = re.compile(r"\A(?:\*\*[A-Za-z-]+\*\*:[^\n]*\n\n)+")
ENCRYPTED = re.compile(r"encrypt|password", re.IGNORECASE)
BY_PAGE = frozenset({office_types.PDF, office_types.PPTX, office_types.DOCX, *office_types.IMAGES})
TABLE_SHARE = 1 / 3  # of the time limit: then a PDF is read once more, without tables and with the whole limit
PDF_JUNK = 1024  # bytes before the beginning of a PDF that readers take
MAIL_START = b"mime-version:"
_loop: asyncio.AbstractEventLoop | None = None


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
    uri, kind, ocr = about.uri, _inside(data, about), about.ocr
    document = _extracted(data, uri, kind, ocr, tables)
    if kind == office_types.XLSX and sheets.lost(data, document.content):
        document = _with_all_sheets(data, uri)
    if unmapped := kind == office_types.PDF and titles.is_unknown(document.content):
        if ocr is None:
            return Reading(reading.as_buffer(""), notes={"unmapped": True})
        document = _extracted(data, uri, kind, ocr, tables=False, forced=unmapped)
    return _reading(document, data, kind)


def _reading(document: Any, data: bytes, kind: str) -> Reading:
    texts = _texts(document, data, kind)
    text, pages = _joined(texts)
    notes = _notes(document, kind)
    if kind in (office_types.PDF, office_types.PPTX) or len(texts) > 1:
        notes["page_count"] = len(texts)
    mail, said = kind == office_types.OUTLOOK, document.metadata
    title = reading.short(said.title or (said.subject if mail else None))
    title = title if mail else letters(title or "") or None
    paged = kind in (office_types.PDF, office_types.PPTX, *office_types.IMAGES) or len(pages) > 1
    return Reading(
        reading.as_buffer(text), title, reading.sane(notes), pages if paged else (), (), media_types.MARKDOWN
    )


def _with_all_sheets(data: bytes, uri: str) -> Any:
    document = _extracted(sheets.repaired(data), uri, office_types.XLSX, None)
    if missing := sheets.lost(data, document.content):
        hint = "it holds cells that can't be read: open it in its own program and save it again"
        message = f"{uri} could not be parsed: sheet {missing[0]!r} can't be read"
        raise DocumentError("parser_failed", message, hint)
    return document


def _inside(data: bytes, about: About) -> str:
    kind = about.media_type
    if kind == office_types.ZIP:
        kind = office_types.of_zip(data, about.uri, about.promised)
    elif kind == office_types.OLE:
        kind = office_types.of_ole(data, about.uri, about.promised)
    if kind in (office_types.ZIP, office_types.OLE):
        raise media_types.unsupported(about.uri, kind, "its content is")
    return kind


def _extracted(
    data: bytes, uri: str, kind: str, ocr: tuple[str, str] | None, tables: bool = False, forced: bool = False
) -> Any:
    import xberg  # noqa: PLC0415 - for workers only: 100 MB of native code

    given = xberg.ExtractInput(kind="bytes", bytes=data, mime_type=kind)
    try:
        result = _run(xberg.extract(given, _configuration(xberg, kind, ocr, tables, forced)))
    except Exception as error:  # its errors are RuntimeErrors with words
        raise _refused(uri, str(error)) from None
    if not result.results:
        raise _refused(uri, "; ".join(str(item.message) for item in result.errors) or "no result")
    return result.results[0]


def _run(extraction: Any) -> Any:
    """Run on one loop for all documents: closing one while the library's threads look at it is fatal."""
    global _loop  # noqa: PLW0603 - one per process
    _loop = _loop or asyncio.new_event_loop()

    async def awaited() -> Any:
        return await extraction

    return _loop.run_until_complete(awaited())


def _configuration(xberg: Any, kind: str, ocr: tuple[str, str] | None, tables: bool, forced: bool) -> Any:
    return xberg.ExtractionConfig(
        use_cache=False,
        disable_ocr=ocr is None,
        force_ocr=forced,
        ocr=_recognition(xberg, *ocr) if ocr else None,
        ocr_embedded_images=False,
        enable_quality_processing=False,
        postprocessor=xberg.PostProcessorConfig(enabled=False),
        tree_sitter=xberg.TreeSitterConfig(enabled=False),
        images=xberg.ImageExtractionConfig(extract_images=False, inject_placeholders=False, run_ocr_on_images=False),
        pages=xberg.PageConfig(extract_pages=kind in BY_PAGE),
        pdf_options=xberg.PdfConfig(extract_tables=tables, extract_form_fields=True),
        output_format="markdown",
        escape_markdown=False,
        max_archive_depth=0,
        extraction_timeout_secs=None,
        security_limits=xberg.SecurityLimits(
            max_archive_size=UNLIMITED,
            max_compression_ratio=UNLIMITED,  # formats has looked; a sheet of formatted rows inflates 200 times
            max_files_in_archive=office_types.MOST_ENTRIES,
            max_content_size=UNLIMITED,
            max_table_cells=UNLIMITED,
            max_iterations=UNLIMITED,
        ),
    )


def _recognition(xberg: Any, languages: str, tessdata: str) -> Any:
    names = languages.split("+")
    tesseract = xberg.TesseractConfig(language=names, use_cache=False, enable_table_detection=False)
    stage = xberg.OcrPipelineStage("tesseract", priority=1, language=names, tesseract_config=tesseract)
    # One stage: left to itself, what was hard to read is tried with a model that is fetched and kept.
    alone = xberg.OcrPipelineConfig([stage], xberg.OcrQualityThresholds())
    return xberg.OcrConfig(
        backend="tesseract", language=names, tesseract_config=tesseract, tessdata_path=tessdata, pipeline=alone
    )


def _refused(uri: str, words: str) -> DocumentError:
    if ENCRYPTED.search(words):
        return office_types.encrypted(uri)
    if "DTD" in words:
        hint = "it declares a document type of its own, which is refused: save it again with a common program"
        return DocumentError("parser_failed", f"{uri} could not be parsed: {words[:500]}", hint)
    hint = "it is damaged or cut off: open it in its own program and save it again, or leave it out with 'exclude'"
    return DocumentError("parser_failed", f"{uri} could not be parsed: {words[:500]}", hint)


def _texts(document: Any, data: bytes, kind: str) -> list[str]:
    """Return the text by pages where the format has them, else in one piece."""
    if kind == office_types.OUTLOOK:
        return [MAIL_HEADER.sub("", document.content)]
    if kind in office_types.SHEETS:
        return [sheets.in_words(document.content)]
    if kind in office_types.MARKED:
        return [unmarked(text) for text in _pages(document, kind)]
    if kind in (office_types.ODP, office_types.PPT):
        return (open_slides.markdown(data) if kind == office_types.ODP else None) or _slides(document.content)
    pages = _pages(document, kind)
    if kind == office_types.PPTX:
        return slides.in_order(data, [SLIDE_RULE.sub("", page) for page in pages])
    if kind == office_types.PDF:
        pages[-1] += f"\n\n{pdf.filled(document)}"
    return pages


def _pages(document: Any, kind: str) -> list[str]:
    pages = [page.content for page in document.pages or ()] if kind in BY_PAGE else []
    if kind == office_types.DOCX and _size(pages) < _size([document.content]):
        return [document.content]  # footnotes stand in the whole only
    return pages or [document.content]


def _slides(markdown: str) -> list[str]:
    return SLIDE_RULE.split(SLIDE_RULE.sub("", markdown, count=1) if markdown.startswith("-----") else markdown)


def _size(texts: Sequence[str]) -> int:
    return sum(len("".join(text.split())) for text in texts)


def _joined(texts: Sequence[str]) -> tuple[str, list[int]]:
    """Return the tidied texts as one, and where in it each begins."""
    pieces, starts, at = [], [], 0
    for text in map(tidy, texts):
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
