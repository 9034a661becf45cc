"""The control functions in SQL alone: what each does for each status, and what it leaves of a request's documents."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Mapping, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from staging import (
    SPACE,
    Connection,
    add,
    add_listener,
    blocked,
    carry,
    claim,
    collection,
    digest,
    discover,
    ingest,
    live,
    one,
    own,
    publish,
    settle,
    start,
    states,
)

PAGE = Path(__file__).parents[2] / "docs" / "control.md"
STATUSES = ("pending", "running", "cancelled", "failed", "failed at a crash limit", "partially_succeeded", "succeeded")
ENDS = STATUSES[2:]


def problem(step: str, code: str = "unreadable") -> dict[str, Any]:
    return {"code": code, "message": code, "hint": "do something", "step": step, "retryable": True}


async def fail(c: Connection, request: uuid.UUID, uri: str, step: str, code: str = "unreadable") -> None:
    """Have a document fail as a step does it."""
    await c.execute(
        "update ingest_revisions set state = 'failed', error = $3,"
        " starts = case when $4 then '{}'::int[] else starts end, ends = case when $4 then '{}'::int[] else ends end"
        " where request_id = $1 and uri = $2",
        request, uri, problem(step, code), step == "chunk",
    )  # fmt: skip
    await c.execute("select ingest_count_batches(array[$1::uuid], null, false)", request)


def loaded(revision: int, read_seq: int, text: str | None, part: str | None) -> tuple[Any, ...]:
    """Return an ``ingest_loaded_v2``; without a text, one that could not be read."""
    error = problem("load") if text is None else None
    return (revision, read_seq, digest(str(text)), 5, text, None, None, None, None, error, part, *[None] * 4)


async def save_loaded(c: Connection, fence: Any, *rows: tuple[Any, ...]) -> None:
    await c.execute("select ingest_save_loaded($1::ingest_fence_v1, $2::ingest_loaded_v2[])", fence, rows)


async def add_found(c: Connection, request: uuid.UUID, *rows: tuple[Any, ...]) -> None:
    """Write a page of ``ingest_found_v1`` into a manifest."""
    await c.execute("select ingest_add_found($1, 'L1', null, $2::ingest_found_v1[])", request, rows)


async def cancel(c: Connection, request: uuid.UUID) -> None:
    assert await c.fetchval("select ingest_cancel($1)", request) == "cancelled"


async def retry(c: Connection, request: uuid.UUID) -> None:
    """Retry a request and have it claimed."""
    assert await c.fetchval("select ingest_retry($1)", request) == "pending"
    assert await claim(c) == [request]


async def resume(c: Connection, request: uuid.UUID) -> None:
    assert await c.fetchval("select ingest_resume($1)", request) == "pending"
    assert await claim(c) == [request]


async def fork(
    c: Connection, request: uuid.UUID, step: str = "discover", into: str | None = None, **options: Any
) -> uuid.UUID:
    made: uuid.UUID = await c.fetchval("select ingest_fork($1, $2, $3, $4)", request, step, options, into)
    return made


async def copied(c: Connection, request: uuid.UUID, step: str, into: str | None = None) -> uuid.UUID:
    """Fork a request, and do the discovery of the fork."""
    made = await fork(c, request, step, into)
    assert await claim(c) == [made]
    await c.execute("select ingest_copy_manifest($1, 'L1')", made)
    await c.execute("select ingest_complete_manifest($1, 'L1')", made)
    return made


async def row(c: Connection, request: uuid.UUID) -> asyncpg.Record:
    return await one(c, "select * from ingest_requests where id = $1", request)


async def said(call: Awaitable[Any]) -> tuple[str, str]:
    """Return the SQLSTATE and hint that a call is refused with."""
    with pytest.raises(asyncpg.PostgresError) as refused:
        await call
    return refused.value.sqlstate or "", refused.value.hint or ""


# what each verb does for each status


async def bring(c: Connection, status: str) -> uuid.UUID:
    if status == "pending":
        return await add(c)
    request = await start(c, ["a", "b"])
    if status == "running":
        return request
    if status == "cancelled":
        await cancel(c, request)
    elif status.startswith("failed"):
        code = "crash_limit" if "crash" in status else "unknown_model"
        await settle(c, request, "failed", problem("embed", code))
    elif status == "partially_succeeded":
        await fail(c, request, "b", "load")
        await carry(c, request)
        await settle(c, request)
    else:
        await carry(c, request)
        await settle(c, request)
    assert (await row(c, request))["status"] == status.split(" at ", maxsplit=1)[0]
    return request


async def answer(c: Connection, verb: str, request: uuid.UUID) -> str:
    """Return the new status, or SQLSTATE and hint."""
    try:
        result = await c.fetchval(f"select ingest_{verb}($1)", request)
    except asyncpg.PostgresError as error:
        return f"{error.sqlstate} {error.hint or 'without a hint'}"
    return "a new request" if verb == "fork" else str(result)


FITS = {
    "cancel": {"pending": "cancelled", "running": "cancelled"},
    "resume": {"cancelled": "pending", "failed at a crash limit": "pending"},
    "retry": dict.fromkeys(("failed", "failed at a crash limit", "partially_succeeded"), "pending"),
    "fork": dict.fromkeys(STATUSES[1:], "a new request"),
}


@pytest.mark.parametrize("verb", FITS)
async def test_a_verb_does_its_work_where_it_fits_and_says_what_to_do_where_it_does_not(
    c: Connection, verb: str
) -> None:
    await add_listener(c)
    documented = documented_table()
    for status in STATUSES:
        request = await bring(c, status)
        before, commands = await row(c, request), await asked(c, request)
        got = await answer(c, verb, request)
        print(f"| {status:24} | {verb:6} | {got} |")
        expected = FITS[verb].get(status, "IG011 ")
        assert got == expected if status in FITS[verb] else got.startswith(expected), status
        assert documented[status.split(" at ")[0]][verb].startswith("`IG011`") or status in FITS[verb], status
        refused = got.startswith("IG011")
        assert await asked(c, request) == commands + ([] if refused else [verb])
        now = await row(c, request)
        assert now == before if refused or verb == "fork" else now["status"] == got
        await clear_away(c)


async def asked(c: Connection, request: uuid.UUID) -> list[str]:
    rows = await c.fetch("select verb from ingest_commands where request_id = $1 order by id", request)
    return [one["verb"] for one in rows]


def documented_table() -> dict[str, dict[str, str]]:
    """Return the cells of the page's first table, by status and verb."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")][:8]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    verbs = [cell.strip("`").removeprefix("ingest_") for cell in cells[0][1:]]
    return {one[0]: dict(zip(verbs, one[1:], strict=True)) for one in cells[2:]}


