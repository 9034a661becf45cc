"""What a watch costs those who write to its table: beside a twin without one, and one with a plain trigger.

::

    bare      a table of articles
    naive     such a table, with a trigger for each statement that inserts the keys of its rows into a table of changes
    watched   such a table, watched: ingest_watch_table, with the protection of the writer

    single    16 clients, each updates the text of one row at a time: updates/s
    bulk      one statement updates the text of 100,000 rows: seconds

The arms take turns, in changing order, twenty rounds of them; figures are shares of the bare table's in the same round.
No listener is there: what is measured is the writer. What the watched arm has noted is thrown away after each run, as
if it had been fetched.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from dataclasses import dataclass

import asyncpg

from benchmarks import session
from benchmarks.report import Options, Report, Spread, Table
from listener import embedded

CLIENTS = 16
ROUNDS = 20
RUN_SECONDS = 2
ARMS = ("bare", "naive", "watched")
UPDATE = "\\set id random(1, {rows})\nupdate {arm} set body = 'A text that is new, ' || random() where id = :id;\n"
BULK = "update {arm} set body = 'Another text, ' || random() where id <= {rows}"
PER_SECOND = re.compile(r"^tps = ([\d.]+)", re.MULTILINE)

MAKE = """
create table {arm} (id int primary key, title text not null, body text not null, lang text,
  views int not null default 0);
insert into {arm} select n, 'Title ' || n, repeat('A text of some words. ', 20), 'en' from generate_series(1, {rows}) n;
"""
NAIVE = """
create table changes (id bigint generated always as identity primary key, of text not null, key text not null,
  at timestamptz not null default now());
create function note() returns trigger language plpgsql as
  $$ begin insert into changes (of, key) select tg_table_name, id::text from new_rows; return null; end $$;
create trigger note after update on naive referencing new table as new_rows for each statement execute function note();
"""
WATCH = "select ingest_watch_table('watched', columns => '{title,body}', metadata => '{lang}', back_fill => false)"
THROW_AWAY = """
truncate changes, ingest_changes;
select setval('ingest_counted_' || number, 1) from ingest_watched_tables;
"""
MISSED = "select sum(pg_sequence_last_value(('ingest_missed_' || number)::regclass))::int from ingest_watched_tables"
NOTED = "select coalesce(sum(cardinality(keys)), 0)::int from ingest_changes"


@dataclass
class Bench:
    """A server with the three tables, and where scripts go."""

    server: embedded.Server
    connection: asyncpg.Connection
    options: Options
    rows: int

    async def single(self, arm: str) -> float:
        """Return updates/s of single rows."""
        script = self.options.folder / f"{arm}.sql"
        script.write_text(UPDATE.format(arm=arm, rows=self.rows))
        program = self.server.programs / "bin" / "pgbench"
        process = await asyncio.create_subprocess_exec(
            program, "--no-vacuum", "--protocol=prepared", f"--client={CLIENTS}",
            f"--jobs={min(CLIENTS, os.cpu_count() or 1)}", f"--time={self.options.size(RUN_SECONDS, 1)}",
            f"--file={script}", self.server.dsn(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        if process.returncode or not (found := PER_SECOND.search(out.decode())):
            raise SystemExit(f"pgbench failed: {err.decode()}")
        return float(found[1])

    async def bulk(self, arm: str) -> float:
        """Return the seconds that all rows in one statement take."""
        began = time.monotonic()
        await self.connection.execute(BULK.format(arm=arm, rows=self.rows))
        return time.monotonic() - began

    async def tidy(self, arm: str) -> None:
        """Have each run begin alike."""
        await self.connection.execute(THROW_AWAY)
        await self.connection.execute(f"vacuum {arm}")
        await self.connection.execute("checkpoint")


async def measure(options: Options) -> Report:
    """Return updates/s and seconds of each arm, and what the watched table's writers noted and missed."""
    async with session.server(options.folder) as server:
        connection = await asyncpg.connect(server.dsn())
        bench = Bench(server, connection, options, options.size(100_000, 2000))
        for arm in ARMS:
            await connection.execute(MAKE.format(arm=arm, rows=bench.rows))
        await connection.execute(NAIVE)
        await connection.execute(WATCH)
        rounds = options.size(max(ROUNDS, options.rounds), 2)
        single: dict[str, list[float]] = {arm: [] for arm in ARMS}
        bulk: dict[str, list[float]] = {arm: [] for arm in ARMS}
        broken: list[str] = []
        for turn in range(rounds):
            for arm in _order(turn):
                single[arm].append(await bench.single(arm))
                broken += await _lost(bench, arm, 1)
                await bench.tidy(arm)
        for turn in range(rounds):
            for arm in _order(turn):
                bulk[arm].append(await bench.bulk(arm))
                broken += await _lost(bench, arm, bench.rows)
                await bench.tidy(arm)
        await connection.close()
    tables = [
        _table(f"Single rows, {CLIENTS} clients: updates/s", single),
        _table(f"{bench.rows} rows in one statement: seconds", bulk),
    ]
    return Report({"single": _spreads(single), "bulk": _spreads(bulk)}, tables, broken)


def _order(turn: int) -> tuple[str, ...]:
    """Return the arms in an order that changes: none is always behind the same one."""
    first = turn % len(ARMS)
    return ARMS[first:] + ARMS[:first] if turn % 2 else tuple(reversed(ARMS[first:] + ARMS[:first]))


async def _lost(bench: Bench, arm: str, least: int) -> list[str]:
    """Return what is wrong if writers' changes were missed: then little was paid for little."""
    if arm != "watched":
        return []
    missed = await bench.connection.fetchval(MISSED)
    noted = await bench.connection.fetchval(NOTED)
    return [f"{noted} keys noted, {missed} statements missed"] if missed or noted < least else []


def _table(title: str, runs: dict[str, list[float]]) -> Table:
    table = Table(title, ["table", "measured", "share of the bare table's"])
    bare = Spread.of(runs["bare"])
    for arm in ARMS:
        found = Spread.of(runs[arm])
        table.add(arm, found, found.ratio(bare))
    return table


def _spreads(runs: dict[str, list[float]]) -> dict[str, object]:
    bare = Spread.of(runs["bare"])
    return {arm: {"runs": Spread.of(found), "share": Spread.of(found).ratio(bare)} for arm, found in runs.items()}
