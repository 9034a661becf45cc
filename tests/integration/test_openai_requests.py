"""Whole requests through an embedding service: what its failures do to a request, and what a person sees and does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from embedding_service import EmbeddingService, answer, failing, vector
from listener_process import ListenerProcess
from pipeline import ended, ingested, one, until
from staging import Connection, add, session

DIMENSIONS = 16
KEY = "sk-of-the-test-0123456789"


@pytest.fixture
async def service() -> AsyncIterator[EmbeddingService]:
    async with EmbeddingService(dimensions=DIMENSIONS) as service:
        service.key = KEY
        yield service


@pytest.fixture
async def listening(ready: str, tmp_path: Path, service: EmbeddingService) -> AsyncIterator[ListenerProcess]:
    process = ListenerProcess(
        ready, tmp_path, heartbeat_seconds=0.2, safety_poll_seconds=600, file_roots=tmp_path, embedder="openai",
        embedding_model="test", embedding_dimensions=DIMENSIONS, embed_interval_seconds=0.05, embed_attempts=3,
        service_patience="1s", openai_base_url=service.url, openai_api_key=KEY,
    ).ready()  # fmt: skip
    await service.until(lambda service: len(service.requests) == 1)  # a listener that starts asks whether it lives
    yield process
    log = process.log()
    process.stop()
    assert KEY not in log


@pytest.fixture
async def own(ready: str, listening: ListenerProcess) -> AsyncIterator[Connection]:
    async with session(ready) as connection:
        yield connection


async def test_vectors_and_tokens_of_the_service_are_kept(own: Connection, service: EmbeddingService) -> None:
    row = await ingested(own, content="# Bees\n\nBees make honey.", uri="bees.md")
    assert (row["status"], row["chunks_total"]) == ("succeeded", 1)
    assert row["tokens"] > 0
    assert row["tokens"] == await own.fetchval("select tokens from ingest_status where id = $1", row["id"])
    (text,) = service.requests[-1].texts
    stored = (await one(own, "select embedding::real[] as numbers from ingest_chunks"))["numbers"]
    assert stored == pytest.approx(vector(text, DIMENSIONS).tolist(), abs=1e-6)
    space = await one(own, "select embedder, endpoint, model, dimensions from ingest_spaces")
    assert tuple(space) == ("openai", service.url, "test", DIMENSIONS)


@pytest.mark.long
async def test_a_service_that_is_down_is_waited_for_and_the_status_says_so(
    own: Connection, service: EmbeddingService
) -> None:
    service.always(failing(503))
    request = await add(own, content="Waits for the service.", uri="waits")
    said = "select last_error ->> 'code' as code from ingest_status where id = $1 and last_error is not null"
    row = await until(lambda: own.fetchrow(said, request))
    assert row["code"] == "embedding_unavailable"
    (failed,) = await ended(own, request)
    assert (failed["status"], failed["error"]["step"], failed["error"]["retryable"]) == ("failed", "embed", True)
    assert failed["error"]["code"] == "embedding_unavailable"
    service.always(answer)
    await own.execute("select ingest_retry($1)", request)
    (row,) = await ended(own, request)
    assert (row["status"], row["attempt"]) == ("succeeded", 2)


@pytest.mark.parametrize(
    ("status", "code"), [(401, "api_key_refused"), pytest.param(404, "unknown_model", marks=pytest.mark.long)]
)
async def test_what_no_retry_can_mend_fails_at_once_with_what_to_set(
    own: Connection, service: EmbeddingService, status: int, code: str
) -> None:
    service.always(failing(status, "no"))
    row = await ingested(own, content="A text.", uri="a")
    assert (row["status"], row["error"]["code"], row["error"]["retryable"]) == ("failed", code, False)
    assert row["error"]["hint"]
    assert "sk-of" not in str(dict(row))
    assert len(service.requests) == 2


@pytest.mark.long
async def test_after_an_unknown_model_the_collection_is_corrected_and_the_request_retried(
    own: Connection, service: EmbeddingService
) -> None:
    service.models = {"another-model"}
    row = await ingested(own, content="A text.", uri="a")
    assert row["error"]["code"] == "unknown_model"
    await own.execute("select ingest_collection('default', '{\"model\": \"another-model\"}')")
    await own.execute("select ingest_retry($1)", row["id"])
    (row,) = await ended(own, row["id"])
    assert row["status"] == "succeeded"
    assert service.requests[-1].body["model"] == "another-model"


async def test_a_text_that_the_service_refuses_fails_its_document_alone(
    own: Connection, service: EmbeddingService, tmp_path: Path
) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    for number in range(9):
        (folder / f"{number}.txt").write_text(f"Text {number}." if number != 4 else "Text REFUSED-BY-THE-SERVICE.")
    service.marker = "REFUSED-BY-THE-SERVICE"
    row = await ingested(own, source=str(folder))
    assert (row["status"], row["documents_done"], row["documents_failed"]) == ("partially_succeeded", 8, 1)
    failure = await one(own, "select uri, step, code, hint from ingest_failures where request_id = $1", row["id"])
    assert (failure["uri"][-5:], failure["step"], failure["code"]) == ("4.txt", "embed", "text_refused")
    service.marker = None
    sent = len(service.requests)
    await own.execute("select ingest_retry($1)", row["id"])
    (row,) = await ended(own, row["id"])
    assert (row["status"], row["documents_done"]) == ("succeeded", 9)
    assert [request.texts for request in service.requests[sent:]] == [["Text REFUSED-BY-THE-SERVICE."]]
