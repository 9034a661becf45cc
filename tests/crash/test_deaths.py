"""Listeners that die again and again over the same work, and zombies: declared dead, and awake once more."""

from __future__ import annotations

import asyncio
import signal
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from listener_process import ListenerProcess
from pipeline import ended, one, until
from staging import Connection, add

FAST: dict[str, object] = {"heartbeat_seconds": 0.2, "lease_seconds": 1, "safety_poll_seconds": 600}
pytestmark = pytest.mark.long  # see pyproject.toml

ATTEMPTS = 2
LONG = 100.0  # each death costs a lease, a start and a look at the queue


class Supervisor:
    """Runs one listener, and another one whenever it has ended."""

    def __init__(self, dsn: str, folder: Path, **settings: object) -> None:
        self._dsn, self._folder, self._settings = dsn, folder, FAST | {"max_attempts": ATTEMPTS} | settings
        self.started: list[ListenerProcess] = []

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[Supervisor]:
        task = asyncio.create_task(self._watch())
        try:
            yield self
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            for it in self.started:
                it.stop()

    async def _watch(self) -> None:
        while True:
            folder = self._folder / f"listener{len(self.started)}"
            self.started.append(ListenerProcess(self._dsn, folder, **self._settings))  # type: ignore[arg-type]
            while self.started[-1].process.poll() is None:  # noqa: ASYNC110 - a process says nothing when it ends
                await asyncio.sleep(0.02)

    @property
    def deaths(self) -> int:
        return sum(it.process.poll() == -signal.SIGKILL for it in self.started)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    for name in ("mixed", "slow"):
        (folder / name).mkdir(parents=True)
    for n in range(3):
        (folder / "mixed" / f"{n}.md").write_text(f"# Mixed {n}\n\nHarmless text number {n}.")
        (folder / "slow" / f"{n}.md").write_text(f"# Dawdler {n}\n\nIt takes its time, number {n}.")
    (folder / "mixed" / "1-killer.md").write_text("# Killer\n\nThis murderous text kills.")
    return folder


# The first death in embed has brought the batch as far as there, which begins the count anew.
@pytest.mark.parametrize(("line", "deaths"), [("load:killer", ATTEMPTS + 1), ("embed:murderous", ATTEMPTS + 2)])
async def test_a_document_that_kills_fails_alone_and_nobody_else_is_blamed(
    own: Connection, ready: str, docs: Path, tmp_path: Path, line: str, deaths: int
) -> None:
    deadly = tmp_path / "deadly"
    deadly.write_text(f"{line}\nslow:Dawdler\n")
    async with Supervisor(ready, tmp_path, file_roots=docs, deadly=deadly).watching() as supervisor:
        slow = await add(own, source=str(docs / "slow"))
        mixed = await add(own, source=str(docs / "mixed"))
        killed, innocent = await ended(own, mixed, slow, within=LONG)
        assert (killed["status"], killed["documents_done"], killed["documents_failed"]) == ("partially_succeeded", 3, 1)
        failure = await one(own, "select * from ingest_failures where request_id = $1", mixed)
        assert failure["uri"].endswith("1-killer.md")
        assert (failure["code"], failure["step"]) == ("killed_listener", line.partition(":")[0])
        assert (innocent["status"], innocent["documents_done"]) == ("succeeded", 3), innocent["error"]
        assert supervisor.deaths == deaths
        assert (killed["attempt"], innocent["attempt"]) == (1, 1)
        deadly.unlink()
        await own.execute("select ingest_retry($1)", mixed)  # its host has more memory now, say
        (row,) = await ended(own, mixed)
        assert (row["status"], row["documents_done"]) == ("succeeded", 4)


async def test_a_discovery_that_kills_meets_the_crash_limit_and_can_be_resumed(
    own: Connection, ready: str, docs: Path, tmp_path: Path
) -> None:
    deadly = tmp_path / "deadly"
    deadly.write_text("discover:mixed\n")
    async with Supervisor(ready, tmp_path, file_roots=docs, deadly=deadly).watching() as supervisor:
        request = await add(own, source=str(docs / "mixed"))
        (row,) = await ended(own, request, within=LONG)
        assert (row["status"], row["error"]["code"]) == ("failed", "crash_limit")
        assert "ingest_resume" in row["error"]["hint"]
        assert supervisor.deaths == ATTEMPTS
        deadly.unlink()
        assert await own.fetchval("select ingest_resume($1)", request) == "pending"
        (row,) = await ended(own, request)
        assert (row["status"], row["documents_done"], row["attempt"]) == ("succeeded", 4, 2)


# Zombies


async def test_what_a_listener_starts_after_it_was_declared_dead_is_found_and_moved_on(
    own: Connection, ready: str, tmp_path: Path, listeners: list[ListenerProcess]
) -> None:
    listeners.append(zombie := ListenerProcess(ready, tmp_path / "zombie", **FAST).ready())  # type: ignore[arg-type]
    zombie.hold("before:start")
    request = await add(own, content="claimed by a zombie", uri="z")
    await asyncio.to_thread(zombie.held, "before:start")
    await own.execute("update ingest_listeners set dead_at = clock_timestamp()")  # as one that judges it does
    zombie.go()
    assert await asyncio.to_thread(zombie.ended) == 5
    assert "declared_dead" in zombie.log()
    left = "select status, executor_id from dbos.workflow_status where workflow_uuid = $1"
    assert tuple(await one(own, left, str(request))) == ("PENDING", zombie.executor_id)
    assert await own.fetchval("select status from ingest_requests where id = $1", request) == "running"
    late = await add(own, content="after it", uri="late")

    listeners.append(other := ListenerProcess(ready, tmp_path / "other", **FAST).ready())  # type: ignore[arg-type]
    for row in await ended(own, request, late):
        assert (row["status"], row["attempt"], row["executor_id"]) == ("succeeded", 1, other.executor_id)
    assert zombie.embedded() == []


