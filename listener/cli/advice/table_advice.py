"""Whether our tables are vacuumed and analyzed in time, and how much of them is air."""

from __future__ import annotations

from collections.abc import Iterator

from listener.cli.advice.piece import MB, Advice, Setter, shown
from listener.client.server_state import ServerState, StoredTable

SOME_ROWS = 10_000
LARGE_ROWS = 1_000_000
MOST_SCALE = 0.05
ROW_HEAD, PAGE_HEAD = 28, 24
MUCH_AIR = 100 * MB
SAFE_IDS = 1_200_000_000  # of 2,100 million


def of_tables(state: ServerState, setter: Setter) -> Iterator[Advice]:
    """Yield advice on our tables."""
    for table in state.tables:
        yield from _vacuum(state, table, setter)
        yield from _air(state, table, setter)
    yield from _ids(state)


def _vacuum(state: ServerState, table: StoredTable, setter: Setter) -> Iterator[Advice]:
    name, rows = setter.named(table.name), max(table.rows, table.live)
    scale = _scale(state, table)
    if not table.autovacuum:
        yield Advice(
            "table_without_autovacuum", "problem", f"autovacuum is off for {table.name}",
            f"alter table {name} reset (autovacuum_enabled);", "Its dead rows are never removed.",
        )  # fmt: skip
    due = scale * rows + (
        int(_number(state, "autovacuum_vacuum_threshold")) if table.threshold is None else table.threshold
    )
    if table.dead > max(SOME_ROWS, 2 * due, 0.1 * table.live):
        yield Advice(
            "dead_rows", "warning", f"{table.name}: {table.dead} dead rows beside {table.live} live ones",
            f"vacuum (analyze) {name};",
            "Autovacuum is late: look for long transactions, slots and prepared transactions first, since "
            "those keep it from removing anything.",
        )  # fmt: skip
    if rows >= SOME_ROWS and not table.analyzed:
        yield Advice(
            "never_analyzed", "warning", f"{table.name}: {rows} rows, and no ANALYZE since the statistics were reset",
            f"analyze {name};", "The planner guesses, and words are ranked without knowing how rare they are.",
        )  # fmt: skip
    if rows >= LARGE_ROWS and scale > MOST_SCALE:
        yield Advice(
            "scale_factor_large", "advice",
            f"{table.name}: {rows} rows, vacuumed when {scale:.0%} of them are dead",
            setter.table(table.name, "autovacuum_vacuum_scale_factor = 0.02"),
            "Rare, long vacuums; meanwhile, claims and searches read what is dead.",
        )  # fmt: skip


def _scale(state: ServerState, table: StoredTable) -> float:
    return _number(state, "autovacuum_vacuum_scale_factor") if table.scale_factor is None else table.scale_factor


def _number(state: ServerState, setting: str) -> float:
    return float(state.settings[setting].value)


def _air(state: ServerState, table: StoredTable, setter: Setter) -> Iterator[Advice]:
    """Compare a table's pages with what its rows need by the statistics."""
    if not table.width or not table.analyzed:
        return
    block = _number(state, "block_size")
    needed = table.rows * (table.width + ROW_HEAD) / ((block - PAGE_HEAD) * table.fillfactor / 100) * block
    taken = table.pages * block
    if taken > 2 * needed and taken - needed > MUCH_AIR:
        yield Advice(
            "table_bloated", "warning", f"{table.name}: about {shown(taken - needed)} of {shown(taken)} are empty",
            f"-- in a quiet hour, it locks the table: vacuum (full, analyze) {setter.named(table.name)};  -- or "
            "pg_repack",
            "The space is reused, so this is worth it only if the disk, or memory for caches, is short. An estimate.",
        )  # fmt: skip


def _ids(state: ServerState) -> Iterator[Advice]:
    age, most = state.capacity.oldest_xid, _number(state, "autovacuum_freeze_max_age")
    if age > max(2 * most, most + 100_000_000):
        yield Advice(
            "transaction_ids_old", "problem" if age > SAFE_IDS else "warning",
            f"the oldest transaction id is {age} transactions old; autovacuum should have begun at {most:.0f}",
            "vacuum (freeze);  -- in the database with the largest age(datfrozenxid)",
            "At 2,100 million Postgres stops taking writes. What holds vacuum back must end first.",
        )  # fmt: skip
