"""Watches from their making to what is found by a search, with real listeners, files and deaths."""

from __future__ import annotations

import asyncio
import os
import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from documented import Block, blocks, in_psql
from ingest_command import Ingest
from listener_process import ListenerProcess
from pipeline import Shared, ended, one, until, uris
from staging import Connection, put_clock, session

import listener as python

SUCCEEDED = "select succeeded_at is not null and running_request is null from ingest_watches where name = $1"
RING = "select pg_notify(ingest_channel('watches'), '')"


async def settled(c: Connection, name: str) -> None:
    """Wait until a watch has looked, and hears of changes."""
    await until(lambda: c.fetchval(SUCCEEDED, name))
    await until(lambda: c.fetchval("select noticing = 'events' from ingest_watches where name = $1", name))


async def overlapping(c: Connection, name: str) -> int:
    """Return how many requests of a watch began before the one before them had ended."""
    query = (
        "select count(*) from (select r.started_at, lag(r.finished_at) over (order by r.created_at) as before"
        " from ingest_requests r where r.watch = $1) r where r.started_at < r.before"
    )
    return int(await c.fetchval(query, name))


async def test_a_file_that_is_dropped_into_a_watched_folder_is_found_soon(
    c: Connection, folder: Path, name: str
) -> None:
    (folder / "a.md").write_text("The vents open above 24 °C.")
    watch = await c.fetchval(
        "select ingest_watch($1, collection => $2, on_change => true, options => '{\"mirror\": false}')",
        str(folder),
        name,
    )
    await settled(c, watch)
    assert await uris(c, name) == {f"file://{folder}/a.md"}
    (folder / "deep").mkdir()
    (folder / "deep" / "b.md").write_text("The pumps stop at night.")
    await until(lambda: has(c, name, folder / "deep" / "b.md"))
    (folder / "deep" / "c.md").write_text("The doors are closed at noon.")
    await until(lambda: has(c, name, folder / "deep" / "c.md"))
    found = await c.fetchval("select uri from ingest_search('doors noon', $1) limit 1", name)
    assert found == f"file://{folder}/deep/c.md"
    await c.execute("select ingest_pause_watch($1)", watch)
    await until(lambda: c.fetchval("select noticing is null from ingest_watches where name = $1", watch))
    (folder / "d.md").write_text("It is not seen.")
    await c.execute("select ingest_resume_watch($1)", watch)
    await until(lambda: has(c, name, folder / "d.md"))
    assert await overlapping(c, watch) == 0
    await c.execute("select ingest_unwatch($1)", watch)


async def has(c: Connection, name: str, file: Path) -> bool:
    return f"file://{file}" in await uris(c, name)


async def test_a_watched_folder_that_cannot_be_read_or_is_not_mounted_loses_no_document(
    c: Connection, folder: Path, name: str
) -> None:
    """As root, who may read all, only the mount."""
    docs = folder / "docs"
    (docs / "sub").mkdir(parents=True)
    for file in ("a.md", "b.md", "sub/c.md", "sub/d.md", "sub/e.md"):
        (docs / file).write_text(f"The text of {file}.")
    watch = await c.fetchval("select ingest_watch($1, $2, every => '1 day')", str(docs), name)

    async def looked() -> tuple[str | None, int]:
        await ended(c, await c.fetchval("select ingest_run_watch($1)", watch))
        row = await one(c, "select error_code from ingest_watches where name = $1", watch)
        return row["error_code"], len(await uris(c, name))

    assert await looked() == (None, 5)
    for closed, code in ((docs / "sub", "documents_failed"), (docs, "unreadable")) if os.geteuid() else ():
        closed.chmod(0)
        assert await looked() == (code, 5)
        closed.chmod(0o755)
    docs.rename(folder / "away")
    docs.mkdir()
    assert await looked() == ("empty_source", 5)
    assert "is it mounted?" in (await one(c, "select hint from ingest_watches where name = $1", watch))["hint"]
    docs.rmdir()
    (folder / "away").rename(docs)
    (docs / "sub").rename(folder / "sub")
    (docs / "sub").mkdir()
    assert await looked() == ("too_many_gone", 5)
    (docs / "sub").rmdir()
    (folder / "sub").rename(docs / "sub")
    assert await looked() == (None, 5)
    await c.execute("select ingest_unwatch($1)", watch)


