"""What is in flight has a budget: no row, however large, and no number of them takes a listener's memory."""

from __future__ import annotations

import asyncio
import re
import sys
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from listener_process import ListenerProcess
from pipeline import ended
from staging import Connection, add

from listener.pipeline.memory import MEBIBYTE, Memory, portions
from listener.pipeline.rows import Texts

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
BUDGET_MB = 96
MARGIN_MB = 64  # what the interpreter and the allocator do not give back


async def reserved(memory: Memory, size: int, order: list[int], leave: asyncio.Event) -> None:
    async with memory.reserve(size):
        order.append(size)
        await leave.wait()


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_reservations_are_granted_in_their_order_so_that_a_large_one_is_not_starved() -> None:
    memory, order = Memory(4), list[int]()  # 3 MB of it can be reserved
    first, second = asyncio.Event(), asyncio.Event()
    small = MEBIBYTE
    tasks = [asyncio.create_task(reserved(memory, 2 * MEBIBYTE, order, first))]
    await settled()
    tasks += [asyncio.create_task(reserved(memory, 3 * MEBIBYTE, order, second))]
    await settled()
    tasks += [asyncio.create_task(reserved(memory, small, order, second)) for _ in range(3)]
    await settled()
    assert order == [2 * MEBIBYTE]  # a small one would fit, but the large one asked before it
    first.set()
    await settled()
    assert order == [2 * MEBIBYTE, 3 * MEBIBYTE]
    second.set()
    await asyncio.gather(*tasks)
    assert memory.reserved == 0


async def test_what_is_larger_than_all_there_is_goes_alone() -> None:
    memory, order = Memory(4), list[int]()
    leave = asyncio.Event()
    tasks = [asyncio.create_task(reserved(memory, size, order, leave)) for size in (1, 1000 * MEBIBYTE, 2)]
    await settled()
    assert order == [1]
    leave.set()
    await asyncio.gather(*tasks)
    assert order == [1, 1000 * MEBIBYTE, 2]
    assert memory.reserved == 0


async def test_one_that_is_cancelled_while_it_waits_leaves_the_line() -> None:
    memory, order = Memory(4), list[int]()
    leave = asyncio.Event()
    holds = asyncio.create_task(reserved(memory, 2 * MEBIBYTE, order, leave))
    await settled()
    large = asyncio.create_task(reserved(memory, 3 * MEBIBYTE, order, leave))
    await settled()
    small = asyncio.create_task(reserved(memory, MEBIBYTE, order, leave))
    await settled()
    large.cancel()
    await settled()
    assert order == [2 * MEBIBYTE, MEBIBYTE]
    leave.set()
    await asyncio.gather(holds, small)
    assert memory.reserved == 0


def test_texts_are_kept_as_far_as_there_is_room_and_never_waited_for() -> None:
    memory = Memory(4)  # 1 MB of it is for what is kept
    one, two = Texts(memory), Texts(memory)
    one.keep(1, "x" * 700_000)
    two.keep(2, "y" * 700_000)
    two.keep(3, "z" * 100_000)
    assert (sorted(one.kept), sorted(two.kept)) == ([1], [3])
    one.let_go()
    two.keep(2, "y" * 700_000)
    assert sorted(two.kept) == [2, 3]


def test_a_wide_text_counts_with_what_it_takes() -> None:
    memory = Memory(4)
    texts = Texts(memory)
    texts.keep(1, "x" * 700_000 + "\U0001f600")  # four bytes for each character
    assert texts.kept == {}


def test_portions_keep_their_order_and_their_bound() -> None:
    found = [list(one.rows) for one in portions([3, 3, 3, 20, 1, 9], lambda row: row, 10)]
    assert found == [[3, 3, 3], [20], [1, 9]]


# a listener


