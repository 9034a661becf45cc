"""How long a small request waits while another submitter, or another collection, has much of everything waiting.

::

    nobody               nothing else, for comparison
    4,000 small texts    of another submitter, with no more urgent priority, inserted before
    4,000 collections    the same, each into a new collection of its own
    of one submitter     the same submitter's, in another collection
    one huge folder      a request of many thousand files of another submitter, whose batches have all places
    twenty folders       of another submitter: long requests have all places that they may have

While that is worked off, role B inserts one request after the other: a small text, and a folder of one file. The time
goes from its INSERT to the start of its workflow, and to its end, by the database's clock. The listener has its
defaults.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg

from benchmarks import burst, corpus, session
from benchmarks.report import Options, Report, Spread, Table
from listener.embedded import Server

SMALL, FILES, FOLDERS, FILES_EACH = 4_000, 20_000, 20, 500
ASKED = 12  # times that B asks for each of its two
LOOK_SECONDS = 0.01

INSERT = "insert into ingest_requests (source, content, collection) values ($1, $2, $3) returning id"
TIMES = """
select extract(epoch from started_at - created_at)::float8 as start,
       extract(epoch from finished_at - created_at)::float8 as end
from ingest_requests where id = $1
"""
TEXTS = """
insert into ingest_requests (content, collection)
select 'The vents of house ' || n || ' open when it is warm.', replace($2, '#', n::text)
from generate_series(1, $1::int) n
"""
SOURCES = "insert into ingest_requests (source, collection) select unnest($1::text[]), 'theirs'"
UNFINISHED = "select count(*) from ingest_requests where status in ('pending', 'running') and submitted_by = $1"


@dataclass(frozen=True)
class Case:
    """Who has what waiting: ``fill`` inserts it as a role."""

    role: str
    fill: Callable[[asyncpg.Connection, Path, Options], Awaitable[None]]


async def measure(options: Options) -> Report:
    """Return seconds to the start and to the end of B's requests, p50 and the longest, beside each backlog."""
    _write(options.folder, options)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in CASES}
    async with session.server(options.folder) as server:
        for _ in range(options.rounds):
            for name, case in CASES.items():
                runs[name].append(await _run(server, case, options))
    figures = {name: _figures(some) for name, some in runs.items()}
    broken = [
        f"{name}: B's requests ended as {run['statuses']}" for name, some in runs.items() for run in some if run["bad"]
    ]
    return Report(figures | {"runs": runs}, [_table(figures)], broken)


def _write(folder: Path, options: Options) -> None:
    corpus.write_markdown(folder / "documents" / "huge", options.size(FILES, 300))
    for number in range(options.size(FOLDERS, 4)):
        corpus.write_markdown(folder / "documents" / f"folder-{number}", options.size(FILES_EACH, 20))
    (folder / "documents" / "mine").mkdir()
    (folder / "documents" / "mine" / "one.md").write_text("# One\n\nA single file.\n")


async def _nothing(connection: asyncpg.Connection, folder: Path, options: Options) -> None:
    pass


async def _texts(connection: asyncpg.Connection, folder: Path, options: Options) -> None:
    await connection.execute(TEXTS, options.size(SMALL, 100), "theirs")


async def _collections(connection: asyncpg.Connection, folder: Path, options: Options) -> None:
    await connection.execute(TEXTS, options.size(SMALL, 100), "new #")


async def _huge(connection: asyncpg.Connection, folder: Path, options: Options) -> None:
    await connection.execute(SOURCES, [str(folder / "huge")])


async def _folders(connection: asyncpg.Connection, folder: Path, options: Options) -> None:
    await connection.execute(SOURCES, [str(folder / f"folder-{n}") for n in range(options.size(FOLDERS, 4))])


CASES = {
    "nobody": Case("fair_a", _nothing),
    "4,000 small texts": Case("fair_a", _texts),
    "4,000 collections": Case("fair_a", _collections),
    "of one submitter": Case("fair_b", _texts),
    "one huge folder": Case("fair_a", _huge),
    "twenty folders": Case("fair_a", _folders),
}


async def _run(server: Server, case: Case, options: Options) -> dict[str, Any]:
    folder = options.folder / "documents"
    async with burst.database(server) as dsn:
        await _make_roles(dsn)
        owner, theirs, ours = [await asyncpg.connect(dsn, user=user) for user in (None, case.role, "fair_b")]
        await case.fill(theirs, folder, options)
        async with session.listener(dsn, folder):
            if case.fill is not _nothing:
                await _begun(owner)
            found: dict[str, list[dict[str, float]]] = {"text": [], "folder": []}
            statuses = set()
            for number in range(options.size(ASKED, 2)):
                texts = (
                    (None, f"A text of mine, number {number}.", "ours"),
                    (str(folder / "mine"), None, f"ours {number}"),
                )
                for kind, values in zip(found, texts, strict=True):
                    request = await ours.fetchval(INSERT, *values)
                    await session.end(owner, request)
                    found[kind].append(dict((await owner.fetch(TIMES, request))[0]))
                    statuses.add(await owner.fetchval("select status from ingest_requests where id = $1", request))
            left = await owner.fetchval(UNFINISHED, case.role)
        for connection in (owner, theirs, ours):
            await connection.close()
    return {"found": found, "left": left, "statuses": sorted(statuses), "bad": statuses != {"succeeded"}}


async def _make_roles(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    for role in ("fair_a", "fair_b"):
        if not await connection.fetchval("select true from pg_roles where rolname = $1", role):
            await connection.execute(f"create role {role} login")
        await connection.execute("select ingest_grant($1, 'submitter')", role)
        limits = {"max_new_collections": None, "max_pending": None}
        await connection.execute("select ingest_limit($1, $2)", role, json.dumps(limits))
    await connection.close()


async def _begun(owner: asyncpg.Connection) -> None:
    """Wait until some of what is in the way runs, and has its documents found."""
    query = "select count(*) from ingest_requests where discovered_at is not null"
    while not await owner.fetchval(query):  # noqa: ASYNC110 - the other side is a database
        await asyncio.sleep(LOOK_SECONDS)


def _figures(runs: list[dict[str, Any]]) -> dict[str, Any]:
    figures: dict[str, Any] = {"left": [run["left"] for run in runs]}
    for kind in ("text", "folder"):
        for moment in ("start", "end"):
            times = [[one[moment] for one in run["found"][kind]] for run in runs]
            figures[f"{kind}_{moment}"] = Spread.of(median(some) for some in times)
            figures[f"{kind}_{moment}_longest"] = Spread.of(max(some) for some in times)
    return figures


def _table(figures: dict[str, Any]) -> Table:
    names = [f"{kind}_{moment}" for kind in ("text", "folder") for moment in ("start", "end")]
    table = Table(
        "Seconds until a request of B starts and ends, beside what others have waiting",
        ["beside", *(f"{name.replace('_', ': ')}{longest}" for name in names for longest in ("", ", longest"))],
    )
    for name, found in figures.items():
        table.add(name, *(found[f"{which}{longest}"] for which in names for longest in ("", "_longest")))
    return table
