"""How listeners wake, claim, share, wait, stop and survive, each in a process of its own."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from listener_process import ListenerProcess
from pipeline import Shared, ended, ingested, one, until, uris
from staging import Connection, add, collection, session

from listener import embedded

FAST: dict[str, object] = {"heartbeat_seconds": 0.2, "lease_seconds": 1, "safety_poll_seconds": 600}
SOON = 5.0  # far below the safety poll of ten minutes, far above what it takes
IDLE_LOCK = (
    "select pid from pg_locks where locktype = 'advisory' and mode = 'ExclusiveLock' and granted"
    " and database = (select oid from pg_database where datname = current_database())"
    " and classid::bigint << 32 | objid::bigint = ingest_lock_key('idle')"
)

Start = Callable[..., ListenerProcess]


@pytest.fixture
def start(tmp_path: Path, ready: str, listeners: list[ListenerProcess]) -> Start:
    """Starts listeners on this test's own database."""

    def start_one(dsn: str = ready, **settings: object) -> ListenerProcess:
        it = ListenerProcess(dsn, tmp_path / f"listener{len(listeners)}", **(FAST | settings))  # type: ignore[arg-type]
        listeners.append(it)
        return it

    return start_one


async def resting(c: Connection) -> int:
    """Wait until a listener sleeps behind the doorbell; return its backend's process id."""
    pid: int = await until(lambda: c.fetchval(IDLE_LOCK))
    return pid


# Waking up


async def test_a_request_is_picked_up_when_its_long_transaction_commits(
    c: Connection, other: Connection, name: str
) -> None:
    await resting(c)
    async with other.transaction():
        late = await add(other, collection=name, content="late", uri="late")
        await ingested(c, collection=name, content="early", uri="early")
        await resting(c)
    await ended(c, late, within=SOON)


async def test_a_request_is_picked_up_that_began_while_no_listener_rested(single: ListenerProcess) -> None:
    """The inserter does not ring then: the listener must look again when the inserter's transaction ends."""
    single.hold("before:begin_shared")
    async with session(single.dsn) as c, session(single.dsn) as other:
        busy = await add(c, content="busy", uri="busy")
        await asyncio.to_thread(single.held, "before:begin_shared")
        await until(lambda: _nobody_rests(c))
        async with other.transaction():
            late = await add(other, content="late", uri="late")
            single.go()
            await ended(c, busy)
        await ended(c, late, within=SOON)


async def _nobody_rests(c: Connection) -> bool:
    return await c.fetchval(IDLE_LOCK) is None


async def test_what_is_rolled_back_leaves_nothing(c: Connection, other: Connection, name: str) -> None:
    await resting(c)
    transaction = other.transaction()
    await transaction.start()
    gone = await add(other, collection=name, content="gone")
    await transaction.rollback()
    await ingested(c, collection=name, content="here", uri="here")
    assert await c.fetchval("select count(*) from ingest_requests where id = $1", gone) == 0
    assert await uris(c, name) == {"here"}


async def test_a_scheduled_request_starts_when_its_time_comes(c: Connection, name: str) -> None:
    run_at = await c.fetchval("select clock_timestamp() + interval '0.7 seconds'")
    row = await ingested(c, collection=name, content="scheduled", run_at=run_at)
    late = (row["started_at"] - run_at).total_seconds()
    assert 0 <= late < 1.5  # the safety poll is ten minutes away: it was the timer


async def test_an_earlier_run_at_wakes_the_listener(c: Connection, name: str) -> None:
    tomorrow = await c.fetchval("select now() + interval '1 day'")
    request = await add(c, collection=name, content="scheduled", run_at=tomorrow)
    await resting(c)
    assert (await c.fetchval("select waiting_for from ingest_status where id = $1", request)).startswith("run_at: ")
    await c.execute("update ingest_requests set run_at = now() where id = $1", request)
    await ended(c, request, within=SOON)


