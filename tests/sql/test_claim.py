"""Which requests a claim takes, in which order, and what it writes."""

from __future__ import annotations

import asyncpg
import pytest
from staging import SPACE, Connection, add, add_listener, claim, collection, one, settle, turns_of

from listener.engine.line import Standing


@pytest.fixture(autouse=True)
async def _listeners(c: Connection) -> None:
    await add_listener(c)
    await add_listener(c, "L2")


async def status(c: Connection, request: object) -> str:
    return str(await c.fetchval("select status from ingest_requests where id = $1", request))


async def test_lower_priority_numbers_go_first_then_the_older(c: Connection) -> None:
    third, first = await add(c, priority=5), await add(c, priority=-1)
    second = await add(c, priority=5)
    late = await add(c, priority=5)
    assert await claim(c, 1) == [first]
    assert await claim(c, 1) == [third]
    assert await claim(c, 1) == [second]
    assert await claim(c, 1) == [late]
    assert await claim(c, 1) == []


async def test_a_claim_that_stays_leaves_what_stands_before_it(c: Connection) -> None:
    urgent, first, second, last = [await add(c, priority=priority) for priority in (-1, 0, 0, 7)]
    place = await one(c, "select priority, submitted_by, created_at from ingest_requests where id = $1", second)
    stay = Standing(True, place["priority"], place["submitted_by"], "default", place["created_at"]).as_json
    assert await claim(c, turns={"long": {"stay": stay}}) == [second]
    assert await claim(c, turns={"long": {"stay": stay}}) == [urgent, first, last]  # nothing is left there


async def test_two_sessions_claim_different_requests_without_waiting(c: Connection, other: Connection) -> None:
    requests = {await add(c) for _ in range(4)}
    await claim(c, 1)  # the collection has its space now
    await c.execute("begin")
    first = await claim(c, 2)
    await other.execute("set lock_timeout = '10s'")
    second = await claim(other, 5, "L2")
    assert (len(first), len(second)) == (2, 1)
    assert set(first) | set(second) < requests
    await c.execute("commit")


async def test_a_claim_waits_for_the_disk(c: Connection) -> None:
    """Its listener outlives a crash of the server, and would go on with a claim that is lost (decision 0017)."""
    await add(c)
    async with c.transaction():
        assert await claim(c)
        assert await c.fetchval("show synchronous_commit") == "on"


async def test_one_claim_takes_requests_of_collections_that_are_there_and_that_are_new(c: Connection) -> None:
    await add(c, collection="old")
    await claim(c)
    mixed = {await add(c, collection=name) for name in ("old", "new", "old", "newer")}
    assert set(await claim(c)) == mixed
    assert await claim(c) == []


async def test_a_scheduled_request_waits_for_its_time(c: Connection) -> None:
    scheduled = await c.fetchval(
        "insert into ingest_requests (source, run_at) values ('/a', now() + interval '1 hour') returning id"
    )
    assert await claim(c) == []
    assert 3590 < (await turns_of(c))["next"] <= 3600
    await c.execute(
        "alter table ingest_requests disable trigger user; update ingest_requests set run_at = now();"
        " alter table ingest_requests enable trigger user"
    )  # fmt: skip  (the hour has passed)
    assert await claim(c) == [scheduled]
    assert (await turns_of(c))["next"] is None


async def test_a_request_that_is_put_off_for_ever_is_in_nobody_s_way(c: Connection) -> None:
    never = await c.fetchval("insert into ingest_requests (source, run_at) values ('/a', 'infinity') returning id")
    assert (await turns_of(c))["next"] is None
    assert await c.fetchval("select ingest_seconds_until_due()") is None
    await c.execute("insert into ingest_requests (source, run_at) values ('/b', now() + interval '1 hour')")
    assert 3590 < (await turns_of(c))["next"] <= 3600
    assert 3590 < await c.fetchval("select ingest_seconds_until_due()") <= 3600
    await c.execute("update ingest_requests set run_at = now() where id = $1", never)
    assert await claim(c) == [never]


