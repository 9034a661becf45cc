"""The view ingest_metrics: what it says of an installation, to whom, and what it reads for it."""

from __future__ import annotations

import re

import asyncpg
import pytest
from roles import login, new_roles
from staging import SPACE, Connection, add, add_listener, claim, collection, ingest, put_clock

from listener.engine.exposition import COUNTS
from listener.tracing.figures import OUTCOMES, STATUSES, STEPS

NAME = re.compile(r"ingest_[a-z]+(_[a-z]+)*")
LARGE = (
    "ingest_requests",
    "ingest_documents",
    "ingest_revisions",
    "ingest_chunk_store",
    "ingest_batches",
    "ingest_usage",
)
VISITED = """
  select relname::text, seq_tup_read + coalesce(idx_tup_fetch, 0) as rows from pg_stat_xact_user_tables
  where relname = any ($1) and seq_tup_read + coalesce(idx_tup_fetch, 0) > 0
"""
SCANNED = "select relname::text from pg_stat_xact_user_tables where relname = any ($1) and seq_scan > 0"
MANY = 40_000
FILL = """
  insert into ingest_requests (source, collection, status, due, run_at, finished_at, created_at, submitted_by)
  select '/a/' || n, 'c' || n % 7, $1::text, $2::boolean, now(), case when $1::text = 'cancelled' then now() end,
         now() - interval '1 hour', 'app'
  from generate_series(1, $3::int) n
"""


async def figures(c: Connection, name: str) -> dict[str, float]:
    """Return a metric's figures by its label; without one by ''."""
    rows = await c.fetch("select labels, value from ingest_metrics where name = $1", name)
    return {"".join(row["labels"].values()): row["value"] for row in rows}


async def waiting(c: Connection) -> dict[str, float]:
    return {reason: count for reason, count in (await figures(c, "ingest_requests_waiting")).items() if count}


async def visited(c: Connection) -> dict[str, int]:
    """Return how many rows of large tables this session has read."""
    rows = await c.fetch(VISITED, LARGE)
    return {row["relname"]: row["rows"] for row in rows}


async def fill(c: Connection, status: str, *, due: bool = True, many: int = MANY) -> None:
    """Write requests as they are after a year."""
    await c.execute("set session_replication_role = replica")
    await c.execute(FILL, status, due, many)
    await c.execute("reset session_replication_role")


async def test_names_and_labels_follow_the_conventions(c: Connection) -> None:
    rows = await c.fetch("select * from ingest_metrics")
    assert len({(row["name"], *row["labels"].items()) for row in rows}) == len(rows)
    for row in rows:
        assert NAME.fullmatch(row["name"])
        assert (row["kind"] == "counter") == row["name"].endswith("_total")
        assert row["help"].endswith(".")
        assert set(row["labels"]) <= {"status", "outcome", "step", "state", "reason", "service"}
        assert row["value"] >= 0
    families = {row["name"].removesuffix("_total") for row in rows}
    assert len(families) == len({row["name"] for row in rows})


async def test_each_metric_that_is_described_is_there(c: Connection) -> None:
    described = {row["name"] for row in await c.fetch("select name from ingest_metric_kinds()")}
    there = {row["name"] for row in await c.fetch("select name from ingest_metrics")}
    assert there == described - {"ingest_service_away_seconds"}  # there is one for each that is away


async def test_what_listeners_count_is_what_the_view_knows(c: Connection) -> None:
    rows = await c.fetch("select name, known from ingest_metric_kinds() where kind = 'counter'")
    known = {row["name"]: row["known"] for row in rows}
    labels = {"requests": [*STATUSES], "documents": [*OUTCOMES], "steps": [*STEPS], "step_seconds": [*STEPS]}
    assert known == {f"ingest_{name}_total": labels.get(name) for name in (*COUNTS, "steps", "step_seconds")}


