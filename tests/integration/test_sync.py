"""A collection follows its source: what has not changed is not read, what is there no more goes (option ``mirror``)."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from anyio import sleep, to_thread
from listener_process import ListenerProcess
from made_archives import tarred, zipped
from pipeline import Shared, chunks, ended, ingested, one, uris
from staging import Connection, add

from listener.sources.file_state import YOUNG_SECONDS

Sync = Callable[..., Awaitable[asyncpg.Record]]
MIRROR = {"mirror": True, "most_gone": 1}


@pytest.fixture
def folder(shared: Shared, name: str) -> Path:
    path = shared.root / name
    path.mkdir()
    return path


@pytest.fixture
def sync(c: Connection, name: str, folder: Path) -> Sync:
    """Ingest the folder (or another source), mirrored; return the request's row."""

    async def run(source: str | None = None, **columns: Any) -> asyncpg.Record:
        columns = {"options": MIRROR, "collection": name} | columns
        return await ingested(c, source=source or str(folder), **columns)

    return run


def write(folder: Path, numbers: Iterable[int], text: str = "") -> None:
    folder.mkdir(exist_ok=True)
    for n in numbers:
        path = folder / f"sub{n % 2}" / f"{n}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"# Document {n}\n\nIt lies in {folder.name}. {text}")


async def old_enough(folder: Path) -> None:
    """Wait until the files in it are no longer young: then a later state is told from the one that was read."""
    newest = max(_changed(folder))
    await sleep(max(0.0, newest + YOUNG_SECONDS + 0.05 - time.time()))


def _changed(folder: Path) -> list[float]:
    return [max(status.st_mtime, status.st_ctime) for status in (file.stat() for file in folder.rglob("*.*"))]


def moved(folder: Path, path: str) -> None:
    folder.rename(folder.parent / path)


def counts(row: asyncpg.Record) -> tuple[Any, ...]:
    keys = ("documents_total", "documents_done", "documents_skipped", "documents_failed", "documents_unchanged")
    return (row["status"], *(row[key] for key in keys))


async def revisions(c: Connection, request: uuid.UUID) -> int:
    return int(await c.fetchval("select count(*) from ingest_revisions where request_id = $1", request))


async def test_what_has_not_changed_is_counted_and_not_read(
    c: Connection, name: str, folder: Path, sync: Sync, process: ListenerProcess
) -> None:
    write(folder, range(20))
    await old_enough(folder)
    first = await sync()
    assert counts(first) == ("succeeded", 20, 20, 0, 0, 0)
    again = await sync()
    assert counts(again) == ("succeeded", 20, 0, 20, 0, 20)
    assert await revisions(c, again["id"]) == 0
    seen = await one(c, "select * from ingest_status where id = $1", again["id"])
    assert (seen["percent"], seen["documents_unchanged"], seen["documents_deleted"]) == (100, 20, 0)
    assert seen["documents_found"] == 20
    sent = len(process.embedded(name))
    write(folder, [3], "Edited.")
    os.utime(folder / "sub0" / "4.md")  # touched, with the same bytes
    (folder / "sub1" / "5.md").rename(folder / "sub1" / "moved.md")
    edited = await sync()
    assert counts(edited) == ("succeeded", 20, 2, 18, 0, 17)
    assert (await one(c, "select documents_deleted from ingest_status where id = $1", edited["id"]))[0] == 1
    assert len(process.embedded(name)) == sent + 1  # the edited one; the moved one's text is known
    found = await uris(c, name)
    assert f"file://{folder}/sub1/moved.md" in found
    assert f"file://{folder}/sub1/5.md" not in found
    forced = await sync(options={"force": True})
    assert counts(forced)[:3] == ("succeeded", 20, 20)


async def test_an_archive_that_has_not_changed_is_not_opened(
    c: Connection, name: str, folder: Path, sync: Sync, process: ListenerProcess
) -> None:
    """Who opens one enters its request for it."""
    write(folder, [1])
    members = {"a.md": b"Ants.", "deep/b.md": b"Bees.", "mail.eml": mail("one.txt")}
    (folder / "docs.zip").write_bytes(zipped(members))
    (folder / "more.tar.gz").write_bytes(tarred({"c.md": b"Cats."}, "w:gz"))
    await old_enough(folder)

    async def opened_by(request: uuid.UUID) -> set[str]:
        rows = await c.fetch("select uri from ingest_archives where request_id = $1", request)
        return {row["uri"].rpartition("/")[2] for row in rows}

    first = await sync()
    assert counts(first) == ("succeeded", 6, 6, 0, 0, 0)
    assert await opened_by(first["id"]) == {"docs.zip", "more.tar.gz"}
    again = await sync()
    assert (counts(again), again["documents_deleted"]) == (("succeeded", 5, 0, 5, 0, 5), 0)
    assert (await opened_by(again["id"]), await revisions(c, again["id"])) == (set(), 0)
    assert len(await uris(c, name)) == 6
    # One of its documents is taken away: it is read again, and brings that back.
    await c.execute("select ingest_delete_documents($1, array[$2])", name, f"file://{folder}/docs.zip#a.md")
    mended = await sync()
    assert (counts(mended), await opened_by(mended["id"])) == (("succeeded", 5, 1, 4, 0, 4), {"docs.zip"})
    assert counts(await sync()) == ("succeeded", 5, 0, 5, 0, 5)
    # It changes: what is in it no more goes.
    (folder / "docs.zip").write_bytes(zipped({"a.md": b"Apes.", "deep/b.md": b"Bees."}))
    changed = await sync()
    assert (counts(changed)[:3], changed["documents_deleted"]) == (("succeeded", 4, 1), 2)
    await old_enough(folder)
    await sync()
    assert counts(await sync()) == ("succeeded", 4, 0, 4, 0, 4)
    other = await sync(options=MIRROR | {"exclude": "**/b.md"})
    assert (await opened_by(other["id"]), other["documents_deleted"]) == ({"docs.zip", "more.tar.gz"}, 1)


