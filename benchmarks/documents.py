"""Real documents: documents/s by kind, what failed and why, memory, and samples of the texts for reading them."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks import corpus, session
from benchmarks.report import Options, Report, Table

SAMPLE_CHARACTERS = 300


async def measure(options: Options) -> Report:
    """Ingest the documents kind by kind (by file name extension); write samples of each kind, if asked."""
    documents = options.documents
    assert documents
    kinds = _kinds(documents)
    async with session.server(options.folder) as server, session.listener(server.dsn(), documents) as running:
        connection = await asyncpg.connect(server.dsn())
        figures = {}
        for kind, files in kinds.items():
            only = files[: max(1, len(files) // 10)] if options.quick else None
            figures[kind] = await _kind(connection, running, documents, kind, only)
        if options.samples:
            text = await _samples(connection, list(kinds), options.count or 8)
            options.samples.write_text(text, encoding="utf-8")
        await connection.close()
    return Report({"kinds": figures, "total": _total(figures)}, [_table(figures)])


def _kinds(documents: Path) -> dict[str, list[Path]]:
    """Return the folder's files by extension, the most frequent first."""
    kinds: dict[str, list[Path]] = {}
    for path in sorted(documents.rglob("*")):
        if path.is_file():
            kinds.setdefault(path.suffix.lstrip(".").lower(), []).append(path)
    return dict(sorted(kinds.items(), key=lambda item: -len(item[1])))


async def _kind(
    connection: asyncpg.Connection, running: session.Running, documents: Path, kind: str, only: list[Path] | None
) -> dict[str, Any]:
    """One request for all files of a kind; ``only``: these."""
    include = [str(path.relative_to(documents)) for path in only] if only else [f"**/*.{kind}", f"*.{kind}"]
    async with running.memory() as memory:
        run = await session.ingest(connection, documents, kind, json.dumps({"include": include}))
    codes = await connection.fetch(
        "select code, count(*) as n from ingest_failures where request_id = $1 group by 1 order by 2 desc",
        run["request"],
    )
    size = await connection.fetchval("select sum(bytes) from ingest_revisions where request_id = $1", run["request"])
    return run | memory | {
        "bytes": int(size or 0),
        "documents_per_second": run["documents"] / run["seconds"],
        "failures": {row["code"]: row["n"] for row in codes},
    }  # fmt: skip


def _total(figures: dict[str, dict[str, Any]]) -> dict[str, Any]:
    failures: Counter[str] = Counter()
    for run in figures.values():
        failures.update(run["failures"])
    documents = sum(run["documents"] for run in figures.values())
    seconds = sum(run["seconds"] for run in figures.values())
    return {
        "documents": documents,
        "seconds": seconds,
        "documents_per_second": documents / seconds,
        "chunks": sum(run["chunks"] or 0 for run in figures.values()),
        "failures": dict(failures.most_common()),
        "peak_over_idle_mb": max(run["peak_over_idle_mb"] for run in figures.values()),
    }


def _table(figures: dict[str, dict[str, Any]]) -> Table:
    table = Table("Real documents by kind", ["kind", "documents", "documents/s", "failed", "MB over idle"])
    for kind, run in figures.items():
        failures = ", ".join(f"{code} {count}" for code, count in run["failures"].items())
        table.add(kind, run["documents"], run["documents_per_second"], failures or None, run["peak_over_idle_mb"])
    return table


async def _samples(connection: asyncpg.Connection, kinds: list[str], count: int) -> str:
    """Return the beginning and a piece from the middle of random live documents, and every failure."""
    chance = random.Random(corpus.SEED)
    parts = []
    for kind in kinds:
        rows = await connection.fetch(
            "select d.uri, d.title, d.bytes, d.chunks, d.metadata, v.text from ingest_documents d"
            " join ingest_revisions v on v.id = d.revision_id where d.collection = $1 order by d.uri",
            kind,
        )
        parts += [_sample(kind, row) for row in chance.sample(rows, min(count, len(rows)))]
        failures = await connection.fetch(
            "select uri, code, message, hint from ingest_failures where collection = $1 order by code, uri", kind
        )
        parts += [
            f"=== {kind} FAILED {row['uri']}\n{row['code']}: {row['message']}\n{row['hint']}\n" for row in failures
        ]
    return "\n".join(parts)


def _sample(kind: str, row: asyncpg.Record) -> str:
    text, middle = row["text"], len(row["text"]) // 2
    head = f"=== {kind} {row['uri']}\ntitle: {row['title']} · {row['bytes']} bytes, {len(text)} characters"
    about = f"{row['chunks']} chunks · {row['metadata']}"
    shown = [text[:SAMPLE_CHARACTERS]]
    if len(text) > 3 * SAMPLE_CHARACTERS:
        shown += ["--- middle", text[middle : middle + SAMPLE_CHARACTERS]]
    return "\n".join([f"{head}, {about}", *shown, ""])