async def test_a_dedupe_key_gives_the_unfinished_request_again(
    c: Connection, name: str, process: ListenerProcess
) -> None:
    query = "select ingest_add(content => $2, collection => $1, dedupe_key => 'nightly')"
    process.hold("before:publish")
    first = await c.fetchval(query, name, "first")
    await asyncio.to_thread(process.held, "before:publish")
    assert await c.fetchval(query, name, "second") == first
    process.go()
    await ended(c, first)
    assert await c.fetchval(query, name, "third") != first


async def test_a_listener_that_only_polls_finds_requests_and_obeys_a_cancel(own: Connection, start: Start) -> None:
    polling = start(poll_only=True, poll_seconds=0.2).ready()
    assert await _nobody_rests(own)
    await ingested(own, content="polled", uri="polled")
    polling.hold("before:embed")
    request = await add(own, content="cancelled", uri="cancelled")
    await asyncio.to_thread(polling.held, "before:embed")
    await own.execute("select ingest_cancel($1)", request)
    polling.go()
    await at_rest(own)
    assert await uris(own, "default") == {"polled"}


# Claiming


async def test_priority_then_age_decides_when_there_is_one_place(single: ListenerProcess) -> None:
    single.hold("before:begin_shared")
    async with session(single.dsn) as c:
        first = await add(c, content="first")
        await asyncio.to_thread(single.held, "before:begin_shared")
        waiting = [
            (priority, await add(c, content=str(n), priority=priority)) for n, priority in enumerate([5, 0, 5, -1])
        ]
        await until(lambda: c.fetchval("select running = capacity from ingest_listeners"))
        reason = await c.fetchval("select waiting_for from ingest_status where id = $1", waiting[0][1])
        assert reason.startswith("capacity: ")
        single.go()
        rows = await ended(c, first, *(request for _, request in sorted(waiting, key=lambda one: one[0])))
        assert all(before["finished_at"] <= after["started_at"] for before, after in itertools.pairwise(rows))


@pytest.mark.long
async def test_two_listeners_share_the_work_and_keep_a_collections_limit_together(
    own: Connection, start: Start, tmp_path: Path
) -> None:
    two = [start(concurrency=4, batch_documents=1, file_roots=tmp_path, batch_concurrency=1) for _ in range(2)]
    for it in two:
        it.ready()
    await collection(own, "limited", max_running=2)
    requests = [await add(own, collection="limited", uri=str(n), content=f"limited {n}") for n in range(16)]
    requests += [await add(own, collection="free", uri=str(n), content=f"free {n}") for n in range(8)]
    await ended(own, *requests)
    together = await own.fetch(
        "select a.id, count(*) from ingest_requests a join ingest_requests b"
        " on b.collection = a.collection and b.started_at <= a.started_at and b.finished_at > a.started_at"
        " where a.collection = 'limited' group by a.id"
    )
    assert max(row["count"] for row in together) <= 2

    docs = tmp_path / "docs"
    docs.mkdir()
    for n in range(12):
        (docs / f"{n}.md").write_text(f"Document {n}")
    # One batch a listener at a time, and the first is held: the next ones go to the other listener.
    for it in two:
        it.hold("before:save_loaded")
    request = await add(own, source=str(docs), collection="shared")
    for it in two:
        await asyncio.to_thread(it.held, "before:save_loaded")
    for it in two:
        it.go()
    (row,) = await ended(own, request)
    assert (row["status"], row["documents_done"]) == ("succeeded", 12)
    by = await own.fetch("select distinct executor_id from ingest_batches where request_id = $1", request)
    assert {listener["executor_id"] for listener in by} == {it.executor_id for it in two}


async def test_a_request_waits_for_a_listener_with_its_folder(c: Connection, name: str) -> None:
    request = await add(c, collection=name, source="/srv/of/another/host")
    await ingested(c, collection=name, content="not held up")
    row = await one(c, "select status, waiting_for from ingest_status where id = $1", request)
    assert row["status"] == "pending"
    assert row["waiting_for"].startswith("root: no running listener has a root that contains /srv/of/another/host")
    assert await c.fetchval("select ingest_cancel($1)", request) == "cancelled"


