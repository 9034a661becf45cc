"""The small values that pass between the parts: references, results, found documents, parsed texts, chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Digest = bytes
"""A SHA-256, 32 bytes."""


@dataclass(frozen=True, slots=True)
class Found:
    """One document behind a source, not read yet.

    ``uri`` is what the document is called in its collection (``file:///srv/docs/a.md``); ``path`` is where a local
    one lies; ``bytes`` is its size if known without reading it. A record has the number of its ``container``, begins in
    line ``line`` at byte ``start`` there, and has the SHA-256 ``digest``.
    """

    uri: str
    path: str | None = None
    media_type: str | None = None
    bytes: int | None = None
    container: int | None = None
    start: int | None = None
    digest: Digest | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A document that discovery saw but can't offer: unreadable, a device, a link that leads out of the roots."""

    uri: str
    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A document inside of another one, such as an e-mail's attachment: its name there, and its bytes."""

    name: str
    media_type: str | None
    data: bytes


@dataclass(frozen=True, slots=True)
class Parsed:
    """A document as normalized text: valid Unicode, no NUL.

    ``media_type`` says how to chunk it: ``text/markdown`` (HTML becomes that too), ``text/plain`` or a code type.
    ``pages`` are the places in ``text``, in characters, where its pages (slides) begin, the first page first; empty if
    it has none. ``parts`` are documents of their own.
    """

    text: str
    media_type: str
    title: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    pages: Sequence[int] = ()
    parts: Sequence[Part] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A slice of a document's text: ``text[start:end]``, in characters, under its headings (outermost first)."""

    start: int
    end: int
    heading_path: tuple[str, ...] = ()
