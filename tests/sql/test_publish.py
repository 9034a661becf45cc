"""Manifest, fence and publishing: newer reading wins, readers see no gap, deletes are obeyed."""

from __future__ import annotations

import asyncio
import uuid

import asyncpg
import pytest
from staging import (
    Connection,
    add,
    add_listener,
    blocked,
    carry,
    claim,
    collection,
    discover,
    embed,
    ingest,
    live,
    load,
    one,
    own,
    publish,
    session,
    settle,
    start,
    states,
)

FENCED = (
    "ingest_skip_unchanged($1::ingest_fence_v1, '{}'::ingest_unchanged_v2[])",
    "ingest_save_chunked($1::ingest_fence_v1, '{}'::ingest_cut_v1[])",
    "ingest_copy_known($1::ingest_fence_v1, '{}'::ingest_chunk_v1[])",
    "ingest_save_chunks($1::ingest_fence_v1, '{}'::ingest_chunk_v1[])",
    "ingest_note_embedded($1::ingest_fence_v1, '{}'::ingest_count_v1[])",
    "ingest_try_alone($1::ingest_fence_v1, null, 'load')",
)


async def test_a_newer_reading_wins(c: Connection) -> None:
    older, newer = await start(c, ["a"]), await start(c, ["a"])
    await carry(c, older, "embedded", texts={"a": "older"})
    await carry(c, newer, texts={"a": "newer"})
    assert await publish(c, older, 0, await own(c, older)) == (0, 1)
    assert await live(c) == {"a": "newer"}
    assert await states(c, older) == {"a": "superseded"}
    assert await settle(c, older) == "succeeded"


async def test_the_order_of_reading_counts_and_not_that_of_the_inserts(c: Connection) -> None:
    first, second = await start(c, ["a"]), await start(c, ["a"])
    await carry(c, second, "embedded", texts={"a": "read first"})
    await carry(c, first, "embedded", texts={"a": "read second"})
    assert await publish(c, first, 0, await own(c, first)) == (1, 0)
    assert await publish(c, second, 0, await own(c, second)) == (0, 1)
    assert await live(c) == {"a": "read second"}


async def test_inline_content_is_as_old_as_its_insert(c: Connection) -> None:
    await add_listener(c)
    older = await add(c, content="older", uri="a")
    newer = await add(c, content="newer", uri="a")
    await claim(c)
    for request, text in ((newer, "newer"), (older, "older")):
        await discover(c, request, ["a"])
        await carry(c, request, texts={"a": text})
    assert await live(c) == {"a": "newer"}
    assert await states(c, older) == {"a": "superseded"}


async def test_publishing_again_changes_nothing(c: Connection) -> None:
    request = await start(c, ["a", "b"])
    owner = await carry(c, request)
    before = await c.fetch("select * from ingest_documents order by id")
    assert await publish(c, request, 0, owner) == (0, 0)
    assert await c.fetch("select * from ingest_documents order by id") == before


async def test_unchanged_bytes_are_skipped_and_count_as_newer(c: Connection) -> None:
    await ingest(c, {"a": "same", "b": "old"})
    late = await start(c, ["a"])
    await carry(c, late, "embedded", texts={"a": "read before the next"})
    request = await start(c, ["a", "b"])
    owner = await own(c, request)
    fence = ([request], 0, owner)
    rows = await c.fetch("select * from ingest_to_load($1::ingest_fence_v1)", fence)
    assert all(row["live_hash"] for row in rows)
    hashes = [rows[0]["live_hash"], b"other"]
    same = [(row["id"], row["read_seq"], found, None, None) for row, found in zip(rows, hashes, strict=True)]
    skip = "select ingest_skip_unchanged($1::ingest_fence_v1, $2::ingest_unchanged_v2[])"
    assert await c.fetchval(skip, fence, same) == [rows[0]["id"]]
    assert await states(c, request) == {"a": "unchanged", "b": "discovered"}
    assert await publish(c, late, 0, await own(c, late)) == (0, 1)
    assert await live(c) == {"a": "same", "b": "old"}


async def test_other_settings_other_metadata_and_force_are_reasons_to_ingest_again(c: Connection) -> None:
    await ingest(c, {"a": "a"})
    live_hash = "select live_hash from ingest_to_load($1::ingest_fence_v1)"
    for columns in ({"metadata": {"lang": "en"}}, {"options": {"force": True}}):
        request = await start(c, ["a"], **columns)
        assert await c.fetchval(live_hash, ([request], 0, None)) is None
    await collection(c, "default", chunk_size=500)
    request = await start(c, ["a"])
    assert await c.fetchval(live_hash, ([request], 0, None)) is None


