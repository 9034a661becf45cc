"""Small requests that share a batch: each ends, fails, is cancelled and recovered as if it were alone."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from embedding_service import EmbeddingService, failing
from listener_process import ListenerProcess
from pipeline import chunks, ended, ingested, one, until
from staging import Connection, collection

Start = Callable[..., ListenerProcess]
SETTINGS: dict[str, Any] = {
    "heartbeat_seconds": 0.2, "lease_seconds": 1, "safety_poll_seconds": 600, "concurrency": 64,
}  # fmt: skip
MEMBERS = 12


@pytest.fixture
async def c(own: Connection) -> Connection:
    return own


@pytest.fixture
def start(ready: str, tmp_path: Path, listeners: list[ListenerProcess]) -> Start:
    """Starts listeners in the test's database."""

    def start(**settings: Any) -> ListenerProcess:
        folder = tmp_path / f"listener {len(listeners)}"
        listeners.append(ListenerProcess(ready, folder, **SETTINGS | settings))
        return listeners[-1].ready()

    return start


def text(number: int) -> str:
    return f"# Note {number}\n\nA few words about number {number}.\n"


async def insert(c: Connection, texts: Sequence[str], uris: Sequence[str] | None = None, into: str = "c") -> list[Any]:
    """Insert requests in one transaction; return their ids, in order."""
    rows = await c.fetch(
        "insert into ingest_requests (content, uri, collection) select content, uri, $3"
        " from unnest($1::text[], $2::text[]) as n (content, uri) returning id",
        list(texts), list(uris or [f"note-{number:02}" for number in range(len(texts))]), into,
    )  # fmt: skip
    return [row["id"] for row in rows]


async def checkpoints(c: Connection, requests: Sequence[uuid.UUID]) -> int:
    """Return how many steps DBOS has recorded for the requests."""
    query = "select count(*) from dbos.operation_outputs where workflow_uuid = any ($1)"
    return int(await c.fetchval(query, [str(request) for request in requests]))


async def workflows(c: Connection, requests: Sequence[uuid.UUID]) -> list[tuple[str, int]]:
    """Return how many workflows of the requests have which status."""
    query = (
        "select status, count(*) as n from dbos.workflow_status where split_part(workflow_uuid, ':', 1) = any ($1)"
        " group by 1 order by 1"
    )
    return [(row["status"], row["n"]) for row in await c.fetch(query, [str(request) for request in requests])]


async def assert_whole(c: Connection, rows: Sequence[asyncpg.Record], attempt: int = 1) -> None:
    """Each request has its one document live, chunked and counted as if it had gone alone."""
    for row in rows:
        found = (row["status"], row["documents_total"], row["documents_done"], row["chunks_total"], row["attempt"])
        assert found == ("succeeded", 1, 1, 1, attempt), row["error"]
    live = await chunks(c, rows[0]["collection"])
    assert len(live) == len(rows)
    assert all(chunk["text"] == chunk["slice"] for chunk in live)


async def test_requests_that_are_inserted_together_share_their_steps_and_their_calls(
    c: Connection, start: Start
) -> None:
    it = start()
    requests = await insert(c, [text(number) for number in range(MEMBERS)])
    rows = await ended(c, *requests)
    await assert_whole(c, rows)
    await until(lambda: all_succeeded(c, requests))
    assert await checkpoints(c, requests) == 0
    assert len({row["owner"] for row in await c.fetch("select owner from ingest_batches")}) == 1
    assert sorted(it.embedded()) == sorted(it.embedded("number"))
    assert len(it.embedded()) == MEMBERS


async def test_what_came_through_a_shared_batch_equals_what_came_alone(c: Connection, start: Start) -> None:
    start()
    together = await ended(c, *await insert(c, [text(number) for number in range(3)]))
    alone = [
        await ingested(c, content=text(number), uri=f"note-{number:02}", collection="alone") for number in range(3)
    ]
    ours = {
        "id",
        "collection",
        "created_at",
        "started_at",
        "discovered_at",
        "finished_at",
        "run_at",
        "read_seq",
        "settings",
        "tokens",  # who came first paid for the texts
    }
    for shared, single in zip(together, alone, strict=True):
        assert {k: v for k, v in shared.items() if k not in ours} == {k: v for k, v in single.items() if k not in ours}
    of = ("uri", "ordinal", "text", "metadata", "start_char", "end_char", "embedding")
    first, second = [
        [tuple(str(chunk[name]) for name in of) for chunk in await chunks(c, name)] for name in ("c", "alone")
    ]
    assert first == second


