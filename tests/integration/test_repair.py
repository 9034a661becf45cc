"""What goes wrong between a row and its workflow, and how the listener puts it right."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from dbos import DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions
from listener_process import ListenerProcess
from pipeline import ended, ingested, one, until
from staging import Connection, add, session


@pytest.fixture
def quick(tmp_path: Path, ready: str) -> Iterator[ListenerProcess]:
    """A listener with a short lease, in a database of this test's own."""
    it = ListenerProcess(
        ready, tmp_path, heartbeat_seconds=0.2, lease_seconds=1, safety_poll_seconds=600, file_roots=tmp_path
    ).ready()
    yield it
    if it.process.poll() is None:
        it.kill()


async def test_a_claim_whose_answer_was_lost_is_started_all_the_same(quick: ListenerProcess) -> None:
    async with session(quick.dsn) as c, c.transaction():
        executor = await c.fetchval("select executor_id from ingest_listeners")
        request = await add(c, content="claimed, and never told")
        space = json.dumps({"embedder": "local", "model": "wordllama-l2-supercat-256", "dimensions": 256})
        await c.execute("select from ingest_claim($1, 5, '{}', $2::text::jsonb)", executor, space)
    async with session(quick.dsn) as c:
        (row,) = await ended(c, request)
        assert (row["status"], row["attempt"]) == ("succeeded", 1)


async def test_a_request_that_was_locked_when_a_listener_looked_is_claimed_once_its_lock_is_gone(
    quick: ListenerProcess,
) -> None:
    async with session(quick.dsn) as c, session(quick.dsn) as other:
        asleep = (
            "select count(*) = 1 from pg_stat_activity where state = 'idle' and query ~ 'ingest_claim'"
            " and datname = current_database()"
        )
        await until(lambda: c.fetchval(asleep))
        async with c.transaction():
            await c.execute("set local ingest.silent = on")  # the listener does not hear of it
            locked = await add(c, content="locked")
        async with other.transaction():
            await other.execute("select from ingest_requests where id = $1 for update", locked)
            assert (await ingested(c, content="rings", uri="rings"))["status"] == "succeeded"
            looked = (
                "select count(*) = 1 from pg_locks where locktype = 'advisory' and mode = 'ExclusiveLock' and granted"
                " and (classid::bigint << 32) + objid::bigint = ingest_lock_key('idle')"
                " and database = (select oid from pg_database where datname = current_database())"
            )
            await until(lambda: c.fetchval(looked))
            assert await c.fetchval("select status from ingest_requests where id = $1", locked) == "pending"
        (row,) = await ended(c, locked)
        assert row["status"] == "succeeded"


async def cancelled_with_dbos_before_it_loads(c: Connection, it: ListenerProcess, request: uuid.UUID) -> asyncpg.Record:
    """Cancel the workflow of a request that is held before it loads, let it go on; return the row that it ends with."""
    await asyncio.to_thread(it.held, "before:to_load")
    client = DBOSClient(system_database_url=it.dsn)
    await asyncio.to_thread(client.cancel_workflow, str(request))
    await asyncio.to_thread(client.destroy)
    it.go()
    (row,) = await ended(c, request)
    return row


async def test_a_request_whose_workflow_was_cancelled_with_dboss_tools_is_cancelled(
    quick: ListenerProcess, tmp_path: Path
) -> None:
    (tmp_path / "file.md").write_text("cancelled by dbos")
    async with session(quick.dsn) as c:
        quick.hold("before:to_load")
        request = await add(c, source=str(tmp_path / "file.md"))
        row = await cancelled_with_dbos_before_it_loads(c, quick, request)
        assert (row["status"], row["error"]["code"]) == ("cancelled", "cancelled")


async def test_a_small_text_whose_workflow_was_cancelled_with_dboss_tools_is_finished_all_the_same(
    quick: ListenerProcess,
) -> None:
    """It goes through its steps outside of DBOS's, so there is nothing of DBOS's that it would meet on its way."""
    async with session(quick.dsn) as c:
        quick.hold("before:to_load")
        request = await add(c, content="cancelled by dbos", uri="c")
        row = await cancelled_with_dbos_before_it_loads(c, quick, request)
        assert (row["status"], row["error"]) == ("succeeded", None)
        assert await c.fetchval("select count(*) from ingest_chunks where uri = 'c'") == 1


async def test_a_claimed_request_is_brought_to_life_although_dbos_has_ended_its_workflow_before(
    quick: ListenerProcess,
) -> None:
    request = uuid.uuid4()
    client = DBOSClient(system_database_url=quick.dsn, serializer=DBOSPortableJSONSerializer())
    options: EnqueueOptions = {
        "workflow_name": "ingest_request", "queue_name": "nobody's", "workflow_id": str(request), "app_version": "2",
    }  # fmt: skip
    await asyncio.to_thread(client.enqueue, options, {"request": str(request)})
    await asyncio.to_thread(client.cancel_workflow, str(request))
    await asyncio.to_thread(client.destroy)
    async with session(quick.dsn) as c:
        (row,) = await ended(c, await add(c, id=request, content="it begins"))
        assert (row["status"], row["attempt"]) == ("succeeded", 1), row["error"]
        ended_in_dbos = "select status = 'SUCCESS' from dbos.workflow_status where workflow_uuid = $1"
        await until(lambda: c.fetchval(ended_in_dbos, str(request)))


async def test_a_source_that_breaks_the_pattern_compiler_fails_alone(quick: ListenerProcess, tmp_path: Path) -> None:
    async with session(quick.dsn) as c:
        row = await ingested(c, source=str(tmp_path), options={"include": "[z-a].md"})
        assert (row["status"], row["error"]["code"]) == ("failed", "invalid_option")
        assert (await ingested(c, content="the next one", uri="next"))["status"] == "succeeded"


async def test_documents_that_an_application_has_locked_hold_up_nobody_else(quick: ListenerProcess) -> None:
    async with session(quick.dsn) as c, session(quick.dsn) as other:
        for number in range(4):
            await ingested(c, content="old", uri=f"held-{number}")
        transaction = other.transaction()
        await transaction.start()
        await other.execute("delete from ingest_documents where uri like 'held-%'")
        waiting = [await add(c, content="new", uri=f"held-{number}") for number in range(4)]
        in_save = "select count(*) = 4 from ingest_batches where step = 'save' and finished_at is null"
        await until(lambda: c.fetchval(in_save))
        assert (await ingested(c, content="free", uri="free", collection="elsewhere"))["status"] == "succeeded"
        assert await one(c, "select ingest_cancel($1)", waiting[0])
        done = "select done_at is not null from ingest_commands where request_id = $1"
        await until(lambda: c.fetchval(done, waiting[0]))
        await transaction.rollback()
        rows = await ended(c, *waiting[1:])
        assert [row["status"] for row in rows] == ["succeeded"] * 3
