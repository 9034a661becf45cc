"""One call of xberg, which reads PDF, Word, PowerPoint, old Office, RTF, EPUB and Outlook files.

It reads bytes; everything is off that would fetch or keep something: OCR's own data, caches, grammars, models, what
documents link to. It is told a document's format and never guesses.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

from listener.documents import office_types
from listener.errors import DocumentError

UNLIMITED = 2**31  # the worker's limits hold instead; its own refused a sheet of 60,000 rows
ENCRYPTED = re.compile(r"encrypt|password", re.IGNORECASE)
BY_PAGE = frozenset({office_types.PDF, office_types.PPTX, office_types.DOCX, *office_types.IMAGES})
_loop: asyncio.AbstractEventLoop | None = None


class Unreadable(Exception):
    """The library can't read the document; the text is what it said."""


def extracted(
    data: bytes, kind: str, ocr: tuple[str, str] | None = None, tables: bool = False, forced: bool = False
) -> Any:
    """Return the library's document. ``forced``: pages are read as pictures. Raises Unreadable."""
    import xberg  # noqa: PLC0415 - for workers only: 100 MB of native code

    given = xberg.ExtractInput(kind="bytes", bytes=data, mime_type=kind)
    try:
        result = _run(xberg.extract(given, _configuration(xberg, kind, ocr, tables, forced)))
    except Exception as error:  # its errors are RuntimeErrors with words
        raise Unreadable(str(error)) from None
    if not result.results:
        raise Unreadable("; ".join(str(item.message) for item in result.errors) or "no result")
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


def refused(uri: str, words: str) -> DocumentError:
    """Return the error for a document that can't be read, by what was said of it."""
    if ENCRYPTED.search(words):
        return office_types.encrypted(uri)
    if "DTD" in words:
        hint = "it declares a document type of its own, which is refused: save it again with a common program"
        return DocumentError("parser_failed", f"{uri} could not be parsed: {words[:500]}", hint)
    hint = "it is damaged or cut off: open it in its own program and save it again, or skip it with 'exclude'"
    return DocumentError("parser_failed", f"{uri} could not be parsed: {words[:500]}", hint)
