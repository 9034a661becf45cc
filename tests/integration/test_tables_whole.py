"""Tables that are kept in sync with collections, by a real listener."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from documented import ROOT, blocks, in_psql, rough
from former_listener import Release, ReleasedListener
from ingest_command import Ingest
from listener_process import ListenerProcess
from pipeline import until, uris
from staging import Connection, session

from listener import service
from listener.settings import Settings

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


async def test_what_leaves_no_row_to_read_succeeds_once(c: Connection, table: str, name: str, watch: Watch) -> None:
    async def ended(count: int) -> None:
        await until(lambda: all_ended(count))
        requests = await c.fetch("select status, error from ingest_status where collection = $1", name)
        assert [(one["status"], one["error"]) for one in requests] == [("succeeded", None)] * count
        fold = await c.fetchrow("select * from ingest_fold_changes()")
        assert fold is not None
        assert await c.fetchval("select count(*) from ingest_status where collection = $1", name) == count

    async def all_ended(count: int) -> bool:
        statement = "select count(finished_at) from ingest_status where collection = $1"
        return bool(await c.fetchval(statement, name) >= count)

    await watch()  # of an empty table
    await ended(1)
    await rows(c, table, 1, 2)
    await until(lambda: all_ended(2))
    await c.execute(f"delete from {table} where id = 1")
    await ended(3)
    await c.execute(f"truncate {table}")
    await ended(4)
    assert not await uris(c, name)


async def test_a_key_that_ends_like_an_archive_is_a_row(c: Connection, table: str, name: str, watch: Watch) -> None:
    await c.execute(f"alter table {table} alter column id type text")
    await c.execute(f"insert into {table} (id, body) values ('docs.zip', 'words')")
    await watch()
    await until_texts(c, name, {uri(table, "docs.zip"): "words"})


async def test_a_row_without_text_has_no_document(c: Connection, table: str, name: str, watch: Watch) -> None:
    await rows(c, table, 1, 2)
    await watch()
    await until(lambda: uris(c, name))
    await c.execute(f"update {table} set title = ' ', body = null where id = 1")
    await until_texts(c, name, {uri(table, 2): "Title 2\n\nBody number 2"})


async def test_a_template_a_key_of_two_columns_html_and_principals(c: Connection, table: str, name: str) -> None:
    await c.execute(f"alter table {table} drop constraint {table}_pkey, add primary key (lang, id)")
    await c.execute(
        f"insert into {table} values (1, 'Frost', '<h1>Cold</h1><p>Below zero</p>', 'a/b,c', null, '{{ann}}')"
    )
    await c.execute(
        "select ingest_watch_table($1::text::regclass, columns => '{title,body}',"
        " template => '<title>{title}</title>{body}', principals => 'readers',"
        " collection => $2, media_type => 'text/html')", table, name,
    )  # fmt: skip
    await until_texts(c, name, {uri(table, "a%2Fb%2Cc", 1): "# Cold\n\nBelow zero\n"})
    query = "select title, principals from ingest_documents where collection = $1"
    row = await c.fetchrow(query, name)
    assert row is not None
    assert (row["title"], row["principals"]) == ("Frost", ["ann"])
    await c.execute(f"update {table} set readers = '{{ann,bob}}'")

    async def both() -> bool:
        found = await c.fetchrow(query, name)
        return found is not None and found["principals"] == ["ann", "bob"]

    await until(both)


async def test_a_row_is_searchable_soon_after_its_commit(c: Connection, table: str, name: str, watch: Watch) -> None:
    await rows(c, table, 1, 1)
    await watch()
    await until(lambda: uris(c, name))
    seconds = []
    for n in range(3):
        began = time.monotonic()
        await c.execute(f"update {table} set body = 'word{n}'")
        await until_texts(c, name, {uri(table, 1): f"Title 1\n\nword{n}"})
        seconds.append(time.monotonic() - began)
    assert min(seconds) < 3, seconds  # a second on a machine with nothing else to do


async def test_a_watch_that_fails_keeps_what_it_was_to_read(c: Connection, table: str, name: str, watch: Watch) -> None:
    await rows(c, table, 1, 1)
    await watch()
    await until(lambda: uris(c, name))
    await c.execute(f"alter table {table} rename author to writer; update {table} set body = 'x'")

    async def failed() -> Any:
        return await c.fetchval("select error from ingest_requests where collection = $1 and status = 'failed'", name)

    assert (await until(failed))["code"] == "column_gone"
    await c.execute(f"alter table {table} rename writer to author")
    await until_texts(c, name, {uri(table, 1): "Title 1\n\nx"})


TABLES_WAIT = """
do $$ begin
  for i in 1..3000 loop
    exit when not exists (select from ingest_changes)
      and not exists (select from ingest_requests where status in ('pending', 'running'))
      and not exists (select from ingest_watched_tables where needs_back_fill);
    perform pg_sleep(0.01);
    commit;
  end loop;
