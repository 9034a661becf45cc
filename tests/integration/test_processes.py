"""One listener of several processes: one log, port and end; what dies is started again, and nothing is orphaned."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import urllib.request
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from embedding_service import EmbeddingService
from ingest_command import Ingest, Process
from pipeline import ended, until
from prometheus_client.parser import text_string_to_metric_families
from staging import Connection, add

from listener.pipeline.one_of import OneOf, most_connections

SECONDS = 100.0  # a process takes a while to import everything, also where many tests run
FAST = {
    "INGEST_HEARTBEAT_SECONDS": "0.2",
    "INGEST_LEASE_SECONDS": "5",
    "INGEST_SAFETY_POLL_SECONDS": "600",
    "INGEST_GRACE_SECONDS": "20",
    "INGEST_LOG_FORMAT": "json",
}
BEATING = (
    "select pid from ingest_listeners where dead_at is null and heartbeat_at > clock_timestamp() - lease order by pid"
)
CONNECTIONS = (
    "select count(*) from pg_stat_activity where application_name like 'ingest %' and datname = current_database()"
    " and backend_type = 'client backend'"
)
# What holds the interpreter, in a process's main thread, where its loop runs.
FROZEN = """
import re, signal
def freeze(*_):
    re.match("(a+)+b", "a" * 60)
signal.signal(signal.SIGUSR1, freeze)
"""


@dataclass
class Running:
    """A listener of several processes, and its log so far."""

    process: Process
    log: list[dict[str, Any]] = field(default_factory=list)

    async def said(self, piece: str, times: int = 1) -> dict[str, Any]:
        """Wait until so many lines contain this; return the last of them."""

        async def look() -> dict[str, Any] | None:
            found = [line for line in self.log if piece in line["message"]]
            assert len(found) >= times or self.process.returncode is None, self.log
            return found[times - 1] if len(found) >= times else None

        line: dict[str, Any] = await until(look, SECONDS)
        return line

    async def read(self) -> None:
        assert self.process.stderr
        async for line in self.process.stderr:
            with suppress(ValueError):  # stacks of a process that is killed
                self.log.append(json.loads(line))

    def executors(self) -> list[int]:
        """Return the processes that have listened so far."""
        names = [line["message"].rpartition(" as ")[2] for line in self.log if "listening on" in line["message"]]
        return [int(name.split("-")[-2]) for name in names]

    def children(self) -> list[int]:
        """Return the processes that it has started and that have not ended."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in listed.read_text().split()] if listed.exists() else []


@dataclass
class Start:
    """Starts listeners of several processes."""

    ingest: Ingest
    started: list[tuple[Running, asyncio.Task[None]]] = field(default_factory=list)

    async def __call__(self, *arguments: str, **settings: str) -> Running:
        """Start one, and wait until all of its processes listen."""
        running = await self.begin(*arguments, **settings)
        await running.said("processes listen")
        return running

    async def begin(self, *arguments: str, **settings: str) -> Running:
        process = await self.ingest.start("listen", "--processes", "2", *arguments, **settings)
        running = Running(process)
        self.started.append((running, asyncio.create_task(running.read())))
        return running


@pytest.fixture
async def start(ready: str, tmp_path: Path) -> AsyncIterator[Start]:
    it = Start(Ingest(tmp_path, INGEST_DATABASE_URL=ready, **FAST))
    yield it
    for running, reading in it.started:
        if running.process.returncode is None:
            running.process.kill()  # its processes end with it
        await running.process.wait()
        await asyncio.wait([reading], timeout=30)  # until its processes have ended too
        for pid in running.executors():  # which they did not, where a test fails
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await reading
        await running.process.communicate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended: a zombie has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def is_parent(pid: int) -> bool:
    return any(one.read_text().strip() for one in Path(f"/proc/{pid}/task").glob("*/children"))


async def all_gone(pids: list[int]) -> None:
    async def look() -> bool:
        return all(map(is_gone, pids))

    await until(look, SECONDS)


async def beating(own: Connection, number: int) -> list[int]:
    """Wait until so many processes beat; return them."""

    async def look() -> list[int] | None:
        found = [row[0] for row in await own.fetch(BEATING)]
        return found if len(found) == number else None

    found: list[int] = await until(look, SECONDS)
    return found


async def scrape(port: int) -> dict[tuple[str, ...], float]:
    def text() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
            return str(answer.read().decode())

    return {
        (one.name, *(value for _, value in sorted(one.labels.items()))): one.value
        for family in text_string_to_metric_families(await asyncio.to_thread(text))
        for one in family.samples
    }


