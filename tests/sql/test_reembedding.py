"""Another model for a collection in use: what is live and published meanwhile, the switch, the way back."""

from __future__ import annotations

from datetime import timedelta

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
)
from staging import (
    Connection,
    add_listener,
    carry,
    claim,
    collection,
    cut,
    digest,
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
MAKER = "select request_id from ingest_generations where generation = 2"


async def test_all_documents_stand_in_the_new_generation_and_then_it_is_live(c: Connection) -> None:
    await first(c, AB)
    request = await order(c)
    await listed(c, request)
    assert (await generations(c), await live(c), await standing(c, 2)) == ({1: "live", 2: "building"}, AB, {})
    assert await make(c, request) == "succeeded"
    assert await generations(c) == {1: "former", 2: "live"}
    assert (await live(c), await standing(c, 1)) == (AB, AB)
    assert await c.fetchval("select vector_dims(embedding) from ingest_chunks_default limit 1") == 2
    assert await c.fetchval("select count(*) from ingest_search('[1,0]'::vector)") == 2
    row = await one(c, "select s.model, c.generation from ingest_collections c join ingest_spaces s on s.id = space_id")
    assert tuple(row) == ("other", 2)


async def test_what_is_published_meanwhile_stands_in_both_and_not_before_it_does(c: Connection) -> None:
    await first(c, AB)
    await listed(c, reembedding := await order(c))
    request, owner = await begun(c, {"a": "a dog", "c": "new"})
    assert await refused(c, "select * from ingest_publish($1, 0, $2)", [request], owner) == "lacks_generation"
    assert await live(c) == AB
    assert await brought_along(c, request, owner) == [2]
    await publish(c, request, 0, owner)
    now = {"a": "a dog", "b": "two cats", "c": "new"}
    assert (await live(c), await standing(c, 2)) == (now, {"a": "a dog", "c": "new"})
    rows = await c.fetch("select generation, state from ingest_revisions where request_id = $1", request)
    assert {tuple(row) for row in rows} == {(1, "published")}  # its row is that of the request's own generation again
    assert await make(c, reembedding) == "succeeded"
    assert await states_of(c, reembedding) == {"a": "superseded", "b": "published"}
    assert ((await generations(c))[2], await live(c)) == ("live", now)


async def test_after_the_switch_both_are_kept_up_and_a_rollback_finds_all_of_it(c: Connection) -> None:
    await first(c, AB)
    await reembedded(c)
    await published(c, {"b": "no cats", "c": "new"})
    await c.execute("delete from ingest_documents where uri = 'a'")
    now = {"b": "no cats", "c": "new"}
    assert (await live(c), await standing(c, 1)) == (now, now)
    back = await one(c, "select * from ingest_rollback('default')")
    assert (back["generation"], back["state"], await generations(c)) == (1, "live", {1: "live", 2: "former"})
    assert await live(c) == now
    assert await c.fetchval("select vector_dims(embedding) from ingest_chunks_default limit 1") == 3
    await published(c, {"d": "later"})
    assert await standing(c, 2) == await live(c) == now | {"d": "later"}
    await c.fetch("select ingest_rollback('default')")
    assert (await generations(c), await live(c)) == ({1: "former", 2: "live"}, now | {"d": "later"})


async def test_a_request_of_before_the_order_publishes_into_both(c: Connection) -> None:
    await first(c, AB)
    request, owner = await begun(c, {"c": "late"})
    await listed(c, reembedding := await order(c))
    assert await make(c, reembedding) == "succeeded"  # and it is live before that one publishes
    assert await refused(c, "select * from ingest_publish($1, 0, $2)", [request], owner) == "lacks_generation"
    assert await brought_along(c, request, owner) == [2]
    await publish(c, request, 0, owner)
    assert await live(c) == await standing(c, 1) == AB | {"c": "late"}


async def test_what_did_not_change_is_unchanged_behind_a_switch_and_behind_a_rollback(c: Connection) -> None:
    await first(c, AB)
    await reembedded(c)
    skip = "select ingest_skip_unchanged($1::ingest_fence_v1, $2::ingest_unchanged_v2[])"

    async def seen() -> dict[str, str]:
        request = await start(c, ["a"])
        fence = ([request], 0, await own(c, request))
        row = await one(c, "select * from ingest_to_load($1::ingest_fence_v1)", fence)
        await c.execute(skip, fence, [(row["id"], row["read_seq"], digest("a cat"), None, None)])
        found = await states_of(c, request)
        await settle(c, request, "failed", {"code": "x"})
        return found

    assert await seen() == {"a": "unchanged"}
    await c.fetch("select ingest_rollback('default')")
    assert await seen() == {"a": "unchanged"}
    await collection(c, "default", chunk_size=500)  # now they are to be cut anew
    assert await seen() == {"a": "discovered"}


async def test_known_texts_are_copied_where_only_the_chunks_change(c: Connection) -> None:
    await first(c, AB)
    request = await order(c, "default", {"chunk_size": 500})
    await listed(c, request)
    owner = await own(c, request, 1)
    fence = ([request], 1, owner)
    sizes = await c.fetch("select chunk_size from ingest_to_chunk($1::ingest_fence_v1)", fence)
    assert {row["chunk_size"] for row in sizes} == {500}
    cuts = [
        (row["id"], [0], [1], None, None)
        for row in await c.fetch("select id from ingest_to_chunk($1::ingest_fence_v1)", fence)
    ]
    await c.execute("select ingest_save_chunked($1::ingest_fence_v1, $2::ingest_cut_v1[])", fence, cuts)
    rows = await c.fetch(
        "select id, o.uri from ingest_to_embed($1::ingest_fence_v1) join ingest_revisions o using (id)", fence
    )
    copy = "select ingest_copy_known($1::ingest_fence_v1, array[($2, 0, 0, 1, $3, $4, '{}', null)::ingest_chunk_v1])"
    for row in rows:  # none is gone: nothing is sent
        assert await c.fetchval(copy, fence, row["id"], AB[row["uri"]], digest(AB[row["uri"]])) == []
    assert await standing(c, 2) == AB


async def test_only_one_is_made_at_a_time_and_it_can_be_given_up(c: Connection) -> None:
    await first(c, AB)
    request = await order(c)
    assert await refused(c, "select ingest_reembed('default', $1)", OTHER) == "generation_in_work"
    await listed(c, request)
    dropped = await one(c, "select * from ingest_drop_generation('default')")
    assert (dropped["generation"], dropped["state"]) == (2, "purging")
    assert await c.fetchval("select status from ingest_requests where id = $1", request) == "cancelled"
    assert await refused(c, "select ingest_resume($1)", request) == "generation_gone"
    await published(c, {"c": "one is enough"})
    await reembedded(c)
    assert await generations(c) == {1: "former", 2: "purging", 3: "live"}


async def test_who_may_read_the_typed_view_may_read_it_behind_a_switch(c: Connection) -> None:
    await first(c, AB)
    await c.execute("grant select on ingest_chunks_default to pg_monitor with grant option")
    await c.execute("grant select on ingest_chunks_default to public")
    before = await c.fetchval("select relacl::text from pg_class where relname = 'ingest_chunks_default'")
    await reembedded(c)
    assert await c.fetchval("select relacl::text from pg_class where relname = 'ingest_chunks_default'") == before


async def test_metadata_of_a_request_that_is_gone_are_those_of_the_document_alone(c: Connection) -> None:
    await first(c, {"a": "a cat"})
    await c.execute(
        "update ingest_chunk_store set metadata = $1", {"of": "cats", "searched_as": "x", "heading_path": []}
    )
    await c.execute("update ingest_revisions set request_id = gen_random_uuid()")
    await listed(c, request := await order(c))
    assert await c.fetchval("select metadata from ingest_revisions where request_id = $1", request) == {"of": "cats"}


async def test_a_collection_gets_away_from_a_service_that_is_gone(c: Connection) -> None:
    await first(c, AB)
    gone = "select ingest_suspect(ingest_service(s), '', 'L1', '{}', null, 60) from ingest_spaces s"
    await c.execute(gone)
    await c.execute("insert into ingest_requests (source) values ('/srv/x')")
    assert await claim(c, 10) == []
    request = await order(c, "default", {"embedder": "another", **OTHER})
    await listed(c, request)
    settings = await c.fetchval("select ingest_batch_settings($1, 1)", request)
    assert (settings["embedder"], settings["waits"]) == ("another", False)


async def test_what_is_dropped_or_cancelled_at_the_last_moment_does_not_become_live(c: Connection) -> None:
    await first(c, AB)
    await listed(c, request := await order(c))
    await carry(c, request, batch=1, vectors=["[1,0]"])  # all of it stands, and its request runs
    await c.execute("select ingest_drop_generation('default')")
    assert (await generations(c), await live(c)) == ({1: "live", 2: "purging"}, AB)
    await listed(c, request := await order(c))
    await carry(c, request, batch=1, vectors=["[1,0]"])
    await c.execute("select ingest_cancel($1)", request)
    await c.execute("select ingest_switch_due(null)")
    row = await one(c, "select * from ingest_list_generations('default') where generation = 3")
    wait = f"request: it ended as cancelled; select ingest_resume('{request}')"
    assert (row["state"], row["waiting_for"]) == ("stopped", wait)
    assert await refused(c, "select ingest_switch('default', leave_failed => true)") == "not_complete"
    await c.execute("select ingest_resume($1)", request)
    await listed(c, request)
    assert await make(c, request) == "succeeded"
    assert (await generations(c))[3] == "live"


async def test_what_is_cancelled_in_a_shared_batch_does_not_hold_up_the_others(c: Connection) -> None:
    await first(c, AB)
    await order(c)
    request, owner = await begun(c, {"a": "a dog"})
    other, _ = await begun(c, {"b": "no cats"})
    await c.execute("update ingest_batches set owner = $1 where request_id = $2", owner, other)
    await c.execute("select ingest_cancel($1)", other)
    together = "select ingest_next_generation($1::ingest_fence_v1)", ([request, other], 0, owner)
    assert (await c.fetchval(*together))["generation"] == 2
    await cut(c, request, 0, owner, 1)
    await embed(c, request, 0, owner, ["[1,0]"])
    assert await c.fetchval(*together) is None
    assert await refused(c, together[0], ([other], 0, owner)) == "lost_ownership"
    await c.fetch("select * from ingest_publish($1, 0, $2)", [request, other], owner)
    assert await live(c) == {"a": "a dog", "b": "two cats"}


async def test_a_cancelled_one_goes_on_where_it_was(c: Connection) -> None:
    await first(c, {f"{n}": f"text {n}" for n in range(4)})
    request = await order(c)
    await listed(c, request)
    await own(c, request, 1)
    await c.execute("select ingest_cancel($1)", request)
    await published(c, {"2": "meanwhile"})
    assert await refused(c, "select ingest_switch('default')") == "not_complete"
    await c.execute("select ingest_resume($1)", request)
    await listed(c, request)
    assert await make(c, request) == "succeeded"
    assert (await generations(c))[2] == "live"
    assert await live(c) == {"0": "text 0", "1": "text 1", "2": "meanwhile", "3": "text 3"}


async def test_what_was_forgotten_or_deleted_meanwhile_is_in_neither(c: Connection) -> None:
    await first(c, AB)
    await listed(c, request := await order(c))
    owner = await own(c, request, 1)
    await cut(c, request, 1, owner, 1)
    await embed(c, request, 1, owner, ["[1,0]"])
    assert await standing(c, 2) == AB
    await c.execute("delete from ingest_documents where uri = 'a'")
    await c.execute("select * from ingest_forget(uri => 'b', collection => 'default')")
    assert await c.fetchval("select count(*) from ingest_chunk_store") == 0
    assert await c.fetchval("select count(*) from ingest_revisions where stands_for is not null and uri = 'b'") == 0
    await publish(c, request, 1, await own(c, request, 1))
    assert await settle(c, request) == "succeeded"
    assert (await live(c), await c.fetchval("select count(*) from ingest_cuts")) == ({}, 0)


async def test_a_former_generation_is_purged_after_its_time_and_gone_back_to_no_more(c: Connection) -> None:
    await first(c, AB)
    await reembedded(c)
    purge = "select ingest_purge_generations($1::interval, 1)"
    assert await c.fetchval(purge, timedelta(hours=1)) == 0
    assert [await c.fetchval(purge, timedelta(0)) for _ in range(3)] == [1, 1, 0]
    assert (await generations(c), await standing(c, 1), await live(c)) == ({1: "purged", 2: "live"}, {}, AB)
    assert await refused(c, "select ingest_rollback('default')") == "nothing_to_go_back_to"
    await published(c, {"a": "changed"})
    assert await c.fetchval("select array_agg(distinct generation) from ingest_chunk_store") == [2]


async def test_a_request_of_a_purged_generation_is_cut_for_the_live_one(c: Connection) -> None:
    await first(c, AB)
    request = await start(c, ["c"])
    await reembedded(c)
    for _ in range(3):
        await c.fetchval("select ingest_purge_generations($1::interval, 10)", timedelta(0))
    await own(c, request)
    settings = await c.fetchval("select ingest_batch_settings($1, 0)", request)
    assert (settings["model"], settings["generation"]) == ("other", 2)
    await carry(c, request, texts={"c": "late"}, vectors=["[1,0]"])
    assert await live(c) == AB | {"c": "late"}


async def test_a_switch_by_hand_waits_for_all_documents_and_may_leave_those_that_failed(c: Connection) -> None:
    await first(c, AB)
    await listed(c, request := await order(c, automatic=False))
    fence = ([request], 1, await own(c, request, 1))
    rows = await c.fetch(
        "select e.id, v.uri from ingest_to_chunk($1::ingest_fence_v1) e join ingest_revisions v using (id)", fence
    )
    error = {"code": "no_text", "step": "chunk"}
    cuts = [(row["id"], [0], [1], None, error if row["uri"] == "b" else None) for row in rows]
    await c.execute("select ingest_save_chunked($1::ingest_fence_v1, $2::ingest_cut_v1[])", fence, cuts)
    await embed(c, request, 1, fence[2], ["[1,0]"])
    await publish(c, request, 1, fence[2])
    assert await settle(c, request) == "partially_succeeded"
    assert await refused(c, "select ingest_switch('default')") == "not_complete"
    row = await one(c, "select * from ingest_list_generations('default') where generation = 2")
    assert row["waiting_for"].startswith("documents: 1 ")
    await c.execute("update ingest_collections set index_from = 0")
    await c.execute("update ingest_index_store set chunks = 1000")
    await c.execute("begin")
    await c.execute("delete from ingest_requests where id = $1", request)
    row = await one(c, "select * from ingest_list_generations('default') where generation = 2")
    assert row["waiting_for"].endswith("; select ingest_drop_generation('default')")
    await c.execute("rollback")
    leave = "select ingest_switch('default', leave_failed => true, without_index => $1)"
    assert await refused(c, leave, False) == "not_complete"  # that of the index it does not mean
    await c.fetch(leave, True)
    assert await live(c) == {"a": "a cat"}
    assert await c.fetchval("select settings_hash is null from ingest_documents where uri = 'b'")


async def test_a_listener_of_a_former_release_gets_nothing_of_it(c: Connection) -> None:
    await first(c, AB)
    request = await order(c)
    await add_listener(c, "old")
    assert await claim(c, 10, "old") == []
    later = await c.fetchval("insert into ingest_requests (source) values ('/srv/x') returning id")
    assert await claim(c, 10, "old") == []
    assert set(await claim(c, 10)) == {request, later}
    await c.execute("select ingest_drop_generation('default')")
    assert await refused(c, "select ingest_reembed('default', $1)", OTHER) == "former_listener"


async def test_what_is_wrong_is_said_before_anything_is_ordered(c: Connection) -> None:
    await first(c, AB)
    order = "select ingest_reembed($1, $2, $3)"
    for name, settings, options, code in [
        ("none", {}, {}, "unknown_collection"),
        ("default", {}, {}, "nothing_changes"),
        ("default", {"model": "x"}, {}, "incomplete_space"),
        ("default", {"tenant": "x"}, {}, "unknown_setting"),
        ("default", {"chunk_size": 3}, {}, "wrong_setting_value"),
        ("default", {"chunk_overlap": 900}, {}, "overlap_too_large"),
        ("default", {"chunk_size": None}, {}, "nothing_changes"),
        ("default", {"chunk_size": "1000"}, {}, "nothing_changes"),
        ("default", OTHER, {"mirror": True}, "unknown_option"),
        ("default", OTHER, {"plan": "maybe"}, "wrong_option_type"),
        ("default", OTHER, [], "wrong_option_type"),
    ]:
        assert await refused(c, order, name, settings, options) == code
    assert await generations(c) == {1: "live"}


async def test_a_batch_that_was_broken_off_on_its_way_into_another_generation_goes_on_there(c: Connection) -> None:
    await first(c, AB)
    await order(c)
    request, owner = await begun(c, {"a": "a dog", "c": "new"})
    settings = await c.fetchval("select ingest_next_generation($1::ingest_fence_v1)", ([request], 0, owner))
    assert settings["generation"] == 2
    await cut(c, request, 0, owner, 1)
    owner = await own(c, request)  # another execution, after a death
    settings = await c.fetchval("select ingest_batch_settings($1, 0)", request)
    assert (settings["generation"], settings["model"], settings["generations"]) == (2, "other", 2)
    assert await refused(c, "select * from ingest_publish($1, 0, $2)", [request], owner) == "lacks_generation"
    await embed(c, request, 0, owner, ["[1,0]"])
    assert await brought_along(c, request, owner) == []
    await publish(c, request, 0, owner)
    assert await live(c) == {"a": "a dog", "b": "two cats", "c": "new"}
    assert await standing(c, 2) == {"a": "a dog", "c": "new"}


async def test_a_generation_that_is_dropped_on_the_way_into_it_holds_nothing_up(c: Connection) -> None:
    await first(c, AB)
    await order(c)
    request, owner = await begun(c, {"a": "a dog"})
    await c.fetchval("select ingest_next_generation($1::ingest_fence_v1)", ([request], 0, owner))
    await c.execute("select ingest_drop_generation('default')")
    assert await brought_along(c, request, owner) == []
    assert await publish(c, request, 0, owner) == (1, 0)
    assert await live(c) == {"a": "a dog", "b": "two cats"}


async def test_the_switch_waits_for_the_index_of_a_large_collection(c: Connection) -> None:
    await first(c, {f"{n:03}": f"text {n}" for n in range(101)})
    await collection(c, "default", index_from=100)
    request = await order(c)
    await listed(c, request, 200)
    assert await make(c, request) == "succeeded"
    row = await one(c, "select * from ingest_list_generations('default') where generation = 2")
    assert (row["state"], row["waiting_for"].split(":")[0]) == ("building", "index")
    assert await refused(c, "select ingest_switch('default')") == "not_complete"
    while (task := await one(c, "select * from ingest_next_index('{}')"))["name"]:
        await c.execute(task["statement"])
        await c.execute("select ingest_end_index($1, null)", task["name"])
    assert (await generations(c))[2] == "live"
    assert await c.fetchval("select state from ingest_indexes where generation = 2") == "valid"


async def test_views_of_one_s_own_stay_where_the_type_does_and_hold_up_the_switch_where_it_does_not(
    c: Connection,
) -> None:
    await first(c, AB)
    await c.execute("create view mine as select text from ingest_chunks_default")
    await reembedded(c, "default", {"chunk_size": 500})
    assert await c.fetchval("select array_agg(text order by text) from mine") == ["a cat", "two cats"]
    await listed(c, request := await order(c))
    assert await make(c, request) == "succeeded"  # but it is not live
    assert (await generations(c))[3] == "building"
    assert await refused(c, "select ingest_switch('default')") == "view_in_use"
    await c.execute("drop view mine")
    await c.execute("select ingest_switch_due(null)")
    assert (await generations(c))[3] == "live"


async def test_a_fork_behind_a_switch_cuts_anew_what_was_cut_otherwise(c: Connection) -> None:
    await first(c, AB)
    request = await c.fetchval("select id from ingest_requests")
    await reembedded(c, "default", {"chunk_size": 500})
    forked = await c.fetchval("select ingest_fork($1, 'chunk')", request)
    assert forked in await claim(c, 10)
    await c.execute("select ingest_copy_manifest($1, 'L1', 1)", forked)
    rows = await c.fetch("select state, generation from ingest_revisions where request_id = $1", forked)
    assert {tuple(row) for row in rows} == {("loaded", 2)}
    assert await refused(c, "select ingest_fork($1)", await c.fetchval(MAKER)) == "wrong_state"