async def clear_away(c: Connection) -> None:
    """Leave no unfinished request for the next claim."""
    await c.execute("select ingest_cancel(id) from ingest_requests where finished_at is null")


@pytest.mark.parametrize("verb", FITS)
async def test_a_verb_on_an_unknown_request_is_refused(c: Connection, verb: str) -> None:
    unknown = uuid.uuid4()
    for given in (unknown, None):
        assert await said(c.execute(f"select ingest_{verb}($1)", given)) == (
            "IG010", "See select id, status from ingest_requests.",
        )  # fmt: skip
    assert await c.fetchval("select count(*) from ingest_commands") == 0


@pytest.mark.parametrize("verb", ["resume", "retry"])
async def test_two_at_the_same_time_are_one_and_a_refusal(
    c: Connection, other: Connection, third: Connection, verb: str
) -> None:
    request = await bring(c, "cancelled" if verb == "resume" else "failed")
    await c.execute("begin")
    await c.execute(f"select ingest_{verb}($1)", request)
    waiting = asyncio.ensure_future(said(other.execute(f"select ingest_{verb}($1)", request)))
    await blocked(third, other)
    await c.execute("commit")
    assert (await waiting)[0] == "IG011"
    assert await c.fetchval("select count(*) from ingest_commands where verb = $1", verb) == 1


async def test_what_is_rolled_back_was_never_asked(c: Connection) -> None:
    request = await bring(c, "partially_succeeded")
    before, documents = await row(c, request), await states(c, request)
    await c.execute("begin")
    await c.execute("select ingest_retry($1)", request)
    await c.execute("rollback")
    assert (await row(c, request), await states(c, request)) == (before, documents)
    assert await c.fetchval("select count(*) from ingest_commands") == 0


@pytest.mark.parametrize("count", [1000, pytest.param(10_000, marks=pytest.mark.long)])
async def test_thousands_of_requests_are_retried_in_one_statement(c: Connection, count: int) -> None:
    await add_listener(c)
    await c.execute(
        "insert into ingest_requests (content, uri) select 'text ' || n, 'uri ' || n from generate_series(1, $1) n",
        count,
    )
    assert len(await claim(c, count)) == count
    await c.execute(
        "insert into ingest_revisions (request_id, collection, position, batch, uri, state, error)"
        " select id, collection, 0, 1, uri, 'failed', $1 from ingest_requests", problem("load"),
    )  # fmt: skip
    await c.execute("insert into ingest_batches (request_id, batch, documents) select id, 1, 1 from ingest_requests")
    await c.execute("select ingest_settle(id, null, null) from ingest_requests")
    async with c.transaction():
        await c.execute("select ingest_retry(id) from ingest_requests where status = 'failed'")
        held = await c.fetchval("select count(*) from pg_locks where pid = pg_backend_pid()")
    assert held < 200  # not one for each of them: the server has room for some thousands
    assert await c.fetchval("select count(*) from ingest_requests where status = 'pending' and due") == count
    assert await c.fetchval("select count(*) from ingest_revisions where state = 'discovered'") == count
    retries = "select count(*) from ingest_commands where verb = 'retry' and outcome = 'pending'"
    assert await c.fetchval(retries) == count
    assert len(await claim(c, count)) == count


async def test_who_asked_for_what_and_what_came_of_it_is_kept(c: Connection) -> None:
    request = await bring(c, "cancelled")
    await c.execute("select ingest_resume($1)", request)
    rows = await c.fetch("select verb, created_by = current_user as mine, outcome, done_at is not null as done"
                         " from ingest_commands where request_id = $1 order by id", request)  # fmt: skip
    assert [tuple(one) for one in rows] == [("cancel", True, None, False), ("resume", True, "pending", True)]
    # The cancel came too late: the request goes on again.
    assert [tuple(one) for one in await c.fetch("select request_id, stands from ingest_take_cancels(10)")] == [
        (request, False)
    ]