async def test_two_processes_are_two_executors_with_one_log_one_port_and_one_end(start: Start, own: Connection) -> None:
    port = free_port()
    running = await start(INGEST_METRICS_PORT=str(port))
    pids = await beating(own, 2)
    assert sorted(running.children()) == pids  # each is truthfully in ingest_listeners
    requests = [await add(own, content=f"Text {number}.", uri=f"u{number}") for number in range(20)]
    assert {row["status"] for row in await ended(own, *requests)} == {"succeeded"}

    lines = [line for line in running.log if "listening on" in line["message"]]
    assert [line["process"] for line in lines] == [1, 2]
    assert all("process" in line for line in running.log)

    async def both_answer() -> dict[tuple[str, ...], float] | None:  # on a busy machine one may be late
        found = await scrape(port)
        return found if [found["ingest_up", number] for number in "12"] == [1, 1] else None

    figures = await until(both_answer, SECONDS)
    assert figures["ingest_listeners", "alive"] == 2  # of the installation: once, without a process
    assert sum(figures["ingest_listener_requests_total", number, "succeeded"] for number in "12") == 20
    assert all(figures["process_resident_memory_bytes", number] > 0 for number in "012")

    health = await start.ingest("health", "--timeout", "30")
    assert (health.status, health.out.count("alive: ")) == (0, 2)

    running.process.terminate()
    assert await running.process.wait() == 0
    assert await own.fetchval("select count(*) from ingest_listeners") == 0  # both have signed off
    await all_gone(pids)


@pytest.mark.long
async def test_two_processes_have_fewer_connections_than_two_listeners(start: Start, own: Connection) -> None:
    await start()
    requests = [await add(own, content=f"Text {number}. " * 300, uri=f"u{number}") for number in range(60)]
    most, finished = 0, asyncio.create_task(asyncio.sleep(0))
    while not all(row["finished_at"] for row in await own.fetch("select finished_at from ingest_requests")):
        most = max(most, await own.fetchval(CONNECTIONS))
        await finished
    assert len(requests) == 60
    assert OneOf(1, 2).pools.all + 2 < most <= most_connections(2) == 13
    assert most_connections(1) == 10


@pytest.mark.parametrize(
    ("processes", "state", "told"),
    [("1", "ok", "a listener has up to 10"), ("2", "ok", "of 2 processes has up to 13"), ("64", "warning", "385")],
)
async def test_doctor_counts_the_connections_that_a_listener_needs(
    start: Start, processes: str, state: str, told: str
) -> None:
    checks = (await start.ingest("doctor", "--json", INGEST_PROCESSES=processes)).json["checks"]
    (found,) = [check for check in checks if check["name"] == "connections"]
    assert found["state"] == state
    assert told in json.dumps(found)


@pytest.mark.long
async def test_a_signal_lets_the_work_of_all_processes_end_and_a_second_one_ends_them_at_once(
    start: Start, own: Connection, ready: str
) -> None:
    running = await start()
    pids = await beating(own, 2)
    async with own.transaction():  # holds up the processes' ends: they can't sign off
        await own.execute("lock table ingest_listeners in access exclusive mode")
        running.process.send_signal(signal.SIGINT)
        await running.said("stopping 2 processes")
        assert not any(map(is_gone, pids))
        running.process.send_signal(signal.SIGINT)
        assert await running.process.wait() == 130
        await all_gone(pids)


@pytest.mark.long
async def test_what_runs_in_any_process_may_end_before_it_stops(start: Start, own: Connection) -> None:
    async with EmbeddingService(dimensions=8) as service:
        running = await start(
            OPENAI_BASE_URL=service.url, OPENAI_API_KEY="sk-test", INGEST_EMBEDDER="openai",
            INGEST_EMBEDDING_MODEL="test", INGEST_EMBEDDING_DIMENSIONS="8",
        )  # fmt: skip
        await ended(own, await add(own, content="First.", uri="first"), within=SECONDS)
        service.hold()
        requests = [await add(own, content=f"Text {n}.", uri=f"u{n}") for n in range(4)]
        await service.until(lambda it: any(text.startswith("Text ") for one in it.requests for text in one.texts))
        running.process.terminate()
        await running.said("stopping: running work has 20 seconds", times=2)
        service.release()
        assert await running.process.wait() == 0
    assert "succeeded" in [row[0] for row in await own.fetch("select status from ingest_requests")]
    assert await own.fetchval("select count(*) from ingest_requests where status = 'running'") == 0
    assert len(requests) == 4


