"""LangChain: the indexing API with its SQL record manager, over PGVectorStore (version 2) and OpenAIEmbeddings.

The indexing API embeds and writes one batch after the other, so 8 calls of it run side by side, each with its share
of the files; ``scoped_full`` deletes what vanished from the files that it saw. ``check_embedding_ctx_length=False``
sends texts, not tokens, as its documentation says for other services than OpenAI's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from langchain_classic.indexes import SQLRecordManager
from langchain_core.documents import Document
from langchain_core.indexing import aindex
from langchain_openai import OpenAIEmbeddings
from langchain_postgres import Column, PGEngine, PGVectorStore
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.peers import turns


async def main() -> None:
    """Make tables and connections, then take turns."""
    given = turns.given()
    url = given.dsn.replace("postgresql:", "postgresql+asyncpg:", 1)
    engine = PGEngine.from_connection_string(url, pool_size=turns.CALLS)
    await engine.ainit_vectorstore_table("chunks", turns.DIMENSIONS, id_column=Column("id", "text", nullable=False))
    embeddings = OpenAIEmbeddings(
        model=turns.MODEL,
        base_url=given.url,
        api_key=turns.MODEL,
        chunk_size=turns.GROUP,
        check_embedding_ctx_length=False,
    )
    store = await PGVectorStore.create(engine, embeddings, "chunks", id_column="id")
    records = SQLRecordManager("chunks", engine=create_async_engine(url, pool_size=turns.CALLS), async_mode=True)
    await records.acreate_schema()
    index = partial(
        aindex,
        record_manager=records,
        vector_store=store,
        batch_size=turns.GROUP,
        cleanup="scoped_full",
        source_id_key="source",
        key_encoder="blake2b",
    )
    await index([Document("One line.", metadata={"source": "warm"})])
    keys = await records.alist_keys()
    await store.adelete(keys)
    await records.adelete_keys(keys)
    await turns.take(partial(_ingest, index, given.folder))


async def _ingest(index: Callable[[list[Document]], Awaitable[Any]], folder: Path) -> None:
    files = list(turns.documents(folder).items())
    await asyncio.gather(*(index(_chunks(files[start :: turns.CALLS])) for start in range(turns.CALLS)))


def _chunks(files: list[tuple[str, str]]) -> list[Document]:
    return [Document(part, metadata={"source": name}) for name, text in files for part in turns.sections(text)]


if __name__ == "__main__":
    asyncio.run(main())
