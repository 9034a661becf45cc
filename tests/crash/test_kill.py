"""The end of a listener in the middle of each step: another one finishes the work, as if nothing had happened.

One listener ends once, by SIGKILL or by SIGTERM, with many requests in hand, each held at another point. Every test
looks at one of them.
"""

from __future__ import annotations

import asyncio
import signal
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from listener_process import ListenerProcess
from pipeline import chunks, cloned, ended, migrated, until
from staging import Connection, add, collection, session

from listener import embedded
from listener.embedding import text_hash

DOCUMENTS, BATCH_DOCUMENTS, GROUP_TEXTS, IN_FLIGHT = 5, 2, 4, 2
BATCHES, SECTIONS = 3, 4
POINTS = [  # and which time it is reached
    ("before:begin", 1),
    ("before:add_page", 1),
    ("before:complete_manifest", 1),
    ("after:complete_manifest", 1),
    ("before:batches", 1),
    ("before:own", 1),
    ("before:save_loaded", 2),
    ("after:save_loaded", 1),
    ("before:save_chunked", 1),
    ("after:save_chunked", 2),
    ("before:save_chunks", 2),
    ("after:save_chunks", 2),
    ("before:save_embedded", 1),
    ("after:save_embedded", 1),
    ("before:publish", 2),
    ("after:publish", 1),
    ("before:settle", 1),
    ("after:settle", 1),
    ("before:start", 1),  # claimed, not started; last: it holds up all claims after it
]
NAMES = [f"{point}:{nth}" for point, nth in POINTS]


@dataclass
class Outcome:
    """What became of one request, and what an undisturbed one made of the same documents."""

    row: asyncpg.Record
    calm: list[dict[str, Any]]
    found: list[dict[str, Any]]
    workflows: set[str]
    sent_by_dead: list[str]
    sent_by_other: list[str]
    stored_at_death: set[bytes]


@pytest.fixture(scope="module", params=[signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def outcomes(
    request: pytest.FixtureRequest, server: embedded.Server, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Outcome]:
    folder = tmp_path_factory.mktemp("ended")
    return asyncio.run(_end_in_the_middle_of_all(server, folder, request.param))


async def _end_in_the_middle_of_all(
    server: embedded.Server, folder: Path, number: signal.Signals
) -> dict[str, Outcome]:
    async with cloned(server, await migrated(server)) as dsn, session(dsn) as c:
        settings: dict[str, Any] = {
            "group_texts": GROUP_TEXTS, "file_roots": folder, "batch_documents": BATCH_DOCUMENTS,
            "heartbeat_seconds": 0.2,
            "lease_seconds": 1, "grace_seconds": 0.5,
            "concurrency": 40, "batch_concurrency": 60, "safety_poll_seconds": 600,
        }  # fmt: skip
        victim = ListenerProcess(dsn, folder / "victim", **settings).ready()
        try:
            requests = await _bring_to_their_points(c, victim, folder)
        finally:
            victim.signal(number)
            status = victim.ended()
        assert status == (0 if number == signal.SIGTERM else -number)
        stored = {row["hash"] for row in await c.fetch("select hash from ingest_chunk_store")}
        other = ListenerProcess(dsn, folder / "other", **settings).ready()
        try:
            rows = await ended(c, *requests.values())
            await until(lambda: _no_workflow_is_left(c))
            await _ingest_calmly(c, folder)
            return {name: await _outcome(c, row, victim, other, stored) for name, row in zip(NAMES, rows, strict=True)}
        finally:
            assert other.stop() == 0


async def _bring_to_their_points(c: Connection, victim: ListenerProcess, folder: Path) -> dict[str, uuid.UUID]:
    """Return the requests by name of point, each held at its own."""
    requests = {name: uuid.uuid4() for name in NAMES}
    for names in (NAMES[:-1], NAMES[-1:]):
        for name in names:
            _write_documents(folder / name, name)
            await collection(c, name, chunk_size=200, chunk_overlap=20)
            victim.hold(*_point(name), key=requests[name])
            await add(c, id=requests[name], source=str(folder / name), collection=name)
        for name in names:
            await asyncio.to_thread(victim.held, _point(name)[0], requests[name])
    return requests


def _point(name: str) -> tuple[str, int]:
    return POINTS[NAMES.index(name)]


def _write_documents(folder: Path, marker: str) -> None:
    folder.mkdir()
    for n in range(DOCUMENTS):
        sections = [f"## Section {s}\n\n" + _sentences(f"{n}.{s}") for s in range(SECTIONS)]
        (folder / f"{n}.md").write_text(f"# {marker}\n\n" + "\n\n".join(sections))


def _sentences(place: str) -> str:
    return " ".join(f"Sentence {number} of section {place} says this and that." for number in range(6))


async def _no_workflow_is_left(c: Connection) -> bool:
    query = "select count(*) = 0 from dbos.workflow_status where status in ('PENDING', 'ENQUEUED')"
    return bool(await c.fetchval(query))


async def _ingest_calmly(c: Connection, folder: Path) -> None:
    """Ingest the same documents once more, into other collections, and let it end."""
    for name in NAMES:
        await collection(c, f"calm {name}", chunk_size=200, chunk_overlap=20)
    rows = await ended(c, *[await add(c, source=str(folder / name), collection=f"calm {name}") for name in NAMES])
    assert {row["status"] for row in rows} == {"succeeded"}


async def _outcome(
    c: Connection, row: asyncpg.Record, victim: ListenerProcess, other: ListenerProcess, stored: set[bytes]
) -> Outcome:
    name = row["collection"]
    query = "select distinct status from dbos.workflow_status where workflow_uuid like $1 || '%'"
    return Outcome(
        row,
        [_comparable(chunk) for chunk in await chunks(c, f"calm {name}")],
        [_comparable(chunk) for chunk in await chunks(c, name)],
        {workflow["status"] for workflow in await c.fetch(query, str(row["id"]))},
        victim.embedded(name),  # the name is the title of all its documents
        other.embedded(name),
        stored,
    )


def _comparable(chunk: asyncpg.Record) -> dict[str, Any]:
    keys = ("uri", "ordinal", "title", "text", "slice", "start_char", "end_char", "metadata", "embedding")
    return {key: chunk[key] for key in keys}


@pytest.mark.parametrize("name", NAMES)
def test_another_listener_finishes_what_the_ended_one_left(outcomes: dict[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    row = outcome.row
    assert (row["status"], row["documents_total"], row["documents_failed"]) == ("succeeded", DOCUMENTS, 0), row["error"]
    assert row["documents_done"] == DOCUMENTS
    assert len(outcome.found) == row["chunks_total"] >= DOCUMENTS * SECTIONS
    assert outcome.found == outcome.calm
    assert all(chunk["text"] == chunk["slice"] for chunk in outcome.found)
    assert outcome.workflows == {"SUCCESS"}


@pytest.mark.parametrize("name", NAMES)
def test_each_text_is_embedded_once_but_for_the_groups_in_flight(outcomes: dict[str, Outcome], name: str) -> None:
    outcome = outcomes[name]
    assert not [text for text in outcome.sent_by_other if text_hash(text) in outcome.stored_at_death]
    assert len(outcome.sent_by_other) == len(set(outcome.sent_by_other))
    assert len(outcome.sent_by_dead) == len(set(outcome.sent_by_dead))
    twice = set(outcome.sent_by_dead) & set(outcome.sent_by_other)
    assert len(twice) <= GROUP_TEXTS * IN_FLIGHT * BATCHES
    assert len(set(outcome.sent_by_dead) | set(outcome.sent_by_other)) == len(outcome.calm)
