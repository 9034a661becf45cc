"""Results that are written now and then, while others are on their way."""

from __future__ import annotations

import asyncio

import pytest

from listener.pipeline import writes
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
