"""What a listener sends to its embedder is what the usage says, and what the requests say."""

from __future__ import annotations

from pathlib import Path

from pipeline import ended
from staging import Connection, add

TOTALS = """
select coalesce(sum(texts), 0)::int as texts, coalesce(sum(tokens), 0)::int as tokens
from ingest_usage_by_day where collection = $1"""


async def totals(c: Connection, name: str) -> tuple[int, int]:
    row = await c.fetchrow(TOTALS, name)
    assert row is not None
    return row["texts"], row["tokens"]


async def test_each_text_is_counted_once_and_known_ones_are_not(c: Connection, name: str, folder: Path) -> None:
    for n in range(9):
        (folder / f"{n}.md").write_text(f"# House {n} of {name}\n\nThe vents of house {n} open.\n")
    first = await add(c, source=str(folder), collection=name)
    inline = [await add(c, content=f"Valve {n} of {name} closes.", collection=name, uri=f"v{n}") for n in range(5)]
    rows = await ended(c, first, *inline)
    assert {row["status"] for row in rows} == {"succeeded"}
    texts, tokens = await totals(c, name)
    assert texts == 14
    assert tokens == sum(row["tokens"] for row in rows)
    again = await add(c, source=str(folder), collection=name)
    renamed = await add(c, content=f"Valve 0 of {name} closes.", collection=name, uri="renamed")
    await ended(c, again, renamed)
    assert await totals(c, name) == (texts, tokens)
    await c.execute("delete from ingest_requests where id = any ($1)", [first, *inline])
    assert await totals(c, name) == (texts, tokens)
