"""However a word came in, after ingest_forget no dump has it, nor have the planner's samples; it does not come back."""

from __future__ import annotations

import asyncio
import subprocess
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ingest_command import Ingest
from listener_process import ListenerProcess
from pipeline import ended, ingested, until
from staging import Connection, add

from listener import connect
from listener.embedded import Server
from listener.errors import RequestError, WaitTimeoutError

OPEN = "select count(*) from ingest_forgettings() where done_at is null"


@pytest.fixture
def word() -> str:
    return f"zyzzyva{uuid.uuid4().hex[:8]}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def forgetful(ready: str, tmp_path: Path, root: Path, listeners: list[ListenerProcess]) -> Iterator[ListenerProcess]:
    """A listener in this test's own database."""
    process = ListenerProcess(ready, tmp_path, roots=root, heartbeat_seconds=0.2, lease_seconds=1.0)
    listeners.append(process)
    yield process.ready()
    assert " ERROR " not in process.log()


async def places_of(server: Server, dsn: str, c: Connection, word: str) -> list[str]:
    """Return where a word stands: lines of a dump of everything, and columns that the planner has samples of."""
    command = [str(server.programs / "bin" / "pg_dump"), f"--dbname={dsn}", "--inserts"]
    dump = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    lines = [
        line[:300]
        for line in dump.stdout.splitlines()
        if word in line and not line.startswith("INSERT INTO public.articles ")
    ]
    sampled = await c.fetch(
        "select starelid::regclass || '.' || staattnum as place from pg_statistic s where position($1 in s::text) > 0"
        " and starelid::regclass::text not like 'articles%'",
        word,
    )
    return lines + [row["place"] for row in sampled]


async def forgotten(c: Connection, **arguments: str) -> None:
    """Forget something, and wait until a listener has carried it out."""
    named = ", ".join(f"{name} => ${place}" for place, name in enumerate(arguments, 1))
    await c.execute(f"select ingest_forget({named})", *arguments.values())
    await until(lambda: nothing_open(c))


async def nothing_open(c: Connection) -> bool:
    return bool(await c.fetchval(OPEN) == 0)


async def test_a_word_that_came_in_every_way_is_in_no_dump_afterwards(
    server: Server, own: Connection, ready: str, forgetful: ListenerProcess, root: Path, word: str
) -> None:
    folder = root / word
    folder.mkdir()
    (folder / "a.md").write_text(f"# A {word}\n\nThe old {word}.")
    (root / "other.md").write_text("# Other\n\nNothing of interest here, but it stays.")
    with zipfile.ZipFile(folder / "box.zip", "w") as box:
        box.writestr(f"{word}.md", f"In a box, a {word}.")
    (folder / "broken.pdf").write_text(f"no PDF, a {word}")
    tree = await add(own, source=str(root))
    inline = await add(own, content=f"Inline, a {word}.", uri=f"{word}/inline.md", metadata={"about": word})
    records = await add(
        own, content=f'{{"text": "first {word}"}}\n{{"text": "second"}}', media_type="application/jsonl",
        uri=f"{word}/r.jsonl",
        options={"record": {"text": "text"}},
    )  # fmt: skip
    rows = await ended(own, tree, inline, records)
    assert rows[0]["status"] == "partially_succeeded"
    (folder / "a.md").write_text(f"# A {word}\n\nThe new {word}, changed.")
    await ended(own, await add(own, source=str(root)))
    failed = await ingested(own, source=str(folder / "broken.pdf"))
    assert failed["status"] == "failed"
    await ended(own, await own.fetchval("select ingest_fork($1, 'save')", inline))
    await own.execute("create table articles (id text primary key, body text)")
    await own.execute("insert into articles values ('stays', 'y')")
    await own.execute(f"insert into articles values ('{word}', 'a {word} in a row')")
    await own.execute("select ingest_watch_table('articles', columns => '{body}')")
    await until(lambda: own.fetchval("select count(*) = 2 from ingest_documents where uri like 'table:%'"))
    await own.execute("call ingest_embed_query($1)", f"what is a {word}")
    await own.execute("analyze")
    assert len(await places_of(server, ready, own, word)) > 10

    uris = [
        row["uri"] for row in await own.fetch("select uri from ingest_documents where position($1 in uri) > 0", word)
    ]
    row_uri = next(uri for uri in uris if "articles" in uri)
    await forgotten(own, under=f"file://{folder}/", collection="default")
    await forgotten(own, under=f"{word}/", collection="default")
    await forgotten(own, uri=row_uri, collection="default")
    assert await places_of(server, ready, own, word) == []
    assert await own.fetchval("select count(*) from ingest_documents") == 2  # other.md and the row that stays
    again = await ingested(own, source=str(root))
    assert again["status"] == "succeeded"
    assert await own.fetchval("select count(*) from ingest_documents") == 2
    await own.execute("update articles set body = body || ', changed'")
    await until(lambda: own.fetchval("select count(*) = 1 from ingest_chunks where text like '%changed%'"))
    await forgotten(own, uri=row_uri, collection="default")  # the names that the look at the table left
    assert await places_of(server, ready, own, word) == []


