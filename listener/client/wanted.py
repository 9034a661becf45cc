"""What a search is to find, as arguments of ``ingest_search`` and ``ingest_context``: only what is given is sent.

::

    query, collection, k=5, since="7d", by=None ─► {"query": …, "collection": …, "k": 5, "since": "2026-…"}
        ─► ingest_search($1::text, $2::text, k => $3::int, since => $4::text::timestamptz)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from listener.client import statements
from listener.client.session import Session
from listener.client.since import beginning
from listener.errors import RequestError

if TYPE_CHECKING:
    import asyncpg

By = Literal["words", "vector", "both"]
"""``both`` is what None means."""
Collections = str | Sequence[str]
Since = datetime | timedelta | str

_NO_VECTOR = ("no_listener", "query_not_answered", "no_space_yet", "too_many_queries")
_TYPES = {
    "query": "text", "collection": "text", "collections": "text[]", "k": "int", "filter": "text::jsonb", "by": "text",
    "under": "text", "per_document": "int", "since": "text::timestamptz", "min_similarity": "float8",
    "words_weight": "float8", "vector_weight": "float8", "rerank": "boolean",
    "principals": "text[]", "timeout": "interval",
    "budget": "int", "tokens": "int", "share": "float8", "neighbours": "int", "sections": "int",
}  # fmt: skip
_BY_PLACE = ("query", "collection")
_OF_A_SEARCH = {
    "query", "collection", "collections", "k", "filter", "by", "under", "per_document", "since", "min_similarity",
    "words_weight", "vector_weight",
}  # fmt: skip
_NO_SCORES = ("no_listener", "rerank_not_answered", "too_many_queries")
LEAST_RERANKED, MOST_RERANKED = 50, 1000  # hits, as ingest_search has them put in order


def names(collection: Collections) -> list[str]:
    """Return the names of the collections that are meant."""
    return [collection] if isinstance(collection, str) else list(collection)


async def arguments(
    session: Session,
    query: str,
    collection: Collections,
    *,
    filter: Mapping[str, Any] | None,
    since: Since | None,
    **more: Any,
) -> dict[str, Any]:
    """Return what is given, by the names that SQL has for it. Raises RequestError ``wrong_since``."""
    given = {
        "query": query,
        **({"collection": collection} if isinstance(collection, str) else {"collections": list(collection)}),
        "filter": json.dumps(dict(filter), ensure_ascii=False) if filter else None,
        "since": None if since is None else await beginning(session, since),
        **{
            name: float(value) if _TYPES[name] == "float8" and value is not None else value
            for name, value in more.items()
        },
    }
    return {name: value for name, value in given.items() if value is not None}


def call(function: str, given: Iterable[str]) -> str:
    """Return the call of a function with what is given, in this order."""
    written = [
        f"{'' if name in _BY_PLACE else f'{name} => '}${number}::{_TYPES[name]}" for number, name in enumerate(given, 1)
    ]
    return f"{{schema}}.{function}({', '.join(written)})"


async def embed_if_possible(
    session: Session, query: str, collection: Collections, by: By | None, timeout: float | None
) -> None:
    """Have a listener embed a text for a search; pass over that it can't be, where words are enough.

    Raises RequestError, with ``by="vector"`` for every reason, otherwise only the embedder's own.
    """
    if by == "words" or timeout is None or session.in_transaction:
        return
    for name in names(collection):
        try:
            await session.rows(statements.EMBED_QUERY, query, name, timedelta(seconds=timeout))
        except RequestError as error:
            if by == "vector" or error.code not in _NO_VECTOR:
                raise


def reranked(k: int) -> int:
    """Return how many hits a re-ranker reads for a search of ``k``."""
    return min(max(k, LEAST_RERANKED), MOST_RERANKED)


async def rerank(session: Session, given: Mapping[str, Any], timeout: float) -> None:
    """Have a re-ranker score what a search with these arguments finds. Raises RequestError as ``ingest_rerank``."""
    asked = {name: value for name, value in given.items() if name in _OF_A_SEARCH}
    asked["timeout"] = timedelta(seconds=timeout)
    await session.rows("call " + call("ingest_rerank", asked), *asked.values())


async def rerank_if_possible(session: Session, given: Mapping[str, Any], timeout: float | None) -> None:
    """Have what a search finds scored, if that is wanted; pass over that nobody answers: then known scores count.

    Raises RequestError ``no_reranker``, or the re-ranker's own.
    """
    if not given.get("rerank") or timeout is None or session.in_transaction:
        return
    try:
        await rerank(
            session, {**given, "k": reranked(given.get("k", 0))}, 3 * timeout
        )  # it reads dozens of texts, where an embedder reads one
    except RequestError as error:
        if error.code not in _NO_SCORES:
            raise


async def rows_of(
    session: Session,
    select: str,
    function: str,
    timeout: float | None,
    query: str,
    collection: Collections,
    **wanted: Any,
) -> list[asyncpg.Record]:
    """Return what a function finds, once the text is embedded and hits are scored, as far as that can be had.

    ``select``: a statement up to the call, whose rows it calls ``f``.
    """
    await embed_if_possible(session, query, collection, wanted["by"], timeout)
    given = await arguments(session, query, collection, **wanted)
    await rerank_if_possible(session, given, timeout)
    return await session.rows(f"{select}{call(function, given)} f", *given.values())
