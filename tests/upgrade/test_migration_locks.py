"""A transaction that has read from our tables and idles: the migration waits for it, and nobody waits behind that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from embedding_service import EmbeddingService
from former_listener import Release, present, with_service
from pipeline import until
from staging import Connection, session
from traffic import DIMENSIONS, Inserts, failures, flowing

pytestmark = pytest.mark.timeout(300)

MOST_SECONDS = 10.0  # that an insert may be held up, on a machine with much to do
TABLES = "select relname::text as name from pg_class where relname like 'ingest\\_%' and relkind in ('r', 'v')"


@asynccontextmanager
async def idling(dsn: str) -> AsyncIterator[Connection]:
    """Give a session that has read from all our tables and views and idles in its transaction."""
    async with session(dsn) as c:
        await c.execute("begin")
        for row in await c.fetch(TABLES):
            await c.execute(f'select from "{row["name"]}" limit 1')
        yield c


@asynccontextmanager
async def inserting(dsn: str, folder: Path, former: Release) -> AsyncIterator[Inserts]:
    """Have requests inserted all the time, for a listener of the former release."""
    async with EmbeddingService(dimensions=DIMENSIONS) as service:
        listener = with_service(former, dsn, folder, service, "former")
        try:
            await listener.ready()
            inserts = Inserts(dsn, pause=0.1)
            async with flowing(inserts):
                await inserts.more(3)
                yield inserts
            assert listener.records("ERROR", "CRITICAL") == []
            assert failures([inserts]) == []
        finally:
            status = await listener.stop() if listener.runs else None
        assert status == 0


async def waits_for(own: Connection, reader: Connection) -> bool:
    """Tell whether somebody waits for a lock that the reader holds."""
    query = "select count(*) > 0 from pg_stat_activity where $1 = any (pg_blocking_pids(pid))"
    return bool(await own.fetchval(query, reader.get_server_pid()))


@pytest.mark.long
async def test_a_migration_waits_for_an_idle_transaction_and_lets_everybody_pass(
    of_former: str, former: Release, tmp_path: Path
) -> None:
    async with inserting(of_former, tmp_path, former) as inserts, session(of_former) as own:
        async with idling(of_former) as reader:
            command = present().command(tmp_path, of_former)
            began, migration = time.monotonic(), await command.start("migrate")
            await until(lambda: waits_for(own, reader))
            await inserts.more(15)
            assert migration.returncode is None
            await reader.execute("rollback")
        ended = await command.end(migration)
        assert ended.status == 0, ended.err
        print(f"\nslowest insert while a migration waited: {inserts.longest(began, time.monotonic()):.2f} s")
        assert inserts.longest(began, time.monotonic()) < MOST_SECONDS
        await inserts.more(3)


@pytest.mark.long  # see pyproject.toml
async def test_a_migration_gives_up_waiting_and_says_what_to_look_for(
    of_former: str, former: Release, tmp_path: Path
) -> None:
    async with inserting(of_former, tmp_path, former) as inserts:
        async with idling(of_former):
            began = time.monotonic()
            ended = await asyncio.wait_for(present().command(tmp_path, of_former)("migrate"), 150)
        assert ended.status == 5
        assert "\nerror: schema_locked: " in ended.err  # after what it waits for
        assert "pg_terminate_backend" in ended.err
        print(f"\nslowest insert while a migration waited in vain: {inserts.longest(began, time.monotonic()):.2f} s")
        assert inserts.longest(began, time.monotonic()) < MOST_SECONDS
        await inserts.more(3)
    ended = await present().command(tmp_path, of_former)("migrate")
    assert ended.status == 0, ended.err
