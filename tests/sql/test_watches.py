"""Watches in SQL: who may make them, when they fire, what becomes of their requests, by a clock that tests move."""

from __future__ import annotations

import asyncio
import uuid
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from roles import limit, login, new_roles, refused
from staging import SPACE, Connection, add_listener, claim, collection, discover, one, put_clock

HOUR = timedelta(hours=1)


async def watch(c: Connection, source: str = "/srv/docs", /, **given: Any) -> str:
    """Make a watch, every hour unless it is told otherwise, and return its name."""
    if not given.keys() & {"every", "cron", "on_change"}:
        given["every"] = HOUR
    names = ", ".join(f"{name} => ${n}" for n, name in enumerate(given, 2))
    made: str = await c.fetchval(f"select ingest_watch($1, {names})", source, *given.values())
    return made


async def fire(c: Connection) -> list[tuple[str, uuid.UUID | None]]:
    """Fire what is due, as a listener does."""
    fired: list[tuple[str, uuid.UUID | None]] = []
    while True:
        row = await one(c, "select name, request from ingest_fire_watch()")
        if row["name"] is None:
            return fired
        fired.append((row["name"], row["request"]))


async def shown(c: Connection, name: str) -> asyncpg.Record:
    row: asyncpg.Record = await one(c, "select * from ingest_watches where name = $1", name)
    return row


async def run(c: Connection, request: uuid.UUID | None, status: str | None = "succeeded", **error: Any) -> None:
    """Claim a watch's request and end it."""
    if not await c.fetchval("select exists (select from ingest_listeners)"):
        await add_listener(c)
    assert request in await claim(c)
    await end(c, request, status, **error)


async def end(c: Connection, request: uuid.UUID | None, status: str | None = "succeeded", **error: Any) -> None:
    said = {"message": "it went wrong", "hint": "", **error} if error else None
    assert await c.fetchval("select ingest_settle($1, $2, $3)", request, status, said) == status


# when


async def test_a_watch_fires_at_once_and_then_each_time_by_the_clock(c: Connection) -> None:
    name = await watch(c, every=HOUR, options={"include": "*.md"}, metadata={"team": "a"})
    assert name == "default:/srv/docs"
    ((_, first),) = await fire(c)
    request = await one(c, "select * from ingest_requests where id = $1", first)
    assert (request["source"], request["watch"], request["status"]) == ("/srv/docs", name, "pending")
    assert (request["options"], request["metadata"]) == ({"mirror": True, "include": "*.md"}, {"team": "a"})
    assert await fire(c) == []
    await run(c, first)
    await put_clock(c, "59 minutes")
    assert await fire(c) == []
    await put_clock(c, "61 minutes")
    ((_, second),) = await fire(c)
    assert second != first
    row = await shown(c, name)
    assert (row["running_request"], row["last_request"], row["failures"]) == (second, second, 0)
    assert row["succeeded_at"] < row["started_at"] < row["next_at"]


async def test_options_may_say_that_a_watch_is_no_mirror(c: Connection) -> None:
    await watch(c, options={"mirror": False})
    ((_, request),) = await fire(c)
    assert await c.fetchval("select options from ingest_requests where id = $1", request) == {"mirror": False}


async def test_one_request_at_a_time_and_missed_times_are_not_made_up_for(c: Connection) -> None:
    name = await watch(c, every=HOUR)
    ((_, first),) = await fire(c)
    for hours in (2, 3, 4):
        await put_clock(c, f"{hours} hours 1 minute")
        assert await fire(c) == [(name, None)]
    assert await c.fetchval("select count(*) from ingest_requests") == 1
    await run(c, first)
    assert await fire(c) == []
    await put_clock(c, "50 hours")
    assert len(await fire(c)) == 1


async def test_two_listeners_never_fire_the_same_twice(c: Connection, other: Connection) -> None:
    for n in range(20):
        await watch(c, f"/srv/{n}")
    both = await asyncio.gather(fire(c), fire(other))
    assert sorted(name for some in both for name, _ in some) == sorted(f"default:/srv/{n}" for n in range(20))
    assert await c.fetchval("select count(*) from ingest_requests") == 20


