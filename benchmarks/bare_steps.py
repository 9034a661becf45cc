"""The steps of ``benchmarks.bare_dbos`` without DBOS: its tables, one statement for each step, and the work on texts.

The tables are copies of ``ingest_documents``, ``ingest_revisions`` and ``ingest_chunk_store`` with their constraints
and indexes. Parsing, chunking and embedding are the listener's own.
"""

from __future__ import annotations

import json
from collections.abc import Coroutine
from typing import Any, TypeVar

from pgvector import Vector

from listener.chunking.splitting import chunk
from listener.documents.parsers import Parsers
from listener.documents.pool import Workers
from listener.embedding import DEFAULT_TEMPLATE, embedding_input, text_hash
from listener.embedding.local import DIMENSIONS
from listener.embedding.token_vectors import TokenVectors

T = TypeVar("T")

MEDIA_TYPE = "text/markdown"
TABLES = """
create table bare_documents (like ingest_documents including all);
create table bare_revisions (like ingest_revisions including all);
create table bare_chunks (like ingest_chunk_store including all);
alter table bare_chunks alter column text_config set default 'english', alter column collection set default 'bare',
  alter column space_id set default 1
"""

DISCOVER = """
insert into bare_revisions (request_id, position, batch, collection, uri, media_type, bytes, read_seq)
values ($1, 0, 1, 'bare', $2, $3, $4, nextval('ingest_read_seq')) returning id
"""
LOAD = """
update bare_revisions v
set state = 'loaded', content_hash = $2, text = $3, title = $4, loaded_at = clock_timestamp()
where v.id = $1 and not exists (
  select from bare_documents d where d.collection = v.collection and d.uri = v.uri and d.content_hash = $2)
returning v.id
"""
EMBED = """
insert into bare_chunks (revision_id, ordinal, start_char, end_char, text, hash, metadata, embedding)
select $1, * from unnest($2::int[], $3::int[], $4::int[], $5::text[], $6::bytea[], $7::jsonb[], $8::vector[])
"""
SAVE = """
with document as (
  insert into bare_documents as d
    (collection, uri, revision_id, live_seq, title, media_type, bytes, chunks, content_hash, updated_at)
  select collection, uri, id, read_seq, title, media_type, bytes, cardinality($2::int[]), content_hash, now()
  from bare_revisions where id = $1
  on conflict (collection, uri) do update
  set revision_id = excluded.revision_id, live_seq = excluded.live_seq, title = excluded.title, bytes = excluded.bytes,
      chunks = excluded.chunks, content_hash = excluded.content_hash, updated_at = excluded.updated_at
  where d.live_seq < excluded.live_seq
  returning d.id
)
update bare_revisions v set state = 'published', document_id = document.id, starts = $2, ends = $3::int[],
  headings = $4::jsonb, published_at = clock_timestamp()
from document where v.id = $1
"""


class Texts:
    """The work that needs no database: the listener's own parser, chunker and embedder, called where they are."""

    def __init__(self) -> None:
        self._parsers = Parsers(Workers(1, 60.0, 1024))
        self._vectors = TokenVectors.load(DIMENSIONS[-1])

    def parse(self, uri: str, content: str) -> dict[str, Any]:
        """Return text and title."""
        parsed = _at_once(self._parsers.parse(content.encode(), uri=uri, media_type=MEDIA_TYPE + "; charset=utf-8"))
        return {"text": parsed.text, "title": parsed.title}

    def cut(self, text: str) -> dict[str, list[Any]]:
        """Return the chunks' boundaries."""
        found = chunk(text, MEDIA_TYPE, 1000, 100)
        return {
            "starts": [one.start for one in found],
            "ends": [one.end for one in found],
            "headings": [list(one.heading_path) for one in found],
        }

    def rows(self, loaded: dict[str, Any], cut: dict[str, list[Any]]) -> tuple[list[Any], ...]:
        """Return the columns of the chunks, vectors last."""
        texts = [loaded["text"][start:end] for start, end in zip(cut["starts"], cut["ends"], strict=True)]
        embedded = [
            embedding_input(DEFAULT_TEMPLATE, "", title=loaded["title"], heading_path=path, text=text)
            for path, text in zip(cut["headings"], texts, strict=True)
        ]
        about = [json.dumps({"heading_path": path}, ensure_ascii=False) for path in cut["headings"]]
        found = list(map(Vector, self._vectors.embed(embedded).vectors))
        ordinals = list(range(len(texts)))
        return ordinals, cut["starts"], cut["ends"], texts, list(map(text_hash, embedded)), about, found


def _at_once(parsing: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns that has nothing to wait for, as the parser with a small text."""
    try:
        parsing.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise RuntimeError("it waits")
