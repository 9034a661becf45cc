"""A shared batch in two statements: one begins it, one writes all that its steps found out; and who waits for whom."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest
from pgvector import Vector
from pgvector.asyncpg import register_vector
from staging import Connection, add, add_listener, blocked, carry, claim, digest, ingest, live, one, own, start, states

from listener.database.connections import open_database
from listener.documents.parsed import Parsed
from listener.pipeline.rows import Count, Cut, Loaded, NewChunk, Outcome
from listener.pipeline.shared_gateway import SharedGateway
from listener.settings import Settings

TAKE = "select settings, documents from ingest_take_shared($1, 'L1', $2)"
SAVE = """select * from ingest_save_shared($1::ingest_fence_v1, $2::ingest_loaded_v2[], $3::ingest_cut_v2[],
  $4::ingest_chunk_v1[], $5::ingest_count_v1[], $6::ingest_outcome_v2[])"""
REST = [None] * 5
FAULT = {"code": "no_text", "message": "m", "hint": "h"}


async def taken(c: Connection, uris: Sequence[str], token: uuid.UUID) -> list[Any]:
    """Insert and claim a request for each URI, and take them together; return their documents, by URI."""
    await add_listener(c)
    requests = [await add(c, content=f"text of {uri}", uri=uri, metadata={"k": uri}) for uri in uris]
    await claim(c)
    row = await one(c, TAKE, requests, token)
    assert row["settings"]["chunk_size"] > 0
    return sorted(row["documents"], key=lambda document: document["uri"])


async def save(
    c: Connection, token: uuid.UUID, documents: Sequence[Any], faults: Sequence[str] = (), fence: Any = None
) -> Any:
    """Write what the steps found out: a chunk for each document, but a fault of those in ``faults``."""
    loaded: list[Any] = []
    cuts: list[Any] = []
    chunks, counts, outcomes = [], [], []
    for one_ in documents:
        revision, text = one_["revision"], one_["content"]
        if one_["uri"] in faults:
            loaded.append(
                (revision, one_["read_seq"], digest(text), 1, None, None, None, None, None, FAULT, *[None] * 5)
            )
            continue
        loaded.append((revision, one_["read_seq"], digest(text), len(text), text, "Title", *[None] * 9))
        cuts.append((revision, [0], [len(text)], [[]], None, None))
        chunks.append((revision, 0, 0, len(text), text, digest(text), one_["metadata"], Vector([1, 0, 0])))
        counts.append((one_["request_id"], 1, 1, 7))
        outcomes.append((revision, None, 0.5))
    fence = fence or ([one_["request_id"] for one_ in documents], 1, token)
    return await one(c, SAVE, fence, loaded, cuts, chunks, counts, outcomes)


@pytest.fixture(autouse=True)
async def vectors(c: Connection) -> None:
    """Vectors inside of composites."""
    await register_vector(c)


async def test_documents_go_from_their_text_to_their_requests_end_in_one_statement(c: Connection) -> None:
    token = uuid.uuid4()
    documents = await taken(c, ["a", "b"], token)
    row = await save(c, token, documents, faults=["b"])
    ends = dict(zip(row["ended"], row["statuses"], strict=True))
    assert (row["published"], row["superseded"]) == (1, 0)
    assert ends == {documents[0]["request_id"]: "succeeded", documents[1]["request_id"]: "failed"}
    assert await live(c) == {"a": "text of a"}
    batch = await one(c, "select * from ingest_batches where request_id = $1", documents[0]["request_id"])
    counted = (batch["chunks"], batch["chunks_embedded"], batch["tokens"], batch["remaining"], batch["done"])
    assert counted == (1, 1, 7, 0, 1)
    assert batch["finished_at"]
    assert batch["step"] is None
    error = await c.fetchval("select error ->> 'code' from ingest_requests where id = $1", documents[1]["request_id"])
    assert error == "no_text"


async def test_what_was_written_once_is_neither_written_nor_counted_again(c: Connection) -> None:
    token = uuid.uuid4()
    documents = await taken(c, ["a"], token)
    await save(c, token, documents)
    before = await c.fetch("select * from ingest_revisions")
    with pytest.raises(asyncpg.PostgresError) as refused:  # its request has ended
        await save(c, token, documents)
    assert refused.value.sqlstate == "IG021"
    assert await c.fetch("select * from ingest_revisions") == before
    assert await c.fetchval("select sum(tokens) from ingest_usage") == 7


async def test_who_is_not_the_owner_writes_nothing(c: Connection) -> None:
    token = uuid.uuid4()
    documents = await taken(c, ["a"], token)
    request = documents[0]["request_id"]
    assert await c.fetchval("select ingest_own_batch($1, 1, 'L1', $2)", request, uuid.uuid4()) == "together"
    with pytest.raises(asyncpg.PostgresError) as refused:
        await save(c, token, documents)
    assert refused.value.sqlstate == "IG021"
    assert await states(c, request) == {"a": "discovered"}
    assert await c.fetchval("select count(*) from ingest_documents") == 0


async def test_one_that_was_cancelled_or_has_another_owner_is_left_out(c: Connection) -> None:
    token = uuid.uuid4()
    documents = await taken(c, ["cancelled", "goes on", "taken over"], token)
    cancelled, goes_on, taken_over = (document["request_id"] for document in documents)
    await c.execute("select ingest_cancel($1)", cancelled)
    assert await c.fetchval("select ingest_own_batch($1, 1, 'L1', $2)", taken_over, uuid.uuid4()) == "together"
    row = await save(c, token, documents)
    assert (row["ended"], row["statuses"]) == ([goes_on], ["succeeded"])
    assert await live(c) == {"goes on": "text of goes on"}
    assert await states(c, taken_over) == {"taken over": "discovered"}
    # What was paid for is there when it goes on.
    assert await states(c, cancelled) == {"cancelled": "embedded"}


async def test_a_newer_reading_stays_live(c: Connection) -> None:
    token = uuid.uuid4()
    documents = await taken(c, ["a"], token)
    newer = await start(c, ["a"])
    await carry(c, newer, texts={"a": "newer"})
    row = await save(c, token, documents)
    assert (row["published"], row["superseded"], row["statuses"]) == (0, 1, ["succeeded"])
    assert await live(c) == {"a": "newer"}


async def test_a_document_that_is_known_comes_with_what_is_live_of_it(c: Connection) -> None:
    token = uuid.uuid4()
    await ingest(c, {"a": "text of a"}, metadata={"k": "a"})
    (document,) = await taken_beside(c, "a", token)
    assert document["live_hash"] == digest("text of a")
    assert (document["content"], document["metadata"]) == ("text of a", {"k": "a"})


async def taken_beside(c: Connection, uri: str, token: uuid.UUID) -> list[Any]:
    request = await add(c, content=f"text of {uri}", uri=uri, metadata={"k": uri})
    await claim(c)
    documents: list[Any] = (await one(c, TAKE, [request], token))["documents"]
    return documents


async def test_what_was_written_whole_is_not_written_in_parts_after_it(c: Connection, installed: str) -> None:
    await add_listener(c)
    request = await add(c, content="text", uri="a")
    await claim(c)
    pool = await (await open_database(Settings(), installed)).pool(2, "shared")
    gateway = SharedGateway(pool)
    fence = await gateway.begin_shared([request], "L1")
    assert fence
    (row,) = await gateway.to_load(fence)
    await gateway.save_loaded(fence, [Loaded(row.id, row.read_seq, parsed=Parsed("text", "text/plain")).as_row])
    await gateway.save_chunked(fence, [Cut(row.id, [0], [4])])
    chunk = NewChunk(request, row.id, 0, 0, 4, "text", "text", digest("text"), "{}")
    await gateway.save_chunks(fence, [chunk], [Vector([1, 0, 0])])
    await gateway.note_embedded(fence, [Count(request, 1, 1, 7)])
    await gateway.save_embedded(fence, [Outcome(row.id)])
    gateway.started.set()
    assert await gateway.publish(fence) == (1, 0)
    await gateway.write_what_takes_longer(fence)  # it was about to, or waited for us
    await pool.close()
    assert await c.fetchval("select sum(tokens) from ingest_usage") == 7
    assert await c.fetchval("select step from ingest_batches where request_id = $1", request) is None


# Writers of chunks, counts, and who takes a batch from its owner

STORE = "select ingest_save_chunks($1::ingest_fence_v1, '{}'::ingest_chunk_v1[])"
COUNT = "select ingest_note_embedded($1::ingest_fence_v1, '{}'::ingest_count_v1[])"


async def test_counting_and_storing_chunks_do_not_wait_for_each_other(c: Connection, other: Connection) -> None:
    request = await start(c, ["a"])
    fence = ([request], 0, await carry(c, request, "chunked"))
    await other.execute("set lock_timeout = '1s'")
    for first, second in ((STORE, COUNT), (COUNT, STORE), (STORE, STORE)):
        async with c.transaction():
            await c.execute(first, fence)
            await other.execute(second, fence)


@pytest.mark.parametrize(
    "taking",
    [
        "select ingest_own_batch($1, 0, 'L1', gen_random_uuid())",
        "select ingest_lock_request($1)",
        "select ingest_lock_left($1)",
        "select ingest_unclaim($1, 'L1')",
        "select ingest_hold_running(array(select collection from ingest_requests where id = $1))",
    ],
)
async def test_who_takes_a_batch_waits_for_what_is_being_stored(
    c: Connection, other: Connection, third: Connection, taking: str
) -> None:
    request = await start(c, ["a"])
    fence = ([request], 0, await own(c, request))
    transaction = c.transaction()
    await transaction.start()
    await c.execute(STORE, fence)
    waiting = asyncio.ensure_future(other.execute(taking, request))
    await blocked(third, other)
    await transaction.commit()
    await waiting
