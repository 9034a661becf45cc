"""What the suite ``search`` goes over: chunks with words as they are distributed in texts, and clustered vectors."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import numpy as np
from pgvector import Vector
from pgvector.asyncpg import register_vector

DIMENSIONS = 256
WORDS = 50_000  # of the vocabulary
ZIPF = 1.07
CHUNK_WORDS = 70
PER_DOCUMENT = 10
CLUSTERS = 1000
PARTS = 100  # metadata of a chunk: a filter for one of them keeps 1 %
PAGE = 5_000
SYLLABLES = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "ar", "el", "in", "on", "us")]
FLOATS = np.ndarray[Any, np.dtype[np.float32]]

COLUMNS = ("revision_id", "ordinal", "start_char", "text", "hash", "metadata", "embedding")
STAGING = """
create temporary table staged (
  revision_id bigint, ordinal int, start_char int, text text, hash bytea, metadata jsonb, embedding vector
) on commit delete rows
"""
STORE = """
insert into ingest_chunk_store (revision_id, ordinal, space_id, start_char, end_char, text_config, collection, text,
                                hash, metadata, embedding, lexemes)
select s.revision_id, s.ordinal, $2, s.start_char, s.start_char + length(s.text), 'simple', $1, s.text, s.hash,
       s.metadata, s.embedding, ingest_lexemes('simple', null, '[]', s.text)
from staged s
"""
DOCUMENTS = """
insert into ingest_documents (collection, uri, revision_id, title, chunks, live_seq)
select $1, 'file:///bench/' || n % 100 || '/' || n, n, 'Document ' || n, $4, 1
from generate_series($2::bigint, $3::bigint) n
"""
REVISIONS = """
insert into ingest_revisions (id, request_id, position, collection, uri, state, document_id, read_seq, text)
overriding system value
select d.revision_id, gen_random_uuid(), 0, d.collection, d.uri, 'published', d.id, 1, t.text
from ingest_documents d join (
  select s.revision_id, string_agg(s.text, e'\\n\\n' order by s.ordinal) as text from staged s group by 1
) t using (revision_id)
"""


@dataclass
class SearchCorpus:
    """Chunks in a collection, and their vectors: ``vectors[n]`` is chunk n % 10 of revision n // 10 + 1."""

    connection: asyncpg.Connection
    collection: str
    drawn: np.random.Generator = field(default_factory=lambda: np.random.default_rng(17))
    vectors: FLOATS = field(default_factory=lambda: np.empty((0, DIMENSIONS), np.float32))
    space: int = 0

    async def prepare(self) -> None:
        """Make the collection."""
        c = self.connection
        await register_vector(c)
        settings = f'{{"embedder": "bench", "model": "bench", "dimensions": {DIMENSIONS}, "text_config": "simple"}}'
        await c.execute("select from ingest_collection($1, $2::jsonb)", self.collection, settings)
        self.space = await c.fetchval("select space_id from ingest_collections where name = $1", self.collection)
        await c.execute(STAGING)
        self._vocabulary = np.array([_word(n) for n in range(WORDS)])
        chances = 1.0 / np.arange(1, WORDS + 1) ** ZIPF
        self._chances = np.cumsum(chances / chances.sum())
        self._centres = self.drawn.standard_normal((CLUSTERS, DIMENSIONS)).astype(np.float32)

    async def add(self, count: int) -> float:
        """Add chunks, a page of them in a transaction; return the seconds that the database took to store them."""
        seconds = 0.0
        for start in range(len(self.vectors), len(self.vectors) + count, PAGE):
            vectors = self.near(min(PAGE, count - (start - len(self.vectors))))
            seconds += await self._store(start, vectors)
            self._pages.append(vectors)
        self.vectors = np.concatenate([self.vectors, *self._pages])
        self._pages.clear()
        return seconds

    _pages: list[FLOATS] = field(default_factory=list)

    def near(self, count: int) -> FLOATS:
        """Draw vectors of unit length, each about one of the centres."""
        centres = self._centres[self.drawn.integers(0, CLUSTERS, count)]
        vectors = centres + 0.8 * self.drawn.standard_normal((count, DIMENSIONS)).astype(np.float32)
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)

    def words(self, count: int, common: int = 0) -> list[str]:
        """Draw words as texts have them, without the most ``common`` ones."""
        lowest = self._chances[common - 1] if common else 0.0
        found: list[str] = self._vocabulary[
            np.searchsorted(self._chances, self.drawn.uniform(lowest, 1, count))
        ].tolist()
        return found

    async def _store(self, start: int, vectors: FLOATS) -> float:
        c, first = self.connection, start // PER_DOCUMENT + 1
        last = (start + len(vectors) - 1) // PER_DOCUMENT + 1
        rows = list(self._rows(start, vectors))
        async with c.transaction():
            await c.copy_records_to_table("staged", columns=COLUMNS, records=rows)
            await c.execute(DOCUMENTS, self.collection, first, last, PER_DOCUMENT)
            await c.execute(REVISIONS)
            began = time.perf_counter()
            await c.execute(STORE, self.collection, self.space)
            return time.perf_counter() - began

    def _rows(self, start: int, vectors: FLOATS) -> Iterator[tuple[object, ...]]:
        words = self.words(len(vectors) * CHUNK_WORDS)
        began = 0
        for n, vector in enumerate(vectors):
            revision, ordinal = divmod(start + n, PER_DOCUMENT)
            text = " ".join(words[n * CHUNK_WORDS : (n + 1) * CHUNK_WORDS])
            digest = hashlib.sha256(text.encode()).digest()
            began = began if ordinal else 0
            metadata = f'{{"part": {self.drawn.integers(0, PARTS)}, "heading_path": []}}'
            yield revision + 1, ordinal, began, text, digest, metadata, Vector(vector)
            began += len(text) + 2


def _word(number: int) -> str:
    letters = [SYLLABLES[number % len(SYLLABLES)]]
    while number := number // len(SYLLABLES):
        letters.append(SYLLABLES[number % len(SYLLABLES)])
    return "".join(letters)
