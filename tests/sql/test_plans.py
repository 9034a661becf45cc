"""What statements read, counted by the server: no clock decides here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import asyncpg
import pytest
from pipeline import cloned, migrated
from staging import SPACE, Connection, add, add_listener, claim, collection, one, session, turns_of

from listener import embedded
from listener.engine import workflow_rows
from listener.engine.line import Standing

MANY = 40_000
IN_THE_WAY = {
    "pending": "'a', 'pending', 0, now(), true, false",
    "scheduled": "'a', 'pending', -9, now() + interval '1 day' + n * interval '1 second', false, false",
    "finished": "'a', 'cancelled', -9, now(), true, false",
    "full": "'full', 'pending', -9, now(), true, true",
    "of a submitter at its limit": "'a', 'pending', -9, now(), true, true",
    "in new collections": "'new ' || n, 'pending', 0, now(), true, false",
}
FILL = """
  insert into ingest_requests (source, collection, status, priority, run_at, due, limited, finished_at, created_at,
                               submitted_by)
  select '/a', v.*, case v.status when 'cancelled' then now() end,
         now() - interval '1 hour' + n * interval '1 microsecond',
         case when v.limited and v.collection = 'a' then 'app' else session_user end
  from generate_series(1, {many}) n
  cross join lateral (select {columns}) v (collection, status, priority, run_at, due, limited)
"""
VISITED = """
  select coalesce(sum(seq_tup_read), 0) + coalesce(sum(idx_tup_fetch), 0) from pg_stat_xact_user_tables
  where relname = 'ingest_requests'
"""


async def fill(c: Connection, kind: str) -> None:
    """Write rows as an application has made them over a year; no DDL, which would drop cached plans."""
    await c.execute("set session_replication_role = replica")  # triggers do not fire
    await c.execute(FILL.format(many=MANY, columns=IN_THE_WAY[kind]))
    await c.execute("reset session_replication_role")


async def visited(c: Connection, limit: int) -> tuple[int, int, int]:
    """Claim in a transaction that is rolled back; return requests claimed, rows visited, pages touched."""
    transaction = c.transaction()
    await transaction.start()
    before = await c.fetchval(VISITED)  # the backend's own count, earlier transactions included
    claimed = len(await claim(c, limit))
    rows = int(await c.fetchval(VISITED) - before)
    await transaction.rollback()
    transaction = c.transaction()
    await transaction.start()
    plan = await c.fetch(
        "explain (analyze, buffers, timing off) select * from ingest_claim('L1', $1, '{/}', $2)", limit, SPACE
    )
    await transaction.rollback()
    return claimed, rows, pages_of(plan)


def pages_of(plan: Sequence[asyncpg.Record]) -> int:
    """Return how many pages a statement touched, by its plan's first line about them."""
    buffers = next(row[0] for row in plan if "Buffers:" in row[0])
    return sum(int(part.split("=")[1]) for part in buffers.split() if part.startswith(("hit=", "read=")))


@pytest.mark.parametrize("analyzed", [False, True])
@pytest.mark.parametrize("kind", IN_THE_WAY)
async def test_a_claim_reads_no_more_with_many_rows_in_its_way(c: Connection, kind: str, analyzed: bool) -> None:
    await add_listener(c)
    await collection(c, "full", max_running=1)
    await collection(c, "a", **SPACE)
    await c.execute("insert into ingest_limits (role, max_running) values ('app', 0)")
    await add(c, collection="full")
    await claim(c)  # full now
    if analyzed:
        await c.execute("analyze ingest_requests")
    for _ in range(12):  # the plans of an empty table, or of one row, are cached now
        await claim(c)
    await fill(c, kind)
    for _ in range(10):
        await add(c, collection="a", priority=-10)
    claimed, rows, pages = await visited(c, 10)
    assert claimed == 10
    assert rows < 100
    assert pages < 800
    await c.execute("analyze ingest_requests")
    claimed, rows, pages = await visited(c, 10)
    assert claimed == 10
    assert rows < 100
    assert pages < 800


async def test_a_claim_that_stays_reads_nothing_before_it(c: Connection) -> None:
    await add_listener(c)
    await collection(c, "a", **SPACE)
    await fill(c, "pending")
    for _ in range(6):  # a plan for all places is cached by then
        last = await add(c, collection="a")
        at = await one(c, "select submitted_by, created_at from ingest_requests where id = $1", last)
        stay = Standing(True, 0, at["submitted_by"], "a", at["created_at"]).as_json
        async with c.transaction():
            before = await c.fetchval(VISITED)
            assert await claim(c, 1, turns={"long": {"stay": stay}}) == [last]
            assert await c.fetchval(VISITED) - before < 100


async def test_waking_for_what_is_scheduled_reads_one_row(c: Connection) -> None:
    await add_listener(c)
    await fill(c, "scheduled")
    async with c.transaction():
        before = await c.fetchval(VISITED)
        assert (await turns_of(c))["next"] > 0
        assert await c.fetchval(VISITED) - before <= 2


