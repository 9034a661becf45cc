"""Who may have what forgotten, what is refused, and when an order is carried out."""

from __future__ import annotations

import uuid
from pathlib import Path

import asyncpg
import pytest
from forgotten import WORD, forget, named, tables_with, would_forget
from roles import new_roles
from staging import (
    SPACE,
    Connection,
    add,
    add_listener,
    claim,
    collection,
    ingest,
    one,
    states,
)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({}, "wrong_scope"),
        ({"uri": "a"}, "wrong_scope"),
        ({"collection": "default", "tenant": "x"}, "wrong_scope"),
        ({"collection": "default", "uri": "a", "under": "b"}, "wrong_scope"),
        ({"collection": "default", "uri": ""}, "wrong_scope"),
        ({"tenant": ""}, "wrong_scope"),
        ({"collection": ""}, "wrong_scope"),
        ({"collection": "default", "under": ""}, "empty_prefix"),
        ({"collection": "default", "uri": "nowhere"}, "unknown_document"),
        ({"collection": "default", "under": "nowhere/"}, "unknown_document"),
        ({"collection": "nowhere"}, "unknown_collection"),
        ({"tenant": "nobody"}, "unknown_tenant"),
    ],
)
async def test_what_is_not_clear_or_not_there_is_an_error(c: Connection, arguments: dict[str, str], code: str) -> None:
    for call in (forget, would_forget):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await call(c, **arguments)
        assert refused.value.constraint_name == code
        assert refused.value.hint


async def test_forgetting_twice_is_no_error(c: Connection) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, {"a": "one"})
    await forget(c, uri="a", collection="default")
    await c.execute("select ingest_end_forgetting(array(select id from ingest_forget_orders))")
    assert await forget(c, uri="a", collection="default") == {}


async def test_forgetting_what_is_under_a_prefix_twice_is_no_error(c: Connection) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, {"n/a": "one"}, source="/srv/1")
    await forget(c, under="n/", collection="default")
    await c.execute("select ingest_end_forgetting(array(select id from ingest_forget_orders))")
    assert await would_forget(c, under="n/", collection="default") == {}
    assert await forget(c, under="n/", collection="default") == {}


@pytest.mark.parametrize("scope", [{"uri": "n/a"}, {"under": "n/"}])
async def test_what_an_open_order_names_is_known_and_a_call_again_is_the_same_order(
    c: Connection, scope: dict[str, str]
) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, {"n/a": "one"}, source="/srv/1")
    await forget(c, **scope, collection="default", keep_out=False)
    assert await would_forget(c, **scope, collection="default") == {}
    again = f"select distinct order_id from ingest_forget({named(scope)}, collection => 'default', keep_out => false)"
    orders = await c.fetch(again, *scope.values())
    assert [tuple(row) for row in orders] == [
        tuple(row) for row in await c.fetch("select id from ingest_forget_orders")
    ]


