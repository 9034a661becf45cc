"""Circuits in SQL: who asks a service, when, and what becomes of what is parked; by the one clock."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import asyncpg
import pytest
from roles import login, new_roles
from staging import Connection, add, add_listener, carry, claim, collection, discover, own, session, settle, start

SERVICE = "test test"
ERROR = {"code": "embedding_unavailable", "message": "away", "hint": "wait", "step": "embed", "retryable": True}


async def put_clock(c: Connection, offset: str) -> None:
    await c.execute(
        "create or replace function ingest_now() returns timestamptz language sql volatile parallel safe"
        f" return clock_timestamp() + interval '{offset}'"
    )


async def suspect(c: Connection, executor: str = "L1", wish: float | None = None, tenant: str = "") -> bool:
    query = "select ingest_suspect($1, $2, $3, $4, $5, 60)"
    return bool(await c.fetchval(query, SERVICE, tenant, executor, ERROR, wish))


async def take(c: Connection, executor: str = "L1") -> bool:
    return bool(await c.fetchval("select ingest_take_probe($1, '', $2, 60)", SERVICE, executor))


async def end(c: Connection, executor: str = "L1", error: Any = ERROR, wish: float | None = None) -> None:
    await c.execute("select ingest_end_probe($1, '', $2, $3, $4)", SERVICE, executor, error, wish)


async def opened(c: Connection, wish: float | None = None) -> None:
    assert await suspect(c)
    await end(c, wish=wish)


async def circuit(c: Connection) -> asyncpg.Record | None:
    return await c.fetchrow(
        "select opened_at is not null as opened, failures, error ->> 'message' as message,"
        " extract(epoch from probe_at - ingest_now()) as next_in, probed_by from ingest_circuits"
    )


async def verdicts(c: Connection, *parked: tuple[uuid.UUID, uuid.UUID], patience: float = 3600) -> list[str | None]:
    requests, owners = [one for one, _ in parked], [owner for _, owner in parked]
    query = "select * from ingest_look_at_parked($1, $2, $3, $4)"
    rows = await c.fetch(query, requests, [0] * len(parked), owners, [patience] * len(parked))
    found = {row["place"]: row["verdict"] for row in rows}
    return [found.get(place) for place in range(1, len(parked) + 1)]


async def park(c: Connection, request: uuid.UUID, owner: uuid.UUID, error: Any = ERROR) -> None:
    await c.execute("select ingest_park(($1, 0, $2)::ingest_fence_v1, $3)", [request], owner, error)


async def go_on(c: Connection, request: uuid.UUID, owner: uuid.UUID) -> bool:
    return bool(await c.fetchval("select ingest_go_on(($1, 0, $2)::ingest_fence_v1)", [request], owner))


async def begun(c: Connection, uri: str = "a", **columns: Any) -> tuple[uuid.UUID, uuid.UUID]:
    request = await start(c, [uri], **columns)
    return request, await carry(c, request, until="chunked")


# who asks


async def test_the_first_to_see_a_failure_asks_and_the_others_wait_for_the_outcome(c: Connection) -> None:
    await add_listener(c)
    assert [await suspect(c, one) for one in ("L1", "L2", "L1")] == [True, False, False]
    found = await circuit(c)
    assert found
    assert (found["opened"], found["probed_by"]) == (False, "L1")
    await end(c, "L2", None)
    assert await circuit(c), "nobody else ends the probe"
    await end(c, "L1", None)
    assert await circuit(c) is None


async def test_a_service_that_does_not_answer_is_asked_ever_more_seldom(c: Connection) -> None:
    await add_listener(c)
    await opened(c)
    pauses = []
    for _ in range(9):
        found = await circuit(c)
        assert found
        pauses.append(float(found["next_in"]))
        assert not await take(c)
        await c.execute("update ingest_circuits set probe_at = ingest_now()")
        assert await take(c)
        await end(c)
    assert 0.6 < pauses[0] <= 1
    assert all(2**n * 0.7 < pause <= 2**n for n, pause in enumerate(pauses[:6]))
    assert all(44 < pause <= 60 for pause in pauses[6:])
    found = await circuit(c)
    assert found
    assert found["failures"] == 10


async def test_what_a_service_wishes_opens_its_circuit_at_once_and_counts_for_the_next_probe(c: Connection) -> None:
    assert not await suspect(c, wish=100)
    found = await circuit(c)
    assert found
    assert (found["opened"], found["probed_by"]) == (True, None)
    assert 99 < found["next_in"] <= 100
    assert not await suspect(c, wish=50)
    found = await circuit(c)
    assert found
    assert found["next_in"] > 98, "the longest wish counts"


async def test_an_operator_has_it_asked_before_its_time_and_still_one_asks(c: Connection) -> None:
    await add_listener(c, "L1")
    assert await suspect(c)
    assert await c.fetchval("select ingest_ask_again()") == 0, "that is decided already"
    await end(c, wish=3600)
    assert not await take(c)
    assert await c.fetchval("select ingest_ask_again('another')") == 0
    assert not await take(c)
    assert await c.fetchval("select ingest_ask_again($1)", SERVICE) == 1
    assert [await take(c), await take(c, "L2")] == [True, False]
    assert await c.fetchval("select ingest_ask_again()") == 1, "while it is asked"
    assert not await take(c, "L2")
    await end(c)
    assert await c.fetchval("select probe_at > ingest_now() from ingest_circuits"), "the answer decides about the next"


async def test_who_does_not_operate_all_collections_has_no_service_asked(c: Connection, installed: str) -> None:
    async with new_roles(c, 2) as (operator, submitter):
        grant = "select ingest_grant($1, 'operator', 'one'), ingest_grant($2, 'submitter')"
        await c.execute(grant, operator, submitter)
        for role, state in ((operator, "IG040"), (submitter, "42501")):
            async with login(installed, role) as mine:
                with pytest.raises(asyncpg.PostgresError) as refused:
                    await mine.fetch("select ingest_ask_again()")
            assert refused.value.sqlstate == state


async def test_of_many_that_want_to_ask_one_does(c: Connection, installed: str) -> None:
    for number in range(10):
        await add_listener(c, f"L{number}")
    assert await suspect(c, "L0")
    await end(c, "L0")
    await c.execute("update ingest_circuits set probe_at = ingest_now()")

    async def one(number: int) -> bool:
        async with session(installed) as connection:
            return await take(connection, f"L{number}")

    assert sum(await asyncio.gather(*[one(number) for number in range(10)])) == 1


async def test_a_prober_that_dies_or_takes_too_long_loses_its_turn(c: Connection) -> None:
    for executor in ("L1", "L2", "L3"):
        await add_listener(c, executor)
    await suspect(c, "L1")
    assert not await take(c, "L2")
    await c.execute("update ingest_listeners set dead_at = ingest_now() where executor_id = 'L1'")
    assert await take(c, "L2")
    await end(c, "L1", None)
    assert await circuit(c), "the dead one's answer comes too late"
    await put_clock(c, "61 s")
    assert await take(c, "L3")


async def test_circuits_are_apart_by_service_and_tenant(c: Connection) -> None:
    await add_listener(c)
    await opened(c)
    assert await suspect(c, tenant="acme")
    names = await c.fetch("select service, tenant, opened from ingest_open_circuits() order by 2")
    assert [tuple(row) for row in names] == [(SERVICE, "", True), (SERVICE, "acme", False)]


async def test_a_closed_circuit_rings_for_what_waits(c: Connection, other: Connection) -> None:
    await add_listener(c)
    rang = asyncio.Event()
    await other.add_listener("ingest_doorbell", lambda *_: rang.set())
    await opened(c)
    await c.execute("update ingest_circuits set probe_at = ingest_now()")
    assert await take(c)
    await end(c, error=None)
    await asyncio.wait_for(rang.wait(), 10)


# what is parked


async def test_what_is_parked_runs_again_when_its_circuit_is_closed(c: Connection) -> None:
    request, owner = await begun(c)
    await opened(c, wish=100)
    await park(c, request, owner)
    row = await c.fetchrow("select r.resume_at, b.resume_at, b.next_attempt_at, b.waiting_since is not null"
                           " from ingest_requests r join ingest_batches b on b.request_id = r.id")  # fmt: skip
    assert row
    assert row[0] == row[1] == row[2]
    assert row[3]
    assert await verdicts(c, (request, owner)) == ["open"]
    await c.execute("delete from ingest_circuits")
    assert await verdicts(c, (request, owner)) == ["closed"]
    assert await go_on(c, request, owner)
    row = await c.fetchrow("select r.resume_at, b.resume_at, b.next_attempt_at, b.last_error, b.waiting_since is null"
                           " from ingest_requests r join ingest_batches b on b.request_id = r.id")  # fmt: skip
    assert row
    assert tuple(row) == (None, None, None, None, False)
    await c.execute("select ingest_save_embedded(($1, 0, $2)::ingest_fence_v1, '{}')", [request], owner)
    assert await c.fetchval("select waiting_since is null from ingest_batches"), "it made progress"


async def test_until_when_it_waits_follows_the_circuit(c: Connection) -> None:
    request, owner = await begun(c)
    await opened(c)
    await park(c, request, owner)
    still = ERROR | {"message": "still"}
    await c.execute("update ingest_circuits set probe_at = ingest_now() + interval '50 s', error = $1", still)
    await verdicts(c, (request, owner))
    same = "select b.next_attempt_at = k.probe_at and b.resume_at = k.probe_at and r.resume_at = k.probe_at"
    assert await c.fetchval(f"{same} from ingest_batches b, ingest_circuits k, ingest_requests r")
    said = await c.fetchval("select waiting_for from ingest_status")
    assert said.startswith(f"service: still ({SERVICE}); next attempt at ")


async def test_a_service_is_asked_although_the_clock_has_gone_back(c: Connection) -> None:
    await add_listener(c)
    await put_clock(c, "3 hours")
    await opened(c, wish=3600)
    assert not await take(c)
    await put_clock(c, "0 s")
    assert await c.fetchval("select due from ingest_open_circuits()")
    assert await take(c)


async def test_patience_counts_from_the_first_failure_without_progress(c: Connection) -> None:
    request, owner = await begun(c)
    await opened(c, wish=3000)
    await park(c, request, owner)
    assert await verdicts(c, (request, owner), patience=600) == ["open"]
    await put_clock(c, "601 s")
    assert await verdicts(c, (request, owner), patience=600) == ["over"]
    assert await verdicts(c, (request, owner), patience=3600) == ["open"]
    owner = await own(c, request)
    await park(c, request, owner)
    assert await verdicts(c, (request, owner), patience=600) == ["over"], "another execution has no more"


async def test_a_request_that_waits_with_its_next_batch_is_as_patient_as_the_first_that_waits(c: Connection) -> None:
    request, owner = await begun(c)
    await opened(c, wish=30_000)
    query = "select verdict from ingest_look_at_parked(array[$1::uuid], '{null}', '{null}', '{600}')"
    assert await c.fetchval(query, request) == "open"
    await put_clock(c, "300 s")
    await park(c, request, owner)
    await put_clock(c, "601 s")
    assert await c.fetchval(query, request) == "open"
    await put_clock(c, "901 s")
    assert await c.fetchval(query, request) == "over"


async def test_who_was_cancelled_or_replaced_is_told(c: Connection) -> None:
    request, owner = await begun(c)
    await opened(c)
    await park(c, request, owner)
    assert await verdicts(c, (request, uuid.uuid4())) == ["gone"]
    with pytest.raises(asyncpg.PostgresError, match="another owner"):
        await go_on(c, request, uuid.uuid4())
    await c.execute("select ingest_cancel($1)", request)
    assert await verdicts(c, (request, owner), (uuid.uuid4(), owner)) == ["gone", "gone"]
    assert await c.fetchval("select resume_at is null from ingest_requests")


async def test_a_dead_listener_s_parked_batch_counts_no_crash(c: Connection) -> None:
    request, owner = await begun(c)
    await opened(c)
    await park(c, request, owner)
    for number in range(2, 7):
        await c.execute("update ingest_listeners set dead_at = ingest_now()")
        await add_listener(c, f"L{number}")
        query = "select ingest_own_batch($1, 0, $2, gen_random_uuid())"
        assert await c.fetchval(query, request, f"L{number}") == "together"
    assert await c.fetchval("select crashes from ingest_batches") == 0


async def test_a_request_is_parked_when_the_last_of_its_batches_is(c: Connection) -> None:
    request = await start(c, ["a", "b"], batch_size=1)
    first, second = await own(c, request, 0), await own(c, request, 1)
    parked = "select resume_at is not null from ingest_requests"
    await park(c, request, first)
    assert not await c.fetchval(parked)
    await c.execute("select ingest_park(($1, 1, $2)::ingest_fence_v1, null)", [request], second)
    assert await c.fetchval(parked)
    assert await go_on(c, request, first)
    assert not await c.fetchval(parked)


async def test_a_request_whose_last_running_batch_ends_is_parked_with_the_others(c: Connection) -> None:
    request = await start(c, ["a", "b"], batch_size=1)
    first = await own(c, request, 0)
    await own(c, request, 1)
    await opened(c)
    await park(c, request, first)
    await carry(c, request, batch=1)
    assert await verdicts(c, (request, first)) == ["open"]
    assert await c.fetchval("select resume_at is not null from ingest_requests")


@pytest.mark.parametrize("verb", ["cancel", "fail"])
async def test_what_ends_while_it_is_parked_is_not_parked_any_more(c: Connection, verb: str) -> None:
    request, owner = await begun(c)
    await opened(c)
    await park(c, request, owner)
    if verb == "cancel":
        await c.execute("select ingest_cancel($1)", request)
    else:
        await settle(c, request, "failed", ERROR)
    assert await c.fetchval("select num_nulls(resume_at, next_attempt_at) from ingest_batches") == 2
    with pytest.raises(asyncpg.PostgresError, match="does not run any more"):
        await park(c, request, owner)
    assert await verdicts(c, (request, owner)) == ["gone"]
    assert await c.fetchval("select resume_at is null from ingest_batches")


async def test_a_cancel_waits_for_no_batch_that_is_just_being_looked_at(c: Connection, other: Connection) -> None:
    request, owner = await begun(c)
    await opened(c)
    await park(c, request, owner)
    async with other.transaction():
        await other.execute("select from ingest_batches for no key update")
        assert await asyncio.wait_for(c.fetchval("select ingest_cancel($1)", request), 10) == "cancelled"


async def test_the_space_of_what_is_parked_can_not_be_changed(c: Connection) -> None:
    request, owner = await begun(c)
    await opened(c)
    await park(c, request, owner)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await collection(c, "default", embedder="test", model="another", dimensions=3)
    assert refused.value.sqlstate == "IG013"


# who is not begun


async def test_of_a_service_that_is_only_suspected_nothing_more_is_claimed(c: Connection) -> None:
    """Else small requests would be claimed and parked, far beyond the places."""
    await begun(c)
    for text in ("one", "two"):
        await add(c, content=text)
    assert await suspect(c)
    assert await claim(c) == []
    await end(c, error=None)
    assert len(await claim(c)) == 2


async def test_an_outage_of_one_tenant_s_calls_holds_up_no_other_tenant_s(c: Connection) -> None:
    await add_listener(c)
    for name in ("acme", "zeta"):
        await collection(c, name, embedder="test", model="test", dimensions=3, tenant=name)
    acme, zeta = [await begun(c, collection=name) for name in ("acme", "zeta")]
    for name in ("acme", "zeta"):
        await suspect(c, tenant=name, wish=100)
    for request, owner in (acme, zeta):
        await park(c, request, owner)
    waiting = [await add(c, content="small", collection=name) for name in ("acme", "zeta")]
    assert await claim(c) == []
    assert await verdicts(c, acme, zeta) == ["open", "open"]
    await c.execute("delete from ingest_circuits where tenant = 'zeta'")
    assert await verdicts(c, acme, zeta) == ["open", "closed"]
    assert await claim(c) == [waiting[1]]
    said = "select waiting_for like 'service: %' from ingest_status where id = $1"
    assert await c.fetchval(said, waiting[0])


# limits


async def test_what_goes_on_takes_a_slot_of_its_collection_s_limit_again(c: Connection, other: Connection) -> None:
    await collection(c, "default", max_running=1)
    request, owner = await begun(c)
    await park(c, request, owner)
    assert tuple(await c.fetchrow("select running, most from ingest_places('default', null, null)") or ()) == (0, 1)
    await collection(c, "default", max_running=2)
    another = await start(c, ["b"])
    await collection(c, "default", max_running=1)
    assert await verdicts(c, (request, owner)) == [None]
    assert not await go_on(c, request, owner)
    await settle(c, another, "cancelled", ERROR)
    assert await verdicts(c, (request, owner)) == ["closed"]
    async with other.transaction():
        await other.execute("select from ingest_collections for no key update")
        assert not await go_on(c, request, owner), "what is locked is not waited for"
    assert await go_on(c, request, owner)


async def test_what_goes_on_takes_a_slot_of_its_submitter_s_limit_again(c: Connection) -> None:
    role = f"submitter_{uuid.uuid4().hex}"
    await c.execute(f"create role {role}")
    try:
        request, owner = await begun(c)
        another = await start(c, ["b"])
        await c.execute(f"""select ingest_as_system();
            update ingest_requests set submitted_by = '{role}', limited = true""")
        await c.execute("insert into ingest_limits (role, max_running) values ($1, 1)", role)
        await park(c, request, owner)
        assert await verdicts(c, (request, owner)) == [None]
        assert not await go_on(c, request, owner)
        await park(c, another, await own(c, another))
        assert await go_on(c, request, owner), "what is parked does not count"
    finally:
        await c.execute(f"drop role {role}")


async def test_of_what_may_go_on_only_as_much_is_told_as_there_is_room_for(c: Connection) -> None:
    await collection(c, "default", max_running=3)
    parked = [await begun(c, uri) for uri in "abc"]
    for request, owner in parked:
        await park(c, request, owner)
    await collection(c, "default", max_running=2)
    assert await verdicts(c, *parked) == ["closed", "closed", None]


# what a pending request and a search are told


async def test_a_pending_request_says_that_it_waits_for_its_service(c: Connection) -> None:
    await begun(c)
    waits = await add(c, source="/srv/docs/later")
    await opened(c, wish=100)
    said = await c.fetchval("select waiting_for from ingest_status where id = $1", waits)
    assert said.startswith(f"service: away ({SERVICE}); next attempt at ")


async def test_a_search_is_told_at_once_that_its_service_is_away(c: Connection) -> None:
    await begun(c)
    await opened(c)
    with pytest.raises(asyncpg.PostgresError, match="away") as refused:
        await c.execute("call ingest_embed_query('where?')")
    assert (refused.value.sqlstate, refused.value.constraint_name) == ("IG034", "embedding_unavailable")


async def test_the_spaces_in_use_are_those_of_unfinished_requests_and_of_new_collections(c: Connection) -> None:
    await collection(c, "unused", embedder="other", model="m", endpoint="", dimensions=3)
    await add_listener(c)
    request = await add(c)
    assert request in await claim(c)
    query = "select service, tenant from ingest_spaces_in_use($1, 8)"
    default = {"embedder": "openai", "endpoint": "http://x", "model": "small", "dimensions": 4}
    rows = await c.fetch(query, default)
    assert [tuple(row) for row in rows] == [("openai small at http://x", ""), (SERVICE, "")]
    await discover(c, request, ["a"])
    await carry(c, request)
    await settle(c, request)
    assert [row["service"] for row in await c.fetch(query, default)] == ["openai small at http://x"]


async def test_a_request_that_waits_with_its_next_batch_has_the_patience_of_those_before(c: Connection) -> None:
    request = await start(c, ["a", "b"], batch_size=1)
    await opened(c, wish=3000)
    look = "select verdict from ingest_look_at_parked($1, array[null::int], array[null::uuid], array[600])"
    assert await c.fetchval(look, [request]) == "open"
    await park(c, request, await own(c, request))
    await put_clock(c, "599 s")
    assert await c.fetchval(look, [request]) == "open"
    await put_clock(c, "601 s")
    assert await c.fetchval(look, [request]) == "over"
