"""Bytes to normalized text: valid Unicode without NUL, and a media type that says how to chunk it.

::

    bytes ─► media_types: what is it? ─► UTF-8 text ─────────────────────────────────► as it is
                                       ├► other text ─► worker: decoding ─────────────► decoded, else as it is
                                       ├► HTML ───────► worker: decoding, then markup ─► Markdown
                                       ├► e-mail ─────► worker: mail ─────────────────► its body, and parts
                                       └► PDF, Office ► worker: formats, documents ───► Markdown, by pages

Nothing rewrites text, Markdown or source code: line ends, tabs and blanks stay. Only byte order marks and NULs are
dropped; what can't be decoded becomes U+FFFD and is counted in the metadata (see ``decoding``).

Workers import this package, so that it keeps its imports small.
"""

from __future__ import annotations

import asyncio
import codecs
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from listener.documents import decoding, formats, mail, markup, media_types, office, pdf, recognition, titles
from listener.documents.pool import WorkerCrashed, WorkerFailed, WorkerMemory, Workers, WorkerTimeout
from listener.documents.reading import Reading, as_buffer
from listener.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from listener.models import Parsed

HERE_BYTES = 64 * 1024  # text up to this size is decoded on the event loop: 0.3 ms, what a thread would cost too
TITLE_LINES = 200
FRONT_MATTER_TITLE = re.compile(r"^title\s*:\s*[\"']?(.+?)[\"']?\s*$", re.IGNORECASE)
HEADING = re.compile(r"^ {0,3}# +(.+?)(?: +#+)? *$")
FENCES = ("```", "~~~")

PIECE = 1024 * 1024  # Python holds its lock while it decodes: in one go, 60 MB stopped the event loop for 400 ms

Octets = bytes | memoryview
NOTHING_ELSE = Reading(as_buffer(""))
TABLE_SHARE = 1 / 3  # of the time limit: then a PDF is read once more, without tables and with the whole limit
SCANNED = formats.DOCUMENTS | formats.IMAGES


class Parsers:
    """Turn documents into text, in ``workers`` where it is not trivial.

    ``ocr`` names the languages of scanned documents and images (``eng+deu``); without it they are not read. Raises
    SettingsError ``ocr_not_installed``.
    """

    def __init__(self, workers: Workers, ocr: str | None = None) -> None:
        self._workers = workers
        self._ocr = (ocr, recognition.tessdata(ocr)) if ocr else None

    async def parse(self, data: bytes, *, uri: str, media_type: str | None = None) -> Parsed:
        """Parse one document of any size.

        ``uri`` names it in errors, and its extension counts when there is no ``media_type``. That may carry a charset,
        as in HTTP. The result's media type is ``text/markdown`` for HTML, PDF and office formats, ``text/plain`` or
        ``text/markdown`` for e-mail, else what the document is.

        Raises DocumentError ``empty_document``, ``no_text``, ``unsupported``, ``encrypted``, ``zip_bomb``,
        ``parser_failed``, ``parser_crashed``, ``parser_timeout`` or ``parser_memory``.
        """
        declared, charset = _declaration(media_type)
        if not data:
            raise DocumentError("empty_document", f"{uri} is empty", "there is nothing to ingest: 0 bytes")
        kind, told = media_types.decide(data, uri, declared, ocr=self._ocr is not None)
        if kind in media_types.HTML:
            return await self._finished(uri, media_types.MARKDOWN, self._workers.run(html_text, data, charset))
        if kind == formats.MAIL:
            return await self._finished(uri, kind, self._workers.run(mail.read, data, uri))
        if not media_types.is_text(kind):
            return await self._finished(uri, kind, self._document(data, uri, kind, declared))
        text = await _as_utf8(data) if charset in (None, "utf-8") else None
        if text is not None:
            return _parsed(uri, kind, text)
        return await self._finished(uri, kind, self._workers.run(plain_text, data, charset, told))

    async def _document(self, data: bytes, uri: str, kind: str, declared: str) -> Reading:
        if kind == formats.PDF and len(data) <= pdf.TABLE_BYTES:
            limit = None if self._ocr else self._workers.timeout_seconds * TABLE_SHARE
            with suppress(WorkerFailed):  # the search for tables may take all time or memory
                return await self._workers.run(office.read, data, uri, kind, declared, self._ocr, True, timeout=limit)
        return await self._workers.run(office.read, data, uri, kind, declared, self._ocr, False)

    async def _finished(self, uri: str, kind: str, reading: Awaitable[Reading]) -> Parsed:
        try:
            read = await reading
            return _parsed(uri, kind, await _beside(_joined, read.text), read)
        except decoding.Binary:
            raise media_types.unsupported(uri, "application/octet-stream", "its content is") from None
        except markup.Malformed as failure:
            raise _failed("failed", uri, failure, "check that it is what its name or media type says") from None
        except WorkerTimeout as failure:
            hint = "it may be damaged or made to be slow; raise INGEST_PARSE_TIMEOUT_SECONDS if it is just large"
            raise _failed("timeout", uri, failure, hint) from None
        except WorkerMemory as failure:
            hint = "split it, or raise INGEST_PARSE_MEMORY_MB (HTML needs up to 30 times its size, a packed sheet more)"
            raise _failed("memory", uri, failure, hint) from None
        except WorkerCrashed as failure:
            hint = "the parser failed on this document only; if other documents fail too, look for a lack of memory"
            raise _failed("crashed", uri, failure, hint) from None