async def test_a_watch_whose_firing_is_not_committed_is_passed_by_and_not_lost(
    c: Connection, other: Connection
) -> None:
    name = await watch(c)
    dying = other.transaction()
    await dying.start()
    assert [fired for fired, _ in await fire(other)] == [name]
    assert await fire(c) == []
    await dying.rollback()  # as when its listener is killed
    assert [fired for fired, _ in await fire(c)] == [name]


async def test_a_listener_learns_when_the_next_one_is_due(c: Connection) -> None:
    assert await c.fetchval("select seconds from ingest_fire_watch()") is None
    await watch(c, every=HOUR)
    await fire(c)
    assert 3590 < await c.fetchval("select seconds from ingest_fire_watch()") <= 3600


async def test_hundreds_of_watches_fire_once_each(c: Connection) -> None:
    await c.execute("select ingest_watch('/srv/' || n, every => '1 hour') from generate_series(1, 500) n")
    assert len({name for name, _ in await fire(c)}) == 500
    assert await c.fetchval("select count(*) from ingest_requests where watch is not null") == 500


# pause, resume, now, again


async def test_a_paused_watch_does_not_fire_until_it_goes_on(c: Connection) -> None:
    name = await watch(c)
    await c.execute("select ingest_pause_watch($1)", name)
    assert await fire(c) == []
    row = await shown(c, name)
    assert (row["paused"], row["next_at"], row["waiting_for"].partition(":")[0]) == (True, None, "pause")
    await c.execute("select ingest_resume_watch($1)", name)
    assert len(await fire(c)) == 1


async def test_a_nightly_watch_that_goes_on_waits_for_its_night(c: Connection) -> None:
    name = await watch(c, cron="0 2 * * *")
    for verb in ("pause", "resume"):
        await c.execute(f"select ingest_{verb}_watch($1)", name)
    assert await fire(c) == []


async def test_a_watch_looks_now_when_it_is_told_to(c: Connection) -> None:
    name = await watch(c, cron="0 2 * * *")
    request = await c.fetchval("select ingest_run_watch($1)", name)
    assert await c.fetchval("select ingest_run_watch($1)", name) == request  # it has not begun yet
    await add_listener(c)
    await claim(c)
    assert await c.fetchval("select ingest_run_watch($1)", name) == request
    await end(c, request)
    await put_clock(c, "2 s")
    assert len(await fire(c)) == 1  # what changed since it began


async def test_a_watch_of_the_same_name_is_changed(c: Connection) -> None:
    name = await watch(c, name="docs")
    ((_, request),) = await fire(c)
    await watch(c, "/srv/other", name="docs", every=2 * HOUR)
    row = await shown(c, name)
    assert (row["source"], row["schedule"], row["running_request"]) == ("/srv/other", "every 02:00:00", request)
    assert await fire(c) == [("docs", None)]  # one at a time


async def test_an_ended_watch_fires_no_more_and_leaves_its_request(c: Connection) -> None:
    name = await watch(c)
    ((_, request),) = await fire(c)
    assert await c.fetchval("select ingest_unwatch($1)", name) == 0
    await run(c, request)
    await put_clock(c, "10 hours")
    assert await fire(c) == []
    with refused("IG050", "unknown_watch"):
        await c.execute("select ingest_unwatch($1)", name)


# changes


async def notice(c: Connection, *names: str) -> list[str]:
    left: list[str] = await c.fetchval("select ingest_notice_changes($1)", list(names))
    return left


async def test_a_change_fires_and_each_hour_it_looks_although_none_was_noticed(c: Connection) -> None:
    name = await watch(c, on_change=True)
    ((_, first),) = await fire(c)
    await run(c, first)
    await put_clock(c, "10 s")
    assert await fire(c) == []
    assert await notice(c, name, "unknown") == []
    ((_, second),) = await fire(c)
    await run(c, second)
    await put_clock(c, "62 minutes")
    assert len(await fire(c)) == 1


