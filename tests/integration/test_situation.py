"""How it all goes: in Python, and as ``ingest status --watch`` shows it on a terminal, in a pipe and as JSON."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
from pathlib import Path
from typing import Any

import pytest
import staging
from forking import fork_server
from ingest_command import PROGRAM, Ingest, Process
from roles import login, new_roles

from listener.cli.situation_lines import lines_of
from listener.client import connect
from listener.client.situation import Situation
from listener.errors import OperatorError

BROKEN = {"code": "broken", "message": "it broke", "hint": "mend it", "step": "load"}
ENTER = "insert into ingest_requests (source, run_at) values ('/srv/later', now() + interval '1 day')"


@pytest.fixture
def ingest(tmp_path: Path, installed: str) -> Ingest:
    return Ingest(tmp_path, INGEST_DATABASE_URL=installed)


@pytest.fixture
async def c(installed: str) -> Any:
    async with staging.session(installed) as connection:
        yield connection


async def situation(database: Any) -> Situation:
    async with connect(database) as client:
        return await client.situation()


async def test_it_counts_what_runs_waits_and_why(c: staging.Connection) -> None:
    await staging.add(c)
    await staging.add(c)
    await c.execute(ENTER)
    alone = await situation(c)
    assert (alone.running, alone.pending, alone.scheduled, alone.listeners) == (0, 2, 1, [])
    assert [(one.kind, one.requests) for one in alone.waiting] == [("listener", 2), ("run_at", 1)]
    assert "ingest listen" in alone.waiting[0].reason
    await staging.add_listener(c, capacity=2)
    assert len(await staging.claim(c, 1)) == 1
    then = await situation(c)
    assert (then.running, then.pending) == (1, 1)
    assert [(one.host, one.capacity) for one in then.listeners or ()] == [("here", 2)]
    assert then.waiting[0].kind == "run_at"


async def test_what_waits_for_a_service_is_counted_as_that_and_nowhere_as_running(c: staging.Connection) -> None:
    await c.execute("insert into ingest_counts (name, label, value) values ('chunks', '', 1)")
    runs, waits = [await staging.start(c, [uri]) for uri in ("a", "b")]
    await staging.carry(c, runs, until="chunked")
    owner = await staging.carry(c, waits, until="chunked")
    await c.execute(
        "insert into ingest_circuits (service, tenant, opened_at, error, probe_at)"
        " values ('test test', '', now(), $1, now() + interval '1 minute')", BROKEN,
    )  # fmt: skip
    await c.execute("select ingest_park(($1, 0, $2)::ingest_fence_v1, $3)", [waits], owner, BROKEN)
    now = await situation(c)
    assert (now.running, now.parked) == (1, 1)
    assert [(one.kind, one.requests) for one in now.waiting] == [("service", 1)]
    assert "1 running, 1 waiting for a service, 0 pending" in str(lines_of(now, 80))
    async with connect(c) as client:
        traffic = (await client.describe("default")).traffic
        assert traffic
        assert (traffic.running, traffic.parked) == (1, 1)
        assert await c.fetchval("select ingest_note_history(interval '15 s')")
        noted = (await client.history())[-1]
        assert (noted.running, noted.parked) == (1, 1)
    open_ = "select labels ->> 'state', value from ingest_metrics where name = 'ingest_requests_open'"
    assert {tuple(row) for row in await c.fetch(open_)} >= {("running", 1.0), ("parked", 1.0)}


async def test_a_command_has_a_service_asked_now(ingest: Ingest, c: staging.Connection) -> None:
    await c.execute(
        "insert into ingest_circuits (service, tenant, opened_at, error, probe_at)"
        " values ('openai m', '', now(), $1, now() + interval '1 hour')", BROKEN,
    )  # fmt: skip
    assert (await ingest("ask-again", "openai n")).out.strip() == "no such service is away"
    assert (await ingest("ask-again", "openai m")).out.strip() == "1 service asked again"
    assert await c.fetchval("select probe_at <= now() from ingest_circuits")
    assert json.loads((await ingest("ask-again", "--json")).out) == {"services": 1}


async def test_the_speed_is_that_of_what_ended_and_runs_and_failures_are_grouped(c: staging.Connection) -> None:
    assert (await situation(c)).documents_per_second is None
    await staging.ingest(c, {f"file:///{n}": f"text {n}" for n in range(20)})
    request = await staging.start(c, ["file:///x"])
    fence = ([request], 0, await staging.own(c, request))
    rows = await c.fetch("select * from ingest_to_load($1::ingest_fence_v1)", fence)
    loaded = [(row["id"], row["read_seq"], *[None] * 7, BROKEN, *[None] * 3, 0.1, 2.5) for row in rows]
    await c.execute("select ingest_save_loaded($1::ingest_fence_v1, $2::ingest_loaded_v2[])", fence, loaded)
    await staging.settle(c, request)
    then = await situation(c)
    assert then.ended == {"succeeded": 1, "failed": 1}
    assert then.documents_per_second
    assert then.documents_per_second > 0.3
    assert [(one.code, one.documents, one.uri) for one in then.failing or ()] == [("broken", 1, "file:///x")]
    await staging.put_clock(c, "2 minutes")
    later = await situation(c)
    assert (later.ended, later.documents_per_second) == ({}, None)


async def test_a_submitter_sees_its_own_and_a_searcher_is_told_that_it_may_not(
    c: staging.Connection, installed: str
) -> None:
    async with new_roles(c, 2) as (submitter, searcher):
        await c.execute("select ingest_grant($1, 'submitter')", submitter)
        await c.execute("select ingest_grant($1, 'searcher')", searcher)
        await staging.add(c)
        async with login(installed, submitter) as own:
            await staging.add(own, source="/srv/own")
            seen = await situation(own)
        assert (seen.pending, seen.listeners, seen.waiting[0].requests) == (1, None, 1)
        async with login(installed, searcher) as own:
            with pytest.raises(OperatorError, match="not_permitted"):
                await situation(own)


async def until_line(process: Process, word: str) -> str:
    assert process.stdout
    while word not in (line := (await asyncio.wait_for(process.stdout.readline(), 30)).decode()):
        assert line, f"it ended before {word!r}"
    return line


async def test_in_a_pipe_each_change_is_told_and_ctrl_c_ends_it_with_0(ingest: Ingest, c: staging.Connection) -> None:
    process = await ingest.start("status", "--watch")
    assert "none is running" in await until_line(process, "listeners")
    await staging.add(c)
    assert "listener: none is running" in await until_line(process, "waiting     1 for ")
    process.send_signal(signal.SIGINT)
    ended = await ingest.end(process)
    assert (ended.status, ended.err) == (0, "")


async def test_as_json_each_change_is_an_object_on_a_line(ingest: Ingest, c: staging.Connection) -> None:
    process = await ingest.start("status", "--watch", "--json")
    assert json.loads(await until_line(process, "listeners"))["pending"] == 0
    await staging.add(c)
    changed = json.loads(await until_line(process, "listener:"))
    assert (changed["pending"], changed["waiting"][0]["kind"]) == (1, "listener")
    process.terminate()
    assert (await ingest.end(process)).status == 143


async def test_it_waits_for_a_database_that_went_away_and_goes_on(ingest: Ingest, c: staging.Connection) -> None:
    process = await ingest.start("status", "--watch", "--json")
    await until_line(process, "listeners")
    await c.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    assert json.loads(await until_line(process, "listeners"))["pending"] == 0
    process.send_signal(signal.SIGINT)
    ended = await ingest.end(process)
    assert ended.status == 0
    assert "database_lost" in ended.err


async def test_a_database_that_was_never_there_is_an_error(tmp_path: Path) -> None:
    ended = await Ingest(tmp_path, INGEST_DATABASE_URL="postgresql://nobody@127.0.0.1:1/db")("status", "--watch")
    assert (ended.status, ended.code()) == (5, "database_unreachable")


async def test_on_a_terminal_it_stays_in_its_place_and_ctrl_c_ends_it_with_0(
    ingest: Ingest, c: staging.Connection
) -> None:
    ours, its = pty.openpty()
    environment = ingest.environment | {"COLUMNS": "80", "LINES": "24", "TERM": "xterm-256color"}
    nothing = os.open(os.devnull, os.O_RDONLY)
    child = await asyncio.to_thread(
        fork_server().fork, PROGRAM, ("status", "--watch"), ingest.folder, environment, (nothing, its, 2)
    )
    os.close(nothing)
    os.close(its)
    await asyncio.to_thread(read_until, ours, "0 pending")
    await staging.add(c)
    shown = await asyncio.to_thread(read_until, ours, "1 pending")
    child.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(child.wait) == 0
    os.close(ours)
    assert "\x1b[2J" not in shown  # the screen is not cleared: it would flicker
    assert "\x1b[1A" in shown


def read_until(terminal: int, word: str) -> str:
    text = ""
    while word not in text:
        text += os.read(terminal, 65536).decode()
    return text


async def test_whoever_has_a_pool_hears_by_one_connection_of_it(installed: str, c: staging.Connection) -> None:
    """Each kind of notification took one of the pool's, and none was left to look with."""
    async with connect(installed) as client:
        seen = client.situations()
        first = await anext(seen)
        await c.execute(ENTER)
        async for now in seen:
            if now.scheduled == first.scheduled + 1:
                break
        await seen.aclose()
