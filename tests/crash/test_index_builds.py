"""Deaths in the middle of an index that is being built: what is left is dropped, and it is built again.

A build is held where it waits for an old transaction of the test's.
"""

from __future__ import annotations

import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from filled_chunks import clustered, fill
from listener_process import ListenerProcess
from pipeline import until
from staging import Connection, collection, session

STATE = "select state from ingest_indexes where collection = 'manuals'"
BUILDER = """
  select pid from pg_stat_activity where application_name = 'ingest maintenance' and datname = current_database()
    and state = 'active' and pg_blocking_pids(pid) <> '{}'
"""
LEFT = """
  select k.relname::text from pg_index i join pg_class k on k.oid = i.indexrelid
  where i.indrelid = 'ingest_chunk_store'::regclass and k.relname like 'ingest_ann%' and not i.indisvalid
"""
QUICK: dict[str, Any] = {"heartbeat_seconds": 0.1, "lease_seconds": 5, "grace_seconds": 1}


@pytest.fixture
async def old(ready: str, own: Connection) -> AsyncIterator[Connection]:
    """A session with a transaction that each build waits for, in a database with a large collection."""
    await fill(own, "manuals", clustered(300, 16))
    await collection(own, "manuals", index_from=100)
    async with session(ready) as c:
        await c.execute("begin; update ingest_chunk_store set metadata = '{}' where ordinal = 0")
        yield c


async def built(own: Connection) -> None:
    await own.execute("update ingest_index_store set failed_at = '-infinity' where failures > 0")  # no need to wait
    await until(lambda: own.fetchval(f"select ({STATE}) = 'valid'"))
    assert await own.fetch(LEFT) == []


async def test_an_index_whose_builder_was_killed_is_dropped_and_built_again(
    ready: str, own: Connection, old: Connection, listeners: list[ListenerProcess], tmp_path: Path
) -> None:
    listeners.append(ListenerProcess(ready, tmp_path / "first", **QUICK).ready())
    pid = await until(lambda: own.fetchval(BUILDER))
    assert len(await own.fetch(LEFT)) == 1
    listeners[0].kill()
    # Its session notices within seconds that nobody is there; the lock of maintenance goes with it.
    await until(lambda: own.fetchval("select not exists (select from pg_stat_activity where pid = $1)", pid))
    assert len(await own.fetch(LEFT)) == 1
    listeners.append(ListenerProcess(ready, tmp_path / "second", **QUICK).ready())
    await until(lambda: own.fetchval(f"select ({STATE}) = 'waiting' or $1::int is null", pid))
    await old.execute("commit")
    await until(
        lambda: own.fetchval("select exists (select from ingest_index_store where last_error = 'its builder died')")
    )
    await built(own)
    assert listeners[1].stop() == 0


@pytest.mark.long
async def test_an_index_whose_session_was_ended_is_dropped_and_built_again(
    ready: str, own: Connection, old: Connection, listeners: list[ListenerProcess], tmp_path: Path
) -> None:
    listeners.append(ListenerProcess(ready, tmp_path, **QUICK).ready())
    pid = await until(lambda: own.fetchval(BUILDER))
    await own.execute("select pg_terminate_backend($1)", pid)
    await old.execute("commit")
    await until(
        lambda: own.fetchval("select exists (select from ingest_index_store where last_error = 'its builder died')")
    )
    await built(own)
    assert listeners[0].stop() == 0
    assert "maintenance: waiting for Postgres" in listeners[0].log()


async def test_a_listener_that_is_stopped_does_not_wait_for_its_build(
    ready: str, own: Connection, old: Connection, listeners: list[ListenerProcess], tmp_path: Path
) -> None:
    listeners.append(ListenerProcess(ready, tmp_path, **QUICK).ready())
    pid = await until(lambda: own.fetchval(BUILDER))
    began = time.monotonic()
    listeners[0].signal(signal.SIGTERM)
    assert listeners[0].ended() == 0
    assert time.monotonic() - began < 10
    await until(lambda: own.fetchval("select not exists (select from pg_stat_activity where pid = $1)", pid))


@pytest.mark.long
async def test_without_work_no_connection_of_the_owner_is_open(
    ready: str, own: Connection, listeners: list[ListenerProcess], tmp_path: Path
) -> None:
    listeners.append(ListenerProcess(ready, tmp_path, **QUICK).ready())
    await fill(own, "manuals", clustered(300, 16))
    await collection(own, "manuals", index_from=100)
    await built(own)
    open_ones = "select count(*) from pg_stat_activity where application_name = 'ingest maintenance'"
    await until(lambda: own.fetchval(f"select ({open_ones}) = 0"))
    of_listener = (
        "select count(*) from pg_stat_activity where datname = current_database() and application_name like 'ingest %'"
    )
    assert await own.fetchval(of_listener) <= 10
