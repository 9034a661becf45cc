"""``ingest doctor --advise``: each fault, made on a real server, is found, with figures and a statement that helps."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from ingest_command import Ingest
from roles import login, new_roles
from staging import Connection

import listener.cli.advice as advice_package
from listener.cli.advice import advise
from listener.cli.advice.piece import GB, Advice, shown
from listener.client import open_session
from listener.client.server_state import Checkpoints, ReplicationSlot, ServerSessions, ServerState, server_state
from listener.database.dsn import check_dsn

pytestmark = pytest.mark.postgres(16, 18)

PAGE = Path(__file__).parent.parent.parent / "docs" / "postgres.md"
CODE = re.compile(r'Advice\(\s*"([a-z_]+)"|": \("([a-z_]+)", "')


async def look(dsn: str, long_seconds: float = 600.0) -> ServerState:
    async with open_session(check_dsn(dsn), "public") as s:
        return await server_state(s, long_seconds)


def found(state: ServerState, memory_mb: int = 1024) -> dict[str, Advice]:
    return {one.code: one for one in advise(state, "public", memory_mb)}


async def pretend(c: Connection, name: str, **columns: float) -> None:
    """Have the catalog say that a table or an index has so many rows or pages."""
    for column, value in columns.items():
        await c.execute(f"update pg_class set {column} = {value} where relname = '{name}'")


@asynccontextmanager
async def set_for(c: Connection, **settings: str) -> AsyncIterator[None]:
    """Have sessions of this database start with other settings."""
    name = await c.fetchval("select quote_ident(current_database())")
    for setting, value in settings.items():
        await c.execute(f"alter database {name} set {setting} = {value}")
    yield
    for setting in settings:
        await c.execute(f"alter database {name} reset {setting}")


async def test_settings_that_lose_data_are_named_with_what_may_be_lost(c: Connection, installed: str) -> None:
    async with set_for(c, synchronous_commit="off"):
        said = found(await look(installed))
    assert said["synchronous_commit_off"].severity == "warning"
    assert said["synchronous_commit_off"].set == "alter system set synchronous_commit = 'on'; select pg_reload_conf();"
    assert said["fsync_off"].severity == "problem"  # the tests' servers are throwaways
    assert next(iter(said)) == "fsync_off"
    assert "synchronous_commit_off" not in found(await look(installed))


async def test_a_new_installation_gets_no_advice_but_of_what_its_server_lacks(installed: str) -> None:
    assert set(found(await look(installed))) <= {
        "fsync_off",
        "full_page_writes_off",
        "pgvector_outdated",
        "max_wal_size_small",
        "connections_scarce",
    }


async def test_thresholds_grow_with_what_is_stored(c: Connection, installed: str) -> None:
    late = {"random_page_cost_high", "io_concurrency_low", "autovacuum_slow", "scale_factor_large"}
    async with set_for(c, random_page_cost="4", effective_io_concurrency="1"):
        assert not late & set(found(await look(installed)))
        await pretend(c, "ingest_chunk_store", reltuples=6_000_000)
        await pretend(c, "ingest_usage", reltuples=6_000_000)
        said = found(await look(installed))
    assert late <= set(said)
    assert said["scale_factor_large"].seen.startswith("ingest_usage: 6000000 rows")  # the large ones of ours are set
    await c.execute(said["scale_factor_large"].set)
    assert "scale_factor_large" not in found(await look(installed))


async def test_tables_that_are_not_vacuumed_or_analyzed_are_found(c: Connection, installed: str) -> None:
    await c.execute("alter table ingest_used_ids set (autovacuum_enabled = off)")
    await c.execute("insert into ingest_used_ids select gen_random_uuid() from generate_series(1, 40000)")
    await c.execute("delete from ingest_used_ids where ctid < '(100,1)'")
    await c.execute("select pg_stat_force_next_flush()")
    said = found(await look(installed))
    assert {"table_without_autovacuum", "dead_rows", "never_analyzed"} <= set(said)
    assert re.search(r"ingest_used_ids: 1\d{4} dead rows beside 2\d{4} live ones", said["dead_rows"].seen)
    for code in ("table_without_autovacuum", "dead_rows"):
        await c.execute(said[code].set)
    await c.execute("select pg_stat_force_next_flush()")
    assert not {"table_without_autovacuum", "dead_rows", "never_analyzed"} & set(found(await look(installed)))


async def test_a_table_with_much_air_is_estimated(c: Connection, installed: str) -> None:
    await c.execute("insert into ingest_used_ids select gen_random_uuid() from generate_series(1, 20000)")
    await c.execute("analyze ingest_used_ids")
    await c.execute("select pg_stat_force_next_flush()")
    assert "table_bloated" not in found(await look(installed))
    await pretend(c, "ingest_used_ids", relpages=50_000)
    said = found(await look(installed))["table_bloated"]
    assert re.match(r"ingest_used_ids: about 390MB of 391MB are empty", said.seen)


async def test_indexes_that_are_invalid_unused_or_too_large_are_found(c: Connection, installed: str) -> None:
    await c.execute("insert into ingest_requests (source) values ('/a'), ('/a')")
    with pytest.raises(asyncpg.UniqueViolationError):
        await c.execute("create unique index concurrently own on ingest_requests (source)")
    await c.execute("create index mine on ingest_chunk_store using hnsw ((embedding::vector(3)) vector_cosine_ops)")
    await c.execute("create index idle on ingest_requests (metadata)")
    await pretend(c, "mine", reltuples=5_000_000)
    state = await look(installed)
    said = found(state)
    assert said["index_invalid"].set == 'drop index concurrently "public"."own";'
    assert "INGEST_MAINTENANCE_MEMORY_MB=3137" in said["index_memory_small"].set
    assert "index_memory_small" not in found(state, 4000)
    large = [
        replace(one, bytes=4 * GB, entries=1_000_000, scans=1) if one.name == "mine" else one for one in state.indexes
    ]
    large = [replace(one, bytes=GB) if one.name == "idle" else one for one in large]
    small = {
        name: replace(state.settings[name], value=value)
        for name, value in (("effective_cache_size", "131072"), ("shared_buffers", "16384"))
    }
    for_long = replace(state.capacity, counted_seconds=8 * 86400.0)
    said = found(replace(state, indexes=large, capacity=for_long, settings={**state.settings, **small}))
    assert {"index_bloated", "index_unused", "indexes_exceed_memory", "shared_buffers_small"} <= set(said)
    assert said["shared_buffers_small"].set == "alter system set shared_buffers = '2GB'; -- then restart"
    assert said["index_unused"].seen == "idle on ingest_requests: 1GB, no scan in 8 days"
    await c.execute("drop index own")
    assert "index_invalid" not in found(await look(installed))


async def test_what_keeps_vacuum_from_its_work_is_named(c: Connection, other: Connection, installed: str) -> None:
    await other.execute("begin isolation level repeatable read; select 1 from ingest_spaces")
    await c.execute("begin; insert into ingest_used_ids select gen_random_uuid(); prepare transaction 'left'")
    try:
        said = found(await look(installed, long_seconds=0.0))
        assert f"process {other.get_server_pid()} of role" in said["long_transaction"].seen
        assert said["prepared_transaction_left"].set.startswith("rollback prepared 'left';")
        assert not {"long_transaction", "prepared_transaction_left"} & set(found(await look(installed)))
    finally:
        await c.execute("rollback prepared 'left'")
        await other.execute("rollback")


async def test_wal_slots_connections_and_ids_are_judged_by_what_the_server_counted(
    c: Connection, installed: str
) -> None:
    await c.execute("select pg_create_physical_replication_slot('kept_by_a_test', true)")
    try:
        state = await look(installed)
    finally:
        await c.execute("select pg_drop_replication_slot('kept_by_a_test')")
    assert [(slot.active, slot.bytes >= 0) for slot in state.slots if slot.name == "kept_by_a_test"] == [(False, True)]
    assert state.checkpoints.timed + state.checkpoints.requested >= 0
    small = {**state.settings, "max_wal_size": replace(state.settings["max_wal_size"], value="1024")}
    bad = replace(
        state, settings=small, checkpoints=Checkpoints(timed=3, requested=40),
        slots=[ReplicationSlot("gone", False, 3 * GB)],
        sessions=ServerSessions(used=60, listeners=12, of_listeners=50),
        capacity=replace(state.capacity, oldest_xid=1_500_000_000, temp_bytes=100 * GB, temp_files=9, pgvector="0.7.4"),
    )  # fmt: skip
    said = found(bad)
    assert said["max_wal_size_small"].set == "alter system set max_wal_size = '4GB'; select pg_reload_conf();"
    assert said["slot_holds_wal"].severity == "problem"
    assert said["connections_scarce"].severity == "problem"
    assert "131 with the others'" in said["connections_scarce"].seen
    assert said["transaction_ids_old"].severity == "problem"
    assert {"work_mem_small", "pgvector_outdated"} <= set(said)


async def test_where_alter_system_is_not_to_be_had_the_provider_s_place_is_named(installed: str) -> None:
    state = await look(installed)
    of_rds = replace(state, capacity=replace(state.capacity, provider="rds", may_alter=False))
    assert found(of_rds)["fsync_off"].set == "in the DB parameter group (RDS, Aurora): fsync = on"
    plain = replace(state, capacity=replace(state.capacity, may_alter=False))
    assert found(plain)["fsync_off"].set.startswith("-- as a superuser: alter system set fsync")


async def test_a_role_that_sees_little_gets_what_it_may_see(c: Connection, installed: str) -> None:
    await c.execute("insert into ingest_used_ids select gen_random_uuid() from generate_series(1, 20000)")
    await c.execute("analyze ingest_used_ids")
    async with new_roles(c, 1) as (role,):
        async with login(installed, role) as weak:
            dsn = installed.replace("//postgres@", f"//{role}@")
            assert await weak.fetchval("select current_user") == role
        state = await look(dsn)
        assert not state.capacity.sees_all
        assert {"fsync_off"} <= set(found(state))
        assert next(one for one in state.tables if one.name == "ingest_used_ids").width is None


async def test_the_command_writes_lines_or_json_and_fails_for_problems_alone(installed: str, tmp_path: Path) -> None:
    run = Ingest(tmp_path, INGEST_DATABASE_URL=installed)
    ended = await run("doctor", "--advise")
    assert ended.status == 5
    assert (
        "problem  fsync_off: fsync = off\n         set: alter system set fsync = 'on'; select pg_reload_conf();\n"
        in ended.out
    )
    told = (await run("doctor", "--advise", "--json")).json
    assert told["ok"] is False
    assert set(told) == {"ok", "size", "advice", "not_seen"}
    assert set(told["advice"][0]) == {"code", "severity", "seen", "set", "why"}


def test_each_code_is_explained_on_its_page() -> None:
    folder = Path(advice_package.__file__).parent
    codes = {a or b for path in folder.glob("*.py") for a, b in CODE.findall(path.read_text(encoding="utf-8"))}
    rows = set(
        re.findall(r"^\| `([a-z_]+)` \|", PAGE.read_text(encoding="utf-8").partition("## What it says")[2], re.M)
    )
    assert len(codes) > 20
    assert codes == rows


def test_bytes_are_written_as_settings_take_them() -> None:
    assert [shown(GB), shown(3 * GB // 2), shown(64), shown(16 << 20)] == ["1GB", "1.5 GB", "64 B", "16MB"]