@pytest.mark.long
async def test_work_that_is_held_with_a_text_in_memory_does_not_bring_it_back(
    server: Server, own: Connection, ready: str, forgetful: ListenerProcess, root: Path, word: str
) -> None:
    for name in (word, "else"):
        (root / f"{name}.md").write_text(f"About a {name}, at length.")
    forgetful.hold("before:embed", key=word)
    request = await add(own, source=str(root))
    await asyncio.to_thread(forgetful.held, "before:embed", word)
    await own.execute("select ingest_forget(uri => $1, collection => 'default')", f"file://{root}/{word}.md")
    forgetful.go()
    (row,) = await ended(own, request)
    assert (row["status"], row["documents_done"], row["documents_total"]) == ("succeeded", 1, 1)
    await until(lambda: nothing_open(own))
    assert await places_of(server, ready, own, word) == []


@pytest.mark.long
async def test_a_killed_listeners_work_goes_on_without_what_was_forgotten(
    server: Server, own: Connection, ready: str, forgetful: ListenerProcess, root: Path, word: str, tmp_path: Path,
    listeners: list[ListenerProcess],
) -> None:  # fmt: skip
    for name in (word, "else"):
        (root / f"{name}.md").write_text(f"About a {name}, at length.")
    forgetful.hold("before:embed", key=word)
    request = await add(own, source=str(root))
    await asyncio.to_thread(forgetful.held, "before:embed", word)
    forgetful.kill()
    await own.execute("select ingest_forget(uri => $1, collection => 'default')", f"file://{root}/{word}.md")
    second = ListenerProcess(ready, tmp_path / "second", roots=root, heartbeat_seconds=0.2, lease_seconds=1.0)
    listeners.append(second)
    second.ready()
    (row,) = await ended(own, request)
    assert (row["status"], row["documents_done"]) == ("succeeded", 1)
    await until(lambda: nothing_open(own))
    assert second.embedded(word) == []
    assert await places_of(server, ready, own, word) == []


async def test_an_inline_request_that_runs_is_stopped_and_gone(
    server: Server, own: Connection, ready: str, forgetful: ListenerProcess, word: str
) -> None:
    await ingested(own, content="something else", uri="else")
    forgetful.hold("before:embed", key=word)
    await add(own, content=f"Inline, a {word}.", uri=word)
    await asyncio.to_thread(forgetful.held, "before:embed", word)
    await own.execute("select ingest_forget(uri => $1, collection => 'default')", word)
    forgetful.go()
    await until(lambda: nothing_open(own))
    assert await places_of(server, ready, own, word) == []
    assert await own.fetchval("select count(*) from dbos.workflow_status where status = 'PENDING'") == 0
    assert (await ingested(own, content="and on", uri="on"))["status"] == "succeeded"


@pytest.mark.long
async def test_deleted_requests_leave_nothing_in_dbos_and_a_kept_one_is_retried_without_its_workflows(
    own: Connection, forgetful: ListenerProcess, root: Path
) -> None:
    gone = await ingested(own, content="x", uri="x")
    (root / "broken.pdf").write_text("no PDF")
    (root / "fine.md").write_text("Fine.")
    kept = await ingested(own, source=str(root))
    assert kept["status"] == "partially_succeeded"
    await own.execute("delete from ingest_requests where id = $1", gone["id"])
    await own.execute("insert into ingest_left_workflows values ($1)", kept["id"])
    known = "select count(*) from dbos.workflow_status"
    await until(lambda: own.fetchval(f"select ({known}) = 0"))
    for table in ("workflow_input", "workflow_output", "operation_outputs"):
        assert await own.fetchval(f"select count(*) from dbos.{table}") == 0
    (root / "broken.pdf").unlink()
    (root / "broken.pdf").write_bytes((Path(__file__).parents[1] / "documents" / "handbook.pdf").read_bytes())
    await own.execute("select ingest_retry($1)", kept["id"])
    (row,) = await ended(own, kept["id"])
    assert row["status"] == "succeeded"


