"""What the loop of watches takes from our tables, as typed values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from listener.engine.engine_rows import Fetch


@dataclass(frozen=True, slots=True)
class Fired:
    """A watch that was due; ``request`` is None if its last one has not ended, or it failed."""

    watch: str
    request: UUID | None


async def fire(fetch: Fetch) -> Fired | float | None:
    """Fire the watch that has been due longest; if none is due, return the seconds until the next. None: no watch."""
    ((name, request, seconds),) = await fetch("select name, request, seconds from ingest.ingest_fire_watch()")
    return seconds if name is None else Fired(name, request)


async def on_change(fetch: Fetch, roots: Sequence[str], most: int) -> dict[str, tuple[str, str]]:
    """Return the watches that are to notice changes below these roots, by name: source and options (JSON)."""
    query = "select name, source, options::text from ingest.ingest_watches_on_change($1::text[], $2::int)"
    return {name: (source, options) for name, source, options in await fetch(query, list(roots), most)}


async def notice(fetch: Fetch, watches: Sequence[str]) -> set[str]:
    """Make watches look soon, since something changed; return those that another session has locked."""
    ((left,),) = await fetch("select ingest.ingest_notice_changes($1::text[])", list(watches))
    return set(left)


async def say_noticing(fetch: Fetch, executor_id: str, how: Mapping[str, str]) -> None:
    """Write down how a listener notices changes of watches, by name."""
    query = "select ingest.ingest_say_noticing($1::text, $2::text[], $3::text[])"
    await fetch(query, executor_id, list(how), list(how.values()))
