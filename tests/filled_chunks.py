"""Collections with as many chunks as a test of indexes needs: written at once, past the pipeline."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from pgvector import Vector
from pgvector.asyncpg import register_vector
from staging import Connection, collection

CLUSTERS = 40


def clustered(count: int, dimensions: int, seed: int = 1) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return vectors that lie about some centres, as those of texts do."""
    centres = np.random.default_rng(7).standard_normal((CLUSTERS, dimensions))
    drawn = np.random.default_rng(seed)
    vectors = centres[drawn.integers(0, CLUSTERS, count)] + 0.6 * drawn.standard_normal((count, dimensions))
    return vectors.astype(np.float32)


async def fill(
    c: Connection, name: str, vectors: np.ndarray[Any, Any], per_document: int = 10, metadata: Sequence[object] = ({},)
) -> None:
    """Add documents of so many chunks to a collection, which gets the space of the vectors.

    Chunks have the ``metadata`` in turn.
    """
    await register_vector(c)
    await collection(
        c, name, {"embedder": "test", "model": "test", "endpoint": "", "dimensions": int(vectors.shape[1])}
    )
    space = await c.fetchval("select space_id from ingest_collections where name = $1", name)
    count = -(-len(vectors) // per_document)
    first = await c.fetchval("select coalesce(max(revision_id), 1000000) + 1 from ingest_chunk_store")
    await c.execute(
        "insert into ingest_documents (collection, uri, revision_id, chunks, live_seq)"
        " select $1, 'file:///' || $1 || '/' || n, n, least($3::int, $5::int - (n - $2::bigint) * $3), 1"
        " from generate_series($2::bigint, $2::bigint + $4 - 1) n",
        name, first, per_document, count, len(vectors),
    )  # fmt: skip
    columns = [
        "revision_id", "ordinal", "space_id", "start_char", "end_char", "text_config", "collection", "text", "hash",
        "metadata", "embedding", "lexemes",
    ]  # fmt: skip
    await c.execute("create temporary table if not exists filling (like ingest_chunk_store including defaults)")
    await c.execute("alter table filling alter text_config type text, alter lexemes type text")
    await c.copy_records_to_table(
        "filling", columns=columns,
        records=[
            (first + n // per_document, n % per_document, space, n, n + 1, "english", name, f"chunk {n}",
             hashlib.sha256(vector.tobytes()).digest(), metadata[n % len(metadata)],
             Vector(vector), f"'n{n}':2")
            for n, vector in enumerate(vectors)
        ],
    )  # fmt: skip
    await c.execute(
        f"insert into ingest_chunk_store ({', '.join(columns)})"
        " select revision_id, ordinal, space_id, start_char, end_char, text_config::regconfig, collection, text, hash,"
        " metadata, embedding, lexemes::tsvector from filling"
    )
    await c.execute("drop table filling")
