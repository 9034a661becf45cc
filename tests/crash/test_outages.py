"""Postgres goes away in all the ways that it has; the listener says what it waits for, loses nothing and goes on."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from listener_process import ListenerProcess
from pipeline import ended, until
from staging import Connection, add
from tcp_proxy import TcpProxy

from listener import embedded
from listener.database.outages import is_outage, retry_on_outage

pytestmark = pytest.mark.long  # see pyproject.toml

SOON = 5.0  # seconds from Postgres's return to the next claim
LEASE = 1.0
CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def socket(server: embedded.Server) -> Path:
    return server.home.cluster / ".s.PGSQL.5432"


@pytest.fixture
def proxy(socket: Path) -> Iterator[TcpProxy]:
    with TcpProxy(socket) as running:
        yield running


@pytest.fixture
async def it(own: Connection, proxy: TcpProxy, tmp_path: Path) -> AsyncIterator[ListenerProcess]:
    """A listener behind the proxy. Its safety poll finds nothing in time; its lease is shorter than the outages."""
    name = await own.fetchval("select current_database()")
    settings = {"heartbeat_seconds": 0.2, "lease_seconds": LEASE, "safety_poll_seconds": 600}
    listener = ListenerProcess(proxy.dsn(name), tmp_path / "listener", **settings).ready()  # type: ignore[arg-type]
    yield listener
    proxy.stall_new = False
    if listener.process.poll() is None:
        listener.kill()


async def goes_on(own: Connection, it: ListenerProcess, *before: uuid.UUID) -> None:
    """Check that a new request is claimed soon, and that all end well on this very listener."""
    request = await add(own, content=f"after the outage {uuid.uuid4()}", uri="after")
    rows = await ended(own, *before, request)
    assert {row["status"] for row in rows} == {"succeeded"}, [row["error"] for row in rows]
    assert {row["executor_id"] for row in rows} == {it.executor_id}
    assert {row["attempt"] for row in rows} == {1}
    assert (rows[-1]["started_at"] - rows[-1]["created_at"]).total_seconds() < SOON
    assert await own.fetchval("select count(*) from ingest_listeners where dead_at is not null") == 0
    assert it.process.poll() is None


async def says(it: ListenerProcess, *pieces: str) -> None:
    """Wait until the listener's log has a line with one of these."""
    await until(lambda: _said(it, pieces))


async def _said(it: ListenerProcess, pieces: tuple[str, ...]) -> bool:
    return any(piece in it.log() for piece in pieces)


async def in_hand(own: Connection, it: ListenerProcess) -> uuid.UUID:
    """Have a request in the middle of its embed step."""
    it.hold("before:save_chunks")
    request = await add(own, content="# Held\n\nIn the middle of the work.", uri="held")
    await asyncio.to_thread(it.held, "before:save_chunks")
    return request


async def test_after_all_connections_were_cut_work_goes_on(
    own: Connection, proxy: TcpProxy, it: ListenerProcess
) -> None:
    request = await in_hand(own, it)
    assert proxy.cut() >= 5
    it.go()
    await goes_on(own, it, request)


async def test_an_outage_longer_than_the_lease_kills_nobody(
    own: Connection, proxy: TcpProxy, it: ListenerProcess
) -> None:
    request = await in_hand(own, it)
    proxy.refuse()
    it.go()
    stale = "select bool_and(heartbeat_at < clock_timestamp() - 2 * lease) from ingest_listeners"
    await until(lambda: own.fetchval(stale))
    await says(it, "waiting for Postgres")
    proxy.accept()
    await goes_on(own, it, request)


async def test_a_server_that_moves_is_followed(
    own: Connection, proxy: TcpProxy, it: ListenerProcess, socket: Path
) -> None:
    request = await in_hand(own, it)
    with TcpProxy(socket) as elsewhere:
        proxy.switch(("127.0.0.1", elsewhere.port))
        proxy.cut()
        it.go()
        await goes_on(own, it, request)
        assert elsewhere.count() > 0
        assert proxy.count() == elsewhere.count()


async def test_a_listen_connection_that_hangs_half_open_is_replaced(
    own: Connection, proxy: TcpProxy, tmp_path: Path
) -> None:
    name = await own.fetchval("select current_database()")
    settings = {"heartbeat_seconds": 0.2, "lease_seconds": LEASE, "safety_poll_seconds": 1}
    it = ListenerProcess(proxy.dsn(name), tmp_path / "listener", **settings).ready()  # type: ignore[arg-type]
    try:
        asleep = (
            "select count(*) from pg_stat_activity where state = 'idle' and query ~ 'ingest_claim'"
            " and datname = current_database()"
        )
        await until(lambda: own.fetchval(asleep))
        assert proxy.stall(b"ingest_rest") == 1
        await goes_on(own, it)
    finally:
        it.kill()


