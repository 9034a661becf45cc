"""LlamaIndex: an IngestionPipeline with PGVectorStore, and a document store in Postgres that tells what is unchanged.

``arun``, 128 texts in a call and 8 calls in flight (``embed_batch_size``, ``num_workers`` of the embedding). A text
splitter of our own cuts at sections, which is what its API is for. The cache of transformations is off: the document
store tells already what to leave out, and hashing for the cache takes time. (``arun``'s own ``num_workers``,
processes that are started for each run, was slower: vectors come back as pickles.)
"""

from __future__ import annotations

import asyncio

from llama_index.core import Document
from llama_index.core.ingestion import DocstoreStrategy, IngestionPipeline
from llama_index.core.node_parser import TextSplitter
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.storage.docstore.postgres import PostgresDocumentStore
from llama_index.storage.kvstore.postgres import PostgresKVStore
from llama_index.vector_stores.postgres import PGVectorStore

from benchmarks.peers import turns


class Sections(TextSplitter):
    """Cuts a text at its sections."""

    def split_text(self, text: str) -> list[str]:
        """Return the sections."""
        return turns.sections(text)


async def main() -> None:
    """Build the pipeline, then take turns."""
    given = turns.given()
    pipeline = _pipeline(given.dsn, given.url)

    async def ingest() -> None:
        files = turns.documents(given.folder)
        await pipeline.arun(documents=[Document(text=text, id_=name) for name, text in files.items()])

    await pipeline.arun(documents=[Document(text="One line.", id_="warm")])
    assert pipeline.vector_store
    await pipeline.vector_store.adelete("warm")
    await turns.take(ingest)


def _pipeline(dsn: str, url: str) -> IngestionPipeline:
    urls = {
        "connection_string": dsn.replace("postgresql:", "postgresql+psycopg2:", 1),
        "async_connection_string": dsn.replace("postgresql:", "postgresql+asyncpg:", 1),
    }
    embedding = OpenAILikeEmbedding(
        model_name=turns.MODEL, api_base=url, api_key=turns.MODEL, embed_batch_size=turns.GROUP, num_workers=turns.CALLS
    )
    return IngestionPipeline(
        transformations=[Sections(), embedding],
        vector_store=PGVectorStore(
            **urls, table_name="chunks", schema_name="public", embed_dim=turns.DIMENSIONS, use_jsonb=True
        ),
        docstore=PostgresDocumentStore(PostgresKVStore("docstore", **urls, use_jsonb=True)),
        docstore_strategy=DocstoreStrategy.UPSERTS,
        disable_cache=True,
    )


if __name__ == "__main__":
    asyncio.run(main())
