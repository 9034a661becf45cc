"""``ingest`` where something is missing or broken, and the verbs that look after the installation."""

from __future__ import annotations

import asyncio
import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import staging
from ingest_command import Ingest


@pytest.fixture
def ingest(tmp_path: Path, installed: str) -> Ingest:
    return Ingest(tmp_path, INGEST_DATABASE_URL=installed)


async def one(dsn: str, statement: str, *values: Any) -> Any:
    async with staging.session(dsn) as connection:
        return await connection.fetchval(statement, *values)


async def test_without_our_tables_verbs_say_to_migrate(tmp_path: Path, database: str) -> None:
    ingest = Ingest(tmp_path, INGEST_DATABASE_URL=database)
    calls = [["status"], ["add", "/srv"], ["failures"], ["search", "x"]]
    for ended in await asyncio.gather(*(ingest(*arguments) for arguments in calls)):
        assert (ended.status, ended.code()) == (5, "schema_not_migrated")
        assert "ingest migrate" in ended.err


async def test_a_database_that_is_down_is_named_without_its_password(tmp_path: Path) -> None:
    with socket.socket() as closed:  # bound, not listening
        closed.bind(("127.0.0.1", 0))
        url = f"postgresql://app:s3cret@127.0.0.1:{closed.getsockname()[1]}/db"
        ended = await Ingest(tmp_path, INGEST_DATABASE_URL=url)("status")
    assert (ended.status, ended.code()) == (5, "database_unreachable")
    assert "s3cret" not in ended.err
    assert "hint: " in ended.err


async def test_a_database_that_goes_away_while_watching_is_a_clear_error(ingest: Ingest, installed: str) -> None:
    process = await ingest.start("add", "/srv/a", "--wait")
    assert process.stdout
    await process.stdout.readline()
    killed = await one(
        installed,
        "select count(pg_terminate_backend(pid)) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()",
    )
    assert killed >= 1
    ended = await ingest.end(process)
    assert ended.status == 5
    assert "error: database_lost: " in ended.err


async def test_a_wrong_setting_is_named_by_its_variable(ingest: Ingest) -> None:
    ended = await ingest("status", INGEST_CONCURRENCY="lots")
    assert (ended.status, ended.code()) == (5, "wrong_setting")
    assert "INGEST_CONCURRENCY=lots" in ended.err


async def test_doctor_looks_at_one_thing_after_the_other(ingest: Ingest) -> None:
    ended = await ingest("doctor", "--json", INGEST_FILE_ROOTS=str(ingest.folder))
    states = {check["name"]: check["state"] for check in ended.json["checks"]}
    good = dict.fromkeys(["roots", "root", "embedder", "database", "postgres", "pgvector", "listen", "schema"], "ok")
    assert good.items() <= states.items()
    assert states["dbos"] == "problem"  # this database has our SQL only
    assert (ended.json["ok"], ended.status) == (False, 5)


async def test_doctor_says_what_to_do_about_missing_roots_and_tables(tmp_path: Path, database: str) -> None:
    ended = await Ingest(tmp_path)("doctor", INGEST_DATABASE_URL=database, INGEST_FILE_ROOTS="/not/there")
    assert ended.status == 5
    assert "problem  root " in ended.out
    assert "problem  schema" in ended.out
    assert "hint: Run: ingest migrate" in ended.out


async def test_doctor_looks_at_each_root_and_at_those_that_nobody_reads(tmp_path: Path, database: str) -> None:
    doctor = Ingest(tmp_path, INGEST_DATABASE_URL=database)
    ended = await doctor("doctor", "--json", INGEST_ROOTS=f"{tmp_path}\n/not/there\nhttp://127.0.0.1:9/")
    roots = [check["state"] for check in ended.json["checks"] if check["name"] == "root"]
    assert roots == ["ok", "problem", "problem"]
    ended = await doctor("doctor", "--json", INGEST_ROOTS="sftp://host/docs/")
    (check,) = (check for check in ended.json["checks"] if check["name"] == "roots")
    assert check["message"] == "wrong_setting: INGEST_ROOTS=sftp://host/docs/: there is no source for sftp:"


async def test_doctor_starts_no_server(tmp_path: Path) -> None:
    ended = await Ingest(tmp_path, INGEST_DATA_DIR=str(tmp_path / "data"))("doctor", "--json")
    states = {check["name"]: check["state"] for check in ended.json["checks"]}
    assert (states["embedded"], ended.status) == ("warning", 0)
    assert not (tmp_path / "data").exists()


async def test_settings_are_shown_with_secrets_masked(tmp_path: Path) -> None:
    url = "postgresql://app:s3cret@db/x?sslpassword=s3cret&sslmode=require"
    ended = await Ingest(tmp_path, INGEST_DATABASE_URL=url, INGEST_CONCURRENCY="3")("doctor", "--settings", "--json")
    rows = {row["variable"]: row for row in ended.json}
    assert rows["INGEST_DATABASE_URL"]["value"] == "postgresql://app:***@db/x?sslmode=require"
    assert (rows["INGEST_CONCURRENCY"]["value"], rows["INGEST_CONCURRENCY"]["default"]) == (3, 16)
    assert rows["INGEST_SCHEMA"]["value"] == "public"
    assert all(row["description"] for row in rows.values())


async def test_psql_opens_on_the_database_with_our_schema_first(ingest: Ingest, installed: str) -> None:
    schema = 'a "b'
    async with staging.session(installed) as connection:
        await connection.execute('create schema "a ""b"')
    ended = await ingest("psql", "-At", "-c", "select current_schema, current_database()", INGEST_SCHEMA=schema)
    assert ended.out == f"{schema}|{await one(installed, 'select current_database()')}\n"


@pytest.mark.parametrize(
    ("redirected", "status", "said"),
    [
        ("status --json >&-", 0, ""),
        ("status >&- 2>&- <&-", 0, ""),
        ("status > /dev/full", 5, "error: not_written: something could not be written: No space left on device"),
        ("status nonsense >&- --json", 2, '{"error": {"code": "not_an_id"'),
    ],
)
async def test_output_that_goes_nowhere_is_no_bug(ingest: Ingest, redirected: str, status: int, said: str) -> None:
    process = await asyncio.create_subprocess_shell(
        f"{shlex.quote(sys.executable)} -m listener {redirected}",
        cwd=ingest.folder, env=ingest.environment, stderr=subprocess.PIPE,
    )  # fmt: skip
    _, written = await process.communicate()
    assert process.returncode == status
    assert written.decode().startswith(said)
    assert b"Traceback" not in written


async def test_a_reader_that_has_seen_enough_is_no_failed_request(ingest: Ingest) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "listener", "status", "--json",
        cwd=ingest.folder, env=ingest.environment, stdout=writing, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(writing)
    _, written = await process.communicate()
    assert (process.returncode, written) == (141, b"")


async def test_help_is_quick_and_imports_nothing_heavy(ingest: Ingest) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-X", "importtime", "-m", "listener", "--help", cwd=ingest.folder,
        env=ingest.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    imported = {line.rpartition(b"|")[2].strip().decode().partition(".")[0] for line in err.splitlines()}
    assert b"quickstart" in out
    assert not imported & {"numpy", "dbos", "sqlalchemy", "asyncpg", "pydantic_settings", "tokenizers", "wordllama"}
    assert (await ingest("--version")).out.startswith("ingest ")
    assert (await ingest()).status == 2
