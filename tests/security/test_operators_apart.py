"""Who operates one collection keeps no other one waiting, and takes no more than others do."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from roles import login, new_roles, refused
from staging import Connection, add, add_listener, claim, collection, turns_of


@pytest.fixture
async def name(c: Connection) -> AsyncIterator[str]:
    """A role that may operate one collection and submit to all."""
    async with new_roles(c, 1) as (made,):
        await c.execute("select ingest_grant($1, 'operator', 'its'), ingest_grant($1, 'submitter')", made)
        yield made


async def test_an_open_transaction_that_changes_a_collection_stops_no_claim_of_others(
    c: Connection, installed: str, name: str
) -> None:
    await add_listener(c)
    await collection(c, "its", max_running=1)
    async with login(installed, name) as operator:
        its = await add(operator, collection="its")
        await operator.execute("begin")
        await collection(operator, "its", max_running=2)
        other = await add(c, collection="other")
        await c.execute("set lock_timeout = '2s'")
        assert await claim(c) == [other]
        assert (await turns_of(c))["locked"]
        await operator.execute("rollback")
        assert await claim(c) == [its]


async def test_savepoints_bring_no_more_collections_than_the_limit(c: Connection, installed: str, name: str) -> None:
    await c.execute("select ingest_limit($1, $2)", name, {"max_new_collections": 2})
    async with login(installed, name) as first, login(installed, name) as second:
        for number, session in enumerate((first, second)):
            await session.execute("set lock_timeout = '200ms'")
            await session.execute("begin; savepoint a")
            await add(session, collection=f"n{number}")
            await session.execute("release a; savepoint b")
        await add(first, collection="n2")
        with pytest.raises(Exception, match="lock timeout"):
            await add(second, collection="n3")


@pytest.mark.parametrize("key", ["passage_prefix", "query_prefix", "embedding_template", "model"])
async def test_a_setting_of_a_collection_is_short(c: Connection, key: str) -> None:
    with refused("IG012", "setting_too_long"):
        await collection(c, "its", {key: "{text}" + "x" * 4000})


async def test_a_text_configuration_outlives_its_session(c: Connection) -> None:
    await c.execute("create text search configuration pg_temp.mine (copy = pg_catalog.simple)")
    with refused("IG012", "temporary_text_config"):
        await collection(c, "its", text_config="pg_temp.mine")


async def test_a_request_that_is_locked_keeps_no_other_from_being_cancelled(
    c: Connection, installed: str, name: str
) -> None:
    its, other = await add(c, collection="its"), await add(c, collection="other")
    await c.execute("select ingest_cancel($1)", its)
    await c.execute("select ingest_cancel($1)", other)
    async with login(installed, name) as operator:
        await operator.execute("begin")
        await operator.execute("select from ingest_requests where id = $1 for update", its)
        await c.execute("set lock_timeout = '2s'")
        assert [row["request_id"] for row in await c.fetch("select * from ingest_take_cancels(1)")] == [other]
        await c.execute("update ingest_commands set done_at = now(), outcome = 'x' where request_id = $1", other)
        assert await c.fetch("select * from ingest_take_cancels(1)") == []
        await operator.execute("rollback")
    assert [tuple(row)[1:] for row in await c.fetch("select * from ingest_take_cancels(1)")] == [(its, True)]


async def test_a_grant_waits_for_nobody_who_reads_a_typed_view(c: Connection, installed: str, name: str) -> None:
    await add_listener(c)
    await add(c, collection="its")
    await claim(c)
    async with new_roles(c, 1) as (late,):
        await c.execute("select ingest_grant($1, 'searcher', 'its')", name)
        async with login(installed, name) as reader:
            await reader.execute("begin; select from ingest_chunks_its")
            await c.execute("set lock_timeout = '2s'")
            await c.execute("select ingest_grant($1, 'searcher')", late)
            assert await c.fetchval("select has_table_privilege($1, 'ingest_chunks_its', 'select')", late)
