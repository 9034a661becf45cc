"""How good searches are: words, vector and both, beside textbook BM25 over the same lexemes.

``INGEST_EMBEDDER``, ``INGEST_EMBEDDING_MODEL`` choose whose vectors these are.

The corpus is what this checkout says of itself, and the sample documents; ``judged.jsonl`` holds queries by kind: exact
titles, keywords, questions in natural words, phrases, and words that the page does not have. Nothing here is timed.
"""

from __future__ import annotations

import math
import os
import shutil
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import asyncpg

import listener as ingest_listener
from benchmarks import session
from benchmarks.report import Options, Report, Table
from listener.client import judging

ROOT = Path(__file__).parents[1]
JUDGED = Path(__file__).with_name("judged.jsonl")
PATTERNS = ["README.md", "SECURITY.md", "docs/*.md", "docs/decisions/*.md", "examples/documents/*/*"]
LEFT_OUT = "0034-words.md"  # it is about these queries
K1, B = 1.2, 0.75
K = 10
LEXEMES = """
  select d.uri, array(select l.lexeme from unnest(c.lexemes) l) as words,
         array(select cardinality(l.positions) from unnest(c.lexemes) l) as counts
  from ingest_chunk_store c join ingest_documents d using (revision_id)
  where d.collection = $1 order by d.uri, c.ordinal
"""
WORDS = "select tsvector_to_array(to_tsvector('english', ingest_searchable($1)))"


async def measure(options: Options) -> Report:
    """Ingest the corpus, ask every query each way, and compare."""
    corpus = options.folder / "corpus"
    _copy(corpus)
    judged = judging.read(JUDGED.read_text(encoding="utf-8").splitlines(), f"{corpus.as_uri()}/")
    async with session.server(options.folder) as server, session.listener(server.dsn(), corpus, **_embedder()):
        connection = await asyncpg.connect(server.dsn())
        await session.ingest(connection, corpus, "judged")
        async with ingest_listener.connect(server.dsn()) as ingest:
            found = {str(one.way): one for one in await ingest.evaluate(judged, "judged", k=K)}
        found["BM25"] = judging.quality("judged", "words", K, await _bm25(connection, judged))
        await connection.close()
    figures = {name: _figures(one) for name, one in found.items()}
    return Report(figures, [_table(figures), _kinds(found)], _broken(figures))


def _embedder() -> dict[str, str]:
    return {name: os.environ[name] for name in ("INGEST_EMBEDDER", "INGEST_EMBEDDING_MODEL") if name in os.environ}


def _copy(corpus: Path) -> None:
    for path in (path for pattern in PATTERNS for path in ROOT.glob(pattern) if path.name != LEFT_OUT):
        target = corpus / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)


async def _bm25(connection: asyncpg.Connection, judged: Sequence[judging.Judged]) -> list[judging.Answered]:
    chunks = [(row["uri"], dict(zip(row["words"], row["counts"], strict=True)))
              for row in await connection.fetch(LEXEMES, "judged")]  # fmt: skip
    having = Counter(word for _, words in chunks for word in words)
    usual = sum(sum(words.values()) for _, words in chunks) / len(chunks)
    rarity = {word: math.log(1 + (len(chunks) - n + 0.5) / (n + 0.5)) for word, n in having.items()}
    found = []
    for one in judged:
        asked = await connection.fetchval(WORDS, one.query)
        scored = [(-_score(asked, words, rarity, usual), uri) for uri, words in chunks]
        found.append(judging.measure(one, [uri for score, uri in sorted(scored)[: judging.CHUNKS * K] if score < 0], K))
    return found


def _score(asked: Sequence[str], words: Mapping[str, int], rarity: Mapping[str, float], usual: float) -> float:
    size = sum(words.values()) / usual
    counts = {word: words[word] for word in asked if word in words}
    return sum(rarity[word] * n * (K1 + 1) / (n + K1 * (1 - B + B * size)) for word, n in counts.items())


def _figures(one: judging.Quality) -> dict[str, float]:
    return {
        "hit@1": one.hit_at_1,
        f"hit@{K}": one.hit_at_k,
        "MRR": one.mrr,
        f"nDCG@{K}": one.ndcg,
        f"recall@{K}": one.recall,
    }


def _table(figures: Mapping[str, Mapping[str, float]]) -> Table:
    table = Table("quality of search", ["", *next(iter(figures.values()))])
    for name, of_way in figures.items():
        table.add(name, *(f"{figure:.3f}" for figure in of_way.values()))
    return table


def _kinds(found: Mapping[str, judging.Quality]) -> Table:
    by_kind: dict[str, dict[str, list[judging.Answered]]] = defaultdict(lambda: defaultdict(list))
    for name, of_way in found.items():
        for one in of_way.found:
            by_kind[one.kind or ""][name].append(one)
    table = Table("MRR by kind of query", ["", "queries", *found])
    for kind, ways in by_kind.items():
        means = [judging.quality("judged", "words", K, ways[name]).mrr for name in found]
        table.add(kind, len(ways["words"]), *(f"{mean:.3f}" for mean in means))
    return table


def _broken(figures: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return which goals are missed: words are no worse than BM25, both no worse than the better of the two."""
    goals = [("words", "BM25"), ("both", "words"), ("both", "vector")]
    return [
        f"{figure}: {one} {figures[one][figure]:.3f} is below {other} {figures[other][figure]:.3f}"
        for one, other in goals
        for figure in ("MRR", f"nDCG@{K}")
        if figures[one][figure] < figures[other][figure]
    ]
