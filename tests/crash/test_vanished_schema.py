"""A listener whose schema is uninstalled or dropped ends with one clear error, whatever it was doing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from ingest_command import Ingest
from listener_process import ListenerProcess
from staging import Connection, add


@pytest.mark.parametrize("how", ["uninstalled", "dropped"])
async def test_an_idle_listener_whose_schema_has_gone_says_so(
    ready: str, own: Connection, listeners: list[ListenerProcess], tmp_path: Path, how: str
) -> None:
    process = ListenerProcess(ready, tmp_path / "listener", heartbeat_seconds=0.2, safety_poll_seconds=1).ready()
    listeners.append(process)
    await vanish(how, own, Ingest(tmp_path, INGEST_DATABASE_URL=ready))
    await assert_ended_well(process)


async def test_a_listener_at_work_whose_schema_has_gone_says_so(
    ready: str, own: Connection, listeners: list[ListenerProcess], tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for n in range(30):
        (docs / f"{n}.md").write_text(f"# {n}\n\nThe vents of house {n} open.\n")
    process = ListenerProcess(
        ready, tmp_path / "listener", heartbeat_seconds=0.2, file_roots=docs, batch_documents=5
    ).ready()
    listeners.append(process)
    process.hold("before:save_loaded")
    await add(own, source=str(docs))
    await asyncio.to_thread(process.held, "before:save_loaded")
    await vanish("uninstalled", own, Ingest(tmp_path, INGEST_DATABASE_URL=ready))
    await assert_ended_well(process)


async def vanish(how: str, c: Connection, ingest: Ingest) -> None:
    refused = await ingest("uninstall", "--yes")
    assert (refused.status, refused.code()) == (5, "listeners_run")
    if how == "uninstalled":
        assert (await ingest("uninstall", "--yes", "--force")).status == 0
    else:
        await c.execute("drop schema public cascade; create schema public; drop schema dbos cascade")


async def assert_ended_well(process: ListenerProcess) -> None:
    assert await asyncio.to_thread(process.ended) == 5
    log = process.log()
    assert "Traceback" not in log, log
    assert log.count("schema_gone") == 1, log
    assert 'error: schema_gone: schema "public" contains nothing of ours any more' in log
    assert "schema_newer" not in log
    assert "internal" not in log
    assert log.count(" ERROR ") == 0, log
