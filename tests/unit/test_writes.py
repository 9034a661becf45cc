"""Results that are written now and then, while others are on their way."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping

import asyncpg
import pytest

from listener.documents.headway import Headway, current
from listener.errors import LostOwnership
from listener.pipeline import writes
from listener.pipeline.rows import Fence
from listener.pipeline.under_way import Headways
from listener.pipeline.writes import written_now_and_then


class Written:
    """Keeps what was written, and says when."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.called = asyncio.Event()

    async def __call__(self, results: list[int]) -> None:
        self.calls.append(results)
        self.called.set()


async def test_what_is_there_is_written_while_others_are_on_their_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writes, "WRITE_SECONDS", 0.001)
    written = Written()
    async with written_now_and_then(written) as write:
        write([1, 2])
        await asyncio.wait_for(written.called.wait(), 20)
        write([3])
    assert [one for call in written.calls for one in call] == [1, 2, 3]
    assert written.calls[0] == [1, 2]


async def test_what_is_quick_is_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writes, "WRITE_SECONDS", 3600)
    written = Written()
    async with written_now_and_then(written) as write:
        write([1])
        await asyncio.sleep(0)
        write([2, 3])
    assert written.calls == [[1, 2, 3]]


async def test_nothing_is_written_where_there_is_nothing() -> None:
    written = Written()
    async with written_now_and_then(written) as write:
        write([])
    assert written.calls == []


async def test_a_write_that_fails_ends_the_work_with_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writes, "WRITE_SECONDS", 0.001)

    async def refuse(results: list[int]) -> None:
        raise LookupError(f"{results} belong to another one")

    async def work() -> None:
        async with written_now_and_then(refuse) as write:
            write([1])
            await asyncio.Event().wait()

    with pytest.raises(LookupError):
        await work()


async def test_after_an_error_nothing_more_is_written() -> None:
    written = Written()

    async def work() -> None:
        async with written_now_and_then(written) as write:
            write([1])
            raise LookupError

    with pytest.raises(LookupError):
        await work()
    assert written.calls == []


class Noted:
    """Keeps what was noted of documents' shares, and refuses what ``refusal`` says."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.refusal = refusal
        self.calls: list[dict[int, float]] = []

    async def note_headway(self, fence: Fence, step: str, shares: Mapping[int, float]) -> None:
        self.calls.append({**shares})
        if self.refusal:
            raise self.refusal


def fence(requests: int = 1) -> Fence:
    return Fence(tuple(uuid.uuid4() for _ in range(requests)), 0, uuid.uuid4())


async def test_how_far_documents_are_is_written_when_it_has_moved() -> None:
    noted = Noted()
    headways = Headways(noted, fence(), "load")
    with headways.of(1), headways.of(2):
        current().told(0.5)  # type: ignore[union-attr]  # of the inner one
        for _ in range(3):
            await headways.write()
    await headways.write()
    assert noted.calls == [{2: 0.5}]


async def test_requests_that_share_a_batch_note_nothing() -> None:
    noted = Noted()
    headways = Headways(noted, fence(2), "load")
    with headways.of(1):
        current().told(0.5)  # type: ignore[union-attr]
        await headways.write()
    assert noted.calls == []


async def test_no_document_is_read_again_since_how_far_it_is_could_not_be_written() -> None:
    noted = Noted(asyncpg.LockNotAvailableError("canceling statement due to lock timeout"))
    headways = Headways(noted, fence(), "load")
    with headways.of(1):
        current().told(0.5)  # type: ignore[union-attr]
        await headways.write()
        noted.refusal = LostOwnership("lost_ownership", "it has another owner")
        with pytest.raises(LostOwnership):
            await headways.write()
    assert noted.calls == [{1: 0.5}, {1: 0.5}]


def test_parts_share_what_is_left_and_nothing_falls() -> None:
    headway, seen = Headway(), []
    headway.part(of=1)
    headway.begin(10_000_000)
    headway.worked(3)  # the whole, which turns out to have four parts
    seen.append(headway.share)
    for left in (4, 3, 2, 1):
        headway.part(of=left)
        headway.begin(10)
        headway.told(0.5)
        seen.append(headway.share)
        headway.worked(100)  # it tells by itself
        headway.begin(10)
        headway.told(0.1)  # another attempt
        seen.append(headway.share)
        headway.done()
        seen.append(headway.share)
    assert seen == sorted(seen)
    assert seen[0] == pytest.approx(0.2)
    assert seen[-1] == 1
