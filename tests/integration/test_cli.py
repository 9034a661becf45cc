"""The verbs of ``ingest`` against a real database, each in a process of its own as people and scripts run them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import uuid
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import staging
from ingest_command import Ingest


@pytest.fixture
def ingest(tmp_path: Path, installed: str) -> Ingest:
    return Ingest(tmp_path, INGEST_DATABASE_URL=installed)


async def one(dsn: str, statement: str, *values: Any) -> Any:
    async with staging.session(dsn) as connection:
        return await connection.fetchval(statement, *values)


async def test_add_inserts_a_row_for_each_source_and_prints_the_ids(ingest: Ingest, installed: str) -> None:
    ended = await ingest("add", "docs", "/srv/a.md", "file:///srv/b.md", "*.txt", "-c", "mail", "--priority", "3")
    assert ended.status == 0
    async with staging.session(installed) as connection:
        rows = await connection.fetch("select id::text, source, collection, priority from ingest_requests")
    sources = {row["id"]: row["source"] for row in rows}
    here = str(ingest.folder)
    assert [sources[line] for line in ended.out.split()] == [
        f"{here}/docs", "/srv/a.md", "file:///srv/b.md", f"{here}/*.txt",
    ]  # fmt: skip
    assert {(row["collection"], row["priority"]) for row in rows} == {("mail", 3)}


async def test_add_takes_values_as_json_where_they_are_json(ingest: Ingest, installed: str) -> None:
    options = ("-o", "include=*.md", "-o", "include=*.txt", "-o", "force=true", "-o", "max_bytes=1000")
    await ingest("add", "/srv", *options, "-m", "team=it's", "-m", "year=2024", "-m", "x=NaN", "-m", "y=1e999")
    stored = "select jsonb_build_array(options, metadata) from ingest_requests"
    assert await one(installed, stored) == [
        {"include": ["*.md", "*.txt"], "force": True, "max_bytes": 1000},
        {"team": "it's", "year": 2024, "x": "NaN", "y": "1e999"},
    ]


async def test_of_several_sources_none_is_added_if_one_is_refused(ingest: Ingest, installed: str) -> None:
    ended = await ingest("add", "/srv/a", "/srv/b", "-o", "colour=red")
    assert (ended.status, ended.out, ended.code()) == (2, "", "unknown_option")
    assert "hint: Known are: batch_documents, crawl, exclude, force, include" in ended.err
    assert await one(installed, "select count(*) from ingest_requests") == 0


BAD_INPUT = [
    (["add", ""], "empty_source"),
    (["add", "a", "-"], "stdin_goes_alone"),
    (["add", "a", "b", "--dedupe-key", "k"], "one_key_for_several"),
    (["add", "a", "-o", "include"], "not_a_pair"),
    (["add", "a", "-o", "max_bytes=many"], "wrong_option_type"),
    (["add", "a", "--uri", "u"], "two_things_to_ingest"),
    (["add", "a", "--run-at", "soonish"], "invalid_value"),
    (["add", "a", "--priority", "high"], "usage"),
    (["add"], "usage"),
    (["status", "7"], "not_an_id"),
    (["status", "0000"], "unknown_request"),
    (["status", "--status", "done"], "unknown_status"),
    (["status", "--since", "soonish"], "wrong_since"),
    (["status", "-c", "nowhere"], "unknown_collection"),
    (["failures", "-c", "nowhere"], "unknown_collection"),
    (["failures", "--code", "unsuported"], "no_such_failure"),
    (["failures", "--slow", "--code", "x"], "slow_with_code"),
    (["failures", "0000", "--request", "1111"], "two_requests"),
    (["search", "x", "--by", "luck"], "usage"),
    (["search", "x", "--per-document", "0"], "usage"),
    (["status", str(uuid.UUID(int=7))], "unknown_request"),
    (["failures", str(uuid.UUID(int=7))], "unknown_request"),
    (["cancel", str(uuid.UUID(int=7))], "unknown_request"),
    (["resume", str(uuid.UUID(int=7))], "unknown_request"),
    (["retry", str(uuid.UUID(int=7))], "unknown_request"),
    (["retry", "7"], "not_an_id"),
    (["fork", str(uuid.UUID(int=7))], "unknown_request"),
    (["fork", "7"], "not_an_id"),
    (["search", " "], "empty_query"),
    (["eval", "/nowhere.jsonl"], "bad_judgement"),
    (["eval", "/dev/null"], "bad_judgement"),
    (["search", "x", "--filter", "[1]"], "not_an_object"),
    (["search", "x", "-c", "nowhere"], "unknown_collection"),
    (["uninstall"], "not_confirmed"),
    (["stop"], "not_embedded"),
    (["quickstart", "missing"], "not_found"),
    (["quickstart", "."], "empty_source"),
    (["quickstart", "/dev/null"], "not_a_file"),
    (["dance"], "usage"),
]


async def test_bad_input_has_a_code_a_message_and_status_2(ingest: Ingest) -> None:
    calls = await asyncio.gather(*(ingest(*arguments, "--json") for arguments, _ in BAD_INPUT))
    found = [(arguments, ended.error["code"]) for (arguments, _), ended in zip(BAD_INPUT, calls, strict=True)]
    assert found == BAD_INPUT
    assert {(ended.status, ended.out) for ended in calls} == {(2, "")}
    assert all(ended.error["message"] for ended in calls)


async def test_a_path_that_is_not_utf8_is_refused(ingest: Ingest) -> None:
    assert (await ingest("add", os.fsdecode(b"caf\xe9"))).code() == "path_not_utf8"


@pytest.mark.parametrize(
    ("stdin", "column"), [("grün".encode(), "content"), (b"gr\xfcn", "content_bytes"), (b"a\0b", "content_bytes")]
)
async def test_stdin_is_text_where_postgres_can_hold_it(
    ingest: Ingest, installed: str, stdin: bytes, column: str
) -> None:
    ended = await ingest("add", "-", "--uri", "note", "--media-type", "text/plain", stdin=stdin)
    assert ended.status == 0
    as_bytes = "convert_to(content, 'UTF8')" if column == "content" else column
    assert await one(installed, f"select {as_bytes} from ingest_requests where uri = 'note'") == stdin


async def test_a_dedupe_key_that_is_taken_gives_the_id_that_has_it(ingest: Ingest) -> None:
    first = await ingest("add", "/srv", "--dedupe-key", "nightly")
    second = await ingest("add", "/srv", "--dedupe-key", "nightly")
    assert second.status == 0
    assert second.out == first.out


async def test_the_sql_that_is_shown_does_the_same_in_psql(ingest: Ingest, installed: str) -> None:
    ended = await ingest("add", "/srv/it's", "/srv/b", "-m", r"path=C:\new", "--run-at", "2030-01-01", "--show-sql")
    async with staging.session(installed) as connection:
        await connection.execute(ended.err)
        rows = await connection.fetch(
            "select source, metadata, run_at, count(*) from ingest_requests group by 1, 2, 3 order by 1"
        )
    assert [(row["source"], row["metadata"], row["run_at"].year, row["count"]) for row in rows] == [
        ("/srv/b", {"path": r"C:\new"}, 2030, 2), ("/srv/it's", {"path": r"C:\new"}, 2030, 2),
    ]  # fmt: skip


async def test_the_sql_of_each_verb_is_taken_by_postgres_as_it_is_shown(ingest: Ingest, installed: str) -> None:
    first, second = (await ingest("add", "/srv/a", "/srv/it's")).out.split()
    await one(installed, "select (ingest_collection('it''s')).name")
    calls = [
        ["status", first[:8]], ["status", "--since", "2h"], ["failures", "--slow"], ["failures", "-c", "it's"],
        ["status", first], ["status", "-c", "it's", "--status", "running"], ["failures"], ["failures", first],
        ["cancel", first, second], ["status", first, "--watch"], ["resume", first],
        ["fork", second, "-o", "force=true"],
    ]  # fmt: skip
    shown = [(await ingest(*arguments, "--show-sql")).err for arguments in calls]
    async with staging.session(installed) as connection:
        for sql in shown:
            try:
                await connection.execute(sql)
            except asyncpg.PostgresError as error:
                assert error.sqlstate == "IG011"  # noqa: PT017 - it is cancelled or pending already
                await connection.execute("rollback")


async def test_status_says_what_a_request_waits_for(ingest: Ingest) -> None:
    request = (await ingest("add", "/srv")).out.strip()
    assert f"{request}\tpending\t\t\t/srv\tlistener: none is running" in (await ingest("status")).out
    row = (await ingest("status", request, "--json")).json
    assert (row["id"], row["status"], row["waiting_for"].partition(":")[0]) == (request, "pending", "listener")
    assert (await ingest("status", "--status", "running", "-c", "default", "--json")).json == []


async def test_cancel_cancels_and_refuses_what_has_ended(ingest: Ingest) -> None:
    request = (await ingest("add", "/srv")).out.strip()
    assert (await ingest("cancel", request, "--json")).json == {"id": request, "status": "cancelled"}
    again = await ingest("cancel", request)
    assert (again.status, again.code()) == (2, "wrong_state")
    assert (await ingest("status", request, "--watch")).status == 4


async def test_resume_retry_and_fork_are_the_sql_functions(ingest: Ingest, installed: str) -> None:
    async with staging.session(installed) as connection:
        failed = str(await staging.start(connection, ["file:///a"]))
        problem = {"code": "broken", "message": "it broke", "hint": "mend it"}
        await staging.settle(connection, uuid.UUID(failed), "failed", problem)
    assert (await ingest("retry", failed, "--json")).json == {"id": failed, "status": "pending"}
    assert (await ingest("retry", failed)).code() == "wrong_state"
    await ingest("cancel", failed)
    assert (await ingest("resume", failed)).out == f"{failed} pending\n"
    again = await ingest("resume", failed)
    assert (again.status, again.code()) == (2, "wrong_state")
    await ingest("cancel", failed)
    options = ("--from", "load", "-c", "other", "--option", "force=true")
    made = (await ingest("fork", failed, *options, "--json")).json
    assert made["forked_from"] == failed
    stored = "select array[collection, fork_step, options::text] from ingest_requests where id = $1"
    assert await one(installed, stored, made["id"]) == ["other", "load", '{"force": true}']
    assert (await ingest("fork", failed, "--from", "settle")).code() == "unknown_step"


async def test_of_several_requests_all_are_resumed_or_none(ingest: Ingest, installed: str) -> None:
    first, second = (await ingest("add", "/srv/a", "/srv/b")).out.split()
    await ingest("cancel", first)
    ended = await ingest("resume", first, second)
    assert (ended.status, ended.out, ended.code()) == (2, "", "wrong_state")
    assert await one(installed, "select status from ingest_requests where id = $1", first) == "cancelled"
    await ingest("cancel", second)
    ended = await ingest("resume", first, second, "--json")
    assert [row["status"] for row in ended.json] == ["pending", "pending"]


async def test_failures_are_shown_with_what_to_do(ingest: Ingest, installed: str) -> None:
    error = {"code": "unsupported", "message": "a\x1b[31mb\nc", "hint": "convert it"}
    async with staging.session(installed) as connection:
        request = await staging.start(connection, ["file:///a", "file:///b"])
        await connection.execute(
            "update ingest_revisions set state = 'failed', error = $1 where uri = 'file:///b'", error
        )
        await staging.carry(connection, request)
        assert await staging.settle(connection, request) == "partially_succeeded"
    assert [row["uri"] for row in (await ingest("failures", str(request), "--json")).json] == ["file:///b"]
    heading, line = (await ingest("failures")).out.splitlines()
    assert heading.split("\t")[:6] == ["document", "step", "code", "message", "hint", "request"]
    assert line.split("\t")[:6] == ["file:///b", "", "unsupported", "a\\x1b[31mb\\nc", "convert it", str(request)]
    assert (await ingest("status", str(request), "--watch")).status == 3


async def test_watching_ends_when_the_request_ends_and_tells_each_change_as_json(
    ingest: Ingest, installed: str
) -> None:
    async with staging.session(installed) as connection:
        request = await staging.start(connection, ["file:///a"])
        process = await ingest.start("status", str(request), "--watch", "--json")
        assert process.stdout
        first = json.loads(await process.stdout.readline())
        await staging.settle(
            connection, request, "failed", {"code": "broken", "message": "it broke", "hint": "mend it"}
        )
    ended = await ingest.end(process)
    last = json.loads(ended.out.splitlines()[-1])
    assert (first["status"], last["status"], last["error_code"], ended.status) == ("running", "failed", "broken", 1)


async def test_adding_and_waiting_exits_as_the_requests_end(ingest: Ingest, installed: str) -> None:
    process = await ingest.start("add", "/srv/a", "/srv/b", "--wait")
    assert process.stdout
    first, second = [(await process.stdout.readline()).decode().strip() for _ in range(2)]
    async with staging.session(installed) as connection:
        await connection.execute("select ingest_cancel($1)", first)
        await staging.add_listener(connection)
        assert [str(request) for request in await staging.claim(connection)] == [second]
        await staging.discover(connection, uuid.UUID(second), [])
        assert await staging.settle(connection, uuid.UUID(second)) == "succeeded"
    ended = await ingest.end(process)
    assert ended.status == 4
    assert f"{first} cancelled" in ended.out
    assert f"{second} succeeded" in ended.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_waiting_with_its_own_status(ingest: Ingest, number: signal.Signals) -> None:
    process = await ingest.start("add", "/srv/a", "--wait")
    assert process.stdout
    await process.stdout.readline()
    process.send_signal(number)
    assert (await ingest.end(process)).status == 128 + number


async def test_search_goes_by_words_before_the_first_ingestion_and_says_so(ingest: Ingest, installed: str) -> None:
    await one(installed, "select (ingest_collection('default')).name")
    ended = await ingest("search", "anything")
    assert (ended.status, ended.out) == (0, "nothing found\n")
    assert "searched by words" in ended.err


async def test_search_goes_by_words_without_a_listener_and_says_so(ingest: Ingest, installed: str) -> None:
    async with staging.session(installed) as connection:
        await staging.ingest(connection, {"file:///a": "invoices"})
        await connection.execute("delete from ingest_listeners")
    ended = await ingest("search", "invoices", "--json")
    assert [row["uri"] for row in ended.json] == ["file:///a"]
    assert "searched by words only: no listener is running" in json.loads(ended.err)["note"]