async def test_a_watch_of_what_is_not_there_fails_backs_off_and_recovers(
    c: Connection, folder: Path, name: str
) -> None:
    watch = await c.fetchval("select ingest_watch($1, $2, every => '10 s')", str(folder / "later"), name)
    await until(lambda: c.fetchval("select failures = 1 from ingest_watches where name = $1", watch))
    row = await one(c, "select error_code, waiting_for from ingest_watches where name = $1", watch)
    assert (row["error_code"], row["waiting_for"].partition(":")[0]) == ("not_found", "back-off")
    (folder / "later").mkdir()
    (folder / "later" / "a.md").write_text("It is there now.")
    await ended(c, await c.fetchval("select ingest_run_watch($1)", watch))
    row = await one(c, "select failures, failing_since from ingest_watches where name = $1", watch)
    assert tuple(row) == (0, None)
    await c.execute("select ingest_unwatch($1)", watch)


async def test_two_listeners_fire_a_watch_once_at_a_time_and_by_the_clock(
    own: Connection, ready: str, tmp_path: Path, listeners: list[ListenerProcess]
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "0.md").write_text("0")
    for n in range(2):
        listeners.append(ListenerProcess(ready, tmp_path / f"listener{n}", file_roots=docs, lease_seconds=1_000_000))
    for it in listeners:
        it.ready()
    watch = await own.fetchval("select ingest_watch($1, on_change => true)", str(docs))
    await settled(own, watch)
    for n in range(1, 8):
        (docs / f"{n}.md").write_text(f"number {n}")
        await until(lambda n=n: has(own, "default", docs / f"{n}.md"))  # type: ignore[misc]
    assert await overlapping(own, watch) == 0
    # One for each change, those of the starts, and one more where a change came while one ran.
    assert await own.fetchval("select count(*) from ingest_requests") <= 20
    await own.execute("select ingest_unwatch($1)", watch)
    timed = await own.fetchval("select ingest_watch($1, name => 'timed', every => '1 hour')", str(docs))
    await until(lambda: own.fetchval(SUCCEEDED, timed))
    fired = "select count(*) = $2 from ingest_requests where watch = $1 and finished_at is not null"
    for hours in (1, 2, 3):
        await put_clock(own, f"{hours} hours {hours} minutes")
        await own.execute(RING)
        await until(lambda times=hours + 1: own.fetchval(fired, timed, times))  # type: ignore[misc]
    assert await overlapping(own, timed) == 0