# retry


@pytest.mark.parametrize(("step", "state"), [("load", "discovered"), ("chunk", "loaded"), ("embed", "chunked")])
async def test_a_retry_puts_what_failed_back_to_the_state_before_its_step_and_touches_nothing_else(
    c: Connection, step: str, state: str
) -> None:
    request = await start(c, ["good", "bad"])
    before = {"load": "discovered", "chunk": "loaded", "embed": "chunked"}[step]
    owner = await carry(c, request, before)
    await fail(c, request, "bad", step)
    owner = await carry(c, request)
    assert await settle(c, request) == "partially_succeeded"
    query = "select * from ingest_revisions where request_id = $1 and uri = 'good'"
    published = await c.fetchrow(query, request)
    await retry(c, request)
    assert await states(c, request) == {"good": "published", "bad": state}
    assert await c.fetchrow(query, request) == published
    assert await c.fetchval("select owner from ingest_batches where request_id = $1", request) is None
    with pytest.raises(asyncpg.PostgresError) as lost:
        await publish(c, request, 0, owner)
    assert lost.value.sqlstate == "IG021"
    await carry(c, request)
    assert await settle(c, request) == "succeeded"
    assert set(await live(c)) == {"good", "bad"}
    again = await row(c, request)
    assert (again["documents_done"], again["documents_failed"], again["error"], again["attempt"]) == (2, 0, None, 2)


async def test_what_discovery_refused_is_found_again_by_its_uri_in_a_batch_of_its_own(c: Connection) -> None:
    await add_listener(c)
    request = await add(c)
    await claim(c)
    uris = [
        "file:///srv/docs/a",
        "file:///srv/docs/secret",
        "file:///srv/docs/" + "x" * 1983,
        "file:///srv/docs/r.csv#3",
    ]
    errors = [
        None,
        problem("discover", "not_readable"),
        problem("discover", "uri_too_long"),
        problem("discover", "bad_record"),
    ]
    await add_found(c, request, *(
        (n, None if error else 1, uri, None if error else "/srv/docs/a", None, None if error else 1, error, *[None] * 6)
        for n, (uri, error) in enumerate(zip(uris, errors, strict=True))
    ))  # fmt: skip
    await c.execute("select ingest_complete_manifest($1, 'L1')", request)
    await carry(c, request, batch=1)
    assert await settle(c, request) == "partially_succeeded"
    await retry(c, request)
    found = await c.fetch(
        "select batch, state, locator as path from ingest_revisions where request_id = $1 order by position", request
    )
    assert [(one["batch"], one["state"]) for one in found] == [
        (1, "published"), (2, "discovered"), (None, "failed"), (None, "failed"),
    ]  # fmt: skip
    documents = await c.fetch(
        "select batch, documents from ingest_batches where request_id = $1 order by batch", request
    )
    assert [tuple(one) for one in documents] == [(1, 1), (2, 1)]
    to_load = await c.fetch("select * from ingest_to_load($1::ingest_fence_v1)", ([request], 2, None))
    assert [one["uri"] for one in to_load] == uris[1:2]
    await carry(c, request, batch=2)
    assert await settle(c, request) == "partially_succeeded"
    assert (await row(c, request))["documents_failed"] == 2


async def test_the_counts_of_a_request_that_goes_on_are_those_of_its_documents_now(c: Connection) -> None:
    request = await start(c, ["a", "b", "c"])
    for uri in ("a", "b"):
        await fail(c, request, uri, "load")
    await carry(c, request)
    assert await settle(c, request) == "partially_succeeded"
    counts = "select status, documents_done, documents_failed from {} where id = $1"
    await c.execute("select ingest_retry($1)", request)
    for table in ("ingest_requests", "ingest_status"):
        assert tuple(await one(c, counts.format(table), request)) == ("pending", 1, 0)
    await cancel(c, request)
    assert tuple(await one(c, counts.format("ingest_requests"), request)) == ("cancelled", 1, 0)
    await c.execute("select ingest_resume($1)", request)
    assert await claim(c) == [request]
    await fail(c, request, "a", "load")
    assert tuple(await one(c, counts.format("ingest_status"), request)) == ("running", 1, 1)


async def test_a_retry_that_reads_again_takes_a_new_number_and_one_that_does_not_keeps_the_old(c: Connection) -> None:
    request = await start(c, ["read", "kept"])
    await carry(c, request, "loaded")
    await fail(c, request, "read", "load")
    await carry(c, request, "chunked")
    await fail(c, request, "kept", "embed")
    await settle(c, request)
    numbers = "select uri, read_seq from ingest_revisions where request_id = $1"
    before = {found["uri"]: found["read_seq"] for found in await c.fetch(numbers, request)}
    newer = await ingest(c, {"read": "newer", "kept": "newer"})
    await retry(c, request)
    await carry(c, request, texts={"read": "read again"})
    after = {found["uri"]: found["read_seq"] for found in await c.fetch(numbers, request)}
    assert (after["read"] > before["read"], after["kept"] == before["kept"]) == (True, True)
    assert await states(c, request) == {"read": "published", "kept": "superseded"}
    assert await live(c) == {"read": "read again", "kept": "newer"}
    assert (await row(c, newer))["status"] == "succeeded"