async def test_changes_while_a_request_runs_fire_one_more_after_it(c: Connection) -> None:
    name = await watch(c, on_change=True)
    ((_, first),) = await fire(c)
    await notice(c, name)  # before it has begun: it will see it
    await add_listener(c)
    await claim(c)
    for _ in range(3):
        await notice(c, name)
        assert await fire(c) == []
    await end(c, first)
    await put_clock(c, "5 s")
    ((_, second),) = await fire(c)
    await run(c, second)
    await put_clock(c, "60 s")
    assert await fire(c) == []


async def test_a_change_before_a_request_has_begun_fires_no_other(c: Connection) -> None:
    name = await watch(c, on_change=True)
    ((_, first),) = await fire(c)
    await notice(c, name)
    await run(c, first)
    await put_clock(c, "60 s")
    assert await fire(c) == []


async def test_a_watch_in_which_all_the_time_something_changes_rests_as_long_as_it_worked(c: Connection) -> None:
    name = await watch(c, on_change=True)
    ((_, first),) = await fire(c)
    await add_listener(c)
    await claim(c)
    await put_clock(c, "30 s")
    await end(c, first)
    await notice(c, name)
    assert await fire(c) == []
    await put_clock(c, "61 s")
    assert len(await fire(c)) == 1


async def test_a_change_of_a_watch_that_is_locked_is_to_be_told_again(c: Connection, other: Connection) -> None:
    name = await watch(c, on_change=True)
    async with other.transaction():
        await other.execute("select ingest_pause_watch($1)", name)
        assert await notice(c, name) == [name]
    assert await notice(c, name) == []


# failures


async def test_a_watch_that_fails_backs_off_says_so_and_recovers(c: Connection) -> None:
    name = await watch(c, every=timedelta(seconds=10))
    await add_listener(c)
    at = 0.0
    for failures, rest in enumerate((30, 60, 120, 240, 480, 960, 1920, 3600, 3600), 1):
        ((_, request),) = await fire(c)
        await run(c, request, "failed", code="not_found")
        row = await shown(c, name)
        assert (row["failures"], row["error_code"]) == (failures, "not_found")
        assert row["waiting_for"].startswith("back-off: it failed")
        wait = (row["next_at"] - await c.fetchval("select ingest_now()")).total_seconds()
        assert rest - 5 < wait <= rest
        at += rest + 1
        await c.execute("update ingest_listeners set lease = '1 year'")
        await put_clock(c, f"{at} s")
    row = await shown(c, name)
    assert row["failing_since"] < row["started_at"]
    ((_, request),) = await fire(c)
    await run(c, request)
    row = await shown(c, name)
    assert (row["failures"], row["failing_since"], row["error"], row["waiting_for"]) == (0, None, None, None)
    assert row["next_at"] - row["succeeded_at"] == timedelta(seconds=10)


async def test_a_back_off_is_never_shorter_than_the_time_between_two_looks(c: Connection) -> None:
    name = await watch(c, every=timedelta(hours=5))
    ((_, request),) = await fire(c)
    await run(c, request, "failed", code="not_found")
    row = await shown(c, name)
    assert row["next_at"] - row["failing_since"] >= timedelta(hours=5)


async def test_changes_do_not_shorten_a_back_off(c: Connection) -> None:
    name = await watch(c, on_change=True)
    ((_, request),) = await fire(c)
    await run(c, request, "failed", code="not_found")
    await notice(c, name)
    assert await fire(c) == []
    await put_clock(c, "31 s")
    assert len(await fire(c)) == 1


async def test_success_in_part_is_a_success_with_a_note(c: Connection) -> None:
    name = await watch(c)
    ((_, request),) = await fire(c)
    await run(c, request, "partially_succeeded", code="documents_failed")
    row = await shown(c, name)
    assert (row["failures"], row["failing_since"], row["error_code"]) == (0, None, "documents_failed")
    assert row["succeeded_at"] is not None


