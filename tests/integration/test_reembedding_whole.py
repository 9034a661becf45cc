"""Another model for a collection in use, with real listeners and a service that counts: readers look all the time."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from embedding_service import EmbeddingService
from ingest_command import Ingest as Command
from listener_process import ListenerProcess
from pipeline import ended, ingested, one, until
from reembedding import generations, standing
from staging import Connection, collection, session

import listener
from listener.embedding.probing import HARMLESS

OLD, NEW = "text-embedding-3-small", "text-embedding-3-large"
DIMENSIONS, NEW_DIMENSIONS = 12, 8
DOCUMENTS = 24
ORDER = {"model": NEW, "dimensions": NEW_DIMENSIONS}
Start = Callable[..., ListenerProcess]


@pytest.fixture
async def service() -> AsyncIterator[EmbeddingService]:
    async with EmbeddingService(dimensions=DIMENSIONS) as service:
        yield service


@pytest.fixture
async def c(own: Connection, service: EmbeddingService) -> Connection:
    await collection(own, "docs", embedder="openai", endpoint=service.url, model=OLD, dimensions=DIMENSIONS)
    return own


@pytest.fixture
def start(ready: str, service: EmbeddingService, tmp_path: Path, listeners: list[ListenerProcess]) -> Start:
    """Starts listeners in the test's database, all with the test's service."""

    def start() -> ListenerProcess:
        settings: dict[str, Any] = {
            "openai_base_url": service.url, "openai_api_key": "k", "file_roots": tmp_path, "heartbeat_seconds": 0.2,
            "lease_seconds": 1, "safety_poll_seconds": 600, "embedding_call_texts": 2, "batch_documents": 5,
            "batch_concurrency": 2,
        }  # fmt: skip
        listeners.append(ListenerProcess(ready, tmp_path / f"l {uuid.uuid4().hex}", **settings))
        return listeners[-1].ready()

    return start


def written(path: Path, number: int, text: str) -> None:
    path.mkdir(exist_ok=True)
    (path / f"{number}.md").write_text(f"Gate {number}: {text}")


async def filled(c: Connection, path: Path) -> str:
    for number in range(DOCUMENTS):
        written(path, number, "it opens.")
    assert (await ingested(c, source=str(path), collection="docs"))["status"] == "succeeded"
    return str(path)


def sent(service: EmbeddingService, model: str) -> Counter[str]:
    calls = [call for call in service.requests if call.body["model"] == model]
    return Counter(text for call in calls for text in call.texts if text != HARMLESS)


@asynccontextmanager
async def watched(dsn: str) -> AsyncIterator[set[tuple[int, int, int]]]:
    """Look all the time at what readers see in one statement; give it: documents, least and most dimensions."""
    query = """
      select count(distinct uri), count(*), min(d), max(d),
        (select count(*) from ingest_search('gate', 'docs', 1000, by => 'words'))
      from (select uri, public.vector_dims(embedding) as d from ingest_chunks where collection = 'docs') c"""
    seen: set[tuple[int, int, int]] = set()
    stop = asyncio.Event()

    async def look() -> None:
        async with session(dsn) as c:
            while not stop.is_set():
                documents, chunks, least, most, found = await one(c, query)
                assert (documents, least) == (chunks, most), "one chunk of each, of one generation"
                assert found == documents
                seen.add((documents, least, most))

    looking = asyncio.create_task(look())
    try:
        yield seen
    finally:
        stop.set()
        await looking


async def order(c: Connection, **more: Any) -> uuid.UUID:
    request: uuid.UUID = await c.fetchval("select ingest_reembed('docs', $1, $2)", ORDER, more)
    return request


async def live_dimensions(c: Connection) -> int:
    query = "select min(public.vector_dims(embedding)) from ingest_chunks where collection = 'docs'"
    return int(await c.fetchval(query))


async def in_both(c: Connection) -> dict[str, str]:
    first, second = await standing(c, 1, "docs"), await standing(c, 2, "docs")
    assert first == second
    return second


@pytest.mark.long
async def test_readers_see_one_generation_and_what_is_published_meanwhile_is_in_both(
    c: Connection, ready: str, service: EmbeddingService, start: Start, tmp_path: Path
) -> None:
    start()
    source = await filled(c, tmp_path / "docs")
    async with watched(ready) as seen:
        service.latency = 0.05
        request = await order(c)
        await until(lambda: _count(c, "select count(*) from ingest_cuts"))
        written(tmp_path / "docs", 1, "it shuts.")
        written(tmp_path / "docs", 2, "it shuts.")
        meanwhile = await ingested(c, source=source, collection="docs")
        assert (meanwhile["status"], meanwhile["documents_done"]) == ("succeeded", 2)
        (row,) = await ended(c, request)
        assert (row["status"], row["error"]) == ("succeeded", None)
        await until(lambda: _is(live_dimensions(c), NEW_DIMENSIONS))
        again = await ingested(c, source=source, collection="docs")
        assert (again["documents_done"], again["documents_skipped"]) == (0, DOCUMENTS)
        written(tmp_path / "docs", 3, "it is gone.")
        late = await ingested(c, source=source, collection="docs", options={"publish": "request"})
        assert (late["status"], late["documents_done"]) == ("succeeded", 1)
        assert len(await in_both(c)) == DOCUMENTS
        await c.execute("select ingest_rollback('docs')")
        await c.execute("select ingest_rollback('docs')")
    assert seen == {(DOCUMENTS, DIMENSIONS, DIMENSIONS), (DOCUMENTS, NEW_DIMENSIONS, NEW_DIMENSIONS)}
    for model in (OLD, NEW):
        texts = sent(service, model)
        assert max(texts.values()) == 1  # nothing is paid twice
        assert sum("it is gone" in text for text in texts) == 1


@pytest.mark.long
async def test_killed_cancelled_and_resumed_it_ends_as_if_nothing_had_happened(
    c: Connection, ready: str, service: EmbeddingService, start: Start, tmp_path: Path
) -> None:
    victim = start()
    await filled(c, tmp_path / "docs")
    async with watched(ready) as seen:
        victim.hold("after:save_chunks", 3)
        request = await order(c)
        victim.held("after:save_chunks")
        victim.kill()
        other = start()
        other.hold("before:publish", 2)
        other.held("before:publish")
        await c.execute("select ingest_cancel($1)", request)
        other.go()
        await ended(c, request)
        assert await generations(c, "docs") == {1: "live", 2: "stopped"}
        await ingested(c, content="A new gate.", uri="new", collection="docs")
        await c.execute("select ingest_resume($1)", request)
        (row,) = await ended(c, request)
        assert (row["status"], row["error"]) == ("succeeded", None)
        await until(lambda: _is(live_dimensions(c), NEW_DIMENSIONS))
    assert len(await in_both(c)) == DOCUMENTS + 1
    assert {dimensions for _, dimensions, _ in seen} == {DIMENSIONS, NEW_DIMENSIONS}
    assert sent(service, NEW).total() <= DOCUMENTS + 1 + 8  # what was on its way when it was killed


async def test_behind_an_outage_each_generation_has_the_vectors_of_its_own_model(
    c: Connection, ready: str, start: Start, tmp_path: Path
) -> None:
    path, running = tmp_path / "docs", start()
    written(path, 1, "it opens.")
    await ingested(c, source=str(path), collection="docs")
    await ended(c, await order(c))
    await until(lambda: _is(live_dimensions(c), NEW_DIMENSIONS))
    written(path, 2, "it opens.")
    running.hold("before:copy_known", 2)  # in the live generation, then in the former one
    insert = "insert into ingest_requests (source, collection, options) values ($1, 'docs', $2) returning id"
    request = await c.fetchval(insert, str(path), {"force": True})
    running.held("before:copy_known")
    async with session(ready) as other:
        await other.execute("begin")
        await other.execute("select from ingest_batches where request_id = $1 for update", request)
        running.go()
        ends = """select count(pg_terminate_backend(pid)) from pg_stat_activity
          where wait_event_type = 'Lock' and query ~ $1"""
        await until(lambda: _count(c, ends, "ingest_copy_known"))
    (row,) = await ended(c, request)
    assert (row["status"], row["error"]) == ("succeeded", None)
    lengths = "select array_agg(distinct (generation, public.vector_dims(embedding))::text) from ingest_chunk_store"
    assert set(await c.fetchval(lengths)) == {f"(1,{DIMENSIONS})", f"(2,{NEW_DIMENSIONS})"}
    assert len(await in_both(c)) == 2


@pytest.mark.long
async def test_a_plan_says_what_it_would_take_and_a_cap_ends_it_clean(
    c: Connection, service: EmbeddingService, start: Start, tmp_path: Path
) -> None:
    start()
    await filled(c, tmp_path / "docs")
    (planned,) = await ended(c, await order(c, plan=True))
    plan = planned["plan"]
    assert (planned["status"], plan["documents"], plan["chunks"], plan["new_texts"], plan["model"]) == (
        "succeeded", DOCUMENTS, DOCUMENTS, DOCUMENTS, NEW,
    )  # fmt: skip
    assert (sent(service, NEW).total(), await generations(c, "docs")) == (0, {1: "live", 2: "purged"})
    request = await order(c, max_texts=10, planned=str(planned["id"]))
    (row,) = await ended(c, request)
    assert (row["status"], row["error"]["code"]) == ("partially_succeeded", "cap_reached")
    assert (await generations(c, "docs"), sent(service, NEW).total()) == ({1: "live", 2: "purged", 3: "building"}, 10)
    await c.execute("select ingest_retry($1, '{\"max_texts\": 100}')", request)
    (row,) = await ended(c, request)
    assert (row["status"], sent(service, NEW).total()) == ("succeeded", DOCUMENTS)
    assert (await generations(c, "docs"))[3] == "live"
    used = "select sum(texts) from ingest_usage u join ingest_spaces s on s.id = u.space_id where s.model = $1"
    assert await c.fetchval(used, NEW) == DOCUMENTS


async def _count(c: Connection, query: str, *arguments: Any) -> int:
    return int(await c.fetchval(query, *arguments))


async def _is(value: Awaitable[Any], wanted: Any) -> bool:
    return bool(await value == wanted)


async def test_the_command_orders_shows_and_takes_back(c: Connection, ready: str, start: Start, tmp_path: Path) -> None:
    start()
    await filled(c, tmp_path / "docs")
    ingest = Command(tmp_path, INGEST_DATABASE_URL=ready)
    ordered = await ingest("reembed", "docs", "-s", f"model={NEW}", "-s", "dimensions=8", "--wait")
    assert ordered.status == 0, ordered.err
    shown = await ingest("generations", "docs", "--json")
    assert [(one["generation"], one["state"], one["model"]) for one in json.loads(shown.out)] == [
        (1, "former", OLD),
        (2, "live", NEW),
    ]
    assert "former" in (await ingest("generations")).out
    refused = await ingest("switch", "docs")
    assert (refused.status, "nothing_to_switch_to" in refused.err) == (2, True)
    assert (await ingest("rollback", "docs")).out == "generation 1 of docs is live\n"
    assert (await ingest("drop-generation", "docs")).out == "generation 2 of docs is dropped\n"
    async with listener.connect(ready) as python:
        (live, dropped) = ((await python.describe("docs")).generations or [])[::-1]
        assert (live.state, dropped.state, live.settings["chunk_size"]) == ("live", "purging", 1000)
