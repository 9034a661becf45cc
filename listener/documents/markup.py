"""HTML to Markdown: headings, lists, tables and code blocks stay; scripts, styles and the page's ``furniture`` go.

Links become their text: targets would fill a chunk with addresses that nobody searches by meaning.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from listener.documents import decoding, furniture
from listener.documents.reading import About, DocumentFormat, Malformed, Reading, as_buffer

TITLE = re.compile(r"<title[^>]{0,200}>([^<]{0,1000})</title", re.IGNORECASE)
LANGUAGE = re.compile(
    r"<html\b[^>]{0,1000}?\blang\s*=\s*(?:[\"']\s*)?([a-z]{1,8}(?:-[a-z0-9]{1,8}){0,4})", re.IGNORECASE
)
BODY = re.compile(r"<(?:body|svg)\b", re.IGNORECASE)  # a picture may have a <title> too
HEAD = 64 * 1024  # title and language are at the beginning
_options: Any = None


def read(data: bytes, about: About) -> Reading:
    """Decode an HTML page and turn it into Markdown, in a worker."""
    page, decoded = decoding.decode(data, about.charset, told=True, html=True)
    text, title, notes = markdown(page)
    unread = ["what is nested more than 1,024 levels deep"] if notes.get("too_deep") else ()
    return Reading(as_buffer(text), title, decoded | notes, kind="text/markdown", unread=unread)


def markdown(page: str) -> tuple[str, str | None, dict[str, Any]]:
    """Return the page as Markdown, its ``<title>`` and notes (``language``, ``too_deep``); raise Malformed."""
    from html_to_markdown import convert  # noqa: PLC0415 - for workers only; a native library stays out of the listener

    try:
        result = convert(furniture.removed(page), _conversion())
    except Exception as error:  # the library's errors have no common class
        raise Malformed(f"{type(error).__name__}: {error}"[:500]) from None
    text = (result.content or "").replace("\0", "").strip("\n")
    notes: dict[str, Any] = {}
    if language := LANGUAGE.search(page, 0, HEAD):
        notes["language"] = language[1]
    if any("depth" in str(warning.kind).lower() for warning in result.warnings):
        notes["too_deep"] = True  # what is nested more than 1,024 levels deep is missing
    return text + "\n", _title(page), notes


def _conversion() -> Any:
    global _options  # noqa: PLW0603 - built once per process, when the library is there
    if _options is None:
        from html_to_markdown import ConversionOptions, HiddenContent, PreprocessingOptions  # noqa: PLC0415 - as above

        _options = ConversionOptions(
            extract_metadata=False,  # otherwise it writes its own front matter into the text
            hidden_content=HiddenContent.REACHABLE,  # furniture has decided
            preprocessing=PreprocessingOptions(remove_navigation=False, remove_forms=False),
            strip_tags=["a"],  # the tags, not what they enclose
            skip_images=True,
            compact_tables=True,  # columns padded to the widest cell only fill the chunks
        )
    return _options


def _title(page: str) -> str | None:
    body = BODY.search(page, 0, HEAD)
    found = TITLE.search(page, 0, body.start() if body else HEAD)
    return " ".join(unescape(found[1]).replace("\0", "").split()) or None if found else None


FORMAT = DocumentFormat(read, {"text/html": "html htm xhtml xht shtml", "application/xhtml+xml": ""})