@pytest.mark.parametrize("kind", ["scheduled", "finished", "full", "of a submitter at its limit"])
async def test_a_claim_in_vain_reads_no_more_with_many_rows_in_its_way(c: Connection, kind: str) -> None:
    await add_listener(c)
    await collection(c, "full", max_running=1)
    await c.execute("insert into ingest_limits (role, max_running) values ('app', 0)")
    await add(c, collection="full")
    for _ in range(6):  # the plans of an empty table are cached now
        await claim(c)
    await fill(c, kind)
    async with c.transaction():
        before = await c.fetchval(VISITED)
        assert not (await turns_of(c))["locked"]
        assert await c.fetchval(VISITED) - before <= 20


async def fill_chunks(c: Connection, documents: int, dead: int, metadata: str = "'{}'") -> None:
    """Write documents of one chunk, each with ``dead`` replaced revisions of the same vector around it."""
    await collection(c, "c", **SPACE)
    await c.execute("select setseed(0.5)")
    await c.execute(
        f"""insert into ingest_chunk_store (revision_id, ordinal, space_id, start_char, end_char, text_config,
                                            collection, text, hash, metadata, embedding)
            select n, 0, 1, 0, 1, 'english', 'c', 'text', sha256(n::text::bytea), {metadata},
                   array[random() - 0.5, random() - 0.5, random() - 0.5]::vector
            from generate_series(1, {documents * (dead + 1)}) n"""
    )
    await c.execute(
        f"insert into ingest_documents (collection, uri, revision_id) select 'c', n::text, n * {dead + 1}"
        f" from generate_series(1, {documents}) n"
    )
    await c.execute(
        "create index on ingest_chunk_store using hnsw ((embedding::vector(3)) vector_cosine_ops)"
        " where collection = 'c' and space_id = 1"
    )
    await c.execute("analyze ingest_chunk_store; analyze ingest_documents")


async def search(c: Connection, k: int, filter_: object = None) -> list[str]:
    rows = await c.fetch("select uri from ingest_search('[1,1,1]'::vector, 'c', $1, $2)", k, filter_)
    return [row["uri"] for row in rows]


async def nearest(c: Connection, k: int) -> set[str]:
    rows = await c.fetch("select uri from ingest_chunks order by embedding::vector(3) <=> '[1,1,1]', uri limit $1", k)
    return {row["uri"] for row in rows}


async def test_a_vector_search_uses_the_partial_index(c: Connection) -> None:
    await fill_chunks(c, 3000, dead=1)
    wanted = (
        "row(null, '[1,1,1]', null, 'c', 10, '{}', null, null, null, null, null, null, 1, 1, false)::ingest_wanted_v1"
    )
    statement = await c.fetchval(f"select ingest_nearest_statement({wanted}, false)")
    await c.execute(f"prepare s (ingest_wanted_v1, int) as {statement}")
    for mode in ("force_custom_plan", "force_generic_plan"):
        await c.execute(f"set plan_cache_mode = {mode}")
        plan = "\n".join(row[0] for row in await c.fetch(f"explain execute s ({wanted}, 10)"))
        assert "ingest_chunk_store_embedding_idx" in plan, plan
    view = await c.fetch("explain select uri from ingest_chunks_c order by embedding <=> '[1,1,1]' limit 10")
    assert "ingest_chunk_store_embedding_idx" in "\n".join(row[0] for row in view)


async def test_a_vector_search_returns_k_results_when_k_exist(c: Connection) -> None:
    await fill_chunks(c, 500, dead=30, metadata="jsonb_build_object('rare', n % 1550 = 31)")
    assert len(await search(c, 100)) == 100
    assert len(set(await search(c, 20)) & await nearest(c, 20)) >= 18
    rare = await search(c, 10, {"rare": True})
    assert len(rare) == 10
    assert len(await search(c, 50, {"rare": True})) == 10  # all there are
    assert set(await search(c, 10, {"rare": {"$ne": False}})) == set(rare)
    assert await search(c, 5, {"rare": "no"}) == []


async def test_a_vector_search_in_another_role_s_session_needs_no_settings(c: Connection, installed: str) -> None:
    await fill_chunks(c, 300, dead=20)
    async with session(installed) as fresh:
        assert len(await search(fresh, 50)) == 50
        assert await fresh.fetchval("show hnsw.iterative_scan") == "off"  # the caller's stays


async def test_wrong_dimensions_and_an_unknown_collection_are_refused(c: Connection) -> None:
    await collection(c, "c", **SPACE)
    for arguments, code in (
        ("'[1,2]'::vector, 'c'", "IG015"),
        ("'[1,2]'::vector, 'd'", "IG014"),
        ("'a', 'd'", "IG014"),
    ):
        with pytest.raises(asyncpg.PostgresError) as refused:
            await c.fetch(f"select * from ingest_search({arguments})")
        assert refused.value.sqlstate == code
        assert refused.value.hint