async def test_each_document_of_a_batch_gets_the_outcome_that_stands_in_its_place(c: Connection) -> None:
    request = await start(c, ["a", "b", "c"])
    owner = await carry(c, request, "chunked")
    fence = ([request], 0, owner)
    rows = await c.fetch("select id from ingest_to_embed($1::ingest_fence_v1)", fence)
    outcomes = [(row["id"], {"code": "refused"} if n == 1 else None, 0.5) for n, row in enumerate(rows)]
    query = "select ingest_save_embedded($1::ingest_fence_v1, $2::ingest_outcome_v2[])"
    await c.execute(query, fence, outcomes)
    assert await states(c, request) == {"a": "embedded", "b": "failed", "c": "embedded"}


async def test_a_replaced_owner_writes_nothing(c: Connection) -> None:
    request = await start(c, ["a"])
    old = await carry(c, request, "chunked")
    new = await own(c, request)
    for write in (
        publish(c, request, 0, old),
        load(c, request, 0, old, {}),
        embed(c, request, 0, old, []),
        *(c.execute(f"select {call}", ([request], 0, old)) for call in FENCED),
    ):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await write
        assert (refused.value.sqlstate, refused.value.constraint_name) == ("IG021", "lost_ownership")
    assert await states(c, request) == {"a": "chunked"}
    await embed(c, request, 0, new, ["[1,0,0]"])
    assert await publish(c, request, 0, new) == (1, 0)


async def test_a_dead_listener_owns_no_batch(c: Connection) -> None:
    request = await start(c, ["a"])
    await c.execute("update ingest_listeners set dead_at = now()")
    assert await c.fetchval("select ingest_own_batch($1, 0, 'L1', $2)", request, uuid.uuid4()) is None


async def test_a_cancelled_request_publishes_nothing(c: Connection) -> None:
    request = await start(c, ["a"])
    owner = await carry(c, request, "embedded")
    await c.execute("select ingest_cancel($1)", request)
    for batch in (0, None):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await publish(c, request, batch, owner)
        assert refused.value.sqlstate == "IG021"
    assert await c.fetchval("select count(*) from ingest_documents") == 0


async def test_a_cancel_waits_for_a_publish_that_is_open(c: Connection, other: Connection, third: Connection) -> None:
    request = await start(c, ["a"])
    owner = await carry(c, request, "embedded")
    async with c.transaction():
        await publish(c, request, 0, owner)
        cancel = asyncio.create_task(other.execute("select ingest_cancel($1)", request))
        await blocked(third, other)
    await cancel
    row = await one(c, "select status, documents_done from ingest_requests")
    assert tuple(row) == ("cancelled", 1)


async def test_a_whole_request_is_published_at_once(c: Connection) -> None:
    request = await start(c, ["a", "b", "c"], batch_size=2, options={"publish": "request"})
    for batch in (0, 1):
        await carry(c, request, "embedded", batch)
    assert await live(c) == {}
    assert await publish(c, request, None) == (3, 0)
    assert (await live(c)).keys() == {"a", "b", "c"}


async def test_readers_see_the_old_chunks_until_the_commit_and_the_new_ones_after(
    c: Connection, other: Connection
) -> None:
    await ingest(c, {"a": "old"})
    request = await start(c, ["a"])
    owner = await carry(c, request, "embedded", texts={"a": "new"}, vectors=["[0,1,0]", "[0,0,1]"])
    count = "select array_agg(text order by ordinal) from ingest_chunks"
    async with c.transaction():
        await publish(c, request, 0, owner)
        assert await other.fetchval(count) == ["old"]
    assert await other.fetchval(count) == ["new", "new"]


async def test_a_uri_that_stands_twice_is_one_document_and_the_last_record_wins(c: Connection) -> None:
    request = await start(c, ["a", "b", "a", "a"])
    rows = await c.fetch("select position, coalesce(reason, state) from ingest_revisions order by position")
    assert [tuple(row) for row in rows] == [(0, "duplicate"), (1, "discovered"), (2, "duplicate"), (3, "discovered")]
    assert await c.fetchval("select documents from ingest_batches where request_id = $1", request) == 2


async def test_a_large_manifest_is_completed_without_comparing_all_with_all(c: Connection) -> None:
    await add_listener(c)
    await c.execute("set statement_timeout = '30s'")  # all with all, 400 million pairs, takes longer
    request = await add(c)
    await claim(c)
    await discover(c, request, [f"file {n}" for n in range(20_000)], 500)
    assert await c.fetchval("select count(*) from ingest_batches") == 40


