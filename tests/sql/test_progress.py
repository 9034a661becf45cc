"""How far a request is, as ``ingest_status`` says it; see also ``tests/property/test_progress_properties.py``."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from staging import (
    Connection,
    add,
    add_listener,
    carry,
    claim,
    collection,
    cut,
    digest,
    discover,
    embed,
    load,
    one,
    own,
    publish,
    settle,
    start,
)

LOOKED_AT = """
  select coalesce(sum(seq_tup_read), 0) + coalesce(sum(idx_tup_fetch), 0) from pg_stat_xact_user_tables
  where relname = 'ingest_revisions'
"""


async def percent(c: Connection, request: uuid.UUID) -> float | None:
    found = await c.fetchval("select percent from ingest_status where id = $1", request)
    return None if found is None else float(found)


async def put_clock(c: Connection, seconds: float) -> None:
    """Have our SQL's clock stand still, so many seconds from the start of the transaction."""
    await c.execute(
        "create or replace function ingest_now() returns timestamptz language sql volatile parallel safe"
        f" return now() + interval '{seconds} s'"
    )


def part(row: Any, name: str, error: Any = None) -> tuple[Any, ...]:
    """Return an ``ingest_loaded_v2``: a document inside of another one."""
    text = None if error else f"text of {name}"
    return (row["id"], row["read_seq"], digest(name), 5, text, None, None, None, None, error, name, *[None] * 4)


async def test_percent_is_null_until_discovery_is_complete_and_documents_found_counts_meanwhile(c: Connection) -> None:
    await add_listener(c)
    request = await add(c)
    await claim(c)
    fields = "select percent, documents_found, documents_total, documents_done, eta from ingest_status"
    assert tuple(await one(c, fields)) == (None, None, None, None, None)
    for found in (2, 3):
        page = [(n, 0, f"{found}/{n}", *[None] * 10) for n in range(found)]
        await c.execute("select ingest_add_found($1, 'L1', 1, $2::ingest_found_v1[])", request, page)
    assert tuple(await one(c, fields)) == (None, 5, None, None, None)
    await c.execute("select ingest_reset_manifest($1, 'L1', 1)", request)  # its listener died, another one begins anew
    assert tuple(await one(c, fields)) == (None, 0, None, None, None)
    await discover(c, request, ["a", "b"])
    assert tuple(await one(c, fields)) == (0, 2, 2, 0, None)


async def test_each_step_moves_a_document_by_its_share(c: Connection) -> None:
    request = await start(c, ["a", "b"], batch_size=1)
    owner = await own(c, request)
    seen = []
    for step in (
        load(c, request, 0, owner, {}),
        cut(c, request, 0, owner, 1),
        embed(c, request, 0, owner, ["[1,0,0]"]),
    ):
        await step
        seen.append(await percent(c, request))
    await publish(c, request, 0, owner)
    assert [*seen, await percent(c, request)] == [10, 15, 45, 50]


async def test_what_is_embedded_moves_it_chunk_by_chunk(c: Connection) -> None:
    request = await start(c, ["a"])
    owner = await own(c, request)
    await load(c, request, 0, owner, {})
    await cut(c, request, 0, owner, 10)
    seen = []
    for _ in range(10):
        count = [(request, 1, 1, 1)]
        fence = ([request], 0, owner)
        await c.execute("select ingest_note_embedded($1::ingest_fence_v1, $2::ingest_count_v1[])", fence, count)
        seen.append(await percent(c, request))
    assert seen == pytest.approx([30 + 6 * (n + 1) for n in range(10)], abs=0.001)


async def test_it_moves_while_a_document_is_read_and_cut(c: Connection) -> None:
    request = await start(c, ["a", "b"])
    owner = await own(c, request)
    ids = [row["id"] for row in await c.fetch("select id from ingest_revisions order by id")]
    seen = []

    async def note(step: str, *shares: float) -> None:
        note = "select ingest_note_headway($1::ingest_fence_v1, $2, $3, $4)"
        await c.execute(note, ([request], 0, owner), step, ids[: len(shares)], list(shares))
        seen.append(await percent(c, request))

    await note("load", 0.5)
    await note("load", 0.5, 0.2)
    await note("load", 0.1, -1)  # another attempt
    await load(c, request, 0, owner, {})
    seen.append(await percent(c, request))
    await note("load", 1, 1)
    await note("chunk", 0.5)
    await cut(c, request, 0, owner, 1)
    seen.append(await percent(c, request))
    assert seen == [5, 7, 7, 20, 20, 22.5, 30]


async def test_a_document_shares_its_weight_with_those_inside_of_it(c: Connection) -> None:
    request = await start(c, ["mail", "file"])
    owner = await own(c, request)
    fence = ([request], 0, owner)
    whole, _ = await c.fetch("select * from ingest_to_load($1::ingest_fence_v1)", fence)
    found = [
        (whole["id"], whole["read_seq"], digest("m"), 5, "text", *[None] * 10),
        part(whole, "mail#a"),
        part(whole, "mail#b"),
    ]
    found.append(part(whole, "mail#c", {"code": "unsupported", "message": "", "hint": ""}))
    await c.execute("select ingest_save_loaded($1::ingest_fence_v1, $2::ingest_loaded_v2[])", fence, found)
    # Three of the four are loaded, which is a fifth of the way, one is skipped, which is all of it; and all are a half.
    assert await percent(c, request) == 50 * (3 * 0.2 + 1) / 4
    row = await one(c, "select documents_found, documents_total, documents_skipped from ingest_status")
    assert tuple(row) == (2, 5, 1)