def peak(pid: int) -> int:
    """Return the most memory that a process ever occupied, in MB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) // 1024


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
async def test_many_large_documents_at_once_stay_within_the_budget(
    ready: str, own: Connection, tmp_path: Path, listeners: list[ListenerProcess]
) -> None:
    """Blank ones: they are read and decoded like all others, and then Postgres has nothing to index."""
    root = tmp_path / "root"
    root.mkdir()
    for number in range(4):
        (root / f"{number}.txt").write_text(" " * 20 * MEBIBYTE)
    listener = ListenerProcess(ready, tmp_path, file_roots=root, memory_mb=BUDGET_MB, max_document_bytes=24 * MEBIBYTE)
    listeners.append(listener)
    listener.ready()
    await ended(own, await add(own, collection="c", content="a text, so that the embedder is there"))
    idle = peak(listener.process.pid)
    query = """insert into ingest_requests (collection, content)
      select 'c', repeat(' ', $1) from generate_series(1, 10) returning id"""
    rows = [row["id"] for row in await own.fetch(query, 20 * MEBIBYTE)]
    rows.append(await add(own, collection="c", source=str(root)))
    found = await ended(own, *rows, within=90)
    assert {row["error"]["code"] for row in found} == {"no_text", "documents_failed"}
    assert peak(listener.process.pid) - idle < BUDGET_MB + MARGIN_MB
    assert listener.stop() == 0


def packed(kilobytes: int) -> bytes:
    """Return a Word file with so much text, a hundredth of that in size."""
    paragraph = "<w:p><w:r><w:t>" + "a word " * 146 + "</w:t></w:r></w:p>"
    body = f'<w:document xmlns:w="{WORD}"><w:body>{paragraph * kilobytes}</w:body></w:document>'
    with BytesIO() as file:
        with ZipFile(file, "w", ZIP_DEFLATED) as archive:
            archive.writestr("[Content_Types].xml", "<Types/>")
            archive.writestr("word/document.xml", body)
        return file.getvalue()


async def test_a_text_far_larger_than_its_file_is_taken_up_to_the_limit(
    ready: str, own: Connection, tmp_path: Path, listeners: list[ListenerProcess]
) -> None:
    listener = ListenerProcess(ready, tmp_path, max_document_bytes=2 * MEBIBYTE)
    listeners.append(listener)
    listener.ready()
    small, large = packed(1100), packed(2200)
    assert len(large) < 100_000
    rows = [await add(own, uri=name, content_bytes=data) for name, data in (("1.docx", small), ("2.docx", large))]
    rows.append(await add(own, uri="1.txt", content_bytes=small))  # its name promises text, which is not as packed
    found = await ended(own, *rows)
    assert [(row["status"], row["error"] and row["error"]["code"]) for row in found] == [
        ("succeeded", None), ("failed", "too_large"), ("succeeded", None),
    ]  # fmt: skip


async def test_a_file_that_has_grown_since_it_was_found_is_read_all_the_same(
    ready: str, own: Connection, tmp_path: Path, listeners: list[ListenerProcess]
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "grows.txt").write_text("short")
    (root / "too large.txt").write_text("short")
    (root / "same.txt").write_text("of the same size")
    listener = ListenerProcess(ready, tmp_path, file_roots=root, max_document_bytes=300_000)
    listeners.append(listener)
    listener.ready()
    listener.hold("before:to_load")
    request = await add(own, collection="c", source=str(root))
    listener.held("before:to_load")
    (root / "grows.txt").write_text("a line that came later\n" * 10_000)
    (root / "too large.txt").write_text("a line that came later\n" * 20_000)
    listener.go()
    await ended(own, request)
    found = await own.fetch(
        "select uri, state, error ->> 'code' as code, bytes from ingest_revisions where request_id = $1 order by uri",
        request,
    )
    assert [(row["uri"].rpartition("/")[2], row["state"], row["code"]) for row in found] == [
        ("grows.txt", "published", None), ("same.txt", "published", None), ("too%20large.txt", "failed", "too_large"),
    ]  # fmt: skip
    assert found[0]["bytes"] == 230_000
