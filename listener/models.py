"""The small values that pass between the parts: references, results, chunks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from listener.documents.parsed import Parsed
    from listener.sources.base import Found

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
class Chunk:
    """A slice of a document's text: ``text[start:end]``, in characters, under its headings (outermost first)."""

    start: int
    end: int
    heading_path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Space:
    """Vectors can be compared only within one space: same embedder, endpoint, model and dimensions."""

    embedder: str
    endpoint: str
    model: str
    dimensions: int


class Embeddings(NamedTuple):
    """What a call returned: ``vectors``, shape (texts, dimensions), and the tokens that the service counted."""

    vectors: NDArray[np.float32]
    tokens: int = 0


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