async def test_a_manifest_is_completed_only_by_the_listener_that_runs_the_request(c: Connection) -> None:
    await add_listener(c)
    request = await add(c)
    await claim(c)
    with pytest.raises(asyncpg.PostgresError) as refused:
        await c.execute("select ingest_complete_manifest($1, 'L2')", request)
    assert refused.value.sqlstate == "IG021"


async def test_a_deleted_document_takes_revisions_and_chunks_along(c: Connection) -> None:
    await ingest(c, {"a/1": "old", "b/1": "b"})
    await ingest(c, {"a/1": "new"})
    await c.execute("delete from ingest_documents where uri like 'a/%'")
    assert await live(c) == {"b/1": "b"}
    assert await c.fetchval("select array_agg(uri) from ingest_revisions") == ["b/1"]
    assert await c.fetchval("select count(*) from ingest_chunk_store") == 1


async def test_a_delete_while_a_publish_is_open_deletes_what_it_published(
    c: Connection, other: Connection, third: Connection
) -> None:
    await ingest(c, {"a": "old"})
    request = await start(c, ["a"])
    owner = await carry(c, request, "embedded", texts={"a": "new"})
    async with c.transaction():
        await publish(c, request, 0, owner)
        delete = asyncio.create_task(other.execute("delete from ingest_documents"))
        await blocked(third, other)
    assert await delete == "DELETE 1"
    assert await live(c) == {}
    assert await c.fetchval("select count(*) from ingest_chunk_store") == 0
    assert await settle(c, request) == "succeeded"


async def test_a_publish_after_a_delete_does_not_bring_the_document_back(
    c: Connection, other: Connection, third: Connection
) -> None:
    await ingest(c, {"a": "old", "b": "b"})
    request = await start(c, ["a"])
    owner = await carry(c, request, "embedded", texts={"a": "new"})
    async with other.transaction():
        await other.execute("delete from ingest_documents where uri = 'a'")
        saving = asyncio.create_task(publish(c, request, 0, owner))
        while not await third.fetchval(
            "select query ~ 'ingest_publish' from pg_stat_activity where pid = $1", c.get_server_pid()
        ):
            pass
    assert await saving == (0, 0)
    assert await live(c) == {"b": "b"}
    assert await states(c, request) == {"a": "deleted"}
    assert await c.fetchval("select array_agg(uri) from ingest_documents") == ["b"]  # and no empty one


async def test_chunks_of_a_reading_that_a_delete_overtook_are_purged(c: Connection) -> None:
    await ingest(c, {"a": "old"})
    await carry(c, await start(c, ["a"]), "embedded", texts={"a": "new"})
    await c.execute("delete from ingest_documents")
    await c.execute("select ingest_purge_replaced('0', 500)")
    assert await c.fetchval("select count(*) from ingest_chunk_store") == 0


async def test_a_publish_that_waits_holds_no_document_that_another_wants(
    c: Connection, other: Connection, third: Connection
) -> None:
    await ingest(c, {"a": "a", "m": "m"})
    request, rival = await start(c, ["a", "m", "z"]), await start(c, ["z"])
    owner = await carry(c, request, "embedded", texts={"a": "new", "m": "new", "z": "older"})
    rival_owner = await carry(c, rival, "embedded", texts={"z": "newer"})
    async with other.transaction():
        await publish(other, rival, 0, rival_owner)  # z is new, and not committed
        saving = asyncio.create_task(publish(c, request, 0, owner))
        await blocked(third, c)  # it wants z too, and had a and m already
        await other.execute("delete from ingest_documents where uri = 'a'")
    assert await saving == (1, 1)
    assert await live(c) == {"m": "new", "z": "newer"}
    assert await states(c, request) == {"a": "deleted", "m": "published", "z": "superseded"}


async def test_publishers_of_the_same_documents_in_other_orders_do_not_deadlock(installed: str, c: Connection) -> None:
    uris = [f"d{n}" for n in range(30)]
    requests = [await start(c, order) for order in (uris, uris[::-1], uris[10:] + uris[:10], uris[::3])]
    owners = [await carry(c, request, "embedded") for request in requests]

    async def save(request: uuid.UUID, owner: uuid.UUID) -> None:
        async with session(installed) as own_session:
            await publish(own_session, request, 0, owner)

    async def delete() -> None:
        async with session(installed) as own_session:
            for uri in ("d20", "d3", "d12"):
                await own_session.execute("delete from ingest_documents where uri = $1", uri)

    await asyncio.gather(delete(), *map(save, requests, owners))
    assert (await live(c)).keys() >= set(uris) - {"d20", "d3", "d12"}
    for request in requests:
        assert "embedded" not in (await states(c, request)).values()
