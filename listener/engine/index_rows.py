"""What maintenance of indexes takes from our tables, and notes there, as typed values."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from listener.engine.engine_rows import Fetch


@dataclass(frozen=True, slots=True)
class IndexTask:
    """What to do with an index: ``todo`` is build, rebuild or drop.

    ``statement`` runs as it is, outside of a transaction. ``memory_kb``: what building takes in memory; None: nothing.
    ``collection`` is None where it is gone.
    """

    name: str
    collection: str | None
    generation: int | None
    todo: str
    why: str
    statement: str
    memory_kb: int | None


@dataclass(frozen=True, slots=True)
class PlannedIndex:
    """An index that needs work, and why."""

    collection: str
    generation: int
    todo: str
    why: str
    chunks: int


async def has_work(fetch: Fetch) -> bool:
    """Tell whether there is work; chunks are counted first, if it is time."""
    ((found,),) = await fetch("select ingest.ingest_has_index_work()")
    return bool(found)


async def count(fetch: Fetch) -> None:
    """Count the chunks of all collections."""
    await fetch("select ingest.ingest_count_chunks(true)")


async def planned(fetch: Fetch) -> list[PlannedIndex]:
    """Return what is to be done, as far as known."""
    query = """select p.collection, p.generation, p.todo, p.why, p.chunks from ingest.ingest_plan_indexes() p
    where p.todo is not null order by p.chunks desc"""
    return [PlannedIndex(*values) for values in await fetch(query)]


async def take(fetch: Fetch, passed: Collection[str]) -> IndexTask | None:
    """Start the next piece of work, except those ``passed`` over; the session holds the maintenance lock."""
    query = """select t.name, t.collection, t.generation, t.todo, t.why, t.statement, t.memory_kb
    from ingest.ingest_next_index($1::text[]) t"""
    (values,) = await fetch(query, list(passed))
    return None if values[0] is None else IndexTask(*values)


async def end(fetch: Fetch, name: str, error: str | None) -> None:
    """Record the result for an index."""
    await fetch("select ingest.ingest_end_index($1::text, $2::text)", name, error)


async def say_maintains(fetch: Fetch, executor_id: str, error: str | None) -> None:
    """Note whether a listener can make indexes."""
    await fetch("select ingest.ingest_maintains($1::text, $2::text)", executor_id, error)
