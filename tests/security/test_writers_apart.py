"""Those who submit get into nobody's way: neither by dedupe keys, nor by names, nor where they may not submit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest
from roles import login, new_roles, refused
from staging import Connection, add, add_listener, collection, ingest, start

TEXT = "The vents of the old house open at noon, every day but Sunday."


@pytest.fixture
async def names(c: Connection) -> AsyncIterator[list[str]]:
    """Three roles without rights."""
    async with new_roles(c, 3) as made:
        yield made


# dedupe keys


async def test_a_dedupe_key_is_its_submitter_s(c: Connection, names: Sequence[str]) -> None:
    calls = []
    for role in names[:2]:
        await c.execute("select ingest_grant($1, 'submitter')", role)
        await c.execute(f"set role {role}")
        calls.append([await c.fetchval("select ingest_add('/a', dedupe_key => 'nightly')") for _ in range(2)])
        with pytest.raises(asyncpg.UniqueViolationError) as taken:
            await add(c, dedupe_key="nightly")
        assert taken.value.constraint_name == "dedupe_key_is_unique_among_a_submitters_unfinished"
        await c.execute("reset role")
    assert calls[0][0] == calls[0][1] != calls[1][0] == calls[1][1]


async def test_an_operator_gets_no_other_s_request_by_its_dedupe_key(c: Connection, names: Sequence[str]) -> None:
    theirs = await c.fetchval("select ingest_add('/a', dedupe_key => 'nightly')")
    await c.execute("select ingest_grant($1, 'operator'), ingest_grant($1, 'submitter')", names[0])
    await c.execute(f"set role {names[0]}")
    assert await c.fetchval("select ingest_add('/a', dedupe_key => 'nightly')") != theirs


async def test_a_dedupe_key_that_is_hidden_ends_with_an_error(c: Connection, names: Sequence[str]) -> None:
    await c.execute("select ingest_grant($1, 'submitter')", names[0])
    await c.execute(
        f"create policy hidden on ingest_requests as restrictive for select to {names[0]} using (created_at = now())"
    )
    await c.execute(f"set role {names[0]}")
    await c.execute("insert into ingest_requests (source, dedupe_key) values ('/a', 'k')")
    for isolation in ("read committed", "repeatable read", "serializable"):
        with refused("IG042", "not_inserted"):
            async with c.transaction():
                await c.execute(f"set transaction isolation level {isolation}")
                await c.execute("select ingest_add('/a', dedupe_key => 'k')")


async def test_a_row_that_a_trigger_swallows_ends_with_an_error(c: Connection) -> None:
    await c.execute(
        "create function swallow() returns trigger language plpgsql as 'begin return null; end';"
        "create trigger a_swallow before insert on ingest_requests for each row execute function swallow()"
    )
    for call in ("ingest_add('/a')", "ingest_add('/a', dedupe_key => 'k')"):
        with refused("IG042", "not_inserted"):
            await c.execute(f"select {call}")


@pytest.mark.parametrize("isolation", ["repeatable_read", "serializable"])
async def test_a_dedupe_key_that_a_snapshot_does_not_show_ends_with_an_error_that_says_try_again(
    c: Connection, other: Connection, isolation: Any
) -> None:
    async with c.transaction(isolation=isolation):
        await c.fetchval("select count(*) from ingest_requests")
        await add(other, dedupe_key="k")
        with pytest.raises(asyncpg.SerializationError):
            async with c.transaction():
                await c.fetchval("select ingest_add('/a', dedupe_key => 'k')")


async def test_a_resumed_request_meets_its_own_submitter_s_key_only(c: Connection, names: Sequence[str]) -> None:
    request = await start(c, ["a"], dedupe_key="k")
    await c.execute("select ingest_cancel($1)", request)
    await c.execute("select ingest_grant($1, 'submitter')", names[0])
    await c.execute(f"set role {names[0]}")
    await add(c, dedupe_key="k")
    await c.execute("reset role")
    assert await c.fetchval("select ingest_resume($1)", request) == "pending"


# who may not submit


STATE = """
  select (select to_jsonb(array_agg(to_jsonb(r))) from ingest_requests r),
         (select to_jsonb(array_agg(to_jsonb(k) order by k.name)) from ingest_collections k),
         (select count(*) from ingest_pending_counts), (select count(*) from ingest_submitters),
         (select count(*) from ingest_new_collections)
