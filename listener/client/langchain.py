"""A retriever for LangChain. Needs the extra ``langchain``.

::

    from listener.client.langchain import LangChainRetriever

    retriever = LangChainRetriever(collection="handbook", k=5)
    documents = retriever.invoke("who pays for my train ticket?")
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from listener.client.passages import Passage
from listener.client.retrieving import described, retrieved, retrieved_at_once
from listener.client.wanted import By

_OURS = ("database", "schema_name")


class LangChainRetriever(BaseRetriever):
    """Gathers passages as ``Ingest.context`` does, whose arguments are its fields, and may be those of a call.

    ``filter`` is as LangChain's ``PGVector`` has it: ``{"lang": "de"}``, ``{"year": {"$gte": 2020}}``.
    ``k`` chunks are found; passages that touch are one document, so there may be fewer. ``database`` and
    ``schema_name`` are those of ``listener.connect``. Raises IngestError.
    """

    database: str | None = None
    schema_name: str | None = None
    collection: str | list[str] = "default"
    k: int = 8
    budget: int | None = None
    tokens: int | None = None
    share: float = 0.5
    neighbours: int = 1
    sections: int = 1
    filter: dict[str, Any] | None = None
    by: By | None = None
    under: str | None = None
    per_document: int | None = None
    since: datetime | timedelta | str | None = None
    min_similarity: float | None = None
    words_weight: float | None = None
    vector_weight: float | None = None
    rerank: bool | None = None
    timeout: float | None = 10.0

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **how: Any
    ) -> list[Document]:
        found = retrieved_at_once(self.database, self.schema_name, query, self._how(how))
        return list(map(_document, found))

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: AsyncCallbackManagerForRetrieverRun, **how: Any
    ) -> list[Document]:
        return list(map(_document, await retrieved(self.database, self.schema_name, query, self._how(how))))

    def _how(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of ``context``: the fields, with what a call gives instead."""
        names = [name for name in LangChainRetriever.__annotations__ if name not in _OURS]
        return {name: getattr(self, name) for name in names} | given


def _document(passage: Passage) -> Document:
    return Document(
        id=f"{passage.uri}:{passage.start_char}-{passage.end_char}",
        page_content=passage.whole,
        metadata=described(passage),
    )
