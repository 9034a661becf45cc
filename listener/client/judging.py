"""How good searches are: judged queries, what they find, and figures from that.

::

    judged.jsonl → read → Judged → evaluate: each query, each way → Answered → Quality

A line of the file is ``{"query": "…", "expected": ["uri", …]}``, or ``{"uri": grade, …}`` where some fit better.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from listener.client import statements
from listener.client.overview import require_collection
from listener.client.wanted import By
from listener.errors import RequestError

if TYPE_CHECKING:
    from listener.client.searching import Searching

Way = Literal["words", "vector", "both"]
Weights = tuple[float, float]
WAYS: tuple[Way, ...] = ("words", "vector", "both")
MOST_QUERIES = 10_000
LONGEST_LINE = 1_000_000  # characters
CHUNKS = 5  # are looked at for each document that counts: several may be of one
HIGHEST = 10.0
SHAPE = 'Write a line like {"query": "how do I pay?", "expected": ["file:///srv/docs/pay.md"]}.'
KEYS = {"query", "expected", "kind"}


@dataclass(frozen=True, slots=True)
class Judged:
    """A query, and the documents that answer it: URI → grade, above 0. ``kind``: a name of yours for such queries."""

    query: str
    expected: Mapping[str, float]
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """How queries are asked: what that is called, by what, and other arguments of ``search``."""

    way: str
    by: By | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    weights: Weights | None = None


RERANKED = Asking("reranked", more={"rerank": True})


@dataclass(frozen=True, slots=True)
class Answered:
    """What a query found: URIs of documents, best first, and the figures of ``Quality`` for it alone."""

    query: str
    kind: str | None
    uris: Sequence[str]
    place: int | None
    """Of the first document that was expected, from 1; None: none was found."""
    ndcg: float
    recall: float
    reranked: bool = False
    """Whether a re-ranker's scores were known for any of what was found."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a way to search is in a collection, over all queries; each figure is from 0 to 1.

    ``hit_at_1``, ``hit_at_k``  the share of queries with an expected document in the first place, among the first k
    ``mrr``     the mean of 1 / place of the first expected document among the first k
    ``ndcg``    normalized discounted cumulative gain at k, with gains of 2 ** grade - 1
    ``recall``  the share of expected documents among the first k
    ``found``   each query's own
    ``unscored``  the number of queries for which a re-ranker's scores of nothing that was found are known
    ``unknown`` the URIs that were expected and are not in the collection; they count as not found
    ``weights`` of words and of the vector, if they were given
    """

    collection: str
    way: str
    k: int
    queries: int
    hit_at_1: float
    hit_at_k: float
    mrr: float
    ndcg: float
    recall: float
    found: Sequence[Answered]
    unknown: Sequence[str] = ()
    unscored: int = 0
    weights: Weights | None = None

    def worst(self, number: int) -> list[Answered]:
        """Return the queries that went worst, the worst first, without those that went as well as can be."""
        return sorted((one for one in self.found if one.ndcg < 1), key=lambda one: one.ndcg)[:number]


def read(lines: Iterable[str], base: str = "") -> list[Judged]:
    """Return what is judged, a line each; URIs without a scheme begin with ``base``. Empty lines are passed.

    Raises RequestError ``bad_judgement`` with the line's number, also where there is none, or more than 10,000.
    """
    judged = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            judged.append(_judged(number, line, base))
        if len(judged) > MOST_QUERIES:
            raise RequestError("bad_judgement", f"there are more than {MOST_QUERIES:,} queries", "Give fewer of them.")
    if not judged:
        raise RequestError("bad_judgement", "there is no query", SHAPE)
    return judged


def _judged(number: int, line: str, base: str) -> Judged:
    if len(line) > LONGEST_LINE:
        raise _bad(number, f"has more than {LONGEST_LINE:,} characters")
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _bad(number, f"is no JSON: {error}") from None
    if not isinstance(said, dict):
        raise _bad(number, "is no JSON object")
    if unknown := sorted(said.keys() - KEYS):
        raise _bad(number, f"has an unknown key, {unknown[0]!r}")
    query, kind = said.get("query"), said.get("kind")
    if not isinstance(query, str) or not query.strip():
        raise _bad(number, "has no query")
    if kind is not None and not isinstance(kind, str):
        raise _bad(number, "has a kind that is no string")
    return Judged(query, _expected(number, said.get("expected"), base), kind)


def _expected(number: int, said: object, base: str) -> dict[str, float]:
    graded = dict.fromkeys(said, 1) if isinstance(said, list) and all(isinstance(uri, str) for uri in said) else said
    if not isinstance(graded, dict):
        raise _bad(number, "has no expected: a list of URIs, or an object of URIs with grades")
    for uri, grade in graded.items():
        if not uri.strip():
            raise _bad(number, "expects an empty URI")
        if isinstance(grade, bool) or not isinstance(grade, int | float) or not 0 <= grade <= HIGHEST:
            raise _bad(number, f"has a grade of {uri!r} that is no number from 0 to {HIGHEST:g}")
    expected = {uri if "://" in uri else base + uri: float(grade) for uri, grade in graded.items() if grade > 0}
    if not expected:
        raise _bad(number, "expects nothing")
    return expected


def _bad(number: int, what: str) -> RequestError:
    return RequestError("bad_judgement", f"line {number} {what}", SHAPE)


def asking(way: Way) -> Asking:
    """Return how to ask by words, by vector, or by both."""
    return Asking(way, None if way == "both" else way)


def weighted(words: float, vector: float) -> Asking:
    """Return how to ask by both, each of which counts so much."""
    more = {"words_weight": words, "vector_weight": vector}
    return Asking(f"both {words:g}:{vector:g}", more=more, weights=(words, vector))


async def evaluate(
    ingest: Searching, judged: Sequence[Judged], collection: str, asked: Sequence[Asking], k: int
) -> list[Quality]:
    """Ask every query each way, and return what came of it, a Quality for each way.

    Raises as ``Ingest.search``; RequestError ``bad_judgement`` for what is no Judged, ``not_in_collection`` where the
    collection has none of the documents that are expected.
    """
    unknown = await _unknown(ingest, judged, collection)
    found: dict[str, list[Answered]] = {one.way: [] for one in asked}
    for one in judged:
        if any(how.by is None for how in asked):
            await ingest.embed_query(
                one.query, collection
            )  # else a search by both would go by words where it can't be embedded
        for how in asked:
            hits = await ingest.search(one.query, collection, k=CHUNKS * k, by=how.by, **how.more)
            answered = measure(one, [hit.uri for hit in hits], k)
            found[how.way].append(replace(answered, reranked=any(hit.by == "reranked" for hit in hits)))
    weights = {how.way: how.weights for how in asked}
    return [
        replace(
            quality(collection, way, k, of_way),
            unknown=unknown,
            unscored=sum(way == RERANKED.way and not one.reranked for one in of_way),
            weights=weights[way],
        )
        for way, of_way in found.items()
    ]


async def _unknown(ingest: Searching, judged: Sequence[Judged], collection: str) -> list[str]:
    """Return the URIs that are expected and not there: some. All of them is a mistake, and no measure of a search."""
    _check(judged)
    expected = {uri for one in judged for uri in one.expected}
    rows = await ingest.session.rows(statements.URIS_AMONG, collection, sorted(expected))
    unknown = sorted(expected - {row["uri"] for row in rows})
    if expected and not rows:
        await require_collection(ingest.session, collection)
        has = await ingest.session.rows(statements.A_URI, collection)
        hint = (
            f"It has {has[0]['uri']}: what your URIs lack at their beginning is --base (in Python base of read)."
            if has
            else "It has no documents."
        )
        what = f'collection "{collection}" has none of the {len(expected)} URIs that are expected, as {unknown[0]}'
        raise RequestError("not_in_collection", what, hint)
    return unknown


def _check(judged: Sequence[object]) -> None:
    for number, one in enumerate(judged, 1):
        if not isinstance(one, Judged):
            hint = 'judging.read(lines) makes them of lines of JSON; or write Judged("how do I pay?", {"URI": 1}).'
            raise RequestError("bad_judgement", f"query {number} is of type {type(one).__name__}, not Judged", hint)


def measure(judged: Judged, uris: Iterable[str], k: int) -> Answered:
    """Return how well URIs, best first, answer a query; of one that comes again the first place counts."""
    first = list(dict.fromkeys(uris))[:k]
    gains = [2 ** judged.expected.get(uri, 0.0) - 1 for uri in first]
    ideal = sorted((2**grade - 1 for grade in judged.expected.values()), reverse=True)[:k]
    return Answered(
        judged.query,
        judged.kind,
        first,
        next((place for place, gain in enumerate(gains, 1) if gain > 0), None),
        _discounted(gains) / _discounted(ideal),
        sum(gain > 0 for gain in gains) / len(judged.expected),
    )


def quality(collection: str, way: str, k: int, found: Sequence[Answered]) -> Quality:
    """Return the means over queries."""

    def mean(figure: Callable[[Answered], Any]) -> float:
        return math.fsum(figure(one) for one in found) / len(found)

    return Quality(
        collection, way, k, len(found),
        mean(lambda one: one.place == 1), mean(lambda one: one.place is not None),
        mean(lambda one: 1 / one.place if one.place else 0), mean(lambda one: one.ndcg), mean(lambda one: one.recall),
        found,
    )  # fmt: skip


def _discounted(gains: Sequence[float]) -> float:
    return math.fsum(gain / math.log2(place + 1) for place, gain in enumerate(gains, 1))
