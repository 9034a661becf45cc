"""Searches at size: recall, p50 and p99 of each way, building the index of vectors, and adding chunks with it there.

Chunks have 256 dimensions, vectors that lie about a thousand centres, and 70 words of a Zipf vocabulary of 50,000; one
collection holds all. Recall is compared with the ten nearest by the vectors themselves. Everything is warm.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

import asyncpg
import numpy as np
from pgvector import Vector

from benchmarks.report import Options, Report, Table
from benchmarks.search_corpus import DIMENSIONS, FLOATS, PER_DOCUMENT, SearchCorpus
from listener import embedded
from listener.database.owner import owner_session
from listener.engine import index_rows, indexing
from listener.service import migrate
from listener.settings import Settings

COLLECTION = "bench"
K = 10
PART = '{"part": 7}'
SERVER = {"shared_buffers": "1GB", "max_wal_size": "8GB"}
MEMORY_MB = 4096
GOALS = {"vector": 6.0, "words": 40.0, "both": 50.0}  # p50 in ms, at a million chunks
ANSWER = """
select ingest_answer_queries(k.space_id, array[k.hash], array[$2::vector]) from ingest_query_key($1, $3) k
"""
SEARCHES = {
    "vector": "select uri, ordinal, revision_id from ingest_search($2::vector, $3)",
    "vector, 1 %": """select uri, ordinal, revision_id from ingest_search($2::vector, $3, filter => '{"part": 7}')""",
    "words": "select uri, ordinal, revision_id from ingest_search($1, $3, by => 'words')",
    "words, 1 %": "select uri from ingest_search($1, $3, by => 'words', filter => '{\"part\": 7}')",
    "both": "select uri, ordinal, revision_id from ingest_search($1, $3)",
    "both, 1 %": "select uri from ingest_search($1, $3, filter => '{\"part\": 7}')",
    "context": "select * from ingest_context($1, $3)",
}


async def measure(options: Options) -> Report:
    """Fill a collection, build its index, and search."""
    count = options.count or options.size(100_000, 8_000)
    queries = options.size(200, 20)
    figures: dict[str, Any] = {"chunks": count, "dimensions": DIMENSIONS}
    async with await embedded.start(options.folder / "server", settings=SERVER) as server:
        await migrate(Settings(), server.dsn())
        connection = await asyncpg.connect(server.dsn())
        corpus = SearchCorpus(connection, COLLECTION)
        await corpus.prepare()
        figures["chunks_per_second"] = count / await corpus.add(count)
        await connection.execute("vacuum analyze ingest_chunk_store, ingest_documents, ingest_revisions")
        figures |= await _build(server.dsn(), connection)
        asked = await _ask(corpus, queries)
        figures["recall"] = await _recall(connection, corpus, asked)
        figures["ms"] = {name: await _timed(connection, name, asked) for name in SEARCHES}
        more = min(count // 10, 20_000) // PER_DOCUMENT * PER_DOCUMENT
        figures["chunks_per_second_with_index"] = more / await corpus.add(more)
        await connection.close()
    return Report(figures, _tables(figures), _broken(figures))


async def _build(dsn: str, connection: asyncpg.Connection) -> dict[str, Any]:
    """Build the index as maintenance does; return the seconds it took and its size."""
    async with owner_session(Settings(), dsn) as owner:
        await index_rows.count(owner.fetch)
        began = time.perf_counter()
        done = await indexing.maintain(owner, MEMORY_MB)
        seconds = time.perf_counter() - began
    assert done
    size = await connection.fetchval("select bytes from ingest_indexes where collection = $1", COLLECTION)
    return {
        "build_seconds": seconds,
        "index_mb": (size or 0) / 2**20,
        "build_errors": [one.error for one in done if one.error],
    }


async def _ask(corpus: SearchCorpus, count: int) -> list[tuple[str, Vector]]:
    """Draw queries of two to four words and their vectors, and put these where a listener would put them."""
    vectors = corpus.near(count)
    asked = [(" ".join(corpus.words(2 + n % 3, common=30)), Vector(vector)) for n, vector in enumerate(vectors)]
    for text, vector in asked:
        await corpus.connection.execute(ANSWER, text, vector, COLLECTION)
    return asked


async def _recall(c: asyncpg.Connection, corpus: SearchCorpus, asked: Sequence[tuple[str, Vector]]) -> dict[str, float]:
    rows = await c.fetch("select revision_id, ordinal from ingest_chunk_store where metadata @> $1::jsonb", PART)
    kept = np.zeros(len(corpus.vectors), bool)
    kept[[_place(row) for row in rows]] = True
    return {
        name: statistics.fmean([await _found(c, name, corpus.vectors, allowed, one) for one in asked])
        for name, allowed in (("vector", np.ones(len(kept), bool)), ("vector, 1 %", kept))
    }


async def _found(
    c: asyncpg.Connection,
    name: str,
    vectors: FLOATS,
    allowed: np.ndarray[Any, np.dtype[np.bool_]],
    one: tuple[str, Vector],
) -> float:
    """Return which share of the ten nearest a search finds."""
    query = one[1].to_numpy()
    near = vectors @ (query / np.linalg.norm(query))
    near[~allowed] = -2.0
    least = np.partition(near, -K)[-K] - 1e-6
    places = [_place(row) for row in await _search(c, name, one)]
    return sum(bool(near[place] >= least) for place in places) / K


def _place(row: asyncpg.Record) -> int:
    return int((row["revision_id"] - 1) * PER_DOCUMENT + row["ordinal"])


async def _search(c: asyncpg.Connection, name: str, one: tuple[str, Vector]) -> list[asyncpg.Record]:
    statement = SEARCHES[name]
    values = [value for place, value in (("$1", one[0]), ("$2", one[1]), ("$3", COLLECTION)) if place in statement]
    for number, place in enumerate((place for place in ("$1", "$2", "$3") if place in SEARCHES[name]), 1):
        statement = statement.replace(place, f"${number}")
    rows: list[asyncpg.Record] = await c.fetch(statement, *values)
    return rows


async def _timed(c: asyncpg.Connection, name: str, asked: Sequence[tuple[str, Vector]]) -> dict[str, float]:
    took = []
    for one in (*asked[: len(asked) // 4], *asked):
        began = time.perf_counter()
        await _search(c, name, one)
        took.append((time.perf_counter() - began) * 1000)
    cuts = statistics.quantiles(took[len(asked) // 4 :], n=100, method="inclusive")  # those before warmed it up
    return {"p50": cuts[49], "p99": cuts[98]}


def _tables(figures: dict[str, Any]) -> list[Table]:
    searches = Table(f"searches over {figures['chunks']:,} chunks", ["", "p50, ms", "p99, ms", "recall@10"])
    for name, ms in figures["ms"].items():
        searches.add(name, ms["p50"], ms["p99"], figures["recall"].get(name))
    index = Table("the index of vectors", ["", ""])
    index.add("built in, s", figures["build_seconds"])
    index.add("size, MB", figures["index_mb"])
    index.add("chunks/s stored, without it", figures["chunks_per_second"])
    index.add("chunks/s stored, with it", figures["chunks_per_second_with_index"])
    return [searches, index]


def _broken(figures: dict[str, Any]) -> list[str]:
    broken = [f"recall@10 of {name} is {recall:.3f}" for name, recall in figures["recall"].items() if recall < 0.95]
    if figures["chunks"] >= 1_000_000:
        p50 = {name: figures["ms"][name]["p50"] for name in GOALS}
        broken += [
            f"p50 of {name} is {p50[name]:.1f} ms, over {most:g}" for name, most in GOALS.items() if p50[name] > most
        ]
    return broken + figures["build_errors"]
