"""Commands that meet what runs: earlier attempts, takeovers, claims cut short, DBOS's own tools, deploys.

Each test forces its interleaving: listeners are processes that are held at named points.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from dbos import DBOSClient
from embedding_service import EmbeddingService, Received, Reply, answer, failing
from listener_process import ListenerProcess
from pipeline import chunks, ended, one, until
from staging import Connection, add, blocked, session

pytestmark = pytest.mark.long  # see pyproject.toml

Start = Callable[..., ListenerProcess]
SETTINGS: dict[str, Any] = {
    "heartbeat_seconds": 0.2, "lease_seconds": 2, "safety_poll_seconds": 600, "batch_documents": 2, "group_texts": 2,
}  # fmt: skip


@pytest.fixture
async def c(own: Connection) -> Connection:
    return own


@pytest.fixture
def start(ready: str, tmp_path: Path, listeners: list[ListenerProcess]) -> Start:
    """Starts listeners in the test's database."""

    def start(**settings: Any) -> ListenerProcess:
        folder = tmp_path / f"listener {len(listeners)}"
        listeners.append(ListenerProcess(ready, folder, **SETTINGS | {"file_roots": tmp_path} | settings))
        return listeners[-1].ready()

    return start


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """Five documents: three batches."""
    return write(tmp_path / "docs")


