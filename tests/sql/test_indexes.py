"""ANN indexes: which collections get one, when, and what becomes of it; made by the owner, on a session of its own."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from filled_chunks import clustered, fill
from roles import new_roles, refused
from staging import Connection, add, add_listener, collection, one, put_clock, start

from listener.client import connect
from listener.client.situation import Indexing
from listener.database.owner import owner_session
from listener.engine import index_rows, indexing
from listener.engine.indexing import Indexed
from listener.engine.maintenance import Maintenance
from listener.settings import Settings

DIMENSIONS = 16
FEW = {"index_from": 100}
STATE = "select state, why, index_name, chunks, last_error from ingest_indexes where collection = $1"
OURS = """
  select k.relname::text as name, i.indisvalid as is_valid, pg_get_indexdef(i.indexrelid) as definition
  from pg_index i join pg_class k on k.oid = i.indexrelid
  where i.indrelid = 'ingest_chunk_store'::regclass and k.relname like 'ingest_ann%' order by k.oid
"""

WAITING = """
  select pid from pg_stat_activity
  where application_name = 'ingest maintenance' and datname = current_database() and pg_blocking_pids(pid) <> '{}'
"""


async def results(dsn: str) -> list[Indexed]:
    """Do a round as the owner."""
    async with owner_session(Settings(), dsn) as connection:
        await index_rows.count(connection.fetch)
        done = await indexing.maintain(connection, 256)
    assert done is not None
    return done


async def maintain(dsn: str) -> list[tuple[str, str | None]]:
    """Do a round as the owner; return what was done with whose index."""
    done = await results(dsn)
    assert [one.error for one in done] == [None] * len(done)
    return [(one.task.todo, one.task.collection) for one in done]


async def state(c: Connection, name: str) -> str:
    return str((await one(c, STATE, name))["state"])


async def large(c: Connection, name: str, count: int = 300) -> None:
    """Make a collection that is large enough for an index."""
    await fill(c, name, clustered(count, DIMENSIONS))
    await collection(c, name, FEW)


async def test_a_collection_gets_an_index_when_it_has_grown_past_a_size(c: Connection, installed: str) -> None:
    await fill(c, "manuals", clustered(300, DIMENSIONS))
    assert await maintain(installed) == []
    assert await state(c, "manuals") == "exact"
    await collection(c, "manuals", FEW)
    assert await maintain(installed) == [("build", "manuals")]
    (made,) = await c.fetch(OURS)
    assert made["is_valid"]
    assert "halfvec(16)" in made["definition"]
    assert "WHERE ((collection = 'manuals'::text) AND (space_id = 1) AND (generation = 1))" in made["definition"]
    assert await state(c, "manuals") == "valid"
    assert await maintain(installed) == []


async def test_an_index_of_a_larger_collection_has_more_candidates_unless_it_sets_a_number(
    c: Connection, installed: str
) -> None:
    async def built(settings: dict[str, Any]) -> str:
        await collection(c, "manuals", settings)
        await maintain(installed)
        (made,) = await c.fetch(OURS)
        return str(made["definition"])

    await large(c, "manuals")
    assert "ef_construction='64'" in await built({})
    assert "ef_construction='80'" in await built({"index_m": 40})
    await c.execute("update ingest_documents set chunks = 200000 where uri = (select min(uri) from ingest_documents)")
    assert "ef_construction='200'" in await built({})
    await c.execute("update ingest_documents set chunks = 150000 where chunks = 200000")
    assert await maintain(installed) == []  # none is built anew for a few chunks less
    assert "ef_construction='100'" in await built({"index_ef_construction": 100})
    await c.execute("update ingest_documents set chunks = 1 where chunks = 150000")
    assert "ef_construction='80'" in await built({"index_ef_construction": None})


async def test_it_waits_until_what_is_loaded_is_there_ten_minutes_at_most(c: Connection, installed: str) -> None:
    await large(c, "manuals")
    request = await start(c, ["file:///a"], collection="manuals")
    later = await add(c, collection="manuals", content="text", uri="b")
    assert await maintain(installed) == []
    assert (await one(c, STATE, "manuals"))["why"].startswith("its requests run or wait")
    await c.execute("select ingest_cancel($1)", request)
    assert await maintain(installed) == []
    await c.execute("select ingest_cancel($1)", later)
    assert await maintain(installed) == [("build", "manuals")]


async def test_it_is_made_although_requests_never_end(c: Connection, installed: str) -> None:
    await large(c, "manuals")
    await start(c, ["file:///a"], collection="manuals")
    assert await maintain(installed) == []
    await put_clock(c, "11 minutes")
    assert await maintain(installed) == [("build", "manuals")]


async def test_of_sixty_collections_the_fifty_largest_get_an_index(c: Connection, installed: str) -> None:
    for n in range(60):
        await large(c, f"c{n:02}", 101 + n)
    done = await maintain(installed)
    assert {name for _, name in done} == {f"c{n:02}" for n in range(10, 60)}
    assert await c.fetchval("select count(*) from pg_index where indrelid = 'ingest_chunk_store'::regclass") <= 56
    assert (await one(c, STATE, "c09"))["why"] == "50 larger collections have one"
    await fill(c, "c09", clustered(100, DIMENSIONS))
    assert sorted(await maintain(installed)) == [("build", "c09"), ("drop", "c10")]


@pytest.mark.parametrize(
    "statement",
    [
        "delete from ingest_collections where name = 'manuals'",
        "select ingest_collection('manuals', '{\"indexed\": false}')",
        "delete from ingest_documents where chunks = 10 and id % 10 <> 0",
    ],
)
async def test_it_goes_with_what_it_was_for(c: Connection, installed: str, statement: str) -> None:
    await large(c, "manuals")
    await maintain(installed)
    await c.execute(statement)
    assert await maintain(installed) in ([("drop", "manuals")], [("drop", None)])
    assert await c.fetch(OURS) == []
    assert await maintain(installed) == []


async def test_other_settings_build_it_anew_beside_the_one_that_is_used(c: Connection, installed: str) -> None:
    await large(c, "manuals")
    await maintain(installed)
    (before,) = await c.fetch(OURS)
    await collection(c, "manuals", index_m=8)
    assert await maintain(installed) == [("rebuild", "manuals"), ("drop", None)]
    (after,) = await c.fetch(OURS)
    assert before["name"] != after["name"]
    assert "m='8'" in after["definition"]


async def test_a_collection_of_the_same_name_in_another_space_gets_one_that_fits(c: Connection, installed: str) -> None:
    await large(c, "manuals")
    await maintain(installed)
    await c.execute("delete from ingest_chunk_store; delete from ingest_documents; delete from ingest_collections")
    await fill(c, "manuals", clustered(300, 8))
    await collection(c, "manuals", FEW)
    assert await maintain(installed) == [("rebuild", "manuals"), ("drop", None)]
    (made,) = await c.fetch(OURS)
    assert "halfvec(8)" in made["definition"]


async def test_it_is_built_anew_when_most_of_it_is_of_chunks_that_are_gone(c: Connection, installed: str) -> None:
    await fill(c, "manuals", clustered(3000, 128))
    await collection(c, "manuals", FEW)
    await maintain(installed)
    bytes_before = await c.fetchval("select bytes from ingest_indexes where collection = 'manuals'")
    await c.execute("delete from ingest_documents where id % 20 <> 0")
    await c.execute(
        "delete from ingest_chunk_store where revision_id <> all (select revision_id from ingest_documents)"
    )
    await c.execute("vacuum analyze ingest_chunk_store")
    assert await maintain(installed) == [("rebuild", "manuals"), ("drop", None)]
    assert await c.fetchval("select bytes from ingest_indexes where collection = 'manuals'") < bytes_before / 5
    assert await maintain(installed) == []


async def test_before_a_load_of_many_times_its_chunks_it_goes_and_comes_back_behind(
    c: Connection, installed: str
) -> None:
    await large(c, "manuals")
    await maintain(installed)
    request = await start(c, [f"file:///{n}" for n in range(200)], collection="manuals")
    assert await maintain(installed) == [("drop", "manuals")]
    await put_clock(c, "1 hour")
    assert await maintain(installed) == []
    await c.execute("select ingest_cancel($1)", request)
    assert await maintain(installed) == [("build", "manuals")]


async def test_the_overview_counts_them_and_names_those_that_wait(c: Connection, installed: str) -> None:
    async with connect(installed) as client:
        assert (await client.situation()).indexes == Indexing(0, [])
        await large(c, "manuals")
        await maintain(installed)
        await large(c, "more")
        request = await start(c, ["file:///a"], collection="more")
        await maintain(installed)
        indexes = (await client.situation()).indexes
        assert indexes is not None
        assert indexes.usable == 1
        (waiting,) = indexes.unfinished
        assert waiting.startswith("more: waiting, its requests run or wait")
        await c.execute("select ingest_cancel($1)", request)
        await maintain(installed)
        assert (await client.situation()).indexes == Indexing(2, [])


@pytest.mark.parametrize("meanwhile", ["cancelled", "two hours"])
async def test_what_is_to_be_rebuilt_waits_for_a_load_two_hours_at_most(
    c: Connection, installed: str, meanwhile: str
) -> None:
    await large(c, "manuals")
    await maintain(installed)
    await collection(c, "manuals", index_m=8)
    request = await start(c, [f"file:///{n}" for n in range(5)], collection="manuals")  # a sixth of its chunks
    assert await maintain(installed) == []
    assert (await one(c, STATE, "manuals"))["why"].endswith("it is rebuilt when its load is over, or after 2 hours")
    if meanwhile == "cancelled":
        await c.execute("select ingest_cancel($1)", request)
    else:
        await put_clock(c, "121 minutes")
    assert await maintain(installed) == [("rebuild", "manuals"), ("drop", None)]


async def test_what_is_to_be_rebuilt_waits_for_no_small_request(c: Connection, installed: str) -> None:
    await large(c, "manuals")
    await maintain(installed)
    await collection(c, "manuals", index_m=8)
    await start(c, ["file:///a"], collection="manuals")
    assert await maintain(installed) == [("rebuild", "manuals"), ("drop", None)]


async def test_what_a_dead_builder_left_is_dropped_and_built_again(c: Connection, installed: str) -> None:
    await large(c, "manuals")
    await maintain(installed)
    await c.execute("update ingest_index_store set building = name, name = null, began_at = now()")
    await c.execute(
        "update pg_index set indisvalid = false where indexrelid ="
        " (select building from ingest_index_store where building is not null)::regclass"
    )
    assert await maintain(installed) == [("drop", "manuals")]
    row = await one(c, STATE, "manuals")
    assert (row["state"], row["last_error"]) == ("waiting", "its builder died")
    await put_clock(c, "3 minutes")
    assert await maintain(installed) == [("build", "manuals")]
    assert (await one(c, STATE, "manuals"))["last_error"] is None


async def test_what_was_finished_when_its_builder_died_is_taken(c: Connection, installed: str) -> None:
    await large(c, "manuals")
    await maintain(installed)
    await c.execute("update ingest_index_store set building = name, name = null, began_at = now()")
    assert await maintain(installed) == []
    assert await state(c, "manuals") == "valid"


async def test_an_index_of_the_users_own_is_left_alone_and_none_is_made_beside_it(
    c: Connection, installed: str
) -> None:
    await large(c, "manuals")
    await c.execute(
        "create index mine on ingest_chunk_store using hnsw ((embedding::vector(16)) vector_cosine_ops)"
        " where collection = 'manuals' and generation = 1"
    )
    assert await maintain(installed) == []
    row = await one(c, STATE, "manuals")
    assert (row["state"], row["why"]) == ("own", "index mine is yours")


@pytest.mark.parametrize(
    "of_no_use",
    [
        "using hnsw ((embedding::vector(16)) vector_l2_ops)",
        "using hnsw ((embedding::halfvec(16)) halfvec_cosine_ops)",
        "using hnsw ((embedding::vector(16)) vector_cosine_ops) where collection = 'manuals' and generation = 77",
        "using ivfflat ((embedding::vector(16)) vector_cosine_ops) with (lists = 1) where space_id = 999",
    ],
)
async def test_an_index_that_no_search_can_go_by_stands_in_the_way_of_none(
    c: Connection, installed: str, of_no_use: str
) -> None:
    await large(c, "manuals")
    await c.execute(f"create index mine on ingest_chunk_store {of_no_use}")
    assert await maintain(installed) == [("build", "manuals")]


async def test_vectors_of_more_than_4000_dimensions_are_searched_exactly(c: Connection, installed: str) -> None:
    await fill(c, "wide", clustered(110, 4001))
    await collection(c, "wide", FEW)
    assert await maintain(installed) == []
    row = await one(c, STATE, "wide")
    assert (row["state"], row["why"]) == ("exact", "4001 dimensions: an index takes 4000")


async def test_a_name_that_looks_like_one_of_ours_is_a_name(c: Connection, installed: str) -> None:
    name = "ingest.ingest_x {schema} 'o\\"
    await large(c, name)
    assert await maintain(installed) == [("build", name)]
    assert await state(c, name) == "valid"
    await collection(c, name, indexed=False)
    assert await maintain(installed) == [("drop", name)]


async def test_one_builds_at_a_time(c: Connection, installed: str) -> None:
    await large(c, "manuals")
    async with owner_session(Settings(), installed) as first, owner_session(Settings(), installed) as second:
        assert await indexing.maintain(first, 64) is not None
        assert await indexing.maintain(second, 64) is None


async def test_nobody_who_writes_waits_for_a_build_that_waits_for_an_old_transaction(
    c: Connection, other: Connection, third: Connection, installed: str
) -> None:
    await large(c, "manuals")
    await other.execute("begin; update ingest_chunk_store set metadata = '{}' where ordinal = 0")
    building = asyncio.create_task(maintain(installed))
    pid = None
    while pid is None:
        pid = await third.fetchval(WAITING)
    assert await state(c, "manuals") == "building"
    assert not await c.fetchval("select ingest_has_index_work()")
    await third.execute("set lock_timeout = '1s'")
    await third.execute("update ingest_chunk_store set metadata = '{}' where ordinal = 1")
    await third.execute("insert into ingest_documents (collection, uri) values ('manuals', 'new')")
    await other.execute("commit")
    assert await building == [("build", "manuals")]


async def test_it_gives_up_on_an_old_transaction_says_whose_and_tries_again_later(
    c: Connection, other: Connection, installed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "BUILD_WAIT_SECONDS", 0.3)
    monkeypatch.setattr(indexing, "DROP_WAIT_SECONDS", 0.1)
    await large(c, "manuals")
    await other.execute("begin; update ingest_chunk_store set metadata = '{}' where ordinal = 0")
    done = await results(installed)
    assert [one.task.todo for one in done] == ["build"]
    assert "waits for a transaction" in str(done[0].error)
    row = await one(c, STATE, "manuals")
    assert (row["state"], row["last_error"]) == ("waiting", done[0].error)
    assert row["why"].startswith("failed once, tried again at")
    assert [one.task.todo for one in await results(installed)] == ["drop"]
    await other.execute("commit")
    assert await maintain(installed) == [("drop", "manuals")]
    assert await maintain(installed) == []
    await put_clock(c, "10 minutes")
    assert await maintain(installed) == [("build", "manuals")]


async def test_an_index_of_a_generation_is_built_before_the_switch_to_it(c: Connection, installed: str) -> None:
    await large(c, "manuals")
    await maintain(installed)
    await c.execute(
        "insert into ingest_chunk_store select revision_id, ordinal, space_id, start_char, end_char, text_config,"
        " collection, text, hash, metadata, embedding, lexemes, 2 from ingest_chunk_store"
    )
    await c.execute(
        "insert into ingest_generations (collection, generation, space_id, state)"
        " select name, 2, space_id, 'building' from ingest_collections where name = 'manuals'"
    )
    assert await maintain(installed) == [("build", "manuals")]
    assert await c.fetchval("select (ingest_ann('manuals', 2)).candidates") == 100
    await c.execute("update ingest_generations set state = 'former' where generation = 1 and collection = 'manuals'")
    await c.execute("update ingest_generations set state = 'live' where generation = 2")
    await c.execute("update ingest_collections set generation = 2 where name = 'manuals'")
    assert await maintain(installed) == []
    assert len(await c.fetch(OURS)) == 2
    await c.execute("delete from ingest_generations where generation = 1")
    assert await maintain(installed) == [("drop", "manuals")]


async def test_operators_see_those_of_their_collections(c: Connection, installed: str) -> None:
    await large(c, "manuals")
    await large(c, "secret")
    await maintain(installed)
    async with new_roles(c, 2) as (operator, searcher):
        await c.execute(
            "select ingest_grant($1, 'operator', 'manuals'), ingest_grant($2, 'searcher')", operator, searcher
        )
        await c.execute(f"set role {operator}")
        assert [tuple(row) for row in await c.fetch("select collection, state from ingest_indexes")] == [
            ("manuals", "valid")
        ]
        assert await c.fetchval("select index from ingest_inventory('manuals')") == "valid"
        await c.execute(f"set role {searcher}")
        assert await c.fetchval("select index from ingest_inventory('manuals')") is None
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await c.fetch("select * from ingest_indexes")


async def test_nothing_is_counted_while_nothing_changes(c: Connection) -> None:
    counted = "select counted_at from ingest_index_counts"
    await c.execute("select ingest_has_index_work()")
    before = await c.fetchval(counted)
    await put_clock(c, "1 day")
    await c.execute("select ingest_has_index_work()")
    assert await c.fetchval(counted) == before
    await c.execute("insert into ingest_documents (collection, uri) values ('default', 'new')")
    await c.execute("select pg_stat_force_next_flush()")
    await c.execute("select ingest_has_index_work()")
    assert await c.fetchval(counted) > before


async def test_where_processes_have_too_little_memory_to_share_one_builds(
    c: Connection, installed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute, refusals = asyncpg.Connection.execute, ["could not resize shared memory segment to 67108864 bytes"]

    async def scarce(self: Any, query: str, *args: Any, **named: Any) -> Any:
        if query.startswith("create index") and refusals:
            raise asyncpg.DiskFullError(refusals.pop())
        if query.startswith("create index"):
            assert await self.fetchval("show max_parallel_maintenance_workers") == "0"
        return await execute(self, query, *args, **named)

    await large(c, "manuals")
    monkeypatch.setattr(asyncpg.Connection, "execute", scarce)
    assert await maintain(installed) == [("build", "manuals")]


async def test_a_listener_goes_on_whatever_is_wrong_with_the_owners_connection(
    c: Connection, installed: str, database: str
) -> None:
    await large(c, "manuals")
    await add_listener(c, "L1")
    await index_rows.count(c.fetch)
    for url, word in (
        (database, "ingest migrate"),
        ("postgresql://nobody@localhost:1/none", "Check INGEST_MAINTENANCE_URL"),
    ):
        settings = Settings(maintenance_url=url)
        loop = Maintenance(c, settings, installed, "L1")  # type: ignore[arg-type]  # of a pool it uses fetch alone
        await loop.look()
        row = await one(c, STATE, "manuals")
        assert row["state"] == "needs_owner"
        assert word in row["why"]


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"indexed": "yes"}, "wrong_setting_value"),
        ({"index_from": 99}, "wrong_setting_value"),
        ({"index_ef_search": 1001}, "wrong_setting_value"),
        ({"index_m": 33, "index_ef_construction": 64}, "too_few_candidates"),
        ({"index_m": 8, "index_ef_construction": 15}, "too_few_candidates"),
    ],
)
async def test_settings_with_which_no_index_can_be_are_refused(
    c: Connection, settings: dict[str, Any], code: str
) -> None:
    with refused("IG012", code):
        await collection(c, "manuals", settings)
