"""The verbs of control, on real listeners: what each does to a request, its documents and its workflows."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from listener_process import ListenerProcess
from pipeline import chunks, ended, ingested, until
from staging import Connection, add


def write(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).write_text(text)


async def test_a_cancelled_request_is_resumed_from_where_it_stood(
    c: Connection, name: str, folder: Path, process: ListenerProcess
) -> None:
    write(folder, {f"{n}.md": f"# {n}\n\nText number {n} of {name}." for n in range(3)})
    process.hold("before:save_embedded")
    request = await add(c, source=str(folder), collection=name)
    await asyncio.to_thread(process.held, "before:save_embedded")
    await c.execute("select ingest_cancel($1)", request)
    done = "select done_at is not null from ingest_commands where request_id = $1 and verb = 'cancel'"
    await until(lambda: c.fetchval(done, request))
    process.go()
    assert (await ended(c, request))[0]["status"] == "cancelled"
    assert await c.fetchval("select ingest_resume($1)", request) == "pending"
    (row,) = await ended(c, request)
    assert (row["status"], row["documents_done"], row["attempt"]) == ("succeeded", 3, 2)
    assert len(process.embedded(name)) == 3  # the vectors that were stored before the cancel are there
    over = "select status = 'SUCCESS' from dbos.workflow_status where workflow_uuid = $1"
    await until(lambda: c.fetchval(over, str(request)))  # a moment after the request


async def test_a_retry_runs_again_what_failed_and_nothing_else(
    c: Connection, name: str, folder: Path, process: ListenerProcess
) -> None:
    write(folder, {"good.md": f"Good {name}.", "bad.md": ""})
    first = await ingested(c, source=str(folder), collection=name)
    assert first["status"] == "partially_succeeded"
    write(folder, {"bad.md": f"Mended {name}."})
    assert await c.fetchval("select ingest_retry($1)", first["id"]) == "pending"
    (row,) = await ended(c, first["id"])
    assert (row["status"], row["documents_done"], row["documents_failed"], row["error"]) == ("succeeded", 2, 0, None)
    assert len(process.embedded(name)) == 2


@pytest.mark.parametrize(("step", "sent"), [("discover", 0), ("load", 0), ("chunk", 0), ("embed", 0), ("save", 0)])
async def test_a_fork_goes_into_another_collection_from_any_step(
    c: Connection, name: str, folder: Path, process: ListenerProcess, step: str, sent: int
) -> None:
    write(folder, {f"{n}.md": f"# {n}\n\nText number {n} of {name}." for n in range(3)})
    first = await ingested(c, source=str(folder), collection=name)
    before = len(process.embedded(name))
    fork = await c.fetchval("select ingest_fork($1, $2, collection => $3)", first["id"], step, f"{name}2")
    (row,) = await ended(c, fork)
    assert (row["status"], row["documents_done"], row["forked_from"]) == ("succeeded", 3, first["id"])
    assert len(process.embedded(name)) - before == sent
    assert await comparable(c, name) == await comparable(c, f"{name}2")


async def comparable(c: Connection, collection: str) -> list[dict[str, Any]]:
    keys = ("uri", "ordinal", "title", "text", "slice", "start_char", "end_char", "metadata", "embedding")
    return [{key: chunk[key] for key in keys} for chunk in await chunks(c, collection)]
