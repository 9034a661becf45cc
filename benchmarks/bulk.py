"""A bulk load through an embedding service: 7,000 chunks, 1,536 dimensions, beside a bare script and four peers.

Each run has a fresh database of the same server and begins after a checkpoint; the ways take turns in each round. Peers
are described in `benchmarks/peers`. Then HTML with the local embedder, beside a bare script with the same libraries.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import asyncpg

from benchmarks import bulk_html, corpus, session, ways
from benchmarks.environments import Unavailable
from benchmarks.report import Options, Report, Spread, Table
from benchmarks.ways import Run
from listener.embedded import Server

OURS, NUMBERS, BARE, PLAIN = "listener", "listener, JSON numbers", "bare script", "bare script, no index"
COLUMNS = [
    "way", "cold, s", "chunks/s", "listener is … as fast", "unchanged, s", "… faster than cold", "texts sent",
    "10 edited, s", "texts sent ",
]  # fmt: skip
Way = Callable[[str], Awaitable[Run]]
"""Ingest into the database with this DSN."""


async def measure(options: Options) -> Report:
    """Return every run, the table of ways, the goals, and the table of HTML."""
    folder = options.folder / "markdown"
    corpus.write_markdown(folder, options.size(500, 20))
    chunks = len(ways.expected(folder))
    async with (
        session.server(options.folder) as server,
        ways.endpoint() as url,
        ways.endpoint("--numbers") as numbers_url,
    ):
        runs, absent = await _rounds(server, options, _ways(folder, url, numbers_url, options))
        html = await bulk_html.measure(server, options)
    broken = [f"{name}: {reason}" for name, reason in absent.items()]
    broken += [f"{name}: {problem}" for name, some in runs.items() for run in some for problem in run["broken"]]
    broken += _sent_too_much(runs)
    figures = {"chunks": chunks, "runs": runs, "not_run": absent, "html": html.figures}
    tables = [_table(runs, absent, chunks), _goals(runs), *html.tables]
    return Report(figures, tables, broken + html.broken)


def _ways(folder: Path, url: str, numbers_url: str, options: Options) -> dict[str, Way]:
    mine: dict[str, Way] = {
        OURS: partial(ways.ours, folder, url),
        NUMBERS: partial(ways.ours, folder, numbers_url),
        BARE: partial(ways.bare, folder, url, []),
        PLAIN: partial(ways.bare, folder, url, ["--without-indexes"]),
    }
    peers = ways.PEERS if options.peers else []
    return mine | {peer.name: partial(ways.peer, peer, options.folder, folder, url) for peer in peers}


async def _rounds(
    server: Server, options: Options, all_: dict[str, Way]
) -> tuple[dict[str, list[Run]], dict[str, str]]:
    """Return the runs of each way, and why a way was not run."""
    runs: dict[str, list[Run]] = {name: [] for name in all_}
    absent: dict[str, str] = {}
    for number in range(options.rounds):
        for place, (name, way) in enumerate(all_.items()):
            if name in absent:
                continue
            try:
                runs[name].append(await _in_fresh_database(server, f"run_{number}_{place}", name, way))
            except (Unavailable, RuntimeError) as reason:
                absent[name] = str(reason)
            print(f"round {number + 1} of {options.rounds}: {name}", file=sys.stderr, flush=True)
    return {name: some for name, some in runs.items() if name not in absent}, absent


async def _in_fresh_database(server: Server, database: str, name: str, way: Way) -> Run:
    """Ours and the bare script get a clone of the migrated database, peers an empty one with pgvector."""
    await server.create_database(database, "ingest" if name in (OURS, NUMBERS, BARE, PLAIN) else "template1")
    connection = await asyncpg.connect(server.dsn(database))
    await connection.execute("create extension if not exists vector")
    await connection.execute("checkpoint")
    await connection.close()
    try:
        return await way(server.dsn(database))
    finally:  # else its autovacuum would run beside the next one
        connection = await asyncpg.connect(server.dsn("postgres"))
        await connection.execute(f"drop database {database} with (force)")
        await connection.close()


def _table(runs: dict[str, list[Run]], absent: dict[str, str], chunks: int) -> Table:
    table = Table(f"One request, {chunks:,} chunks: seconds, and texts sent", COLUMNS)
    for name, some in runs.items():
        cold = _spread(some, "cold")
        row: list[object] = [name, cold, Spread.of(chunks / value for value in cold.values)]
        row.append(None if name == OURS else cold.ratio(_spread(runs[OURS], "cold")))
        if "unchanged" in some[0]:
            unchanged = _spread(some, "unchanged")
            row += [unchanged, cold.ratio(unchanged), _most(some, "unchanged")]
            row += [_spread(some, "edited"), _most(some, "edited")]
        table.add(*row, *[None] * (len(COLUMNS) - len(row)))
    for name, reason in absent.items():
        table.add(name, f"not run: {reason}", *[None] * (len(COLUMNS) - 2))
    return table


def _goals(runs: dict[str, list[Run]]) -> Table:
    ours = runs[OURS]
    table = Table("Goals of bulk", ["what", "to reach", "measured"])
    table.add("chunks/s beside the bare script's", "≥ 0.5", _spread(runs[BARE], "cold").ratio(_spread(ours, "cold")))
    for peer in ways.PEERS[:1]:
        faster = _spread(runs[peer.name], "cold").ratio(_spread(ours, "cold")) if peer.name in runs else None
        table.add(f"chunks/s beside {peer.name}'s", "≥ 4", faster)
    table.add("unchanged, beside cold", "≥ 10", _spread(ours, "cold").ratio(_spread(ours, "unchanged")))
    table.add("unchanged, texts sent", "0", _most(ours, "unchanged"))
    table.add("10 edits, texts sent", "≤ 20", _most(ours, "edited"))
    return table


def _sent_too_much(runs: dict[str, list[Run]]) -> list[str]:
    limits = {"unchanged": 0, "edited": 2 * ways.EDITS}
    sent = {(name, phase): _most(runs[name], phase) for name in (OURS, NUMBERS) for phase in limits}
    return [f"{name}, {phase}: sent {texts} texts" for (name, phase), texts in sent.items() if texts > limits[phase]]


def _spread(runs: Sequence[Run], phase: str) -> Spread:
    return Spread.of(run[phase]["seconds"] for run in runs)


def _most(runs: Sequence[Run], phase: str) -> int:
    return max(int(run[phase]["texts"]) for run in runs)
