"""What the command lets people see: requests by the beginnings of their ids, who may not be read, what fails now."""

from __future__ import annotations

import json
import re
import signal
import uuid
from pathlib import Path
from typing import Any

import pytest
import staging
from ingest_command import Ingest

BROKEN = {"code": "broken", "message": "it \x1b[31mbroke", "hint": "mend it", "step": "load"}
STYLE = re.compile(r"\x1b\[[0-9;]{0,9}m")
ALIKE = [f"abcd1234-0000-4000-8000-00000000000{n}" for n in range(3)]


@pytest.fixture
def ingest(tmp_path: Path, installed: str) -> Ingest:
    return Ingest(tmp_path, INGEST_DATABASE_URL=installed)


@pytest.fixture
async def c(installed: str) -> Any:
    async with staging.session(installed) as connection:
        yield connection


async def on_a_terminal(ingest: Ingest, *arguments: str, **settings: str) -> str:
    """Return what the command writes on a terminal of 80 columns."""
    return (await ingest.on_a_terminal(*arguments, columns=80, **settings)).out


async def failed(c: staging.Connection, uri: str, error: Any = None) -> uuid.UUID:
    """Have a request of one document fail on it."""
    request = await staging.start(c, [uri])
    fence = ([request], 0, await staging.own(c, request))
    rows = await c.fetch("select * from ingest_to_load($1::ingest_fence_v1)", fence)
    loaded = [(row["id"], row["read_seq"], *[None] * 7, error or BROKEN, *[None] * 3, 0.1, 2.5) for row in rows]
    await c.execute("select ingest_save_loaded($1::ingest_fence_v1, $2::ingest_loaded_v2[])", fence, loaded)
    await staging.settle(c, request)
    return request


async def test_the_beginning_of_an_id_will_do_for_every_verb(ingest: Ingest, c: staging.Connection) -> None:
    request = str(await staging.add(c))
    short = request[:8]
    assert (await ingest("status", short, "--json")).json["id"] == request
    assert (await ingest("cancel", f"{short}-…", "--json")).json == {"id": request, "status": "cancelled"}
    assert (await ingest("resume", short[:6], "--json")).json["id"] == request
    assert (await ingest("failures", short, "--json")).json == []
    assert (await ingest("retry", short)).code() == "wrong_state"
    assert (await ingest("fork", short)).code() in ("wrong_state", "not_started")


async def test_a_beginning_that_several_ids_have_is_an_error_that_lists_them(
    ingest: Ingest, c: staging.Connection
) -> None:
    for request in ALIKE:
        await staging.add(c, id=uuid.UUID(request))
    ended = await ingest("cancel", "abcd1234", "--json")
    assert (ended.status, ended.error["code"]) == (2, "ambiguous_id")
    assert all(request in ended.error["hint"] for request in ALIKE)
    assert await c.fetchval("select count(*) from ingest_requests where status = 'pending'") == 3
    assert (await ingest("cancel", ALIKE[1])).status == 0


async def test_a_list_is_kept_to_what_was_asked_for(ingest: Ingest, c: staging.Connection) -> None:
    old, new = [str(await staging.add(c, collection=name)) for name in ("old", "new")]
    await c.execute("set session_replication_role = replica")
    await c.execute("update ingest_requests set created_at = now() - interval '3 hours' where id = $1", old)
    for since in ("2h", "120 min", "yesterday"):
        found = {row["id"] for row in (await ingest("status", "--since", since, "--json")).json}
        assert found == ({new} if since != "yesterday" else {old, new})
    assert [row["id"] for row in (await ingest("status", "-c", "old", "--json")).json] == [old]
    ended = await ingest("status", "-c", "odl", "--json")
    assert (ended.error["code"], "new, old" in ended.error["hint"]) == ("unknown_collection", False)
    ended = await ingest("status", "--status", "done", "--json")
    assert "partially_succeeded" in ended.error["hint"]


async def test_a_list_on_a_terminal_fits_it(ingest: Ingest, c: staging.Connection) -> None:
    request = await staging.add(c, source="/srv/" + "folder/" * 20 + "end.pdf", collection="letters")
    shown = await on_a_terminal(ingest, "status", NO_COLOR="1")
    heading, line, *below = shown.splitlines()
    assert heading.split() == ["id", "status", "documents", "age", "took", "collection", "source"]
    assert line.startswith(f"{str(request)[:8]}  pending")
    assert line.rstrip().endswith("end.pdf")
    assert "waits for listener" in below[0]
    assert max(map(len, shown.splitlines())) <= 80


