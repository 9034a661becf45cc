"""The verbs of the inventory as people and scripts call them; documents are made by SQL, no listener runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ingest_command import Ingest
from roles import new_roles
from staging import Connection, add_listener, carry, collection, ingest, own, session, settle, start

import listener
from listener import embedded

ERROR = {"code": "no_text", "message": "m", "hint": "h", "step": "load", "retryable": False}


@pytest.fixture
async def c(installed: str) -> AsyncIterator[Connection]:
    """A session in ``installed``."""
    async with session(installed) as connection:
        yield connection


@pytest.fixture
def call(tmp_path: Path, installed: str) -> Ingest:
    return Ingest(tmp_path, INGEST_DATABASE_URL=installed)


async def failing(c: Connection, uri: str, **columns: Any) -> object:
    """Have a request fail as a whole, and one document in it."""
    request = await start(c, [uri], **columns)
    await own(c, request)
    await c.execute("update ingest_revisions set state = 'failed', error = $2 where request_id = $1", request, ERROR)
    assert await settle(c, request) == "failed"
    return request


async def test_collections_documents_and_one_document_are_shown(c: Connection, call: Ingest) -> None:
    await ingest(c, {"file:///srv/a%20b.md": "The vents open.\nBelow, they close.", "x": "two"}, collection="house")
    await failing(c, "bad\n\x1b[31mname", collection="house")

    ended = await call("collections")
    header, *lines = ended.out.splitlines()
    assert header.split("\t")[:3] == ["collection", "documents", "chunks"]
    assert [line.split("\t")[:5] for line in lines] == [
        ["default", "0", "0", "0 B", "0"], ["house", "2", "2", "37 B", "1"],
    ]  # fmt: skip
    (held,) = [one for one in (await call("collections", "--json")).json if one["collection"] == "house"]
    assert (held["documents"], held["failing"], held["settings"]["chunk_size"]) == (2, 1, 1000)
    assert "chunk_size          1000" in (await call("collections", "house")).out

    ended = await call("documents", "house")
    assert len(ended.out.splitlines()) == 4
    assert "\x1b" not in ended.out
    assert "bad\\n\\x1b[31mname\tno_text: m" in ended.out
    (failed,) = (await call("documents", "--failed", "--json")).json
    assert (failed["collection"], failed["state"], failed["code"]) == ("house", "failed", "no_text")
    (found,) = (await call("documents", "house", "--under", "/srv/a b", "--json")).json
    assert found["uri"] == "file:///srv/a%20b.md"
    ended = await call("documents", "house", "-n", "1")
    assert "--after" in ended.err
    after = await call("documents", "house", "--after", "file:///srv/a%20b.md", "--json")
    assert [one["uri"] for one in after.json] == ["x"]

    ended = await call("show", "/srv/a b.md", "-c", "house")
    assert (ended.status, ended.err) == (0, "")
    assert "state               live" in ended.out
    shown = (await call("show", "/srv/a b.md", "-c", "house", "--json")).json
    assert (shown["state"], shown["text"]) == ("live", "The vents open.\nBelow, they close.")
    assert [piece["ordinal"] for piece in shown["pieces"]] == [0]
    assert [attempt["is_live"] for attempt in shown["attempts"]] == [True]
    text = await call("show", "/srv/a b.md", "-c", "house", "--text")
    assert text.out == "The vents open.\nBelow, they close.\n"


async def test_what_is_not_there_is_refused_with_a_code(call: Ingest) -> None:
    for arguments, code in (
        (["show", "nothing"], "unknown_document"),
        (["show", "nothing", "-c", "nowhere"], "unknown_collection"),
        (["documents", "nowhere"], "unknown_collection"),
        (["collections", "nowhere"], "unknown_collection"),
        (["documents", "--after", "x"], "usage"),
        (["documents", "-n", "0"], "usage"),
        (["delete"], "usage"),
        (["delete", "x", "--under", "y"], "usage"),
        (["delete", "--under", ""], "empty_prefix"),
        (["delete", "nothing", "--yes"], "unknown_document"),
        (["delete", "x", "-c", "nowhere", "--yes"], "unknown_collection"),
        (["retry"], "usage"),
        (["retry", "--failed"], "usage"),
        (["retry", "--since", "2h"], "usage"),
        (["retry", "--failed", "--since", "whenever"], "wrong_since"),
        (["usage", "--since", "2 potatoes"], "wrong_since"),
        (["usage", "--by", "minute"], "usage"),
    ):
        ended = await call(*arguments, "--json")
        assert (ended.status, ended.error["code"]) == (2, code), arguments


async def test_delete_says_how_many_and_wants_a_yes(c: Connection, call: Ingest) -> None:
    await ingest(c, {f"old/{n}": f"text {n}" for n in range(3)} | {"kept": "kept"})
    ended = await call("delete", "--under", "old/", "--json")
    assert (ended.status, ended.error["code"]) == (2, "not_confirmed")
    assert "3 documents" in ended.error["message"]
    assert await c.fetchval("select count(*) from ingest_documents") == 4
    ended = await call("delete", "old/0", "gone", "--yes")
    assert ended.code() == "unknown_document"
    assert (await call("delete", "old/0", "old/0", "--yes", "--json")).json == {"collection": "default", "deleted": 1}
    ended = await call("delete", "--under", "old/", "--yes")
    assert ended.out == "2 deleted\n"
    assert "deleting 2 documents" in ended.err
    assert (await call("delete", "--under", "old/", "--yes", "--json")).json["deleted"] == 0
    assert [row["uri"] for row in await c.fetch("select uri from ingest_documents")] == ["kept"]


async def test_all_that_failed_since_a_time_is_retried_and_what_is_refused_named(c: Connection, call: Ingest) -> None:
    first = await failing(c, "x", dedupe_key="k")
    second = await failing(c, "y")
    long_ago = await failing(c, "z")
    elsewhere = await failing(c, "w", collection="other")
    await c.execute("select ingest_as_system()")
    async with c.transaction():
        await c.execute("alter table ingest_requests disable trigger user")
        await c.execute(
            "update ingest_requests set created_at = now() - interval '2 days', started_at = now() - interval '2 days',"
            " finished_at = now() - interval '1 day' where id = $1", long_ago,
        )  # fmt: skip
        await c.execute("alter table ingest_requests enable trigger user")
    await c.execute("insert into ingest_requests (source, dedupe_key) values ('/a', 'k')")

    ended = await call("retry", "--failed", "--since", "2h", "-c", "default", "--json")
    assert ended.status == 2
    assert [row["id"] for row in ended.json["retried"]] == [str(second)]
    assert [(row["id"], row["code"]) for row in ended.json["refused"]] == [(str(first), "dedupe_key_taken")]
    assert "2 requests failed since then" in ended.err
    ended = await call("retry", "--failed", "--since", "yesterday", "-c", "other")
    assert (ended.status, ended.out) == (0, f"{elsewhere} pending\n1 retried\n")
    ended = await call("retry", "--failed", "--since", "2 hours", "-c", "other", "--json")
    assert (ended.status, ended.json) == (0, {"retried": [], "refused": []})


async def test_usage_is_shown_by_day_and_month_and_outlives_what_it_was_for(c: Connection, call: Ingest) -> None:
    request = await start(c, ["x"])
    owner = await own(c, request)
    note = "select ingest_note_embedded($1::ingest_fence_v1, $2::ingest_count_v1[])"
    await c.execute(note, ([request], 0, owner), [(request, 1, 3, 120)])
    await settle(c, request, "cancelled", {"code": "cancelled"})
    await c.execute("delete from ingest_requests")
    await c.execute(
        "insert into ingest_usage (at, tenant, collection, space_id, texts, tokens) values"
        " ('2026-01-02', '', 'default', 1, 10, 1000), ('2026-01-03', '', 'default', 1, 10, 1000)"
    )
    today = datetime.now(timezone.utc).date().isoformat()
    found = [(one["period"], one["texts"], one["tokens"]) for one in (await call("usage", "--json")).json]
    assert found == [(today, 3, 120), ("2026-01-03", 10, 1000), ("2026-01-02", 10, 1000)]
    ended = await call("usage", "--by", "month")
    assert ended.out.splitlines()[-1] == "2026-01\tdefault\ttest test\t20\t2000"
    assert [one["tokens"] for one in (await call("usage", "--since", "3d", "--json")).json] == [120]
    assert [one["tokens"] for one in (await call("usage", "--by", "all", "--json")).json] == [2120]
    assert (await call("usage", "-c", "nowhere", "--json")).json == []


async def test_a_role_sees_what_it_may(c: Connection, call: Ingest, installed: str) -> None:
    await ingest(c, {"x": "one"}, collection="a")
    await ingest(c, {"y": "two"}, collection="b")
    async with new_roles(c, 3) as (searcher, operator, submitter):
        await c.execute("select ingest_grant($1::name, 'searcher', 'a')", searcher)
        await c.execute("select ingest_grant($1::name, 'operator', 'a')", operator)
        await c.execute("select ingest_grant($1::name, 'submitter', 'a')", submitter)

        def by(role: str) -> Ingest:
            return Ingest(
                call.folder, INGEST_DATABASE_URL=installed.replace(f"//{embedded.server.SUPERUSER}@", f"//{role}@")
            )

        assert [one["collection"] for one in (await by(searcher)("collections", "--json")).json] == ["a"]
        assert [one["uri"] for one in (await by(searcher)("documents", "--json")).json] == ["x"]
        assert (await by(searcher)("show", "x", "-c", "a", "--json")).json["text"] == "one"
        assert (await by(searcher)("show", "y", "-c", "b")).code() == "not_granted"
        assert (await by(searcher)("documents", "b")).code() == "not_granted"
        assert (await by(searcher)("delete", "x", "-c", "a", "--yes")).code() == "not_permitted"
        assert (await by(searcher)("usage")).code() == "not_permitted"

        ended = await by(operator)("show", "x", "-c", "a")
        assert "text and chunks: not visible to this role" in ended.out
        assert (await by(operator)("delete", "y", "-c", "b", "--yes")).code() == "not_granted"
        assert (await by(operator)("usage", "--json")).json == []

        (held,) = (await by(submitter)("collections", "--json")).json
        assert (held["collection"], held["documents"]) == ("a", None)
        assert (await by(submitter)("documents")).code() == "not_permitted"


async def test_python_pages_through_documents(c: Connection, installed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await ingest(c, {f"doc/{n:02}": f"text {n}" for n in range(7)})
    monkeypatch.setattr("listener.client.inventory.PAGE", 3)
    async with listener.connect(installed) as client:
        uris = [one.uri async for one in client.every_document(under="doc/")]
        assert uris == [f"doc/{n:02}" for n in range(7)]
        assert await client.delete_under("doc/") == 7
        assert await client.failed_requests(timedelta(hours=1)) == []
        assert await client.failed_requests(datetime.now(timezone.utc)) == []


async def test_uninstall_refuses_under_a_listener_that_lives(c: Connection, call: Ingest) -> None:
    await add_listener(c)
    ended = await call("uninstall", "--yes", "--json")
    assert (ended.status, ended.error["code"]) == (5, "listeners_run")
    assert "L1 (host here, process 1)" in ended.error["message"]
    assert await c.fetchval("select count(*) from ingest_requests") == 0
    await c.execute("update ingest_listeners set dead_at = now()")
    await add_listener(c, "L2")
    await c.close()
    assert (await call("uninstall", "--yes", "--force")).status == 0
    assert (await call("uninstall", "--yes", "--json")).json["statements"] == []


async def test_psql_shows_errors_without_the_functions_that_they_passed(call: Ingest) -> None:
    ended = await call("psql", "-X", stdin=b"insert into ingest_requests (source) values ('docs/a.md');")
    assert "relative path" in ended.err
    assert "CONTEXT" not in ended.err
    assert "HINT" in ended.err
    ended = await call("psql", "-X", "-At", "-v", "SHOW_CONTEXT=always", "-c", "select 1")
    assert ended.out == "1\n"


@pytest.mark.long
async def test_migrate_prints_a_line_and_all_files_when_asked(tmp_path: Path, database: str) -> None:
    call = Ingest(tmp_path, INGEST_DATABASE_URL=database)
    ended = await call("migrate")
    assert (ended.status, len(ended.out.splitlines())) == (0, 1)
    assert "SQL files applied: schema" in ended.out
    async with session(database) as connection:
        await connection.execute("delete from ingest_migrations where name like 'ingest%'")
    ended = await call("migrate", "--verbose")
    assert "ingest_add.sql" in ended.out.splitlines()


async def test_doctor_has_no_problem_with_an_application_s_role(own: Connection, ready: str, tmp_path: Path) -> None:
    async with new_roles(own, 1) as (role,):
        for kind in ("submitter", "searcher"):
            await own.execute("select ingest_grant($1::name, $2)", role, kind)
        url = ready.replace(f"//{embedded.server.SUPERUSER}@", f"//{role}@")
        ended = await Ingest(tmp_path, INGEST_DATABASE_URL=url)("doctor", "--json", INGEST_ROOTS=str(tmp_path))
        checks = {one["name"]: one for one in ended.json["checks"]}
        assert {name: one["state"] for name, one in checks.items() if one["state"] == "problem"} == {}
        for name in ("dbos", "listeners", "services"):
            assert checks[name]["message"] == "not visible to this role"
        assert ended.status == 0


async def test_doctor_says_which_own_steps_are_here_and_which_a_collection_lacks(
    own: Connection, ready: str, tmp_path: Path
) -> None:
    await collection(own, "docs", steps=[{"name": "redact"}, {"name": "whisper"}])

    async def said() -> dict[str, tuple[str, str]]:
        ended = await Ingest(tmp_path, INGEST_DATABASE_URL=ready)("doctor", "--json", INGEST_ROOTS=str(tmp_path))
        return {one["name"]: (one["state"], one["message"]) for one in ended.json["checks"]}

    found = await said()
    assert found["own steps"] == ("ok", "contextual 1; redact 2")
    assert found["steps"] == ("ok", "redact (no listener runs); whisper (no listener runs)")
    await add_listener(own)
    steps = {"redact": {"version": "1", "place": "document", "paid": False, "options": {}}}
    await own.execute("select ingest_tell_steps('L1', $1)", steps)
    assert (await said())["steps"] == ("problem", "docs, whisper: no running listener has it")


async def test_carried_documents_of_a_request_that_runs_are_shown_on_their_way(c: Connection, call: Ingest) -> None:
    request = await start(c, ["x"])
    await carry(c, request, "chunked")
    assert (await call("show", "x", "--json")).json["state"] == "chunked"
