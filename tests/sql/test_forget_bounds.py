"""An order to forget takes what was there when it was given, and nothing that came later."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest
from forgotten import WORD, forget, tables_with
from roles import new_roles
from staging import (
    SPACE,
    Connection,
    add,
    add_listener,
    blocked,
    carry,
    claim,
    collection,
    ingest,
    live,
    settle,
    start,
    states,
)

GO_ON = "select ingest_go_on_forgetting(100)"


async def carry_out(c: Connection) -> None:
    for _ in range(50):
        if await c.fetchval(GO_ON) in ("swept", "nothing"):
            return
    raise AssertionError("the order does not end")


@pytest.mark.parametrize("arguments", [{"collection": "default"}, {"collection": "default", "under": "n/"}])
async def test_what_comes_after_an_order_is_a_new_beginning(c: Connection, arguments: dict[str, str]) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, {f"n/{n}": f"text {WORD} {n}" for n in range(5)}, source="/srv/n")
    await forget(c, **arguments, keep_out=False, page=1)
    request = await ingest(c, {"n/0": "new", "n/4": "new, too", "n/9": "other"}, source="/srv/new")
    waiting = await add(c, content="waits", uri="n/waits")
    await c.execute("select ingest_watch('/srv/watched', 'default', 'w', every => '1 hour')")
    await carry_out(c)
    assert await live(c) == {"n/0": "new", "n/4": "new, too", "n/9": "other"}
    rows = await c.fetch("select id from ingest_requests where source is null or source = '/srv/new'")
    assert {row["id"] for row in rows} == {request, waiting}
    assert await c.fetchval("select count(*) from ingest_watches") == 1
    assert await tables_with(c, WORD) == []


async def test_what_follows_the_order_in_its_own_transaction_is_a_new_beginning(c: Connection) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, {"a": f"one {WORD}"})
    async with c.transaction():
        await forget(c, collection="default")
        request = await add(c, content="new", uri="a")
    await carry_out(c)
    assert await c.fetchval("select array_agg(id) from ingest_requests") == [request]


async def test_what_a_transaction_brings_in_that_was_open_then_is_forgotten(c: Connection, other: Connection) -> None:
    await collection(c, "default", SPACE)
    await add_listener(c)
    await ingest(c, {"a": "one"})
    async with other.transaction():
        await other.fetchval("select count(*) from ingest_requests")  # it has no number yet
        await forget(c, collection="default")
        await add(other, content=f"late {WORD}", uri="late")
    await carry_out(c)
    assert await c.fetchval("select count(*) from ingest_requests") == 0


@pytest.mark.parametrize("state", ["discovered", "loaded", "chunked", "embedded"])
async def test_newer_work_goes_on_while_the_former_state_is_forgotten(c: Connection, state: str) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, {"a": f"old {WORD}", "b": "old"}, source="/srv/1")
    await forget(c, collection="default", page=1)
    texts = {"a": "new", "b": "new, too"}
    request = await start(c, ["a", "b"], source="/srv/2")
    if state != "discovered":
        await carry(c, request, state, texts=texts)
    await carry_out(c)
    await carry(c, request, texts=texts)
    assert await settle(c, request) == "succeeded"
    assert await live(c) == texts
    assert await tables_with(c, WORD) == []


async def test_what_is_about_to_be_forgotten_is_not_taken_for_unchanged(c: Connection) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, {"a": "one", "b": "two"}, source="/srv/1")
    again = await start(c, ["a", "b"], source="/srv/2")
    hashes = "select count(*) from ingest_live_hashes(array[$1::uuid], 0)"
    assert await c.fetchval(hashes, again) == 2
    await forget(c, collection="default", page=1)
    later = await start(c, ["a", "b"], source="/srv/3")
    assert await c.fetchval(hashes, later) == 0


async def test_an_old_request_of_a_collection_brings_nothing_back_between_two_pages(c: Connection) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, {"a": "one", "b": "two"}, source="/srv/1")
    running = await start(c, [f"{WORD}{n}" for n in range(4)], source="/srv/2")
    older = await c.fetchval("select count(*) from ingest_requests where created_at <= now()")
    assert older == 2
    await forget(c, collection="default", page=1)
    assert await c.fetchval("select status from ingest_requests where id = $1", running) in (None, "cancelled")
    await carry_out(c)
    assert await tables_with(c, WORD) == []
    assert await c.fetchval("select count(*) from ingest_requests") == 0


async def test_the_same_call_again_takes_what_has_come_since(c: Connection) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, {"a": "one"})
    await forget(c, collection="default")
    await ingest(c, {"b": f"two {WORD}"})
    await forget(c, collection="default")
    assert await tables_with(c, WORD) == []
    assert await c.fetchval("select count(*) from ingest_forget_orders") == 1


async def test_what_is_let_back_while_the_order_is_open_may_come(c: Connection) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, {"a": "old", "b": "old"}, source="/srv/1")
    await forget(c, uri="a", collection="default")
    assert await c.fetchval("select ingest_let_back('a')") is True
    waiting = await add(c, content="waits", uri="a")
    again = await ingest(c, {"a": "new"}, source="/srv/2")
    await carry_out(c)
    assert await live(c) == {"a": "new", "b": "old"}
    assert await states(c, again) == {"a": "published"}
    assert await c.fetchval("select count(*) from ingest_requests where id = $1", waiting) == 1
    assert await c.fetchval("select ingest_is_kept_out('default', 'a')") is False


async def test_under_a_prefix_one_is_let_back_before_its_page_has_come(c: Connection) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, dict.fromkeys(["n/1", "n/2", "n/3"], "text"), source="/srv/1")
    await forget(c, under="n/", collection="default", page=1)
    await c.execute("select ingest_let_back(u) from unnest('{n/1,n/2,n/3}'::text[]) u")
    await carry_out(c)
    assert await live(c) == {}
    kept_out = "select ingest_is_kept_out('default', u) from unnest('{n/1,n/2,n/3}'::text[]) u"
    assert [row[0] for row in await c.fetch(kept_out)] == [False] * 3


async def test_what_an_old_snapshot_let_in_after_the_order_ended_is_not_read_and_forgotten_again(
    c: Connection, other: Connection
) -> None:
    await collection(c, "default", SPACE)
    await add_listener(c)
    await ingest(c, {"a": "one"})
    async with other.transaction(isolation="repeatable_read"):
        await other.fetchval("select count(*) from ingest_requests")
        await forget(c, uri="a", collection="default")
        await carry_out(c)
        await c.execute("select ingest_end_forgetting(array(select id from ingest_forget_orders))")
        request = await add(other, content=f"late {WORD}", uri="a")
    assert await claim(c) == [request]
    assert await c.fetchval("select ingest_begin_shared(array[$1::uuid], 'L1', gen_random_uuid())", request) == []
    assert await c.fetch("select * from ingest_begin_request($1, 'L1', 1)", request) == []
    await carry_out(c)
    await c.execute("select ingest_end_forgetting(array(select id from ingest_forget_orders))")
    assert await tables_with(c, WORD) == []
    assert await c.fetchval("select count(*) from ingest_requests where id = $1", request) == 0


async def test_discovery_that_waited_for_the_first_order_of_all_leaves_out_what_it_forgot(
    c: Connection, other: Connection, third: Connection
) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, {"a": "one"})
    request = await add(c, source="/srv/again")
    assert await claim(c) == [request]
    found = [(n, 0, uri, *[None] * 10) for n, uri in enumerate("ab")]
    async with other.transaction():
        await forget(other, uri="a", collection="default")
        adding = asyncio.create_task(
            c.execute("select ingest_add_found($1, 'L1', null, $2::ingest_found_v1[])", request, found)
        )
        await blocked(third, c)
    await adding
    assert await states(c, request) == {"b": "discovered"}


@pytest.mark.parametrize("first", [True, False])
async def test_what_is_to_be_kept_out_is_said_in_either_call_of_an_open_order(c: Connection, first: bool) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, {"a": "one"})
    await forget(c, uri="a", collection="default", keep_out=first)
    await forget(c, uri="a", collection="default", keep_out=not first)
    assert await c.fetchval("select ingest_is_kept_out('default', 'a')") is True
    await c.execute("select ingest_let_back('a')")
    await forget(c, uri="a", collection="default", keep_out=False)
    await carry_out(c)
    assert await c.fetchval("select ingest_is_kept_out('default', 'a')") is False


@pytest.mark.parametrize(
    ("scope", "name", "left"),
    [
        ({"uri": "n/z.zip"}, "n/z.zip", []),
        ({"under": "n/"}, "n/z.zip", ["n/x"]),
        ({"under": "n/"}, "n/", []),
        ({"uri": "n/z.zip"}, "n/z.zip#b", ["n/z.zip", "n/z.zip#a"]),
    ],
)
@pytest.mark.parametrize("is_open", [True, False])
async def test_what_is_let_back_takes_along_what_lies_inside(
    c: Connection, scope: dict[str, str], name: str, left: list[str], is_open: bool
) -> None:
    await collection(c, "default", SPACE)
    await ingest(c, dict.fromkeys(["n/z.zip#a", "n/z.zip#b", "n/x"], "text"), source="/srv/1")
    await forget(c, collection="default", **scope, page=1 if is_open else 100)
    assert await c.fetchval("select ingest_let_back($1)", name) in ((True, False) if is_open else (True,))
    await carry_out(c)
    names = ["n/x", "n/z.zip", "n/z.zip#a", "n/z.zip#b"]
    rows = await c.fetch("select u from unnest($1::text[]) u where ingest_is_kept_out('default', u)", names)
    assert [row["u"] for row in rows] == left


async def kept_out(c: Connection, name: str, *uris: str) -> list[str]:
    rows = await c.fetch("select u from unnest($2::text[]) u where ingest_is_kept_out($1, u)", name, uris)
    return [row["u"] for row in rows]


async def test_what_an_operator_lets_back_in_one_collection_stays_out_of_the_others_of_a_tenants_order(
    c: Connection, installed: str
) -> None:
    uris = ["n/1", "n/2", "n/3"]
    for name in ("a", "b"):
        await collection(c, name, {**SPACE, "tenant": "acme"})
        await ingest(c, dict.fromkeys(uris, "text"), collection=name, source=f"/srv/{name}")
    await forget(c, tenant="acme", under="n/", page=1)
    async with new_roles(c, 1) as (operator,):
        await c.execute("select ingest_grant($1, 'operator', 'a')", operator)
        await c.execute(f"set role {operator}")
        await c.execute("select ingest_let_back(u, 'a') from unnest('{n/1,n/2,n/2}'::text[]) u")
        with pytest.raises(asyncpg.PostgresError) as refused:
            await c.execute("select ingest_let_back('n/1', 'b')")
        assert refused.value.constraint_name == "not_granted"
        await c.execute("reset role")
    await carry_out(c)
    assert await kept_out(c, "a", *uris) == ["n/3"]
    assert await kept_out(c, "b", *uris) == uris
    assert await c.fetchval("select let_back from ingest_forget_orders") == {"a": ["n/1", "n/2"]}


async def test_a_later_call_that_keeps_nothing_out_changes_nothing_for_what_an_open_order_keeps_out(
    c: Connection,
) -> None:
    uris = ["n/1", "n/2", "n/3"]
    await collection(c, "default", SPACE)
    await ingest(c, dict.fromkeys(uris, "text"), source="/srv/1")
    await forget(c, under="n/", collection="default", page=1)
    await c.execute("select ingest_let_back('n/1')")
    await forget(c, under="n/", collection="default", keep_out=False, page=1)
    await carry_out(c)
    assert await kept_out(c, "default", *uris) == ["n/2", "n/3"]
