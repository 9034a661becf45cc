"""The views, the functions behind them, and the ends of a request."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest
from staging import (
    Connection,
    add,
    add_listener,
    carry,
    claim,
    collection,
    cut,
    discover,
    ingest,
    live,
    load,
    one,
    own,
    publish,
    settle,
    start,
    states,
)

ERROR = {
    "code": "too_large",
    "message": "a is too large",
    "hint": "raise max_bytes",
    "step": "load",
    "retryable": False,
}


async def waiting(c: Connection) -> str | None:
    """Return the first word of what the newest request waits for."""
    reason = await c.fetchval("select waiting_for from ingest_status order by created_at desc limit 1")
    return None if reason is None else str(reason).split(":")[0]


async def fail(c: Connection, request: object, uri: str, error: dict[str, Any] = ERROR) -> None:
    await c.execute(
        "update ingest_revisions set state = 'failed', error = $3 where request_id = $1 and uri = $2",
        request,
        uri,
        error,
    )


async def test_a_request_says_what_it_waits_for(c: Connection) -> None:
    await add(c, source="/srv/docs/a.md")
    assert await waiting(c) == "listener"
    await add_listener(c, roots=["/home"])
    assert await waiting(c) == "root"
    await c.execute("update ingest_listeners set roots = '{/srv}'")
    assert await waiting(c) is None
    await c.execute("update ingest_listeners set running = capacity")
    assert await waiting(c) == "capacity"
    await c.execute("update ingest_listeners set heartbeat_at = now() - interval '2 hours'")
    assert await waiting(c) == "listener"
    await c.execute("update ingest_requests set run_at = now() + interval '1 day'")
    assert await waiting(c) == "run_at"


async def test_a_request_of_a_full_collection_waits_for_it(c: Connection) -> None:
    await add_listener(c)
    await collection(c, "c", max_running=1)
    first = await add(c, collection="c")
    await add(c, collection="c")
    assert await claim(c) == [first]
    assert await waiting(c) == "collection"


async def test_a_running_request_waits_for_a_service_or_a_takeover(c: Connection) -> None:
    request = await start(c, ["a"])
    owner = await own(c, request)
    assert await waiting(c) is None
    error = {**ERROR, "message": "the API says: slow down"}
    await c.execute("select ingest_note_retry($1::ingest_fence_v1, $2, 30)", ([request], 0, owner), error)
    row = await one(c, "select waiting_for, last_error, next_attempt_at > now() from ingest_status")
    assert row["waiting_for"].startswith("service: the API says: slow down; next attempt at ")
    assert row["last_error"] == error
    await load(c, request, 0, owner, {})
    assert await waiting(c) is None
    await add_listener(c, "L2")
    await c.execute("update ingest_listeners set dead_at = now() where executor_id = 'L1'")
    assert await waiting(c) == "takeover"


async def test_a_finished_request_waits_for_nothing(c: Connection) -> None:
    await ingest(c, {"a": "a"})
    assert await waiting(c) is None


async def test_status_follows_a_request(c: Connection) -> None:
    fields = "select status, current_step, percent, documents_total, documents_done, chunks_total from ingest_status"
    await add_listener(c)
    request = await add(c)
    assert tuple(await one(c, fields))[:3] == ("pending", None, None)
    await claim(c)
    assert tuple(await one(c, fields))[:3] == ("running", "discover", None)
    await discover(c, request, ["a", "b"], batch_size=1)
    assert tuple(await one(c, fields))[1:5] == ("load", 0, 2, 0)
    owner = await own(c, request)
    await load(c, request, 0, owner, {})
    await cut(c, request, 0, owner, 2)
    assert tuple(await one(c, fields)) == ("running", "embed", 15, 2, 0, 2)
    await carry(c, request, batch=0)
    assert tuple(await one(c, fields))[2:5] == (50, 2, 1)
    await carry(c, request, batch=1)
    await settle(c, request)
    assert tuple(await one(c, fields)) == ("succeeded", None, 100, 2, 2, 2 + 1)


async def test_settle_counts_documents_and_decides(c: Connection) -> None:
    for failed, expected in (([], "succeeded"), (["a"], "partially_succeeded"), (["a", "b"], "failed")):
        request = await start(c, ["a", "b"])
        for uri in failed:
            await fail(c, request, uri)
        await carry(c, request)
        assert await settle(c, request) == expected
        row = await one(c, "select * from ingest_requests where id = $1", request)
        assert (row["documents_total"], row["documents_done"], row["documents_failed"]) == (
            2,
            2 - len(failed),
            len(failed),
        )
        assert (row["error"] or {}).get("code") == ("documents_failed" if failed else None)
        assert await settle(c, request) is None  # once


async def test_a_request_of_one_document_fails_with_its_error(c: Connection) -> None:
    request = await start(c, ["a"])
    await fail(c, request, "a")
    assert await settle(c, request) == "failed"
    assert await c.fetchval("select error from ingest_requests") == ERROR


async def test_a_request_without_documents_succeeds(c: Connection) -> None:
    assert await settle(c, await start(c, [])) == "succeeded"


async def test_a_given_end_and_error_stand(c: Connection) -> None:
    request = await start(c, ["a"])
    assert await settle(c, request, "failed", ERROR) == "failed"
    assert await c.fetchval("select error_code from ingest_status") == "too_large"
    with pytest.raises(asyncpg.CheckViolationError) as refused:
        await settle(c, await start(c, ["a"]), "failed")
    assert refused.value.constraint_name == "failed_has_an_error"


async def test_failures_have_a_row_for_each_failed_document(c: Connection) -> None:
    request = await start(c, ["a", "b", "c"])
    await fail(c, request, "a")
    await fail(c, request, "c", {"code": "unreadable"})
    rows = await c.fetch("select uri, step, code, message, hint, retryable from ingest_failures order by uri")
    assert [tuple(row) for row in rows] == [
        ("a", "load", "too_large", "a is too large", "raise max_bytes", False),
        ("c", None, "unreadable", None, None, False),
    ]


async def test_a_failed_document_leaves_what_is_live(c: Connection) -> None:
    await ingest(c, {"a": "old"})
    request = await start(c, ["a"])
    await fail(c, request, "a")
    assert await publish(c, request, 0, await own(c, request)) == (0, 0)
    assert await live(c) == {"a": "old"}


async def test_cancel_fits_pending_and_running_requests_only(c: Connection) -> None:
    await add_listener(c)
    pending = await add(c)
    assert await c.fetchval("select ingest_cancel($1)", pending) == "cancelled"
    running = await start(c, ["a"])
    assert await c.fetchval("select ingest_cancel($1)", running) == "cancelled"
    rows = await c.fetch("select verb, outcome from ingest_commands order by id")
    assert [tuple(row) for row in rows] == [("cancel", None), ("cancel", None)]
    ended = [pending, running]
    for status in ("succeeded", "partially_succeeded", "failed"):
        ended.append(await start(c, ["a"]))
        await settle(c, ended[-1], status, None if status == "succeeded" else ERROR)
    for request in ended:
        with pytest.raises(asyncpg.PostgresError) as refused:
            await c.execute("select ingest_cancel($1)", request)
        assert (refused.value.sqlstate, refused.value.constraint_name) == ("IG011", "wrong_state")
    with pytest.raises(asyncpg.PostgresError) as refused:
        await c.execute("select ingest_cancel(gen_random_uuid())")
    assert (refused.value.sqlstate, refused.value.constraint_name) == ("IG010", "unknown_request")
    assert (
        await c.fetchval(
            "select count(*) from ingest_requests where status = 'cancelled' and error ->> 'code' = 'cancelled'"
        )
        == 2
    )


async def test_purge_takes_what_was_replaced_long_enough_ago(c: Connection) -> None:
    old = await ingest(c, {"a": "old", "b": "b"})
    await ingest(c, {"a": "new"})
    assert await c.fetchval("select ingest_purge_replaced('1 hour', 500)") == 0
    assert await c.fetchval("select ingest_purge_replaced('0', 500)") == 1
    assert await c.fetchval("select ingest_purge_replaced('0', 500)") == 0
    assert await live(c) == {"a": "new", "b": "b"}
    assert await c.fetchval("select count(*) from ingest_chunk_store") == 2
    assert await states(c, old) == {"a": "published", "b": "published"}


async def test_purge_takes_what_came_too_late(c: Connection) -> None:
    older, newer = await start(c, ["a"]), await start(c, ["a"])
    owner = await carry(c, older, "embedded")
    await carry(c, newer)
    await publish(c, older, 0, owner)
    assert await c.fetchval("select ingest_purge_replaced('0', 500)") == 1
    assert await c.fetchval("select count(*) from ingest_chunk_store") == 1


async def test_known_texts_are_copied_and_the_others_told(c: Connection) -> None:
    await ingest(c, {"a": "same"})
    known = await c.fetchval("select hash from ingest_chunk_store")
    request = await start(c, ["b"])
    owner = await carry(c, request, "chunked")
    fence = ([request], 0, owner)
    revision = await c.fetchval("select id from ingest_to_embed($1::ingest_fence_v1)", fence)
    assert [row[0] for row in await c.fetch("select ingest_known_hashes(1, $1)", [known, b"x" * 32])] == [known]
    copy = (
        "select ingest_copy_known($1::ingest_fence_v1, array[($2, 0, 0, 1, 'same', $3, '{}', null),"
        " ($2, 1, 1, 2, 'other', $4, '{}', null)]::ingest_chunk_v1[])"
    )
    assert await c.fetchval(copy, fence, revision, known, b"x" * 32) == [2]
    assert await c.fetchval("select stored from ingest_to_embed($1::ingest_fence_v1)", fence) == [0]


async def test_text_search_finds_all_words_before_any_and_keeps_to_what_is_excluded(c: Connection) -> None:
    texts = {"both": "cats chase dogs", "one": "a cat sleeps", "other": "the dog barks"}
    await ingest(c, texts)
    await ingest(c, {"both": "a cat and two dogs"})  # the old one is no longer found
    search = "select uri from ingest_search($1, k => $2)"
    assert [row[0] for row in await c.fetch(search, "cat dog", 1)] == ["both"]
    assert {row[0] for row in await c.fetch(search, "cat dog", 10)} == texts.keys()
    assert [row[0] for row in await c.fetch(search, "cat -dog", 10)] == ["one"]
    for odd in (
        "",
        "   ",
        "'",
        "\\",
        "a\\'b",
        "!",
        "the",
        "cat & | !",
        '"cat',
        json.dumps("x" * 3000),
        "cat's :* (dog",
    ):
        await c.fetch(search, odd, 10)


async def test_text_search_filters_by_metadata_and_collection(c: Connection) -> None:
    await ingest(c, {"a": "a cat"}, metadata={"lang": "en", "year": 2024})
    await ingest(c, {"b": "a cat"}, metadata={"lang": "fr"})
    await ingest(c, {"c": "a cat"}, collection="others")
    rows = await c.fetch("""select uri from ingest_search('cat', filter => '{"lang": "en"}')""")
    assert [row["uri"] for row in rows] == ["a"]
    assert await c.fetchval("select count(*) from ingest_search('cat')") == 2