async def test_a_request_that_failed_as_a_whole_goes_on_where_each_document_stood(c: Connection) -> None:
    request = await start(c, ["a", "b", "c"], batch_size=1)
    await carry(c, request, batch=0)
    await carry(c, request, "chunked", batch=1)
    await settle(c, request, "failed", problem("embed", "service_unavailable"))
    await retry(c, request)
    assert await states(c, request) == {"a": "published", "b": "chunked", "c": "discovered"}
    owners = await c.fetch(
        "select batch, owner is null as free from ingest_batches where request_id = $1 order by batch", request
    )
    assert [one["free"] for one in owners] == [False, True, True]


# settings


async def test_a_request_that_published_nothing_takes_the_settings_that_hold_now(c: Connection) -> None:
    request = await start(c, ["a", "b"])
    await carry(c, request, "embedded")
    await settle(c, request, "failed", problem("save"))
    await collection(c, chunk_size=321)
    await retry(c, request)
    assert await states(c, request) == {"a": "loaded", "b": "loaded"}
    assert await c.fetchval("select count(*) from ingest_chunk_store") == 0
    assert (await row(c, request))["settings"]["chunk_size"] == 321
    await carry(c, request)
    assert await settle(c, request) == "succeeded"
    # What is live says under which settings it was made: the same again is unchanged.
    again = await start(c, ["a", "b"])
    assert await c.fetchval("select count(*) from ingest_live_hashes(array[$1::uuid], 0)", again) == 2


async def test_a_request_that_published_something_keeps_its_settings(c: Connection) -> None:
    request = await start(c, ["a", "b"], batch_size=1)
    await carry(c, request, batch=0)
    await carry(c, request, "embedded", batch=1)
    await settle(c, request, "failed", problem("save"))
    before = (await row(c, request))["settings"]
    await collection(c, chunk_size=321)
    await retry(c, request)
    assert (await row(c, request))["settings"] == before
    assert await states(c, request) == {"a": "published", "b": "embedded"}


@pytest.mark.parametrize("verb", ["resume", "retry"])
async def test_a_request_that_published_into_another_space_is_refused(c: Connection, verb: str) -> None:
    request = await start(c, ["a", "b"], batch_size=1)
    await carry(c, request, batch=0)
    if verb == "resume":
        await cancel(c, request)
    else:
        await settle(c, request, "failed", problem("save"))
    before, documents = await row(c, request), await states(c, request)
    await c.execute("update ingest_documents set revision_id = null")  # deleting would take the revision along
    await c.execute("select ingest_assign_space('default', $1)", SPACE | {"model": "other"})
    state, hint = await said(c.execute(f"select ingest_{verb}($1)", request))
    assert (state, "ingest_fork" in hint) == ("IG018", True)
    assert (await row(c, request), await states(c, request)) == (before, documents)


async def test_a_corrected_space_holds_for_a_retry_of_what_published_nothing(c: Connection) -> None:
    request = await start(c, ["a"])
    await carry(c, request, "chunked")
    await settle(c, request, "failed", problem("embed", "unknown_model"))
    await collection(c, embedder="test", model="right", dimensions=3)
    await retry(c, request)
    assert (await row(c, request))["settings"]["model"] == "right"
    await carry(c, request)
    assert await settle(c, request) == "succeeded"


@pytest.mark.parametrize("verb", ["resume", "retry"])
async def test_a_dedupe_key_that_is_taken_by_now_is_refused(c: Connection, verb: str) -> None:
    request = await start(c, ["a"], dedupe_key="nightly")
    await (cancel(c, request) if verb == "resume" else settle(c, request, "failed", problem("load")))
    other = await add(c, dedupe_key="nightly")
    before = await row(c, request)
    state, hint = await said(c.execute(f"select ingest_{verb}($1)", request))
    assert (state, "cancel" in hint) == ("IG017", True)
    assert await row(c, request) == before
    await cancel(c, other)
    assert await c.fetchval(f"select ingest_{verb}($1)", request) == "pending"


async def test_a_retried_request_waits_for_the_limit_that_its_collection_has_by_now(c: Connection) -> None:
    requests = []
    for uri in ("a", "b"):
        requests.append(await start(c, [uri]))
        await settle(c, requests[-1], "failed", problem("load"))
    await collection(c, max_running=1)
    await c.execute("select ingest_retry(id) from ingest_requests")
    assert len(await claim(c)) == 1
    assert await claim(c) == []


async def test_a_timeout_is_counted_anew_after_a_resume(c: Connection) -> None:
    await add_listener(c)
    request = await add(c, content="slow", options={"timeout_seconds": 1e-6})
    await claim(c)
    assert [one[0] for one in await c.fetch("select ingest_cancel_overdue()")] == [request]
    assert (await row(c, request))["error"]["code"] == "deadline"
    await c.execute("select ingest_resume($1)", request)
    assert (await row(c, request))["deadline_at"] is None
    await claim(c)
    now = await row(c, request)
    assert (now["status"], now["deadline_at"] is not None) == ("running", True)


async def test_a_request_whose_claim_is_given_back_leaves_no_batch_with_an_owner(c: Connection) -> None:
    """Its batches may run by then. What they publish is refused while it is pending, so they are to start over."""
    request = await start(c, ["a"])
    await carry(c, request, "chunked")
    await cancel(c, request)
    await resume(c, request)
    owner = await own(c, request)
    assert await c.fetchval("select ingest_unclaim($1, 'L1')", request)
    assert await c.fetchval("select owner from ingest_batches where request_id = $1", request) is None
    assert owner