@pytest.mark.long
async def test_when_the_listener_that_fired_is_killed_another_goes_on(
    own: Connection, ready: str, tmp_path: Path, listeners: list[ListenerProcess]
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md").write_text("a")
    given: dict[str, Any] = {"file_roots": docs, "heartbeat_seconds": 0.2, "lease_seconds": 1}
    first = ListenerProcess(ready, tmp_path / "first", **given).ready()
    listeners.append(first)
    first.hold("before:to_load")
    watch = await own.fetchval("select ingest_watch($1, on_change => true)", str(docs))
    await asyncio.to_thread(first.held, "before:to_load")
    second = ListenerProcess(ready, tmp_path / "second", **given)
    listeners.append(second)
    second.ready()
    (docs / "b.md").write_text("while it runs")
    first.kill()
    await until(lambda: has(own, "default", docs / "b.md"))
    await settled(own, watch)
    assert await overlapping(own, watch) == 0
    row = await one(own, "select failures, error from ingest_watches")
    assert tuple(row) == (0, None)


async def test_the_command_makes_shows_and_ends_watches(shared: Shared, folder: Path, name: str, c: Connection) -> None:
    (folder / "a.md").write_text("a")
    command = Ingest(folder, INGEST_DATABASE_URL=shared.dsn)
    made = await command("watch", ".", "-c", name, "--name", name, "--every", "1h", "-o", "include=*.md", "-m", "a=1")
    assert (made.status, made.out.strip()) == (0, name), made.err
    await until(lambda: c.fetchval(SUCCEEDED, name))
    shown = (await command("watches", name, "--json")).json
    assert (shown["source"], shown["schedule"], shown["failures"]) == (str(folder), "every 01:00:00", 0)
    assert (shown["options"], shown["metadata"]) == ({"include": "*.md"}, {"a": 1})
    assert name in (await command("watches")).out
    assert (await command("pause-watch", name)).out.strip() == f"{name} paused"
    assert "pause" in (await command("watches", name)).out
    assert (await command("resume-watch", name)).status == 0
    request = (await command("run-watch", name, "--json")).json["request"]
    await ended(c, uuid.UUID(request))
    asked = await command("unwatch", name, "--delete-documents")
    assert (asked.status, asked.code()) == (2, "not_confirmed")
    gone = await command("unwatch", name, "--delete-documents", "--yes")
    assert gone.status == 0, gone.err
    for wrong, code in (
        (("watches", name), "unknown_watch"),
        (("unwatch", name), "unknown_watch"),
        (("watch", "."), "wrong_schedule"),
        (("watch", ".", "--cron", "at noon"), "wrong_cron"),
        (("watch", ".", "--every", "often"), "invalid_value"),
    ):
        refused = await command(*wrong)
        assert (refused.status, refused.code()) == (2, code), refused.err


async def test_python_makes_shows_and_ends_watches(shared: Shared, folder: Path, name: str, c: Connection) -> None:
    (folder / "a.md").write_text("a")
    async with python.connect(shared.dsn) as ingest:
        watch = await ingest.watch(folder, collection=name, every=timedelta(hours=1), metadata={"a": 1})
        await until(lambda: c.fetchval(SUCCEEDED, watch))
        (seen,) = await ingest.watches(watch)
        assert (seen.source, seen.collection, seen.paused, dict(seen.metadata)) == (str(folder), name, False, {"a": 1})
        assert seen.next_at
        assert seen.succeeded_at
        assert seen.next_at > seen.succeeded_at
        request = await ingest.run_watch(watch)
        assert request
        await ingest.wait(request, timeout=30)
        await ingest.pause_watch(watch)
        assert [one.paused for one in await ingest.watches(watch)] == [True]
        await ingest.resume_watch(watch)
        await ingest.unwatch(watch, delete_documents=True)
        assert await ingest.watches(watch) == []


async def test_the_recipe_of_a_folder_does_what_the_page_shows(
    ready: str, tmp_path: Path, listeners: list[ListenerProcess]
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    listeners.append(ListenerProcess(ready, tmp_path / "listener", file_roots=docs).ready())
    (docs / "keys.md").write_text("The keys hang in the office.")
    watch, search, gone = [
        replace(block, text=block.text.replace("/srv/docs", str(docs))) for block in blocks("docs/watches.md")
    ]
    ingest = Ingest(tmp_path, INGEST_DATABASE_URL=ready)

    async def shows(block: Block) -> None:
        ((_, out, state),) = await in_psql(ingest, [block], wait="")
        assert state is None, out
        assert block.out is not None
        assert words(out.replace(str(docs), "/srv/docs")) == words(block.out)

    async with session(ready) as c:
        await shows(watch)
        (docs / "vents.md").write_text("The vents open above 24 °C.")
        await until(lambda: has(c, "handbook", docs / "vents.md"))
        await settled(c, f"handbook:{docs}")
        await shows(search)
        (docs / "vents.md").unlink()
        await until(lambda: lacks(c, "handbook", docs / "vents.md"))
        await shows(gone)


async def lacks(c: Connection, name: str, file: Path) -> bool:
    return not await has(c, name, file)


def words(out: str) -> list[str]:
    return [word for word in out.split() if not set(word) <= set("-+|")]