async def test_a_zombie_between_claim_and_start_starts_nothing_twice(
    own: Connection, ready: str, tmp_path: Path, listeners: list[ListenerProcess]
) -> None:
    listeners.append(zombie := ListenerProcess(ready, tmp_path / "zombie", **FAST).ready())  # type: ignore[arg-type]
    zombie.hold("before:start")
    request = await add(own, content="claimed twice", uri="z")
    await asyncio.to_thread(zombie.held, "before:start")
    zombie.signal(signal.SIGSTOP)
    listeners.append(other := ListenerProcess(ready, tmp_path / "other", **FAST).ready())  # type: ignore[arg-type]
    (row,) = await ended(own, request)
    assert (row["status"], row["executor_id"], row["attempt"]) == ("succeeded", other.executor_id, 2)
    zombie.go_when_it_runs()
    zombie.signal(signal.SIGCONT)
    assert await asyncio.to_thread(zombie.ended) == 5
    late = await add(own, content="after it", uri="late")
    assert (await ended(own, late))[0]["executor_id"] == other.executor_id
    assert zombie.embedded() == []
    assert len(other.embedded("claimed twice")) == 1
    workflows = "select status, executor_id from dbos.workflow_status where workflow_uuid = $1"
    assert tuple(await one(own, workflows, str(request))) == ("SUCCESS", other.executor_id)


async def test_a_listener_that_stands_still_for_less_than_its_lease_goes_on(
    own: Connection, ready: str, tmp_path: Path, listeners: list[ListenerProcess]
) -> None:
    patient = FAST | {"lease_seconds": 4}
    for name in ("frozen", "other"):
        listeners.append(ListenerProcess(ready, tmp_path / name, **patient).ready())  # type: ignore[arg-type]
    frozen = listeners[0]
    frozen.signal(signal.SIGSTOP)
    late = "select clock_timestamp() - heartbeat_at > lease / 2 from ingest_listeners where executor_id = $1"
    await until(lambda: own.fetchval(late, frozen.executor_id))
    frozen.signal(signal.SIGCONT)
    beats = "select heartbeat_at > clock_timestamp() - interval '1 second' from ingest_listeners where executor_id = $1"
    await until(lambda: own.fetchval(beats, frozen.executor_id))
    rows = await ended(own, *[await add(own, content=f"text {uuid.uuid4()}") for _ in range(4)])
    assert {row["status"] for row in rows} == {"succeeded"}
    assert await own.fetchval("select count(*) from ingest_listeners where dead_at is not null") == 0
    assert [it.stop() for it in listeners] == [0, 0]


# Clocks


async def test_listeners_whose_clocks_are_hours_apart_behave(
    own: Connection, ready: str, tmp_path: Path, listeners: list[ListenerProcess]
) -> None:
    for name, clock in (("slow", -3600.0), ("fast", 3600.0)):
        listeners.append(ListenerProcess(ready, tmp_path / name, clock=clock, **FAST).ready())  # type: ignore[arg-type]
    timed = [await add(own, content=f"timed {n}", uri=f"t{n}", options={"timeout_seconds": 600}) for n in range(8)]
    values = "values ('later', 'l', now() + interval '1 second')"
    later = await own.fetchval(f"insert into ingest_requests (content, uri, run_at) {values} returning id")
    for row in await ended(own, *timed, later):
        assert (row["status"], row["attempt"]) == ("succeeded", 1), row["error"]
        assert row["run_at"] <= row["started_at"] <= row["finished_at"]
    assert await own.fetchval("select count(*) from ingest_listeners where dead_at is not null") == 0

    overdue = await add(own, content="never ends", uri="o", options={"timeout_seconds": 1})
    for it in listeners:
        it.hold("before:save_chunks", key=overdue)
    (row,) = await ended(own, overdue)
    assert (row["status"], row["error"]["code"]) == ("cancelled", "deadline")
    assert row["finished_at"] >= row["deadline_at"]
    for it in listeners:
        it.go()


@pytest.mark.parametrize("clock", [-3600.0, 3600.0])
async def test_a_death_is_seen_by_the_database_s_clock(
    own: Connection, ready: str, tmp_path: Path, listeners: list[ListenerProcess], clock: float
) -> None:
    listeners.append(victim := ListenerProcess(ready, tmp_path / "victim", clock=clock, **FAST).ready())  # type: ignore[arg-type]
    victim.hold("before:save_chunks")
    request = await add(own, content="left behind", uri="b")
    await asyncio.to_thread(victim.held, "before:save_chunks")
    listeners.append(other := ListenerProcess(ready, tmp_path / "other", clock=-clock, **FAST).ready())  # type: ignore[arg-type]
    beats = "select heartbeat_at - started_at > 2 * lease from ingest_listeners where executor_id = $1"
    await until(lambda: own.fetchval(beats, other.executor_id))
    alive = "select count(*) from ingest_listeners where dead_at is null"
    assert await own.fetchval(alive) == 2
    victim.kill()
    (row,) = await ended(own, request)
    assert (row["status"], row["executor_id"]) == ("succeeded", other.executor_id)