@pytest.mark.long
async def test_the_command_says_how_much_and_waits_until_it_is_gone(
    server: Server, own: Connection, ready: str, forgetful: ListenerProcess, word: str, tmp_path: Path
) -> None:
    await ingested(own, content=f"A {word}.", uri=f"{word}/a.md")
    await ingested(own, content="Stays.", uri="stays")
    call = Ingest(tmp_path, INGEST_DATABASE_URL=ready)
    refused = await call("forget", "--under", f"{word}/", "-c", "default")
    assert (refused.status, refused.code()) == (2, "not_confirmed")
    assert "1 documents, 1 revisions, 1 chunks, 1 requests" in refused.err
    done = await call("forget", "--under", f"{word}/", "-c", "default", "--yes")
    assert (done.status, done.out.splitlines()[0]) == (0, "documents: 1 removed"), done.err
    assert await places_of(server, ready, own, word) == []
    back = await call("let-back", f"{word}/a.md", "--json")
    assert back.json["was_kept_out"] is True
    for arguments, code in (
        (["x"], "usage"),
        (["x", "-c", "a", "--tenant", "b"], "usage"),
        (["x", "--under", "y", "-c", "a"], "usage"),
        (["--under", "", "-c", "a"], "empty_prefix"),
        (["nothing", "-c", "default", "--yes"], "unknown_document"),
    ):
        assert (await call("forget", *arguments)).code() == code, arguments


async def test_a_program_forgets_and_lets_back(own: Connection, ready: str, forgetful: ListenerProcess) -> None:
    await ingested(own, content="One.", uri="a")
    async with connect(ready) as ingest:
        there = await ingest.would_forget(uri="a", collection="default")
        removed = {one.what: one.removed for one in await ingest.forget(uri="a", collection="default", wait_seconds=30)}
        assert {what: removed[what] for what in there} == there
        assert there["documents"] == 1
        assert await ingest.let_back("a") is True
        with pytest.raises(RequestError) as refused:
            await ingest.forget(uri="nothing", collection="default")
        assert refused.value.code == "unknown_document"


async def test_a_program_waits_for_its_own_order_and_an_error_names_that(own: Connection, ready: str) -> None:
    for uri in ("a", "theirs"):
        await add(own, content="x", uri=uri)
    theirs = await own.fetchval("select max(order_id) from ingest_forget(uri => 'theirs', collection => 'default')")
    async with connect(ready) as ingest:
        waiting = asyncio.create_task(ingest.forget(uri="a", collection="default", wait_seconds=30))
        await until(lambda: own.fetchval("select count(*) = 2 from ingest_forgettings()"))
        mine = await own.fetchval("select max(id) from ingest_forgettings()")
        await own.execute("select ingest_end_forgetting(array[$1::bigint])", mine)
        removed = {one.what: one.removed for one in await waiting}
        assert removed["requests"] == 1
        later = await own.fetchval("select max(order_id) from ingest_forget(uri => 'a', collection => 'default')")
        with pytest.raises(WaitTimeoutError, match=f"order {theirs} had not") as late:
            await ingest.forget(uri="theirs", collection="default", wait_seconds=0)
        assert (late.value.code, later > mine > theirs) == ("not_forgotten", True)


async def test_the_same_command_again_goes_on_with_an_open_order(
    own: Connection, ready: str, word: str, tmp_path: Path
) -> None:
    await add(own, content="x", uri=f"{word}/a.md")
    call = Ingest(tmp_path, INGEST_DATABASE_URL=ready)
    command = ("forget", "--under", f"{word}/", "-c", "default", "--may-return", "--timeout", "1")
    for _ in range(2):
        assert (await call(*command, "--yes")).code() == "not_forgotten"
    refused = await call(*command)
    assert (refused.code(), "what may be left" in refused.err) == ("not_confirmed", True)


async def test_how_much_there_is_is_counted_only_to_ask(own: Connection, ready: str, tmp_path: Path) -> None:
    await add(own, content="x", uri="a")
    call = Ingest(tmp_path, INGEST_DATABASE_URL=ready)
    asked = await call("forget", "a", "-c", "default", "--timeout", "0", "--show-sql")
    assert ("ingest_would_forget" in asked.err, "ingest_forget(" in asked.err) == (True, False)
    done = await call("forget", "a", "-c", "default", "--timeout", "0", "--show-sql", "--yes")
    assert ("ingest_would_forget" in done.err, "ingest_forget(" in done.err) == (False, True), done.err
