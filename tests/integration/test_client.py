"""The interface for Python programs, against a listener: what it asks, hears, finds and raises."""

from __future__ import annotations

import asyncio
import json
import pickle
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import asyncpg
import pytest
from listener_process import ListenerProcess
from pipeline import Shared, one, until
from staging import Connection, session
from staging import ingest as publish_one

import listener
from listener import IngestError, OperatorError, RequestError, WaitTimeoutError, client
from listener.client import POOL_SIZE, statements, transport
from listener.database import migrations

TOMORROW = datetime.now(timezone.utc) + timedelta(days=1)


@pytest.fixture
async def ingest(shared: Shared) -> AsyncIterator[listener.Ingest]:
    async with listener.connect(shared.dsn, schema="public") as opened:
        yield opened


@pytest.fixture
def environment(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables as a program has them whose database is the shared one."""
    monkeypatch.setenv("INGEST_DATABASE_URL", shared.dsn)
    monkeypatch.delenv("INGEST_SCHEMA", raising=False)


# add, wait, search


async def test_a_folder_is_added_waited_for_and_found_by_meaning(
    ingest: listener.Ingest, folder: Path, name: str
) -> None:
    (folder / "vents.md").write_text("# Vents\n\nAbove 24 °C the vents open.")
    (folder / "frost.md").write_text("# Frost\n\nBelow 3 °C the heating starts by itself.")
    request = await ingest.add(folder, collection=name, metadata={"team": "red"})
    outcome = await ingest.wait(request, timeout=60)
    assert (outcome.id, outcome.status, outcome.finished) == (request, "succeeded", True)
    assert (outcome.documents_total, outcome.documents_done, outcome.documents_failed) == (2, 2, 0)
    outcome.raise_unless_succeeded()
    hits = await ingest.search("when does the heating start?", name, k=1, filter={"team": "red"})
    assert [(hit.title, hit.by, hit.ordinal) for hit in hits] == [("Frost", "both", 0)]
    assert hits[0].metadata["team"] == "red"
    assert await ingest.search("heating", name, filter={"team": "blue"}) == []
    assert [hit.by for hit in await ingest.search("heating", name, by="words")] == ["words"]
    assert [hit.by for hit in await ingest.search("warmth", name, by="vector", k=2)] == ["vector", "vector"]


async def test_a_hit_has_the_id_that_the_views_have(ingest: listener.Ingest, c: Connection, name: str) -> None:
    await ingest.wait(await ingest.add(content="Vents open.", uri="vents", collection=name), timeout=60)
    (hit,) = await ingest.search("vents", name)
    assert [hit.id] == [row["id"] for row in await c.fetch("select id from ingest_chunks where collection = $1", name)]
    assert [hit.id] == [row["id"] for row in await c.fetch(f'select id from "ingest_chunks_{name}"')]


async def test_each_argument_reaches_its_column(ingest: listener.Ingest, c: Connection, name: str) -> None:
    request = await ingest.add(
        content=b"\xff", uri="u", media_type="text/plain", collection=name, options={"force": True},
        metadata={"n": [1, None]}, priority=-3, run_at=TOMORROW, dedupe_key="k",
    )  # fmt: skip
    row = await one(c, "select * from ingest_requests where id = $1", request)
    assert (row["content_bytes"], row["uri"], row["media_type"], row["collection"]) == (
        b"\xff",
        "u",
        "text/plain",
        name,
    )
    assert (row["options"], row["metadata"], row["priority"]) == ({"force": True}, {"n": [1, None]}, -3)
    assert (row["run_at"], row["dedupe_key"]) == (TOMORROW, "k")
    assert await ingest.add(content="other", collection=name, dedupe_key="k") == request
    await ingest.cancel(request)
    assert (await ingest.status(str(request))).code == "cancelled"


async def test_a_request_that_is_put_off_for_ever_has_a_time_like_any_other(ingest: listener.Ingest, name: str) -> None:
    status = await ingest.status(await ingest.add(content="never", collection=name, run_at="infinity"))
    assert status.run_at > status.created_at
    await ingest.cancel(status.id)


async def test_failed_documents_are_listed_and_can_be_raised(ingest: listener.Ingest, name: str) -> None:
    request = await ingest.add(content=b"\x89PNG\r\n\x1a\n" + bytes(20), uri="logo.png", collection=name)
    outcome = await ingest.wait(request, timeout=60)
    assert (outcome.status, outcome.code) == ("failed", "unsupported")
    (failure,) = await ingest.failures(request)
    assert (failure.uri, failure.step, failure.code, failure.retryable) == ("logo.png", "load", "unsupported", False)
    with pytest.raises(RequestError, match=r"logo\.png") as raised:
        outcome.raise_unless_succeeded()
    assert (raised.value.code, raised.value.hint) == ("unsupported", outcome.hint)


@pytest.mark.usefixtures("environment")
async def test_each_verb_works_without_a_connection_of_its_own(name: str) -> None:
    request = await listener.add(content="Vents open.", uri="vents", collection=name)
    assert (await listener.wait(request, timeout=60)).status == "succeeded"
    assert [status.id for status in await listener.wait_all([request])] == [request]
    assert (await listener.status(request)).chunks_total == 1
    assert await listener.failures(request) == []
    assert [hit.uri for hit in await listener.search("what opens?", name)] == ["vents"]
    later = await listener.add(content="later", collection=name, run_at=TOMORROW)
    await listener.cancel(later)
    assert (await listener.wait(later)).status == "cancelled"


# waiting


async def test_a_wait_is_woken_by_the_notification(
    ingest: listener.Ingest, c: Connection, process: ListenerProcess, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "LOOK_SECONDS", 600.0)
    process.hold("before:embed", key=name)
    request = await ingest.add(content=f"{name} opens", collection=name)
    process.held("before:embed", name)
    wait = asyncio.create_task(ingest.wait(request))
    looked = "select count(*) from pg_stat_activity where datname = current_database() and query = $1"
    await until(lambda: c.fetchval(looked, statements.UNFINISHED.format(schema="public")))
    process.go()
    assert (await asyncio.wait_for(wait, 60)).status == "succeeded"


async def test_many_requests_are_waited_for_at_once_in_their_order(ingest: listener.Ingest, name: str) -> None:
    requests = [await ingest.add(content=f"text {number}", collection=name) for number in range(12)]
    requests.insert(5, await ingest.add("/nowhere/at/all", collection=name, run_at=TOMORROW))
    await ingest.cancel(requests[5])
    ended = await ingest.wait_all(map(str, requests), timeout=60)
    assert [status.id for status in ended] == requests
    assert [status.status for status in ended] == ["succeeded"] * 5 + ["cancelled"] + ["succeeded"] * 7


async def test_more_waits_than_connections_end(ingest: listener.Ingest, c: Connection, name: str) -> None:
    requests = [await ingest.add(content=f"text {number}", collection=name) for number in range(5 * POOL_SIZE)]
    ended = await asyncio.gather(*(ingest.wait(request, timeout=60) for request in requests))
    assert {status.status for status in ended} == {"succeeded"}
    count = "select count(*) from pg_stat_activity where datname = current_database() and application_name = $1"
    assert await c.fetchval(count, "ingest client") <= POOL_SIZE
    assert await c.fetchval("select count(*) from pg_listening_channels()") == 0


@pytest.mark.parametrize("size", [1, 2])
async def test_waits_in_blocks_of_their_own_share_a_small_pool(shared: Shared, name: str, size: int) -> None:
    async def handle(pool: asyncpg.Pool, number: int) -> str:
        async with listener.connect(pool) as ingest:
            return (await ingest.wait(await ingest.add(content=f"text {number}", collection=name), timeout=60)).status

    async with asyncpg.create_pool(shared.dsn, min_size=1, max_size=size) as pool:
        assert set(await asyncio.gather(*(handle(pool, number) for number in range(8)))) == {"succeeded"}
        assert await pool.fetchval("select count(*) from pg_listening_channels()") == 0
    assert transport._ENDS == {}


async def test_a_wait_that_outlives_its_block_ends_with_it(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "CLOSE_SECONDS", 0.1)
    async with listener.connect(shared.dsn) as ingest:
        later = await ingest.add(content="later", run_at=TOMORROW)
        waiting = asyncio.create_task(ingest.wait(later))
        await until(lambda: asyncio.sleep(0, transport._ENDS))
    with pytest.raises((OperatorError, asyncpg.InterfaceError)):
        await asyncio.wait_for(waiting, 60)


async def test_a_wait_that_is_over_says_what_the_request_waits_for(ingest: listener.Ingest, name: str) -> None:
    requests = [await ingest.add(content="later", collection=name, run_at=TOMORROW) for _ in range(2)]
    with pytest.raises(WaitTimeoutError, match="and 1 more had not ended after 0 s: pending") as raised:
        await ingest.wait_all(requests, timeout=0)
    assert raised.value.code == "not_ended"
    assert raised.value.hint.startswith("It waits for run_at: it is scheduled for")
    assert isinstance(raised.value, TimeoutError)
    assert pickle.loads(pickle.dumps(raised.value)).requests == tuple(requests)
    for request in requests:
        await ingest.cancel(request)


# a connection, a pool, a transaction of the caller's own


async def test_what_is_added_in_a_transaction_is_part_of_it(shared: Shared, c: Connection, name: str) -> None:
    count = "select count(*) from ingest_requests where collection = $1"
    async with session(shared.dsn) as own, listener.connect(own) as ingest:
        transaction = own.transaction()
        await transaction.start()
        await own.execute("create table of_mine ()")
        await ingest.add(content="Vents open.", collection=name)
        assert (await own.fetchval(count, name), await c.fetchval(count, name)) == (1, 0)
        await transaction.rollback()
        assert await own.fetchval(count, name) == 0
        async with own.transaction():
            request = await ingest.add(content="Vents open.", collection=name)
        assert (await ingest.wait(request, timeout=60)).status == "succeeded"
        assert not own.is_closed()


@pytest.mark.parametrize("over", ["a pool", "a connection"])
async def test_in_a_transaction_of_the_client_all_verbs_take_effect_or_none(
    shared: Shared, c: Connection, name: str, over: str
) -> None:
    async with listener.connect(shared.dsn if over == "a pool" else c) as ingest:
        with suppress(ZeroDivisionError):
            async with ingest.transaction() as together:
                await together.add(content="Vents open.", collection=name, run_at=TOMORROW)
                raise ZeroDivisionError
        assert await ingest.statuses(collection=name) == []

        async def meet_a_late_service() -> None:
            async with ingest.transaction() as together:
                await together.add(content="Vents open.", collection=name, run_at=TOMORROW)
                raise TimeoutError("another service is late")

        with pytest.raises(TimeoutError, match="another service"):  # not database_lost
            await meet_a_late_service()
        assert await ingest.statuses(collection=name) == []
        async with ingest.transaction() as together:
            requests = [await together.add(content=f"{n}", collection=name, run_at=TOMORROW) for n in range(2)]
            assert await together.cancel(requests[0]) == "cancelled"
        assert [status.status for status in await ingest.statuses(collection=name, status="pending")] == ["pending"]
        await ingest.cancel(requests[1])


async def test_a_request_is_followed_to_its_end(ingest: listener.Ingest, name: str) -> None:
    requests = [await ingest.add(content=f"text {number}", collection=name) for number in range(2)]
    looks = [[status.id for status in statuses] async for statuses in ingest.follow(requests, every=0.05)]
    assert looks[-1] == requests
    assert all(status.finished for status in await ingest.statuses(collection=name))


async def test_what_failed_is_retried_and_what_was_cancelled_resumed(ingest: listener.Ingest, name: str) -> None:
    failed = await ingest.add(content=b"\x89PNG\r\n\x1a\n" + bytes(20), uri="logo.png", collection=name)
    outcome = await ingest.wait(failed, timeout=60)
    assert outcome.error is not None
    assert (outcome.error.code, outcome.error_code, outcome.error.retryable) == ("unsupported", "unsupported", False)
    assert await ingest.retry(failed) == "pending"
    assert (await ingest.wait(failed, timeout=60)).attempt == 2
    assert [failure.request_id for failure in await ingest.failures(limit=1)] == [failed]
    with pytest.raises(RequestError) as raised:
        await ingest.resume(failed)
    assert raised.value.code == "wrong_state"
    later = await ingest.add(content="later", collection=name, run_at=TOMORROW.isoformat())
    await ingest.cancel(later)
    assert await ingest.resume(later) == "pending"
    made = await ingest.fork(failed, options={"force": True}, collection=name[9:])
    assert (await ingest.wait(made, timeout=60)).collection == name[9:]
    assert (await ingest.wait(later, timeout=60)).status == "succeeded"  # to resume is to run now


async def test_a_wait_in_a_transaction_is_refused(c: Connection, name: str) -> None:
    async with listener.connect(c) as ingest, c.transaction():
        request = await ingest.add(content="Vents open.", collection=name)
        with pytest.raises(RequestError) as raised:
            await ingest.wait(request, timeout=60)
    assert raised.value.code == "wait_in_transaction"


async def test_a_search_in_a_transaction_goes_by_words_until_the_vector_is_known(c: Connection, name: str) -> None:
    async with listener.connect(c) as ingest:
        await ingest.wait(await ingest.add(content="Vents open.", collection=name), timeout=60)
        async with c.transaction():
            assert [hit.by for hit in await ingest.search(f"vents {name}", name)] == ["words_no_vector"]
        assert [hit.by for hit in await ingest.search(f"vents {name}", name)] == ["both"]
        async with c.transaction():
            assert [hit.by for hit in await ingest.search(f"vents {name}", name)] == ["both"]
            with pytest.raises(RequestError) as raised:
                await ingest.search("another query", name, by="vector")
    assert raised.value.code == "query_not_embedded"


async def test_tasks_take_turns_on_one_connection(c: Connection, name: str) -> None:
    async with listener.connect(c) as ingest:
        requests = await asyncio.gather(*(ingest.add(content=f"{n}", collection=name) for n in range(5)))
        ended = await asyncio.gather(*(ingest.wait(request, timeout=60) for request in requests))
    assert {status.status for status in ended} == {"succeeded"}


async def test_a_pool_with_codecs_of_its_own_makes_no_difference(shared: Shared, name: str) -> None:
    async def prepare(connection: asyncpg.Connection) -> None:
        await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
        await connection.set_type_codec("uuid", schema="pg_catalog", encoder=str, decoder=str)

    async with asyncpg.create_pool(shared.dsn, min_size=1, max_size=2, init=prepare) as pool:
        async with listener.connect(pool) as ingest:
            request = await ingest.add(content="Vents open.", collection=name, metadata={"a": 1})
            assert (await ingest.wait(request, timeout=60)).id == request
            assert [hit.metadata["a"] for hit in await ingest.search("vents", name)] == [1]
        assert await pool.fetchval("select 1") == 1


async def test_a_schema_that_is_not_on_the_search_path_is_written_out(database: str) -> None:
    odd = 'my "docs"'
    async with session(database) as own:
        await migrations.migrate(own, odd)
    connection = await asyncpg.connect(database)
    try:
        async with listener.connect(connection, schema=odd) as ingest:
            request = await ingest.add(content="Vents open.")
            assert (
                await ingest.status(request)
            ).waiting_for == "listener: none is running; start one with: ingest listen"
            await ingest.cancel(request)
            assert (await ingest.wait(request)).status == "cancelled"
            assert await ingest.search("vents") == []
    finally:
        await connection.close()


async def test_without_a_listener_a_search_goes_by_words(installed: str) -> None:
    async with session(installed) as own, listener.connect(own) as ingest:
        assert await ingest.search("vents") == []  # no space yet
        await publish_one(own, {"a": "Vents open."})
        await own.execute("delete from ingest_listeners")
        assert [(hit.uri, hit.by) for hit in await ingest.search("vents")] == [("a", "words_no_vector")]
        with pytest.raises(RequestError) as raised:
            await ingest.search("vents", by="vector")
    assert raised.value.code == "no_listener"


# what is refused


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"source": "docs/a.md"}, "relative_path"),
        ({}, "nothing_to_ingest"),
        ({"source": "/srv", "content": "text"}, "two_things_to_ingest"),
        ({"content": "text", "options": {"colour": "red"}}, "unknown_option"),
        ({"content": "nul \0 byte"}, "invalid_value"),
        ({"content": "text", "priority": 2**40}, "invalid_value"),
        ({"content": "text", "collection": ""}, "wrong_collection_name"),
    ],
)
async def test_what_the_database_refuses_is_an_error_with_its_code(
    ingest: listener.Ingest, columns: dict[str, object], code: str
) -> None:
    with pytest.raises(RequestError) as raised:
        await ingest.add(**columns)  # type: ignore[arg-type] # what a program may get wrong
    assert (raised.value.code, bool(raised.value.message)) == (code, True)


async def test_unknown_requests_and_collections_are_named(ingest: listener.Ingest) -> None:
    nobody = uuid.uuid4()
    for call in (ingest.status(nobody), ingest.wait(nobody), ingest.cancel(nobody)):
        with pytest.raises(RequestError, match=str(nobody)) as raised:
            await call
        assert raised.value.code == "unknown_request"
    for wrong in (ingest.status("one"), ingest.failures("one"), ingest.cancel("one")):
        with pytest.raises(RequestError, match="'one'") as raised:
            await wrong
        assert raised.value.code == "not_an_id"
    with pytest.raises(RequestError) as raised:
        await ingest.search("vents", "no such collection")
    assert (raised.value.code, raised.value.hint) == ("unknown_collection", "See select name from ingest_collections.")
    assert isinstance(raised.value, IngestError)


async def test_a_database_that_is_not_there_or_not_ready_is_told(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OperatorError) as raised:
        async with listener.connect("postgresql://nobody@127.0.0.1:1/none"):
            pass
    assert raised.value.code == "database_unreachable"
    with pytest.raises(OperatorError) as raised:
        async with listener.connect("postgresql+psycopg://nobody@127.0.0.1/none"):
            pass
    assert raised.value.code == "bad_database_url"
    monkeypatch.setenv("INGEST_DATABASE_URL", database)
    with pytest.raises(OperatorError) as raised:
        await listener.add("/srv/docs")
    assert raised.value.code == "schema_not_migrated"


async def test_an_error_of_the_callers_own_passes_as_it_is(c: Connection) -> None:
    with pytest.raises(ZeroDivisionError):
        async with listener.connect(c):
            raise ZeroDivisionError


# the package


def test_importing_the_package_imports_neither_a_driver_nor_the_settings() -> None:
    program = (
        "import sys, listener; print(*sorted({'asyncpg', 'pydantic', 'dbos', 'listener.client'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == []


def test_everything_that_the_package_offers_is_there() -> None:
    assert {name for name in listener.__all__ if getattr(listener, name, None) is None} == set()
    with pytest.raises(AttributeError):
        listener.nothing_of_that_name  # type: ignore[attr-defined] # noqa: B018
