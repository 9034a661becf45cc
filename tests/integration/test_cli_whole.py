"""``ingest`` from an empty database to search results: quickstart, migrate, listen, uninstall."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest
import staging
from ingest_command import Ingest

from listener import embedded

TEXTS = {"cats.md": "# Cats\n\nKittens and cats purr.\n", "money.txt": "Invoices are paid within thirty days.\n"}
SOON = {"INGEST_HEARTBEAT_SECONDS": "0.2", "INGEST_LEASE_SECONDS": "1", "INGEST_PARSE_WORKERS": "1"}


@pytest.fixture
def ingest(tmp_path: Path, database: str) -> Ingest:
    folder = tmp_path / "documents"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    return Ingest(tmp_path, INGEST_DATABASE_URL=database, **SOON)


async def test_quickstart_ingests_a_folder_on_a_server_of_its_own(tmp_path: Path, data_dir: Path) -> None:
    ingest = Ingest(tmp_path, INGEST_DATA_DIR=str(data_dir), INGEST_PARSE_WORKERS="1")
    ingest.executed = True
    (tmp_path / "cats.md").write_text(TEXTS["cats.md"])
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    ended = await ingest("quickstart", ".", "--search", "a feline pet")
    assert ended.status == 0, ended.err
    for line in (
        f"values ('{tmp_path}', 'default', 'quickstart:{tmp_path}')",
        f"file://{tmp_path}/cats.md  1 chunk  Cats",
        f"failed: file://{tmp_path}/picture.png",
        "unsupported: ",
        'Search for "a feline pet":',
    ):
        assert line in ended.out
    await the_lines_at_the_end_can_be_pasted(ended.out, ingest)
    assert (await ingest("stop", "--json")).json == {"stopped": True}
    assert (await ingest("stop", "--json")).json == {"stopped": False}


async def the_lines_at_the_end_can_be_pasted(out: str, ingest: Ingest) -> None:
    psql, *statements = [line[2:] for line in out.partition("Go on in psql:\n")[2].partition("\n\n")[0].splitlines()]
    assert len(statements) == 4
    process = await asyncio.create_subprocess_shell(
        f"{psql} -v ON_ERROR_STOP=1 -At", cwd=ingest.folder, env=ingest.environment,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    told, _ = await process.communicate("\n".join(statements).encode())
    assert process.returncode == 0
    assert "cats.md|Cats|1" in told.decode()
    watch = out.partition("Keep it in sync from then on, deletions too:\n")[2].splitlines()[0]
    assert watch.endswith(f" watch {ingest.folder} -c default --on-change")


@pytest.mark.long
async def test_a_second_quickstart_skips_what_did_not_change(ingest: Ingest) -> None:
    first = (await ingest("quickstart", "documents", "--json")).json
    assert first["request"]["documents_done"] == 2
    assert {row["title"] for row in first["documents"]} >= {"Cats"}
    assert first["search"]["results"][0]["uri"] == f"file://{ingest.folder}/documents/cats.md"
    (ingest.folder / "documents" / "new.md").write_text("# New\n\nJust written.\n")
    second = (await ingest("quickstart", "documents", "--json")).json
    assert (second["request"]["documents_done"], second["request"]["documents_skipped"]) == (1, 2)


@pytest.mark.long
async def test_a_quickstart_that_was_killed_is_finished_by_the_next(ingest: Ingest, database: str) -> None:
    for number in range(400):
        (ingest.folder / "documents" / f"{number}.md").write_text(f"# Page {number}\n\nText of {number}.\n" * 5)
    killed = await ingest.start("quickstart", "documents")
    assert killed.stdout
    while not (await killed.stdout.readline()).startswith(b"running"):
        assert killed.returncode is None
    killed.kill()
    await ingest.end(killed)
    ended = await ingest("quickstart", "documents")
    assert ended.status == 0, ended.err
    assert "of an earlier run is unfinished: this listener continues it first" in ended.out
    async with staging.session(database) as connection:
        rows = await connection.fetch("select status from ingest_requests order by created_at")
        documents = await connection.fetchval("select count(*) from ingest_documents where revision_id is not null")
    assert [row["status"] for row in rows] == ["succeeded", "succeeded"]
    assert documents == 402


@pytest.mark.long
@pytest.mark.parametrize("killed", [("quickstart",), ("server",), ("quickstart", "server")], ids="+".join)
async def test_a_quickstart_starts_again_with_its_data_whatever_was_killed(
    tmp_path: Path, data_dir: Path, killed: tuple[str, ...]
) -> None:
    ingest = Ingest(tmp_path, INGEST_DATA_DIR=str(data_dir), **SOON)
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "cats.md").write_text(TEXTS["cats.md"])
    assert (await ingest("quickstart", "first")).status == 0
    (tmp_path / "many").mkdir()
    for number in range(400):
        (tmp_path / "many" / f"{number}.md").write_text(f"# Page {number}\n\nText of {number}.\n" * 5)
    process = await ingest.start("quickstart", "many")
    assert process.stdout
    while not (await process.stdout.readline()).startswith(b"running"):
        assert process.returncode is None
    if "server" in killed:
        home = (await embedded.start(data_dir)).home  # attaches
        for pid in (pid for group in home.processes() for pid in group):
            os.kill(pid, signal.SIGKILL)
    process.kill()  # the one that lost its server waits for it
    await ingest.end(process)
    ended = await ingest("quickstart", "many")
    assert ended.status == 0, ended.err
    async with staging.session((await embedded.start(data_dir)).dsn("ingest")) as connection:
        rows = await connection.fetch("select status, documents_done from ingest_requests order by created_at")
        live = "select count(*), count(distinct uri) from ingest_chunks"
        assert [tuple(row) for row in rows[:2]] == [("succeeded", 1), ("succeeded", 400)]
        assert {row["status"] for row in rows} == {"succeeded"}
        assert tuple(await staging.one(connection, live)) == (401, 401)
    assert (await ingest("search", "cats", "--json", "-k", "1")).json[0]["title"] == "Cats"  # by words: none listens


@pytest.mark.long
async def test_a_quickstart_on_one_document_ingests_only_that(ingest: Ingest) -> None:
    ended = (await ingest("quickstart", "documents/money.txt", "--json")).json
    assert [row["uri"] for row in ended["documents"]] == [f"file://{ingest.folder}/documents/money.txt"]


async def test_migrate_may_be_repeated_and_uninstall_leaves_nothing(ingest: Ingest) -> None:
    applied = (await ingest("migrate", "--json")).json["applied"]
    assert "ingest_add.sql" in applied
    assert (await ingest("migrate", "--json")).json["applied"] == []
    assert (await ingest("doctor", INGEST_FILE_ROOTS=str(ingest.folder))).status == 0
    assert (await ingest("uninstall", "--yes", "--json")).json["statements"]
    assert (await ingest("uninstall", "--yes", "--json")).json["statements"] == []
    assert (await ingest("status")).code() == "schema_not_migrated"


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.long), signal.SIGTERM])
async def test_a_listener_says_when_it_is_ready_and_stops_in_good_order(ingest: Ingest, number: signal.Signals) -> None:
    ingest.executed = number == signal.SIGINT  # each verb imports what it needs
    await ingest("migrate")
    listener = await ingest.start("listen", "--json", INGEST_FILE_ROOTS=f"{ingest.folder}/documents")
    assert listener.stderr
    messages = [""]
    while not messages[-1].startswith("listening on "):
        messages.append(json.loads(await listener.stderr.readline())["message"])
    assert f"16 places, roots {ingest.folder}/documents" in messages[-1]
    ended = await ingest("add", "documents", "--wait", "--json")
    assert (ended.status, ended.json[0]["documents_done"]) == (0, 2)
    found = await ingest("search", "a feline pet", "--json", "-k", "1")
    assert [row["title"] for row in found.json] == ["Cats"]
    listener.send_signal(number)
    ended = await ingest.end(listener)
    assert ended.status == 0
    assert [json.loads(line)["message"] for line in ended.err.splitlines()][-1] == "stopped"


async def test_a_listener_without_our_tables_says_to_migrate(ingest: Ingest) -> None:
    ended = await ingest("listen")
    assert (ended.status, ended.code()) == (5, "schema_not_migrated")


async def test_a_listener_waits_for_the_database_as_long_as_it_is_told(ingest: Ingest) -> None:
    down = "postgresql://nobody@127.0.0.1:1/nothing"
    ended = await ingest("listen", "--wait-for-database", "0.3", "--json", INGEST_DATABASE_URL=down)
    waits, error = [json.loads(line) for line in ended.err.splitlines()]
    assert "trying again for 0.3 seconds" in waits["message"]
    assert (ended.status, error["error"]["code"]) == (5, "database_unreachable")