CHUNKS = 100_000
READ = """
  select seq_tup_read, idx_tup_fetch from pg_stat_xact_user_tables where relname = 'ingest_chunk_store'
"""


async def fill_words(c: Connection) -> None:
    """Write chunks of one collection: ``all`` is in each, ``half`` in one of two, ``some`` in one of ten, and so on."""
    await collection(c, "c", **SPACE)
    await c.execute(
        f"""insert into ingest_chunk_store (revision_id, ordinal, space_id, start_char, end_char, text_config,
                                            collection, text, hash, metadata, embedding, lexemes)
            select n, 0, 1, 0, 1, 'simple', 'c', '', sha256(''), '{{}}', '[1,0,0]',
              array_to_tsvector(array_remove(array['all', case n % 2 when 0 then 'half' end,
                case n % 3 when 0 then 'third' end, case n % 10 when 0 then 'some' end,
                case n % 5000 when 0 then 'rare' end, case n when {CHUNKS // 2} then 'once' end], null))
            from generate_series(1, {CHUNKS}) n"""
    )
    await c.execute(
        f"insert into ingest_documents (collection, uri, revision_id, chunks, title) select 'c', n::text, n, 1, 'all'"
        f" from generate_series(1, {CHUNKS}) n"
    )
    await c.execute("update ingest_collections set text_config = 'simple' where name = 'c'")


@pytest.mark.long
async def test_a_search_by_words_reads_no_more_than_it_may_rank(c: Connection) -> None:
    await fill_words(c)
    best = {"once": "50000", "all half third some rare once": "50000", "all rare": "5000", "half third all": "6"}
    for analyzed in (False, True):
        if analyzed:
            await c.execute("analyze ingest_chunk_store; analyze ingest_documents")
        for query, most in {
            "once": 20,
            "all rare": 200,
            "all half third some rare once": 20_000,
            "all": 20_000,
            "half third all": 20_000,
            "some -rare": 20_000,
            '"half third"': 60_000,
        }.items():
            async with c.transaction():
                before = await one(c, READ)
                rows = await c.fetch("select uri, score from ingest_search($1, 'c', by => 'words')", query)
                after = await one(c, READ)
            assert after["seq_tup_read"] == before["seq_tup_read"], query
            if analyzed:
                assert after["idx_tup_fetch"] - before["idx_tup_fetch"] <= 1.2 * most + 100, query
            if query in best and analyzed:
                assert rows[0]["uri"] == best[query] or rows[0]["score"] == rows[-1]["score"], query


LOOKS: dict[str, tuple[object, ...]] = {
    "NOT_EXECUTED": ("L1", "ingest", []),
    "LEFT_BEHIND": ("ingest", ["/"], None, []),
    "NEVER_STARTED": (),
    "OURS_NEVER_STARTED": ("L1", timedelta(seconds=10), []),
    "ENDED_UNSEEN": (),
}


async def test_recovery_reads_nothing_when_all_workflows_have_ended(server: embedded.Server) -> None:
    async with cloned(server, await migrated(server)) as dsn, session(dsn) as c:
        await c.execute("set search_path = public, dbos")
        await add_listener(c)
        await fill(c, "finished")
        await c.execute(
            "insert into workflow_status (workflow_uuid, name, status, executor_id, application_name, created_at)"
            " select id::text, 'ingest_request', 'SUCCESS', 'L1', 'ingest', 0 from ingest_requests"
        )
        for name, arguments in LOOKS.items():
            explain = f"explain (analyze, buffers, timing off) {getattr(workflow_rows, name)}"
            await c.fetch(explain, *arguments)  # the first one reads the catalog too
            plan = await c.fetch(explain, *arguments)
            assert pages_of(plan) <= 5, (name, [row[0] for row in plan])


async def test_only_a_listener_with_a_root_above_a_source_takes_its_workflow_over(own: Connection) -> None:
    await own.execute("set search_path = public, dbos")
    await add_listener(own, "dead", roots=["notes:"])
    await add(own, source="notes://shelf/a")
    (request,) = await claim(own, executor="dead", roots=["notes:"])
    await own.execute("update ingest_listeners set dead_at = now()")
    await own.execute(
        "insert into workflow_status (workflow_uuid, name, status, executor_id, application_name, created_at)"
        " values ($1, 'ingest_request', 'PENDING', 'dead', 'ingest', 0)",
        str(request),
    )
    left = {tuple(roots): await own.fetch(workflow_rows.LEFT_BEHIND, "ingest", roots, None, []) for roots in ROOTS}
    assert [(roots, [row["request"] for row in rows]) for roots, rows in left.items()] == [
        (("/srv",), []),
        (("/srv", "notes:"), [request]),
    ]


ROOTS = (["/srv"], ["/srv", "notes:"])
