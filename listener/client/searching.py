"""The verbs that search, and that measure how good searches are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from listener.client import judging, results, statements
from listener.client.judging import WAYS, Judged, Quality, Way, Weights
from listener.client.results import Hit, found
from listener.client.session import Session
from listener.client.wanted import By, Collections, Since, arguments, rerank, rows_of
from listener.tracing.tracked import tracked


class Searching:
    """The verbs that search."""

    session: Session
    traced: bool

    @tracked("ingest.search", shows=("collection", "k", "by"), told=found)
    async def search(
        self,
        query: str,
        collection: Collections = "default",
        *,
        k: int = 10,
        filter: Mapping[str, Any] | None = None,
        by: By | None = None,
        under: str | None = None,
        per_document: int | None = None,
        since: Since | None = None,
        min_similarity: float | None = None,
        words_weight: float | None = None,
        vector_weight: float | None = None,
        rerank: bool | None = None,
        timeout: float | None = 10.0,
    ) -> list[Hit]:
        """Return the ``k`` best chunks of a collection, or of several, for a text, best first.

        By words and by meaning, or as ``by`` says. A listener embeds the text, for which this waits up to ``timeout``
        seconds; if there is none, with ``timeout=None``, and within a transaction, it uses words, unless the vector
        is known from before: ``Hit.by`` tells. ``filter`` is what a chunk's metadata must contain, or operators:
        ``{"year": {"$gte": 2020}}``. ``under``: only documents whose URIs begin so; ``per_document``: at most so many
        chunks of each; ``since``: changed then or later, as a ``datetime``, a ``timedelta`` ago, ``7d``, or a time as
        Postgres reads it; ``min_similarity``: nothing by meaning with a smaller cosine. ``words_weight`` and
        ``vector_weight`` say how much each counts, 1 by default. ``rerank``: in the order of a re-ranker, which reads
        what is found meanwhile; waited for up to three times ``timeout``. ``Hit.by`` tells whether it did.

        Raises RequestError ``unknown_collection``, ``empty_query``, ``wrong_filter``, ``wrong_since``,
        ``wrong_similarity``, ``wrong_weight``, ``wrong_collections``, or the embedder's own code; with ``by="vector"``
        also ``no_listener``, ``query_not_answered``, ``too_many_queries``, ``no_space_yet`` and ``query_not_embedded``.
        """
        rows = await rows_of(
            self.session, statements.FOUND, "ingest_search", timeout, query, collection, k=k, filter=filter, by=by,
            under=under, per_document=per_document, since=since, min_similarity=min_similarity,
            words_weight=words_weight, vector_weight=vector_weight, rerank=rerank,
        )  # fmt: skip
        return list(map(results.hit, rows))

    async def embed_query(self, query: str, collection: str = "default", *, timeout: float = 10.0) -> None:
        """Have a listener embed a text, so that searches for it go by meaning too; raises as ``search`` by vector."""
        await self.session.rows(statements.EMBED_QUERY, query, collection, timedelta(seconds=timeout))

    async def rerank(
        self, query: str, collection: Collections = "default", *, k: int = 50, timeout: float = 30.0, **more: Any
    ) -> None:
        """Have a re-ranker score the ``k`` best chunks, so that searches with ``rerank=True`` go by that.

        ``more``: those of ``search`` that say what is found. Raises RequestError ``no_listener``, ``no_reranker``,
        ``rerank_not_answered``, ``too_many_queries``, the re-ranker's own code, or as ``search`` does.
        """
        given = await arguments(self.session, query, collection, **{"filter": None, "since": None, "k": k} | more)
        await rerank(self.session, given, timeout)

    async def evaluate(
        self,
        judged: Sequence[Judged],
        collection: str = "default",
        *,
        ways: Sequence[Way] = WAYS,
        k: int = 10,
        weights: Sequence[Weights] = (),
        rerank: bool = False,
    ) -> list[Quality]:
        """Return how good searches of a collection are, by queries whose answers are known, for each of ``ways``.

        ``judged``: what ``judging.read`` makes of a file's lines, or each a ``Judged`` of yours; figures are of the
        first ``k`` documents. A listener embeds the queries, unless it is by words alone. ``weights``: of words and of
        the vector, each one more way; ``rerank``: one more, by both and in a re-ranker's order. Raises as ``search``
        by vector; RequestError ``bad_judgement``, ``not_in_collection``.
        """
        asked = [*map(judging.asking, ways), *(judging.weighted(*each) for each in weights)]
        return await judging.evaluate(self, judged, collection, [*asked, *([judging.RERANKED] if rerank else [])], k)
