"""What the SQL tests of forgetting share: the calls, and a look for a word in all of our tables."""

from __future__ import annotations

from typing import Any

from staging import Connection

WORD = "zyzzyva"


async def forget(c: Connection, **arguments: Any) -> dict[str, int]:
    """Forget a page; return what was removed so far, by kind, without what was not there."""
    rows = await c.fetch(f"select * from ingest_forget({named(arguments)})", *arguments.values())
    return {row["what"]: row["removed"] for row in rows if row["removed"]}


async def would_forget(c: Connection, **arguments: Any) -> dict[str, int]:
    rows = await c.fetch(f"select * from ingest_would_forget({named(arguments)})", *arguments.values())
    return {row["what"]: row["there"] for row in rows if row["there"]}


def named(arguments: dict[str, Any]) -> str:
    return ", ".join(f"{name} => ${place}" for place, name in enumerate(arguments, 1))


async def tables_with(c: Connection, word: str) -> list[str]:
    """Return the tables of ours in a row of which a word stands."""
    names = await c.fetch(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
        " and relname like 'ingest\\_%' order by 1"
    )
    found = "select exists (select from {} t where position($1 in t::text) > 0)"
    return [row["relname"] for row in names if await c.fetchval(found.format(row["relname"]), word)]
