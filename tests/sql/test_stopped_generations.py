"""A generation whose request ended without success: publishing goes on without it, and it can be taken up again."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from reembedding import (
    OTHER,
    begun,
    brought_along,
    first,
    generations,
    listed,
    make,
    order,
    published,
    reembedded,
    refused,
    standing,
    stopped,
)
from staging import (
    Connection,
    add,
    add_listener,
    blocked,
    carry,
    claim,
    collection,
    embed,
    live,
    one,
    own,
    publish,
    settle,
    start,
)
from staging import states as states_of

AB = {"a": "a cat", "b": "two cats"}


async def half_failed(c: Connection, ends: bool = True) -> uuid.UUID:
    """Have a generation made in which b fails as it is cut."""
    await listed(c, request := await order(c))
    fence = ([request], 1, await own(c, request, 1))
    rows = await c.fetch(
        "select e.id, v.uri from ingest_to_chunk($1::ingest_fence_v1) e join ingest_revisions v using (id)", fence
    )
    cuts = [(r["id"], [0], [1], None, {"code": "x", "step": "chunk"} if r["uri"] == "b" else None) for r in rows]
    await c.execute("select ingest_save_chunked($1::ingest_fence_v1, $2::ingest_cut_v1[])", fence, cuts)
    await embed(c, request, 1, fence[2], ["[1,0]"])
    await publish(c, request, 1, fence[2])
    if ends:
        assert await settle(c, request) == "partially_succeeded"
    return request


async def test_publishing_goes_on_without_a_generation_whose_request_failed(c: Connection) -> None:
    await first(c, AB)
    await stopped(c)
    assert await generations(c) == {1: "live", 2: "stopped"}
    request, owner = await begun(c, {"a": "a dog", "c": "new"})
    assert await publish(c, request, 0, owner) == (2, 0)
    assert await live(c) == {"a": "a dog", "b": "two cats", "c": "new"}


async def test_a_batch_that_is_brought_into_it_as_it_stops_is_published_without(c: Connection) -> None:
    await first(c, AB)
    await listed(c, reembedding := await order(c))
    request, owner = await begun(c, {"a": "a dog"})
    settings = await c.fetchval("select ingest_next_generation($1::ingest_fence_v1)", ([request], 0, owner))
    assert settings["generation"] == 2
    await settle(c, reembedding, "failed", {"code": "unknown_model"})
    assert await brought_along(c, request, owner) == []
    assert await publish(c, request, 0, owner) == (1, 0)
    assert await settle(c, request) == "succeeded"


async def test_retried_it_gets_all_that_was_published_meanwhile_before_it_is_live(c: Connection) -> None:
    await first(c, AB)
    request = await stopped(c)
    await published(c, {"a": "a dog", "c": "new"})
    late, owner = await begun(c, {"d": "late"})
    assert await refused(c, "select ingest_switch('default', leave_failed => true)") == "not_complete"
    await c.execute("select ingest_retry($1)", request)
    assert (await generations(c))[2] == "building"
    # From here on what is published stands in both.
    assert await refused(c, "select * from ingest_publish($1, 0, $2)", [late], owner) == "lacks_generation"
    await listed(c, request, 1)
    assert await brought_along(c, late, owner) == [2]
    await publish(c, late, 0, owner)
    assert await make(c, request) == "succeeded"
    now = {"a": "a dog", "b": "two cats", "c": "new", "d": "late"}
    assert (await generations(c))[2] == "live"
    assert await live(c) == await standing(c, 1) == now
    row = await one(c, "select documents_done, documents_skipped from ingest_requests where id = $1", request)
    assert tuple(row) == (3, 1)  # b, the new a and c; the a of before was replaced


async def test_what_stood_in_it_before_it_stopped_is_not_listed_again(c: Connection) -> None:
    await first(c, AB)
    await listed(c, request := await order(c), 1)
    await carry(c, request, batch=1, vectors=["[1,0]"])
    await c.execute("select ingest_cancel($1)", request)
    await c.execute("select ingest_resume($1)", request)
    await listed(c, request, 1)
    assert await c.fetchval("select count(*) from ingest_revisions where request_id = $1", request) == 2
    assert await make(c, request) == "succeeded"
    assert await c.fetchval("select documents_done from ingest_requests where id = $1", request) == 2


async def test_cancelled_before_it_began_it_holds_up_nobody_and_can_be_resumed(c: Connection) -> None:
    await first(c, AB)
    request = await order(c)
    await c.execute("select ingest_cancel($1)", request)
    assert (await generations(c))[2] == "stopped"
    await published(c, {"c": "new"})
    await c.execute("select ingest_resume($1)", request)
    await listed(c, request)
    assert await make(c, request) == "succeeded"
    assert await live(c) == AB | {"c": "new"}


async def test_one_whose_service_refuses_in_the_middle_stops_and_one_with_documents_that_failed_does_not(
    c: Connection,
) -> None:
    await first(c, AB)
    request = await half_failed(c, ends=False)
    await c.execute("begin")
    assert await settle(c, request, None, {"code": "api_key_refused"}) == "partially_succeeded"
    assert (await generations(c))[2] == "stopped"
    await c.execute("rollback")
    assert await settle(c, request) == "partially_succeeded"
    assert (await generations(c))[2] == "building"


async def test_another_order_takes_the_place_of_one_that_stopped(c: Connection) -> None:
    await first(c, AB)
    request = await stopped(c, "default", {"model": "no such model", "dimensions": 2})
    await listed(c, second := await order(c))
    assert await generations(c) == {1: "live", 2: "purging", 3: "building"}
    assert await refused(c, "select ingest_retry($1)", request) == "generation_gone"
    assert await make(c, second) == "succeeded"
    assert await live(c) == AB


async def test_it_can_be_dropped_and_goes_when_its_request_is_gone(c: Connection) -> None:
    await first(c, AB)
    request = await stopped(c)
    await c.execute("begin")
    await c.fetch("select ingest_drop_generation('default')")
    assert (await generations(c))[2] == "purging"
    await c.execute("rollback")
    await c.execute("delete from ingest_requests where id = $1", request)
    while await c.fetchval("select ingest_purge_generations($1::interval, 10)", timedelta(0)):
        pass
    assert (await generations(c))[2] == "purged"


async def test_it_is_not_taken_up_while_a_listener_of_a_former_release_would_publish_beside_it(c: Connection) -> None:
    await first(c, AB)
    request = await stopped(c)
    await add_listener(c, "old")
    assert await refused(c, "select ingest_retry($1)", request) == "former_listener"


async def test_the_generation_of_a_plan_goes_however_the_plan_ends(c: Connection) -> None:
    await first(c, AB)
    plan = await order(c, "default", OTHER, options={"plan": True})
    await c.execute("select ingest_cancel($1)", plan)
    assert (await generations(c))[2] == "purged"
    await c.execute("select ingest_resume($1)", plan)
    assert (await generations(c))[2] == "planned"
    await listed(c, plan)
    assert await settle(c, plan, "failed", {"code": "x"}) == "failed"
    assert (await generations(c))[2] == "purged"


async def test_a_document_that_is_deleted_as_it_is_listed_was_replaced_and_did_not_fail(
    c: Connection, other: Connection
) -> None:
    await first(c, AB)
    request = await order(c)
    async with other.transaction():
        await listed(other, request)
        fence = ([request], 1, await own(other, request, 1))
        await c.execute("delete from ingest_documents where uri = 'a'")  # which sees nothing of that yet
    rows = await c.fetch(
        "select id from ingest_to_chunk($1::ingest_fence_v1) join ingest_revisions v using (id)"
        " where exists (select from ingest_revisions o where o.id = v.stands_for)",  # a's text is gone
        fence,
    )
    cuts = [(row["id"], [0], [1], None, None) for row in rows]
    await c.execute("select ingest_save_chunked($1::ingest_fence_v1, $2::ingest_cut_v1[])", fence, cuts)
    await embed(c, request, 1, fence[2], ["[1,0]"])
    await publish(c, request, 1, fence[2])
    assert await states_of(c, request) == {"a": "superseded", "b": "published"}
    assert await settle(c, request) == "succeeded"


async def test_settings_that_a_switch_would_undo_are_refused_and_those_that_stay_are_not(c: Connection) -> None:
    await first(c, AB)
    change = "select from ingest_collection('default', $1)"
    await listed(c, request := await order(c))
    assert await refused(c, change, {"chunk_size": 400, "chunk_overlap": 40}) == "generation_in_work"
    assert await refused(c, change, {"query_prefix": "q: "}) == "generation_in_work"
    await c.execute(change, {"chunk_size": 1000, "model": "test", "max_running": 3})  # as it is
    await c.execute("select ingest_cancel($1)", request)
    assert await refused(c, change, {"chunk_size": 400}) == "generation_in_work"  # it may be taken up again
    await c.execute("select ingest_drop_generation('default')")
    await c.execute(change, {"chunk_size": 400})


async def test_another_space_for_an_empty_collection_is_refused_while_a_generation_is_being_made(c: Connection) -> None:
    await first(c, AB)
    await c.execute("delete from ingest_documents")
    await order(c)
    space = {"model": "third", "dimensions": 4}
    assert await refused(c, "select from ingest_collection('default', $1)", space) == "generation_in_work"


async def test_a_reembedding_takes_none_of_the_requests_that_its_collection_may_run(c: Connection) -> None:
    await first(c, AB)
    await collection(c, "default", max_running=1)
    await listed(c, await order(c))
    request = await add(c)
    assert await claim(c) == [request]
    assert await c.fetchval("select ingest_running_in('default')") == 1


async def test_what_there_is_instead_of_a_generation_to_go_back_to_is_said(c: Connection) -> None:
    await first(c, AB)
    back = "select (ingest_rollback('default', $1)).generation"
    assert "ingest_reembed('default', settings)" in await hint(c, back, None)
    await listed(c, request := await order(c))
    assert "Generation 2 is still being made: select ingest_switch('default')" in await hint(c, back, None)
    await make(c, request)
    await reembedded(c, "default", {"chunk_size": 500})
    assert [await c.fetchval(back, 1), await c.fetchval(back, None), await c.fetchval(back, None)] == [1, 3, 1]
    assert await refused(c, back, 1) == "nothing_to_go_back_to"  # it is live
    for number in (2, 3):
        await c.execute("select ingest_drop_generation('default', $1)", number)
    said = await hint(c, back, 2)
    assert "Generation 2 is kept no longer" in said
    await listed(c, request := await c.fetchval(said.split("again: ")[1].rstrip(".")))
    assert await make(c, request) == "succeeded"
    row = await one(c, "select * from ingest_list_generations('default') where state = 'live'")
    assert (row["generation"], row["model"], row["dimensions"]) == (4, "other", 2)


async def hint(c: Connection, query: str, *arguments: Any) -> str:
    with pytest.raises(asyncpg.PostgresError) as error:
        await c.fetch(query, *arguments)
    assert error.value.constraint_name == "nothing_to_go_back_to"
    return str(error.value.hint)


async def test_a_document_that_fails_in_a_reembedding_is_failing_until_it_stands_there(c: Connection) -> None:
    await first(c, AB)
    request = await half_failed(c)
    failing = "select uri, request_id from ingest_failures where failing_now"
    assert [tuple(row) for row in await c.fetch(failing)] == [("b", request)]
    assert await c.fetchval("select state from ingest_show_document('b')") == "live"
    assert await c.fetch("select from ingest_list_documents('default', p_failed => true)") == []
    await c.execute("begin")
    await c.execute("select ingest_drop_generation('default')")
    assert await c.fetch(failing) == []
    await c.execute("rollback")
    await c.execute("begin")
    await published(c, {"b": "no cats"})
    assert await c.fetch(failing) == []
    await c.execute("rollback")
    await c.fetch("select ingest_switch('default', leave_failed => true)")
    assert [tuple(row) for row in await c.fetch(failing)] == [("b", request)]  # searches don't find it


async def test_a_failure_in_a_reembedding_resolves_none_in_reading(c: Connection) -> None:
    await first(c, AB)
    failed = await start(c, ["b"])
    fence = ([failed], 0, await own(c, failed))
    row = await one(c, "select * from ingest_to_load($1::ingest_fence_v1)", fence)
    error = {"code": "broken", "step": "load"}
    loaded = [(row["id"], row["read_seq"], *[None] * 7, error, *[None] * 5)]
    await c.execute("select ingest_save_loaded($1::ingest_fence_v1, $2::ingest_loaded_v2[])", fence, loaded)
    await settle(c, failed)
    await half_failed(c)
    assert await c.fetchval("select failing_now from ingest_failures where request_id = $1", failed)
    await c.execute("delete from ingest_documents where uri = 'b'")
    rows = await c.fetch("select uri, code from ingest_list_documents('default', p_failed => true)")
    assert [tuple(row) for row in rows] == [("b", "broken")]


async def test_taken_up_it_goes_by_the_tenant_that_its_collection_has_by_then(c: Connection) -> None:
    await first(c, AB)
    request = await stopped(c)
    await c.execute("delete from ingest_documents")
    await collection(c, "default", tenant="other")
    await published(c, {"c": "of others"})
    await c.execute("select ingest_retry($1)", request)
    await listed(c, request)
    row = await one(c, "select settings from ingest_requests where id = $1", request)
    assert (row["settings"]["tenant"], row["settings"]["model"], row["settings"]["generation"]) == ("other", "other", 2)


async def test_a_batch_is_told_what_has_become_of_the_generation_that_it_is_brought_into(c: Connection) -> None:
    await first(c, AB)
    await listed(c, making := await order(c, automatic=False))
    request, owner = await begun(c, {"a": "a dog"})
    ask = "select ingest_asked_for($1::ingest_fence_v1)", ([request], 0, owner)
    assert await c.fetchval(*ask) == "own"
    await c.fetchval("select ingest_next_generation($1::ingest_fence_v1)", ([request], 0, owner))
    assert await c.fetchval(*ask) == "made"
    await c.execute("begin")
    assert await make(c, making) == "succeeded"
    assert await c.fetchval(*ask) == "kept"
    await c.execute("rollback")
    await settle(c, making, "failed", {"code": "unknown_model"})
    assert await c.fetchval(*ask) == "left"
    await c.execute("select ingest_cancel($1)", request)
    assert await c.fetchval(*ask) == "gone"


async def test_one_of_those_that_share_a_batch_is_asked_that_still_goes_on(c: Connection) -> None:
    await first(c, AB)
    await order(c)
    requests = [await add(c, content="a", uri=uri) for uri in ("c", "d")]
    assert set(requests) <= set(await claim(c))
    owner = uuid.uuid4()
    assert await c.fetchval("select cardinality(ingest_begin_shared($1, 'L1', $2))", requests, owner) == 2
    await c.execute("update ingest_batches set generation = 2 where request_id = any ($1)", requests)
    ask = "select ingest_asked_for($1::ingest_fence_v1)", (requests, 1, owner)
    for one_of_them, expected in zip(requests, ("made", "gone"), strict=True):
        await c.execute("select ingest_cancel($1)", one_of_them)
        assert await c.fetchval(*ask) == expected


async def test_what_is_parked_for_a_generation_that_stops_is_told_to_go_on_without_it(c: Connection) -> None:
    await first(c, AB)
    await listed(c, making := await order(c))
    request, owner = await begun(c, {"a": "a dog"})
    await c.fetchval("select ingest_next_generation($1::ingest_fence_v1)", ([request], 0, owner))
    await c.execute("select ingest_suspect(ingest_service(s), '', 'L1', '{}', 60, 60) from ingest_spaces s")
    await c.execute("select ingest_park($1::ingest_fence_v1, '{}')", ([request], 0, owner))
    look = "select verdict from ingest_look_at_parked(array[$1::uuid], array[0], array[$2::uuid], array[1e6::float8])"
    assert await c.fetchval(look, request, owner) == "open"
    await settle(c, making, "failed", {"code": "embedding_unavailable"})
    assert await c.fetchval(look, request, owner) == "left"


async def test_what_is_being_published_as_it_is_taken_up_is_listed(
    c: Connection, other: Connection, third: Connection
) -> None:
    await first(c, AB)
    request = await stopped(c)
    late, owner = await begun(c, {"c": "late"})
    async with other.transaction():
        await publish(other, late, 0, owner)
        retry = asyncio.create_task(third.execute("select ingest_retry($1)", request))
        await blocked(c, third)
    await retry
    await listed(c, request, 9)
    assert await make(c, request) == "succeeded"
    assert await live(c) == AB | {"c": "late"}


async def test_a_drop_and_a_retry_at_one_moment_wait_for_each_other(
    c: Connection, other: Connection, third: Connection
) -> None:
    await first(c, AB)
    request = await stopped(c)
    async with other.transaction():
        await other.execute("select ingest_drop_generation('default')")
        retry = asyncio.create_task(refused(third, "select ingest_retry($1)", request))
        await blocked(c, third)
    assert await retry == "generation_gone"
    request = await stopped(c)
    async with other.transaction():
        await other.execute("select ingest_retry($1)", request)
        drop = asyncio.create_task(third.execute("select ingest_drop_generation('default')"))
        await blocked(c, third)
    await drop
    assert (await generations(c))[3] == "purging"
    assert await c.fetchval("select status from ingest_requests where id = $1", request) == "cancelled"