async def test_inventories_on_a_terminal_fit_it(ingest: Ingest, c: staging.Connection) -> None:
    uri = "file:///srv/" + "folder/" * 20 + "end.pdf"
    request = await failed(c, uri)
    heading, line, reason, *_ = (shown := await on_a_terminal(ingest, "documents", NO_COLOR="1")).splitlines()
    assert heading.split() == ["collection", "state", "chunks", "changed", "document"]
    assert line.split()[:2] == ["default", "failed"]
    assert line.endswith("end.pdf")
    assert reason.startswith("  broken: ")
    assert "end.pdf" in await on_a_terminal(ingest, "documents", "-c", "default", NO_COLOR="1")
    of_one = await on_a_terminal(ingest, "show", uri, NO_COLOR="1")
    assert f"{str(request)[:8]}  failed in load" in of_one
    for lines in (shown, await on_a_terminal(ingest, "collections", NO_COLOR="1"), of_one.partition("\n")[2]):
        assert max(map(len, lines.splitlines())) <= 80


async def test_adding_what_no_listener_may_read_says_so_and_names_their_roots(
    ingest: Ingest, c: staging.Connection
) -> None:
    await staging.add_listener(c, roots=["/srv/docs", "https://example.org/"])
    ended = await ingest("add", "/etc/motd", "s3://bucket/x", "/srv/docs/a")
    assert ended.status == 0
    first, second, third = ended.out.split()
    assert f"warning: no running listener may read /etc/motd: request {first[:8]} stays pending" in ended.err
    assert f"warning: no running listener may read s3://bucket/x: request {second[:8]} stays" in ended.err
    assert "/srv/docs, https://example.org/" in ended.err
    assert third[:8] not in ended.err
    assert await c.fetchval("select count(*) from ingest_requests where status = 'pending'") == 3


async def test_adding_while_no_listener_runs_says_how_to_start_one(ingest: Ingest, tmp_path: Path) -> None:
    (tmp_path / "a.md").touch()
    ended = await ingest("add", str(tmp_path / "a.md"))
    assert ended.status == 0
    assert f"note: no listener is running, so nothing begins; to start one: INGEST_ROOTS={tmp_path} ingest" in ended.err


async def test_adding_to_a_restored_database_says_what_nothing_begins_without(
    ingest: Ingest, c: staging.Connection
) -> None:
    await c.execute("select ingest_settle_in()")  # as a listener does that starts
    await c.execute("update ingest_installation set database_oid = 1")
    ended = await ingest("add", "/srv/docs")
    assert ended.status == 0
    assert "note: nothing begins: restored_database: it is another database" in ended.err
    assert ended.err.rstrip().endswith("to continue in it: ingest confirm-restore")


async def test_adding_a_scheme_that_nothing_reads_says_so(ingest: Ingest, c: staging.Connection) -> None:
    await staging.add_listener(c, roots=["/srv/docs"])
    ended = await ingest("add", "gopher://example.org/x")
    assert (
        "hint: Listeners may read: /srv/docs. To have it read, install a package that reads gopher: URLs" in ended.err
    )
    assert "INGEST_ROOTS" not in ended.err


@pytest.mark.long
async def test_a_wait_for_what_no_listener_may_read_ends_and_the_request_stays(
    ingest: Ingest, c: staging.Connection
) -> None:
    await staging.add_listener(c, roots=["/srv/docs"])
    ended = await ingest("add", "/etc/motd", "--wait")
    assert ended.status == 5
    assert "error: no_root: " in ended.err
    assert await c.fetchval("select status from ingest_requests") == "pending"


@pytest.mark.parametrize(
    "arguments", [["add", "/srv/a", "--wait"], ["status", "--status", "pending", "--watch"]], ids=["add", "status"]
)
async def test_a_signal_says_that_requests_go_on(ingest: Ingest, c: staging.Connection, arguments: list[str]) -> None:
    await staging.add(c)
    process = await ingest.start(*arguments)
    assert process.stdout
    await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    ended = await ingest.end(process)
    assert ended.status == 130
    assert "continue" in ended.err
    assert "ingest cancel" in ended.err


