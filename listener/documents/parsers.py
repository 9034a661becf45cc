"""Bytes to normalized text: valid Unicode without NUL, and a media type that says how to chunk it.

::

    bytes ─► formats: which is it? ─► plain_text ─► UTF-8: as it is; otherwise a worker: decoding
                                    ├► markup ─────► worker: decoding, then Markdown
                                    ├► mail ───────► worker: its body, and parts
                                    ├► office ─────► worker: Markdown, by pages
                                    └► what others have registered ─► worker
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from listener.documents import decoding, media_types, received, recognition, titles
from listener.documents.failures import (
    AnswerTooLarge,
    CallRaised,
    WorkerCrashed,
    WorkerMemory,
    WorkersClosed,
    WorkerTimeout,
)
from listener.documents.formats import Formats
from listener.documents.parsed import Parsed
from listener.documents.pool import Workers
from listener.documents.reading import About, DocumentFormat, Malformed, Reading, as_buffer
from listener.documents.utf8 import as_text, is_blank
from listener.errors import DocumentError

CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
TEXTS = (media_types.HTML, media_types.PLAIN)
ENCODED = 3  # bytes of UTF-8 that a byte of text or HTML becomes, at most
MOST_NAMED = 10  # of what could not be read
LEAST_SHARE = 0.05  # of the time limit: with less left, there is no further attempt
NOTHING_ELSE = Reading(as_buffer(""))


class Parsers:
    """Turn documents into text, in ``workers`` where it is not trivial.

    ``ocr`` names the languages of scanned documents and images (``eng+deu``); without it they are not read. Raises
    SettingsError ``ocr_not_installed``; without ``formats``, OperatorError ``broken_extension``.
    """

    def __init__(self, workers: Workers, ocr: str | None = None, formats: Formats | None = None) -> None:
        self._workers = workers
        self._ocr = (ocr, recognition.tessdata(ocr)) if ocr else None
        if self._ocr:
            workers.let_read(self._ocr[1])
        self._formats = formats or Formats.installed()

    def expands(self, uri: str, media_type: str | None) -> bool:
        """Tell whether a document's text may be many times its size, by its name or declaration: no text, no HTML."""
        return self._formats.promised(uri, _declaration(media_type)[0]) not in TEXTS

    def kind(self, data: bytes, uri: str, media_type: str | None) -> str:
        """Return a document's format, as far as known: by its first bytes, else its declaration, else its name."""
        declared = _declaration(media_type)[0]
        try:
            return self._formats.decide(data, uri, declared, ocr=self._ocr is not None)[1]
        except Exception:  # of whatever kind: a format's own code looked at it
            return media_types.foreign(data) or self._formats.promised(uri, declared)

    async def parse(self, data: bytes, *, uri: str, media_type: str | None = None, most: int | None = None) -> Parsed:
        """Parse one document of any size.

        ``uri`` names it in errors, and its extension counts when there is no ``media_type``. That may carry a charset,
        as in HTTP. The result's media type is ``text/markdown`` for HTML, PDF and office formats, ``text/plain`` or
        ``text/markdown`` for e-mail, else what the document is. ``most``: bytes of its text and of what is inside of
        it, together; by default as many as a worker may answer. Text that is decoded may have three times the size of
        the document in any case.

        Raises DocumentError ``empty_document``, ``no_text``, ``unsupported``, ``encrypted``, ``zip_bomb``,
        ``too_large``, ``parser_failed``, ``parser_crashed``, ``parser_timeout`` or ``parser_memory``, whatever the
        parser makes of the document.
        """
        if not data:
            raise DocumentError("empty_document", f"{uri} is empty", "there is nothing to ingest: 0 bytes")
        try:
            return await self._parse(data, uri, media_type, most)
        except (DocumentError, WorkersClosed):
            raise
        except Malformed as failure:
            raise _failed("failed", uri, failure, "check that it is what its name or media type says") from None
        except Exception as failure:  # whatever a format's own code raises over a document
            said = f"{type(failure).__name__}: {failure}"[:500] if not isinstance(failure, CallRaised) else failure
            raise _failed("failed", uri, said, "skip it with 'exclude', and report it") from failure

    async def _parse(self, data: bytes, uri: str, media_type: str | None, most: int | None) -> Parsed:
        declared, charset = _declaration(media_type)
        one, kind, promised, told = self._formats.decide(data, uri, declared, ocr=self._ocr is not None)
        about = About(uri, kind, promised, charset, told, self._ocr)
        if one.here and (text := await one.here(data, about)) is not None:
            return await _parsed(one, about, text, NOTHING_ELSE)
        if most is not None and (one.here or kind in TEXTS):
            most = max(most, ENCODED * len(data))
        reading = received.reading(await self._read(one, data, about, most))
        return await _parsed(one, about, received.text(await as_text(reading.text)), reading)

    async def _read(self, one: DocumentFormat, data: bytes, about: About, most: int | None) -> Any:
        try:
            return await self._tried(one, data, about, most)
        except decoding.Binary:
            raise media_types.unsupported(about.uri, "application/octet-stream", "its content is") from None
        except WorkerTimeout:
            hint = "it may be damaged or malicious; raise INGEST_PARSE_TIMEOUT_SECONDS if it is just large"
            said = f"no answer within {self._workers.timeout_seconds:g} seconds"
            raise _failed("timeout", about.uri, said, hint) from None
        except WorkerMemory as failure:
            hint = "split it, or raise INGEST_PARSE_MEMORY_MB (HTML needs up to 30 times its size)"
            raise _failed("memory", about.uri, failure, hint) from None
        except AnswerTooLarge as failure:
            hint = "split it, or raise INGEST_MAX_DOCUMENT_BYTES"
            message = f"{about.uri} has {failure} of text and documents inside, {most} are allowed for its size"
            raise DocumentError("too_large", message, hint) from None
        except WorkerCrashed as failure:
            hint = "the parser failed on this document only; if other documents fail too, check for a lack of memory"
            raise _failed("crashed", about.uri, failure, hint) from None

    async def _tried(self, one: DocumentFormat, data: bytes, about: About, most: int | None) -> Any:
        """Read in one way after the other; all of them together have the time of one document."""
        limit = left = self._workers.timeout_seconds
        for read, share in one.attempts(data, about) if one.attempts else ():
            try:
                return await self._workers.run(read, data, about, timeout=min(share * limit, left), most=most)
            except (WorkerTimeout, WorkerMemory, WorkerCrashed) as failure:
                left -= failure.seconds
                if left < limit * LEAST_SHARE:
                    raise
        return await self._workers.run(one.read, data, about, timeout=left, most=most)