# fork

FROM = {"load": "discovered", "chunk": "loaded", "embed": "chunked", "save": "embedded"}
KEPT = {"loaded": ("text", "title"), "chunked": ("text", "title", "starts", "ends", "headings")}
KEPT["embedded"] = KEPT["chunked"]


async def documents(c: Connection, request: uuid.UUID) -> dict[str, asyncpg.Record]:
    rows = await c.fetch("select * from ingest_revisions where request_id = $1", request)
    return {one["uri"]: one for one in rows}


async def stored(c: Connection, request: uuid.UUID) -> list[tuple[Any, ...]]:
    rows = await c.fetch(
        "select v.uri, k.ordinal, k.space_id, k.start_char, k.end_char, k.text, k.hash, k.metadata, k.embedding::text"
        " from ingest_chunk_store k join ingest_revisions v on v.id = k.revision_id"
        " where v.request_id = $1 order by 1, 2",
        request,
    )  # fmt: skip
    return [tuple(one) for one in rows]


async def everything(c: Connection, request: uuid.UUID) -> list[Any]:
    found = [await row(c, request)]
    for table in ("ingest_revisions", "ingest_batches", "ingest_containers"):
        found += await c.fetch(f"select * from {table} where request_id = $1 order by 1, 2", request)
    return [*found, await stored(c, request)]


@pytest.mark.parametrize("into", [None, "other"])
@pytest.mark.parametrize("step", FROM)
async def test_a_fork_begins_with_what_the_original_had_made_before_the_step(
    c: Connection, step: str, into: str | None
) -> None:
    texts = {"a": "alpha", "b": "beta"}
    original = await ingest(c, texts, metadata={"team": "x"}, priority=7, dedupe_key="k")
    before, live_before = await everything(c, original), await live(c)
    made = await copied(c, original, step, into)
    assert await everything(c, original) == before
    new = await row(c, made)
    assert (new["forked_from"], new["fork_step"], new["priority"], new["dedupe_key"]) == (original, step, 7, None)
    assert new["metadata"] == {"team": "x"}
    assert set((await states(c, made)).values()) == {FROM[step]}
    olds, news = await documents(c, original), await documents(c, made)
    for uri, old in olds.items():
        assert [news[uri][key] for key in KEPT.get(FROM[step], ())] == [old[key] for key in KEPT.get(FROM[step], ())]
    assert await stored(c, made) == (await stored(c, original) if step == "save" else [])
    await carry(c, made, texts=texts)
    assert await settle(c, made) == "succeeded"
    assert await live(c, into or "default") == texts
    if into:
        assert await live(c) == live_before
        assert await everything(c, original) == before
    assert (await row(c, original)) == before[0]


async def test_a_fork_of_an_ended_request_takes_each_document_as_far_as_it_was(c: Connection) -> None:
    request = await start(c, ["published", "cut", "read", "found", "unread", "uncut", "unembedded"], batch_size=1)
    for batch, state in enumerate(["published", "chunked", "loaded", "discovered", "discovered", "loaded", "chunked"]):
        await carry(c, request, state, batch=batch)
    for uri, step in (("unread", "load"), ("uncut", "chunk"), ("unembedded", "embed")):
        await fail(c, request, uri, step)
    await cancel(c, request)
    made = await copied(c, request, "save", "other")
    assert await states(c, made) == {
        "published": "embedded", "cut": "chunked", "read": "loaded", "found": "discovered", "unread": "discovered",
        "uncut": "loaded", "unembedded": "chunked",
    }  # fmt: skip
    assert (await c.fetchval("select sum(chunks) from ingest_batches where request_id = $1", made)) == 3


async def test_a_fork_takes_documents_that_had_not_changed_from_what_is_live(c: Connection) -> None:
    first = await ingest(c, {"a": "alpha", "b": "beta"})
    second = await unchanged(c, ["a", "b"], {"a": "alpha", "b": "beta"})
    assert await states(c, second) == {"a": "unchanged", "b": "unchanged"}
    made = await copied(c, second, "save", "other")
    assert set((await states(c, made)).values()) == {"embedded"}
    assert await stored(c, made) == await stored(c, first)
    await carry(c, made)
    assert await live(c, "other") == {"a": "alpha", "b": "beta"}


async def unchanged(c: Connection, uris: Sequence[str], texts: Mapping[str, str]) -> uuid.UUID:
    """Ingest what is live already, as the load step does it."""
    request = await start(c, uris)
    owner = await own(c, request)
    fence = ([request], 0, owner)
    rows = await c.fetch("select * from ingest_to_load($1::ingest_fence_v1)", fence)
    same = [(one["id"], one["read_seq"], digest(texts[one["uri"]]), None, None) for one in rows]
    skip = "select ingest_skip_unchanged($1::ingest_fence_v1, $2::ingest_unchanged_v2[])"
    skipped = await c.fetchval(skip, fence, same)
    assert len(skipped) == len(uris)
    assert await settle(c, request) == "succeeded"
    return request