async def test_a_source_without_documents_is_no_failure_and_the_first_file_is_looked_at_at_once(c: Connection) -> None:
    name = await watch(c, on_change=True)
    ((_, request),) = await fire(c)
    await run(c, request, "failed", code="empty_source")
    row = await shown(c, name)
    assert (row["failures"], row["failing_since"], row["error_code"]) == (0, None, "empty_source")
    await notice(c, name)
    await put_clock(c, "1 s")
    assert len(await fire(c)) == 1


async def test_a_cancel_is_neither_and_a_deadline_is_a_failure(c: Connection) -> None:
    name = await watch(c, options={"timeout_seconds": 60})
    ((_, request),) = await fire(c)
    await add_listener(c)
    await claim(c)
    await c.execute("select ingest_cancel($1)", request)
    row = await shown(c, name)
    assert (row["failures"], row["succeeded_at"], row["running_request"]) == (0, None, None)
    request = await c.fetchval("select ingest_run_watch($1)", name)
    await claim(c)
    await put_clock(c, "61 s")
    await c.execute("select ingest_cancel_overdue()")
    row = await shown(c, name)
    assert (row["failures"], row["error_code"]) == (1, "deadline")


async def test_a_retry_by_hand_mends_the_watch(c: Connection) -> None:
    name = await watch(c)
    ((_, request),) = await fire(c)
    await run(c, request, "failed", code="not_found")
    await c.execute("select ingest_retry($1)", request)
    assert (await shown(c, name))["running_request"] == request
    await run(c, request)
    row = await shown(c, name)
    assert (row["failures"], row["failing_since"]) == (0, None)


async def test_a_request_of_before_says_nothing_of_a_watch_that_has_fired_since(c: Connection) -> None:
    name = await watch(c)
    ((_, first),) = await fire(c)
    await run(c, first, "failed", code="not_found")
    await put_clock(c, "2 hours")
    await c.execute("update ingest_listeners set lease = '1 year'")
    ((_, second),) = await fire(c)
    await run(c, second)
    await c.execute("select ingest_retry($1)", first)
    await run(c, first, "failed", code="not_found")
    assert (await shown(c, name))["failures"] == 0


# what it waits for


async def test_a_watch_says_that_no_listener_runs_or_none_can_read_its_source(c: Connection) -> None:
    name = await watch(c, cron="0 2 * * *")
    assert (await shown(c, name))["waiting_for"].startswith("listener: none")
    await add_listener(c, roots=["/elsewhere"])
    assert (await shown(c, name))["waiting_for"].startswith("root: no running listener")
    await c.execute("update ingest_listeners set roots = '{/srv}'")
    assert (await shown(c, name))["waiting_for"] is None
    await c.execute("select ingest_run_watch($1)", name)
    await c.execute("update ingest_listeners set roots = '{/elsewhere}'")
    assert (await shown(c, name))["waiting_for"].startswith("root: no running listener")


async def test_how_changes_are_noticed_is_said_of_listeners_that_live(c: Connection) -> None:
    name = await watch(c, on_change=True)
    say = "select ingest_say_noticing($1, $2, $3)"
    for executor, how in (("a", "events"), ("b", "polling: the folder is on nfs")):
        await add_listener(c, executor)
        await c.execute(say, executor, [name, "gone"], [how, how])
    assert (await shown(c, name))["noticing"] == "events; polling: the folder is on nfs"
    await c.execute("update ingest_listeners set dead_at = now() where executor_id = 'b'")
    assert (await shown(c, name))["noticing"] == "events"
    await c.execute(say, "a", [], [])
    assert await c.fetchval("select noticing from ingest_watch_store") is None


async def test_listeners_are_given_the_watches_below_their_roots(c: Connection) -> None:
    for source in ("/srv/docs/", "/srv/docs/*.md", "file:///srv/docs/a.md", "/srv/docsets", "/elsewhere"):
        await watch(c, source, on_change=True)
    await watch(c, "/srv/docs/paused", on_change=True, name="paused")
    await c.execute("select ingest_pause_watch('paused')")
    await watch(c, "/srv/docs/timed")
    rows = await c.fetch("select source from ingest_watches_on_change('{/srv/docs}', 100)")
    assert {row["source"] for row in rows} == {"/srv/docs/", "/srv/docs/*.md", "file:///srv/docs/a.md"}


