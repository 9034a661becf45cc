"""Tables that are kept in sync with collections, by a real listener."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from pipeline import until, uris
from staging import Connection

Watch = Callable[..., Awaitable[str]]


@pytest.fixture
async def table(c: Connection) -> AsyncIterator[str]:
    """A table of articles of the test's own; whatever watches it is taken away afterwards."""
    name = f"articles_{uuid.uuid4().hex[:8]}"
    await c.execute(
        f"create table {name} (id int primary key, title text, body text, lang text, author text, readers text[],"
        " views int not null default 0)"
    )
    yield name
    await c.execute("delete from ingest_watch_store where name = $1", name)
    await c.execute(f"drop table if exists {name}")


@pytest.fixture
def watch(c: Connection, table: str, name: str) -> Watch:
    """Watches the table for the test's own collection."""

    async def watch(**given: Any) -> str:
        asked: dict[str, Any] = {
            "columns": ["title", "body"],
            "metadata": ["lang", "author"],
            "collection": name,
        } | given
        arguments = ", ".join(f"{key} => ${place}" for place, key in enumerate(asked, 2))
        statement = f"select ingest_watch_table($1::text::regclass, {arguments})"
        return str(await c.fetchval(statement, table, *asked.values()))

    return watch


async def rows(c: Connection, table: str, first: int, last: int) -> None:
    await c.execute(
        f"insert into {table} (id, title, body, lang) select n, 'Title ' || n, 'Body number ' || n, 'en'"
        f" from generate_series({first}, {last}) n"
    )


def uri(table: str, *keys: object) -> str:
    return f"table://public.{table}/{','.join(map(str, keys))}"


async def texts(c: Connection, collection: str) -> dict[str, str]:
    """Return the live text of each document that has one."""
    found = await c.fetch(
        "select d.uri, v.text from ingest_documents d join ingest_revisions v on v.id = d.revision_id"
        " where d.collection = $1", collection,
    )  # fmt: skip
    return {row["uri"]: row["text"] for row in found}


async def until_texts(c: Connection, collection: str, expected: dict[str, str]) -> None:
    async def same() -> bool:
        return await texts(c, collection) == expected

    try:
        await until(same, 15)
    except AssertionError:
        assert await texts(c, collection) == expected


async def test_rows_that_are_there_and_each_change_become_documents(
    c: Connection, table: str, name: str, watch: Watch
) -> None:
    await rows(c, table, 1, 3)
    assert await watch() == table
    expected = {uri(table, n): f"Title {n}\n\nBody number {n}" for n in (1, 2, 3)}
    await until_texts(c, name, expected)
    found = await c.fetchrow("select title, metadata from ingest_documents where uri = $1", uri(table, 1))
    assert found is not None
    assert (found["title"], found["metadata"]) == ("Title 1", {"lang": "en", "author": None})
    await c.execute(f"update {table} set body = 'New' where id = 1; delete from {table} where id = 2")
    await c.execute(f"update {table} set id = 30 where id = 3")
    await c.execute(f"insert into {table} (id, body) values (4, 'four')")
    await until_texts(
        c, name, {uri(table, 1): "Title 1\n\nNew", uri(table, 30): "Title 3\n\nBody number 3", uri(table, 4): "four"}
    )
    await c.execute(f"truncate {table}")
    await until_texts(c, name, {})


async def test_a_row_without_text_has_no_document(c: Connection, table: str, name: str, watch: Watch) -> None:
    await rows(c, table, 1, 2)
    await watch()
    await until(lambda: uris(c, name))
    await c.execute(f"update {table} set title = ' ', body = null where id = 1")
    await until_texts(c, name, {uri(table, 2): "Title 2\n\nBody number 2"})
