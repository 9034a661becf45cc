"""migrate, check and uninstall."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from staging import Connection, add, add_listener, blocked, claim, collection, connect, ingest, live, one, session

from listener import embedded
from listener.database import locks, migrations, removal
from listener.database.holdups import Patience
from listener.database.names import bare
from listener.database.sql_files import sql_files
from listener.errors import OperatorError

ODD = 'my "odd" Schema'
OURS = """
  select c.relname::text as name from pg_class c where c.relnamespace = $1::text::regnamespace
  union all select proname from pg_proc where pronamespace = $1::text::regnamespace
  union all select typname from pg_type where typnamespace = $1::text::regnamespace
"""


@asynccontextmanager
async def plain(dsn: str) -> AsyncIterator[Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def names(c: Connection, of: str = "public") -> list[str]:
    """Return the relations, functions and types in a schema that are not an extension's."""
    rows = await c.fetch(f"select name from ({OURS}) n order by 1", '"' + of.replace('"', '""') + '"')
    return [row["name"] for row in rows if "ingest" in row["name"]]


@pytest.mark.postgres(16, 18, always=True)
async def test_a_schema_is_migrated_again_and_again(database: str) -> None:
    async with plain(database) as c:
        assert len(await migrations.migrate(c, "public")) == len(sql_files())
        before = await names(c)
        assert await migrations.migrate(c, "public") == []
        await migrations.check(c, "public")
        await c.execute("update ingest_migrations set checksum = 'old' where name not like '%/%'")
        assert len(await migrations.migrate(c, "public")) == len([f for f in sql_files() if not f.runs_once])
        assert await names(c) == before


@pytest.mark.postgres(16, 18, always=True)
async def test_a_document_goes_through_on_each_server(installed: str) -> None:
    async with session(installed) as c:
        await ingest(c, {"a": "searchable words"})
        assert await live(c) == {"a": "searchable words"}
        assert await c.fetchval("select uri from ingest_search('words')") == "a"
        assert await c.fetchval("select uri from ingest_search('[1,0,0]'::vector)") == "a"


async def test_four_at_once_apply_each_file_once(database: str) -> None:
    async def migrate() -> int:
        async with plain(database) as c, Patience().turn(c, "busy"):
            return len(await migrations.migrate(c, "busy"))

    applied = await asyncio.gather(*(migrate() for _ in range(4)))
    assert sorted(applied) == [0, 0, 0, len(sql_files())]


async def test_a_schema_without_our_objects_is_not_migrated(database: str) -> None:
    async with plain(database) as c:
        with pytest.raises(OperatorError) as refused:
            await migrations.check(c, "public")
    assert refused.value.code == "schema_not_migrated"
    assert "ingest migrate" in refused.value.hint


async def test_a_numbered_file_that_changed_is_refused(installed: str) -> None:
    async with plain(installed) as c:
        await c.execute("update ingest_migrations set checksum = 'other' where name = 'schema/0003_requests.sql'")
        for verb in (migrations.migrate, migrations.check):
            with pytest.raises(OperatorError) as refused:
                await verb(c, "public")
            assert refused.value.code == "migration_changed"
            assert "0003_requests.sql" in refused.value.message


async def test_a_schema_of_a_newer_program_is_refused(installed: str) -> None:
    async with plain(installed) as c:
        await c.execute(
            "insert into ingest_migrations (name, checksum, program) values ('schema/9999_new.sql', '', '9')"
        )
        for verb in (migrations.migrate, migrations.check):
            with pytest.raises(OperatorError) as refused:
                await verb(c, "public")
            assert refused.value.code == "schema_newer"