def _declaration(media_type: str | None) -> tuple[str, str | None]:
    """Split ``text/html; charset=utf-8`` into type and charset."""
    kind, _, parameters = (media_type or "").partition(";")
    charset = CHARSET.search(parameters)
    return kind.strip().lower(), charset[1].lower() if charset else None


async def _parsed(one: DocumentFormat, about: About, text: str, read: Reading) -> Parsed:
    warning = _partly(about.uri, received.unread(read))
    if await is_blank(text):
        raise _nothing_left(warning) if warning and not read.notes.get("too_deep") else _no_text(one, about, read.notes)
    became = read.kind or about.media_type
    title = titles.title_of(read.title, text, became, about.uri, is_message="from" in read.notes)
    return Parsed(text, became, title, read.notes, received.pages(read.pages, len(text)), received.parts(read), warning)


def _partly(uri: str, unread: Sequence[str]) -> DocumentError | None:
    if not unread:
        return None
    more = f" and {len(unread) - MOST_NAMED} more" if len(unread) > MOST_NAMED else ""
    message = f"{uri} was only partly read, without {', '.join(unread[:MOST_NAMED])}{more}"
    hint = "the part that was read is searchable; for the rest, save it again in its own program, or get an intact copy"
    return DocumentError("partially_read", message, hint)


def _nothing_left(warning: DocumentError) -> DocumentError:
    hint = "it is damaged: open it in its own program and save it again, or get a sound copy"
    return DocumentError("parser_failed", f"{warning.message}: nothing is left", hint)


def _no_text(one: DocumentFormat, about: About, notes: dict[str, Any]) -> DocumentError:
    deep = " above 1,024 levels of nesting" if notes.get("too_deep") else ""
    hint = "if that is intended, skip it with 'exclude'"
    if notes.get("unmapped"):
        hint = f"its fonts don't say which letters they draw: with INGEST_OCR it is read as a picture; {hint}"
    elif one.pictures:
        hint = f"it may be scanned: see INGEST_OCR, which reads pictures of text where Tesseract is installed; {hint}"
    return DocumentError("no_text", f"{about.uri} has no text{deep}", hint)


def _failed(how: str, uri: str, failure: object, hint: str) -> DocumentError:
    return DocumentError(f"parser_{how}", f"{uri} could not be parsed: {failure}", hint)
