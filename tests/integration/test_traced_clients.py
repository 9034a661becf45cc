"""A program that traces itself with Opik's ``@track`` sees the client's verbs as spans, and no word of their texts."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from listener_process import ListenerProcess
from opik_service import OpikService

import listener

needs_sdk = pytest.mark.skipif(find_spec("opik") is None, reason="needs the extra opik: pip install '.[opik]'")
PAGE = Path(__file__).parents[2] / "docs" / "tracing.md"
BLOCK = re.compile(r"^<!-- run -->\n```python\n(.*?)^```\n```text\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
ID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f-]{27}|…)")

# Errors and a cancellation inside of a tracked function, and a verb afterwards.
TROUBLE = """
import asyncio, contextlib, datetime, listener, opik

@opik.track
async def trouble():
    async with listener.connect() as ingest:
        with contextlib.suppress(listener.RequestError):
            await ingest.add("confidential/path.md", metadata={"a": "confidential"})
        with contextlib.suppress(listener.RequestError):
            await ingest.search("confidential query", "nowhere", filter={"a": "confidential"})
        with contextlib.suppress(Exception):
            await ingest.add(content=["confidential content"])
        tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
        request = await ingest.add(content="confidential content", run_at=tomorrow)
        asyncio.get_running_loop().call_later(0.2, asyncio.current_task().cancel)
        try:
            await ingest.wait(request)
        except asyncio.CancelledError:
            await ingest.cancel(request)
        await ingest.wait(request)

asyncio.run(trouble())
"""

UNTRACKED = """
import asyncio, sys, listener
asyncio.run(listener.add(content="In the queue."))
print([name for name in sys.modules if "opik" in name])
"""


@pytest.fixture
def opik() -> Iterator[OpikService]:
    service = OpikService()
    yield service
    service.close()


def run(program: str, dsn: str, home: Path, opik: OpikService, tracing: str = "opik") -> str:
    """Run a program of the user's and return what it printed; the SDK has sent all that it has when this returns."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("INGEST_", "OPIK_"))}
    paths = [str(Path(listener.__file__).parent.parent), *filter(None, sys.path)]
    environment = clean | {
        "PYTHONPATH": os.pathsep.join(paths), "HOME": str(home), "INGEST_DATABASE_URL": dsn, "INGEST_TRACING": tracing,
        "OPIK_URL_OVERRIDE": opik.url, "OPIK_SENTRY_ENABLE": "false", "OPIK_ANALYTICS_ENABLE": "false",
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=100
    ).stdout


@needs_sdk
def test_the_program_of_the_page_is_traced_as_the_page_shows_in_the_thread_of_its_request(
    ready: str, tmp_path: Path, opik: OpikService, monkeypatch: pytest.MonkeyPatch
) -> None:
    ((program, shown),) = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    requests = OpikService()
    monkeypatch.setenv("OPIK_URL_OVERRIDE", requests.url)
    process = ListenerProcess(ready, tmp_path / "listener", tracing="opik").ready()
    try:
        run(program, ready, tmp_path, opik)
        requests.wait_for(traces=1)
    finally:
        process.stop()
        requests.close()
    assert ID.sub("ID", opik.tree()) == ID.sub("ID", shown.rstrip("\n"))
    assert {span["type"] for span in opik.spans.values()} == {"general", "tool"}
    (asked,) = opik.traces.values()
    assert asked["thread_id"] in {trace["thread_id"] for trace in requests.traces.values()}


@needs_sdk
def test_of_errors_the_code_is_told_and_what_follows_a_cancelled_wait_is_in_its_place(
    ready: str, tmp_path: Path, opik: OpikService
) -> None:
    run(TROUBLE, ready, tmp_path, opik)
    assert ID.sub("ID", opik.tree()).splitlines() == [
        "trace trouble  ",
        "   trouble  ",
        "      ingest.add  collection=default  error=relative_path",
        "      ingest.search  collection=nowhere k=10  error=unknown_collection",
        "      ingest.add  collection=default  error=invalid_value",
        "      ingest.add  collection=default  → request=ID",
        "      ingest.wait  error=CancelledError",
        "      ingest.wait  → request=ID cancelled=1 documents=0 chunks=0",
    ]
    assert "confidential" not in "".join(opik.bodies)


@needs_sdk
def test_without_the_setting_a_tracked_program_has_its_own_spans_only(
    ready: str, tmp_path: Path, opik: OpikService
) -> None:
    run(TROUBLE, ready, tmp_path, opik, tracing="off")
    assert [span["name"] for span in opik.spans.values()] == ["trouble"]


def test_with_the_setting_a_program_that_tracks_nothing_imports_no_sdk(
    ready: str, tmp_path: Path, opik: OpikService
) -> None:
    assert run(UNTRACKED, ready, tmp_path, opik) == "[]\n"
    assert opik.requests == []