async def test_types_that_were_dropped_since_are_no_sign_of_a_newer_program(installed: str) -> None:
    (dropping,) = (file.name for file in sql_files() if file.name.endswith("_unused_types.sql"))
    async with plain(installed) as c:
        await c.execute("create type ingest_hit_v1 as (uri text); create type ingest_piece_v1 as (uri text)")
        await c.execute("create function mine() returns ingest_piece_v1 return null::ingest_piece_v1")
        await c.execute(
            "insert into ingest_migrations (name, checksum, program) values ('types/ingest_hit_v1.sql', '', '0.2')"
        )
        await c.execute("delete from ingest_migrations where name = $1", dropping)
        assert await migrations.migrate(c, "public") == [dropping]
        await migrations.check(c, "public")
        assert await c.fetchval("select to_regtype('ingest_piece_v1') is not null"), "somebody's function has it"
        await c.execute("drop function mine()")
        await c.execute("delete from ingest_migrations where name = $1", dropping)
        await migrations.migrate(c, "public")
        assert await c.fetchval("select to_regtype('ingest_hit_v1') is null")


async def test_a_migration_that_fails_leaves_nothing(database: str) -> None:
    async with plain(database) as c:
        await c.execute("create table ingest_listeners ()")
        with pytest.raises(asyncpg.DuplicateTableError):
            await migrations.migrate(c, "public")
        assert set(await names(c)) == {"ingest_listeners", "_ingest_listeners"}


async def test_two_installations_in_one_database_are_independent(database: str) -> None:
    async with plain(database) as c:
        await migrations.migrate(c, "public")  # pgvector is here too: the second one's search path ends in it
        await migrations.migrate(c, ODD)
    async with session(database) as one, session(database, ODD) as two:
        await ingest(one, {"a": "one"})
        await ingest(two, {"a": "two"})
        assert (await live(one), await live(two)) == ({"a": "one"}, {"a": "two"})
        assert await one.fetchval("select text from ingest_chunks_default") == "one"
        assert await two.fetchval("select text from ingest_chunks_default") == "two"
        assert await one.fetchval("select ingest_rest()") == "resting"
        assert await two.fetchval("select ingest_rest()") == "resting"
        channels = [await c.fetchval("select ingest_channel('doorbell')") for c in (one, two)]
        assert channels == ["ingest_doorbell", f"{ODD}_ingest_doorbell"]
        await two.execute("delete from ingest_collections")
        assert await one.fetchval("select text from ingest_chunks_default") == "one"
    async with plain(database) as c:
        await removal.uninstall(c, ODD)
        assert await names(c, ODD) == []
        await migrations.check(c, "public")


async def test_the_channels_of_a_schema_with_a_long_name_are_short_and_differ(database: str) -> None:
    for name in ("é" * 31, "x" * 63):
        async with plain(database) as c:
            await migrations.migrate(c, name)
        async with session(database, name) as c, session(database, name) as other:
            channels = [
                await c.fetchval("select ingest_channel($1)", kind) for kind in ("doorbell", "commands", "finished")
            ]
            assert len(set(channels)) == 3
            assert max(len(channel.encode()) for channel in channels) < 64
            await other.execute("select ingest_rest()")
            await add(c)  # rings


async def test_pgvector_may_be_in_another_schema(server: embedded.Server, database: str) -> None:
    async with plain(database) as c:
        await c.execute('create schema "Vec tor"; alter extension vector set schema "Vec tor"')
        await migrations.migrate(c, "ingest")
    async with plain(database) as c:
        await c.execute("select ingest.ingest_add('/srv')")
        await c.execute("select * from ingest.ingest_search('[1,0,0]'::\"Vec tor\".vector)")
        assert await c.fetchval("select count(*) from ingest.ingest_status") == 1
        await removal.uninstall(c, "ingest")
        assert await names(c, "ingest") == []


@asynccontextmanager
async def role(dsn: str) -> AsyncIterator[str]:
    """A role without rights of its own."""
    name = f"role_{uuid.uuid4().hex}"
    async with plain(dsn) as c:
        await c.execute(f"create role {name} login")
        yield name
        await c.execute(f"drop owned by {name} cascade; drop role {name}")


def as_role(dsn: str, name: str) -> str:
    return re.sub(r"//postgres@", f"//{name}@", dsn)


