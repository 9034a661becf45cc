"""Which documents fail now, and how long documents took."""

from __future__ import annotations

import uuid

from staging import Connection, add, add_listener, carry, claim, ingest, one, own, settle, start

BROKEN = {"code": "broken", "message": "it broke", "hint": "mend it", "step": "load", "media_type": "application/pdf"}


async def failed(c: Connection, *uris: str, seconds: float | None = None) -> uuid.UUID:
    """Have a request fail on documents as it reads them."""
    request = await start(c, uris)
    fence = ([request], 0, await own(c, request))
    rows = await c.fetch("select * from ingest_to_load($1::ingest_fence_v1)", fence)
    loaded = [(row["id"], row["read_seq"], *[None] * 7, BROKEN, *[None] * 3, 0.25, seconds) for row in rows]
    await c.execute("select ingest_save_loaded($1::ingest_fence_v1, $2::ingest_loaded_v2[])", fence, loaded)
    await settle(c, request)
    return request


async def failing(c: Connection) -> list[tuple[str, uuid.UUID]]:
    rows = await c.fetch("select uri, request_id from ingest_failures where failing_now order by uri")
    return [(row["uri"], row["request_id"]) for row in rows]


async def test_a_document_that_a_later_request_brought_in_does_not_fail_any_more(c: Connection) -> None:
    request = await failed(c, "a", "b")
    assert await failing(c) == [("a", request), ("b", request)]
    await ingest(c, {"a": "mended"})
    assert await failing(c) == [("b", request)]
    assert await c.fetchval("select count(*) from ingest_failures where request_id = $1", request) == 2


async def test_one_that_was_live_before_fails_until_a_newer_reading_is_live(c: Connection) -> None:
    await ingest(c, {"a": "old"})
    request = await failed(c, "a")
    assert await failing(c) == [("a", request)]


async def test_one_that_fails_again_counts_once_for_the_latest_request(c: Connection) -> None:
    await failed(c, "a")
    latest = await failed(c, "a")
    assert await failing(c) == [("a", latest)]


async def test_one_that_discovery_refused_is_mended_by_a_later_reading_too(c: Connection) -> None:
    await add_listener(c)
    request = await add(c)
    await claim(c)
    await c.execute(
        "select ingest_add_found($1, 'L1', 1, $2::ingest_found_v1[])",
        request,
        [(0, None, "a", *[None] * 3, BROKEN, *[None] * 6)],
    )
    await c.execute("select ingest_complete_manifest($1, 'L1', 1)", request)
    await settle(c, request)
    assert await failing(c) == [("a", request)]
    await ingest(c, {"a": "readable"})
    assert await failing(c) == []


async def test_a_retry_takes_a_document_away_and_brings_it_back_if_it_fails_again(c: Connection) -> None:
    request = await failed(c, "a")
    await c.execute("select ingest_retry($1)", request)
    assert await failing(c) == []


async def test_a_failure_says_when_it_came_how_long_it_took_and_of_what(c: Connection) -> None:
    await failed(c, "a", seconds=1.5)
    row = await one(c, "select *, failed_at >= found_at as later from ingest_failures")
    assert (row["media_type"], row["read_seconds"], row["parse_seconds"], row["embed_seconds"]) == (
        "application/pdf",
        0.25,
        1.5,
        None,
    )
    assert row["duration"].total_seconds() == 1.75
    assert row["later"]


async def test_times_have_a_row_for_each_document_that_took_some(c: Connection) -> None:
    await failed(c, "slow", seconds=9)
    await failed(c, "quick", seconds=0.5)
    rows = await c.fetch("select uri, seconds, code from ingest_times order by seconds desc")
    assert [tuple(row) for row in rows] == [("slow", 9.25, "broken"), ("quick", 0.75, "broken")]


async def test_documents_on_their_way_are_counted_as_they_are_read_and_embedded(c: Connection) -> None:
    request = await start(c, ["a", "b", "c"])
    counts = "select documents_loaded, documents_embedded, documents_done, current_step from ingest_status"
    assert tuple(await one(c, counts)) == (0, 0, 0, "load")
    owner = await carry(c, request, "chunked")
    assert tuple(await one(c, counts)) == (3, 0, 0, "embed")
    fence = ([request], 0, owner)
    rows = await c.fetch("select id from ingest_to_embed($1::ingest_fence_v1)", fence)
    for number, row in enumerate(rows, 1):
        outcome = [(row["id"], None, 0.5)]
        await c.execute("select ingest_save_embedded($1::ingest_fence_v1, $2::ingest_outcome_v2[])", fence, outcome)
        step = "embed" if number < 3 else "save"
        assert tuple(await one(c, counts)) == (3 - number, number, 0, step)
