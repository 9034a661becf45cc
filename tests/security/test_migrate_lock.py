"""Whoever keeps ``ingest migrate`` waiting is named, and the wait ends; what was begun is put right by the next."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from ingest_command import Ingest
from pipeline import until
from staging import Connection, session

from listener.database import migrations
from listener.database.holdups import Patience
from listener.errors import OperatorError

KEY = "hashtextextended('ingest:public:migrate', 0)"
INDEX = "schema/0019_chunk_key.concurrently.sql"
STATE = "select indisvalid from pg_index where indexrelid = to_regclass('public.ingest_chunk_store_key')"
SINCE = r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
LONG = 60.0  # that no test waits for


@asynccontextmanager
async def holding(dsn: str, name: str) -> AsyncIterator[int]:
    """Hold the lock of migrations of the schema public in a session; give its process."""
    async with session(dsn, application_name=name) as c:
        assert await c.fetchval(f"select pg_try_advisory_lock({KEY})")
        yield c.get_server_pid()


@asynccontextmanager
async def reading(dsn: str, statement: str) -> AsyncIterator[Connection]:
    """Have a transaction that keeps its snapshot, as a backup's."""
    async with session(dsn, application_name="a backup") as c:
        await c.execute(f"begin isolation level repeatable read; {statement}")
        yield c


async def before_the_index(c: Connection) -> None:
    """Put a database back to where an index that is built CONCURRENTLY comes next, with the key of before."""
    await c.execute("alter table ingest_chunk_store drop constraint ingest_chunk_store_pkey")
    await c.execute(
        "alter table ingest_chunk_store add constraint ingest_chunk_store_pkey primary key (revision_id, ordinal)"
    )
    await c.execute("delete from ingest_migrations where name = $1", INDEX)


