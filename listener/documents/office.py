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

from listener.documents import formats, media_types, open_slides, pdf, reading, sheets, slides, titles
from listener.documents.reading import Reading
from listener.documents.tidying import letters, tidy, unmarked
from listener.errors import DocumentError

UNLIMITED = 2**31  # the worker's limits hold instead; its own refused a sheet of 60,000 rows
SLIDE_RULE = re.compile(r"^-----(?:\n\n|\n?\Z)", re.MULTILINE)  # between slides of .ppt; an empty one of .pptx
MAIL_HEADER = re.compile(r"\A(?:\*\*[A-Za-z-]+\*\*:[^\n]*\n\n)+")
BY_PAGE = frozenset({formats.PDF, formats.PPTX, formats.DOCX, *formats.IMAGES})
_loop: asyncio.AbstractEventLoop | None = None


def read(data: bytes, uri: str, kind: str, promised: str, ocr: tuple[str, str] | None, tables: bool = True) -> Reading:
    """Parse one document; ``kind`` may be a container's, ``ocr`` names languages and tessdata folder.

    Without ``tables`` none are looked for in a PDF. Raises DocumentError ``unsupported``, ``encrypted``, ``zip_bomb``
    or ``parser_failed``.
    """
    kind = _inside(data, uri, kind, promised)
    tables = tables and kind == formats.PDF and pdf.deserves_tables(data)
    document = _extracted(data, uri, kind, ocr, tables)
    if kind == formats.XLSX and sheets.lost(data, document.content):
        document = _with_all_sheets(data, uri)
    if unmapped := kind == formats.PDF and titles.is_unknown(document.content):
        if ocr is None:
            return Reading(reading.as_buffer(""), notes={"unmapped": True})
        document = _extracted(data, uri, kind, ocr, tables=False, forced=unmapped)
    return _reading(document, data, kind)


def _reading(document: Any, data: bytes, kind: str) -> Reading:
    texts = _texts(document, data, kind)
    text, pages = _joined(texts)
    notes = _notes(document, kind)
    if kind in (formats.PDF, formats.PPTX) or len(texts) > 1:
        notes["page_count"] = len(texts)
    title = reading.short(document.metadata.title or (document.metadata.subject if kind == formats.OUTLOOK else None))
    title = title if kind == formats.OUTLOOK else titles.told(letters(title or ""))
    paged = kind in (formats.PDF, formats.PPTX, *formats.IMAGES) or len(pages) > 1
    return Reading(
        reading.as_buffer(text), title, reading.sane(notes), pages if paged else (), (), media_types.MARKDOWN
    )


def _with_all_sheets(data: bytes, uri: str) -> Any:
    document = _extracted(sheets.repaired(data), uri, formats.XLSX, None)
    if missing := sheets.lost(data, document.content):
        hint = "it holds cells that can't be read: open it in its own program and save it again"
        message = f"{uri} could not be parsed: sheet {missing[0]!r} can't be read"
        raise DocumentError("parser_failed", message, hint)
    return document


def _inside(data: bytes, uri: str, kind: str, promised: str) -> str:
    promised = formats.ALIASES.get(promised, promised) or media_types.by_name(uri) or ""
    if kind == formats.ZIP:
        kind = formats.of_zip(data, uri, promised)
    elif kind == formats.OLE:
        kind = formats.of_ole(data, uri, promised)
    if kind in (formats.ZIP, formats.OLE):
        raise media_types.unsupported(uri, kind, "its content is")
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
            max_files_in_archive=formats.MOST_ENTRIES,
            max_content_size=UNLIMITED,
            max_table_cells=UNLIMITED,
            max_iterations=UNLIMITED,
        ),
    )


def _recognition(xberg: Any, languages: str, tessdata: str) -> Any:
    names = languages.split("+")
    tesseract = xberg.TesseractConfig(language=names, use_cache=False, enable_table_detection=False)
    return xberg.OcrConfig(backend="tesseract", language=names, tesseract_config=tesseract, tessdata_path=tessdata)


def _refused(uri: str, words: str) -> DocumentError:
    if re.search(r"encrypt|password", words, re.IGNORECASE):
        return formats.encrypted(uri)
    if "DTD" in words:
        hint = "it declares a document type of its own, which is refused: save it again with a common program"
        return DocumentError("parser_failed", f"{uri} could not be parsed: {words[:500]}", hint)
    hint = "it is damaged or cut off: open it in its own program and save it again, or leave it out with 'exclude'"
    return DocumentError("parser_failed", f"{uri} could not be parsed: {words[:500]}", hint)


def _texts(document: Any, data: bytes, kind: str) -> list[str]:
    """Return the text by pages where the format has them, else in one piece."""
    if kind == formats.OUTLOOK:
        return [MAIL_HEADER.sub("", document.content)]
    if kind in formats.SHEETS:
        return [sheets.in_words(document.content)]
    if kind in formats.MARKED:
        return [unmarked(text) for text in _pages(document, kind)]
    if kind in (formats.ODP, formats.PPT):
        return (open_slides.markdown(data) if kind == formats.ODP else None) or _slides(document.content)
    pages = _pages(document, kind)
    if kind == formats.PPTX:
        return slides.in_order(data, [SLIDE_RULE.sub("", page) for page in pages])
    if kind == formats.PDF:
        pages[-1] += f"\n\n{pdf.filled(document)}"
    return pages


def _pages(document: Any, kind: str) -> list[str]:
    pages = [page.content for page in document.pages or ()] if kind in BY_PAGE else []
    if kind == formats.DOCX and _size(pages) < _size([document.content]):
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
    if kind == formats.OUTLOOK:
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
