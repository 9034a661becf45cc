"""A wrong key or an unknown model is found when a listener starts, and by doctor, before a request fails of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from embedding_service import EmbeddingService, answer, failing, stalled
from ingest_command import Ingest
from listener_process import ListenerProcess
from pipeline import ended, until
from staging import Connection, add, collection

from listener.embedding.probing import HARMLESS

DIMENSIONS = 8
KEY = "sk-right-0123456789"


@pytest.fixture
async def service() -> AsyncIterator[EmbeddingService]:
    async with EmbeddingService(dimensions=DIMENSIONS) as service:
        service.key = KEY
        yield service


def started(ready: str, tmp_path: Path, service: EmbeddingService, **settings: Any) -> ListenerProcess:
    given: dict[str, Any] = {"openai_base_url": service.url, "openai_api_key": KEY, "heartbeat_seconds": 0.2}
    return ListenerProcess(ready, tmp_path / "listener", **given | settings).ready()


async def said(it: ListenerProcess, *pieces: str) -> str:
    async def line() -> str:
        return next((one for one in it.log().splitlines() if all(piece in one for piece in pieces)), "")

    return str(await until(line))


@pytest.mark.parametrize(
    ("settings", "code", "hint"),
    [
        ({"openai_api_key": "sk-wrong-0123456789"}, "api_key_refused", "Set OPENAI_API_KEY"),
        ({"embedding_model": "no-such-model"}, "unknown_model", "Check the collection's model"),
    ],
)
async def test_what_the_default_embedder_lacks_is_a_warning_at_the_start(
    ready: str, tmp_path: Path, service: EmbeddingService, settings: dict[str, Any], code: str, hint: str
) -> None:
    default = {"embedder": "openai", "embedding_model": "test", "embedding_dimensions": DIMENSIONS}
    it = started(ready, tmp_path, service, **default | settings)
    try:
        line = await said(it, " WARNING ", "can't embed with the present settings", code)
        assert hint in line
        assert [one.texts for one in service.requests] == [[HARMLESS]]
    finally:
        assert it.stop() == 0


async def test_collections_with_unfinished_requests_are_asked_for_too(
    own: Connection, ready: str, tmp_path: Path, service: EmbeddingService
) -> None:
    for name in ("waits", "unused"):
        space = {"embedder": "openai", "endpoint": service.url, "model": f"gone-{name}", "dimensions": DIMENSIONS}
        await collection(own, name, space)
    await add(own, content="A text.", uri="a", collection="waits")
    it = started(ready, tmp_path, service)
    try:
        await said(it, f"openai gone-waits at {service.url} can't embed with the present settings")
    finally:
        assert it.stop() == 0
    assert "gone-unused" not in it.log()
    assert {one.body["model"] for one in service.requests} == {"gone-waits"}


async def test_a_service_that_nothing_has_used_yet_is_asked_until_it_is_back(
    ready: str, own: Connection, tmp_path: Path, service: EmbeddingService
) -> None:
    """The space of collections to come stands in no table before there is one."""
    service.always(failing(503))
    default = {"embedder": "openai", "embedding_model": "test", "embedding_dimensions": DIMENSIONS}
    it = started(ready, tmp_path, service, lease_seconds=1, **default)
    try:
        await until(lambda: own.fetchval("select max(failures) >= 2 from ingest_circuits where opened_at is not null"))
        service.always(answer)
        await until(lambda: own.fetchval("select count(*) = 0 from ingest_circuits"))
        await said(it, " INFO ", " is back after ")
        assert "no listener can reach it" not in it.log()
    finally:
        assert it.stop() == 0


async def test_a_service_that_does_not_answer_delays_no_start(
    ready: str, tmp_path: Path, service: EmbeddingService
) -> None:
    service.hold()
    default = {"embedder": "openai", "embedding_model": "test", "embedding_dimensions": DIMENSIONS}
    it = started(ready, tmp_path, service, **default)  # waits until it claims
    await service.until(lambda service: service.running == 1)
    assert it.stop() == 0


@pytest.mark.long
async def test_a_service_that_is_slow_to_answer_holds_up_no_work(
    own: Connection, ready: str, tmp_path: Path, service: EmbeddingService
) -> None:
    service.always(lambda service, got: (stalled if got.texts == [HARMLESS] else answer)(service, got))
    default = {"embedder": "openai", "embedding_model": "test", "embedding_dimensions": DIMENSIONS}
    it = started(ready, tmp_path, service, **default)
    try:
        await service.until(lambda service: service.running == 1)  # it is asked, and says nothing yet
        request = await add(own, content="A text.", uri="a", collection="docs")
        await ended(own, request)
        assert await own.fetchval("select status from ingest_status where id = $1", request) == "succeeded"
        assert service.running == 1
        assert not await own.fetchval("select exists (select from ingest_circuits)")
    finally:
        assert it.stop() == 0


async def test_doctor_names_a_wrong_key_and_services_that_are_away(
    own: Connection, ready: str, tmp_path: Path, service: EmbeddingService
) -> None:
    environment = {
        "INGEST_DATABASE_URL": ready, "INGEST_EMBEDDER": "openai", "INGEST_EMBEDDING_MODEL": "test",
        "INGEST_EMBEDDING_DIMENSIONS": str(DIMENSIONS), "OPENAI_BASE_URL": service.url,
    }  # fmt: skip
    doctor = Ingest(tmp_path, **environment)
    result = await doctor("doctor", "--json", OPENAI_API_KEY="sk-wrong-0123456789")
    checks = {check["name"]: check for check in result.json["checks"]}
    assert checks["embedder"]["state"] == "problem"
    assert checks["embedder"]["message"].startswith("api_key_refused: ")
    assert checks["services"]["state"] == "ok"
    service.always(failing(503))
    error = {"code": "embedding_unavailable", "message": "it broke off", "hint": ""}
    await own.execute("select ingest_suspect('openai test', '', 'L', $1, 60, 60)", error)
    result = await doctor("doctor", "--json", OPENAI_API_KEY=KEY)
    checks = {check["name"]: check for check in result.json["checks"]}
    assert checks["embedder"]["message"].startswith("embedding_unavailable: ")
    assert checks["services"]["state"] == "warning"
    assert "openai test for " in checks["services"]["message"]
    assert "it broke off" in checks["services"]["message"]