def plain_text(data: bytes, charset: str | None, told: bool) -> Reading:
    """Decode text, in a worker."""
    text, notes = decoding.decode(data, charset, told=told, html=False)
    return Reading(as_buffer(text), None, notes)


def html_text(data: bytes, charset: str | None) -> Reading:
    """Decode an HTML page and turn it into Markdown, in a worker."""
    page, decoded = decoding.decode(data, charset, told=True, html=True)
    text, title, notes = markup.markdown(page)
    return Reading(as_buffer(text), title, decoded | notes)


def _declaration(media_type: str | None) -> tuple[str, str | None]:
    """Split ``text/html; charset=utf-8`` into type and charset."""
    kind, _, parameters = (media_type or "").partition(";")
    charset = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", parameters, re.IGNORECASE)
    return kind.strip().lower(), charset[1].lower() if charset else None


async def _as_utf8(data: bytes) -> str | None:
    """Return plain UTF-8 text, or None if it takes a closer look (NULs, ISO-2022-JP, other encodings)."""
    try:
        text = await _beside(_joined, data)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text or "\x1b$" in text else text.removeprefix("\ufeff")


async def _beside(read: Callable[[Octets], str], data: Octets) -> str:
    """Read large data in a thread, beside the event loop."""
    return read(data) if len(data) <= HERE_BYTES else await asyncio.to_thread(read, data)


def _joined(data: Octets) -> str:
    """Decode UTF-8 in pieces, so that other threads get their turn."""
    if len(data) <= PIECE:
        return str(data, "utf-8")
    decoder = codecs.getincrementaldecoder("utf-8")()
    with memoryview(data) as view:
        pieces = [decoder.decode(view[start : start + PIECE]) for start in range(0, len(view), PIECE)]
    return "".join([*pieces, decoder.decode(b"", final=True)])


def _parsed(uri: str, kind: str, text: str, read: Reading | None = None) -> Parsed:
    from listener.models import Parsed, Part  # noqa: PLC0415 - Pydantic would cost each worker 300 ms and 11 MB

    read = read or NOTHING_ELSE
    if not text or text.isspace():
        raise _no_text(uri, kind, read.notes)
    became, title = read.kind or kind, read.title
    if became == media_types.MARKDOWN:
        title = title or titles.readable(_markdown_title(text))
    parts = [Part(name, of, bytes(data)) for name, of, data in read.parts]
    return Parsed(text, became, title, read.notes, tuple(read.pages), parts)


def _no_text(uri: str, kind: str, notes: dict[str, Any]) -> DocumentError:
    deep = " above 1,024 levels of nesting" if notes.get("too_deep") else ""
    hint = "if that is as it should be, leave it out with 'exclude'"
    if notes.get("unmapped"):
        hint = f"its fonts don't say which letters they draw: with INGEST_OCR it is read as a picture; {hint}"
    elif kind in SCANNED:
        hint = f"it may be scanned: see INGEST_OCR, which reads pictures of text where Tesseract is installed; {hint}"
    return DocumentError("no_text", f"{uri} has no text{deep}", hint)


def _markdown_title(text: str) -> str | None:
    """Return the title that the front matter or the first top heading gives, outside of code blocks."""
    lines = text[:20_000].splitlines()[:TITLE_LINES]
    front, fenced = lines[:1] == ["---"], False
    for number, line in enumerate(lines):
        if front:
            front = number == 0 or line not in ("---", "...")
            found = FRONT_MATTER_TITLE.match(line)
        else:
            fenced ^= line.lstrip().startswith(FENCES)
            found = None if fenced else HEADING.match(line)
        if found:
            return found[1].strip() or None
    return None


def _failed(how: str, uri: str, failure: Exception, hint: str) -> DocumentError:
    return DocumentError(f"parser_{how}", f"{uri} could not be parsed: {failure}", hint)
