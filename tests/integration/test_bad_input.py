"""Whatever is wrong with its input, a request or a document gets a code, a message that names the thing, and a hint.

The other documents are fine, and the listener goes on: all of this goes through one of them.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from listener_process import ListenerProcess
from pipeline import chunks, ended, ingested, one, uris
from staging import Connection, add, collection

GIGABYTE = 1024**3


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(path.parent)  # the names of sockets are short
        try:
            server.bind(path.name)
        finally:
            os.chdir(here)


def make_sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2 * GIGABYTE)


def make_unreadable(path: Path) -> None:
    path.write_text("secret")
    path.chmod(0)


REQUESTS = {
    "another host's file": ("file://elsewhere/docs/a.md", "invalid_source"),
    "missing path": ("{root}/nope", "not_found"),
    "missing folder of a glob": ("{root}/nope/*.md", "not_found"),
    "empty folder": ("{root}/empty", "empty_source"),
    "glob without a match": ("{root}/empty/*.docx", "empty_source"),
    "outside of the roots by ..": ("{root}/../../stderr.log", "outside_roots"),
    "outside of the roots by a link": ("{root}/out", "outside_roots"),
    "a link in a loop": ("{root}/round", "not_found"),
    "a FIFO": ("{root}/fifo", "not_a_file"),
    "a device": ("{root}/zero", "outside_roots"),
    "a folder that can't be listed": ("{root}/locked", "unreadable"),
}


@pytest.mark.parametrize("case", REQUESTS)
async def test_a_source_that_cannot_be_read_fails_the_request_at_once(
    c: Connection, name: str, folder: Path, case: str
) -> None:
    source, code = REQUESTS[case]
    (folder / "empty").mkdir()
    (folder / "out").symlink_to("/etc/passwd")
    (folder / "round").symlink_to(folder / "round")
    (folder / "zero").symlink_to("/dev/zero")
    (folder / "locked").mkdir(mode=0)
    make_fifo(folder / "fifo")
    source = source.format(root=folder)
    row = await ingested(c, source=source, collection=name)
    assert (row["status"], row["error"]["code"]) == ("failed", code)
    assert source in row["error"]["message"]
    assert row["error"]["hint"]
    assert "root:" not in str(row["error"]["message"])
    assert (await c.fetchval("select count(*) from ingest_revisions where request_id = $1", row["id"])) == 0


async def test_a_source_whose_scheme_no_listener_reads_waits_and_says_so(c: Connection, name: str) -> None:
    request = await add(c, source="s3://bucket/prefix", collection=name)
    row = await one(c, "select status, waiting_for from ingest_status where id = $1", request)
    assert row["status"] == "pending"
    assert row["waiting_for"].startswith("root: no running listener has a root that contains s3://bucket/prefix")
    await c.execute("select ingest_cancel($1)", request)


DOCUMENTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty.txt": (lambda path: path.write_bytes(b""), "empty_document"),
    "blank.md": (lambda path: path.write_text(" \n\t\n"), "no_text"),
    "sparse.txt": (make_sparse, "too_large"),
    "program.exe": (lambda path: path.write_bytes(b"MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff" * 200), "unsupported"),
    "renamed": (lambda path: path.write_bytes(b"\x7fELF\2\1\1" + bytes(range(32)) * 100), "unsupported"),
    "picture.png": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" * 9), "unsupported"),
    "unreadable.txt": (make_unreadable, "unreadable"),
    "fifo": (make_fifo, "not_a_file"),
    "socket": (make_socket, "not_a_file"),
    "zero": (lambda path: path.symlink_to("/dev/zero"), "outside_roots"),
    "out.txt": (lambda path: path.symlink_to("/etc/passwd"), "outside_roots"),
    "out": (lambda path: path.symlink_to("/etc"), "outside_roots"),
    "dangling.txt": (lambda path: path.symlink_to(path.parent / "nowhere"), "not_found"),
    "empty.html": (lambda path: path.write_text("<html><body><script>1</script></body></html>"), "no_text"),
}


async def test_bad_documents_fail_alone(c: Connection, name: str, folder: Path, process: ListenerProcess) -> None:
    for file, (make, _) in DOCUMENTS.items():
        make(folder / file)
    (folder / "good.md").write_text("A good text.")
    (folder / "sub").mkdir()
    (folder / "sub" / "loop").symlink_to(folder)
    (folder / "sub" / "good.md").write_text("Another good text.")
    row = await ingested(c, source=str(folder), collection=name)
    assert row["status"] == "partially_succeeded"
    assert (row["documents_done"], row["documents_failed"]) == (2, len(DOCUMENTS))
    failures = {
        failure["uri"].rpartition("/")[2]: failure
        for failure in await c.fetch("select * from ingest_failures where request_id = $1", row["id"])
    }
    assert {file: failure["code"] for file, failure in failures.items()} == {
        file: code for file, (_, code) in DOCUMENTS.items()
    }
    for file, failure in failures.items():
        assert f"{folder}/{file}" in failure["message"]
        assert failure["hint"]
        assert failure["step"] in ("discover", "load")
    assert await uris(c, name) == {f"file://{folder}/good.md", f"file://{folder}/sub/good.md"}
    assert process.process.poll() is None


JAPANESE = (
    "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。何でも薄暗いじ"
    "めじめした所でニャーニャー泣いていた事だけは記憶している。"
)
TEXTS: dict[str, tuple[bytes, str]] = {
    "nul.txt": (b"before\0after", "beforeafter"),
    "invalid.txt": ("naïve café, ".encode() * 20 + b"broken \xff here", "broken \ufffd here"),
    "latin.txt": ("Die Straße führt über die Brücke nach Süden.".encode("latin-1"), "Straße führt über"),
    "shift-jis.txt": (JAPANESE.encode("shift_jis"), JAPANESE),
    "utf-16.txt": ("Über alles in UTF-16".encode("utf-16"), "Über alles in UTF-16"),
    "utf-16-le.txt": ("Nothing marks this text.".encode("utf-16-le"), "Nothing marks this text."),
    "broken.html": (b"<html><body><h1>Open<p>No end <b>of <div>tags <table><tr><td>here", "here"),
    "declared.html": (b'<meta charset="iso-8859-1"><p>Gr\xf6\xdfe</p>', "Größe"),
    "spaces in its name, ü and %41.txt": (b"Odd name.", "Odd name."),
}


async def test_odd_texts_become_valid_unicode(c: Connection, name: str, folder: Path) -> None:
    for file, (data, _) in TEXTS.items():
        (folder / file).write_bytes(data)
    row = await ingested(c, source=str(folder), collection=name)
    assert (row["status"], row["documents_done"]) == ("succeeded", len(TEXTS)), row["error"]
    found = {chunk["uri"].rpartition("/")[2]: chunk["text"] for chunk in await chunks(c, name)}
    for file, (_, expected) in TEXTS.items():
        uri = "spaces%20in%20its%20name,%20%C3%BC%20and%20%2541.txt" if file.startswith("spaces") else file
        assert expected in found[uri]


@pytest.mark.parametrize("characters", [100_000, pytest.param(1_000_000, marks=pytest.mark.long)])
async def test_a_line_of_a_million_characters_is_cut(c: Connection, name: str, folder: Path, characters: int) -> None:
    (folder / "long.txt").write_text("猫a" * (characters // 2))
    await collection(c, name, chunk_size=2000)
    row = await ingested(c, source=str(folder), collection=name)
    assert row["status"] == "succeeded"
    found = await c.fetch("select start_char, end_char from ingest_chunks where collection = $1 order by ordinal", name)
    assert (found[0]["start_char"], found[-1]["end_char"]) == (0, characters)
    assert all(chunk["end_char"] - chunk["start_char"] <= 2000 for chunk in found)
    assert all(after["start_char"] <= before["end_char"] for before, after in itertools.pairwise(found))


async def test_a_file_that_goes_away_or_changes_between_discovery_and_reading(
    c: Connection, name: str, folder: Path, process: ListenerProcess
) -> None:
    for file in ("gone.md", "pipe.md", "stays.md"):
        (folder / file).write_text("Some text.")
    process.hold("before:to_load")
    request = await add(c, source=str(folder), collection=name)
    await asyncio.to_thread(process.held, "before:to_load")
    (folder / "gone.md").unlink()
    (folder / "pipe.md").unlink()
    make_fifo(folder / "pipe.md")
    process.go()
    row = (await ended(c, request))[0]
    assert (row["status"], row["documents_done"], row["documents_failed"]) == ("partially_succeeded", 1, 2)
    codes = await c.fetch("select code from ingest_failures where request_id = $1 order by uri", request)
    assert [failure["code"] for failure in codes] == ["not_found", "not_a_file"]


async def test_settings_changed_while_a_request_runs_count_from_the_next_one_on(
    c: Connection, name: str, folder: Path, process: ListenerProcess
) -> None:
    await collection(c, name, chunk_size=100, chunk_overlap=0)
    (folder / "a.txt").write_text("One sentence of some length. " * 40)
    process.hold("after:save_loaded")
    request = await add(c, source=str(folder), collection=name)
    await asyncio.to_thread(process.held, "after:save_loaded")
    await collection(c, name, chunk_size=1000, passage_prefix="p: ")
    with pytest.raises(asyncpg.PostgresError, match="in its space") as refused:
        await collection(c, name, dimensions=64)
    assert refused.value.sqlstate == "IG013"
    process.go()
    row = (await ended(c, request))[0]
    assert (row["status"], row["settings"]["chunk_size"]) == ("succeeded", 100)
    assert all(len(chunk["text"]) <= 100 for chunk in await chunks(c, name))
    again = await ingested(c, source=str(folder), collection=name)
    assert again["documents_done"] == 1
    assert max(len(chunk["text"]) for chunk in await chunks(c, name)) > 500
    assert all(text.startswith("p: ") for text in process.embedded("One sentence")[-2:])


async def test_max_bytes_of_a_request_refuses_larger_documents(c: Connection, name: str, folder: Path) -> None:
    (folder / "large.txt").write_text("large " * 100)
    (folder / "small.txt").write_text("small")
    row = await ingested(c, source=str(folder), collection=name, options={"max_bytes": 100})
    assert (row["documents_done"], row["documents_failed"]) == (1, 1)
    assert await c.fetchval("select code from ingest_failures where request_id = $1", row["id"]) == "too_large"


async def test_one_bad_inline_document_is_the_error_of_its_request(c: Connection, name: str) -> None:
    rows = await ended(
        c,
        await add(c, collection=name, uri="empty", content=""),
        await add(c, collection=name, uri="zip", content_bytes=b"PK\3\4\0\0\0\0" * 50),
        await add(c, collection=name, uri="large", content="x" * 9_000, options={"max_bytes": 8_000}),
    )
    assert [(row["status"], row["error"]["code"]) for row in rows] == [
        ("failed", "empty_document"), ("failed", "unsupported"), ("failed", "too_large"),
    ]  # fmt: skip
    for row in rows:
        assert row["uri"] in row["error"]["message"]
        assert row["error"]["hint"]
        assert row["error"]["step"] == "load"  # from where ingest_retry goes on, under a higher limit
