"""The base of retrievers for frameworks: passages for a question, awaited or not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from listener.client import connect
from listener.client.passages import Passage


async def retrieved(database: str | None, schema: str | None, query: str, how: Mapping[str, Any]) -> list[Passage]:
    """Return the passages of ``Ingest.context``, over a connection of its own; ``how`` are its arguments."""
    async with connect(database, schema=schema) as ingest:
        return await ingest.context(query, **how)


def retrieved_at_once(database: str | None, schema: str | None, query: str, how: Mapping[str, Any]) -> list[Passage]:
    """Return the same; in a thread, since the caller's may have a loop that runs, as a notebook's has."""
    with ThreadPoolExecutor(1, "ingest retriever") as thread:
        return thread.submit(asyncio.run, retrieved(database, schema, query, how)).result()


def described(passage: Passage) -> dict[str, Any]:
    """Return what frameworks call the metadata of a document: where a passage is, and the request's metadata."""
    return {
        **passage.metadata,
        "uri": passage.uri,
        "title": passage.title,
        "heading_path": passage.heading_path,
        "page": passage.page,
        "start_char": passage.start_char,
        "end_char": passage.end_char,
        "score": passage.score,
        "by": passage.by,
        "collection": passage.collection,
        "number": passage.number,
        "citation": passage.citation,
    }
