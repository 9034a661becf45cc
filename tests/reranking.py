"""A re-ranking service on loopback, in the forms of TEI and of Cohere, on top of ``embedding_service``."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from embedding_service import Behaviour, EmbeddingService, Received, Reply

WORD = re.compile(r"\w+")


def shared_words(query: str, texts: Iterable[str]) -> list[float]:
    """Return the share of a query's words that each text has: what the service scores by."""
    words = set(WORD.findall(query.lower()))
    return [len(words & set(WORD.findall(text.lower()))) / len(words) for text in texts]


def as_tei(_: EmbeddingService, request: Received) -> Reply:
    """Answer as TEI does, best first; it takes 32 texts."""
    texts = request.body["texts"]
    if len(texts) > 32:
        return Reply(413, b'{"error": "batch size > maximum allowed batch size 32", "error_type": "Validation"}')
    scores = shared_words(request.body["query"], texts)
    ranked = sorted(enumerate(scores), key=lambda one: -one[1])
    return Reply(body=json.dumps([{"index": index, "score": score} for index, score in ranked]).encode())


def as_cohere(_: EmbeddingService, request: Received) -> Reply:
    """Answer as Cohere, Jina and vLLM do, best first."""
    scores = shared_words(request.body["query"], request.body["documents"])
    ranked = sorted(enumerate(scores), key=lambda one: -one[1])
    results = [{"index": index, "relevance_score": score} for index, score in ranked]
    return Reply(body=json.dumps({"id": "x", "results": results}).encode())


@asynccontextmanager
async def reranking(behaviour: Behaviour = as_tei) -> AsyncIterator[EmbeddingService]:
    """Give a service that answers so."""
    async with EmbeddingService("tei") as service:
        service.always(behaviour)
        yield service


def url_of(service: EmbeddingService) -> str:
    """Return where it takes texts."""
    return service.url.removesuffix("/v1") + "/rerank"