async def test_a_claim_that_nobody_hears_of_is_made_on_a_new_connection(
    own: Connection, proxy: TcpProxy, tmp_path: Path
) -> None:
    name = await own.fetchval("select current_database()")
    settings = {"heartbeat_seconds": 0.2, "lease_seconds": LEASE, "safety_poll_seconds": 600, "concurrency": 1}
    it = ListenerProcess(proxy.dsn(name), tmp_path / "listener", **settings).ready()  # type: ignore[arg-type]
    try:
        request = await in_hand(own, it)
        assert proxy.stall(b"ingest_proof") == 1
        it.go()  # its place is free by then: it asks for the next one, and no answer will come
        await goes_on(own, it, request)
        assert "does not receive statements" in it.log()
    finally:
        it.kill()


async def test_a_listen_that_is_never_answered_is_given_up(
    own: Connection, proxy: TcpProxy, it: ListenerProcess
) -> None:
    proxy.stall_when(b"ingest_proof")
    assert proxy.cut(b"ingest_proof") == 1
    await says(it, "waiting for Postgres: TimeoutError")
    proxy.stall_when(b"")
    await goes_on(own, it)


async def test_a_listener_waits_for_a_free_connection(
    own: Connection, ready: str, proxy: TcpProxy, it: ListenerProcess
) -> None:
    request = await in_hand(own, it)
    proxy.refuse()
    taken = await take_all_connections(ready)
    proxy.accept()
    it.go()
    await says(it, "too many clients", "remaining connection slots")
    for connection in taken:
        connection.terminate()
    await goes_on(own, it, request)


async def test_connections_that_others_took_while_it_worked_are_done_without_or_waited_for(
    own: Connection, ready: str, it: ListenerProcess
) -> None:
    request = await in_hand(own, it)
    taken = await take_all_connections(ready)
    many = [await add(own, content=f"text {n}", uri=f"{n}") for n in range(20)]
    it.go()
    through = "select bool_and(status = 'succeeded') from ingest_requests where id = any ($1)"

    async def got_along_or_said_why_not() -> bool:
        refused = await _said(it, ("too many clients", "remaining connection slots"))
        return refused or bool(await own.fetchval(through, [request, *many]))

    await until(got_along_or_said_why_not)
    for connection in taken:
        connection.terminate()
    await goes_on(own, it, request, *many)


async def take_all_connections(dsn: str) -> list[asyncpg.Connection]:
    taken: list[asyncpg.Connection] = []
    while True:
        try:
            taken.append(await asyncpg.connect(dsn))
        except asyncpg.TooManyConnectionsError:
            return taken


@pytest.mark.parametrize("cut", [True, False], ids=["new sessions", "old sessions"])
async def test_a_database_that_is_read_only_for_a_while_is_waited_for(
    own: Connection, proxy: TcpProxy, it: ListenerProcess, cut: bool
) -> None:
    request = await in_hand(own, it)
    name = await own.fetchval("select current_database()")
    await own.execute(f'alter database "{name}" set default_transaction_read_only = on')
    if cut:
        proxy.cut()
    it.go()
    if cut:
        await says(it, "read-only", "read-write")
    await own.execute(f'alter database "{name}" reset default_transaction_read_only')
    await goes_on(own, it, request)


# What is an outage


async def test_an_error_of_another_origin_is_no_outage(tmp_path: Path) -> None:
    calls = 0

    async def reads() -> None:
        nonlocal calls
        calls += 1
        (tmp_path / "missing").read_text()

    with pytest.raises(FileNotFoundError):
        await retry_on_outage(reads)
    assert calls == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "/nowhere", "no.such.host.invalid"])
async def test_what_a_driver_says_of_a_server_that_is_away_is_an_outage(host: str) -> None:
    with TcpProxy(("127.0.0.1", 1)) as proxy:
        port = proxy.port  # nobody listens there soon
    with pytest.raises(OSError) as caught:  # noqa: PT011 - which one it is depends on the system
        await asyncpg.connect(host=host, port=port, user="nobody", database="none")
    assert is_outage(caught.value)


# All at once


def test_chaos_loses_nothing(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("INGEST_", "PG"))}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "chaos", "--quick", f"--output={tmp_path}"],
        cwd=CHECKOUT, env=environment, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]
    figures = json.loads((tmp_path / "chaos.json").read_text())["figures"]
    assert figures["chaos"]["postgres_killed"] == 3
    assert figures["chaos"]["listeners_killed"] >= 3