class Heard:
    """What a migration said, and an event for when it named the backup: others, such as autovacuum, it may name too."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.backup = asyncio.Event()

    def __call__(self, words: str) -> None:
        self.words.append(words)
        if "'a backup'" in words:
            self.backup.set()


def patience(seconds: float, heard: Callable[[str], None], dsn: str) -> Patience:
    return Patience(seconds, heard, lambda: asyncpg.connect(dsn))


async def test_a_migration_says_for_whose_end_it_waits_and_goes_on_after_it(ready: str, tmp_path: Path) -> None:
    async with holding(ready, "ingest migrate"):
        migration = await Ingest(tmp_path, INGEST_DATABASE_URL=ready).start("migrate")
        assert migration.stderr
        said = (await asyncio.wait_for(migration.stderr.readline(), LONG)).decode()
        assert migration.returncode is None
    ended = await Ingest(tmp_path).end(migration)
    assert ended.status == 0, ended.err
    assert re.match(rf"process \d+ \('ingest migrate', role \w+, {SINCE}\) migrates schema \"public\": waiting", said)
    assert "at most 600 seconds" in said


async def test_it_gives_up_and_names_whoever_has_the_lock_migration_or_not(ready: str, tmp_path: Path) -> None:
    ingest = Ingest(tmp_path, INGEST_DATABASE_URL=ready)
    async with holding(ready, "a rogue") as pid:
        ended = await ingest("migrate", "--wait", "0", "--json")
        assert ended.status == 5
        assert ended.error["code"] == "migration_running"
        assert f"process {pid} ('a rogue', " in ended.error["message"]
        assert "pg_terminate_backend" in ended.error["hint"]
        removed = await ingest("uninstall", "--yes", "--json", INGEST_SCHEMA="other")
        assert removed.status == 0, removed.err  # another schema has another lock


async def test_a_role_without_rights_can_name_the_holder_too(database: str) -> None:
    name = f"role_{uuid.uuid4().hex}"
    async with session(database) as c:
        await c.execute(f"create role {name} login")
        try:
            async with holding(database, "the other"), session(database.replace("//postgres@", f"//{name}@")) as own:
                with pytest.raises(OperatorError, match="'the other', role postgres"):
                    async with Patience(0).turn(own, "public"):
                        pytest.fail("there is one already")
        finally:
            await c.execute(f"drop role {name}")


async def test_the_session_of_a_migration_that_was_killed_while_it_waited_ends(
    installed: str, c: Connection, tmp_path: Path
) -> None:
    await before_the_index(c)
    async with reading(installed, "select from ingest_chunk_store") as reader:
        migration = await Ingest(tmp_path, INGEST_DATABASE_URL=installed).start("migrate")
        assert migration.stderr
        said = (await asyncio.wait_for(migration.stderr.readline(), LONG)).decode()
        assert f"process {reader.get_server_pid()} ('a backup', " in said
        migration.kill()
        await migration.wait()
        locked = f"select pg_try_advisory_xact_lock({KEY})"
        await until(lambda: c.fetchval(locked))


@pytest.mark.postgres(16, 18)
async def test_an_index_that_waits_for_an_old_transaction_says_so_and_is_there_after_it(
    installed: str, c: Connection
) -> None:
    await before_the_index(c)
    heard = Heard()
    async with reading(installed, "select from ingest_chunk_store") as reader:
        migration = asyncio.create_task(migrations.migrate(c, "public", patience(LONG, heard, installed)))
        await asyncio.wait_for(heard.backup.wait(), LONG)
        assert not migration.done()
        pid = reader.get_server_pid()
        assert re.match(
            rf"the index ingest_chunk_store_key waits for the transaction of process {pid} \('a backup', .*{SINCE}\)",
            heard.words[-1],
        )
    assert await migration == [INDEX]
    async with session(installed) as other:
        assert await other.fetchval(STATE) is True


@pytest.mark.postgres(16, 18)
@pytest.mark.parametrize("statement", ["select from ingest_chunk_store", "select from ingest_requests"])
async def test_it_gives_up_and_the_next_migration_builds_the_index_anew(
    installed: str, c: Connection, other: Connection, statement: str
) -> None:
    """A transaction that read from the table keeps the begun index there: to drop it would hold everybody up."""
    await before_the_index(c)
    async with reading(installed, statement) as reader:
        with pytest.raises(OperatorError) as refused:
            await migrations.migrate(c, "public", patience(1.0, Heard(), installed))
        assert refused.value.code == "schema_locked"
        assert f"process {reader.get_server_pid()} ('a backup', " in refused.value.message
        assert await other.fetchval(STATE) is (False if "chunk_store" in statement else None)
        await other.execute("insert into ingest_requests (content) values ('goes on')")
        with pytest.raises(OperatorError) as refused:
            await migrations.check(other, "public")
        assert refused.value.code == "schema_not_migrated"
        with pytest.raises(OperatorError) as refused:  # neither does the next try wait for ever
            await migrations.migrate(c, "public", Patience(0.3))  # and without another connection
        assert refused.value.code == "schema_locked"
        assert f"process {reader.get_server_pid()} ('a backup', " in refused.value.message
    assert await migrations.migrate(c, "public") == [INDEX]
    assert await other.fetchval(STATE) is True
    for setting in ("lock_timeout", "statement_timeout"):
        assert await c.fetchval("select current_setting($1)", setting) == "0"


async def test_a_roles_limit_on_statements_does_not_end_the_building_of_an_index(
    installed: str, c: Connection, other: Connection
) -> None:
    await before_the_index(c)
    heard = Heard()
    await c.execute("set statement_timeout = '50ms'")
    async with reading(installed, "select from ingest_chunk_store"):
        migration = asyncio.create_task(migrations.migrate(c, "public", patience(LONG, heard, installed)))
        await asyncio.wait_for(heard.backup.wait(), LONG)
        long = "select clock_timestamp() - query_start > '100ms' from pg_stat_activity where pid = $1"
        await until(lambda: other.fetchval(long, c.get_server_pid()))
        assert not migration.done()
    assert await migration == [INDEX]


async def test_a_transaction_that_was_prepared_and_forgotten_is_named_as_one(installed: str, c: Connection) -> None:
    if not int(await c.fetchval("select current_setting('max_prepared_transactions')")):
        pytest.skip("this server prepares no transactions")
    await before_the_index(c)
    async with session(installed) as own:
        await own.execute("begin; lock ingest_chunk_store in row exclusive mode; prepare transaction 'forgotten'")
        try:
            with pytest.raises(OperatorError, match="a prepared transaction"):
                await migrations.migrate(c, "public", patience(1.0, Heard(), installed))
        finally:
            await own.execute("rollback prepared 'forgotten'")