# what is refused


WRONG: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"name": "a" * 201}, "IG051", "wrong_watch_name"),
    ({"name": "a\nb"}, "IG051", "wrong_watch_name"),
    ({"every": timedelta(seconds=1)}, "IG051", "wrong_schedule"),
    ({"every": timedelta(seconds=-1)}, "IG051", "wrong_schedule"),
    ({"every": timedelta(days=4000)}, "IG051", "wrong_schedule"),
    ({"every": HOUR, "cron": "0 2 * * *"}, "IG051", "wrong_schedule"),
    ({"on_change": False}, "IG051", "wrong_schedule"),
    ({"every": HOUR, "time_zone": "UTC"}, "IG051", "wrong_schedule"),
    ({"cron": "0 2 * * *", "time_zone": "Mars/Olympus"}, "IG051", "wrong_time_zone"),
    ({"cron": "0 2 * * *", "time_zone": "XYZ+3"}, "IG051", "wrong_time_zone"),
    ({"cron": "0 2 30 2 *"}, "IG051", "wrong_cron"),
    ({"cron": "at noon"}, "IG051", "wrong_cron"),
    ({"options": {"unknown": 1}}, "IG003", "unknown_option"),
    ({"options": {"mirror": "yes"}}, "IG004", "wrong_option_type"),
    ({"options": [1]}, "IG004", "wrong_option_type"),
    ({"metadata": [1]}, "IG004", "wrong_metadata"),
    ({"collection": "x" * 49}, "IG016", "wrong_collection_name"),
    ({"metadata": {str(n): uuid.uuid4().hex * 40 for n in range(200)}}, "IG009", "value_too_long"),
)
WRONG_SOURCES = (
    (None, "IG001", "nothing_to_ingest"),
    ("", "IG001", "nothing_to_ingest"),
    ("docs", "IG008", "relative_path"),
    ("https://bob:QXZJKV@example.com/", "IG008", "credentials_in_source"),
    ("/" + "a" * 8001, "IG009", "value_too_long"),
)


async def test_what_is_wrong_with_a_watch_is_refused_at_once(c: Connection) -> None:
    for given, sqlstate, code in WRONG:
        with refused(sqlstate, code):
            await watch(c, **given)
    for source, sqlstate, code in WRONG_SOURCES:
        with refused(sqlstate, code):
            await watch(c, source)  # type: ignore[arg-type]
    assert await c.fetch("select from ingest_watch_store") == []


async def test_changes_of_a_url_can_t_be_noticed(c: Connection) -> None:
    with refused("IG051", "not_local"):
        await watch(c, "https://example.org/docs/", on_change=True)


async def test_nulls_are_defaults(c: Connection) -> None:
    name = await c.fetchval("select ingest_watch('/srv/docs', null, null, '1 hour', null, null, null, null, null)")
    assert name == "default:/srv/docs"
    assert len(await watch(c, "/" + "a" * 500)) < 60


# rights