@pytest.mark.postgres(16, 18, always=True)
async def test_an_owner_without_superuser_rights_installs_uses_and_uninstalls(database: str) -> None:
    async with role(database) as owner:
        async with plain(database) as c:
            await c.execute(f"create schema app authorization {owner}")
        async with plain(as_role(database, owner)) as c:
            await migrations.migrate(c, "app")
        async with session(as_role(database, owner), "app") as c:
            await ingest(c, {"a": "a"}, collection="c")
            assert await live(c, "c") == {"a": "a"}
            assert await c.fetchval("select uri from ingest_search('[1,0,0]'::vector, 'c')") == "a"
        async with plain(as_role(database, owner)) as c:
            await removal.uninstall(c, "app")
            assert await names(c, "app") == []


async def test_without_rights_or_pgvector_the_error_says_what_to_run(database: str) -> None:
    async with role(database) as owner, plain(as_role(database, owner)) as c:
        with pytest.raises(OperatorError) as refused:
            await migrations.migrate(c, "app")
        assert refused.value.code == "not_permitted"
        async with plain(database) as superuser:
            await superuser.execute(f"create schema app authorization {owner}; drop extension vector")
        with pytest.raises(OperatorError) as refused:
            await migrations.migrate(c, "app")
        assert refused.value.code == "pgvector_missing"
        assert "create extension vector" in refused.value.hint


async def test_uninstall_leaves_what_is_not_ours(installed: str) -> None:
    async with session(installed) as c:
        await ingest(c, {"a": "a"})
        await c.execute(
            "create table ingest_notes (id int); create view ingest_chunks_mine as select 1 as one;"
            " create function ingest_mine() returns int language sql as 'select 1'"
        )
    async with plain(installed) as c:
        await removal.uninstall(c, "public")
        assert [n for n in await names(c) if not n.startswith("_")] == sorted(
            ["ingest_chunks_mine", "ingest_chunks_mine", "ingest_mine", "ingest_notes", "ingest_notes"]
        )
        await removal.uninstall(c, "public")  # again: nothing to do
        await migrations.migrate(c, "public")


async def test_uninstall_is_refused_while_a_view_of_the_user_depends_on_ours(installed: str) -> None:
    async with plain(installed) as c:
        await c.execute("create view report as select uri from ingest_chunks")
        before = await names(c)
        with pytest.raises(OperatorError) as refused:
            await removal.uninstall(c, "public")
        assert refused.value.code == "in_use"
        assert "report" in str(refused.value)
        assert await names(c) == before


async def test_a_relation_of_the_user_in_the_place_of_a_typed_view_does_not_stop_the_claim(installed: str) -> None:
    async with session(installed) as c:
        await c.execute("create table ingest_chunks_c (mine int)")
        await c.execute("create view ingest_chunks_d as select 1 as mine")
        await add_listener(c)
        await collection(c, "c")
        await collection(c, "d")
        assert set(await claim(c)) == set()
        requests = {await add(c, collection="c"), await add(c, collection="d")}
        assert set(await claim(c)) == requests
        assert await c.fetchval("select mine from ingest_chunks_d") == 1
    other = await connect(installed)
    await other.close()


async def test_a_function_of_an_older_program_with_other_parameters_or_another_result_goes(c: Connection) -> None:
    await c.execute("create function ingest_rest(p_old int) returns int language sql return 1")
    await c.execute("drop function ingest_wake()")
    await c.execute("create function ingest_wake() returns int language sql return 1")
    await c.execute("update ingest_migrations set checksum = 'older' where name not like '%/%'")
    await migrations.migrate(c, "public")
    assert await c.fetchval("select array_agg(oid::regprocedure::text) from pg_proc where proname = 'ingest_rest'") == [
        "ingest_rest()"
    ]
    assert await c.fetchval("select pg_get_function_result('ingest_wake()'::regprocedure)") == "void"