def write(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for n in range(5):
        (folder / f"{n}.md").write_text(f"# Document {n}\n\nText number {n} of {folder.name}.\n")
    return folder


async def held(it: ListenerProcess, point: str, key: object = "") -> None:
    await asyncio.to_thread(it.held, point, key)


async def held_with_its_request(c: Connection, it: ListenerProcess, point: str, docs: Path) -> uuid.UUID:
    """Have a listener ingest a folder until it is held at a point; return the request."""
    request = uuid.uuid4()
    it.hold(point, key=request)
    await add(c, id=request, source=str(docs), collection="c")
    await held(it, point, request)
    return request


async def go_on_at_once(c: Connection, request: uuid.UUID) -> None:
    """Cancel and resume in one transaction: no listener has carried out the cancel by then."""
    async with c.transaction():
        await c.execute("select ingest_cancel($1)", request)
        await c.execute("select ingest_resume($1)", request)


async def obeyed(c: Connection, request: uuid.UUID) -> None:
    """Wait until all commands are carried out."""
    open_ = "select count(*) = 0 from ingest_commands where request_id = $1 and done_at is null"
    await until(lambda: c.fetchval(open_, request))


async def workflows(c: Connection, request: uuid.UUID) -> set[str]:
    query = "select distinct status from dbos.workflow_status where workflow_uuid like $1 || '%'"
    return {row["status"] for row in await c.fetch(query, str(request))}


async def everything(c: Connection, request: uuid.UUID) -> list[Any]:
    """Return all that is written about a request, but for who owned its batches last."""
    found = [await one(c, "select * from ingest_requests where id = $1", request)]
    found += await c.fetch("select * from ingest_revisions where request_id = $1 order by id", request)
    query = (
        "select * from ingest_chunk_store where revision_id in (select id from ingest_revisions where request_id = $1)"
    )
    return found + await c.fetch(f"{query} order by revision_id, ordinal", request)


async def assert_whole(c: Connection, row: asyncpg.Record, documents: int = 5) -> None:
    """All documents are live, each once and exact."""
    assert (row["status"], row["documents_total"], row["documents_done"]) == ("succeeded", documents, documents), row[
        "error"
    ]
    found = await chunks(c, row["collection"])
    assert len(found) == row["chunks_total"] == documents
    assert all(chunk["text"] == chunk["slice"] for chunk in found)
    assert await c.fetchval("select count(*) from ingest_revisions where request_id = $1", row["id"]) == documents


# an execution of an earlier attempt


POINTS = [
    "before:begin", "before:reset_manifest", "before:add_page", "before:complete_manifest", "before:batches",
    "before:own",
    "before:save_loaded", "before:save_chunked", "before:save_chunks", "before:save_embedded", "before:publish",
    "before:settle",
]  # fmt: skip


@pytest.mark.parametrize("others", [0, 1])
async def test_an_execution_that_slept_through_cancels_and_resumes_changes_nothing(
    c: Connection, start: Start, tmp_path: Path, others: int
) -> None:
    sleeper = start(concurrency=40, batch_concurrency=60)
    requests = {point: uuid.uuid4() for point in POINTS}
    for point, request in requests.items():
        sleeper.hold(point, key=request)
        await add(c, id=request, source=str(write(tmp_path / "docs" / point)), collection=point)
    for point, request in requests.items():
        await held(sleeper, point, request)
    for _ in range(others):
        start(concurrency=40, batch_concurrency=60)
    for request in requests.values():
        for _ in range(3):
            await go_on_at_once(c, request)
    rows = await ended(c, *requests.values())
    before = {row["id"]: await everything(c, row["id"]) for row in rows}
    sleeper.go()
    await until(lambda: nothing_runs(c))
    assert (await ingested_by(c, sleeper))["status"] == "succeeded"  # whatever it had at hand is through
    for row in rows:
        await assert_whole(c, row)
        assert await everything(c, row["id"]) == before[row["id"]]
        assert await workflows(c, row["id"]) == {"SUCCESS"}


async def nothing_runs(c: Connection) -> bool:
    query = "select count(*) = 0 from dbos.workflow_status where status in ('PENDING', 'ENQUEUED')"
    return bool(await c.fetchval(query))


async def ingested_by(c: Connection, it: ListenerProcess) -> asyncpg.Record:
    return (await ended(c, await add(c, content=f"the last one of {it.executor_id}")))[0]


async def test_a_discovery_that_slept_through_a_cancel_finds_nothing_for_the_next_attempt(
    c: Connection, start: Start, docs: Path
) -> None:
    for n in range(5, 1500):  # two pages
        (docs / f"{n}.md").write_text(f"Document {n}")
    it = start(batch_documents=100, group_texts=64)
    request = uuid.uuid4()
    it.hold("before:add_page", 2, key=request)
    await add(c, id=request, source=str(docs), collection="c")
    await held(it, "before:add_page", request)
    await c.execute("select ingest_cancel($1)", request)
    await obeyed(c, request)
    it.hold("after:reset_manifest", key=request)
    await c.execute("select ingest_resume($1)", request)
    await held(it, "after:reset_manifest", request)
    it.go()  # both write pages now
    (row,) = await ended(c, request)
    await assert_whole(c, row, 1500)
    assert (
        await c.fetchval("select count(distinct position) from ingest_revisions where request_id = $1", request) == 1500
    )


async def test_a_cancel_and_a_resume_between_claim_and_start(c: Connection, start: Start, docs: Path) -> None:
    slow = start()
    request = await held_with_its_request(c, slow, "before:start", docs)
    await c.execute("select ingest_cancel($1)", request)
    await obeyed(c, request)
    quick = start()
    await c.execute("select ingest_resume($1)", request)
    (row,) = await ended(c, request)
    assert (row["attempt"], row["executor_id"]) == (2, quick.executor_id)
    await assert_whole(c, row)
    before = await everything(c, request)
    slow.go()
    assert (await ingested_by(c, slow))["status"] == "succeeded"
    await until(lambda: nothing_runs(c))
    assert await everything(c, request) == before
    assert len(slow.embedded("Document") + quick.embedded("Document")) == 5


async def test_a_cancel_that_is_carried_out_late_does_nothing_to_what_goes_on(
    c: Connection, start: Start, docs: Path
) -> None:
    it = start()
    request = uuid.uuid4()
    it.hold("before:save_chunked", key=request)
    it.hold("before:obey", key=request)
    await add(c, id=request, source=str(docs), collection="c")
    await held(it, "before:save_chunked", request)
    await c.execute("select ingest_cancel($1)", request)
    await held(it, "before:obey", request)  # it has looked at the request, and is about to cancel its workflows
    async with session(it.dsn) as other, session(it.dsn) as observer:
        resumed = asyncio.ensure_future(other.execute("select ingest_resume($1)", request))
        await blocked(observer, other)  # until the workflows are cancelled: not after they were brought to life
        it.go()
        await resumed
    (row,) = await ended(c, request)
    await assert_whole(c, row)


async def test_an_execution_that_was_fenced_off_and_left_by_its_claimer_is_revived(
    c: Connection, start: Start, docs: Path
) -> None:
    """DBOS believes that it runs: nobody has cancelled it there. Its own listener sees that it does not execute it."""
    first = start(concurrency=1)
    request = await held_with_its_request(c, first, "before:save_loaded", docs)
    second = start()
    second.hold("before:rewind", key=request)
    await go_on_at_once(c, request)
    await held(second, "before:rewind", request)
    second.kill()
    first.go()
    (row,) = await ended(c, request)
    await assert_whole(c, row)


async def test_an_execution_that_gives_way_late_cancels_nothing_that_goes_on(
    c: Connection, start: Start, docs: Path
) -> None:
    it = start()
    request = await held_with_its_request(c, it, "before:save_loaded", docs)
    await c.execute("select ingest_cancel($1)", request)
    await obeyed(c, request)
    it.go()
    await until(lambda: nothing_runs(c))
    it.hold("after:held", key=request)
    await with_dbos(it.dsn, "resume_workflow", str(request))
    await held(it, "after:held", request)  # it has seen that the request is cancelled, and is about to cancel itself
    async with session(it.dsn) as other, session(it.dsn) as observer:
        resumed = asyncio.ensure_future(other.execute("select ingest_resume($1)", request))
        waits = asyncio.ensure_future(blocked(observer, other))
        await asyncio.wait([resumed, waits], return_when=asyncio.FIRST_COMPLETED)
        assert not resumed.done(), "what it brings to life would be cancelled"
        await waits
        it.go()
        await resumed
    (row,) = await ended(c, request)
    await assert_whole(c, row)
    assert row["attempt"] == 2


# claims of a request that goes on, cut short


async def failed_in_all_batches(c: Connection, it: ListenerProcess, docs: Path) -> uuid.UUID:
    """Return a failed request, the documents of which can be read by now."""
    texts = {path: path.read_text() for path in sorted(docs.iterdir())}  # noqa: ASYNC240 - five small files
    for path in texts:
        path.write_text("")
    (row,) = await ended(c, await add(c, source=str(docs), collection="c"))
    assert (row["status"], row["documents_failed"]) == ("failed", 5)
    for path, text in texts.items():
        path.write_text(text)
    # What failed for its text is read again.
    await c.execute("update ingest_revisions set error = error || '{\"step\": \"load\"}' where state = 'failed'")
    return uuid.UUID(str(row["id"]))


@pytest.mark.parametrize("place", [1, 2, 3, 4])  # the first batch, …, the request
async def test_a_listener_killed_while_it_brings_a_retried_request_to_life(
    c: Connection, start: Start, docs: Path, place: int
) -> None:
    victim = start()
    request = await failed_in_all_batches(c, victim, docs)
    victim.hold("before:rewind", place, key=request)
    await c.execute("select ingest_retry($1)", request)
    await held(victim, "before:rewind", request)
    other = start()
    if place > 1:  # the batches that were put on the queue run meanwhile, and are in the middle of something
        owned = "select count(*) filter (where owner is not null) >= 1 from ingest_batches where request_id = $1"
        await until(lambda: c.fetchval(owned, request))
    victim.kill()
    (row,) = await ended(c, request)
    await assert_whole(c, row)
    sent = victim.embedded() + other.embedded()
    assert len(set(sent)) == 5
    await until(lambda: nothing_runs(c))
    assert await workflows(c, request) == {"SUCCESS"}


async def test_the_reconciler_leaves_a_retried_request_alone_until_it_has_begun(
    c: Connection, start: Start, docs: Path
) -> None:
    claimer = start()
    request = await failed_in_all_batches(c, claimer, docs)
    claimer.hold("before:rewind", key=request)
    await c.execute("select ingest_retry($1)", request)
    await held(claimer, "before:rewind", request)
    # The workflow of another request ends later, without its saying so. When that was noticed, this one had its time.
    judge = start()
    marker = uuid.uuid4()
    judge.hold("before:save_loaded", key=marker)
    await add(c, id=marker, content="marker")
    await held(judge, "before:save_loaded", marker)
    await with_dbos(judge.dsn, "cancel_workflow", str(marker))
    assert (await ended(c, marker))[0]["status"] == "cancelled"
    row = await one(c, "select * from ingest_requests where id = $1", request)
    assert (row["status"], row["begun"], row["attempt"]) == ("running", 1, 2)
    claimer.go()
    (row,) = await ended(c, request)
    await assert_whole(c, row)
    assert row["attempt"] == 2


async def test_a_request_that_is_long_in_being_brought_to_life_is_not_brought_there_twice(
    c: Connection, start: Start, docs: Path
) -> None:
    it = start()
    request = await failed_in_all_batches(c, it, docs)
    it.hold("before:rewind", key=request)
    await c.execute("select ingest_retry($1)", request)
    await held(it, "before:rewind", request)
    await until(lambda: looked_twice_or_ended(c, it, request))
    row = await one(c, "select * from ingest_requests where id = $1", request)
    assert (row["status"], row["begun"], row["attempt"]) == ("running", 1, 2)
    it.go()
    (row,) = await ended(c, request)
    await assert_whole(c, row)
    await until(lambda: nothing_runs(c))
    assert await workflows(c, request) == {"SUCCESS"}


async def looked_twice_or_ended(c: Connection, it: ListenerProcess, request: uuid.UUID) -> bool:
    """Whether its listener has twice found a request late, and let it be."""
    running = await c.fetchval("select status = 'running' from ingest_requests where id = $1", request)
    return not running or it.log().count(f"{request} was claimed here but did not start") >= 2


async def with_dbos(dsn: str, verb: str, workflow: str, *arguments: Any) -> Any:
    """Do what ``dbos workflow …`` does."""
    client = DBOSClient(system_database_url=dsn)
    try:
        return await asyncio.to_thread(getattr(client, verb), workflow, *arguments)
    finally:
        await asyncio.to_thread(client.destroy)


# takeover


async def test_a_cancel_during_a_takeover_is_obeyed(c: Connection, start: Start, docs: Path) -> None:
    victim = start()
    request = await held_with_its_request(c, victim, "before:save_loaded", docs)
    heir = start()
    heir.hold("before:resume", key=request)
    victim.kill()
    await held(
        heir, "before:resume", request
    )  # it has seen that the request runs, and is about to resume its workflows
    async with session(heir.dsn) as other, session(heir.dsn) as observer:
        cancelled = asyncio.ensure_future(other.execute("select ingest_cancel($1)", request))
        await blocked(observer, other)
        heir.go()
        await cancelled
    await obeyed(c, request)
    await until(lambda: nothing_runs(c))
    live = await c.fetchval("select count(*) from ingest_documents where revision_id is not null")
    assert (await one(c, "select * from ingest_requests where id = $1", request))["status"] == "cancelled"
    await c.execute("select ingest_resume($1)", request)
    (row,) = await ended(c, request)
    assert live <= 5
    await assert_whole(c, row)


async def test_a_command_is_heard_by_a_listener_that_is_full(c: Connection, start: Start) -> None:
    it = start(concurrency=1)
    it.hold("before:embed")
    request = await add(c, content="nothing is free beside it")
    await held(it, "before:embed")
    await c.execute("select ingest_cancel($1)", request)
    await obeyed(c, request)
    took = await c.fetchval("select extract(epoch from done_at - created_at) from ingest_commands")
    print(f"heard after {took:.3f} s")
    assert took < 2.5, "it looks for commands that it did not hear of every 5 s"


# DBOS's own tools


async def test_a_batch_that_was_cancelled_with_dboss_tools_makes_its_request_cancelled_and_resumable(
    c: Connection, start: Start, docs: Path
) -> None:
    it = start()
    request = uuid.uuid4()
    it.hold("before:save_embedded", key="number=2")
    await add(c, id=request, source=str(docs), collection="c")
    await held(it, "before:save_embedded", "number=2")
    await with_dbos(it.dsn, "cancel_workflow", f"{request}:2")
    (row,) = await ended(c, request)
    assert (row["status"], row["error"]["code"]) == ("cancelled", "cancelled")
    assert "DBOS" in row["error"]["message"]
    it.go()
    await c.execute("select ingest_resume($1)", request)
    (row,) = await ended(c, request)
    await assert_whole(c, row)
    assert len(it.embedded()) == 5


async def test_a_cancelled_request_stays_cancelled_when_its_workflows_are_resumed_with_dboss_tools(
    c: Connection, start: Start, docs: Path
) -> None:
    it = start()
    request = await held_with_its_request(c, it, "before:save_loaded", docs)
    await c.execute("select ingest_cancel($1)", request)
    await obeyed(c, request)
    it.go()
    for workflow in (f"{request}:1", str(request)):
        await with_dbos(it.dsn, "resume_workflow", workflow)
    await until(lambda: nothing_runs(c))
    assert await workflows(c, request) == {"CANCELLED"}
    assert (await one(c, "select * from ingest_requests where id = $1", request))["status"] == "cancelled"
    assert await chunks(c, "c") == []
    await c.execute("select ingest_resume($1)", request)
    await assert_whole(c, (await ended(c, request))[0])


async def test_a_fork_made_with_dboss_tools_is_refused_and_leaves_the_request_as_it_is(
    c: Connection, start: Start, docs: Path
) -> None:
    it = start()
    (row,) = await ended(c, await add(c, source=str(docs), collection="c"))
    before = await everything(c, row["id"])
    for workflow in (str(row["id"]), f"{row['id']}:1"):
        copy = await with_dbos(it.dsn, "fork_workflow", workflow, 1)
        status = "select status from dbos.workflow_status where workflow_uuid = $1"
        await until(lambda: is_(c, "ERROR", status, copy.workflow_id))  # noqa: B023 - asked before the next
        error = await c.fetchval("select error from dbos.workflow_output where workflow_uuid = $1", copy.workflow_id)
        assert "forked_with_dbos" in error
    assert await everything(c, row["id"]) == before


async def is_(c: Connection, wanted: Any, query: str, *values: Any) -> bool:
    return bool(await c.fetchval(query, *values) == wanted)


# one batch of several that fails


async def test_a_retry_sends_only_what_the_batch_that_failed_had_left(c: Connection, start: Start, docs: Path) -> None:
    async with EmbeddingService(dimensions=8) as service:
        broken = failing(500)

        def usual(service: EmbeddingService, received: Received) -> Reply:
            return (broken if any("number 2" in text for text in received.texts) else answer)(service, received)

        service.always(usual)
        start(
            embedder="openai", embedding_model="test", embedding_dimensions=8, openai_base_url=service.url,
            openai_api_key="sk-test", embed_interval_seconds=0.01, embed_attempts=3,
        )  # fmt: skip
        (row,) = await ended(c, await add(c, source=str(docs), collection="c"))
        assert (row["status"], row["documents_done"], row["error"]["step"]) == ("failed", 3, "embed"), row
        states = "select state from ingest_revisions where request_id = $1 order by position"
        found = [one["state"] for one in await c.fetch(states, row["id"])]
        assert found == ["published", "published", "chunked", "chunked", "published"]
        service.always(answer)
        sent = len(service.requests)
        await c.execute("select ingest_retry($1)", row["id"])
        (row,) = await ended(c, row["id"])
        await assert_whole(c, row)
        texts = [text for request in service.requests[sent:] for text in request.texts]
        assert len(texts) == 2
        assert all("number 2" in text or "number 3" in text for text in texts)


# deploys


async def pipelines(c: Connection, requests: list[uuid.UUID]) -> set[tuple[str, str]]:
    """Return pairs of a request's version and that of its workflows."""
    rows = await c.fetch(
        "select distinct r.settings ->> 'pipeline' as mine, w.application_version as its from ingest_requests r"
        " join dbos.workflow_status w on split_part(w.workflow_uuid, ':', 1) = r.id::text where r.id = any ($1)",
        requests,
    )
    return {(row["mine"], row["its"]) for row in rows}


async def test_a_raised_pipeline_starts_over_what_is_on_its_way_and_strands_nothing(
    c: Connection, start: Start, tmp_path: Path
) -> None:
    old = start(pipeline="old", concurrency=20, batch_concurrency=40)
    points = ["before:add_page", "before:save_loaded", "before:save_chunks", "before:save_embedded", "after:publish"]
    requests = {point: uuid.uuid4() for point in points}
    for point, request in requests.items():
        old.hold(point, 2 if point == "after:publish" else 1, key=request)
        await add(c, id=request, source=str(write(tmp_path / "docs" / point)), collection=point)
    for point, request in requests.items():
        await held(old, point, request)
    old.kill()
    published = await c.fetch("select id, published_at from ingest_revisions where state = 'published' order by id")
    assert published
    died = await c.fetchval("select clock_timestamp()")
    start(pipeline="new", concurrency=20, batch_concurrency=40)
    rows = await ended(c, *requests.values())
    for row in rows:
        await assert_whole(c, row)
    assert await pipelines(c, list(requests.values())) >= {("new", "new")}
    still = await c.fetch(
        "select id, published_at from ingest_revisions where id = any ($1) and state = 'published' order by id",
        [row["id"] for row in published],
    )
    assert still == published
    mixed = "select count(*) from ingest_revisions where published_at > $1 and loaded_at < $1"
    assert await c.fetchval(mixed, died) == 0
    await until(lambda: nothing_runs(c))


async def test_batches_that_wait_on_the_queue_for_an_old_version_are_moved_on(
    c: Connection, start: Start, docs: Path
) -> None:
    old, stopped = (start(pipeline="old", batch_concurrency=1, batch_documents=1, lease_seconds=20) for _ in range(2))
    request = uuid.uuid4()
    for it in (old, stopped):
        it.hold("before:save_loaded", key=request)
    await add(c, id=request, source=str(docs), collection="c")
    for it in (old, stopped):
        await held(it, "before:save_loaded", request)
    queued = "select count(*) > 0 from dbos.workflow_status where workflow_uuid like $1 || ':%' and status = 'ENQUEUED'"
    await until(lambda: c.fetchval(queued, str(request)))
    for it in (old, stopped):
        it.kill()
    await c.execute("update ingest_listeners set lease = '1 second'")
    start(pipeline="new")
    (row,) = await ended(c, request)
    await assert_whole(c, row)
    assert await pipelines(c, [request]) == {("new", "new")}


async def test_old_and_new_listeners_work_side_by_side_and_mix_nothing(c: Connection, start: Start, docs: Path) -> None:
    them = [start(pipeline=pipeline, concurrency=3) for pipeline in ("old", "new", "old", "new")]
    requests = [await add(c, source=str(docs), collection=f"c{n}") for n in range(24)]
    await until(lambda: c.fetchval("select count(*) > 6 from ingest_requests where finished_at is not null"))
    them[0].kill()
    them[2].kill()
    for row in await ended(c, *requests):
        await assert_whole(c, row)
    assert {mine for mine, its in await pipelines(c, requests) if mine != its} <= {"new"}
    await until(lambda: nothing_runs(c))


async def test_a_listener_whose_functions_a_newer_program_has_replaced_ends_and_loses_nothing(
    c: Connection, start: Start, docs: Path
) -> None:
    old = start()
    old.hold("before:save_loaded")
    request = await add(c, source=str(docs), collection="c")
    await held(old, "before:save_loaded")
    name = await one(
        c,
        "select oid::regprocedure::text as it from pg_proc where proname = 'ingest_save_loaded'"
        " and oid::regprocedure::text ~ 'fence'",  # not the one for listeners of the former release
    )
    await c.execute(f"alter function {name['it']} rename to ingest_save_loaded_anew")
    old.go()
    assert await asyncio.to_thread(old.ended) == 5
    assert "schema_newer" in old.log()
    row = await one(c, "select * from ingest_requests where id = $1", request)
    assert (row["status"], row["error"]) == ("running", None)
    renamed = name["it"].replace("ingest_save_loaded", "ingest_save_loaded_anew")
    await c.execute(f"alter function {renamed} rename to ingest_save_loaded")  # what a newer one finds
    start()
    (row,) = await ended(c, request)
    await assert_whole(c, row)
    assert row["attempt"] == 1