async def test_a_submitter_s_watch_has_its_rights_at_each_firing(c: Connection, installed: str) -> None:
    async with new_roles(c, 2) as (maker, other):
        for role in (maker, other):
            await c.execute("select ingest_grant($1, 'submitter', 'a')", role)
        await c.execute("select ingest_grant($1, 'operator', 'b')", other)
        async with login(installed, maker) as it, login(installed, other) as stranger:
            with refused("IG040", "not_granted"):
                await watch(it, collection="b")
            name = await watch(it, collection="a")
            ((_, request),) = await fire(c)
            row = await one(it, "select submitted_by, created_by, status from ingest_requests where id = $1", request)
            assert tuple(row) == (maker, maker, "pending")
            assert (await shown(it, name))["running_request"] == request
            for verb in ("unwatch", "pause_watch", "resume_watch", "run_watch"):
                with refused("IG050", "unknown_watch"):
                    await stranger.execute(f"select ingest_{verb}($1)", name)
            assert await stranger.fetch("select from ingest_watches") == []
            with refused("IG051", "watch_exists"):
                await watch(stranger, name=name, collection="a")
            with refused("IG040", "not_granted"):
                await it.execute("select ingest_unwatch($1, true)", name)
            assert tuple(await one(it, "select * from ingest_count_watched($1)", name)) == (None, None)
            await c.execute("select ingest_cancel($1)", request)
            await c.execute("select ingest_revoke($1, 'submitter', 'a')", maker)
            await put_clock(c, "2 hours")
            assert await fire(c) == [(name, None)]
            row = await shown(c, name)
            assert (row["failures"], row["error_code"]) == (1, "not_granted")
            await c.execute("select ingest_grant($1, 'submitter', 'a')", maker)
            await put_clock(c, "5 hours")
            assert [fired for fired, _ in await fire(c)] == [name]
            await it.execute("select ingest_unwatch($1)", name)


async def test_a_watch_of_a_role_that_is_gone_fails(c: Connection, installed: str) -> None:
    async with new_roles(c, 1) as (maker,):
        await c.execute("select ingest_grant($1, 'submitter')", maker)
        async with login(installed, maker) as it:
            name = await watch(it)
    assert await fire(c) == [(name, None)]
    assert (await shown(c, name))["error_message"].endswith("no longer exists")


async def test_limits_of_the_maker_hold_for_what_its_watches_fire(c: Connection, installed: str) -> None:
    async with new_roles(c, 1) as (maker,):
        await c.execute("select ingest_grant($1, 'submitter')", maker)
        await limit(c, maker, max_pending=1, min_priority=7)
        async with login(installed, maker) as it:
            for n in range(2):
                await watch(it, f"/srv/{n}")
            (first, second) = await fire(c)
            assert (first[1] is None, second[1] is None) == (False, True)
            assert (await shown(it, second[0]))["error_code"] == "too_many_pending"
            assert await c.fetchval("select priority from ingest_requests where id = $1", first[1]) == 7


async def test_a_watch_that_can_t_insert_for_a_lock_waits_and_has_not_failed(c: Connection, other: Connection) -> None:
    name = await watch(c)
    async with other.transaction():
        await other.execute("lock table ingest_requests in share row exclusive mode")
        await c.execute("set lock_timeout = '20ms'")
        assert await fire(c) == [(name, None)]
    row = await shown(c, name)
    assert (row["failures"], row["last_request"]) == (0, None)
    await put_clock(c, "11 s")
    assert [fired for fired, _ in await fire(c)] == [name]


async def test_nobody_inserts_a_watch_s_request_by_hand(c: Connection, installed: str) -> None:
    async with new_roles(c, 2) as (maker, hostile):
        for role in (maker, hostile):
            await c.execute("select ingest_grant($1, 'submitter')", role)
        async with login(installed, maker) as it:
            name = await watch(it)
        await c.execute(f"grant insert, update on ingest_requests to {hostile}")  # as a former release did
        insert = (
            "insert into ingest_requests (id, source, watch, submitted_by, created_by) values ($1, '/etc', $2, $3, $3)"
        )
        async with login(installed, hostile) as it:
            with refused("IG005", "system_column"):
                await it.execute(insert, uuid.uuid4(), name, maker)
            ((_, request),) = await fire(c)
            await c.execute("select ingest_cancel($1)", request)
            await c.execute("delete from ingest_requests")
            with refused("IG006", "id_used_before"):
                await it.execute(insert, request, name, maker)


async def test_a_role_has_a_thousand_watches_at_most(c: Connection, installed: str) -> None:
    async with new_roles(c, 1) as (maker,):
        await c.execute("select ingest_grant($1, 'submitter')", maker)
        async with login(installed, maker) as it:
            await it.execute("select ingest_watch('/srv/' || n, every => '1 hour') from generate_series(1, 1000) n")
            with refused("IG043", "too_many_watches"):
                await watch(it)
            await watch(it, "/srv/1", every=2 * HOUR)  # one of them


