"""The disk is full for a while: Postgres refuses what needs room (SQLSTATE 53100), and has it again later."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from listener_process import ListenerProcess
from pipeline import chunks, cloned, ended, migrated, until
from staging import Connection, add, session

from listener import embedded, service
from listener.settings import Settings

PLACES = 60  # what so many steps write does not fit into pages that are there already

pytestmark = pytest.mark.long  # see pyproject.toml


@dataclass(frozen=True)
class Disk:
    """A small file system."""

    folder: Path

    @property
    def tablespace(self) -> Path:
        return self.folder / "tablespace"

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def fill(self) -> None:
        """Leave not one free block."""
        with self._ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        left = os.statvfs(self.folder)
        assert left.f_bavail == 0

    def make_room(self) -> None:
        self._ballast.unlink()


@pytest.fixture
def disk(server: embedded.Server) -> Iterator[Disk]:
    folder = Path(tempfile.mkdtemp(prefix="ingest-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=200m,mode=0711", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        mounted = subprocess.CompletedProcess(mount, 1, "", "there is no mount")
    if mounted.returncode != 0:
        shutil.rmtree(folder)
        pytest.skip(f"a file system has to be mounted, which takes root: {mounted.stderr.strip()}")
    try:
        it = Disk(folder)
        it.tablespace.mkdir()
        server.home.account.owns(it.tablespace)
        yield it
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
        folder.rmdir()


@pytest.fixture
async def dsn(server: embedded.Server, disk: Disk) -> AsyncIterator[str]:
    """A database on the small disk. The WAL stays on the large one: without room for that no server runs."""
    space = f"small_{uuid.uuid4().hex}"
    async with session(server.dsn("postgres")) as admin:
        await admin.execute(f"create tablespace {space} location '{disk.tablespace}'")
        template = await migrated(server)
        async with cloned(server, template) as url:
            name = url.partition("?")[0].rpartition("/")[2]
            await admin.execute(f'alter database "{name}" set tablespace {space}')
            yield url
        await server.drop_database(template)
        await admin.execute(f"drop tablespace {space}")


@pytest.fixture
async def own(dsn: str) -> AsyncIterator[Connection]:
    async with session(dsn) as connection:
        yield connection


@pytest.fixture
def it(dsn: str, tmp_path: Path) -> Iterator[ListenerProcess]:
    settings: dict[str, Any] = {
        "heartbeat_seconds": 0.2, "lease_seconds": 2, "safety_poll_seconds": 600, "file_roots": tmp_path,
        "concurrency": PLACES,
    }  # fmt: skip
    listener = ListenerProcess(dsn, tmp_path / "listener", **settings).ready()
    yield listener
    if listener.process.poll() is None:
        listener.kill()


async def test_work_that_meets_a_full_disk_waits_for_room_and_ends_well(
    own: Connection, disk: Disk, it: ListenerProcess, tmp_path: Path
) -> None:
    large = tmp_path / "large.md"
    large.write_text("".join(f"# Part {n}\n\nWhat {n} says in some words of its own.\n\n" for n in range(3000)))
    it.hold("before:save_loaded")
    held = await add(own, source=str(large), collection="held")
    await asyncio.to_thread(it.held, "before:save_loaded")
    async with own.transaction():
        requests = [await add(own, content=f"text {n}", uri=f"{n}", collection="many") for n in range(100)]
        disk.fill()
    it.go()
    await refused(own)
    await says(it, "No space left on device")
    assert await own.fetchval("select status from ingest_requests where id = $1", held) == "running"
    assert await own.fetchval("select count(*) from ingest_requests where status = 'failed'") == 0
    disk.make_room()
    rows = await ended(own, held, *requests, within=80)
    assert {row["status"] for row in rows} == {"succeeded"}, [row["error"] for row in rows if row["error"]]
    assert {(row["executor_id"], row["attempt"]) for row in rows} == {(it.executor_id, 1)}
    assert len(await chunks(own, "many")) == 100
    found = await chunks(own, "held")
    assert len(found) == rows[0]["chunks_total"] >= 100
    assert all(chunk["text"] == chunk["slice"] for chunk in found)
    assert it.process.poll() is None


async def test_steps_that_dbos_has_no_room_to_record_are_recorded_later_and_not_done_again(
    own: Connection, disk: Disk, it: ListenerProcess, tmp_path: Path
) -> None:
    requests = [uuid.uuid4() for _ in range(PLACES)]
    for request in requests:
        it.hold("after:publish", key=request)
    async with own.transaction():
        for request in requests:  # files: small texts would share a batch, whose steps DBOS does not record
            file = tmp_path / f"{request}.md"
            file.write_text(f"text of {request}")
            await add(own, id=request, source=str(file), collection="many")
    for request in requests:
        await asyncio.to_thread(it.held, "after:publish", request)
    disk.fill()
    await refused(own)
    it.go()
    await says(it, "Database connection failed")  # so DBOS calls it
    assert "No space left on device" in it.log()
    disk.make_room()
    rows = await ended(own, *requests, within=80)
    assert {row["status"] for row in rows} == {"succeeded"}, [row["error"] for row in rows if row["error"]]
    assert {(row["executor_id"], row["attempt"]) for row in rows} == {(it.executor_id, 1)}
    assert len(it.embedded()) == len(await chunks(own, "many")) == PLACES
    assert it.process.poll() is None


async def says(it: ListenerProcess, piece: str) -> None:
    async def said() -> bool:
        return piece in it.log()

    await until(said)


async def refused(c: Connection) -> None:
    """Check that the disk is as full for Postgres as it is for us."""
    with pytest.raises(asyncpg.DiskFullError):
        await c.execute("create table too_much as select repeat(n::text, 1000) from generate_series(1, 10000) n")


async def write_ahead_without_end(c: Connection) -> None:
    while True:
        await c.execute("select pg_logical_emit_message(true, '', repeat('x', 1000000))")


async def test_an_embedded_server_that_had_no_room_for_its_wal_is_started_again_by_the_listener(
    disk: Disk, tmp_path: Path
) -> None:
    server = await embedded.start(disk.folder, settings={"fsync": "off", "min_wal_size": "32MB"})
    await service.migrate(Settings(), server.dsn())
    it = ListenerProcess("", tmp_path, data_dir=disk.folder, heartbeat_seconds=0.2, lease_seconds=2).ready()
    try:
        it.hold("before:save_chunks")
        async with session(server.dsn()) as c:
            request = await add(c, content="in the middle of the work", uri="held")
            await asyncio.to_thread(it.held, "before:save_chunks")
            disk.fill()
            with pytest.raises((OSError, asyncpg.PostgresError)):
                await write_ahead_without_end(c)
        it.go()
        await says(it, "the embedded Postgres ended unexpectedly")
        disk.make_room()
        await until(server.accepts)
        async with session(server.dsn()) as c:
            rows = await ended(c, request, await add(c, content="afterwards", uri="after"))
            assert {(row["status"], row["executor_id"]) for row in rows} == {("succeeded", it.executor_id)}
        await server.stop()
        await says(it, "the embedded server was stopped")
        assert not await server.accepts()
    finally:
        it.kill()
        await server.stop()
