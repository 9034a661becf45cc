"""Search a collection from LangChain, in two ways. Needs langchain-postgres (it brings psycopg 3) and a listener.

Run it as ``INGEST_DATABASE_URL=postgresql://… python examples/clients/langchain_retriever.py COLLECTION QUESTION``.

``IngestRetriever`` asks ``ingest_search``: words and meaning in one ranking. ``vector_store`` is LangChain's own store
on the view of the collection, for what builds on stores: scores, MMR, filters by column. Both only read.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import psycopg
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_postgres import PGEngine, PGVectorStore

EMBED = "call ingest_embed_query(%s, %s)"
SEARCH = """select h.revision_id || '-' || h.ordinal, h.text,
  h.metadata || jsonb_build_object('uri', h.uri, 'score', h.score)
from ingest_search(%s, %s, %s, %s::jsonb) h"""


class IngestRetriever(BaseRetriever):
    """Finds chunks by words and by meaning; each document's metadata has ``uri`` and ``score``."""

    dsn: str
    collection: str = "default"
    k: int = 5
    filter: dict[str, Any] = {}  # noqa: RUF012 - Pydantic copies it

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        values = [query, self.collection, self.k, json.dumps(self.filter)]
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(EMBED, values[:2])  # by a listener; without this line the search goes by words
            rows = connection.execute(SEARCH, values).fetchall()
        return [Document(id=id, page_content=text, metadata=metadata) for id, text, metadata in rows]


class IngestEmbeddings(Embeddings):
    """Embeds queries as the collection's chunks were embedded, whatever its embedder is: a listener does it."""

    def __init__(self, dsn: str, collection: str = "default") -> None:
        self.dsn, self.collection = dsn, collection

    def embed_query(self, text: str) -> list[float]:
        values = [text, self.collection]
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(EMBED, values)
            row = connection.execute("select ingest_query_embedding(%s, %s)::float4[]", values).fetchone()
        assert row is not None
        return list(row[0])

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        raise NotImplementedError("documents are ingested by INSERT INTO ingest_requests")


def vector_store(dsn: str, collection: str) -> PGVectorStore:
    """Return LangChain's store on the view of a collection that something was ingested into."""
    # An ANN index holds replaced chunks too for a while: let its scan go on until there are k live ones.
    arguments = {"options": "-c hnsw.iterative_scan=strict_order"}
    url = dsn.replace("postgresql:", "postgresql+psycopg:", 1)
    return PGVectorStore.create_sync(
        PGEngine.from_connection_string(url, connect_args=arguments),
        embedding_service=IngestEmbeddings(dsn, collection),
        table_name=f"ingest_chunks_{collection}",
        id_column="id",
        content_column="text",
        embedding_column="embedding",
        metadata_columns=["uri", "title", "ordinal"],  # its filters know these
        metadata_json_column="metadata",
    )


def main() -> None:
    dsn, (collection, question) = os.environ["INGEST_DATABASE_URL"], sys.argv[1:]
    for document in IngestRetriever(dsn=dsn, collection=collection, k=3).invoke(question):
        print(f"{document.metadata['score']:.4f}  {document.metadata['uri']} {document.id}")
    for document, distance in vector_store(dsn, collection).similarity_search_with_score(question, k=3):
        print(f"{distance:.4f}  {document.metadata['uri']} {document.id}")


if __name__ == "__main__":
    main()