# documents that go with it


async def test_unwatch_deletes_what_came_from_its_source_and_no_other(c: Connection) -> None:
    await collection(c, "default", SPACE)
    name = await watch(c, "/srv/docs/")
    ((_, request),) = await fire(c)
    await add_listener(c)
    await claim(c)
    assert request
    await discover(c, request, [])
    ids = await c.fetch(
        "insert into ingest_documents (collection, uri) select 'default', 'file:///srv/docs/' || n"
        " from generate_series(1, 2500) n returning id, uri"
    )
    of = "insert into ingest_document_origins (document_id, origin) values ($1, $2)"
    await c.execute("delete from ingest_document_origins")
    await c.executemany(of, [(row["id"], "/srv/docs") for row in ids[:-1]])
    await c.executemany(of, [(row["id"], "/srv") for row in ids[-2:]])
    with refused("IG011", "wrong_state"):
        await c.execute("select ingest_unwatch($1, true)", name)
    await end(c, request)
    assert tuple(await one(c, "select * from ingest_count_watched($1)", name)) == (2499, 2498)
    assert (await one(c, "select * from ingest_count_watched($1, 10)", name))["documents"] == 10
    assert tuple(await one(c, "select * from ingest_count_watched('unknown')")) == (None, None)
    assert await c.fetchval("select ingest_unwatch($1, true)", name) == 2498
    assert {row["uri"] for row in await c.fetch("select uri from ingest_documents")} == {row["uri"] for row in ids[-2:]}
    assert {row["origin"] for row in await c.fetch("select origin from ingest_document_origins")} == {"/srv"}


# what is shown


async def test_a_watch_says_whether_its_request_waits_or_runs(c: Connection) -> None:
    name = await watch(c)
    assert (await shown(c, name))["state"] == "waiting"
    await add_listener(c, roots=["/srv/elsewhere"])
    ((_, request),) = await fire(c)
    row = await shown(c, name)
    assert (row["state"], row["running_request"], row["waiting_for"].partition(":")[0]) == ("pending", request, "root")
    await c.execute("update ingest_listeners set roots = '{/srv}'")
    assert request in await claim(c)
    assert (await shown(c, name))["state"] == "running"
    await end(c, request, "failed", code="not_found")
    assert (await shown(c, name))["state"] == "failing"
    await c.execute("select ingest_pause_watch($1)", name)
    assert (await shown(c, name))["state"] == "paused"


async def test_what_a_look_left_out_is_a_note_of_the_watch_and_of_its_request(c: Connection) -> None:
    name = await watch(c)
    ((_, request),) = await fire(c)
    await add_listener(c)
    assert request in await claim(c)
    note = {"code": "cut_off", "message": "there are more", "hint": "Ask for more."}
    await c.execute("set session_replication_role = replica")
    await c.execute("update ingest_requests set listing = $2 where id = $1", request, {"read_seq": 1, "note": note})
    await c.execute("reset session_replication_role")
    await end(c, request)
    assert (await one(c, "select note, error from ingest_status"))[:] == (note, None)
    row = await shown(c, name)
    assert (row["error_code"], row["hint"], row["failures"], row["state"]) == ("cut_off", "Ask for more.", 0, "waiting")


ROOTS = [
    ("/srv/docs", "INGEST_ROOTS=/srv/docs ingest listen"),
    ("/srv/docs/**/*.md", "INGEST_ROOTS=/srv/docs ingest listen"),
    ("/srv/our docs/a.md", "INGEST_ROOTS='/srv/our docs' ingest listen"),
    ("/srv/docs.zip#guide/**", "INGEST_ROOTS=/srv ingest listen"),
    ("/motd.txt", "start one with a folder above it in INGEST_ROOTS"),
    ("s3://bucket/docs/**/*.md", "INGEST_ROOTS=s3://bucket/docs/ ingest listen"),
    ("https://docs.example.com", "INGEST_ROOTS=https://docs.example.com ingest listen"),
    ("https://docs.example.com/guide/a?b=1", "INGEST_ROOTS=https://docs.example.com/guide/ ingest listen"),
    ("http://localhost:8000/a", "http://127.0.0.1:8000/a: write it so"),
    ("http://wiki.example.com/a", "https://wiki.example.com/a: write it so"),
]