end $$ \\g /dev/null
"""


async def test_the_recipe_of_the_page_does_what_the_page_shows(ready: str, tmp_path: Path) -> None:
    ingest = Ingest(ROOT, INGEST_DATABASE_URL=ready)
    process = ListenerProcess(ready, tmp_path).ready()
    try:
        told = await in_psql(ingest, blocks("docs/source-tables.md"), TABLES_WAIT)
    finally:
        process.stop()
    assert len(told) > 3
    for block, out, state in told:
        assert state is None, out
        if block.out is not None:
            assert rough(out) == rough(block.out)


async def writes(dsn: str, table: str, seed: int, rounds: int) -> None:
    """Write to rows as applications do: some transactions are long, some end in nothing."""
    some = random.Random(seed)
    async with session(dsn) as c:
        for n in range(rounds):
            with suppress(asyncpg.DeadlockDetectedError):  # their own: they lock rows in any order
                async with c.transaction():
                    for _ in range(some.randint(1, 3)):
                        await c.execute(_written(some, table, seed * 1000 + some.randint(1, 20), n))
                    if some.random() < 0.2:
                        raise asyncpg.DeadlockDetectedError("it changes its mind")


def _written(some: random.Random, table: str, row: int, n: int) -> str:
    return some.choice(
        [
            f"insert into {table} (id, body) values ({row}, 'new {n}')"
            " on conflict (id) do update set body = excluded.body",
            f"update {table} set body = 'changed {n}' where id between {row} and {row + 3}",
            f"delete from {table} where id = {row}",
            f"update {table} set id = -id where id = {row} and not exists (select from {table} where id = -{row})",
            f"update {table} set views = views + 1 where id < {row}",
        ]
    )


@pytest.mark.long
async def test_documents_are_the_rows_after_writers_and_listeners_that_were_killed(
    own: Connection, ready: str, listeners: list[ListenerProcess], tmp_path: Path
) -> None:
    await own.execute("create table articles (id int primary key, body text, views int not null default 0)")
    await own.execute("insert into articles select n, 'first ' || n from generate_series(1, 2000) n")
    await own.execute("select ingest_watch_table('articles', columns => '{body}')")
    writers = [asyncio.create_task(writes(ready, "articles", seed, 60)) for seed in range(4)]
    for number in range(3):
        settings: dict[str, Any] = {"heartbeat_seconds": 0.2, "lease_seconds": 2, "max_attempts": 9}
        listeners.append(ListenerProcess(ready, tmp_path / str(number), **settings).ready())
        await asyncio.sleep(random.Random(number).uniform(0.5, 2))  # dies at some point of its work
        if number < 2:
            listeners[-1].kill()
    await asyncio.gather(*writers)

    async def same() -> bool:
        found = await own.fetch("select id, body from articles")
        return await texts(own, "default") == {uri("articles", row["id"]): row["body"] for row in found}

    await until(same, 90)


@pytest.mark.long
async def test_a_listener_of_the_former_release_leaves_tables_alone(
    of_former: str, former: Release, tmp_path: Path
) -> None:
    before = await ReleasedListener(former, of_former, tmp_path / "former").ready()
    await service.migrate(Settings(), of_former)
    process = ListenerProcess(of_former, tmp_path / "present").ready()
    try:
        async with session(of_former) as c:
            await c.execute("create table articles (id int primary key, body text)")
            await c.execute("insert into articles select n, 'body ' || n from generate_series(1, 2000) n")
            await c.execute("select ingest_watch_table('articles', columns => '{body}')")

            async def ended() -> Any:
                return await c.fetchval("select status from ingest_requests where finished_at is not null")

            assert await until(ended, 90) == "succeeded"
            assert len(await uris(c, "default")) == 2000
            assert before.runs
            assert before.records("ERROR") == []
    finally:
        process.stop()
        if before.runs:
            before.kill()
