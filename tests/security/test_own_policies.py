"""Searches know an administrator's policies from ours: the first decide what is found, the second cost nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
from roles import login, new_roles
from staging import SPACE, Connection, collection, ingest

TABLES = ("ingest_documents", "ingest_chunk_store")
OURS = "select polname::text from pg_policy where polrelid = any ($1::regclass[]) order by 1"
BY_RIGHT = "select coalesce(sum(calls), 0) from pg_stat_xact_user_functions where funcname = 'ingest_search_by_right'"


@pytest.fixture
async def searcher(c: Connection) -> AsyncIterator[str]:
    async with new_roles(c, 1) as (made,):
        await c.execute("select ingest_grant($1, 'searcher')", made)
        await collection(c, "default", SPACE)
        await ingest(c, {"a": "vents"})
        yield made


async def found(c: Connection, role: str) -> tuple[list[str], bool]:
    """Search as a role; return what it finds, and whether that was read as the owner."""
    async with c.transaction():
        await c.execute("set local track_functions = 'all'")
        await c.execute(f"set local role {role}")
        rows = await c.fetch("select uri from ingest_search('vents')")
        return [row["uri"] for row in rows], bool(await c.fetchval(BY_RIGHT))


async def test_our_policies_are_all_known_as_ours(c: Connection, searcher: str) -> None:
    assert len(await c.fetch(OURS, TABLES)) >= 4
    assert await found(c, searcher) == (["a"], True)


async def test_an_administrator_s_policy_counts_whatever_it_is_called(
    c: Connection, installed: str, searcher: str
) -> None:
    for row in await c.fetch(OURS, TABLES):
        for table in TABLES:
            if not await c.fetchval(
                "select true from pg_policy where polrelid = $1::regclass and polname = $2", table, row[0]
            ):
                await c.execute(f"create policy {row[0]} on {table} as restrictive using (false)")
                assert await found(c, searcher) == ([], False), (row[0], table)
                async with login(installed, searcher) as it:
                    assert await it.fetch("select from ingest_chunks") == []
                await c.execute(f"drop policy {row[0]} on {table}")


async def test_functions_that_read_as_the_owner_refuse_where_they_would_pass_policies_by(
    c: Connection, installed: str, searcher: str
) -> None:
    shows = [f"ingest_show_{what}('x')" for what in ("document", "chunks", "revisions")]
    within = "ingest_search_by_right(null::ingest_wanted_v1)"
    await c.execute("create policy house_rule on ingest_documents as restrictive for select using (uri <> 'closed')")
    async with login(installed, searcher) as it:
        for call in [*shows, "ingest_list_documents()", "ingest_inventory()", within]:
            with pytest.raises(asyncpg.PostgresError) as refused:
                await it.fetch(f"select * from {call}")
            assert (refused.value.sqlstate, refused.value.constraint_name) == ("IG040", "own_policies"), call
    assert await c.fetch("select * from ingest_inventory()")  # the owner's own