# Cancelling


async def test_a_cancelled_request_stops_and_publishes_nothing(
    c: Connection, name: str, process: ListenerProcess
) -> None:
    process.hold("before:embed", key=name)
    request = await add(c, collection=name, content=f"# {name}\n\n" + "Words and more words. " * 2000)
    await asyncio.to_thread(process.held, "before:embed", name)
    assert await c.fetchval("select ingest_cancel($1)", request) == "cancelled"
    query = "select status from dbos.workflow_status where workflow_uuid = $1::text"
    await until(lambda: _is(c, query, str(request), "CANCELLED"))
    process.go()
    await at_rest(c)
    row = await one(c, "select * from ingest_requests where id = $1", request)
    assert (row["status"], row["error"]["code"]) == ("cancelled", "cancelled")
    assert await uris(c, name) == set()
    with pytest.raises(asyncpg.PostgresError) as refused:
        await c.fetchval("select ingest_cancel($1)", request)
    assert refused.value.sqlstate == "IG011"


async def test_a_cancel_between_claim_and_start_is_obeyed(c: Connection, name: str, process: ListenerProcess) -> None:
    process.hold("before:start")
    request = await add(c, collection=name, content="never")
    await asyncio.to_thread(process.held, "before:start")
    await c.fetchval("select ingest_cancel($1)", request)
    await until(lambda: c.fetchval("select done_at is not null from ingest_commands where request_id = $1", request))
    process.go()
    await ingested(c, collection=name, content="another", uri="another")
    query = "select status from dbos.workflow_status where workflow_uuid = $1::text"
    await until(lambda: _is(c, query, str(request), "CANCELLED"))
    assert await uris(c, name) == {"another"}
    assert await c.fetchval("select status from ingest_requests where id = $1", request) == "cancelled"


async def test_a_request_of_several_batches_is_cancelled_with_them(
    c: Connection, name: str, folder: Path, process: ListenerProcess
) -> None:
    for n in range(20):
        (folder / f"{n}.md").write_text(f"{name} {n}")
    process.hold("before:publish", nth=2)
    request = await add(c, collection=name, source=str(folder))
    await asyncio.to_thread(process.held, "before:publish")
    await c.fetchval("select ingest_cancel($1)", request)
    process.go()
    live = await c.fetchval("select count(*) from ingest_documents where collection = $1", name)
    query = (
        "select count(*) = 0 from dbos.workflow_status"
        " where workflow_uuid like $1::text || '%' and status in ('PENDING', 'ENQUEUED')"
    )
    await until(lambda: c.fetchval(query, str(request)))
    await at_rest(c)
    assert await c.fetchval("select count(*) from ingest_documents where collection = $1", name) == live < 20
    assert await c.fetchval("select status from ingest_requests where id = $1", request) == "cancelled"


async def test_a_passed_deadline_cancels(c: Connection, name: str, process: ListenerProcess) -> None:
    process.hold("before:embed", key=name)
    request = await add(c, collection=name, content=f"{name} is slow", options={"timeout_seconds": 0.3})
    await asyncio.to_thread(process.held, "before:embed", name)
    row = (await ended(c, request))[0]
    assert (row["status"], row["error"]["code"]) == ("cancelled", "deadline")
    assert "0.3" in row["error"]["message"]
    process.go()
    await at_rest(c)
    assert await uris(c, name) == set()


async def _is(c: Connection, query: str, argument: str, value: str) -> bool:
    return bool(await c.fetchval(query, argument) == value)


async def at_rest(c: Connection) -> None:
    """Wait until the only listener has said, in a heartbeat after now, that nothing runs."""
    now = await c.fetchval("select clock_timestamp()")
    await until(lambda: c.fetchval("select running = 0 and heartbeat_at > $1 from ingest_listeners", now))


# Losing connections