async def test_failures_are_those_of_now_and_with_all_also_what_was_mended(
    ingest: Ingest, c: staging.Connection
) -> None:
    request = await failed(c, "file:///a")
    await failed(c, "file:///b", {**BROKEN, "code": "no_text"})
    await staging.ingest(c, {"file:///a": "mended"})
    now = (await ingest("failures", "--json")).json
    assert [(row["uri"], row["failing_now"], row["duration"]) for row in now] == [("file:///b", True, 2.6)]
    every = (await ingest("failures", "--all", "--json")).json
    assert {row["uri"] for row in every} == {"file:///a", "file:///b"}
    assert (await ingest("failures", "--request", str(request)[:8], "--json")).json == []
    assert len((await ingest("failures", str(request), "--all", "--json")).json) == 1
    assert [row["uri"] for row in (await ingest("failures", "--code", "no_text", "--json")).json] == ["file:///b"]
    ended = await ingest("failures", "--code", "broken", "--json")
    assert (ended.status, ended.error["code"]) == (2, "no_such_failure")
    assert "no_text" in ended.error["hint"]


async def test_failures_on_a_terminal_are_grouped_by_code_with_an_example(
    ingest: Ingest, c: staging.Connection
) -> None:
    for n in range(3):
        await failed(c, f"file:///{n}", {**BROKEN, "media_type": "application/pdf"})
    await failed(c, "file:///x", {**BROKEN, "code": "no_text"})
    shown = (await on_a_terminal(ingest, "failures", NO_COLOR="1")).splitlines()
    assert shown[:4] == [
        "broken  3 documents in 3 requests, application/pdf", "  such as file:///2",
        "  it \\x1b[31mbroke", "  hint: mend it",
    ]  # fmt: skip
    assert shown[4].startswith("no_text  1 document")


async def test_slow_documents_come_first(ingest: Ingest, c: staging.Connection) -> None:
    await failed(c, "file:///slow")
    found = (await ingest("failures", "--slow", "--json")).json
    assert [(row["uri"], row["parse_seconds"], round(row["seconds"], 1)) for row in found] == [
        ("file:///slow", 2.5, 2.6)
    ]


async def test_a_search_marks_words_says_how_it_found_them_and_keeps_to_a_folder(
    ingest: Ingest, c: staging.Connection
) -> None:
    await staging.ingest(c, {"file:///a/1": "An invoice\nis paid.", "file:///b/2": "Invoices again."})
    await c.execute("delete from ingest_listeners")
    ended = await ingest("search", "invoices", "--under", "file:///a/")
    lines = ended.out.splitlines()
    assert lines[0] == "1. file:///a/1"
    assert "found by words (place 1)" in lines[1]
    assert lines[2:] == ["    An invoice", "    is paid."]
    assert "searched by words only: no listener is running" in ended.err
    (row,) = (await ingest("search", "invoices", "--under", "/b", "--json")).json
    assert (row["uri"], row["by"], row["words_place"], row["vector_place"]) == (
        "file:///b/2",
        "words_no_vector",
        1,
        None,
    )
    assert "\x1b[1minvoice\x1b[0m" in await on_a_terminal(ingest, "search", "invoices", "--by", "words")
    refused = await ingest("search", "invoices", "--by", "both")
    assert (refused.status, refused.code()) == (2, "no_listener")
    assert json.loads((await ingest("search", "invoices", "--by", "words", "--json")).out)


async def test_what_shows_nothing_in_a_text_is_not_shown(ingest: Ingest, c: staging.Connection) -> None:
    await staging.ingest(c, {"file:///a/1": "Donau\u00addampf\u200bschiff, an invo\u00adice, \u202e\x1b[2J."})
    seen = "Donaudampfschiff, an invoice, \\u202e\\x1b[2J."
    assert f"    {seen}" in (await ingest("search", "invoice", "--by", "words")).out.splitlines()
    assert f"    {seen}" in (await ingest("show", "file:///a/1")).out.splitlines()
    assert seen in (await ingest("show", "file:///a/1", "--text")).out.splitlines()


