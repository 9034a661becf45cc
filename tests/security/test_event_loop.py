"""Nothing that grows with what strangers send runs on the listener's event loop: its longest turn gets no longer.

A turn is what the loop calls between two looks at its sockets; its length is counted in steps of our code, not seconds.
"""

from __future__ import annotations

import asyncio
import json
import signal
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from listener_process import ListenerProcess
from pipeline import ended, until
from staging import Connection, add, session

from listener import embedded

# Counts in the listener's main thread, where its loop runs. SIGUSR1: write down the longest turn and begin anew.
COUNTING = """
import asyncio.events, json, pathlib, signal, sys
longest, count, where = 0, 0, ""
def event(frame, kind, argument):
    global count, where
    if "/listener/" not in frame.f_code.co_filename:
        return None
    count += 1
    where = frame.f_code.co_qualname if hasattr(frame.f_code, "co_qualname") else frame.f_code.co_name
    return event
run = asyncio.events.Handle._run
def counted(handle):
    global longest, count
    count = 0
    run(handle)
    if count > longest[0]:
        longest = count, where
longest = (0, "")
def tell(*_):
    global longest
    file = pathlib.Path("turns.json")
    file.with_suffix(".new").write_text(json.dumps(longest))
    file.with_suffix(".new").rename(file)
    longest = (0, "")
if sys.argv[-1:] == ["listen"]:
    asyncio.events.Handle._run = counted
    signal.signal(signal.SIGUSR1, tell)
    sys.settrace(event)
"""


@pytest.fixture(scope="module")
def counted(
    server: embedded.Server, ready_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ListenerProcess]:
    """A listener that counts, in a database of this module's."""
    folder = tmp_path_factory.mktemp("counted")
    (folder / "docs").mkdir()
    (folder / "sitecustomize.py").write_text(COUNTING)
    name = f"counted_{uuid.uuid4().hex}"
    asyncio.run(server.create_database(name, ready_template))
    process = ListenerProcess(server.dsn(name), folder, path=folder, file_roots=folder / "docs")
    try:
        yield process.ready()
    finally:
        process.kill()
        asyncio.run(server.drop_database(name))


@pytest.fixture
async def own(counted: ListenerProcess) -> AsyncIterator[Connection]:
    """A session in that database."""
    async with session(counted.dsn) as connection:
        yield connection


@pytest.fixture
def folder(counted: ListenerProcess) -> Path:
    """A folder of the test's own that the listener may read."""
    made = turns_of(counted).parent / "docs" / uuid.uuid4().hex
    made.mkdir()
    return made


def turns_of(process: ListenerProcess) -> Path:
    return process.folder / "turns.json"


async def longest_turn(process: ListenerProcess) -> tuple[int, str]:
    file = turns_of(process)
    file.unlink(missing_ok=True)
    process.signal(signal.SIGUSR1)
    await until(lambda: _exists(file))
    steps, where = json.loads(await asyncio.to_thread(file.read_text))
    return steps, where


async def _exists(file: Path) -> bool:
    return await asyncio.to_thread(file.exists)


def plain_text(folder: Path) -> dict[str, Any]:
    (folder / "words.txt").write_text("some words that say nothing, over and over again.\n" * 32_000)
    return {}


def headings(folder: Path) -> dict[str, Any]:
    (folder / "headings.md").write_text("\n\n".join(f"# Heading {n}\n\n{'words ' * 200}" for n in range(1000)))
    return {}


def records(folder: Path) -> dict[str, Any]:
    lines = [json.dumps({"text": f"row {n}", "tags": ["a"] * 20}) for n in range(3000)]
    (folder / "rows.jsonl").write_text("\n".join(lines))
    return {"record": {"text": "text", "metadata": ["tags"]}}


def files(folder: Path) -> dict[str, Any]:
    for n in range(5000):
        (folder / f"{n}.log").touch()
    (folder / "one.md").write_text("the only one that is wanted")
    return {"include": ["*[m]d", "?*?*?*?*!"]}


def attachments(folder: Path) -> dict[str, Any]:
    part = "--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\n"
    body = "".join(f"{part}attached {n} {'word ' * 100}\n" for n in range(240))
    (folder / "a.eml").write_text(f"Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n{body}--b--\n")
    return {}


# The second of each: some times what such a turn takes today. A loop over all that came takes far more.
@pytest.mark.parametrize(
    ("make", "most"),
    [(plain_text, 15_000), (headings, 15_000), (records, 100_000), (files, 2_000), (attachments, 15_000)],
)
async def test_the_longest_turn_of_the_loop_has_a_bound_whatever_is_ingested(
    counted: ListenerProcess, own: Connection, folder: Path, make: Callable[[Path], dict[str, Any]], most: int
) -> None:
    options = make(folder)
    await longest_turn(counted)  # of its start
    request = await add(own, source=str(folder), options=options)
    (row,) = await ended(own, request, within=90)
    assert (row["status"], row["documents_failed"]) == ("succeeded", 0), row["error"]
    steps, where = await longest_turn(counted)
    assert 0 < steps < most, where


async def test_the_review_s_pattern_and_blanks_hold_up_nobody(
    counted: ListenerProcess, own: Connection, folder: Path
) -> None:
    """Each froze a listener: cancel and SIGTERM did nothing."""
    (folder / ("a" * 35)).touch()
    (folder / "blanks.md").write_text(f"---\ntitle: {' ' * 20_000}\n---\n# {' ' * 20_000}x\n\nsome words")
    attack = await add(own, source=str(folder), options={"include": ["?*?*?*?*?*?*?*?*!"]})
    blanks = await add(own, source=str(folder / "blanks.md"))
    harmless = await add(own, content="somebody else's", uri="other")
    rows = await ended(own, attack, blanks, harmless)
    assert [row["status"] for row in rows] == ["failed", "succeeded", "succeeded"]
    assert rows[0]["error"]["code"] == "empty_source"
    steps, where = await longest_turn(counted)
    assert 0 < steps < 15_000, where
