"""Archives through whole listeners: ingested, unchanged, changed, broken, in rows, and with a death in the middle."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from listener_process import ListenerProcess
from made_archives import tarred, zipped
from pipeline import chunks, ended, ingested, uris
from staging import Connection, add

ZIP = {"a.md": b"# A\n\nAnts.", "guide/b.md": b"# B\n\nBees.", "guide/.notes.md": b"hidden"}
TAR = {"./c.txt": b"Cats.", "deep/d.html": b"<h1>D</h1><p>Dogs."}


async def test_archives_in_a_folder_become_documents_and_only_what_changed_is_read_again(
    c: Connection, name: str, folder: Path, process: ListenerProcess
) -> None:
    (folder / "docs.zip").write_bytes(zipped(ZIP))
    (folder / "more.tar.gz").write_bytes(tarred(TAR, "w:gz"))
    (folder / "n.md").write_text("Newts.")
    row = await ingested(c, source=str(folder), collection=name)
    assert (row["status"], row["documents_done"], row["error"]) == ("succeeded", 5, None)
    start = f"file://{folder}"
    assert {chunk["uri"]: chunk["text"] for chunk in await chunks(c, name)} == {
        f"{start}/docs.zip#a.md": "# A\n\nAnts.",
        f"{start}/docs.zip#guide/b.md": "# B\n\nBees.",
        f"{start}/more.tar.gz#c.txt": "Cats.",
        f"{start}/more.tar.gz#deep/d.html": "# D\n\nDogs.",
        f"{start}/n.md": "Newts.",
    }
    seen = await c.fetch(
        "select locator, version, modified_at is not null as dated from ingest_revisions where request_id = $1"
        " and locator like '%+file:%' order by uri", row["id"],
    )  # fmt: skip
    assert [one["locator"] for one in seen] == [
        f"zip+{start}/docs.zip#a.md", f"zip+{start}/docs.zip#guide/b.md",
        f"tar+{start}/more.tar.gz#c.txt", f"tar+{start}/more.tar.gz#deep/d.html",
    ]  # fmt: skip
    assert all(one["version"] for one in seen)
    sent = len(process.embedded(""))
    (folder / "docs.zip").write_bytes(zipped(ZIP | {"a.md": b"# A\n\nApes."}))
    again = await ingested(c, source=str(folder), collection=name)
    assert (again["documents_done"], again["documents_skipped"]) == (1, 4)
    assert len(process.embedded("")) - sent == 1


async def test_a_member_a_folder_and_a_glob_in_an_archive_are_sources(c: Connection, name: str, folder: Path) -> None:
    path = folder / "docs.zip"
    path.write_bytes(zipped(ZIP | {"guide/deep/e.md": b"Eels."}))
    requests = [await add(c, source=f"{path}#{inside}", collection=f"{name[:40]}-{n}")
                for n, inside in enumerate(["a.md", "guide", "**/d*/*.md"])]  # fmt: skip
    rows = await ended(c, *requests)
    assert [(row["status"], row["error"]) for row in rows] == [("succeeded", None)] * 3
    found = [await uris(c, f"{name[:40]}-{n}") for n in range(3)]
    start = f"file://{path}#"
    assert found == [
        {f"{start}a.md"},
        {f"{start}guide/b.md", f"{start}guide/deep/e.md"},
        {f"{start}guide/deep/e.md"},
    ]


async def test_a_broken_archive_is_a_failure_among_others_and_ends_a_request_of_its_own(
    c: Connection, name: str, folder: Path
) -> None:
    (folder / "cut.zip").write_bytes(zipped(ZIP)[:-40])
    whole = tarred({f"{n}.txt": b"Word %d." % n * 200 for n in range(20)})
    (folder / "cut.tar").write_bytes(whole[: len(whole) // 2])
    (folder / "odd.zip").write_bytes(zipped({"../up.md": b"x", "ok.md": b"Fine.", "in.zip": b"PK"}))
    row = await ingested(c, source=str(folder), collection=name)
    assert row["status"] == "partially_succeeded"
    failures = await c.fetch(
        "select uri, code, hint from ingest_failures where request_id = $1 order by uri", row["id"]
    )
    start = f"file://{folder}"
    assert [(one["uri"].removeprefix(start), one["code"]) for one in failures] == [
        ("/cut.tar", "bad_archive"), ("/cut.zip", "bad_archive"),
        ("/odd.zip#..%2Fup.md", "bad_member_name"), ("/odd.zip#in.zip", "nested_archive"),
    ]  # fmt: skip
    assert all(one["hint"] for one in failures)
    found = await uris(c, name)
    assert f"{start}/odd.zip#ok.md" in found
    assert len(found) > 5
    alone, gone = await ended(
        c,
        await add(c, source=str(folder / "cut.zip"), collection=name),
        await add(c, source=f"{folder}/odd.zip#no.md", collection=name),
    )
    assert (alone["status"], alone["error"]["code"]) == ("failed", "bad_archive")
    assert (gone["status"], gone["error"]["code"]) == ("failed", "not_found")


async def test_an_archive_in_a_row_is_ingested_retried_and_forked(c: Connection, name: str) -> None:
    for kind, uri, data in (
        ("application/zip", "upload", zipped(ZIP)),
        (None, "more.tar.gz", tarred({"a.md": b"# A\n\nAnts.", "guide/b.md": b"# B\n\nBees."}, "w:gz")),
    ):
        row = await ingested(c, content_bytes=data, media_type=kind, uri=uri, collection=name)
        assert (row["status"], row["documents_done"], row["error"]) == ("succeeded", 2, None)
        assert f"{uri}#guide/b.md" in await uris(c, name)
        locators = await c.fetch("select locator from ingest_revisions where request_id = $1", row["id"])
        assert str(row["id"]) not in str(locators)
        forked = await c.fetchval("select ingest_fork($1, 'load')", row["id"])
        (fork,) = await ended(c, forked)
        assert (fork["status"], fork["documents_skipped"]) == ("succeeded", 2)
    texts = {chunk["uri"]: (chunk["text"], chunk["title"]) for chunk in await chunks(c, name)}
    assert texts["upload#a.md"] == ("# A\n\nAnts.", "A")


async def test_records_in_an_archive_are_documents(c: Connection, name: str, folder: Path) -> None:
    lines = "".join(json.dumps({"id": n, "text": f"Row {n}."}) + "\n" for n in range(300)).encode()
    (folder / "rows.zip").write_bytes(zipped({"day/rows.jsonl": lines}))
    (folder / "rows.tar.gz").write_bytes(tarred({"rows.jsonl": lines}, "w:gz"))
    options = {"record": {"text": "text", "id": "id"}}
    row = await ingested(c, source=str(folder), collection=name, options=options)
    assert (row["status"], row["documents_done"], row["error"]) == ("succeeded", 600, None)
    found = await uris(c, name)
    assert f"file://{folder}/rows.zip#day/rows.jsonl#299" in found
    assert f"file://{folder}/rows.tar.gz#rows.jsonl#0" in found
    again = await ingested(c, source=str(folder), collection=name, options=options)
    assert again["documents_skipped"] == 600
    inline = await ingested(
        c, content_bytes=zipped({"rows.jsonl": lines}), uri="up.zip", collection=name, options=options
    )
    assert (inline["status"], inline["documents_done"]) == ("succeeded", 300)


@pytest.mark.long
async def test_another_listener_goes_on_in_the_middle_of_archives(
    own: Connection, ready: str, listeners: list[ListenerProcess], tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.zip").write_bytes(zipped({f"{n}.md": b"Zip %d." % n for n in range(20)}))
    (docs / "b.tar.gz").write_bytes(tarred({f"{n}.md": b"Tar %d." % n for n in range(20)}, "w:gz"))
    settings: dict[str, Any] = {"file_roots": docs, "batch_documents": 8, "heartbeat_seconds": 0.2, "lease_seconds": 1}
    victim = ListenerProcess(ready, tmp_path / "victim", **settings).ready()
    listeners.append(victim)
    victim.hold("before:save_loaded", 3)
    request = await add(own, source=str(docs), collection="archives")
    await asyncio.to_thread(victim.held, "before:save_loaded")
    victim.signal(signal.SIGKILL)
    victim.ended()
    listeners.append(ListenerProcess(ready, tmp_path / "other", **settings).ready())
    (row,) = await ended(own, request)
    assert (row["status"], row["documents_done"], row["error"]) == ("succeeded", 40, None)
    texts = {chunk["text"] for chunk in await chunks(own, "archives")}
    assert texts == {f"{kind} {n}." for kind in ("Zip", "Tar") for n in range(20)}