async def test_a_search_on_a_terminal_fits_it(ingest: Ingest, c: staging.Connection) -> None:
    text = "Each invoice is paid within a month, unless somebody has asked for more time. " * 4
    await staging.ingest(c, {"file:///srv/" + "folder/" * 20 + "end.md": text})
    shown = await on_a_terminal(ingest, "search", "invoice", "--by", "words", NO_COLOR="1")
    first, about, *excerpt = STYLE.sub("", shown).splitlines()
    assert first.startswith("1. file:///srv/folder/")
    assert first.endswith("end.md")
    assert about.startswith("    chunk 0 ")
    assert len(excerpt) > 3
    assert all(line.startswith("    ") for line in excerpt)
    assert max(map(len, [first, about, *excerpt])) <= 80 + len("****"), "where nothing is bold, marks take room"
    assert " ".join(" ".join(excerpt).split()).count("**invoice** is paid within a month") == 4


async def test_a_watch_says_what_is_missing_for_it_and_is_made(
    ingest: Ingest, c: staging.Connection, tmp_path: Path
) -> None:
    nowhere = tmp_path / "not here"
    made = await ingest("watch", str(nowhere), "--name", "docs", "--on-change")
    assert (made.status, made.out) == (0, "docs\n")
    assert "warning: no listener is running" in made.err
    assert f"warning: {nowhere} does not exist" in made.err
    assert "hint: start one: ingest listen" in made.err
    await staging.add_listener(c, roots=["/srv/other"])
    nowhere.mkdir()
    elsewhere = await ingest("watch", str(nowhere), "--name", "docs", "--every", "1h", "-o", "include=*.md")
    assert f"warning: no running listener may read {nowhere}" in elsewhere.err
    assert "Listeners may read: /srv/other." in elsewhere.err
    assert "does not exist" not in elsewhere.err
    assert "note: docs is changed: schedule was on change, is every 01:00:00" in elsewhere.err
    assert 'note: docs is changed: options was none, is {"include": "*.md"}' in elsewhere.err
    again = await ingest("watch", str(nowhere), "--name", "docs", "--every", "1h", "-o", "include=*.md")
    assert "changed" not in again.err


async def test_watches_on_a_terminal_fit_it(ingest: Ingest, c: staging.Connection) -> None:
    source = "/srv/" + "folder/" * 20 + "end"
    await c.execute("select ingest_watch($1, every => '1 hour')", source)
    await c.execute(
        "select ingest_watch('/srv/b', cron => '30 2 * * mon-fri', time_zone => 'Europe/Berlin', name => 'b')"
    )
    await c.execute("select ingest_pause_watch('b')")
    shown = await on_a_terminal(ingest, "watches", NO_COLOR="1")
    heading = shown.splitlines()[0]
    assert heading.split() == ["schedule", "state", "succeeded", "next", "name"]
    assert "never" in shown
    assert "listener: none is running" in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 80
    assert f"default:{source}" in "".join(line.strip() for line in shown.splitlines())
    assert "paused" in shown
    piped = (await ingest("watches")).out.splitlines()
    assert piped[0].split("\t") == ["name", "schedule", "succeeded", "next", "state"]


async def test_watches_show_what_a_look_that_is_no_failure_left_to_do(ingest: Ingest, c: staging.Connection) -> None:
    await staging.add_listener(c, roots=["/srv"])
    await c.execute("select ingest_watch('/srv/b', every => '1 hour', name => 'b')")
    noted = {"code": "too_many_gone", "message": "80 % are there no more", "hint": "Is it mounted?"}
    await c.execute("update ingest_watch_store set next_at = now() + interval '1 hour', error = $1", noted)
    shown = " ".join((await on_a_terminal(ingest, "watches", NO_COLOR="1")).split())
    assert "waiting" in shown
    assert "too_many_gone: 80 % are there no more hint: Is it mounted?" in shown
    assert "too_many_gone: 80 % are there no more" in (await ingest("watches")).out
    await staging.add(c, source="/elsewhere/a.md")
    (work,) = (one for one in (await ingest("doctor", "--json")).json["checks"] if one["name"] == "work")
    assert work["state"] == "warning"
    assert "that contains /elsewhere/a.md" in work["message"]
    assert 'watch "b": too_many_gone' in work["message"]


async def test_a_table_is_no_source_of_a_watch(ingest: Ingest, c: staging.Connection) -> None:
    refused = await ingest("watch", "table:articles", "--every", "10m")
    assert (refused.status, refused.code()) == (2, "table_source")
    assert "ingest_watch_table" in refused.err
    assert await c.fetchval("select count(*) from ingest_watches") == 0