POINTS = [
    "before:begin_shared", "after:begin_shared", "before:save_loaded", "after:save_loaded", "before:save_chunked",
    "after:save_chunked", "before:save_chunks", "after:save_chunks", "before:save_embedded", "after:save_embedded",
    "before:publish", "before:start", "after:start", "after:publish", "before:end_shared", "after:end_shared",
]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("point", POINTS)
async def test_a_listener_killed_in_the_middle_of_a_shared_batch_leaves_each_of_them_to_another(
    c: Connection, start: Start, point: str
) -> None:
    victim = start()
    victim.hold(point)
    requests = await insert(c, [text(number) for number in range(MEMBERS)])
    await asyncio.to_thread(victim.held, point)
    await until(lambda: stand_in_dbos(c, MEMBERS - (point == "before:start")))
    if stored_first := POINTS.index(point) >= POINTS.index("after:save_chunks"):  # at the latest after a moment
        await until(lambda: c.fetchval("select count(*) = $1 from ingest_chunk_store", MEMBERS))
    if point.endswith(":start"):
        assert await chunks(c, "c") == [], "nothing is published before all of the workflows stand"
    heir = start()
    victim.kill()
    rows = await ended(c, *requests)
    await assert_whole(c, rows)
    await until(lambda: all_succeeded(c, requests))
    sent = victim.embedded() + heir.embedded()
    assert len(set(sent)) == MEMBERS
    assert len(sent) <= (MEMBERS if stored_first or not victim.embedded() else 2 * MEMBERS), "one call is repeated"


async def stand_in_dbos(c: Connection, least: int) -> bool:
    return bool(await c.fetchval("select count(*) >= $1 from dbos.workflow_status", least))


async def all_succeeded(c: Connection, requests: Sequence[uuid.UUID]) -> bool:
    return await workflows(c, requests) == [("SUCCESS", len(requests))]


async def test_a_cancel_takes_one_request_out_of_a_shared_batch(c: Connection, start: Start) -> None:
    it = start()
    it.hold("before:embed")
    requests = await insert(c, [text(number) for number in range(MEMBERS)])
    await asyncio.to_thread(it.held, "before:embed")
    await c.execute("select ingest_cancel($1)", requests[3])
    status = "select status from dbos.workflow_status where workflow_uuid = $1"
    await until(lambda: cancelled_in_dbos(c, status, requests[3]))
    it.go()
    others = [request for request in requests if request != requests[3]]
    assert {row["status"] for row in await ended(c, *others)} == {"succeeded"}
    live = {chunk["uri"] for chunk in await chunks(c, "c")}
    assert live == {f"note-{number:02}" for number in range(MEMBERS)} - {"note-03"}
    await c.execute("select ingest_resume($1)", requests[3])
    (row,) = await ended(c, requests[3])
    assert (row["status"], row["attempt"], row["documents_done"]) == ("succeeded", 2, 1)
    assert len(it.embedded("number 3.")) == 1  # what the shared batch stored for it is there


async def cancelled_in_dbos(c: Connection, query: str, request: uuid.UUID) -> bool:
    return bool(await c.fetchval(query, str(request)) == "CANCELLED")


@pytest.mark.long  # see pyproject.toml
async def test_a_shared_batch_whose_requests_were_all_cancelled_is_abandoned_with_its_calls(
    c: Connection, start: Start
) -> None:
    it = start(concurrency=MEMBERS)
    it.hold("before:embed")
    requests = await insert(c, [text(number) for number in range(MEMBERS)])
    await asyncio.to_thread(it.held, "before:embed")
    await c.execute("select ingest_cancel(id) from ingest_requests")
    # The held call is never answered: only a batch that was abandoned makes room for this one.
    after = await insert(c, ["One that comes after them."], ["after"], into="other")
    assert (await ended(c, *after))[0]["status"] == "succeeded"
    assert {row["status"] for row in await ended(c, *requests)} == {"cancelled"}
    assert await chunks(c, "c") == []


async def test_a_document_without_text_fails_its_own_request_only(c: Connection, start: Start) -> None:
    start()
    requests = await insert(c, [text(0), " \n ", text(2)])
    rows = await ended(c, *requests)
    assert [row["status"] for row in rows] == ["succeeded", "failed", "succeeded"]
    assert rows[1]["error"]["code"] == "no_text"
    await until(lambda: all_succeeded(c, requests))


async def test_of_two_requests_for_one_document_the_newer_wins(c: Connection, start: Start) -> None:
    start()
    requests = await insert(c, ["The older text.", "The newer text.", text(2)], ["same", "same", "other"])
    rows = await ended(c, *requests)
    assert {row["status"] for row in rows} == {"succeeded"}
    assert [chunk["text"] for chunk in await chunks(c, "c") if chunk["uri"] == "same"] == ["The newer text."]


async def test_requests_of_two_collections_do_not_share(c: Connection, start: Start) -> None:
    await collection(c, "a", chunk_size=200)
    await collection(c, "b", chunk_size=300)
    it = start(concurrency=64)
    it.hold("after:begin_shared")
    async with c.transaction():
        requests = await insert(c, [text(0), text(1)], into="a") + await insert(c, [text(2), text(3)], into="b")
    await asyncio.to_thread(it.held, "after:begin_shared")
    it.go()
    assert {row["status"] for row in await ended(c, *requests)} == {"succeeded"}
    owners = await c.fetch("select count(*) as n from ingest_batches group by owner")
    assert sorted(row["n"] for row in owners) == [2, 2]