async def test_counts_add_up_over_listeners_and_begin_at_zero(c: Connection) -> None:
    assert await figures(c, "ingest_requests_total") == dict.fromkeys(STATUSES, 0)
    assert await figures(c, "ingest_tokens_total") == {"": 0}
    add = "select ingest_add_counts($1, $2, $3)"
    await c.execute(add, ["requests", "tokens"], ["failed", ""], [2.0, 10.0])
    await c.execute(add, ["requests", "requests", "tokens"], ["succeeded", "failed", ""], [1.0, 1.0, 5.0])
    assert await figures(c, "ingest_requests_total") == dict.fromkeys(STATUSES, 0) | {"failed": 3, "succeeded": 1}
    assert await figures(c, "ingest_tokens_total") == {"": 15}


async def test_what_is_no_count_is_not_added_and_unknown_labels_are_not_shown(c: Connection) -> None:
    values = [float("nan"), float("inf"), -1.0, 0.0]
    await c.execute("select ingest_add_counts($1, $2, $3)", ["tokens", "texts", "chunks", "waits"], [""] * 4, values)
    await c.execute("select ingest_add_counts($1, $2, $3)", ["requests", "made_up"], ["/srv/secret", ""], [1.0, 1.0])
    assert await c.fetchval("select count(*) from ingest_metrics where value <> 0 and kind = 'counter'") == 0


async def test_requests_are_counted_by_what_they_wait_for(c: Connection) -> None:
    await collection(c, "full", max_running=1)
    await collection(c, "away", **SPACE)
    for name in ("full", "full", "away", "other"):
        await add(c, collection=name)
    await add(c, source="/elsewhere/a")
    await add(c, content="a note", collection="other")
    await add(c, run_at=await c.fetchval("select now() + interval '1 day'"))
    assert await waiting(c) == {"listener": 6}
    await add_listener(c, roots=["/srv"], capacity=1)
    assert await waiting(c) == {"root": 1, "turn": 5}
    await c.execute(
        "insert into ingest_circuits (service, tenant, opened_at, error, probe_at)"
        " select ingest_service(s), '', now() - interval '90 s', '{}', now() from ingest_spaces s"
    )
    assert await waiting(c) == {"root": 1, "turn": 4, "service": 1}
    await c.execute("update ingest_requests set priority = -1 where collection = 'full'")
    assert await claim(c, 1, space=SPACE | {"model": "other"})
    await c.execute("update ingest_listeners set running = 1")
    assert await waiting(c) == {"root": 1, "service": 1, "collection": 1, "capacity": 2}
    assert await figures(c, "ingest_requests_open") == {"scheduled": 1, "pending": 5, "running": 1, "parked": 0}
    assert await figures(c, "ingest_circuits") == {"open": 1, "suspected": 0}
    ((service, seconds),) = (await figures(c, "ingest_service_away_seconds")).items()
    assert service.startswith("test")
    assert 90 <= seconds < 1000


async def test_the_queue_is_as_old_as_the_oldest_of_any_collection(c: Connection) -> None:
    assert await figures(c, "ingest_queue_age_seconds") == {"": 0}
    for minutes, name in ((1, "b"), (30, "a"), (2, "c")):
        request = await add(c, collection=name, priority=minutes % 3)
        await c.execute("set session_replication_role = replica")
        was = await c.fetchval("select now() - $1 * interval '1 minute'", minutes)
        await c.execute("update ingest_requests set created_at = $2, run_at = $2 where id = $1", request, was)
        await c.execute("reset session_replication_role")
    assert 1800 <= (await figures(c, "ingest_queue_age_seconds"))[""] < 1900


async def test_a_flood_of_services_has_a_bounded_number_of_labels(c: Connection) -> None:
    await c.execute(
        "insert into ingest_circuits (service, tenant, opened_at, error, probe_at)"
        " select 'host ' || n, 't', now() - n * interval '1 s', '{}', now() from generate_series(1, 200) n"
    )
    away = await figures(c, "ingest_service_away_seconds")
    assert len(away) == 51
    assert 150 <= away["other"] < 190


