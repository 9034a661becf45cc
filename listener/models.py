"""The small values that pass between the parts: references, results, found documents, parsed texts, chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

Digest = bytes
"""A SHA-256, 32 bytes."""


class Reference(BaseModel):
    """Crosses DBOS's boundary as JSON (``as_json``) and is validated where it arrives (``model_validate``)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def as_json(self) -> dict[str, Any]:
        """Return the reference as plain JSON values."""
        return self.model_dump(mode="json")


class RequestRef(Reference):
    """Names a request."""

    request: UUID


class BatchRef(Reference):
    """Names a batch of a request."""

    request: UUID
    batch: int


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


@dataclass(frozen=True, slots=True)
class Owner:
    """The token of the execution that may write for the batch ``number`` of a request.

    Several requests of one small document each share a batch: then it may for the batch ``number`` of each of them.
    ``alone``: the documents are tried one by one.
    """

    requests: Sequence[UUID]
    number: int
    token: UUID
    alone: bool = False

    @property
    def batch(self) -> tuple[list[UUID], int]:
        return list(self.requests), self.number

    @property
    def key(self) -> tuple[list[UUID], int, UUID]:
        return list(self.requests), self.number, self.token


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the load step found out about one revision: a parsed text or an error.

    With ``part``, about a document inside of that revision's, which has this URI.
    """

    revision: int
    read_seq: int
    digest: bytes | None = None
    size: int | None = None
    parsed: Parsed | None = None
    error: dict[str, Any] | None = None
    part: str | None = None


@dataclass(frozen=True, slots=True)
class NewChunk:
    """A chunk to store: ``text`` as it stands in the document, ``digest`` of what is embedded for it."""

    request: UUID
    revision: int
    ordinal: int
    chunk: Chunk
    text: str
    embedded: str
    digest: bytes
    metadata: str


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """A document of a request, in the order of discovery; without a batch if it failed there."""

    position: int
    batch: int | None
    found: Found
    error: dict[str, Any] | None = None