async def test_what_no_listener_may_read_waits_for_a_root_that_would_do(c: Connection) -> None:
    await add_listener(c, roots=["http://127.0.0.1:8000/", "https://wiki.example.com/"])
    for source, told in ROOTS:
        waits = await c.fetchval("select ingest_lacks_root('default', ingest_locate($1))", source)
        assert waits.startswith(f"root: no running listener has a root that contains {source}; "), waits
        assert told in waits


# the clock


async def next_times(c: Connection, cron: str, zone: str, after: str, count: int) -> list[str]:
    """Return the next times in UTC."""
    found, at = [], datetime.fromisoformat(after)
    for _ in range(count):
        at = await c.fetchval("select ingest_next_time($1, $2, $3)", cron, zone, at)
        found.append(f"{at:%d %H:%M}")
    return found


BERLIN = (
    # 29 March 2026: 02:00 is 03:00, at 01:00 UTC.
    ("30 2 * * *", "2026-03-27T12:00+00:00", ["28 01:30", "29 01:30", "30 00:30"]),
    ("*/30 * * * *", "2026-03-29T00:00+00:00", ["29 00:30", "29 01:00", "29 01:30"]),
    ("0 2,3 * * *", "2026-03-28T12:00+00:00", ["29 01:00", "30 00:00", "30 01:00"]),
    # 25 October 2026: 03:00 is 02:00, at 01:00 UTC.
    ("30 2 * * *", "2026-10-24T12:00+00:00", ["25 01:30", "26 01:30", "27 01:30"]),
    ("*/30 * * * *", "2026-10-24T23:45+00:00", ["25 00:00", "25 00:30", "25 01:00", "25 01:30", "25 02:00"]),
    ("0 0 * * *", "2026-10-24T12:00+00:00", ["24 22:00", "25 23:00"]),
    ("0 0 29 2 *", "2026-03-01T00:00+00:00", ["28 23:00", "28 23:00"]),
)


async def test_what_the_clock_skips_comes_later_and_what_it_repeats_comes_once(c: Connection) -> None:
    await c.execute("set timezone = 'America/New_York'")  # the session's own means nothing
    for cron, after, expected in BERLIN:
        assert await next_times(c, cron, "Europe/Berlin", after, len(expected)) == expected, cron


async def test_a_cron_watch_fires_once_on_the_days_on_which_the_clock_changes(c: Connection) -> None:
    """Looked at each hour: 02:30 is skipped on 29 March and comes as 03:30; on 25 October it is there twice."""
    await watch(c, cron="30 2 * * *", time_zone="Europe/Berlin")
    for begins, expected in (("2026-03-28", ["29 02", "30 01", "31 01"]), ("2026-10-24", ["25 02", "26 02", "27 02"])):
        fired = []
        for hours in range(6, 78):
            moment = datetime.fromisoformat(f"{begins}T00:00+00:00") + hours * HOUR
            await put_clock(c, str((moment - datetime.now(moment.tzinfo)).total_seconds()))
            if hours == 6:
                await c.execute("update ingest_watch_store w set next_at = ingest_next_look(w, ingest_now())")
            for _, request in await fire(c):
                fired.append(f"{moment:%d %H}")
                await c.execute("select ingest_cancel($1)", request)
        assert fired == expected


async def test_a_cron_watch_fires_at_the_times_of_its_zone(c: Connection) -> None:
    await watch(c, cron="0 2 * * *", time_zone="Europe/Berlin")
    assert await fire(c) == []
    at = await c.fetchval("select next_at at time zone 'Europe/Berlin' from ingest_watches")
    assert (at.hour, at.minute) == (2, 0)
    await put_clock(c, "25 hours")
    ((_, request),) = await fire(c)
    assert request