async def mail(c: Connection, *, fails: bool = False) -> uuid.UUID:
    """Ingest a document with two more inside, as the load step does it."""
    request = await start(c, ["m.eml"])
    owner = await own(c, request)
    fence = ([request], 0, owner)
    whole = await one(c, "select * from ingest_to_load($1::ingest_fence_v1)", fence)
    found: list[tuple[str | None, str | None]] = [("letter", None), ("report", "m.eml#a"), ("table", "m.eml#b")]
    if fails:
        found[2] = (None, "m.eml#b")
    await save_loaded(c, fence, *(loaded(whole["id"], whole["read_seq"], text, part) for text, part in found))
    await carry(c, request)
    assert await settle(c, request) == ("partially_succeeded" if fails else "succeeded")
    return request


@pytest.mark.parametrize("step", ["chunk", "save"])
async def test_a_fork_takes_the_documents_inside_of_others_along(c: Connection, step: str) -> None:
    original = await mail(c)
    made = await copied(c, original, step, "other")
    assert set((await states(c, made)).values()) == {FROM[step]}
    news = await documents(c, made)
    assert {one["parent_id"] for uri, one in news.items() if "#" in uri} == {news["m.eml"]["id"]}
    await c.execute("delete from ingest_requests where id = $1", original)
    await carry(c, made)
    assert await live(c, "other") == {"m.eml": "letter", "m.eml#a": "report", "m.eml#b": "table"}


async def test_a_fork_from_load_finds_the_documents_inside_of_others_by_reading_them(c: Connection) -> None:
    made = await copied(c, await mail(c), "load", "other")
    assert await states(c, made) == {"m.eml": "discovered"}


async def test_a_failed_document_inside_of_another_is_tried_again_by_a_fork(c: Connection) -> None:
    made = await copied(c, await mail(c, fails=True), "chunk", "other")
    assert await states(c, made) == {"m.eml": "loaded", "m.eml#a": "loaded", "m.eml#b": "discovered"}
    query = "select uri, whole_uri from ingest_to_load($1::ingest_fence_v1)"
    to_load = await c.fetch(query, ([made], 0, None))
    assert [tuple(one) for one in to_load] == [("m.eml#b", "m.eml")]


async def test_a_fork_of_an_unchanged_document_takes_what_is_live_inside_of_it(c: Connection) -> None:
    await mail(c)
    second = await unchanged(c, ["m.eml"], {"m.eml": "letter"})
    made = await copied(c, second, "chunk", "other")
    await carry(c, made)
    assert await live(c, "other") == {"m.eml": "letter", "m.eml#a": "report", "m.eml#b": "table"}


async def test_a_fork_knows_the_files_that_its_records_lie_in(c: Connection) -> None:
    await add_listener(c)
    request = await add(c, source="/srv/r.jsonl", options={"record": {"text": "t"}})
    await claim(c)
    await c.execute("select ingest_add_container($1, 'L1', 1, '/srv/r.jsonl', '{\"kind\": \"jsonl\"}')", request)
    uris = ["file:///srv/r.jsonl#1", "file:///srv/r.jsonl#2"]
    await add_found(
        c,
        request,
        *((n, 1, uri, None, None, 9, None, 1, n * 10, digest(uri), n + 1, None, None) for n, uri in enumerate(uris)),
    )
    await c.execute("select ingest_complete_manifest($1, 'L1')", request)
    await carry(c, request, batch=1)
    await settle(c, request)
    places = (
        "select container, range_start, range_hash, line from ingest_revisions where request_id = $1 order by position"
    )
    files = "select container, path, format from ingest_containers where request_id = $1"
    made = await copied(c, request, "load", "other")
    assert await c.fetch(places, made) == await c.fetch(places, request)
    assert await c.fetch(files, made) == await c.fetch(files, request)
    state, _ = await said(fork(c, request, "load", record={"text": "other"}))
    assert state == "IG023"
    assert await fork(c, request, "discover", record={"text": "other"})


async def test_a_fork_of_a_fork_and_one_into_the_same_collection_where_the_younger_wins(c: Connection) -> None:
    original = await ingest(c, {"a": "alpha"})
    older = await copied(c, original, "chunk")
    younger = await copied(c, original, "chunk")
    for made, vector in ((younger, "[0,1,0]"), (older, "[1,0,0]")):  # the younger publishes first
        await carry(c, made, vectors=(vector,))
        assert await settle(c, made) == "succeeded"
    assert (await states(c, younger), await states(c, older)) == ({"a": "published"}, {"a": "superseded"})
    assert await c.fetchval("select embedding::text from ingest_chunks") == "[0,1,0]"
    third = await copied(c, younger, "save", "other")
    fourth = await copied(c, third, "embed", "third")
    for made in (third, fourth):
        await carry(c, made)
        assert await settle(c, made) == "succeeded"
    assert await live(c, "third") == {"a": "alpha"}


async def test_a_fork_does_not_replace_a_newer_reading(c: Connection) -> None:
    original = await ingest(c, {"a": "old"})
    await ingest(c, {"a": "new"})
    made = await copied(c, original, "save")
    await carry(c, made)
    assert await states(c, made) == {"a": "superseded"}
    assert await live(c) == {"a": "new"}


