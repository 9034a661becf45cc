"""A service that fails in turns: what becomes of requests, what is paid, what the status says (``--minutes N``, 60).

::

    requests     steadily into two spaces, one text each, now and then a folder of several batches
    services     one is well; the other is in turns down, limited, hanging, broken, talking nonsense, and fine between
    listeners    two, one of which is killed now and then and replaced

In the end all requests succeed, each text was answered once but for what was in flight at a kill, and never were two
probes under way.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks import fleet, session
from benchmarks.moods import FINE, MOODS, MoodyService, moody_service
from benchmarks.report import Options, Report, Table

MINUTES = 60.0
PATIENCE_SECONDS = 180.0
SAMPLE_SECONDS = 0.1
SETTINGS: dict[str, object] = {
    "lease_seconds": 4, "heartbeat_seconds": 0.8, "batch_documents": 2, "embedding_call_texts": 8, "grace_seconds": 10,
    "embedding_timeout_seconds": 8,
}  # fmt: skip
_CHANGING = re.compile(r"next attempt at .*|for \d+ s|http://\S+?(?=[) ,;]|$)")
UNFINISHED = "select count(*) from ingest_requests where status in ('pending', 'running')"


async def measure(options: Options) -> Report:
    """Return the figures, and what is broken (nothing)."""
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    seconds = 60 * (options.minutes or (0.5 if options.quick else MINUTES))
    print(f"seed {seed}, {seconds:.0f} s", file=sys.stderr, flush=True)
    async with session.server(options.folder) as server, moody_service() as service:
        run = Run(server.dsn(), options.folder, service, seconds, random.Random(seed), quick=options.quick)
        figures = {"seed": seed, "seconds": round(seconds)} | await run.all()
    return Report(figures, _tables(figures), list(_broken(figures)))


class Run:
    """One run: those who insert, fail, kill and look, side by side."""

    def __init__(
        self, dsn: str, folder: Path, service: MoodyService, seconds: float, chance: random.Random, *, quick: bool
    ) -> None:
        self._dsn, self._folder, self._service, self._seconds = dsn, folder, service, seconds
        self._chance, self._quick = chance, quick
        self._until = 0.0
        self._kills = self._in_flight = 0
        self._said: dict[str, Counter[str]] = {}
        self._first_said: dict[str, list[float]] = {}
        self._bad_spans: list[tuple[float, float]] = []

    async def all(self) -> dict[str, Any]:
        """Run; return what was seen."""
        connection = await fleet.connect(self._dsn)
        for name in ("turns", "well"):
            space = {"embedder": "openai", "endpoint": self._service.url, "model": name, "dimensions": fleet.DIMENSIONS}
            await connection.execute("select from ingest_collection($1, $2)", name, json.dumps(space))
        roots = self._folder / "requests"
        roots.mkdir()
        listeners = fleet.Fleet(self._dsn, self._folder / "logs", self._service.url, file_roots=roots, **SETTINGS)
        await listeners.add()
        await listeners.add()
        await listeners.matured(2)
        self._until = time.monotonic() + self._seconds
        await asyncio.gather(self._insert(roots), self._fail(), self._kill(listeners), self._look())
        calmed = time.monotonic()
        deadline = calmed + PATIENCE_SECONDS
        while await connection.fetchval(UNFINISHED) and time.monotonic() < deadline:  # noqa: ASYNC110 - a database
            await asyncio.sleep(0.1)
        drained = time.monotonic() - calmed
        figures = await self._figures(connection)
        await connection.close()
        await listeners.stop()
        return figures | {
            "seconds_until_all_had_ended": round(drained, 1), "listeners_failed": listeners.failed(),
            "outages_logged": listeners.said(" is away: "), "each_minute_logged": listeners.said(" has been away for "),
            "ends_logged": listeners.said(" is back after "), "errors_logged": listeners.said(" ERROR "),
        }  # fmt: skip

    async def _insert(self, roots: Path) -> None:
        connection = await fleet.connect(self._dsn)
        number = 0
        while time.monotonic() < self._until:
            for name in ("turns", "well"):
                if number % 20 == 19:
                    await _insert_folder(connection, roots / f"{name}-{number}", name)
                else:
                    text = f"# Note {number}\n\nOf {name}, number {number}: {self._chance.random()}.\n"
                    await connection.execute(
                        "insert into ingest_requests (content, uri, collection) values ($1, $2, $3)",
                        text,
                        str(number),
                        name,
                    )
            number += 1
            await asyncio.sleep(0.25 if self._quick else 0.5)
        await connection.close()

    async def _fail(self) -> None:
        moods: list[str] = []
        while time.monotonic() < self._until:
            moods = moods or self._chance.sample(MOODS, len(MOODS))
            await self._stay(FINE, 1.0, 1.5 if self._quick else 20.0)
            await self._stay(moods.pop(), 2.0, 4.0 if self._quick else 60.0)
        self._service.mood = FINE

    async def _stay(self, mood: str, least: float, most: float) -> None:
        self._service.mood = mood
        began = time.time()
        await asyncio.sleep(min(self._chance.uniform(least, most), max(0.0, self._until - time.monotonic())))
        if mood != FINE:
            self._bad_spans.append((began, time.time()))

    async def _kill(self, listeners: fleet.Fleet) -> None:
        connection = await fleet.connect(self._dsn)
        pause = self._seconds / 2 if self._quick else 90.0
        while time.monotonic() + pause < self._until:
            await asyncio.sleep(self._chance.uniform(0.7, 1.0) * pause)
            victim = self._chance.choice(sorted(listeners.running))
            rows = await connection.fetch("select hash from ingest_chunk_store where collection = 'turns'")
            stored = {bytes(row["hash"]) for row in rows}
            await listeners.kill(victim)
            self._in_flight += len(self._service.unfinished(victim, stored))
            self._kills += 1
            await listeners.add()
        await connection.close()

    async def _look(self) -> None:
        """Sample what the status says of requests that wait, and how soon it does after the service turned bad."""
        connection = await fleet.connect(self._dsn)
        mood, since, said = FINE, 0.0, False
        while time.monotonic() < self._until:
            if self._service.mood != mood:
                mood, since, said = self._service.mood, time.monotonic(), False
            row = await connection.fetchrow(
                "select s.waiting_for from ingest_status s where s.collection = 'turns'"
                " and s.status in ('running', 'pending')"
                " order by s.waiting_for like 'service: %' desc nulls last, s.created_at desc limit 1"
            )
            told = row and row["waiting_for"]
            if told:
                self._said.setdefault(mood, Counter())[_CHANGING.sub("…", told)] += 1
            if told and mood != FINE and not said and told.startswith("service: "):
                said = True
                self._first_said.setdefault(mood, []).append(time.monotonic() - since)
            await asyncio.sleep(SAMPLE_SECONDS)
        await connection.close()

    async def _figures(self, connection: asyncpg.Connection) -> dict[str, Any]:
        outcomes = await connection.fetch(
            "select collection || ': ' || status || coalesce(' ' || (error ->> 'code'), '') as how, count(*) as n"
            " from ingest_requests group by 1 order by 1"
        )
        well = await connection.fetch(
            "select extract(epoch from created_at) as at, extract(epoch from finished_at - created_at) as seconds"
            " from ingest_requests where collection = 'well' and status = 'succeeded'"
        )
        during = [float(row["seconds"]) for row in well if any(a <= row["at"] <= b for a, b in self._bad_spans)]
        crashes = await connection.fetchval("select coalesce(sum(crashes), 0) from ingest_batches")
        distinct = await connection.fetchval(
            "select count(distinct hash) from ingest_chunk_store where collection = 'turns'"
        )
        answered = self._service.answered
        return {
            "requests": {row["how"]: row["n"] for row in outcomes},
            "outages": len(self._bad_spans),
            "listeners_killed": self._kills,
            "batches_blamed": crashes,
            "texts_distinct": distinct,
            "texts_answered": answered.total(),
            "texts_paid_twice": sum(count - 1 for count in answered.values()),
            "texts_in_flight_at_kills": self._in_flight,
            "probes_at_a_time": self._service.most_probing,
            "calls": dict(sorted(self._service.calls.items())),
            "well_seconds_during_outages": _spread(during),
            "seconds_until_said": {mood: _spread(times) for mood, times in sorted(self._first_said.items())},
            "said": {mood: dict(said.most_common(6)) for mood, said in sorted(self._said.items())},
        }


async def _insert_folder(connection: asyncpg.Connection, folder: Path, name: str) -> None:
    _write_folder(folder)
    query = "insert into ingest_requests (source, collection) values ($1, $2)"
    await connection.execute(query, str(folder), name)


def _write_folder(folder: Path) -> None:
    folder.mkdir()
    for document in range(6):
        (folder / f"{document}.md").write_text(f"# {folder.name}\n\nDocument {document} of {folder.name}.\n")


def _spread(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    ordered = sorted(seconds)
    return {
        "count": len(ordered), "p50": round(statistics.median(ordered), 3),
        "p99": round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], 3), "max": round(ordered[-1], 3),
    }  # fmt: skip


def _broken(figures: dict[str, Any]) -> Iterator[str]:
    for how, count in figures["requests"].items():
        if not how.endswith(": succeeded"):
            yield f"{count} requests ended as {how}"
    if figures["texts_paid_twice"] > figures["texts_in_flight_at_kills"]:
        allowed = f"{figures['texts_in_flight_at_kills']} were in flight at kills"
        yield f"{figures['texts_paid_twice']} texts were paid twice, {allowed}"
    if figures["probes_at_a_time"] > 1:
        yield f"{figures['probes_at_a_time']} probes at a time"
    if figures["listeners_failed"]:
        yield f"listeners ended by themselves: {figures['listeners_failed']}"


def _tables(figures: dict[str, Any]) -> list[Table]:
    table = Table(f"A service that fails in turns, seed {figures['seed']}", ["what", "figure"])
    for name, value in figures.items():
        if isinstance(value, dict) and name != "said":
            for part, figure in value.items():
                shown = figure if isinstance(figure, int | float) else str(figure)
                table.add(f"{name.replace('_', ' ')} · {part}", shown)
        elif name != "said":
            table.add(name.replace("_", " "), value)
    said = Table("What waiting_for said, sampled", ["mood", "text", "samples"])
    for mood, texts in figures["said"].items():
        for text, count in texts.items():
            said.add(mood, text, count)
    return [table, said]
