"""Memory where there is much: one JSON Lines file of 100 MB, and a folder of 20,000 small files."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks import corpus, session
from benchmarks.report import Options, Report, Spread, Table

RECORDS = 200_000
FILES = 20_000
OPTIONS = {"record": {"text": "body", "id": "id", "title": "title", "metadata": ["year", "tags"]}}


async def measure(options: Options) -> Report:
    """Return seconds, documents/s and the peak over idle of the listener and its workers, for each."""
    records, files = options.folder / "records.jsonl", options.folder / "small"
    size = write_records(records, options.size(RECORDS, 5_000))
    _write_small_files(files, options.size(FILES, 500))
    async with session.server(options.folder) as server:
        figures = {
            "json_lines": {"bytes": size} | await _one(server.dsn(), records, "records", json.dumps(OPTIONS)),
            "small_files": await _one(server.dsn(), files, "files", "{}"),
        }
    return Report(figures, [_table(figures)], [name for name, run in figures.items() if run["status"] != "succeeded"])


def _table(figures: dict[str, Any]) -> Table:
    table = Table(
        "Memory: the listener and its workers", ["one request", "documents", "seconds", "documents/s", "MB over idle"]
    )
    for name, run in figures.items():
        table.add(
            name, run["documents"], run["seconds"], run["documents_per_second"], Spread.of([run["peak_over_idle_mb"]])
        )
    return table


async def _one(dsn: str, source: Path, collection: str, options: str) -> dict[str, Any]:
    """Ingest with a fresh listener, so that idle means idle."""
    async with session.listener(dsn, source.parent) as running:
        connection = await asyncpg.connect(dsn)
        async with running.memory() as memory:
            run = await session.ingest(connection, source, collection, options)
        await connection.close()
    return run | memory | {"documents_per_second": run["documents"] / run["seconds"]}


def write_records(path: Path, records: int) -> int:
    """Write a JSON Lines file of some 500 bytes a record; return its size."""
    chance = random.Random(corpus.SEED)
    texts = [" ".join(chance.choices(corpus.WORDS, k=70)) for _ in range(500)]  # drawing each anew would take a minute
    with path.open("w", encoding="utf-8") as lines:
        for number in range(records):
            about = {"id": f"r{number}", "title": f"Record {number}", "year": 2000 + number % 25, "tags": ["a", "b"]}
            print(json.dumps(about | {"body": f"Record {number}: {texts[number % 500]}."}), file=lines)
    return path.stat().st_size


def _write_small_files(folder: Path, files: int) -> None:
    chance = random.Random(corpus.SEED)
    folder.mkdir()
    for number in range(files):
        words = " ".join(chance.choices(corpus.WORDS, k=30))
        (folder / f"note-{number:05}.md").write_text(f"# Note {number}\n\n{words}.\n", encoding="utf-8")
