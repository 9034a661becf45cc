"""A listener that traces: what arrives of a request, and that an Opik which never answers holds up nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from listener_process import ListenerProcess
from opik_service import OpikService
from pipeline import ended, ingested
from staging import add, session

pytestmark = pytest.mark.skipif(find_spec("opik") is None, reason="needs the extra opik: pip install '.[opik]'")


@pytest.fixture
def opik(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpikService]:
    service = OpikService()
    monkeypatch.setenv("OPIK_URL_OVERRIDE", service.url)
    yield service
    service.close()


@asynccontextmanager
async def tracing_listener(dsn: str, folder: Path) -> AsyncIterator[ListenerProcess]:
    """Run a listener with a root of three documents, two to a batch."""
    root = folder / "root"
    root.mkdir()
    for name in ("dawn", "noon", "dusk"):
        (root / f"{name}.md").write_text(f"# {name}\n\nWhat the garden needs at {name}.")
    process = ListenerProcess(
        dsn, folder / "listener", file_roots=root, batch_documents=2, tracing="opik", heartbeat_seconds=0.2
    )
    try:
        yield await asyncio.to_thread(process.ready)
    finally:
        await asyncio.to_thread(process.stop)


async def test_a_request_of_several_batches_arrives_as_one_trace(ready: str, tmp_path: Path, opik: OpikService) -> None:
    async with tracing_listener(ready, tmp_path), session(ready) as c:
        request = await ingested(c, source=str(tmp_path / "root"), collection="garden")
        assert request["status"] == "succeeded"
        await asyncio.to_thread(opik.wait_for, traces=1, spans=13)
    (trace,) = opik.traces.values()
    assert trace["thread_id"] == str(request["id"])
    assert trace["input"] == {"request": str(request["id"]), "collection": "garden"}
    assert trace["output"]["status"] == "succeeded"
    assert {span["trace_id"] for span in opik.spans.values()} == {trace["id"]}
    by_id = opik.spans
    paths = sorted(
        [by_id[span["parent_span_id"]]["name"] if span.get("parent_span_id") else "", span["name"]]
        for span in opik.spans.values()
    )
    steps = ["chunk", "embed", "load", "save"]
    assert paths == [
        ["", "batch"], ["", "batch"], ["", "discover"],
        *[["batch", step] for step in steps for _ in range(2)],
        *[["embed", "embedding call"]] * 2,
    ]  # fmt: skip
    calls = [span for span in opik.spans.values() if span["name"] == "embedding call"]
    assert sorted(span["input"]["texts"] for span in calls) == [1, 2]
    assert {(span["provider"], span["model"]) for span in calls} == {("local", "wordllama-l2-supercat-256")}
    assert "garden needs" not in "".join(opik.bodies)


async def test_an_opik_that_never_answers_holds_up_neither_requests_nor_the_listeners_end(
    ready: str, tmp_path: Path, opik: OpikService
) -> None:
    opik.mode = "hang"
    async with tracing_listener(ready, tmp_path) as process, session(ready) as c:
        await ingested(c, content="One before, so that Opik has been asked.")
        await asyncio.to_thread(opik.wait_for, requests=1)
        requests = [await add(c, content=f"Document {number}.", uri=f"{number}") for number in range(20)]
        rows = await ended(c, *requests)
        assert {row["status"] for row in rows} == {"succeeded"}
        assert await asyncio.to_thread(process.stop) == 0
    assert " ERROR " not in process.log()