async def test_what_discovery_settles_counts_from_its_end(c: Connection) -> None:
    await add_listener(c)
    request = await add(c)
    await claim(c)
    error = {"code": "too_large", "message": "a", "hint": ""}
    page = [(0, None, "refused", *[None] * 3, error, *[None] * 6), *[(n, 0, "twice", *[None] * 10) for n in (1, 2)]]
    await c.execute("select ingest_add_found($1, 'L1', 1, $2::ingest_found_v1[])", request, page)
    await c.execute("select ingest_complete_manifest($1, 'L1', 1)", request)
    fields = "percent, documents_total, documents_done, documents_skipped, documents_failed"
    assert tuple(await one(c, f"select trunc(percent), {fields} from ingest_status"))[::2] == (66, 3, 1)
    await carry(c, request, batch=0)
    assert tuple(await one(c, f"select {fields} from ingest_status")) == (100, 3, 1, 1, 1)


async def test_it_stays_where_a_cancel_a_deadline_or_a_failure_came(c: Connection) -> None:
    for end in ("cancel", "deadline", "failure"):
        request = await start(c, [f"{end}{n}" for n in range(4)], batch_size=1, options={"timeout_seconds": 1})
        await carry(c, request, batch=0)
        await carry(c, request, "chunked", batch=1)
        before = await percent(c, request)
        assert before == 25 + 7.5
        if end == "cancel":
            await c.execute("select ingest_cancel($1)", request)
        elif end == "deadline":
            async with c.transaction():
                await c.execute("set local session_replication_role = replica")
                await c.execute("update ingest_requests set deadline_at = now() where id = $1", request)
            assert await c.fetchval("select ingest_cancel_overdue()") == request
        else:
            await settle(c, request, "failed", {"code": "embedding_unavailable"})
        assert await percent(c, request) == before


async def test_it_is_100_when_all_documents_are_through_whatever_became_of_them(c: Connection) -> None:
    request = await start(c, ["a"])
    fence = ([request], 0, await own(c, request))
    (row,) = await c.fetch("select * from ingest_to_load($1::ingest_fence_v1)", fence)
    failed = [(row["id"], row["read_seq"], *[None] * 7, {"code": "broken"}, *[None] * 5)]
    await c.execute("select ingest_save_loaded($1::ingest_fence_v1, $2::ingest_loaded_v2[])", fence, failed)
    assert await settle(c, request) == "failed"
    assert await percent(c, request) == 100


async def test_it_is_null_of_one_that_ended_before_its_documents_were_known(c: Connection) -> None:
    await add_listener(c)
    request = await add(c)
    await claim(c)
    await c.execute("select ingest_cancel($1)", request)
    assert await percent(c, request) is None


async def test_a_resume_counts_what_is_kept_also_chunks_of_documents_that_are_not_through(c: Connection) -> None:
    request = await start(c, ["a", "b"], batch_size=1)
    await carry(c, request, batch=0)
    owner = await carry(c, request, "chunked", batch=1, vectors=["[1,0,0]"] * 4)
    fence = ([request], 1, owner)
    (row,) = await c.fetch("select * from ingest_to_embed($1::ingest_fence_v1)", fence)
    await c.execute(
        "select ingest_save_chunks($1::ingest_fence_v1,"
        " array[($2, 0, 0, 1, 't', $3, '{}', '[1,0,0]'::vector)::ingest_chunk_v1])",
        fence, row["id"], digest("t"),
    )  # fmt: skip
    await c.execute("select ingest_cancel($1)", request)
    await c.execute("select ingest_resume($1)", request)
    assert await percent(c, request) == 50 + 15 + 7.5
    await c.execute("select ingest_cancel($1)", request)  # before a claim
    assert await percent(c, request) == 72.5


async def test_a_retry_begins_with_what_did_not_fail(c: Connection) -> None:
    request = await start(c, ["a", "b"])
    owner = await carry(c, request, "chunked")
    fence = ([request], 0, owner)
    (row, other) = await c.fetch("select * from ingest_to_embed($1::ingest_fence_v1)", fence)
    outcomes = [(row["id"], {"code": "refused", "step": "embed"}, None), (other["id"], None, None)]
    await c.execute("select ingest_save_embedded($1::ingest_fence_v1, $2::ingest_outcome_v2[])", fence, outcomes)
    await publish(c, request, 0, owner)
    await settle(c, request)
    assert await percent(c, request) == 100
    await c.execute("select ingest_retry($1)", request)
    assert await percent(c, request) == 50 + 15


