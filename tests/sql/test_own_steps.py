"""Own steps in SQL: what a collection may name, who may claim and carry on, what is kept, dropped and forgotten."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from roles import new_roles, refused
from staging import Connection, add, add_listener, carry, claim, collection, one, own, publish, start

SHOUT = {"version": "1", "place": "document", "paid": False, "options": {"mark": "string or array"}}
NOTE = {"version": "1", "place": "document", "paid": True, "options": {}}
DROP = "select ingest_drop_documents($1::ingest_fence_v1, $2::ingest_dropped_v2[])"
STEPS = [{"name": "shout", "options": {"mark": "x"}}]


async def listener(c: Connection, executor: str = "L1", **steps: Any) -> None:
    await add_listener(c, executor)
    await c.execute("update ingest_listeners set knows_caps = true where executor_id = $1", executor)
    await c.execute("select ingest_tell_steps($1, $2)", executor, steps)


async def stepped(
    c: Connection, uris: list[str] | None = None, **columns: Any
) -> tuple[list[uuid.UUID], int, uuid.UUID]:
    """Start a request in the collection with steps; return the fence of its batch."""
    request = await start(c, uris or ["a"], collection="docs", **columns)
    return [request], 0, await own(c, request)


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ({"name": "shout"}, "wrong_setting_value"),
        (["shout"], "wrong_setting_value"),
        ([{"name": "Shout"}], "wrong_setting_value"),
        ([{"name": "shout", "mark": 1}], "wrong_setting_value"),
        ([{"name": "shout"}, {"name": "shout"}], "wrong_setting_value"),
        ([{"name": "shout", "options": []}], "wrong_setting_value"),
        ([{"name": f"s{n}"} for n in range(9)], "wrong_setting_value"),
        ([{"name": "whisper"}], "unknown_step_name"),
        ([{"name": "shout", "options": {"marks": "x"}}], "wrong_step_options"),
        ([{"name": "shout", "options": {"mark": 1}}], "wrong_step_options"),
    ],
)
async def test_steps_that_cannot_be_are_refused_where_they_are_named(c: Connection, steps: Any, says: str) -> None:
    await listener(c, shout=SHOUT)
    with refused("IG012", says):
        await collection(c, "docs", steps=steps)


async def test_where_no_listener_lives_nobody_knows_and_a_name_is_taken(c: Connection) -> None:
    await collection(c, "docs", steps=[{"name": "whisper"}])
    await add_listener(c, "former")
    await collection(c, "docs", steps=STEPS)
    await collection(c, "docs", chunk_size=500)
    assert await c.fetchval("select steps from ingest_collections where name = 'docs'") == STEPS
    await collection(c, "docs", steps=[])
    assert await c.fetchval("select steps from ingest_collections where name = 'docs'") == []


async def test_only_a_listener_with_the_steps_claims_and_the_others_are_told_of(c: Connection) -> None:
    await collection(c, "docs", steps=STEPS)
    await add_listener(c, "former")
    await listener(c, "other", note=NOTE)
    request = await add(c, collection="docs")
    assert [await claim(c, 10, executor) for executor in ("former", "other")] == [[], []]
    waits = await c.fetchval("select waiting_for from ingest_status where id = $1", request)
    assert waits.startswith('step: no running listener has the own step "shout" of collection "docs"; install its')
    plain = await add(c, collection="plain")
    assert await claim(c, 10, "former") == [plain]
    await listener(c, "L1", shout=SHOUT)
    assert await c.fetchval("select waiting_for from ingest_status where id = $1", request) is None
    assert await claim(c, 10, "L1") == [request]
    settings = await c.fetchval("select settings from ingest_requests where id = $1", request)
    assert (settings["steps"], settings["step_versions"]) == (STEPS, {"shout": "1"})


async def test_a_request_keeps_its_steps_and_waits_for_them_although_the_collection_has_others(c: Connection) -> None:
    await listener(c, shout=SHOUT)
    await collection(c, "docs", steps=STEPS)
    (request,), _, _ = await stepped(c)
    await collection(c, "docs", steps=[])
    await c.execute("update ingest_listeners set steps = '{}'")
    begins = "select id from ingest_begin_request($1, 'L1', 1)"
    assert await c.fetchval(begins, request) is None  # it went back
    assert await claim(c) == []
    assert "step:" in await c.fetchval("select waiting_for from ingest_status where id = $1", request)


async def test_steps_and_their_versions_decide_what_is_unchanged(c: Connection) -> None:
    hashed = "select ingest_settings_hash(r) from ingest_requests r where id = $1"
    hashes = set()
    await listener(c, shout=SHOUT)
    for steps, version in (([], "1"), (STEPS, "1"), (STEPS, "2"), ([{"name": "shout"}], "2")):
        await c.execute("select ingest_tell_steps('L1', $1)", {"shout": {**SHOUT, "version": version}})
        await collection(c, "docs", steps=steps)
        hashes.add(await c.fetchval(hashed, await start(c, ["a"], collection="docs")))
    assert len(hashes) == 4


async def test_a_listener_with_another_version_starts_over_what_is_under_way(c: Connection) -> None:
    await listener(c, shout=SHOUT)
    await collection(c, "docs", steps=STEPS)
    (request,), _, _ = await stepped(c)
    await carry(c, request, "chunked")
    await listener(c, "L2", shout={**SHOUT, "version": "2"})
    assert await c.fetchval("select ingest_own_batch($1, 0, 'L2', gen_random_uuid())", request) is None
    assert await c.fetchval("select id from ingest_begin_request($1, 'L2', 1)", request) == request
    assert await c.fetchval("select settings -> 'step_versions' from ingest_requests") == {"shout": "2"}
    revision = await one(c, "select state, text from ingest_revisions")
    assert (revision["state"], revision["text"]) == ("discovered", None)
    assert await c.fetchval("select ingest_own_batch($1, 0, 'L2', gen_random_uuid())", request) == "together"


async def test_batches_are_left_to_others_only_if_all_of_them_have_the_steps(c: Connection) -> None:
    await listener(c, shout=SHOUT)
    await collection(c, "docs", steps=STEPS)
    (request,), _, _ = await stepped(c)
    others = "select ingest_others_have_steps('L1', '', '0', $1)"
    assert await c.fetchval(others, request) is True
    await listener(c, "L2", shout=SHOUT)
    assert await c.fetchval(others, request) is True
    await add_listener(c, "former")
    assert await c.fetchval(others, request) is False


async def test_who_has_a_right_sees_which_steps_a_collection_names_and_which_listeners_have_them(c: Connection) -> None:
    listed = """select name, kind, paid, versions, listeners, listeners_alive, unknown_options
      from ingest_list_steps('docs')"""
    await collection(c, "docs", steps=[*STEPS, {"name": "whisper"}])
    await collection(c, "plain")
    nobody: list[tuple[object, ...]] = [("shout", None, None, [], 0, 0, []), ("whisper", None, None, [], 0, 0, [])]
    assert [tuple(row) for row in await c.fetch(listed)] == nobody
    await listener(c, "L1", shout=SHOUT)
    await listener(c, "L2", shout={**SHOUT, "version": "2", "options": {}})
    await add_listener(c, "former")
    found = [tuple(row) for row in await c.fetch(listed)]
    assert found == [("shout", "document", False, ["1", "2"], 2, 3, ["mark"]), ("whisper", None, None, [], 0, 3, [])]
    async with new_roles(c, 1) as (role,):
        await c.execute("select ingest_grant($1::name, 'submitter', 'plain')", role)
        await c.execute(f'set role "{role}"')
        assert await c.fetch("select * from ingest_list_steps()") == []
        await c.execute("reset role")


async def test_what_a_step_drops_is_skipped_and_what_was_live_of_it_goes(c: Connection) -> None:
    await listener(c, shout=SHOUT)
    await collection(c, "docs", steps=STEPS)
    (request,), _, _ = await stepped(c, ["a", "b"])
    await carry(c, request, "published")
    fence = await stepped(c, ["a", "b"])
    ids = [
        row["id"]
        for row in await c.fetch("select id from ingest_revisions where request_id = $1 order by uri", fence[0][0])
    ]
    said = {"code": "dropped"}
    await c.execute(DROP, fence, [(ids[0], 10**9, b"1", said, None), (ids[1], 0, b"2", said, None)])
    rows = await c.fetch("select state, reason, warning from ingest_revisions where id = any ($1)", ids)
    assert [tuple(row) for row in rows] == [("skipped", "dropped", {"code": "dropped"})] * 2
    live = await c.fetch("select uri from ingest_documents where revision_id is not null")
    assert [row["uri"] for row in live] == ["b"]  # that was read later


async def test_the_newer_reading_wins_also_if_a_step_drops_it(c: Connection) -> None:
    await listener(c, shout=SHOUT)
    await collection(c, "docs", steps=STEPS)
    (first,), _, _ = await stepped(c)
    await carry(c, first, "published")
    (older,), _, _ = await stepped(c)
    await carry(c, older, "embedded")
    fence = await stepped(c)
    (row,) = await c.fetch("select * from ingest_to_load($1::ingest_fence_v1)", fence)
    (newer,), _, _ = await stepped(c)
    await carry(c, newer, "embedded")
    failed = await c.fetchval("select id from ingest_revisions where request_id = $1", older)
    await c.execute(DROP, fence, [(row["id"], row["read_seq"], b"1", {"code": "dropped"}, None)])
    assert await c.fetchval("select count(*) from ingest_documents") == 0
    assert await c.fetchval(
        "select ingest_was_dropped('docs', 'a', read_seq) from ingest_revisions where id = $1", failed
    )
    states = {}
    for request in (older, newer):
        await publish(c, request, 0, await own(c, request))
        revision = await one(c, "select state, reason from ingest_revisions where request_id = $1", request)
        states[request] = (revision["state"], revision["reason"])
    assert states == {older: ("skipped", "deleted"), newer: ("published", None)}


async def test_what_is_loaded_later_of_an_older_reading_than_a_dropped_one_is_superseded(c: Connection) -> None:
    await listener(c, shout=SHOUT)
    await collection(c, "docs", steps=STEPS)
    (older,), _, _ = await stepped(c)
    await c.fetch("select * from ingest_to_load($1::ingest_fence_v1)", ([older], 0, await own(c, older)))
    await c.execute("update ingest_revisions set read_seq = nextval('ingest_read_seq')")  # it was read before
    fence = await stepped(c)
    (row,) = await c.fetch("select * from ingest_to_load($1::ingest_fence_v1)", fence)
    await c.execute(DROP, fence, [(row["id"], row["read_seq"], b"1", {"code": "dropped"}, None)])
    await carry(c, older, "embedded")
    await publish(c, older, 0, await own(c, older))
    assert await c.fetchval("select reason from ingest_revisions where request_id = $1", older) == "superseded"
    assert await c.fetchval("select count(*) from ingest_documents") == 0


async def test_what_a_plan_drops_stays_and_so_does_what_is_under_way_of_it(c: Connection) -> None:
    await listener(c, shout=SHOUT)
    await collection(c, "docs", steps=STEPS)
    (live,), _, _ = await stepped(c, ["b"])
    await carry(c, live, "published")
    (older,), _, _ = await stepped(c)
    await carry(c, older, "embedded")
    fence = await stepped(c, ["a", "b"], options={"plan": True})
    rows = await c.fetch("select * from ingest_to_load($1::ingest_fence_v1)", fence)
    await c.execute(DROP, fence, [(row["id"], row["read_seq"], b"1", {"code": "dropped"}, None) for row in rows])
    assert await c.fetchval("select count(*) from ingest_revisions where reason = 'dropped'") == 2
    await publish(c, older, 0, await own(c, older))
    documents = await c.fetch("select uri from ingest_documents where revision_id is not null order by uri")
    assert [row["uri"] for row in documents] == ["a", "b"]


async def test_a_dropped_part_is_skipped_and_what_was_live_of_it_goes_too(c: Connection) -> None:
    await listener(c, shout=SHOUT)
    await collection(c, "docs", steps=STEPS)
    (first,), _, _ = await stepped(c, ["mail", "mail#a.txt"])
    await carry(c, first, "published")
    fence = await stepped(c, ["mail"])
    (row,) = await c.fetch("select * from ingest_to_load($1::ingest_fence_v1)", fence)
    for _ in range(2):  # the answer was lost
        await c.execute(DROP, fence, [(row["id"], row["read_seq"], b"1", {"code": "dropped"}, "mail#a.txt")])
    rows = await c.fetch(
        "select uri, state, reason from ingest_revisions where request_id = $1 order by uri", fence[0][0]
    )
    assert [tuple(row) for row in rows] == [("mail", "discovered", None), ("mail#a.txt", "skipped", "dropped")]
    live = await c.fetch("select uri from ingest_documents where revision_id is not null")
    assert [row["uri"] for row in live] == ["mail"]


async def test_results_are_kept_for_who_uses_them_and_go_with_the_last(c: Connection) -> None:
    await listener(c, note=NOTE)
    await collection(c, "docs", steps=[{"name": "note"}])
    first, second = await stepped(c), await stepped(c, ["b"])
    revisions = [
        await c.fetchval("select id from ingest_revisions where request_id = $1", one[0][0]) for one in (first, second)
    ]
    save = """select ingest_save_results($1::ingest_fence_v1, 'note', 'm', $2::bigint[], $3::bytea[], $4::jsonb[], $5,
      null, 0)"""
    await c.execute("select ingest_price('m', 100)")
    for _ in range(2):  # the answer was lost
        await c.execute(save, first, [revisions[0]], [b"k"], [{"text": "x"}], 20)
    usage = await c.fetch("select step, texts, tokens, cost from ingest_usage_by_day")
    assert [(row["step"], row["texts"], row["tokens"], float(row["cost"])) for row in usage] == [("note", 1, 20, 0.002)]
    known = "select place, result from ingest_known_results($1::ingest_fence_v1, $2::bigint[], $3::bytea[])"
    found = await c.fetch(known, second, [revisions[1]] * 2, [b"other", b"k"])
    assert [tuple(row) for row in found] == [(2, {"text": "x"})]
    counts = []
    for request in (first[0][0], second[0][0]):
        await c.execute("delete from ingest_revisions where request_id = $1", request)
        counts.append(await c.fetchval("select count(*) from ingest_step_results"))
    assert counts == [1, 0]


async def test_what_was_lost_on_its_way_counts_under_caps_once(c: Connection) -> None:
    await listener(c, note=NOTE)
    await collection(c, "docs", steps=[{"name": "note"}])
    fence = await stepped(c, options={"max_texts": 3})
    revision = await c.fetchval("select id from ingest_revisions where request_id = $1", fence[0][0])
    reserve = "select granted, reservation, reached from ingest_reserve_step($1::ingest_fence_v1, $2, 'm')"
    reserved = await one(c, reserve, fence, [9, 9])
    save = """select ingest_save_results($1::ingest_fence_v1, 'note', 'm', $2::bigint[], $3::bytea[], $4::jsonb[], 20,
      $5, 1)"""
    for _ in range(2):  # the answer was lost
        await c.execute(save, fence, [revision], [b"k"], [{"text": "x"}], reserved["reservation"])
    assert await c.fetchval("select sum(texts) from ingest_usage where step = 'note'") == 2
    last = await one(c, reserve, fence, [9, 9])
    assert last["granted"] == 1
    await c.execute(save, fence, [], [], [], last["reservation"])
    assert (await one(c, reserve, fence, [9]))["reached"] is not None


async def test_a_cap_of_cost_needs_the_price_of_the_step_s_model(c: Connection) -> None:
    await listener(c, note=NOTE)
    await collection(c, "docs", steps=[{"name": "note"}])
    await c.execute("select ingest_price('test', 1)")
    fence = await stepped(c, options={"max_cost": 1})
    reserve = "select granted, reached from ingest_reserve_step($1::ingest_fence_v1, $2, $3)"
    with refused("IG044", "price_unknown"):
        await c.execute(reserve, fence, [10], "step note")
    await c.execute("select ingest_price('step note', 100000)")
    granted = await one(c, reserve, fence, [4, 4, 4], "step note")
    assert granted["granted"] == 2


async def test_a_fork_from_a_later_step_needs_the_same_steps(c: Connection) -> None:
    await listener(c, shout=SHOUT)
    await collection(c, "docs", steps=STEPS)
    (request,), _, _ = await stepped(c)
    await carry(c, request, "published")
    await collection(c, "docs", steps=[])
    fork = await c.fetchval("select ingest_fork($1, 'chunk')", request)
    assert await claim(c) == [fork]
    with refused("IG023", "other_settings"):
        await c.execute("select ingest_copy_manifest($1, 'L1')", fork)


async def test_what_was_paid_for_a_text_stays_with_the_fork_that_has_it(c: Connection) -> None:
    await listener(c, note=NOTE)
    await collection(c, "docs", steps=[{"name": "note"}])
    (request,), _, _ = await stepped(c)
    await carry(c, request, "published")
    result = "insert into ingest_step_results select id, 'k', '{}' from ingest_revisions where request_id = $1"
    await c.execute(result, request)
    fork = await c.fetchval("select ingest_fork($1, 'embed')", request)
    assert await claim(c) == [fork]
    await c.execute("select ingest_copy_manifest($1, 'L1')", fork)
    await c.execute("delete from ingest_revisions where request_id = $1", request)
    kept = "select r.request_id from ingest_step_results s join ingest_revisions r on r.id = s.revision_id"
    assert await c.fetchval(kept) == fork


async def test_words_of_a_chunk_are_those_that_it_is_searched_as(c: Connection) -> None:
    said = "select ingest_words_of($1, 'text')"
    assert await c.fetchval(said, {}) == "text"
    assert await c.fetchval(said, {"continues": "head"}) == "head\ntext"
    assert await c.fetchval(said, {"continues": "head", "searched_as": "other"}) == "other"
