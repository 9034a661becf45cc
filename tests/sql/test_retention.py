"""What is kept long enough goes, a page at a time; nothing that is live or referred to, and no id runs again."""

from __future__ import annotations

import itertools
import uuid
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from pipeline import cloned
from roles import new_roles
from staging import SPACE, Connection, add, collection, ingest, live, session

from listener import embedded
from listener.engine import workflow_rows

STATES = ("pending", "running", "succeeded", "partially_succeeded", "failed", "cancelled")
REFERENCES = ("none", "watch", "archive", "open fork", "ended fork", "open command", "done command")
MADE = """
insert into ingest_requests (id, source, status, finished_at, started_at, executor_id, settings, error, discovered_at)
select $1, '/srv/x', $2, case when $2 not in ('pending', 'running') then now() - $3 * interval '1 day' end,
       case when $2 <> 'pending' then now() - interval '1 year' end, case when $2 <> 'pending' then 'L1' end,
       case when $2 <> 'pending' then '{}'::jsonb end,
       case when $2 not in ('pending', 'running', 'succeeded') then '{}'::jsonb end,
       now()"""
REFER = {
    "watch": "insert into ingest_watch_store (name, collection, created_by, request_id)"
    " values ($1::uuid::text, 'default', 'x', $1)",
    "archive": "insert into ingest_archives (key, request_id, uri, state, options, members)"
    " values (uuid_send($1), $1, 'z', '', '', 1)",
    "open command": "insert into ingest_commands (request_id, verb) values ($1, 'cancel')",
    "done command": "insert into ingest_commands (request_id, verb, done_at, outcome)"
    " values ($1, 'cancel', now(), 'done')",
}


async def made(c: Connection, status: str, days: int, reference: str = "none") -> uuid.UUID:
    """Write a request as it would stand after ``days``, with something that refers to it."""
    request = uuid.uuid4()
    await c.execute("set session_replication_role = replica")  # no trigger has a say
    await c.execute(MADE, request, status, days)
    if reference in REFER:
        await c.execute(REFER[reference], request)
    elif reference.endswith("fork"):
        fork = uuid.uuid4()
        await c.execute(MADE, fork, "running" if reference == "open fork" else "succeeded", 0)
        await c.execute("update ingest_requests set forked_from = $1 where id = $2", request, fork)
    await c.execute("reset session_replication_role")
    return request


async def purge(c: Connection, **arguments: Any) -> dict[str, int]:
    arguments = {"requests": None, "commands": None} | arguments
    named = ", ".join(
        f"{name} => ${place}" + ("" if name == "page" else "::text::interval")
        for place, name in enumerate(arguments, 1)
    )
    rows = await c.fetch(f"select * from ingest_purge({named})", *arguments.values())
    return {row["what"]: row["removed"] for row in rows}


async def test_of_all_that_may_be_exactly_what_ended_long_ago_and_nothing_refers_to_goes(c: Connection) -> None:
    requests = {
        (state, days, reference): await made(c, state, days, reference)
        for state, days, reference in itertools.product(STATES, (1, 40), REFERENCES)
    }
    while (await c.fetchval("select ingest_purge_requests('30 days', 5)")) == 5:
        pass
    left = {row["id"] for row in await c.fetch("select id from ingest_requests")}
    gone = {key for key, request in requests.items() if request not in left}
    assert gone == {
        (state, days, reference)
        for state, days, reference in requests
        if state not in ("pending", "running") and days > 30 and reference in ("none", "ended fork", "done command")
    }
    used = {row["id"] for row in await c.fetch("select id from ingest_used_ids")}
    assert used == {requests[key] for key in gone}


async def test_what_a_purged_request_brought_stays_and_its_id_never_runs_again(c: Connection) -> None:
    await collection(c, "default", SPACE)
    request = await ingest(c, {"a": "one"})
    assert await purge(c, requests="0 days") == {"requests": 1}
    assert await live(c) == {"a": "one"}
    with pytest.raises(asyncpg.PostgresError, match="ran before"):
        await add(c, id=request)
    left = await c.fetch("select request_id, order_id from ingest_left_workflows")
    assert [tuple(row) for row in left] == [(request, 0)]  # DBOS's rows go, too


