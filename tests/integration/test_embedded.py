"""The embedded Postgres: it starts once, survives whatever is killed, and lets nobody else in."""

# ruff: noqa: ASYNC110, ASYNC220, ASYNC221, ASYNC240 -- nothing else runs in a test's loop, so blocking it harms nobody

from __future__ import annotations

import asyncio
import os
import pwd
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psycopg
import pytest
import sqlalchemy

from listener import embedded
from listener.embedded import binaries
from listener.embedded.home import every
from listener.errors import OperatorError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
NOBODY = pwd.getpwnam("nobody")

# Becomes another user after the imports: the installation may lie where that user can't read.
START = """
import asyncio, os, signal, sys
from pathlib import Path
from listener import embedded
from listener.errors import OperatorError
folder, uid = Path(sys.argv[1]), int(sys.argv[2])
if uid != os.getuid():
    asyncio.run(asyncio.to_thread(embedded.default_data_dir))
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
try:
    server = asyncio.run(embedded.start(folder))
except OperatorError as error:
    sys.exit(error.code)
print(server.dsn(), flush=True)
"""
KILLED_AFTERWARDS = START + "os.kill(os.getpid(), signal.SIGKILL)"
STOPPED_AFTERWARDS = START + "asyncio.run(server.stop())"


async def ask(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def started_at(server: embedded.Server) -> object:
    return await ask(server.dsn(), "select pg_postmaster_start_time()")


async def remember(server: embedded.Server) -> None:
    """Commit the row that ``remembered`` looks for."""
    await ask(server.dsn(), "create table memory as select 1 as row")


async def remembered(server: embedded.Server) -> bool:
    return await ask(server.dsn(), "select count(*) from memory") == 1


async def kill_all(server: embedded.Server) -> None:
    """SIGKILL every process of the server and wait until the last is gone."""
    postmasters, children = server.home.processes()
    assert len(postmasters) == 1
    for process in postmasters + children:
        os.kill(process, signal.SIGKILL)
    await gone(server)


async def gone(server: embedded.Server) -> None:
    while server.home.alive():
        await asyncio.sleep(0.01)


@pytest.fixture
def stopped(initialized: Path, data_dir: Path) -> Path:
    """A folder with a server that was stopped: quicker than to make one."""
    subprocess.run(["cp", "-a", initialized / "postgres", data_dir], check=True)
    return data_dir


@contextmanager
def starter(program: str, folder: Path, user: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run ``program`` on ``folder`` in a Python process of its own, as ``user``."""
    arguments = [sys.executable, "-c", program, str(folder), str(os.getuid() if user is None else user)]
    with subprocess.Popen(arguments, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.postgres(16, 18)
async def test_second_start_attaches_and_rows_outlive_a_stop(data_dir: Path, server_version: int) -> None:
    first = await embedded.start(data_dir, version=server_version)
    assert int(str(await ask(first.dsn(), "show server_version_num"))) // 10_000 == server_version
    await remember(first)
    second = await embedded.start(data_dir)
    assert await started_at(second) == await started_at(first)
    before = await started_at(first)
    await first.stop()
    assert not first.home.alive()
    third = await embedded.start(data_dir)
    assert await started_at(third) != before
    assert await remembered(third)


@pytest.mark.postgres(16, 18)
async def test_database_has_pgvector_checksums_fsync_and_all_letters(data_dir: Path, server_version: int) -> None:
    server = await embedded.start(data_dir, version=server_version)
    assert await ask(server.dsn(), "select '[1,2]'::vector <-> '[1,3]'") == 1
    assert await ask(server.dsn(), "show fsync") == "on"
    assert await ask(server.dsn(), "show max_wal_size") == "2GB"
    assert await ask(server.dsn(), "show data_checksums") == "on"
    assert await ask(server.dsn(), "select lower('ÄÉС')") == "äéс"
    assert await ask(server.dsn(), "select to_tsvector('simple', '“Ärger” – слово')::text") == "'ärger':1 'слово':2"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("plain", marks=pytest.mark.long),
        "with 'quotes' & \"$(spaces)\" 100% ü",
        pytest.param("long " + "x" * 200, marks=pytest.mark.long),
    ],
)
async def test_any_path_works_with_every_client(data_dir: Path, name: str) -> None:
    async with await embedded.start(data_dir / name) as server:
        await server.create_database("my data")
        dsn = server.dsn("my data")
        assert await ask(dsn, "select current_database()") == "my data"
        with psycopg.connect(dsn) as connection:
            assert connection.execute("select current_database()").fetchone() == ("my data",)
        engine = sqlalchemy.create_engine(dsn.replace("postgresql:", "postgresql+psycopg:"))
        with engine.connect() as session:
            assert session.exec_driver_sql("select current_database()").scalar() == "my data"
        engine.dispose()
        line = server.psql_command("my data") + " -Atc 'select current_database()'"
        assert subprocess.check_output(line, shell=True, text=True) == "my data\n"
    assert not server.home.alive()
    assert not server.socket_folder.is_symlink()


@pytest.mark.long
async def test_simultaneous_starts_make_one_server(data_dir: Path) -> None:
    with starter(START, data_dir) as one, starter(START, data_dir) as two:
        server = await embedded.start(data_dir)
        outputs = [await asyncio.to_thread(process.communicate) for process in (one, two)]
    assert outputs == [(server.dsn() + "\n", "")] * 2
    assert len(server.home.processes()[0]) == 1


@pytest.mark.long
async def test_start_says_that_it_waits_for_another_starter(stopped: Path) -> None:
    server = await embedded.start(stopped)
    said: asyncio.Queue[str] = asyncio.Queue()
    async with server.home.starting(print):
        attaching = asyncio.create_task(embedded.start(stopped, progress=said.put_nowait))
        assert "another process" in await said.get()
        assert not attaching.done()
    await attaching


@pytest.mark.long
async def test_asking_whether_it_lives_does_not_disturb_a_start(stopped: Path) -> None:
    home = (await embedded.start(stopped)).home
    await embedded.stop(stopped)
    enough = threading.Event()

    def ask_on() -> int:
        asked = 0
        while not enough.is_set():
            home.alive()
            asked += 1
        return asked

    asking = asyncio.create_task(asyncio.to_thread(ask_on))
    try:
        for _ in range(3):
            await embedded.start(stopped)
            await embedded.stop(stopped)
    finally:
        enough.set()
    assert await asking > 0


async def test_server_outlives_a_killed_starter(stopped: Path) -> None:
    with starter(KILLED_AFTERWARDS, stopped) as process:
        dsn = await asyncio.to_thread(process.stdout.readline) if process.stdout else ""
        assert await asyncio.to_thread(process.wait) == -signal.SIGKILL
    before = await ask(dsn.strip(), "select pg_postmaster_start_time()")
    assert await started_at(await embedded.start(stopped)) == before


@pytest.mark.postgres(16, 18)
async def test_committed_rows_survive_when_everything_is_killed(data_dir: Path, server_version: int) -> None:
    server = await embedded.start(data_dir, version=server_version)
    await remember(server)
    await kill_all(server)
    assert await remembered(await embedded.start(data_dir))


@pytest.mark.long
async def test_processes_that_a_killed_postmaster_left_behind_are_ended(stopped: Path) -> None:
    server = await embedded.start(stopped)
    await remember(server)
    connection = await asyncpg.connect(server.dsn())
    backend = await connection.fetchval("select pg_backend_pid()")
    os.kill(backend, signal.SIGSTOP)  # it can't notice that the postmaster goes
    (postmaster,), _ = server.home.processes()
    os.kill(postmaster, signal.SIGKILL)
    assert await remembered(await embedded.start(stopped))
    assert backend not in server.home.processes()[1]
    connection.terminate()


@pytest.mark.long
async def test_stale_pid_file_with_the_pid_of_another_program_does_not_hinder(stopped: Path) -> None:
    server = await embedded.start(stopped)
    await remember(server)
    await kill_all(server)
    account = server.home.account
    sleeper = ["sleep", "600"]
    with subprocess.Popen(
        sleeper, user=account.uid, group=account.gid
    ) as foreign:  # Postgres heeds only its own user's
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            file = server.home.cluster / name
            _, _, rest = file.read_text().partition("\n")
            file.write_text(f"{foreign.pid}\n{rest}")
        try:
            assert await remembered(await embedded.start(stopped))
            assert foreign.poll() is None
        finally:
            foreign.kill()


@pytest.mark.long
async def test_pid_file_cut_off_by_a_crash_does_not_hinder(stopped: Path) -> None:
    server = await embedded.start(stopped)
    await remember(server)
    for left in ("", "12", "\n\n"):
        await kill_all(server)
        (server.home.cluster / "postmaster.pid").write_text(left)
        assert await remembered(await embedded.start(stopped))


@pytest.mark.long
async def test_running_server_with_a_cut_off_pid_file_is_attached_to_and_stopped(stopped: Path) -> None:
    server = await embedded.start(stopped)
    (server.home.cluster / "postmaster.pid").write_text("")
    assert await started_at(await embedded.start(stopped)) == await started_at(server)
    await server.stop()
    assert not server.home.alive()


@pytest.mark.long
async def test_initialization_killed_midway_starts_afresh(data_dir: Path) -> None:
    home = data_dir / "postgres"
    with starter(START, data_dir) as process:
        while not list(home.glob("init-*/base")):  # initdb is in the middle of it
            assert process.poll() is None
            await asyncio.sleep(0.001)
        process.kill()
    assert not (home / "cluster").exists()
    server = await embedded.start(data_dir)
    assert await ask(server.dsn(), "select 1") == 1
    assert not list(home.glob("init-*"))


@as_root
async def test_root_runs_it_as_a_user_of_its_own_and_opens_nothing_else(stopped: Path) -> None:
    before = stopped.stat().st_mode
    server = await embedded.start(stopped)
    (postmaster,), _ = server.home.processes()
    uid = Path("/proc", str(postmaster)).stat().st_uid
    assert uid != 0
    assert uid not in {entry.pw_uid for entry in pwd.getpwall()}
    assert stopped.stat().st_mode == before
    assert server.home.path.stat().st_mode & 0o777 == 0o710


@pytest.mark.long
@as_root
async def test_programs_that_the_server_account_cannot_reach_are_copied(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    package = next(iter(binaries.installed().values())).parent
    (tmp_path / package.name).mkdir()
    (tmp_path / package.name / "__init__.py").touch()
    for folder in binaries.installed().values():
        (tmp_path / package.name / folder.name).symlink_to(folder)
    (tmp_path / f"{package.name}.libs").symlink_to(package.parent / f"{package.name}.libs")
    monkeypatch.syspath_prepend(tmp_path)
    async with await embedded.start(data_dir) as server:
        assert server.programs.is_relative_to(server.home.path)
        assert await ask(server.dsn(), "select '[1]'::vector::text") == "[1]"
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@as_root
async def test_folder_that_the_server_account_cannot_reach_is_refused_and_not_opened(data_dir: Path) -> None:
    closed = data_dir / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(OperatorError) as refused:
        await embedded.start(closed / "data")
    assert refused.value.code == "data_dir_unreachable"
    assert str(closed) in refused.value.message
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
async def test_other_users_cannot_connect(stopped: Path) -> None:
    server = await embedded.start(stopped)
    arguments = [*server.psql_arguments(), "-c", "select 1"]
    subprocess.run(arguments, check=True, capture_output=True)
    other = subprocess.run(
        arguments, check=False, capture_output=True, text=True, cwd="/", user=NOBODY.pw_uid, extra_groups=[],
        group=NOBODY.pw_gid,
    )  # fmt: skip
    assert other.returncode != 0
    assert "Permission denied" in other.stderr


@pytest.mark.long
@as_root
async def test_ordinary_user_runs_it_as_themselves_and_root_attaches(data_dir: Path) -> None:
    folder = data_dir / "theirs"
    folder.mkdir()
    os.chown(folder, NOBODY.pw_uid, NOBODY.pw_gid)
    with starter(START, folder, user=NOBODY.pw_uid) as process:
        output, errors = await asyncio.to_thread(process.communicate)
    assert errors == ""
    server = await embedded.start(folder)
    assert server.dsn() == output.strip()
    (postmaster,), _ = server.home.processes()
    assert Path("/proc", str(postmaster)).stat().st_uid == NOBODY.pw_uid
    await kill_all(server)
    await embedded.start(folder)  # by root this time
    with starter(STOPPED_AFTERWARDS, folder, user=NOBODY.pw_uid) as process:
        assert await asyncio.to_thread(process.communicate) == (output, "")
    assert not server.home.alive()


@as_root
async def test_user_without_a_passwd_entry_is_told_so(data_dir: Path) -> None:
    uid = binaries.UNUSED_UIDS.stop
    folder = data_dir / "theirs"
    folder.mkdir()
    os.chown(folder, uid, uid)
    with starter(START, folder, user=uid) as process:
        assert (await asyncio.to_thread(process.communicate))[1].strip() == "embedded_no_account"


async def test_missing_wheel_is_named_with_what_to_install(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "PACKAGE", "not_installed_at_all")
    with pytest.raises(OperatorError, match="embedded_missing") as missing:
        await embedded.start(data_dir)
    assert "pip install 'ingest-listener[embedded]'" in missing.value.hint
    assert "INGEST_DATABASE_URL" in missing.value.hint


@pytest.mark.long
async def test_folder_of_another_version_is_refused(data_dir: Path) -> None:
    await embedded.start(data_dir, version=16)
    with pytest.raises(OperatorError, match="embedded_version"):
        await embedded.start(data_dir, version=18)
    await embedded.start(data_dir)


async def test_version_that_the_wheel_lacks_is_refused(data_dir: Path) -> None:
    with pytest.raises(OperatorError, match=r"embedded_version.*\[16, 18\]"):
        await embedded.start(data_dir, version=9)


async def test_failed_start_shows_what_postgres_said_and_can_be_repeated(stopped: Path) -> None:
    with pytest.raises(OperatorError, match="embedded_start_failed") as failed:
        await embedded.start(stopped, settings={"shared_buffers": "a lot"})
    assert 'invalid value for parameter "shared_buffers"' in failed.value.message
    await embedded.start(stopped)


async def test_data_dir_that_is_a_file_is_refused(data_dir: Path) -> None:
    (data_dir / "file").touch()
    with pytest.raises(OperatorError, match="data_dir_unreachable"):
        await embedded.start(data_dir / "file")


def test_progress_is_not_repeated_all_the_time() -> None:
    said: list[str] = []
    say = every(3600, said.append)
    say("waiting")
    assert said == []


async def test_database_of_a_test_is_empty_and_has_pgvector(database: str) -> None:
    assert await ask(database, "select count(*) from pg_class where relnamespace = 'public'::regnamespace") == 0
    assert await ask(database, "select '[1]'::vector::text") == "[1]"
