"""Parts of documents: a stretch of a text, its chunks, its sections. Nothing more of a large one is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from listener.client.results import metadata
from listener.client.session import Session

STRETCH = """select d.collection, d.uri, d.state, d.title, d.media_type, d.changed_at,
  char_length(d.text) as characters, $3::int as start, substr(d.text, $3::int + 1, $4::int) as text, d.bytes, d.chunks,
  d.metadata::text, d.principals, d.created_at, d.revision_id
from {schema}.ingest_show_document($1::text, $2::text) d"""

# By the revision: what is published meanwhile has another one, and its chunks don't fit this text.
PLACES = """select c.ordinal, c.start_char, c.end_char, {schema}.ingest_heading_path(c.metadata) as path,
  {schema}.ingest_page(c.metadata) as page
from {schema}.ingest_chunks c
where c.revision_id = $1::bigint and c.start_char < $3::int and c.end_char > $2::int
order by c.start_char, c.ordinal limit $4::int"""

BEGINNING = """select c.start_char from {schema}.ingest_chunks c
where c.revision_id = $1::bigint and c.ordinal = $2::int"""

# Chunks that follow each other under the same headings are a section.
OUTLINE = """select (array_agg(s.path))[1] as path, min(s.start_char) as start_char, max(s.end_char) as end_char,
  min(s.page)::int as page
from (
  select c.ordinal, c.start_char, c.end_char, coalesce(c.metadata -> 'heading_path', '[]')::text as path,
    case when jsonb_typeof(c.metadata -> 'page') = 'number' then (c.metadata ->> 'page')::numeric end as page,
    c.ordinal - row_number() over (partition by c.metadata -> 'heading_path' order by c.ordinal) as island
  from {schema}.ingest_show_chunks($1::text, $2::text) c) s
group by s.path, s.island order by 2 limit $3::int"""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a document's text, from the character ``start`` on, counted from 0, and what is known of it.

    ``characters``, ``text``  of the whole text how many, and those of the stretch; None: the caller may not find the
                              document in a search, or nothing of it is live. ``state``: as of ``Listed``
    ``created_at``            None: the caller knows no more of it than what became of its own requests
    ``revision_id``           the live one; None: nothing is live that the caller may know of
    """

    collection: str
    uri: str
    state: str | None
    title: str | None
    media_type: str | None
    changed_at: datetime | None
    characters: int | None
    start: int
    text: str | None
    bytes: int | None
    chunks: int | None
    metadata: Mapping[str, Any] | None
    principals: Sequence[str] | None
    created_at: datetime | None
    revision_id: int | None

    @property
    def end(self) -> int:
        """Where it ends: the next stretch starts there."""
        return self.start + len(self.text or "")


@dataclass(frozen=True, slots=True)
class ChunkPlace:
    """Where a chunk stands in its document's text, in characters; its headings, and the page that it begins on."""

    ordinal: int
    start_char: int
    end_char: int
    path: Sequence[str]
    page: int | None


@dataclass(frozen=True, slots=True)
class Outlined:
    """A section of a document: its headings, where its chunks are in the text, and on which page it begins."""

    path: Sequence[str]
    start_char: int
    end_char: int
    page: int | None


class Stretches:
    """The verbs that read parts of documents; ``Ingest`` has them too."""

    session: Session

    async def read(self, uri: str, collection: str = "default", *, start: int = 0, characters: int = 20_000) -> Stretch:
        """Return a stretch of a document's text; raises RequestError ``unknown_document`` or ``not_granted``."""
        (row,) = await self.session.rows(STRETCH, uri, collection, start, characters)
        known = None if row["metadata"] is None else metadata(row["metadata"])
        return Stretch(**{**row, "metadata": known})

    async def places(self, stretch: Stretch, *, limit: int = 1000) -> list[ChunkPlace]:
        """Return the chunks that stand in a stretch, by where they begin; none if its document has changed since."""
        values = stretch.revision_id, stretch.start, stretch.end, limit
        return [ChunkPlace(**row) for row in await self.session.rows(PLACES, *values)]

    async def beginning_of(self, ordinal: int, stretch: Stretch) -> int | None:
        """Return where a chunk of a stretch's document begins; None: it has no such chunk."""
        found: int | None = await self.session.value(BEGINNING, stretch.revision_id, ordinal)
        return found

    async def outline(self, uri: str, collection: str = "default", *, limit: int = 1000) -> list[Outlined]:
        """Return the first sections of a document, in their order; none if it has no live chunks."""
        rows = await self.session.rows(OUTLINE, uri, collection, limit)
        return [Outlined(**{**row, "path": _headings(row["path"])}) for row in rows]


def _headings(path: str) -> list[str]:
    known = json.loads(path)
    return [*map(str, known)] if isinstance(known, list) else []
