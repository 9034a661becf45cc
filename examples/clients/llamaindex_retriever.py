"""Search a collection from LlamaIndex, in two ways. Needs llama-index-vector-stores-postgres, psycopg 3 and a listener.

Run it as ``INGEST_DATABASE_URL=postgresql://… python examples/clients/llamaindex_retriever.py COLLECTION QUESTION``.

``IngestRetriever`` asks ``ingest_search``: words and meaning in one ranking. ``vector_index`` is an index on the store
of LlamaIndex, which reads a view that ``make_view`` makes: that store fixes the names of its columns, and that of its
table begins with ``data_``. Both only read.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import psycopg
from llama_index.core import VectorStoreIndex
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.vector_stores.postgres import PGVectorStore
from psycopg import sql

EMBED = "call ingest_embed_query(%s, %s)"
SEARCH = """select h.revision_id || '-' || h.ordinal, h.text, h.score, h.metadata || jsonb_build_object('uri', h.uri)
from ingest_search(%s, %s, %s, %s::jsonb) h"""
VIEW = """create or replace view {view} as
select 0::bigint as id, c.id as node_id, c.text, c.embedding,
       (c.metadata || jsonb_build_object('uri', c.uri, 'title', c.title))::json as metadata_
from {chunks} c"""


class IngestRetriever(BaseRetriever):
    """Finds chunks by words and by meaning; each node's metadata has ``uri``."""

    def __init__(self, dsn: str, collection: str = "default", k: int = 5, filter: dict[str, Any] | None = None) -> None:
        self._dsn = dsn
        self._values = [collection, k, json.dumps(filter or {})]
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        values = [query_bundle.query_str, *self._values]
        with psycopg.connect(self._dsn, autocommit=True) as connection:
            connection.execute(EMBED, values[:2])  # by a listener; without this line the search goes by words
            rows = connection.execute(SEARCH, values).fetchall()
        return [
            NodeWithScore(node=TextNode(id_=id, text=text, metadata=metadata), score=score)
            for id, text, score, metadata in rows
        ]


class IngestEmbedding(BaseEmbedding):
    """Embeds queries as the collection's chunks were embedded, whatever its embedder is: a listener does it."""

    dsn: str
    collection: str = "default"

    def _get_query_embedding(self, query: str) -> list[float]:
        values = [query, self.collection]
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(EMBED, values)
            row = connection.execute("select ingest_query_embedding(%s, %s)::float4[]", values).fetchone()
        assert row is not None
        return list(row[0])

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)

    def _get_text_embedding(self, text: str) -> list[float]:
        raise NotImplementedError("documents are ingested by INSERT INTO ingest_requests")


def make_view(dsn: str, collection: str) -> None:
    """Make the view that LlamaIndex's store reads, once for a collection that something was ingested into."""
    names = {"view": sql.Identifier(f"data_{collection}"), "chunks": sql.Identifier(f"ingest_chunks_{collection}")}
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(sql.SQL(VIEW).format(**names))


def vector_index(dsn: str, collection: str, dimensions: int) -> VectorStoreIndex:
    """Return an index on LlamaIndex's store; it reads what ``make_view`` made and makes nothing itself."""
    url = dsn.replace("postgresql:", "postgresql+psycopg:", 1)
    store = PGVectorStore(
        connection_string=url,
        async_connection_string=url,
        table_name=collection,
        schema_name="public",
        embed_dim=dimensions,
        perform_setup=False,
        # An ANN index holds replaced chunks too for a while: let its scan go on until there are k live ones.
        create_engine_kwargs={"connect_args": {"options": "-c hnsw.iterative_scan=strict_order"}},
    )
    return VectorStoreIndex.from_vector_store(store, embed_model=IngestEmbedding(dsn=dsn, collection=collection))


def main() -> None:
    dsn, (collection, question) = os.environ["INGEST_DATABASE_URL"], sys.argv[1:]
    show(IngestRetriever(dsn, collection, k=3).retrieve(question))
    make_view(dsn, collection)
    show(vector_index(dsn, collection, dimensions=256).as_retriever(similarity_top_k=3).retrieve(question))


def show(found: list[NodeWithScore]) -> None:
    for hit in found:
        print(f"{hit.score:.4f}  {hit.node.metadata['uri']} {hit.node.node_id}")


if __name__ == "__main__":
    main()