async def test_an_archive_of_which_something_failed_is_opened_again(
    c: Connection, name: str, folder: Path, sync: Sync
) -> None:
    write(folder, [])
    (folder / "docs.zip").write_bytes(zipped({"a.md": b"Ants.", "b.png": b"\x89PNG\r\n\x1a\n" + bytes(64)}))
    await old_enough(folder)
    assert counts(await sync()) == ("partially_succeeded", 2, 1, 0, 1, 0)
    row = await sync()
    assert counts(row) == ("partially_succeeded", 2, 0, 1, 1, 1)
    assert await c.fetchval("select request_id from ingest_archives where uri ^@ $1", f"file://{folder}") == row["id"]


async def test_other_settings_and_other_readers_count_as_a_change(
    c: Connection, name: str, folder: Path, sync: Sync
) -> None:
    write(folder, range(4))
    await old_enough(folder)
    await sync()
    row = await sync(metadata={"team": "red"})
    assert counts(row) == ("succeeded", 4, 4, 0, 0, 0)
    row = await sync(metadata={"team": "red"}, options={"principals": ["reader"]})
    assert counts(row) == ("succeeded", 4, 0, 4, 0, 4)
    kept = await c.fetch("select principals from ingest_documents where collection = $1", name)
    assert [one["principals"] for one in kept] == [["reader"]] * 4


async def test_what_was_excluded_since_is_gone_and_without_mirror_nothing_is(
    c: Connection, name: str, folder: Path, sync: Sync
) -> None:
    write(folder, range(6))
    await sync()
    (folder / "sub0" / "0.md").unlink()
    await sync(options={})
    assert len(await uris(c, name)) == 6
    row = await sync(options=MIRROR | {"exclude": "sub1"})
    assert row["documents_deleted"] == 4
    assert await uris(c, name) == {f"file://{folder}/sub0/{n}.md" for n in (2, 4)}


async def test_too_many_at_once_are_kept_unless_the_request_says_otherwise(
    c: Connection, name: str, folder: Path, sync: Sync
) -> None:
    write(folder, range(8))
    await sync()
    for n in range(5):
        (folder / f"sub{n % 2}" / f"{n}.md").unlink()
    write(folder, [9])
    row = await sync(options={"mirror": True})
    error = row["error"]
    assert (row["status"], row["documents_done"], error["code"]) == ("partially_succeeded", 1, "too_many_gone")
    assert len(await uris(c, name)) == 9
    shown = error["hint"].partition("To delete them: ")[2]
    (row,) = await ended(c, await c.fetchval(shown))
    assert (row["status"], row["documents_deleted"]) == ("succeeded", 5)
    assert len(await uris(c, name)) == 4


async def test_an_empty_or_missing_source_deletes_nothing(c: Connection, name: str, folder: Path, sync: Sync) -> None:
    write(folder, range(4))
    await sync()
    moved(folder, "elsewhere")
    assert (await sync())["error"]["code"] == "not_found"
    write(folder, [])
    assert (await sync())["error"]["code"] == "empty_source"
    assert len(await uris(c, name)) == 4


async def test_a_document_goes_with_the_last_source_that_led_to_it(
    c: Connection, name: str, folder: Path, sync: Sync
) -> None:
    write(folder, range(6))
    await sync()
    half = str(folder / "sub0")
    await sync(half)
    await sync(f"file://{folder}/sub1/")
    row = await sync(options=MIRROR | {"include": "sub1/**"})
    assert (row["documents_deleted"], len(await uris(c, name))) == (0, 6)  # sub0 leads to them as well
    (folder / "sub0" / "2.md").unlink()
    row = await sync(half)
    assert (row["documents_deleted"], len(await uris(c, name))) == (1, 5)