@pytest.mark.long
async def test_when_none_can_run_any_more_the_whole_ends_with_the_error(
    start: Start, own: Connection, ready: str, tmp_path: Path
) -> None:
    running = await start(INGEST_LOG_FORMAT="json")
    assert (await start.ingest("uninstall", "--force", "--yes")).status == 0
    assert await running.process.wait() == 5
    assert any("schema_" in line["message"] for line in running.log)


async def test_a_process_that_is_killed_is_started_again_and_its_work_goes_on(start: Start, own: Connection) -> None:
    running = await start()
    first, second = await beating(own, 2)
    os.kill(second, signal.SIGKILL)
    line = await running.said("killed by SIGKILL; it is started again in 1 s")
    assert (line["process"], line["level"], line["pid"]) == (0, "WARNING", second)
    await running.said("processes listen", times=2)
    request = await add(own, content="after it", uri="after")
    assert (await ended(own, request))[0]["status"] == "succeeded"
    assert running.process.returncode is None
    assert first in await beating(own, 2)


@pytest.mark.long
async def test_the_processes_of_a_supervisor_that_is_killed_stop_as_on_a_signal(start: Start, own: Connection) -> None:
    running = await start()
    pids = await beating(own, 2)
    running.process.kill()
    await running.process.wait()
    await all_gone(pids)
    assert await own.fetchval("select count(*) from ingest_listeners") == 0  # they have signed off
    assert [line["process"] for line in running.log if line["message"] == "stopped"] in ([1, 2], [2, 1])


@pytest.mark.long
async def test_a_process_that_hangs_is_not_taken_for_the_listener(
    start: Start, own: Connection, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(FROZEN)
    port = free_port()
    path = os.pathsep.join([str(tmp_path), start.ingest.environment["PYTHONPATH"]])
    running = await start(PYTHONPATH=path, INGEST_METRICS_PORT=str(port))
    _, hangs = await beating(own, 2)
    number = next(line["process"] for line in running.log if f"-{hangs}-" in line["message"])

    async def is_watched() -> bool:
        return is_parent(hangs)

    await until(is_watched, SECONDS)
    os.kill(hangs, signal.SIGUSR1)
    figures = await scrape(port)
    assert [figures["ingest_up", str(one)] for one in (number, 3 - number)] == [0, 1]

    async def is_silent() -> bool:
        return hangs not in [row[0] for row in await own.fetch(BEATING)]

    await until(is_silent, SECONDS)
    told = await start.ingest("health", "--json", "--timeout", "30")
    assert told.status == 0
    assert hangs not in [one["pid"] for one in told.json["listeners"]]
    await running.said("the event loop stood still")
    await running.said("killed by SIGVTALRM")
    await running.said("processes listen", times=2)
    assert (await scrape(port))["ingest_listener_restarts_total", str(number)] == 1


@pytest.mark.parametrize(
    ("settings", "code", "status"),
    [
        ({"INGEST_EMBEDDER": "no-such"}, "unknown_embedder", 5),
        pytest.param({"INGEST_SCHEMA": "elsewhere"}, "schema_not_migrated", 5, marks=pytest.mark.long),
        pytest.param(
            {"INGEST_DATABASE_URL": "postgresql://nobody@/nothing?host=/nowhere"},
            "database_unreachable",
            5,
            marks=pytest.mark.long,
        ),
        ({"INGEST_LEASE_SECONDS": "soon"}, "wrong_setting", 5),
        ({"INGEST_PROCESSES": "many"}, "wrong_setting", 5),
    ],
)
async def test_what_is_wrong_for_all_processes_is_told_once(
    start: Start, settings: dict[str, str], code: str, status: int
) -> None:
    ingest = start.ingest
    ingest.environment |= settings | {"INGEST_LOG_FORMAT": "text"}
    told = await ingest("listen", "--processes", "3")
    assert (told.status, told.code(), told.err.count("error: ")) == (status, code, 1), told.err


async def test_a_number_of_processes_that_is_none_is_a_usage_error(start: Start) -> None:
    told = await start.ingest("listen", "--processes", "0")
    assert (told.status, told.code()) == (2, "usage")
    assert "a number from 1 to 64, or auto" in told.err


async def test_a_port_that_is_taken_ends_the_listener_before_a_process_starts(start: Start, own: Connection) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = await start.ingest("listen", "--processes", "2", "--json", INGEST_METRICS_PORT=port)
    assert (told.status, told.error["code"]) == (5, "metrics_not_served")
    assert await own.fetchval("select count(*) from ingest_listeners") == 0
