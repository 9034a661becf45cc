"""What was measured of searches, kept in ``ingest_evaluations``: figures over time, without queries and documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from listener.client.judging import RERANKED, Quality, weighted
from listener.client.session import Session

LONGEST_NAME = 200  # bytes, as a constraint of the table says

SAVE = """select {schema}.ingest_save_evaluation($1::text, $2::text, $3::int, $4::text, $5::float8, $6::float8,
  $7::boolean, $8::int, $9::float8, $10::float8, $11::float8, $12::float8, $13::float8)"""
_SELECT = """select e.id, e.collection, e.evaluated_at, e.evaluated_by::text, e.judged, e.queries, e.way,
  e.words_weight, e.vector_weight, e.reranked, e.k, e.hit_at_1, e.hit_at_k, e.mrr, e.ndcg, e.recall, s.embedder,
  s.model, e.chunk_size
from"""
_SPACE = "left join {schema}.ingest_spaces s on s.id = e.space_id"
_LAST = """unnest($1::text[]) as k (name) cross join lateral (
  select e.* from {schema}.ingest_evaluations e where e.collection = k.name order by e.id desc limit 1) e"""
EVALUATIONS = f"""{_SELECT} {{schema}}.ingest_evaluations e {_SPACE}
where e.collection = $1::text order by e.id desc limit $2::int"""
LAST = f"{_SELECT} {_LAST} {_SPACE}"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A row of ``ingest_evaluations``: how good one way to search was; the figures are those of ``Quality``.

    ``judged``    what the file of judged queries is called
    ``embedder``, ``model``, ``chunk_size``  of the collection then
    """

    id: int
    collection: str
    evaluated_at: datetime
    evaluated_by: str
    judged: str
    queries: int
    way: str
    words_weight: float | None
    vector_weight: float | None
    reranked: bool
    k: int
    hit_at_1: float
    hit_at_k: float
    mrr: float
    ndcg: float
    recall: float
    embedder: str | None
    model: str | None
    chunk_size: int

    @property
    def asked(self) -> str:
        """Return how it was asked, as ``Quality.way`` has it."""
        if self.reranked:
            return RERANKED.way
        if self.words_weight is None or self.vector_weight is None:
            return self.way
        return weighted(self.words_weight, self.vector_weight).way


class Evaluations:
    """The verbs of evaluations that are kept; ``Ingest`` has them too."""

    session: Session

    async def save_evaluation(self, measured: Quality, judged: str) -> int:
        """Keep what ``evaluate`` returned; return its id. ``judged``: what the judged queries are called, as a file is.

        Of each role's in a collection the newest 300 are kept. Raises RequestError ``not_granted``,
        ``unknown_collection``.
        """
        words, vector = measured.weights or (None, None)
        reranked = measured.way == RERANKED.way
        way = "both" if reranked or measured.weights else measured.way
        figures = (measured.hit_at_1, measured.hit_at_k, measured.mrr, measured.ndcg, measured.recall)
        made = await self.session.value(
            SAVE, measured.collection, named(judged), measured.queries, way, words, vector, reranked, measured.k,
            *figures,
        )  # fmt: skip
        return int(made)

    async def evaluations(self, collection: str, *, limit: int = 100) -> list[Evaluation]:
        """Return what was measured of a collection, the newest first."""
        return [Evaluation(**row) for row in await self.session.rows(EVALUATIONS, collection, limit)]

    async def last_evaluations(self, collections: Sequence[str]) -> dict[str, Evaluation]:
        """Return the newest evaluation of each collection that has one."""
        rows = await self.session.rows(LAST, list(collections))
        return {row["collection"]: Evaluation(**row) for row in rows}


def named(judged: str) -> str:
    """Return a name that the table takes: without what can't be shown, its end if it is long."""
    shown = "".join(one if one.isprintable() else "?" for one in judged) or "?"
    return shown.encode("utf-8", "replace")[-LONGEST_NAME:].decode("utf-8", "ignore")
