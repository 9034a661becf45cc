"""Requests, their settings and their manifests, as rows that cross between SQL and Python at the ``gateway``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from listener.documents.turns import Share
from listener.embedding import Space
from listener.pipeline.away import Key
from listener.pipeline.rows import Failure, as_json
from listener.sources.base import Found
from listener.sources.options import RequestOptions


class Discovery(BaseModel):
    """Progress of a request's discovery: where it continues if this listener dies.

    ``cursor``: behind which the source goes on, None: it begins anew. ``read_seq``: a number of reading from before it
    began. ``complete``: whether nothing was left out so far. ``page``: pages that were written; ``position``,
    ``batch``: the highest number of one; ``documents``, ``bytes``: of the last entry's batch. ``note``: what the look
    left out. ``batches``: number, documents, bytes of the one that is being filled, by the service that its documents
    come from.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    read_seq: int
    cursor: str | None = None
    complete: bool = True
    page: int = 0
    position: int = -1
    batch: int = 1
    documents: int = 0
    bytes: int = 0
    note: Failure | None = None
    batches: Mapping[str, tuple[int, int, int]] = {}


@dataclass(frozen=True, slots=True)
class RunningRequest:
    """A request that runs, as its workflow begins: what it asks for, and how often it was tried.

    ``inline_bytes``: the size of its inline content. ``fork_step``: where a fork begins; ``generation``: it brings what
    is live into another generation.
    """

    id: UUID
    collection: str
    source: str | None
    inline_bytes: int | None
    media_type: str | None
    uri: str | None
    options: RequestOptions
    attempt: int
    crashes: int
    discovered: bool
    fork_step: str | None
    submitted_by: str | None
    listing: Discovery | None = None

    @property
    def share(self) -> Share:
        """Whose turn it takes at the parsers."""
        return Share(self.submitted_by or "", self.collection)


class StepSetting(BaseModel):
    """An own step that a collection names, and its options."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    options: Mapping[str, Any] = {}

    @property
    def model(self) -> str:
        """What its price is known by."""
        return str(self.options.get("model") or f"step {self.name}")

    @property
    def service(self) -> str:
        """What a person calls the service behind it."""
        return f"own step {self.name}" + (f" ({self.options['model']})" if self.options.get("model") else "")


class BatchSettings(BaseModel):
    """The settings that a request started with: what its chunks and vectors depend on.

    ``patience``: the seconds that it waits at most for its service, None: as the listener's settings say. ``waits``: it
    has to wait for it before it begins; ``waits_for``: for this source, of a request whose listener died meanwhile.
    ``plan``: it is only counted. ``capped``: what is sent is reserved before. ``generations``: in how many its
    documents have to stand.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    space_id: int
    embedder: str
    endpoint: str
    model: str
    dimensions: int
    chunk_size: int
    chunk_overlap: int
    embedding_template: str
    passage_prefix: str
    tenant: str = ""
    publish: str = "document"
    collection: str
    submitted_by: str | None
    service: str
    patience: float | None = None
    plan: bool = False
    capped: bool = False
    generations: int = 1
    waits: bool = False
    waits_for: str | None = None
    source: str | None = None
    steps: tuple[StepSetting, ...] = ()
    step_versions: Mapping[str, str] = {}

    @property
    def share(self) -> Share:
        return Share(self.submitted_by or "", self.collection)

    @property
    def key(self) -> Key:
        """Which service embeds, and for whom."""
        return self.service, self.tenant

    @property
    def space(self) -> Space:
        return Space(self.embedder, self.endpoint, self.model, self.dimensions)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A complete manifest: how many documents and batches it has, and the number of the first batch."""

    documents: int
    batches: int
    first_batch: int | None


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """A document of a request, in the order of discovery; without a batch if it failed there."""

    position: int
    batch: int | None
    found: Found
    error: Failure | None = None

    @property
    def as_row(self) -> tuple[Any, ...]:
        one = self.found
        return (
            self.position,
            self.batch,
            one.uri,
            one.locator,
            one.media_type,
            one.bytes,
            as_json(self.error),
            one.record and one.record.container,
            one.record and one.record.start,
            one.record and one.record.digest,
            one.record and one.record.line,
            one.version,
            one.modified_at,
        )


def states_of(page: Sequence[Found]) -> str:
    """Return URIs, versions, times and sizes of documents: those without a version are compared by the others.

    As one JSON object of lists, left out where nobody looks at them: arrays of text cost four times as much to encode.
    """
    versions = [one.version for one in page]
    states: dict[str, list[Any]] = {"uris": [one.uri for one in page], "versions": versions}
    if None in versions:
        states["modified"] = [one.modified_at and one.modified_at.isoformat() for one in page]
        states["bytes"] = [one.bytes for one in page]
    return json.dumps(states)


@dataclass(frozen=True, slots=True)
class Container:
    """A file each record of which is a document: where it lies, how it is written, which fields are what."""

    number: int
    locator: str | None
    layout: Mapping[str, Any]
    record: Mapping[str, Any]