async def test_a_view_of_the_user_on_a_former_function_is_named_and_nothing_is_changed(c: Connection) -> None:
    await c.execute(
        "drop function ingest_search(text, text, int, jsonb, text, text, int, text[], timestamptz, float8, float8,"
        " float8, boolean);"
        " create function ingest_search(query text, collection text) returns table (uri text) language sql"
        " return 'a'; create view report as select uri from ingest_search('x'::text, 'y'::text)"
    )
    await c.execute("update ingest_migrations set checksum = 'older' where name not like '%/%'")
    with pytest.raises(OperatorError) as refused:
        await migrations.migrate(c, "public")
    assert refused.value.code == "in_use"
    assert "view public.report depends" in refused.value.message
    await c.execute("drop view report")
    await migrations.migrate(c, "public")


INDEX = "schema/0019_chunk_key.concurrently.sql"
VALID = "select indisvalid from pg_index where indexrelid = to_regclass('public.ingest_chunk_store_key')"


async def before_the_index(c: Connection) -> None:
    """Put a database back to where an index that is built CONCURRENTLY comes next, with the key of before."""
    await c.execute("alter table ingest_chunk_store drop constraint ingest_chunk_store_pkey")
    await c.execute(
        "alter table ingest_chunk_store add constraint ingest_chunk_store_pkey primary key (revision_id, ordinal)"
    )
    await c.execute("delete from ingest_migrations where name = $1", INDEX)


async def test_an_index_whose_building_was_interrupted_is_built_anew(c: Connection, other: Connection) -> None:
    await ingest(c, {"a": "a"})
    await before_the_index(c)
    async with other.transaction():
        await other.fetch("select * from ingest_chunk_store for update")
        await c.execute("set statement_timeout = '1s'")
        with pytest.raises(asyncpg.QueryCanceledError):
            await c.execute(bare(next(file.text for file in sql_files() if file.name == INDEX)))
    await c.execute("reset statement_timeout")
    assert await c.fetchval(VALID) is False
    assert await migrations.migrate(c, "public") == [INDEX]
    assert await c.fetchval(VALID) is True
    assert await migrations.migrate(c, "public") == []


async def test_a_migration_that_waits_too_long_names_the_process_that_holds_the_lock(
    installed: str, c: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "PATIENCE_SECONDS", 0.0)
    await c.execute("update ingest_migrations set checksum = 'older' where name = 'ingest_chunks.sql'")
    async with session(installed, application_name="a report") as reader:
        await reader.execute("begin")
        await reader.execute("select from ingest_chunks")
        with pytest.raises(OperatorError) as refused:
            await migrations.migrate(c, "public")
        assert refused.value.code == "schema_locked"
        assert f"process {reader.get_server_pid()} (idle in transaction, 'a report')" in str(refused.value)
        await reader.execute("rollback")
        assert await migrations.migrate(c, "public") == ["ingest_chunks.sql"]


async def test_while_a_migration_waits_for_a_transaction_others_insert_and_read(
    installed: str, c: Connection, other: Connection, third: Connection
) -> None:
    """It wants the table that one transaction has written to; who comes after it waits for one try of it at most."""
    await c.execute("update ingest_migrations set checksum = 'older' where name = 'ingest_requests_prepare.sql'")
    async with session(installed) as open_transaction:
        await open_transaction.execute("begin")
        await add(open_transaction)
        migration = asyncio.create_task(migrations.migrate(c, "public"))
        await blocked(third, c)
        for _ in range(3):
            await asyncio.wait_for(add(other), 30)
            await other.fetch("select * from ingest_status")
            await blocked(third, c)  # it tries again
        assert not migration.done()
        await open_transaction.execute("commit")
        assert await migration == ["ingest_requests_prepare.sql"]
    row = await one(c, "select count(*) as requests from ingest_requests")
    assert row["requests"] == 4


def test_nothing_comes_between_the_tables_of_this_release_and_the_functions_that_go_with_them() -> None:
    """Else functions of the former release would run on new tables, while an index waits for a dump."""
    files = sql_files()
    tables = next(place for place, file in enumerate(files) if file.name.startswith("schema/0020"))
    objects = [place for place, file in enumerate(files) if not (file.runs_once or file.runs_alone)]
    assert [file.name for file in files[tables : objects[-1]] if file.runs_alone] == []
    assert [file.name for file in files[objects[-1] + 1 :] if not file.runs_alone] == []
