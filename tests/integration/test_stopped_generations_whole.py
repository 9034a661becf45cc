"""A generation that can't be made, with real listeners: who publishes meanwhile does not notice."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from embedding_service import EmbeddingService, failing
from listener_process import ListenerProcess
from pipeline import ended, ingested, until
from reembedding import generations, standing
from staging import Connection, collection

OLD, TYPO = "text-embedding-3-small", "text-embeding-3-large"
DIMENSIONS, NEW_DIMENSIONS = 12, 8
ORDER = {"model": TYPO, "dimensions": NEW_DIMENSIONS}
INLINE = "insert into ingest_requests (content, uri, collection) values ($1, $2, 'docs') returning id"
Start = Callable[..., ListenerProcess]


@pytest.fixture
async def service() -> AsyncIterator[EmbeddingService]:
    async with EmbeddingService(dimensions=DIMENSIONS) as service:
        yield service


@pytest.fixture
async def second() -> AsyncIterator[EmbeddingService]:
    """Another service, which is away."""
    async with EmbeddingService(dimensions=DIMENSIONS) as service:
        service.always(failing(503))
        yield service


@pytest.fixture
async def c(own: Connection, service: EmbeddingService) -> Connection:
    await collection(own, "docs", embedder="openai", endpoint=service.url, model=OLD, dimensions=DIMENSIONS)
    return own


@pytest.fixture
def running(ready: str, service: EmbeddingService, tmp_path: Path, listeners: list[ListenerProcess]) -> ListenerProcess:
    listeners.append(
        ListenerProcess(
            ready, tmp_path / "l", openai_base_url=service.url, openai_api_key="k", file_roots=tmp_path,
            heartbeat_seconds=0.2, lease_seconds=1, safety_poll_seconds=600, batch_concurrency=2,
        )
    )  # fmt: skip
    return listeners[-1].ready()


async def order(c: Connection, settings: dict[str, Any], **options: Any) -> uuid.UUID:
    request: uuid.UUID = await c.fetchval("select ingest_reembed('docs', $1, $2)", settings, options)
    return request


async def last_error(c: Connection, request: uuid.UUID) -> str | None:
    query = "select last_error ->> 'code' from ingest_batches where request_id = $1 and last_error is not null"
    code: str | None = await c.fetchval(query, request)
    return code


async def status(c: Connection, request: uuid.UUID) -> str:
    (row,) = await ended(c, request)
    return str(row["status"])


async def test_a_wrong_model_name_holds_up_nobody_and_once_it_is_right_nothing_lacks(
    c: Connection, service: EmbeddingService, running: ListenerProcess
) -> None:
    for number in range(6):
        await ingested(c, content=f"Gate {number}.", uri=f"{number}", collection="docs")
    running.hold("before:list_standing")
    request = await order(c, ORDER)
    running.held("before:list_standing")
    meanwhile = await c.fetchval(INLINE, "Gate 0 is new.", "0")
    await until(lambda: last_error(c, meanwhile))  # it was refused, and waits for the end of what makes the generation
    assert await c.fetchval("select status from ingest_requests where id = $1", meanwhile) == "running"
    running.go()
    (row,) = await ended(c, request)
    assert (row["status"], row["error"]["code"]) == ("failed", "unknown_model")
    assert await status(c, meanwhile) == "succeeded"
    assert await status(c, await c.fetchval(INLINE, "Gate 7.", "7")) == "succeeded"
    assert await generations(c, "docs") == {1: "live", 2: "stopped"}
    service.models.add(TYPO)
    await c.execute("select ingest_retry($1)", request)
    beside = await c.fetchval(INLINE, "Gate 8.", "8")
    assert (await status(c, beside), await status(c, request)) == ("succeeded", "succeeded")
    assert (await generations(c, "docs"))[2] == "live"
    assert await standing(c, 1, "docs") == await standing(c, 2, "docs")
    assert len(await standing(c, 2, "docs")) == 8


async def test_what_waits_for_the_end_of_its_request_takes_no_place_from_that(
    c: Connection, running: ListenerProcess
) -> None:
    await ingested(c, content="Gate 1.", uri="1", collection="docs")
    await collection(c, "docs", max_running=1)
    running.hold("before:publish")
    meanwhile = await c.fetchval(INLINE, "Gate 2.", "2")
    running.held("before:publish")
    request = await order(c, ORDER)  # there is no room for it
    assert await c.fetchval("select status from ingest_requests where id = $1", request) == "pending"
    running.go()
    assert (await status(c, request), await status(c, meanwhile)) == ("failed", "succeeded")


async def test_what_waits_for_the_service_of_a_generation_goes_on_as_that_stops(
    c: Connection, second: EmbeddingService, running: ListenerProcess
) -> None:
    await ingested(c, content="Gate 1.", uri="1", collection="docs")
    request = await order(c, {**ORDER, "model": "test", "endpoint": second.url}, patience=3)
    meanwhile = await c.fetchval(INLINE, "Gate 2.", "2")
    (row,) = await ended(c, request)
    assert (row["status"], (await generations(c, "docs"))[2]) == ("failed", "stopped")
    assert await status(c, meanwhile) == "succeeded"


async def test_a_document_that_is_deleted_on_its_way_into_a_generation_is_left_out(
    c: Connection, running: ListenerProcess
) -> None:
    for number in range(3):
        await ingested(c, content=f"Gate {number}.", uri=f"{number}", collection="docs")
    running.hold("after:to_chunk")
    request = await order(c, {"model": "test", "dimensions": NEW_DIMENSIONS})
    running.held("after:to_chunk")
    await c.execute("delete from ingest_documents where uri = '1'")
    running.go()
    (row,) = await ended(c, request)
    assert (row["status"], row["error"], row["documents_done"]) == ("succeeded", None, 2)


async def test_taken_up_it_does_not_fail_again_over_a_batch_whose_documents_are_gone(
    c: Connection, service: EmbeddingService, running: ListenerProcess
) -> None:
    for number in range(4):
        await ingested(c, content=f"Gate {number}.", uri=f"{number}", collection="docs")
    request = await order(c, ORDER, batch_documents=1)
    assert await status(c, request) == "failed"
    await c.execute("delete from ingest_documents where uri in ('1', '2')")
    await ingested(c, content="Gate 9.", uri="9", collection="docs")
    service.models.add(TYPO)
    await c.execute("select ingest_retry($1)", request)
    (row,) = await ended(c, request)
    assert (row["status"], row["error"], row["documents_done"]) == ("succeeded", None, 3)
    assert sorted(await standing(c, 2, "docs")) == ["0", "3", "9"]