@pytest.mark.long  # see pyproject.toml
async def test_what_kills_its_listener_is_found_among_those_that_shared_with_it(
    c: Connection, start: Start, tmp_path: Path
) -> None:
    deadly = tmp_path / "deadly"
    deadly.write_text("embed:murderous\n")
    requests = await insert(c, [text(0), "This murderous text kills.", text(2)])
    deaths = 0
    listener = start(deadly=deadly)
    query = "select count(*) = 0 from ingest_requests where finished_at is null"
    while not await c.fetchval(query):
        if listener.process.poll() is not None:
            deaths += 1
            listener.ended()
            listener = await asyncio.to_thread(start, deadly=deadly)
        await asyncio.sleep(0.05)
    rows = await ended(c, *requests)
    assert [row["status"] for row in rows] == ["succeeded", "failed", "succeeded"], [row["error"] for row in rows]
    assert rows[1]["error"]["code"] == "killed_listener"
    assert deaths <= 6, "the first death, three attempts, and one alone"


@pytest.mark.long  # see pyproject.toml
async def test_a_refusal_of_the_service_fails_all_and_each_can_be_retried(c: Connection, start: Start) -> None:
    async with EmbeddingService(dimensions=8) as service:
        service.always(failing(401, "no such key"))
        await collection(c, "c", embedder="openai", model="m", endpoint=service.url, dimensions=8)
        start(openai_api_key="k", openai_base_url=service.url)
        requests = await insert(c, [text(0), text(1)])
        rows = await ended(c, *requests)
        assert {row["status"] for row in rows} == {"failed"}
        codes = {row["error"]["code"] for row in rows}
        assert len(codes) == 1
        await c.execute("select ingest_retry(id) from ingest_requests where status = 'failed'")
        again = await ended(c, *requests)
        assert {(row["status"], row["attempt"], row["error"]["code"]) for row in again} == {("failed", 2, *codes)}


async def go_on_at_once(c: Connection, request: uuid.UUID) -> None:
    """Cancel and resume in one transaction: no listener has carried out the cancel by then."""
    async with c.transaction():
        await c.execute("select ingest_cancel($1)", request)
        await c.execute("select ingest_resume($1)", request)


async def test_a_request_that_was_cancelled_and_goes_on_does_not_wait_for_the_batch_that_it_shared(
    c: Connection, start: Start
) -> None:
    it = start()
    it.hold("before:to_embed")
    requests = await insert(c, [text(number) for number in range(MEMBERS)])
    await asyncio.to_thread(it.held, "before:to_embed")
    await go_on_at_once(c, requests[0])
    (row,) = await ended(c, requests[0])
    await assert_whole(c, [row], attempt=2)
    it.go()
    await ended(c, *requests)
    await until(lambda: all_succeeded(c, requests))
    assert len(await chunks(c, "c")) == len(it.embedded()) == MEMBERS


@pytest.mark.long  # see pyproject.toml
async def test_a_shared_batch_that_fails_leaves_alone_who_was_cancelled_and_goes_on(
    c: Connection, start: Start, tmp_path: Path
) -> None:
    async with EmbeddingService(dimensions=8) as service:
        settings = {"embedder": "openai", "model": "test", "endpoint": service.url, "dimensions": 8}
        await collection(c, "c", settings)
        given = {"openai_base_url": service.url, "openai_api_key": "sk-test"}
        slow = start(concurrency=3, **given)  # it has no place for who goes on
        slow.hold("before:to_embed")
        requests = await insert(c, [text(number) for number in range(3)])
        await asyncio.to_thread(slow.held, "before:to_embed")
        quick = start(file_roots=tmp_path, **given)  # so it has a queue of its own
        quick.hold("before:to_embed", key=requests[0])
        await go_on_at_once(c, requests[0])
        await asyncio.to_thread(quick.held, "before:to_embed", requests[0])
        service.next(failing(401, "no such key"))
        slow.go()
        rows = await ended(c, *requests[1:])
        assert [row["status"] for row in rows] == ["failed", "failed"]
        quick.go()
        (row,) = await ended(c, requests[0])
        assert (row["status"], row["attempt"]) == ("succeeded", 2), row["error"]


@pytest.mark.long  # see pyproject.toml
async def test_a_batch_that_another_execution_took_over_is_left_out_of_every_write(c: Connection, start: Start) -> None:
    it = start()
    it.hold("before:publish")
    requests = await insert(c, [text(number) for number in range(3)])
    await asyncio.to_thread(it.held, "before:publish")
    query = "select ingest_own_batch($1, 1, $2, $3)"
    assert await c.fetchval(query, requests[0], it.executor_id, uuid.uuid4()) == "together"
    it.hold("before:own", key=requests[0])
    it.go_when_it_runs()
    (row, _) = await ended(c, *requests[1:])
    assert row["status"] == "succeeded"
    states = await c.fetch("select state from ingest_revisions where request_id = $1", requests[0])
    assert [row["state"] for row in states] in (["discovered"], ["embedded"])  # as far as it was when it was taken
    (row,) = await ended(c, requests[0])
    assert row["status"] == "succeeded"
    assert (await one(c, "select count(*) as n from ingest_chunks"))["n"] == 3