async def test_what_a_claim_passed_by_since_it_is_locked_is_left_for_another_look(
    c: Connection, other: Connection
) -> None:
    await add(c, source="/home/elsewhere")
    await collection(c, "full", max_running=1)
    await add(c, collection="full")
    assert len(await claim(c, roots=["/srv"])) == 1
    await add(c, collection="full")
    assert not (await turns_of(c, roots=["/srv"]))["locked"]  # a folder of other listeners, a collection that is full
    await collection(c, "has room", max_running=1)
    for name in ("free", "has room"):
        locked = await add(c, collection=name)
        async with other.transaction():
            await other.execute("select from ingest_requests where id = $1 for update", locked)
            assert (await turns_of(c, roots=["/srv"]))["locked"]
        assert await claim(c, roots=["/srv"]) == [locked]
        assert not (await turns_of(c, roots=["/srv"]))["locked"]


async def test_only_a_listener_with_a_root_above_a_source_claims_it(c: Connection) -> None:
    local, inline = await add(c, source="/srv/docs/a.md"), await add(c, content="a")
    remote = await add(c, source="HTTPS://Docs.Example.org/Guide/")
    assert await claim(c, roots=["/srv/doc", "/srv/docs/a", "https://docs.example.org/guide"]) == [inline]
    assert await claim(c, roots=["/srv/docs/"]) == [local]
    assert await claim(c, roots=["/", "https://docs.example.org/Guide"]) == [remote]


async def test_what_is_no_url_with_a_path_goes_to_whoever_gets_it_and_says_so(c: Connection) -> None:
    windows, mail = await add(c, source="C:\\docs"), await add(c, source="mailto:someone")
    assert set(await claim(c, roots=["/srv"])) == {windows, mail}


async def test_a_root_may_be_all_of_a_scheme(c: Connection) -> None:
    remote = await add(c, source="toy://shelf/a")
    assert await claim(c, roots=["toys:"]) == []
    assert await claim(c, roots=["toy:"]) == [remote]


async def test_a_request_of_the_former_release_lies_where_its_path_says(c: Connection) -> None:
    local = await add(c, source="/srv/docs/a.md")
    await c.execute("select ingest_as_system(); update ingest_requests set locator = null")
    assert await claim(c, roots=["/srv/other"]) == []
    assert await claim(c, roots=["/srv/docs"]) == [local]


async def test_a_listener_that_was_declared_dead_claims_nothing(c: Connection) -> None:
    await add(c)
    await c.execute("update ingest_listeners set heartbeat_at = now() - interval '2 hours' where executor_id = 'L1'")
    assert [row[0] for row in await c.fetch("select ingest_declare_dead('L2')")] == ["L1"]
    with pytest.raises(asyncpg.PostgresError) as refused:
        await claim(c)
    assert (refused.value.sqlstate, refused.value.constraint_name) == ("IG020", "declared_dead")
    assert await c.fetchval("select ingest_beat('L1', 0)") is False
    assert await c.fetchval("select ingest_beat('L2', 3)") is True


async def test_a_claim_notes_the_settings_and_the_deadline(c: Connection) -> None:
    await collection(c, "c", chunk_size=700)
    request = await add(c, collection="c", options={"timeout_seconds": 90})
    await claim(c)
    row = await one(c, "select *, deadline_at - started_at as time from ingest_requests where id = $1", request)
    assert (row["status"], row["executor_id"], row["attempt"]) == ("running", "L1", 1)
    assert 89 < row["time"].total_seconds() < 91
    assert row["settings"].items() >= {"chunk_size": 700, "text_config": "english", **SPACE}.items()
    await collection(c, "c", chunk_size=900)
    settings = await c.fetchval("select settings from ingest_requests where id = $1", request)
    assert settings["chunk_size"] == 700


async def test_a_passed_deadline_cancels(c: Connection) -> None:
    request = await add(c, options={"timeout_seconds": 0.000001})
    await claim(c)
    assert [row[0] for row in await c.fetch("select ingest_cancel_overdue()")] == [request]
    row = await one(c, "select status, error from ingest_requests")
    assert (row["status"], row["error"]["code"]) == ("cancelled", "deadline")
    assert await c.fetch("select ingest_cancel_overdue()") == []


async def test_the_first_listener_s_space_stays(c: Connection, other: Connection) -> None:
    """Another one does not wait for it: requests of a collection that somebody holds are left for the next claim."""
    one, two = await add(c), await add(c)
    await c.execute("begin")
    assert await claim(c, 1) == [one]
    assert await claim(other, 1, "L2", space={**SPACE, "dimensions": 7}) == []
    await c.execute("commit")
    assert await claim(other, 1, "L2", space={**SPACE, "dimensions": 7}) == [two]
    assert await c.fetchval("select array_agg(distinct settings ->> 'dimensions') from ingest_requests") == ["3"]


