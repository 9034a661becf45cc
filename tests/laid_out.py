"""Documents that are live with a text of their own, cut as the pipeline cuts it, for tests of what is read there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from staging import SPACE, Connection, collection

from listener.chunking.splitting import Chunk, chunk

DOCUMENT = "insert into ingest_documents (collection, uri, title, principals) values ($1, $2, $3, $4) returning id"
REVISION = """insert into ingest_revisions
  (request_id, position, collection, uri, state, text, title, metadata, read_seq, starts, ends, document_id)
values (gen_random_uuid(), 0, $1, $2, 'published', $3, $4, $5, 1, $6, $7, $8) returning id"""
LIVE = "update ingest_documents set revision_id = $2, chunks = $3 where id = $1"
CHUNK = """insert into ingest_chunk_store
  (revision_id, ordinal, space_id, start_char, end_char, text_config, collection, text, hash, metadata, embedding,
   lexemes)
select $1::bigint, $2::int, c.space_id, $3::int, $4::int, c.text_config, c.name, $5::text, $6::bytea, $7::jsonb,
  $8::text::vector,
  ingest_lexemes(c.text_config, $9::text, $7::jsonb -> 'heading_path', $5::text)
from ingest_collections c where c.name = $10"""


async def prepare(c: Connection, name: str = "default") -> None:
    """Give a collection a space."""
    await collection(c, name, SPACE)


async def lay_out(
    c: Connection,
    uri: str,
    text: str,
    *,
    title: str | None = None,
    size: int = 200,
    overlap: int = 20,
    media_type: str = "text/markdown",
    name: str = "default",
    metadata: Mapping[str, Any] | None = None,
    principals: list[str] | None = None,
) -> list[Chunk]:
    """Have a document live, without a request, and return its chunks."""
    chunks = chunk(text, media_type, size, overlap)
    starts, ends = [one.start for one in chunks], [one.end for one in chunks]
    document = await c.fetchval(DOCUMENT, name, uri, title, principals)
    values = (name, uri, text, title, dict(metadata or {}), starts, ends, document)
    revision = await c.fetchval(REVISION, *values)
    await c.execute(LIVE, document, revision, len(chunks))
    rows = [
        (
            revision, ordinal, one.start, one.end, text[one.start : one.end],
            hashlib.sha256(text[one.start : one.end].encode()).digest(),
            {
                **(metadata or {}), "heading_path": list(one.heading_path),
                **({"continues": text[slice(*one.lead)]} if one.lead[1] else {}),
            },
            f"[1,{ordinal},{len(text)}]", title, name,
        )
        for ordinal, one in enumerate(chunks)
    ]  # fmt: skip
    await c.executemany(CHUNK, rows)
    return chunks