"""
ATTEMPTS = (
    "insert into ingest_requests (source, collection) values ('/a', 'theirs')",
    "insert into ingest_requests (content, uri, collection) values ('a', 'b', 'theirs')",
    "insert into ingest_requests (source, collection, dedupe_key) values ('/a', 'theirs', 'k') on conflict do nothing",
    "insert into ingest_requests (source, collection) select '/a', case n when 100 then 'theirs' else 'mine' end"
    " from generate_series(1, 100) n",
    "insert into ingest_requests (source, collection) values ('/a', 'made up')",
    "select ingest_add('/a', collection => 'theirs', dedupe_key => 'k')",
)
NEVER = (
    "select ingest_collection('theirs', '{\"max_running\": 1}')",
    "select ingest_limit('', '{\"max_pending\": 0}')",
    "insert into ingest_collections (name) values ('made up')",
    "insert into ingest_limits (role) values ('x')",
    "update ingest_requests set priority = 9",
    "delete from ingest_requests",
    "begin; lock table ingest_requests in row share mode",
    "select * from ingest_requests for key share",
)


async def test_who_may_not_submit_to_a_collection_changes_nothing_in_it(
    c: Connection, installed: str, names: Sequence[str]
) -> None:
    await collection(c, "theirs", max_running=1)
    await collection(c, "mine")
    await add(c, collection="theirs", dedupe_key="k")
    await c.execute("select ingest_grant($1, 'submitter', 'mine')", names[0])
    before = await c.fetch(STATE)
    async with login(installed, names[0]) as attacker:
        for attempt in ATTEMPTS:
            with refused("IG040", "not_granted"):
                await attacker.execute(attempt)
        for attempt in NEVER:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await attacker.execute(attempt)
            await attacker.execute("rollback")
        await attacker.execute("begin")  # what it holds while it is open keeps nobody waiting
        with refused("IG040", "not_granted"):
            await attacker.execute(ATTEMPTS[2])
        await c.execute("set lock_timeout = '5s'")
        assert await c.fetch(STATE) == before
        await c.execute("select ingest_cancel(id) from ingest_requests")
        await add(c, collection="theirs", dedupe_key="k")


# names that are a source's


TAKEN = (
    "file:///srv/docs/a.md", "FILE:///srv/docs/a.md", "file:/srv/a", "file:a", "/srv/docs/a.md", "//srv/a", "/",
    "http://example.org/a", "https://example.org/a", "HTTPS:a", "s3://bucket/a", "gs://bucket/a", "az://container/a",
    "abfss://c@host/a", "sftp://host/a", "anything://host/a", "x:/a", "file:///srv/box.eml#part", "notes:a", "NOTES:a",
)  # fmt: skip
FREE = ("notes/frost.md", "a", "ticket:4711", "urn:isbn:4", "C", "a b/c?d#e", "2024-01-01 10:00", "réunion: été")


async def test_content_is_not_named_like_what_a_source_brought(c: Connection, names: Sequence[str]) -> None:
    await add_listener(c, roots=["/srv", "notes:"])
    await c.execute("select ingest_grant($1, 'submitter')", names[0])
    await c.execute(f"set role {names[0]}")
    for uri in TAKEN:
        for given in ({"content": "x"}, {"content_bytes": b"x"}):
            with refused("IG009", "reserved_uri"):
                await add(c, uri=uri, **given)
    for uri in FREE:
        await add(c, content="x", uri=uri)
    await c.execute("reset role")
    for uri in TAKEN:  # it could write the documents anyway
        await add(c, content="x", uri=uri)


async def test_an_operator_forks_what_the_owner_has_named(c: Connection, names: Sequence[str]) -> None:
    request = await ingest(c, {"file:///a": TEXT}, source=None, content=TEXT, uri="file:///a")
    await c.execute("select ingest_grant($1, 'operator')", names[0])
    await c.execute(f"set role {names[0]}")
    assert await c.fetchval("select ingest_fork($1)", request)