async def test_a_claimed_request_goes_back_only_from_the_listener_that_has_it(c: Connection) -> None:
    request = await add(c)
    await claim(c)
    assert await c.fetchval("select ingest_unclaim($1, 'L2')", request) is False
    assert await c.fetchval("select ingest_unclaim($1, 'L1')", request) is True
    assert await claim(c, executor="L2") == [request]


async def test_a_workflow_begins_only_for_a_running_request_and_a_living_listener(c: Connection) -> None:
    request = await add(c)
    begin = "select executor_id from ingest_begin_request($1, $2, null)"
    assert await c.fetchval(begin, request, "L1") is None
    await claim(c)
    assert await c.fetchval(begin, request, "L1") == "L1"
    assert await c.fetchval(begin, request, "L2") == "L2"  # it has taken it over
    assert await c.fetchval(begin, request, "unknown") is None
    await c.execute("select ingest_cancel($1)", request)
    assert await c.fetchval(begin, request, "L2") is None


async def test_a_limited_collection_runs_as_many_as_its_limit(c: Connection) -> None:
    await collection(c, "c", max_running=2)
    first, second, third = [await add(c, collection="c") for _ in range(3)]
    free = await add(c)
    assert set(await claim(c)) == {first, second, free}
    assert await claim(c) == []
    await settle(c, first)
    assert await claim(c) == [third]


async def test_a_full_collection_leaves_no_place_of_the_claim_empty(c: Connection) -> None:
    await collection(c, "c", max_running=1)
    full = [await add(c, collection="c", priority=-5) for _ in range(3)]
    free = [await add(c) for _ in range(3)]
    assert set(await claim(c, 3)) == {full[0], *free[:2]}
    assert set(await claim(c, 3)) == {free[2]}


async def test_priority_counts_across_lanes(c: Connection) -> None:
    await collection(c, "c", max_running=5)
    low, high = await add(c, priority=1), await add(c, collection="c", priority=0)
    assert await claim(c, 1) == [high]
    assert await claim(c, 1) == [low]


async def test_two_listeners_never_both_get_the_last_place(c: Connection, other: Connection) -> None:
    await collection(c, "c", max_running=1)
    first, second = await add(c, collection="c"), await add(c, collection="c")
    await c.execute("begin")
    assert await claim(c) == [first]
    assert (await turns_of(other, "L2"))["locked"]  # it looks again
    await c.execute("commit")
    assert not (await turns_of(other, "L2"))["locked"]
    await settle(c, first)
    assert await claim(other, 5, "L2") == [second]


async def test_a_limit_can_be_raised_lowered_and_cleared(c: Connection) -> None:
    await collection(c, "c", max_running=1)
    requests = [await add(c, collection="c") for _ in range(5)]
    assert await claim(c) == requests[:1]
    await collection(c, "c", max_running=2)
    assert await claim(c) == requests[1:2]
    await collection(c, "c", max_running=1)
    await settle(c, requests[0])
    assert await claim(c) == []
    await collection(c, "c", max_running=None)
    assert set(await claim(c)) == set(requests[2:])


async def test_requests_that_wait_when_the_first_limit_comes_obey_it(c: Connection) -> None:
    requests = [await add(c, collection="c") for _ in range(3)]
    await collection(c, "c", max_running=1)
    assert await claim(c) == requests[:1]
    assert await claim(c) == []


async def test_an_insert_that_is_open_when_the_first_limit_comes_obeys_it(c: Connection, other: Connection) -> None:
    await collection(c, "c")
    await other.execute("begin")
    requests = [await add(other, collection="c") for _ in range(3)]
    await collection(c, "c", max_running=1)
    await other.execute("commit")
    claimed = [await claim(c), await claim(c), await claim(c)]
    assert [len(ids) for ids in claimed].count(1) == 1
    assert {request for ids in claimed for request in ids} < set(requests)


async def test_neither_the_first_limit_nor_a_claim_waits_for_a_locked_request(
    c: Connection, other: Connection, third: Connection
) -> None:
    held, free = await add(c, collection="c"), await add(c, collection="c")
    async with third.transaction():
        await third.execute("select from ingest_requests where id = $1 for update", held)
        await c.execute("set statement_timeout = '30s'")
        await collection(c, "c", max_running=1)
        await other.execute("set statement_timeout = '30s'")
        assert await claim(other, 5, "L2") == [free]
    assert await claim(c) == []  # the one that runs counts