async def test_who_may_not_operate_forgets_nothing_and_an_operator_no_tenant(c: Connection, installed: str) -> None:
    await collection(c, "a", SPACE)
    await ingest(c, {"x": "one"}, collection="a")
    async with new_roles(c, 2) as (operator, searcher):
        await c.execute("select ingest_grant($1, 'operator', 'a')", operator)
        await c.execute("select ingest_grant($1, 'searcher', 'a')", searcher)
        await c.execute(f"set role {searcher}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await forget(c, uri="x", collection="a")
        await c.execute(f"set role {operator}")
        for arguments in ({"collection": "default"}, {"tenant": "x"}):
            with pytest.raises(asyncpg.PostgresError) as refused:
                await forget(c, **arguments)
            assert refused.value.constraint_name == "not_granted"
        assert (await forget(c, uri="x", collection="a"))["documents"] == 1
        assert len(await c.fetch("select * from ingest_forgettings()")) == 1
        await c.execute("reset role")


async def test_an_order_is_carried_out_when_older_transactions_have_ended(c: Connection, other: Connection) -> None:
    await collection(c, "default", SPACE)
    await add_listener(c)
    await ingest(c, {"a": "one", "b": "two"})
    go_on = "select ingest_go_on_forgetting(100)"
    assert await c.fetchval(go_on) == "nothing"
    late = other.transaction()
    await late.start()
    await add(other, content=f"late {WORD}", uri="a")
    await forget(c, uri="a", collection="default")
    assert [await c.fetchval(go_on) for _ in range(3)] == ["waits"] * 3
    await late.commit()
    assert await tables_with(c, WORD) == ["ingest_requests"]
    assert await c.fetchval(go_on) == "more"
    assert await tables_with(c, WORD) == []
    assert await c.fetchval(go_on) == "swept"
    assert await c.fetchval("select ingest_swept_orders()") == []  # DBOS may still know the requests
    await c.execute("select ingest_drop_left(array(select request_id from ingest_left_workflows))")
    (order,) = await c.fetchval("select ingest_swept_orders()")
    await c.execute("select ingest_end_forgetting(array[$1::bigint])", order)
    row = await one(c, "select * from ingest_forget_orders")
    assert (row["uri"], row["under"]) == (None, None)
    assert row["done_at"] is not None
    assert await c.fetchval(go_on) == "nothing"


async def test_the_statements_of_the_page_on_forgetting_do_what_it_says(c: Connection) -> None:
    for name, uri in (("notes", "notes/anna.md"), ("customers", "file:///srv/customers/anna/a.md"), ("trial", "x")):
        await collection(c, name, SPACE)
        await ingest(c, {uri: "text", "stays": "text"}, collection=name, source=f"/srv/{name}")
    await collection(c, "acmes", {**SPACE, "tenant": "acme"})
    await ingest(c, {"notes/anna.md": "text", "y": "text"}, collection="acmes")
    page = (Path(__file__).parents[2] / "docs" / "forgetting.md").read_text(encoding="utf-8")
    statements = [line.partition("--")[0] for line in page.partition("```sql\n")[2].partition("```")[0].splitlines()]
    for statement in (*statements[:4], statements[5], statements[4]):  # one of a tenant's before all of it
        assert len(await c.fetch(statement)) > 5
    left = await c.fetch("select collection, uri from ingest_documents order by 1")
    assert [tuple(row) for row in left] == [("customers", "stays"), ("notes", "stays")]


async def test_a_fork_copies_nothing_that_was_forgotten(c: Connection) -> None:
    await collection(c, "default", SPACE)
    await collection(c, "copies", SPACE)
    request = await ingest(c, {"a": f"text {WORD}", "b": "other"})
    fork: uuid.UUID = await c.fetchval("select ingest_fork($1, 'save', collection => 'copies')", request)
    await c.execute("insert into ingest_forgotten (key) values (ingest_forgotten_key('copies', 'a'))")
    assert await claim(c) == [fork]
    await c.execute("select ingest_copy_manifest($1, 'L1')", fork)
    assert sorted(await states(c, fork)) == ["b"]


async def test_a_listeners_role_is_enough_to_carry_an_order_out(c: Connection) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, {"a": "one", "b": "two"})
    await forget(c, uri="a", collection="default")
    async with new_roles(c, 1) as (listener,):
        await c.execute("select ingest_grant($1, 'listener')", listener)
        await c.execute(f"set role {listener}")
        assert await c.fetchval("select orders from ingest_forgetting_waits()") is True
        assert [await c.fetchval("select ingest_go_on_forgetting(100)") for _ in range(3)] == ["waits", "more", "swept"]
        left = await c.fetch("select ingest_take_left_workflows(100)")
        await c.execute("select ingest_drop_left($1)", [request for (request,) in left])
        for (table,) in await c.fetch("select ingest_sampled_tables('dbos')"):
            await c.execute("select ingest_renew_statistics($1)", table)
        await c.execute("select ingest_end_forgetting(ingest_swept_orders())")
        assert await c.fetchval("select orders from ingest_forgetting_waits()") is False
        with pytest.raises(asyncpg.PostgresError) as refused:
            await forget(c, uri="b", collection="default")
        assert refused.value.constraint_name == "not_granted"
        await c.execute("reset role")