async def test_what_failed_or_could_not_be_read_is_not_gone(c: Connection, name: str, folder: Path, sync: Sync) -> None:
    write(folder, range(4))
    (folder / "mail.eml").write_bytes(mail("one.txt", "two.txt"))
    await sync()
    everything = await uris(c, name)
    assert len(everything) == 7
    (folder / "sub0" / "0.md").write_text("")  # fails to load
    (folder / "mail.eml").write_text("")
    (folder / "sub1").rename(folder / "away")
    (folder / "sub1").symlink_to("/root")  # can't be looked into: outside
    (folder / "away").rename(folder.parent / f"{name}-away")
    row = await sync()
    assert (row["status"], row["documents_failed"], row["documents_deleted"]) == ("partially_succeeded", 3, 0)
    assert await uris(c, name) == everything


async def test_parts_and_records_that_are_there_no_more_go(c: Connection, name: str, folder: Path, sync: Sync) -> None:
    letters = folder / "mail.eml"
    letters.write_bytes(mail("one.txt", "two.txt"))
    await sync()
    assert {uri.rpartition("/")[2] for uri in await uris(c, name)} == {
        "mail.eml",
        "mail.eml#one.txt",
        "mail.eml#two.txt",
    }
    await sync()  # unchanged: its parts are there as well
    assert len(await uris(c, name)) == 3
    letters.write_bytes(mail("two.txt"))
    row = await sync()
    assert row["documents_deleted"] == 1
    assert {uri.rpartition("/")[2] for uri in await uris(c, name)} == {"mail.eml", "mail.eml#two.txt"}
    letters.unlink()
    records = folder / "notes.jsonl"
    records.write_text("".join(f'{{"id": {n}, "text": "Note {n} of {name}."}}\n' for n in range(10)))
    options = MIRROR | {"record": {"text": "text", "id": "id"}}
    row = await sync(options=options)
    assert (row["documents_done"], row["documents_deleted"]) == (10, 2)
    records.write_text("".join(f'{{"id": {n}, "text": "Note {n} of {name}."}}\n' for n in range(2, 9)))
    row = await sync(options=options)
    assert counts(row) == ("succeeded", 7, 0, 7, 0, 7)
    assert row["documents_deleted"] == 3
    assert await revisions(c, row["id"]) == 0
    records.write_text('{"id": 3, "text": \n')  # no record can be read: it is not known which are gone
    row = await sync(options=options)
    assert (row["documents_failed"] > 0, row["documents_deleted"] or 0) == (True, 0)
    assert len(await uris(c, name)) == 7


async def test_what_a_newer_request_brought_is_not_deleted(
    c: Connection, name: str, folder: Path, sync: Sync, process: ListenerProcess
) -> None:
    write(folder, range(4))
    await sync()
    (folder / "sub0" / "0.md").unlink()
    write(folder, [1], "Edited.")
    slow = uuid.uuid4()
    process.hold("before:delete_gone", key=slow)
    await add(c, id=slow, source=str(folder), collection=name, options=MIRROR)
    await to_thread.run_sync(process.held, "before:delete_gone", slow)
    write(folder, [0], "It is back.")
    process.go()
    back = await ingested(c, source=str(folder / "sub0" / "0.md"), collection=name)
    (row,) = await ended(c, slow)
    assert (back["status"], row["status"]) == ("succeeded", "succeeded")
    assert len(await uris(c, name)) == 4


async def test_a_fork_has_what_had_not_changed_too(c: Connection, name: str, folder: Path, sync: Sync) -> None:
    write(folder, range(5))
    (folder / "mail.eml").write_bytes(mail("one.txt"))
    await old_enough(folder)
    await sync()
    again = await sync()
    assert counts(again) == ("succeeded", 6, 0, 6, 0, 6)
    await c.execute("select from ingest_collection($1, $2)", name, {"chunk_size": 300, "chunk_overlap": 20})
    fork = await c.fetchval("select ingest_fork($1, 'chunk')", again["id"])
    (row,) = await ended(c, fork)
    assert (row["status"], row["documents_done"]) == ("succeeded", 7)
    assert len(await chunks(c, name)) == 7
    fork = await c.fetchval("select ingest_fork($1, 'load')", again["id"])
    (row,) = await ended(c, fork)
    assert counts(row)[0] == "succeeded"


async def test_deleting_a_request_deletes_no_documents(c: Connection, name: str, folder: Path, sync: Sync) -> None:
    write(folder, range(3))
    await old_enough(folder)
    first, second = await sync(), await sync()
    await c.execute("delete from ingest_requests where id = any ($1)", [first["id"], second["id"]])
    assert len(await uris(c, name)) == 3
    assert await c.fetchval("select count(*) from ingest_seen where request_id = $1", second["id"]) == 0
    (folder / "sub0" / "0.md").unlink()
    assert (await sync())["documents_deleted"] == 1


def mail(*attachments: str) -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "Berths", "a@example.com", "b@example.com"
    message.set_content(f"There are {len(attachments)} files in it.")
    for attached in attachments:
        message.add_attachment(f"What {attached} says.", filename=attached)
    return message.as_bytes()
