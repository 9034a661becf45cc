"""Plans and caps in SQL: who may be given them, what is reserved, what is refused."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import asyncpg
import pytest
from roles import login, new_roles, refused
from staging import Connection, add, add_listener, blocked, carry, claim, collection, ingest, one, own, settle, start

RESERVE = "select granted, reservation, reached from ingest_reserve($1::ingest_fence_v1, $2::bigint[])"
Fenced = tuple[list[uuid.UUID], int, uuid.UUID]


async def begun(c: Connection, documents: int = 1, **columns: Any) -> Fenced:
    """Start a request; return the fence of its batch."""
    if not await c.fetchval("select exists (select from ingest_listeners)"):
        await add_listener(c)
        await c.execute("update ingest_listeners set knows_caps = true")
    request = await start(c, [f"{n} {uuid.uuid4()}" for n in range(documents)], **columns)
    return [request], 0, await own(c, request)


async def reserve(c: Connection, fence: Fenced, *tokens: int) -> tuple[int, int | None, str | None]:
    row = await one(c, RESERVE, fence, list(tokens))
    return row["granted"], row["reservation"], row["reached"] and row["reached"][str(fence[0][0])]["code"]


async def spend(c: Connection, fence: Fenced, reservation: int | None, texts: int, tokens: int) -> None:
    counts = [(fence[0][0], texts, texts, tokens)]
    statement = "select ingest_save_spent($1::ingest_fence_v1, '{}', $2::ingest_count_v1[], $3)"
    await c.execute(statement, fence, counts, reservation)


# what is reserved


async def test_what_fits_is_granted_and_the_rest_waits_for_what_is_open(c: Connection) -> None:
    fence = await begun(c, options={"max_texts": 10})
    granted, first, _ = await reserve(c, fence, *[1] * 7)
    assert granted == 7
    granted, second, _ = await reserve(c, fence, *[1] * 7)
    assert granted == 3
    assert await reserve(c, fence, 1) == (0, None, None)  # it depends on the others
    await spend(c, fence, first, 7, 7)
    assert await reserve(c, fence, 1) == (0, None, None)
    await c.execute("select ingest_release($1, $2)", fence[2], [second])
    granted, third, _ = await reserve(c, fence, *[1] * 7)
    assert granted == 3
    await spend(c, fence, third, 3, 3)
    assert await reserve(c, fence, 1) == (0, None, "cap_reached")


async def test_a_repeated_write_counts_once(c: Connection) -> None:
    fence = await begun(c, options={"max_texts": 10})
    _, reservation, _ = await reserve(c, fence, 1, 1)
    for _ in range(2):
        await spend(c, fence, reservation, 2, 20)
    assert await c.fetchval("select texts from ingest_spent where scope = 'request'") == 2
    assert await c.fetchval("select sum(tokens) from ingest_usage") == 20


async def test_two_who_reserve_at_once_come_one_after_the_other(c: Connection, other: Connection) -> None:
    await collection(c, "default", monthly_texts=10)
    first, second = await begun(c), await begun(c)
    async with c.transaction():
        assert (await reserve(c, first, *[1] * 8))[0] == 8
        waits = asyncio.ensure_future(reserve(other, second, *[1] * 8))
        await blocked(c, other)
    assert (await waits)[0] == 2


async def test_what_a_dead_listener_had_reserved_is_free(c: Connection) -> None:
    await c.execute("select ingest_cap_tenant('', $1)", {"monthly_texts": 10})
    dead = await begun(c)
    assert (await reserve(c, dead, *[1] * 10))[0] == 10
    fence = await begun(c, collection="another")
    assert await reserve(c, fence, 1) == (0, None, None)
    await add_listener(c, "L2")
    await c.execute("update ingest_batches set executor_id = 'L2' where owner = $1", fence[2])
    await c.execute("update ingest_listeners set dead_at = now() where executor_id = 'L1'")
    assert (await reserve(c, fence, *[1] * 10))[0] == 10


@pytest.mark.parametrize("how", ["cancelled", "taken over"])
async def test_what_a_stopped_execution_had_reserved_is_free(c: Connection, how: str) -> None:
    await collection(c, "default", monthly_texts=5)
    stopped, fence = await begun(c), await begun(c)
    await reserve(c, stopped, *[1] * 5)
    if how == "cancelled":
        await c.execute("select ingest_cancel($1)", stopped[0][0])
    else:
        await own(c, stopped[0][0])
    assert (await reserve(c, fence, *[1] * 5))[0] == 5


async def test_a_month_s_cap_counts_what_was_sent_before_it_was_set_and_begins_anew(c: Connection) -> None:
    await ingest(c, {"a": "x"})
    fence = await begun(c)
    counts = [(fence[0][0], 1, 4, 9)]
    await c.execute("select ingest_note_embedded($1::ingest_fence_v1, $2::ingest_count_v1[])", fence, counts)
    await c.execute("select ingest_cap_tenant('', $1)", {"monthly_texts": 5})
    assert (await reserve(c, fence, 1, 1))[0] == 1
    row = await one(c, "select month, texts from ingest_spent where scope = 'tenant'")
    assert (row["month"].day, row["texts"]) == (1, 4)
    await c.execute("update ingest_spent set texts = 5; delete from ingest_reservations")
    assert (await reserve(c, fence, 1))[2] == "cap_reached"
    await c.execute("update ingest_spent set month = month - interval '1 month'")
    await c.execute("update ingest_usage set at = at - interval '1 month'")
    assert (await reserve(c, fence, 1))[0] == 1


async def test_cost_is_reserved_at_its_most_and_counted_as_it_was(c: Connection) -> None:
    await c.execute("select ingest_price('test', 1000)")
    fence = await begun(c, options={"max_cost": 1})
    granted, reservation, _ = await reserve(c, fence, 400, 400, 400)
    assert granted == 2
    await spend(c, fence, reservation, 2, 100)
    assert float(await c.fetchval("select cost from ingest_spent")) == pytest.approx(0.1)
    assert float(await c.fetchval("select sum(cost) from ingest_usage_by_day")) == pytest.approx(0.1)
    assert (await reserve(c, fence, *[400] * 5))[0] == 2
    await c.execute("delete from ingest_reservations")
    assert await reserve(c, fence, 1000) == (0, None, "cap_reached")


async def test_what_is_said_of_a_reached_cap_has_what_is_used_and_what_it_takes(c: Connection) -> None:
    await c.execute("select ingest_price('test', 1000)")
    fence = await begun(c, options={"max_cost": 0.5})
    _, reservation, _ = await reserve(c, fence, 400)
    await reserve(c, fence, 60)
    await spend(c, fence, reservation, 1, 400)
    assert (await reserve(c, fence, 100)) == (0, None, None)
    (said,) = (await one(c, RESERVE, fence, [101]))["reached"].values()  # too much, whatever the other call needs
    assert said["message"] == (
        "options.max_cost is 0.5, 0.4 are used, and the next text may take up to 0.101: no more texts are sent"
    )
    assert said["hint"].endswith("with 0.501 or more")


# prices


async def test_a_price_is_the_endpoint_s_then_the_model_s_then_the_listener_s(c: Connection) -> None:
    await add_listener(c)
    own_model = {"embedder": "openai", "endpoint": "e", "model": "m", "per_million": "3"}
    await c.execute("update ingest_listeners set price = $1", own_model)
    price = "select ingest_price_of($1, 'L1')::float8"
    settings = {"embedder": "openai", "endpoint": "e", "model": "m", "dimensions": 3}
    assert await c.fetchval(price, settings) == 3
    assert await c.fetchval(price, settings | {"model": "other"}) is None
    await c.execute("select ingest_price('m', 2)")
    assert await c.fetchval(price, settings) == 2
    await c.execute("select ingest_price('m', 1, 'e')")
    assert await c.fetchval(price, settings) == 1
    assert await c.fetchval(price, settings | {"endpoint": "f"}) == 2
    await c.execute("select ingest_price('m', null, 'e'), ingest_price('m', null)")
    assert await c.fetchval(price, settings) == 3


async def test_only_the_owner_sets_prices_and_caps_of_tenants(c: Connection, installed: str) -> None:
    async with new_roles(c, 1) as (operator,):
        await c.execute("select ingest_grant($1::name, 'operator')", operator)
        async with login(installed, operator) as theirs:
            for call in ("ingest_price('m', 0)", "ingest_cap_tenant('', '{}')"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await theirs.execute(f"select {call}")
            for table in ("ingest_prices", "ingest_tenant_caps", "ingest_spent", "ingest_reservations"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await theirs.execute(f"select * from {table}")
            await theirs.execute("select ingest_collection('a', '{\"monthly_texts\": 5}')")


# what is refused


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"plan": "yes"}, "wrong_option_type"), ({"max_texts": 1.5}, "wrong_option_type"),
        ({"max_texts": 0}, "wrong_option_type"), ({"max_cost": -1}, "wrong_option_type"),
        ({"max_cost": "1"}, "wrong_option_type"), ({"planned": "mine"}, "wrong_option_type"),
    ],
)  # fmt: skip
async def test_wrong_options_are_refused(c: Connection, options: dict[str, Any], code: str) -> None:
    with refused("IG004", code):
        await add(c, options=options)


@pytest.mark.parametrize(
    ("call", "state", "code"),
    [
        ("ingest_price('m', -1)", "IG012", "wrong_price"), ("ingest_price(null, 1)", "IG012", "wrong_price"),
        ("ingest_price('', 1)", "IG012", "wrong_price"), ("ingest_price('m', 'NaN')", "IG012", "wrong_price"),
        ("ingest_cap_tenant('', '{\"monthly_texts\": 1.5}')", "IG012", "wrong_cap"),
        ("ingest_cap_tenant('', '{\"monthly_texts\": -1}')", "IG012", "wrong_cap"),
        ("ingest_cap_tenant('', '{\"montly_cost\": 1}')", "IG012", "wrong_cap"),
        ("ingest_cap_tenant('', '{\"monthly_texts\": 0}')", "IG012", "wrong_cap"),
        ("ingest_cap_tenant('', '{\"monthly_cost\": 0}')", "IG012", "wrong_cap"),
        ("ingest_cap_tenant(null, '{\"monthly_cost\": 1}')", "IG012", "wrong_cap"),
        ("ingest_cap_tenant('acmee', '{\"monthly_cost\": 1}')", "IG014", "unknown_tenant"),
        ("ingest_cap_tenant('', 'null')", "IG012", "wrong_cap"), ("ingest_cap_tenant('', null)", "IG012", "wrong_cap"),
        ("ingest_collection('a', '{\"monthly_cost\": 0}')", "IG012", "wrong_setting_value"),
        ("ingest_collection('a', '{\"monthly_cost\": \"much\"}')", "IG012", "wrong_setting_value"),
        ("ingest_collection('a', '{\"monthly_texts\": 0.5}')", "IG012", "wrong_setting_value"),
        ("ingest_collection('a', '{\"monthly_texts\": 2e12}')", "IG012", "wrong_setting_value"),
        ("ingest_cap_tenant('', '{\"monthly_texts\": 2e12}')", "IG012", "wrong_cap"),
        ("ingest_collection('a', '{\"monthly_cost\": 1e-7}')", "IG012", "wrong_setting_value"),
        ("ingest_cap_tenant('', '{\"monthly_cost\": 1e-7}')", "IG012", "wrong_cap"),
        ("ingest_cap_tenant('', '{\"monthly_cost\": [1]}')", "IG012", "wrong_cap"),
        ("ingest_cap_tenant('', '{\"monthly_cost\": \"NaN\"}')", "IG012", "wrong_cap"),
        ("ingest_watch('/srv/docs', options => '{\"plan\": true}')", "IG004", "wrong_option_type"),
    ],
)  # fmt: skip
async def test_wrong_values_are_refused(c: Connection, call: str, state: str, code: str) -> None:
    with refused(state, code):
        await c.execute(f"select {call}")


@pytest.mark.parametrize("call", ["ingest_collection('a', $1)", "ingest_cap_tenant('', $1)"])
async def test_collections_and_tenants_take_the_same_caps(c: Connection, call: str) -> None:
    caps = f"select monthly_texts, monthly_cost::text from {call}"
    for given, kept in (
        ({"monthly_texts": 10**12, "monthly_cost": 10**12}, (10**12, "1000000000000")),
        ({"monthly_texts": "7", "monthly_cost": "0.5"}, (7, "0.5")),
        ({"monthly_texts": 5.0, "monthly_cost": 0.30000000000000004}, (5, "0.30000000000000004")),
        ({"monthly_texts": None, "monthly_cost": None}, (None, None)),
    ):
        assert tuple(await one(c, caps, given)) == kept


@pytest.mark.parametrize("table", ["ingest_collections", "ingest_tenant_caps"])
@pytest.mark.parametrize(
    ("cap", "rule"),
    [("monthly_texts", "monthly_texts_are_positive"), ("monthly_cost", "monthly_cost_is_positive")],
)
async def test_no_table_holds_a_cap_of_nothing(c: Connection, table: str, cap: str, rule: str) -> None:
    await c.execute("select ingest_collection('a'), ingest_cap_tenant('', '{\"monthly_texts\": 5}')")
    with pytest.raises(asyncpg.CheckViolationError) as error:
        await c.execute(f"update {table} set {cap} = 0")
    assert error.value.constraint_name == rule


async def test_a_retry_takes_other_caps_and_nothing_else(c: Connection) -> None:
    request = await start(c, ["a"])
    await carry(c, request, "chunked")
    await settle(c, request, "failed", {"code": "x"})
    with refused("IG023", "other_settings"):
        await c.execute("select ingest_retry($1, '{\"force\": true}')", request)
    with refused("IG004", "wrong_option_type"):
        await c.execute('select ingest_retry($1, \'{"max_texts": "many"}\')', request)
    assert await c.fetchval("select status from ingest_requests") == "failed"
    assert await c.fetchval('select ingest_retry($1, \'{"max_texts": 5, "patience": null}\')', request) == "pending"
    assert await c.fetchval("select options from ingest_requests") == {"max_texts": 5}


# listeners of a former release


async def test_a_listener_that_knows_no_caps_gets_neither_plans_nor_what_is_capped(c: Connection) -> None:
    await add_listener(c, "former")
    await add_listener(c, "new")
    await c.execute("update ingest_listeners set knows_caps = true where executor_id = 'new'")
    await collection(c, "capped", monthly_texts=5)
    await collection(c, "rented", tenant="acme")
    await c.execute("select ingest_cap_tenant('acme', $1)", {"monthly_cost": 5})
    theirs = [await add(c), await add(c, content="small")]
    ours = [
        await add(c, options={"plan": True}), await add(c, options={"max_texts": 5}), await add(c, collection="capped"),
        await add(c, content="small", options={"max_cost": 5}), await add(c, content="small", collection="rented"),
    ]  # fmt: skip
    assert set(await claim(c, 100, "former")) == set(theirs)
    assert await claim(c, 100, "former") == []
    assert set(await claim(c, 100, "new")) == set(ours)


async def test_a_plan_waits_for_a_listener_that_knows_plans_and_says_so(c: Connection) -> None:
    await add_listener(c, "former")
    request = await add(c, options={"plan": True})
    waiting = "select waiting_for from ingest_status where id = $1"
    assert "former release" in await c.fetchval(waiting, request)
    await c.execute("update ingest_listeners set knows_caps = true")
    assert await c.fetchval(waiting, request) is None


@pytest.mark.parametrize("cap", ["plan", "its own", "its collection's", "its tenant's"])
async def test_who_submits_what_only_a_new_listener_may_have_is_told_to_start_one(
    c: Connection, installed: str, cap: str
) -> None:
    await collection(c, "docs", monthly_texts=5 if cap == "its collection's" else None, tenant="acme")
    if cap == "its tenant's":
        await c.execute("select ingest_cap_tenant('acme', $1)", {"monthly_cost": 5})
    options = {"plan": {"plan": True}, "its own": {"max_texts": 5}}.get(cap, {})
    async with new_roles(c, 1) as (submitter,):
        await c.execute("select ingest_grant($1::name, 'submitter', 'docs')", submitter)
        async with login(installed, submitter) as theirs:
            request = await add(theirs, collection="docs", source="/srv/docs/a", options=options)
            waiting = "select waiting_for from ingest_status where id = $1"
            await add_listener(c, "former", roots=["/srv"])
            said = await theirs.fetchval(waiting, request)
            assert said.startswith("listener: ")
            assert said.endswith("start one of this release: ingest listen")
            await add_listener(c, "elsewhere", roots=["/other"])
            await c.execute("update ingest_listeners set knows_caps = true where executor_id = 'elsewhere'")
            assert await theirs.fetchval(waiting, request) == said
            await c.execute("update ingest_listeners set knows_caps = true")
            assert await theirs.fetchval(waiting, request) is None
            await c.execute("update ingest_listeners set heartbeat_at = now() - interval '1 day'")
            await add_listener(c, "another former", roots=["/srv"])
            assert await theirs.fetchval(waiting, request) == said


async def test_what_is_not_capped_waits_for_no_new_listener(c: Connection) -> None:
    await add_listener(c, "former")
    assert await c.fetchval("select waiting_for from ingest_status where id = $1", await add(c)) is None


async def test_nobody_learns_of_caps_where_it_has_no_right(c: Connection, installed: str) -> None:
    await collection(c, "capped", monthly_texts=5)
    request = await add(c, collection="capped")
    lacks = "select ingest_lacks_caps(jsonb_populate_record(null::ingest_requests, $1))"
    row = {"id": str(request), "collection": "capped", "options": {"plan": True}}
    async with new_roles(c, 1) as (stranger,):
        await c.execute("select ingest_grant($1::name, 'submitter', 'other')", stranger)
        async with login(installed, stranger) as theirs:
            assert await theirs.fetchval(lacks, row) is False
    assert await c.fetchval(lacks, row) is True


async def test_what_a_former_listener_would_take_over_goes_back_if_it_is_capped(c: Connection) -> None:
    fence, plain = await begun(c, options={"max_texts": 5}), await begun(c)
    await add_listener(c, "former")
    owns = "select ingest_own_batch($1, 0, 'former', gen_random_uuid())"
    begins = "select id from ingest_begin_request($1, 'former', 1)"
    assert [await c.fetchval(owns, one[0][0]) for one in (fence, plain)] == [None, "together"]
    assert [await c.fetchval(begins, one[0][0]) for one in (fence, plain)] == [None, plain[0][0]]
    statuses = {row["id"]: row["status"] for row in await c.fetch("select id, status from ingest_requests")}
    assert statuses == {fence[0][0]: "pending", plain[0][0]: "running"}
    assert await claim(c, 10, "L1") == fence[0]


async def test_a_capped_batch_is_left_on_no_queue_that_a_former_listener_hears(c: Connection) -> None:
    await add_listener(c)
    await add_listener(c, "former")
    count = "select ingest_count_others('L1', '', '0', $1)"
    await c.execute("update ingest_listeners set queue = '', knows_caps = executor_id = 'L1'")
    assert [await c.fetchval(count, knowing) for knowing in (False, True)] == [1, 0]
    await c.execute("update ingest_listeners set knows_caps = true")
    assert await c.fetchval(count, True) == 1


async def test_a_plan_is_forked_from_discover_only_and_then_carried_out(c: Connection) -> None:
    await begun(c)
    request = await start(c, ["a"], options={"plan": True})
    await carry(c, request, "chunked")
    with refused("IG011", "wrong_state"):
        await c.execute("select ingest_fork($1, 'load')", request)
    fork = await c.fetchval("select ingest_fork($1, options => '{\"plan\": false}')", request)
    assert await c.fetchval("select options from ingest_requests where id = $1", fork) == {"plan": False}