@pytest.mark.parametrize(
    ("step", "setting", "refused"),
    [
        ("embed", {"chunk_size": 555}, "IG023"), ("save", {"chunk_size": 555}, "IG023"),
        ("save", {"passage_prefix": "passage: "}, "IG023"), ("save", {"model": "other"}, "IG023"),
        ("chunk", {"chunk_size": 555}, None), ("embed", {"passage_prefix": "passage: "}, None),
        ("embed", {"model": "other"}, None),
    ],
)  # fmt: skip
async def test_a_fork_into_other_settings_is_refused_where_what_it_takes_does_not_hold(
    c: Connection, step: str, setting: dict[str, Any], refused: str | None
) -> None:
    original = await ingest(c, {"a": "alpha"})
    await collection(c, "other", {key: SPACE[key] for key in ("embedder", "model", "dimensions")} | setting)
    if refused:
        made = await fork(c, original, step, "other")
        assert await claim(c) == [made]
        state, hint = await said(c.execute("select ingest_copy_manifest($1, 'L1')", made))
        assert (state, hint) == (refused, "Fork it from chunk." if "chunk_size" in setting else "Fork it from embed.")
    else:
        await carry(c, await copied(c, original, step, "other"))
        assert await live(c, "other") == {"a": "alpha"}


async def test_a_step_that_there_is_not_is_refused(c: Connection) -> None:
    original = await ingest(c, {"a": "alpha"})
    for step in ("settle", "", " "):
        assert (await said(fork(c, original, step)))[0] == "IG019"


async def test_a_request_that_found_nothing_yet_is_forked_from_discover_only(c: Connection) -> None:
    await add_listener(c)
    request = await add(c)
    await claim(c)
    await cancel(c, request)
    assert await said(fork(c, request, "load")) == ("IG011", "Fork it from discover.")
    assert await fork(c, request)


async def test_options_of_a_fork_are_laid_over_the_originals_and_checked(c: Connection) -> None:
    original = await ingest(c, {"a": "alpha"}, options={"force": True, "max_bytes": 9})
    made = await fork(c, original, max_bytes=7)
    assert (await row(c, made))["options"] == {"force": True, "max_bytes": 7}
    with pytest.raises(asyncpg.PostgresError) as refused:
        await fork(c, original, colour="red")
    assert refused.value.sqlstate == "IG004" or refused.value.constraint_name == "unknown_option"


async def test_the_content_of_a_fork_keeps_its_name(c: Connection) -> None:
    await add_listener(c)
    request = await add(c, content="inline")
    await claim(c)
    await cancel(c, request)
    assert (await row(c, await fork(c, request)))["uri"] == str(request)


# what is gone by now


async def purge(c: Connection) -> int:
    await c.execute("update ingest_revisions set replaced_at = now() - interval '1 day' where replaced_at is not null")
    purged: int = await c.fetchval("select ingest_purge_replaced(interval '1 hour', 500)")
    return purged


async def test_texts_that_were_purged_are_asked_for_in_vain(c: Connection) -> None:
    original = await ingest(c, {"a": "old", "b": "same"})
    await ingest(c, {"a": "new"})
    assert await purge(c) == 1
    for step in ("chunk", "embed", "save"):
        assert await said(fork(c, original, step)) == ("IG022", "Fork it from load: the documents are read again.")
    assert await states(c, await copied(c, original, "load")) == {"a": "discovered", "b": "discovered"}


async def test_a_fork_keeps_what_it_refers_to_from_being_purged_until_it_has_it(c: Connection) -> None:
    original = await ingest(c, {"a": "old"})
    made = await fork(c, original, "save", "other")
    await ingest_beside(c, {"a": "new"}, made)
    assert await purge(c) == 0
    assert await claim(c) == [made]
    assert await purge(c) == 0
    await c.execute("select ingest_copy_manifest($1, 'L1')", made)
    await c.execute("select ingest_complete_manifest($1, 'L1')", made)
    assert await purge(c) == 1
    await carry(c, made)
    assert await live(c, "other") == {"a": "old"}


async def ingest_beside(c: Connection, texts: Mapping[str, str], waiting: uuid.UUID) -> None:
    """Ingest while another request waits."""
    request = await add(c, priority=-1)
    assert await claim(c, 1) == [request]
    await discover(c, request, list(texts))
    await carry(c, request, texts=texts)
    assert await settle(c, request) == "succeeded"
    assert (await row(c, waiting))["status"] == "pending"


async def test_an_unchanged_document_is_kept_for_a_fork_too(c: Connection) -> None:
    """Its text is that of another request's revision."""
    await ingest(c, {"a": "same"})
    second = await unchanged(c, ["a"], {"a": "same"})
    made = await fork(c, second, "chunk", "other")
    await ingest_beside(c, {"a": "new"}, made)
    await purge(c)
    assert await claim(c) == [made]
    await c.execute("select ingest_copy_manifest($1, 'L1')", made)
    await c.execute("select ingest_complete_manifest($1, 'L1')", made)
    assert set((await states(c, made)).values()) <= {"loaded", "discovered"}  # read again, rather than left out


async def test_the_original_can_be_deleted_when_the_fork_has_what_it_needs_and_not_before(c: Connection) -> None:
    original = await ingest(c, {"a": "alpha"})
    made = await copied(c, original, "chunk", "other")
    early = await fork(c, original, "chunk", "third")
    await c.execute("delete from ingest_requests where id = $1", original)
    await carry(c, made)
    assert await live(c, "other") == {"a": "alpha"}
    assert await claim(c) == [early]
    state, hint = await said(c.execute("select ingest_copy_manifest($1, 'L1')", early))
    assert (state, hint) == ("IG024", "Insert the source as a new request.")


