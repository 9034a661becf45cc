"""A database that was restored from a copy: nothing is paid, published or deleted in it before somebody confirms it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from ingest_command import Ingest
from listener_process import ListenerProcess
from pipeline import cloned, ended, one, until
from staging import Connection, add, add_listener, claim, session

from listener import embedded
from listener.embedded import Server

FAST: dict[str, Any] = {"heartbeat_seconds": 0.2, "lease_seconds": 1, "safety_poll_seconds": 600}
Start = Callable[..., ListenerProcess]


@pytest.fixture
def start(tmp_path: Path, listeners: list[ListenerProcess]) -> Start:
    def start(dsn: str, name: str) -> ListenerProcess:
        listeners.append(ListenerProcess(dsn, tmp_path / name, group_texts=1, file_roots=tmp_path, **FAST))
        return listeners[-1]

    return start


async def program(server: Server, name: str, *arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(
        str(server.programs / "bin" / name), *arguments, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()


async def waits(it: ListenerProcess) -> None:
    async def said() -> bool:
        return "restored_database: this database was restored from a copy" in it.log()

    await until(said)


async def state(c: Connection) -> list[tuple[str, int]]:
    rows = await c.fetch("select status, count(*) from ingest_requests group by 1 order by 1")
    return [tuple(row) for row in rows]


async def begin_work(c: Connection, original: ListenerProcess) -> None:
    """One request through, one in the middle of its texts, two that wait."""
    await ended(c, await add(c, content="The first text.", uri="first", collection="docs"))
    original.hold("before:embed", key="second")
    await add(c, content="The second text.", uri="second", collection="docs", options={"publish": "request"})
    await asyncio.to_thread(original.held, "before:embed", "second")
    for name in ("third", "fourth"):
        tomorrow = datetime.now(tz=timezone.utc) + timedelta(days=1)
        await add(c, content=f"The {name} text.", uri=name, collection="docs", run_at=tomorrow)


async def test_a_dump_restored_elsewhere_does_nothing_until_it_is_confirmed(
    own: Connection, ready: str, server: Server, start: Start, tmp_path: Path
) -> None:
    original = start(ready, "original").ready()
    await begin_work(own, original)
    dump = tmp_path / "dump"
    await program(server, "pg_dump", "--format=custom", f"--file={dump}", ready)
    original.go()
    await server.create_database("restored_elsewhere")
    try:
        copy = server.dsn("restored_elsewhere")
        await program(server, "pg_restore", "--no-owner", f"--dbname={copy}", str(dump))
        async with session(copy) as there:
            await _is_held_then_goes_on(there, copy, start, tmp_path)
    finally:
        await server.drop_database("restored_elsewhere")


async def _is_held_then_goes_on(there: Connection, copy: str, start: Start, tmp_path: Path) -> None:
    # As right after the dump: the original's last sign of life looks like one of now.
    await there.execute("update ingest_listeners set lease = '1 hour', heartbeat_at = now()")
    before = await state(there)
    assert before == [("pending", 2), ("running", 1), ("succeeded", 1)]
    await there.execute("update ingest_requests set run_at = now() where status = 'pending'")
    held = start(copy, "held")
    await waits(held)
    late = await add(there, content="A fifth text.", uri="fifth", collection="docs")
    assert await state(there) == [("pending", 3), ("running", 1), ("succeeded", 1)]
    assert held.embedded() == []
    waiting = await there.fetchval("select waiting_for from ingest_status where id = $1", late)
    assert waiting.startswith("restored_database: it is another database")
    ingest = Ingest(tmp_path, INGEST_DATABASE_URL=copy)
    doctor = await ingest("doctor", "--json")
    (place,) = [check for check in doctor.json["checks"] if check["name"] == "place"]
    assert (place["state"], place["message"][:18]) == ("problem", "restored_database:")
    for arguments, status in ((["health"], 1), (["health", "--live"], 0)):  # to kill it would not help
        told = await ingest(*arguments, "--json")
        assert (told.status, told.json["error"]["code"]) == (status, "restored_database")
    await there.execute("update ingest_listeners set lease = '1 second'")
    confirmed = await ingest("confirm-restore", "--json")
    assert confirmed.json == {"confirmed": "4 requests continue, 0 were cancelled"}
    held.ready()
    ids = [row["id"] for row in await there.fetch("select id from ingest_requests")]
    assert {row["status"] for row in await ended(there, *ids)} == {"succeeded"}
    assert sorted(held.embedded()) == sorted({*held.embedded()})
    assert not held.embedded("first"), "it is paid in the copy, too"
    assert (await ingest("confirm-restore", "--json")).error["code"] == "wrong_state"


async def test_a_cancelling_confirmation_starts_nothing_of_before(
    own: Connection, ready: str, server: Server, start: Start
) -> None:
    original = start(ready, "original").ready()
    await begin_work(own, original)
    original.kill()
    await own.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )
    await own.close()
    async with cloned(server, ready.rpartition("/")[2].partition("?")[0]) as copy, session(copy) as there:
        held = start(copy, "held")
        await waits(held)
        await there.execute("select ingest_watch('/srv/docs', every => '1 minute')")
        assert await there.fetchval("select ingest_confirm_restore(true)") == "0 requests continue, 3 were cancelled"
        assert await there.fetchval("select bool_and(paused) from ingest_watches")  # a copy for tests fires nothing
        held.ready()
        await ended(there, await add(there, content="A new text.", uri="new", collection="docs"))
        assert held.embedded() == ["A new text."]
        assert await state(there) == [("cancelled", 3), ("succeeded", 2)]


async def test_a_dump_restored_in_place_is_noticed_by_the_next_listener(
    own: Connection, ready: str, server: Server, start: Start, tmp_path: Path
) -> None:
    original = start(ready, "original").ready()
    await ended(own, await add(own, content="A text.", uri="a", collection="docs"))
    assert original.stop() == 0
    await own.close()
    dump = tmp_path / "dump"
    await program(server, "pg_dump", "--format=custom", f"--file={dump}", ready)
    await program(server, "pg_restore", "--no-owner", "--clean", "--if-exists", f"--dbname={ready}", str(dump))
    await waits(start(ready, "held"))


async def test_listeners_that_start_and_stop_are_at_home(own: Connection, ready: str, start: Start) -> None:
    for name in ("one", "two"):
        it = start(ready, name).ready()
        await ended(own, await add(own, content=f"Text {name}.", uri=name, collection="docs"))
        assert it.stop() == 0
    place = await one(own, "select * from ingest_installation")
    assert place["confirmed_by"] == "postgres"


@pytest.mark.parametrize(("silence", "is_restored"), [("1 minute", False), ("10 minutes", True)])
async def test_a_new_timeline_is_a_failover_if_listeners_lived_a_moment_before(
    own: Connection, ready: str, start: Start, silence: str, is_restored: bool
) -> None:
    it = start(ready, "listener").ready()
    it.kill()
    await own.execute("update ingest_installation set timeline = timeline + 7")
    await own.execute("update ingest_listeners set heartbeat_at = now() - $1::text::interval", silence)
    reason = await own.fetchval("select ingest_restored()")
    assert bool(reason and "went back to an earlier time" in reason) == is_restored
    next_one = start(ready, "next")
    if is_restored:
        await waits(next_one)
    else:
        next_one.ready()
        assert await own.fetchval("select ingest_restored()") is None


async def test_a_claim_by_a_listener_whose_heartbeat_is_old_looks_whether_time_went_back(c: Connection) -> None:
    await c.execute("select ingest_settle_in()")
    await add_listener(c, "L1")
    request = await add(c, content="A text.", uri="a", collection="docs")
    await c.execute("update ingest_installation set timeline = timeline + 1")
    await c.execute("update ingest_listeners set heartbeat_at = now() - interval '3 hours'")
    with pytest.raises(asyncpg.PostgresError, match="restored from a copy") as refused:
        await claim(c)
    assert refused.value.sqlstate == "IG025"
    await c.execute("select ingest_confirm_restore()")
    await add_listener(c, "L2")
    assert await claim(c, executor="L2") == [request]


async def test_a_listener_ends_when_its_database_goes_back_under_it(own: Connection, ready: str, start: Start) -> None:
    it = start(ready, "listener").ready()
    await own.execute("update ingest_installation set database_oid = 1")
    assert it.ended() == 5
    assert "restored_database" in it.log()


@pytest.mark.long
async def test_a_cluster_restored_from_a_base_backup_is_held(start: Start, data_dir: Path, tmp_path: Path) -> None:
    """A backup that is restored to where it was taken: a new timeline, and no listener since."""
    async with await embedded.start(data_dir) as server:
        await server.create_database("app")
        ingest = Ingest(tmp_path, INGEST_DATABASE_URL=server.dsn("app"))
        assert (await ingest("migrate")).status == 0
        it = start(server.dsn("app"), "original").ready()
        assert it.stop() == 0
    folder = server.home.cluster
    (folder / "recovery.signal").touch()
    with (folder / "postgresql.auto.conf").open("a") as settings:
        settings.write("hot_standby = off\nrestore_command = 'false'\n")
    if (uid := folder.stat().st_uid) != 0:
        shutil.chown(folder / "recovery.signal", uid)
    async with await embedded.start(data_dir) as server, session(server.dsn("app")) as c:
        assert "timeline 2 after 1" in await c.fetchval("select ingest_restored()")
        await waits(start(server.dsn("app"), "held"))
        await c.fetchval("select ingest_confirm_restore()")