@pytest.mark.parametrize("analyzed", [pytest.param(False, marks=pytest.mark.long), True])
@pytest.mark.parametrize(("status", "due"), [("cancelled", True), ("pending", True), ("pending", False)])
async def test_it_reads_no_large_table(c: Connection, status: str, due: bool, analyzed: bool) -> None:
    await add_listener(c)
    for _ in range(7):  # what a plan for all values would be is known by then
        await c.fetch("select * from ingest_metrics")
    await fill(c, status, due=due)
    if analyzed:
        await c.execute("vacuum analyze ingest_requests")
    async with c.transaction():
        before = await visited(c)
        scanned = {row[0] for row in await c.fetch(SCANNED, LARGE)}
        found = await c.fetch("select name, labels, value from ingest_metrics")
        after = await visited(c)
        assert {row[0] for row in await c.fetch(SCANNED, LARGE)} == scanned
    read = {name: rows - before.get(name, 0) for name, rows in after.items()}
    assert {name: rows for name, rows in read.items() if name != "ingest_requests" and rows} == {}
    assert read.get("ingest_requests", 0) <= (0 if status == "cancelled" else 21_000)
    shown = {row["labels"].get("state"): row["value"] for row in found if row["name"] == "ingest_requests_open"}
    expected = 0 if status == "cancelled" else MANY if analyzed else 10_000
    assert shown["pending" if due else "scheduled"] == pytest.approx(expected)
    assert sum(row["value"] for row in found if row["name"] == "ingest_requests_waiting") == shown["pending"]


async def test_who_operates_everything_may_read_it_and_others_hear_why_not(c: Connection, installed: str) -> None:
    async with new_roles(c, 5) as (operator, listener, submitter, of_one, exporter):
        await c.execute(f"grant select on ingest_metrics to {exporter}")
        await c.execute(f"grant execute on function ingest_list_metrics() to {exporter}")
        async with login(installed, exporter) as it:
            with pytest.raises(asyncpg.PostgresError, match="may not operate"):
                await it.fetch("select * from ingest_metrics")
            await c.execute(f"grant pg_monitor to {exporter}")
            assert len(await it.fetch("select * from ingest_metrics")) > 30
        await c.execute("select ingest_grant($1, 'operator'), ingest_grant($2, 'listener')", operator, listener)
        await c.execute("select ingest_grant($1, 'submitter'), ingest_grant($2, 'operator', 'a')", submitter, of_one)
        for role in (operator, listener):
            async with login(installed, role) as it:
                assert len(await it.fetch("select * from ingest_metrics")) > 30
        async with login(installed, of_one) as it:
            with pytest.raises(asyncpg.PostgresError, match="may not operate") as refused:
                await it.fetch("select * from ingest_metrics")
            assert refused.value.sqlstate == "IG040"
        for role in (operator, listener, submitter):
            async with login(installed, role) as it:
                for statement in ("select * from ingest_counts", "update ingest_counts set value = 0"):
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await it.fetch(statement)
        async with login(installed, operator) as it:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await it.execute("select ingest_add_counts('{requests}', '{failed}', '{1}')")


async def test_listeners_without_the_owners_connection_count_what_is_live(c: Connection, installed: str) -> None:
    async with new_roles(c, 1) as (listener,):
        await c.execute("select ingest_grant($1, 'listener')", listener)
        await ingest(c, {"a": "cats", "b": "dogs"})
        await c.execute("select pg_stat_force_next_flush()")
        assert await figures(c, "ingest_live_documents") == {"": 0}
        assert not await c.fetch("select * from ingest_indexes where chunks > 0"), "nobody has counted yet"
        await put_clock(c, "1 minute")
        async with login(installed, listener) as it:
            await it.execute("select ingest_has_index_work()")
        assert await figures(c, "ingest_live_documents") == {"": 2}
        assert await c.fetchval("select chunks from ingest_indexes where collection = 'default'") == 2