async def test_a_document_that_was_deleted_is_not_brought_back_by_a_fork_of_what_was_read_before(c: Connection) -> None:
    original = await ingest(c, {"a": "alpha", "b": "beta"})
    await c.execute("delete from ingest_documents where uri = 'a'")
    made = await copied(c, original, "save")
    await carry(c, made)
    assert await live(c) == {"b": "beta"}


# the fences of a request that goes on again


async def test_an_execution_of_an_earlier_attempt_neither_ends_the_request_nor_finds_its_documents(
    c: Connection,
) -> None:
    await add_listener(c)
    request = await add(c)
    await claim(c)
    await cancel(c, request)
    await resume(c, request)
    now = (await row(c, request))["attempt"]
    ended = "select ingest_end($1, 'L1', $2, 'failed', $3)"
    assert await c.fetchval(ended, request, now - 1, problem("embed")) is None
    for call in (
        "ingest_reset_manifest($1, 'L1', $2)",
        "ingest_complete_manifest($1, 'L1', $2)",
        "ingest_copy_manifest($1, 'L1', $2)",
        "ingest_add_found($1, 'L1', $2, '{}'::ingest_found_v1[])",
    ):
        assert (await said(c.execute(f"select {call}", request, now - 1)))[0] == "IG021", call
    assert (await row(c, request))["status"] == "running"
    assert await c.fetchval(ended, request, now, problem("embed")) == "failed"


async def test_a_pipeline_change_starts_over_what_is_on_its_way_and_leaves_what_is_published(c: Connection) -> None:
    request = await start(c, ["live", "cut", "read", "failed"], batch_size=1)
    for batch, state in enumerate(("published", "embedded", "loaded", "loaded")):
        await carry(c, request, state, batch=batch)
    await fail(c, request, "failed", "chunk")
    await c.execute("select ingest_change_pipeline($1, 'next')", request)
    assert await states(c, request) == {
        "live": "published",
        "cut": "discovered",
        "read": "discovered",
        "failed": "failed",
    }
    assert (await row(c, request))["settings"]["pipeline"] == "next"
    assert await c.fetchval("select count(owner) from ingest_batches where request_id = $1", request) == 0
    assert [one[0] for one in await stored(c, request)] == ["live"]


async def test_what_lies_inside_of_others_is_found_again_after_a_pipeline_change_and_stands_there_once(
    c: Connection,
) -> None:
    request = await start(c, ["m.eml"])
    owner = await own(c, request)
    whole = await one(c, "select * from ingest_to_load($1::ingest_fence_v1)", ([request], 0, owner))

    async def read(owner: uuid.UUID, number: int) -> None:
        rows = [loaded(whole["id"], number, text, part) for text, part in (("letter", None), ("report", "m.eml#a"))]
        await save_loaded(c, ([request], 0, owner), *rows)

    await read(owner, whole["read_seq"])
    await c.execute("select ingest_change_pipeline($1, 'next')", request)
    owner = uuid.uuid4()
    assert await c.fetchval("select ingest_own_batch($1, 0, 'L1', $2)", request, owner) is None, (
        "it is of the old version"
    )
    await c.execute("update ingest_listeners set pipeline = 'next'")
    await read(await own(c, request), whole["read_seq"] + 1)
    assert sorted(await documents(c, request)) == ["m.eml", "m.eml#a"]
    assert await c.fetchval("select count(*) from ingest_revisions where request_id = $1", request) == 2


async def test_what_discovery_refused_of_inline_content_or_of_records_is_not_looked_for_in_files(c: Connection) -> None:
    await add_listener(c)
    inline = await add(c, content="a", uri="file:///etc/hostname")
    records = await add(c, source="/srv/a.csv", options={"record": {"text": "body"}})
    for request, uri in ((inline, "file:///etc/hostname"), (records, "file:///srv/a.csv")):
        await claim(c)
        error = {"code": "too_large", "message": "too large", "step": "discover"}
        found = [(0, None, uri, None, None, 9, error, *[None] * 6)]
        await c.execute("select ingest_add_found($1, 'L1', null, $2::ingest_found_v1[])", request, found)
        await c.execute("select ingest_complete_manifest($1, 'L1')", request)
        assert await settle(c, request) == "failed"
        assert await c.fetchval("select ingest_retry($1)", request) == "pending"
        assert await states(c, request) == {uri: "failed"}


async def test_what_discovery_refused_of_another_source_is_found_again_at_its_locator(c: Connection) -> None:
    await add_listener(c, roots=["notes:"])
    request = await add(c, source="notes://shelf")
    assert await claim(c, roots=["notes:"]) == [request]
    error = {"code": "too_large", "message": "too large", "step": "discover"}
    found = [(0, None, "a note", "notes://shelf/1", None, 9, error, *[None] * 6)]
    await c.execute("select ingest_add_found($1, 'L1', null, $2::ingest_found_v1[])", request, found)
    await c.execute("select ingest_complete_manifest($1, 'L1')", request)
    assert await settle(c, request) == "failed"
    await c.execute("select ingest_retry($1)", request)
    row = await one(c, "select state, locator from ingest_revisions where request_id = $1", request)
    assert tuple(row) == ("discovered", "notes://shelf/1")
