"""Documents on their way through the steps, as rows that cross between SQL and Python at the ``gateway``.

What goes to SQL has ``as_row``: the fields of a composite type in its order (``sql/types``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from sys import getsizeof
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from listener.documents.parsed import Parsed
from listener.pipeline.memory import Memory
from listener.sources.base import Digest, Known, RecordPlace

if TYPE_CHECKING:
    from pgvector import Vector

Failure = Mapping[str, Any]
"""An error as the ``error`` columns hold it: code, message, hint, step, retryable (``IngestError.as_json``)."""

Reached = Mapping[UUID, Failure]
"""That a cap is reached: what each request of a batch is told."""


def as_json(value: Any) -> str | None:
    """Return a value as JSON text; None stays None."""
    return None if value is None else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Fence:
    """The token of the execution that may write for the batch ``number`` of each of ``requests``.

    Several requests of one small document each share a batch. ``alone``: its documents are tried one by one.
    """

    requests: Sequence[UUID]
    number: int
    token: UUID
    alone: bool = False

    @property
    def as_row(self) -> tuple[list[UUID], int, UUID]:
        return list(self.requests), self.number, self.token


@dataclass(frozen=True, slots=True)
class ToLoad:
    """A revision to be read.

    ``locator``: where it lies, None for inline content. ``bytes``: its size as far as it is known. ``read_seq``: the
    number of this reading. ``live``: what is live under the same settings. ``record``: if it is one, where.
    ``whole_uri``: the document that it is a part of. ``version``: of its state, as discovery saw it.
    """

    id: int
    request_id: UUID
    uri: str
    locator: str | None
    media_type: str | None
    bytes: int | None
    read_seq: int
    live: Known | None
    max_bytes: int | None
    record: RecordPlace | None
    whole_uri: str | None
    version: str | None = None


class LoadedRow(NamedTuple):
    """A ``Loaded`` as the fields of ``ingest_loaded_v2``: metadata and error are JSON."""

    revision: int
    read_seq: int
    digest: Digest | None
    size: int | None
    text: str | None
    title: str | None
    media_type: str | None
    metadata: str | None
    pages: Sequence[int] | None
    error: str | None
    part: str | None
    version: str | None
    modified_at: datetime | None
    read_seconds: float | None
    parse_seconds: float | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the load step found out about one revision: a parsed text, which may have a warning, or an error.

    With ``part``, about a document inside of that revision's, which has this URI. ``version``, ``modified_at``: what
    its source said of its state as it gave it. ``read_seconds``, ``parse_seconds``: how long both took, if it is known.
    ``dropped``: why an own step leaves it out.
    """

    revision: int
    read_seq: int
    digest: Digest | None = None
    size: int | None = None
    parsed: Parsed | None = None
    error: Failure | None = None
    part: str | None = None
    version: str | None = None
    modified_at: datetime | None = None
    read_seconds: float | None = None
    parse_seconds: float | None = None
    dropped: Failure | None = None

    @property
    def as_row(self) -> LoadedRow:
        text = self.parsed
        return LoadedRow(
            self.revision,
            self.read_seq,
            self.digest,
            self.size,
            text.text if text else None,
            text.title if text else None,
            text.media_type if text else None,
            as_json(dict(text.metadata)) if text else None,
            list(text.pages) if text and text.pages else None,
            as_json(self.error or (text and text.warning and text.warning.as_json("load"))),
            self.part,
            self.version,
            self.modified_at,
            self.read_seconds,
            self.parse_seconds,
        )


@dataclass(frozen=True, slots=True)
class ToChunk:
    """A revision whose text must be chunked."""

    id: int
    media_type: str
    chunk_size: int
    chunk_overlap: int


@dataclass(frozen=True, slots=True)
class Cut:
    """The boundaries of a revision's chunks, the headings of each as JSON; or why there are none.

    ``leads``: where each chunk's lead starts and ends, one after the other; empty if none has any.
    """

    revision: int
    starts: Sequence[int] = ()
    ends: Sequence[int] = ()
    headings: str = "[]"
    error: Failure | None = None
    leads: Sequence[int] = ()

    @property
    def as_row(self) -> tuple[Any, ...]:
        return self.revision, self.starts, self.ends, self.headings, as_json(self.error), self.leads or None


@dataclass(frozen=True, slots=True)
class ToEmbed:
    """A revision that is cut; ``stored``: the ordinals of chunks that are written already.

    ``headings`` and ``metadata`` are JSON, as they come: decoded on the event loop, large ones would hold it up.
    """

    id: int
    request_id: UUID
    title: str | None
    starts: Sequence[int]
    ends: Sequence[int]
    headings: str
    metadata: str
    pages: Sequence[int] | None
    stored: Sequence[int]
    leads: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class NewChunk:
    """A chunk to store: ``text`` exactly as in the document, ``digest`` of ``embedded``, the text sent for it.

    ``said``: what that is made of, with ``title`` and ``path``: the text after what it continues.
    """

    request: UUID
    revision: int
    ordinal: int
    start: int
    end: int
    text: str
    embedded: str
    digest: Digest
    metadata: str
    said: str = ""
    title: str | None = None
    path: Sequence[str] = ()

    def as_row(self, embedding: Vector | None = None) -> tuple[Any, ...]:
        """Return the row with its vector; without one, for a text whose vector the space has."""
        return (self.revision, self.ordinal, self.start, self.end, self.text, self.digest, self.metadata, embedding)


@dataclass(frozen=True, slots=True)
class Outcome:
    """That all chunks of a revision are stored, or why not, and how long that took."""

    revision: int
    error: Failure | None = None
    seconds: float | None = None

    @property
    def as_row(self) -> tuple[int, str | None, float | None]:
        return self.revision, as_json(self.error), self.seconds


@dataclass(frozen=True, slots=True)
class Count:
    """Chunks that were stored for a request, the texts that were sent for them, and the tokens that these took."""

    request: UUID
    chunks: int
    texts: int
    tokens: int

    @property
    def as_row(self) -> tuple[UUID, int, int, int]:
        return self.request, self.chunks, self.texts, self.tokens

    def __add__(self, more: Count) -> Count:
        return Count(self.request, self.chunks + more.chunks, self.texts + more.texts, self.tokens + more.tokens)

    def __sub__(self, less: Count) -> Count:
        return Count(self.request, self.chunks - less.chunks, self.texts - less.texts, self.tokens - less.tokens)


class Texts:
    """Texts of revisions that an execution keeps from one step to the next, as far as the listener's memory has room.

    What does not fit, or was loaded by an execution before this one, is fetched when a step needs it.
    """

    def __init__(self, memory: Memory, most: int = 16 * 1024 * 1024) -> None:
        self.kept: dict[int, str] = {}
        self._memory = memory
        self._most = most
        self._size = 0

    def keep(self, revision: int, text: str) -> None:
        """Keep a text if there is room."""
        size = getsizeof(text)
        if self._size + size <= self._most and self._memory.keep(size):
            self.kept[revision] = text
            self._size += size

    def let_go(self) -> None:
        """Give everything back."""
        self.kept.clear()
        self._memory.let_go(self._size)
        self._size = 0