async def test_a_page_is_no_larger_than_asked_for_and_the_oldest_go_first(c: Connection) -> None:
    old = [await made(c, "succeeded", days) for days in (90, 80, 70)]
    assert await purge(c, requests="60 days", page=2) == {"requests": 2}
    assert [row["id"] for row in await c.fetch("select id from ingest_requests")] == [old[2]]
    assert await purge(c, requests="60 days", page=2) == {"requests": 1}


async def test_commands_go_by_their_age_if_they_were_carried_out(c: Connection) -> None:
    for done in ("null", "now() - interval '2 days'", "now()"):
        outcome = "null" if done == "null" else "'cancelled'"
        await c.execute(
            "insert into ingest_commands (request_id, verb, done_at, outcome)"
            f" values (gen_random_uuid(), 'cancel', {done}, {outcome})"
        )
    assert await purge(c, commands="1 day") == {"commands": 1}
    assert await c.fetchval("select count(*) from ingest_commands") == 2


@pytest.mark.parametrize("arguments", [{}, {"requests": "-1 days"}, {"requests": "1000000 years"}])
async def test_an_age_that_is_missing_or_no_age_is_refused(c: Connection, arguments: dict[str, str]) -> None:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await purge(c, **arguments)
    assert refused.value.constraint_name == "wrong_age"


async def test_only_who_operates_everything_purges(c: Connection) -> None:
    async with new_roles(c, 1) as (operator,):
        await c.execute("select ingest_grant($1, 'operator', 'default')", operator)
        await c.execute(f"set role {operator}")
        for former in ("ingest_purge(interval '0')", "ingest_purge(interval '0', 1000000)"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="ingest_purge_replaced"):
                await c.execute(f"select {former}")
        with pytest.raises(asyncpg.PostgresError) as refused:
            await purge(c, requests="1 day")
        assert refused.value.constraint_name == "not_granted"
        await c.execute("reset role")


async def test_a_purge_reads_no_more_with_many_requests_that_are_young(c: Connection) -> None:
    await made(c, "succeeded", 90)
    assert await c.fetchval("select ingest_purge_requests('80 days', 500)") == 1  # its plan is cached now
    await c.execute("set session_replication_role = replica")
    await c.execute(
        "insert into ingest_requests (source, status, started_at, finished_at, executor_id, settings)"
        " select '/a', 'succeeded', now(), now(), 'L1', '{}' from generate_series(1, 20000)"
    )
    await c.execute("reset session_replication_role")
    for _ in range(10):
        await made(c, "succeeded", 90)
    read = (
        "select coalesce(sum(seq_tup_read), 0) + coalesce(sum(idx_tup_fetch), 0) from pg_stat_xact_user_tables"
        " where relname = 'ingest_requests'"
    )
    async with c.transaction():
        before = await c.fetchval(read)
        assert await c.fetchval("select ingest_purge_requests('80 days', 500)") == 10
        assert await c.fetchval(read) - before < 100


async def test_a_look_for_old_workflows_reads_only_old_ones(server: embedded.Server, ready_template: str) -> None:
    async with cloned(server, ready_template) as dsn, session(dsn) as c:
        await c.execute(
            "insert into dbos.workflow_status (workflow_uuid, status, name, application_name, created_at, updated_at)"
            " select gen_random_uuid(), 'SUCCESS', 'ingest_request', 'ingest',"
            " extract(epoch from now() - n * interval '1 minute') * 1000, 0 from generate_series(1, 20000) n"
        )
        await c.execute("analyze dbos.workflow_status")
        plan = await c.fetch(f"explain (analyze, timing off) {workflow_rows.OLD}", "ingest", timedelta(days=13), 100)
        scans = [row[0] for row in plan if "Scan" in row[0]]
        assert not [scan for scan in scans if "Seq Scan" in scan and "workflow_status" in scan]