async def test_a_lost_doorbell_connection_is_replaced(c: Connection, name: str) -> None:
    old = await resting(c)
    await c.execute("select pg_terminate_backend($1)", old)
    row = await ingested(c, collection=name, content="after the cut")
    assert row["status"] == "succeeded"
    assert (row["started_at"] - row["created_at"]).total_seconds() < SOON
    assert await resting(c) != old


async def test_a_request_survives_the_loss_of_all_connections_of_its_listener(
    c: Connection, name: str, folder: Path, process: ListenerProcess
) -> None:
    for n in range(12):
        (folder / f"{n}.md").write_text(f"{name} {n}")
    for point in ("before:save_loaded", "after:publish"):
        process.hold(point)
        request = await add(c, collection=name, source=str(folder), options={"force": True})
        await asyncio.to_thread(process.held, point)
        cut = (
            "select count(pg_terminate_backend(pid)) from pg_stat_activity"
            " where application_name like 'ingest %' and datname = current_database()"
        )
        assert await c.fetchval(cut) >= 3
        process.go()
        (row,) = await ended(c, request)
        assert (row["status"], row["documents_done"]) == ("succeeded", 12), row["error"]
    assert len(process.embedded(name)) == 12
    assert process.process.poll() is None


async def test_requests_end_right_when_postgres_is_killed_and_restarted(
    server: embedded.Server, shared: Shared, name: str, folder: Path
) -> None:
    it = shared.process
    for n in range(12):
        (folder / f"{n}.md").write_text(f"# {n}\n\nText of {n}.")
    it.hold("before:save_chunks")
    async with session(shared.dsn) as c:
        request = await add(c, collection=name, source=str(folder))
        inline = await add(c, collection=name, content="inline", uri="inline")
        await asyncio.to_thread(it.held, "before:save_chunks")
    postmaster = int((server.home.cluster / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGQUIT)
    await until(lambda: _does_not_accept(server))
    it.go()
    await embedded.start(server.home.path.parent, settings={"fsync": "off", "max_prepared_transactions": "4"})
    async with session(shared.dsn) as c:
        row, _ = await ended(c, request, inline)
        assert (row["status"], row["documents_done"], row["documents_failed"]) == ("succeeded", 12, 0)
        assert await c.fetchval("select count(*) from ingest_chunks where collection = $1", name) == 13
        later = await ingested(c, collection=name, content="later", uri="later")
        assert (later["started_at"] - later["created_at"]).total_seconds() < SOON
        assert await c.fetchval("select executor_id from ingest_listeners") == it.executor_id
    assert it.process.poll() is None


async def _does_not_accept(server: embedded.Server) -> bool:
    return not await server.accepts()


# Under load and at the end


async def test_a_listener_keeps_to_ten_connections(c: Connection, other: Connection, name: str, folder: Path) -> None:
    for n in range(20):
        (folder / f"{n}.md").write_text(f"# {n}\n\nSome text of {n}.")
    requests = [await add(c, collection=name, uri=str(n), content=f"text {n}") for n in range(40)]
    requests.append(await add(c, collection=name, source=str(folder)))
    load = asyncio.create_task(ended(c, *requests))
    query = (
        "select count(*) from pg_stat_activity where datname = current_database() and backend_type = 'client backend'"
    )
    most = 0
    while not load.done():
        most = max(most, await other.fetchval(query) - 2)  # c and other
    assert {row["status"] for row in await load} == {"succeeded"}
    assert 3 <= most <= 10
    named = await other.fetchval(query + " and application_name like 'ingest %'")
    assert named == await other.fetchval(query) - 2  # those of a dead listener are found by their name


async def test_sigterm_lets_end_what_ends_in_time_and_leaves_the_rest_to_another_listener(
    own: Connection, start: Start, tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for n in range(6):
        (docs / f"{n}.md").write_text(f"Document {n} of six.")
    settings: dict[str, object] = {"file_roots": docs, "batch_documents": 2}
    first = start(**settings, grace_seconds=0.3).ready()
    first.hold("before:save_embedded", nth=2)
    first.hold("before:begin_shared")
    request = await add(own, source=str(docs))
    await asyncio.to_thread(first.held, "before:save_embedded")
    started = await add(own, content="started", uri="started")
    await asyncio.to_thread(first.held, "before:begin_shared")
    first.signal(signal.SIGTERM)
    assert await asyncio.to_thread(first.ended) == 0
    assert "Traceback" not in first.log()
    assert await own.fetchval("select count(*) from ingest_listeners") == 0
    late = await add(own, content="late", uri="late")
    row = await one(own, "select status, waiting_for from ingest_status where id = $1", late)
    assert (row["status"], row["waiting_for"].partition(":")[0]) == ("pending", "listener")
    assert await own.fetchval("select status from ingest_requests where id = $1", request) == "running"

    second = start(**settings).ready()
    row, *_ = await ended(own, request, started, late)
    assert (row["status"], row["documents_done"], row["executor_id"]) == ("succeeded", 6, second.executor_id)
    assert len(first.embedded("of six")) == 6
    assert second.embedded("of six") == []

    second.hold("before:save_embedded")
    request = await add(own, content="nearly done", uri="d")
    await asyncio.to_thread(second.held, "before:save_embedded")
    second.signal(signal.SIGTERM)
    await until(lambda: _stopping(second))
    late = await add(own, content="too late", uri="late")
    second.go()
    assert await asyncio.to_thread(second.ended) == 0
    rows = await own.fetch("select id, status from ingest_requests where id in ($1, $2)", request, late)
    assert {row["id"]: row["status"] for row in rows} == {request: "succeeded", late: "pending"}


@pytest.mark.long
async def test_what_a_stopping_listener_breaks_off_fails_nothing(own: Connection, start: Start, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for n in range(300):
        (docs / f"{n}.html").write_text(f"<h1>Document {n}</h1><p>{'of very many, ' * 200}")
    settings: dict[str, object] = {"file_roots": docs, "batch_documents": 5}
    first = start(**settings, grace_seconds=0).ready()
    requests = [await add(own, source=str(docs), collection=f"c{n}") for n in range(3)]
    moved = "select count(*) >= 5 from ingest_revisions where state = 'published'"
    await until(lambda: own.fetchval(moved))  # all steps are under way
    first.signal(signal.SIGTERM)
    assert await asyncio.to_thread(first.ended) == 0
    assert "WARNING" not in first.log()
    rows = await own.fetch("select distinct status from ingest_requests")
    assert [row["status"] for row in rows] == ["running"]
    start(**settings).ready()
    for row in await ended(own, *requests):
        assert (row["status"], row["documents_done"], row["attempt"], row["error"]) == ("succeeded", 300, 1, None)


async def _stopping(it: ListenerProcess) -> bool:
    return "stopping" in it.log()


@pytest.mark.long
async def test_a_listener_that_was_declared_dead_changes_nothing_and_exits(own: Connection, start: Start) -> None:
    frozen = start().ready()
    frozen.hold("before:save_chunks")
    request = await add(own, content="# Frozen\n\nSome text.", uri="d")
    await asyncio.to_thread(frozen.held, "before:save_chunks")
    beats = await own.fetchval("select heartbeat_at from ingest_listeners")
    await until(lambda: own.fetchval("select heartbeat_at > $1 from ingest_listeners", beats))
    other = start().ready()
    frozen.signal(signal.SIGSTOP)
    (row,) = await ended(own, request)
    assert (row["status"], row["executor_id"]) == ("succeeded", other.executor_id)
    tables = ("ingest_requests", "ingest_batches", "ingest_revisions", "ingest_documents", "ingest_chunk_store")
    before = {table: await own.fetch(f"select t.*, t.xmin::text from {table} t order by 1, 2") for table in tables}
    frozen.go_when_it_runs()
    frozen.signal(signal.SIGCONT)
    assert await asyncio.to_thread(frozen.ended) not in (0, 99)
    assert "declared_dead" in frozen.log()
    for table in tables:
        assert await own.fetch(f"select t.*, t.xmin::text from {table} t order by 1, 2") == before[table]
    await ingested(own, content="the other goes on", uri="e")