async def test_another_pipeline_begins_anew(c: Connection) -> None:
    request = await start(c, ["a", "b"], batch_size=1)
    await carry(c, request, batch=0)
    await carry(c, request, "chunked", batch=1)
    await c.execute("select ingest_change_pipeline($1, 'other')", request)
    assert await percent(c, request) == 50  # what is published stays


async def test_speed_and_time_to_go_are_those_of_the_last_minute(c: Connection) -> None:
    async with c.transaction():
        await put_clock(c, 0)
        request = await start(c, [str(n) for n in range(100)], batch_size=10)
        query = "select documents_per_second::float8 as rate, eta from ingest_status where id = $1"
        assert tuple(await one(c, query, request)) == (None, None)  # nothing has moved
        for batch in range(4):  # slow ones, long ago
            owner = await own(c, request, batch)
            await put_clock(c, 100 * (batch + 1))
            await _go_on(c, request, batch, owner)
        for batch in range(4, 6):
            owner = await own(c, request, batch)
            await put_clock(c, 440 + 10 * (batch - 3))
            await _go_on(c, request, batch, owner)
        row = await one(c, query, request)
        # 20 documents since 400 s, and what the slow batch moved in the first of these 60 seconds.
        assert row["rate"] == pytest.approx(20 / 60, abs=0.02)
        assert row["eta"].total_seconds() == pytest.approx(40 / row["rate"], rel=0.02)
        await put_clock(c, 1000)
        assert tuple(await one(c, query, request)) == (None, None)  # nothing has moved for long


async def test_a_wait_for_a_service_does_not_spoil_the_time_to_go(c: Connection) -> None:
    async with c.transaction():
        await put_clock(c, 0)
        request = await start(c, ["a", "b"], batch_size=1)
        owner = await own(c, request)
        await put_clock(c, 1)
        await load(c, request, 0, owner, {})
        await cut(c, request, 0, owner, 100)
        fence = ([request], 0, owner)
        await c.execute("select ingest_note_retry($1::ingest_fence_v1, $2, 3600)", fence, {"message": "slow down"})
        query = "select documents_per_second::float8 as rate, eta from ingest_status where id = $1"
        assert tuple(await one(c, query, request)) == (None, None)
        await put_clock(c, 3601)
        await _count(c, fence, 0)  # it answers again
        await put_clock(c, 3611)
        await _count(c, fence, 50)  # three tenths of a document in ten seconds
        row = await one(c, query, request)
        assert row["rate"] == pytest.approx(0.03)
        assert row["eta"].total_seconds() == pytest.approx(1.4 / 0.03, rel=0.01)


async def _go_on(c: Connection, request: uuid.UUID, batch: int, owner: uuid.UUID) -> None:
    await load(c, request, batch, owner, {})
    await cut(c, request, batch, owner, 1)
    await embed(c, request, batch, owner, ["[1,0,0]"])
    await publish(c, request, batch, owner)


async def _count(c: Connection, fence: Any, chunks: int) -> None:
    count = [(fence[0][0], chunks, 0, 0)]
    await c.execute("select ingest_note_embedded($1::ingest_fence_v1, $2::ingest_count_v1[])", fence, count)


async def test_a_look_reads_no_document(c: Connection) -> None:
    request = await start(c, [str(n) for n in range(200)], batch_size=10)
    await carry(c, request, batch=0)
    async with c.transaction():
        before = await c.fetchval(LOOKED_AT)
        await one(c, "select * from ingest_status where id = $1", request)
        assert await c.fetchval(LOOKED_AT) == before


async def test_one_that_a_former_release_began_is_shown_and_counted_from_its_next_step_on(c: Connection) -> None:
    request = await start(c, ["a", "b", "c", "d"], batch_size=1)
    await carry(c, request, batch=0)
    await carry(c, request, "chunked", batch=1)
    counts = "done = null, skipped = null, failed = null, remaining = null, remaining_embedded = null, begun_at = null"
    await c.execute(f"update ingest_batches set {counts}, begun_remaining = null, moved_at = null")
    await c.execute("select ingest_as_system()")
    async with c.transaction():
        await c.execute("set local session_replication_role = replica")
        await c.execute("update ingest_requests set documents_found = null, duplicates = null, refused = null")
    fields = (
        "select percent, documents_total, documents_done, documents_skipped, documents_failed, eta from ingest_status"
    )
    assert tuple(await one(c, fields)) == (25, 4, 1, 0, 0, None)
    for batch in (1, 2, 3):
        await carry(c, request, batch=batch)
    assert tuple(await one(c, fields)) == (100, 4, 4, 0, 0, None)
    await settle(c, request)
    await collection(c, "empty")
    ended = "insert into ingest_requests (source, status, error, finished_at) values ('/a', $1, $2, now())"
    async with c.transaction():
        await c.execute("set local session_replication_role = replica")
        await c.execute(ended, "succeeded", None)
        await c.execute(ended, "failed", {"code": "broken"})
    rows = await c.fetch("select status, percent from ingest_status where documents_total is null order by status")
    assert [tuple(row) for row in rows] == [("failed", None), ("succeeded", 100)]
