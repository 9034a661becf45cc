"""SIGTERM and SIGINT at any moment: the listener ends as documented, nothing is lost, another one finishes the work.

``test_kill.py`` has the steps' boundaries and middles, under SIGKILL and SIGTERM.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ingest_command import Ingest
from listener_process import ListenerProcess
from pipeline import ended, one, until
from staging import Connection, add
from tcp_proxy import TcpProxy

from listener import embedded

pytestmark = pytest.mark.long  # see pyproject.toml

GRACE = 1.0
SETTINGS: dict[str, Any] = {
    "heartbeat_seconds": 0.2, "lease_seconds": 1, "safety_poll_seconds": 600, "grace_seconds": GRACE,
}  # fmt: skip


@pytest.fixture
def proxy(server: embedded.Server) -> Iterator[TcpProxy]:
    with TcpProxy(server.home.cluster / ".s.PGSQL.5432") as running:
        yield running
        running.stall_new = False


async def ended_with(it: ListenerProcess) -> int:
    return await asyncio.to_thread(it.ended)


async def finished_by_another(
    own: Connection, ready: str, folder: Path, listeners: list[ListenerProcess], *requests: uuid.UUID
) -> None:
    """Have another listener finish what was left, and one request more: under the same attempt, none lost."""
    listeners.append(other := ListenerProcess(ready, folder / "other", **SETTINGS).ready())
    rows = await ended(own, *requests, await add(own, content="after it", uri="after"))
    assert {(row["status"], row["executor_id"]) for row in rows} == {("succeeded", other.executor_id)}
    assert await own.fetchval("select count(*) from ingest_chunks") == len(rows)
    left = "select count(*) from dbos.workflow_status where status <> 'SUCCESS'"
    await until(lambda: _is(own, 0, left))


async def _is(own: Connection, wanted: object, query: str) -> bool:
    return bool(await own.fetchval(query) == wanted)


# while it boots


# A module is named on stderr when it has been imported. The first is imported before `listen` is called, by Python's
# own rules for signals; typer is the program's, sqlalchemy DBOS's.
@pytest.mark.parametrize(("module", "status"), [("typer", -signal.SIGTERM), ("asyncpg", 0), ("sqlalchemy", 0)])
async def test_a_signal_while_the_program_is_loaded_ends_it_with_nothing_begun(
    own: Connection, ready: str, tmp_path: Path, module: str, status: int
) -> None:
    ingest = Ingest(tmp_path, INGEST_DATABASE_URL=ready, PYTHONPROFILEIMPORTTIME="1")
    process = await ingest.start("listen")
    assert process.stderr
    while (line := await process.stderr.readline()).split()[-1:] != [module.encode()]:
        assert line, "it ended"
    process.send_signal(signal.SIGTERM)
    assert (await ingest.end(process)).status == status
    assert await own.fetchval("select count(*) from ingest_listeners") == 0


@pytest.mark.parametrize(("point", "number"), [
    ("before:open", signal.SIGTERM), ("before:register", signal.SIGTERM), ("after:register", signal.SIGTERM),
    ("after:launch", signal.SIGTERM), ("after:launch", signal.SIGINT),
])  # fmt: skip
async def test_a_signal_while_it_boots_ends_it_with_nothing_claimed(
    own: Connection, ready: str, tmp_path: Path, listeners: list[ListenerProcess], point: str, number: signal.Signals
) -> None:
    request = await add(own, content="waits for a listener", uri="w")
    listeners.append(it := ListenerProcess(ready, tmp_path / "it", **SETTINGS))
    it.hold(point)
    await asyncio.to_thread(it.held, point)
    it.signal(number)
    assert await ended_with(it) == 0
    assert "Traceback" not in it.log()
    assert await own.fetchval("select count(*) from ingest_listeners") == 0
    assert await own.fetchval("select status from ingest_requests") == "pending"
    await finished_by_another(own, ready, tmp_path, listeners, request)


@pytest.mark.parametrize("point", ["before:register", "after:register"])
async def test_a_signal_while_it_boots_and_postgres_is_away_ends_it_in_time(
    own: Connection, proxy: TcpProxy, tmp_path: Path, listeners: list[ListenerProcess], point: str
) -> None:
    name = await own.fetchval("select current_database()")
    listeners.append(it := ListenerProcess(proxy.dsn(name), tmp_path / "it", **SETTINGS))
    it.hold(point)
    await asyncio.to_thread(it.held, point)
    proxy.refuse()
    it.go()
    it.signal(signal.SIGTERM)
    assert await ended_with(it) == 0


# while it waits, works, and is between claim and start


async def test_an_idle_listener_ends_in_good_order(
    own: Connection, ready: str, tmp_path: Path, listeners: list[ListenerProcess]
) -> None:
    listeners.append(it := ListenerProcess(ready, tmp_path / "it", **SETTINGS).ready())
    it.signal(signal.SIGTERM)
    assert await ended_with(it) == 0
    assert "Traceback" not in it.log()
    assert await own.fetchval("select count(*) from ingest_listeners") == 0
    await finished_by_another(own, ready, tmp_path, listeners)


@pytest.mark.parametrize("point", ["before:start", "after:start"])
async def test_a_claim_that_a_signal_meets_before_its_start_is_carried_to_its_end(
    own: Connection, ready: str, tmp_path: Path, listeners: list[ListenerProcess], point: str
) -> None:
    listeners.append(it := ListenerProcess(ready, tmp_path / "it", **SETTINGS).ready())
    await _claimed(own, it, point)
    it.signal(signal.SIGTERM)
    await until(lambda: _says(it, "stopping"))
    it.go()
    assert await ended_with(it) == 0
    assert await own.fetchval("select status from ingest_requests") == "succeeded"


@pytest.mark.parametrize("point", ["before:start", "after:start"])
async def test_a_claim_that_a_signal_meets_and_that_does_not_begin_is_finished_by_another(
    own: Connection, ready: str, tmp_path: Path, listeners: list[ListenerProcess], point: str
) -> None:
    listeners.append(it := ListenerProcess(ready, tmp_path / "it", **SETTINGS).ready())
    request = await _claimed(own, it, point)
    it.signal(signal.SIGTERM)
    assert await ended_with(it) == 0
    assert await own.fetchval("select status from ingest_requests") == "running"
    await finished_by_another(own, ready, tmp_path, listeners, request)


async def _claimed(own: Connection, it: ListenerProcess, point: str) -> uuid.UUID:
    """Add a request, and wait until its claim has reached a point; what would begin it meanwhile is held, too."""
    for one_of_them in (point, "before:begin_shared", "before:begin"):
        it.hold(one_of_them)
    request = await add(own, content="claimed", uri="c")
    await asyncio.to_thread(it.held, point)
    return request


async def _says(it: ListenerProcess, piece: str) -> bool:
    return piece in it.log()


# while Postgres is away


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
@pytest.mark.parametrize("how", ["refuses", "says nothing"])
async def test_a_signal_while_postgres_is_away_ends_it_in_time(
    own: Connection, ready: str, proxy: TcpProxy, tmp_path: Path, listeners: list[ListenerProcess], how: str, busy: bool
) -> None:
    name = await own.fetchval("select current_database()")
    listeners.append(it := ListenerProcess(proxy.dsn(name), tmp_path / "it", **SETTINGS).ready())
    requests = []
    if busy:
        it.hold("before:save_chunks")
        requests.append(await add(own, content="# Held\n\nIn the middle of the work.", uri="held"))
        await asyncio.to_thread(it.held, "before:save_chunks")
    if how == "refuses":
        proxy.refuse()
    else:
        proxy.stall_new = True
        proxy.stall()
    it.go()
    it.signal(signal.SIGTERM)
    assert await ended_with(it) == 0
    await finished_by_another(own, ready, tmp_path, listeners, *requests)


# the second signal


@pytest.mark.parametrize(("first", "second", "status"), [
    (signal.SIGTERM, signal.SIGTERM, 143), (signal.SIGINT, signal.SIGINT, 130), (signal.SIGTERM, signal.SIGINT, 130),
])  # fmt: skip
async def test_a_second_signal_ends_it_at_once(
    own: Connection, ready: str, tmp_path: Path, listeners: list[ListenerProcess],
    first: signal.Signals, second: signal.Signals, status: int,
) -> None:  # fmt: skip
    patient = SETTINGS | {"grace_seconds": 600}
    listeners.append(it := ListenerProcess(ready, tmp_path / "it", **patient).ready())
    it.hold("before:save_chunks")
    request = await add(own, content="in the middle", uri="m")
    await asyncio.to_thread(it.held, "before:save_chunks")
    it.signal(first)
    await until(lambda: _says(it, "stopping"))
    assert it.process.poll() is None
    it.signal(second)
    assert await ended_with(it) == status
    await finished_by_another(own, ready, tmp_path, listeners, request)
    dead = await one(own, "select dead_at is not null from ingest_listeners where executor_id = $1", it.executor_id)
    assert dead[0]


async def test_a_second_signal_ends_it_at_once_while_something_blocks_its_event_loop(
    own: Connection, proxy: TcpProxy, tmp_path: Path, listeners: list[ListenerProcess]
) -> None:
    name = await own.fetchval("select current_database()")
    patient = SETTINGS | {"grace_seconds": 600}
    listeners.append(it := ListenerProcess(proxy.dsn(name), tmp_path / "it", **patient))
    it.hold("after:register")
    await asyncio.to_thread(it.held, "after:register")
    proxy.stall_new, before = True, proxy.count()
    it.go()
    await until(lambda: _connects(proxy, before))  # DBOS is launched, and waits for an answer
    it.signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        it.process.wait(GRACE)
    it.signal(signal.SIGTERM)
    assert await ended_with(it) == 143


async def _connects(proxy: TcpProxy, before: int) -> bool:
    return proxy.count() > before
