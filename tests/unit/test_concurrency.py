"""A task group raises what went wrong itself, and lets cancelling pass."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine
from functools import partial
from typing import Any

import pytest

from listener.concurrency import assembly_line, first_error, task_group

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup, ExceptionGroup


class Exit(BaseException):
    """Like KeyboardInterrupt, which the runner would take for itself."""


async def fail(error: BaseException) -> None:
    raise error


async def together(*calls: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async with task_group() as tasks:
        for call in calls:
            tasks.start_soon(call)


async def test_the_block_ends_when_all_tasks_have() -> None:
    done: list[int] = []

    async def note(number: int) -> None:
        await asyncio.sleep(0)
        done.append(number)

    async with task_group() as tasks:
        for number in range(3):
            tasks.start_soon(note, number)
    assert sorted(done) == [0, 1, 2]


async def test_an_error_of_a_task_is_raised_itself_with_its_cause_and_ends_the_others() -> None:
    ended: list[str] = []
    cause = KeyError("cause")
    error = ValueError("wrong")
    error.__cause__ = cause

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("endless")

    with pytest.raises(ValueError, match="wrong") as caught:
        await together(endless, partial(fail, error))
    assert caught.value is error
    assert caught.value.__cause__ is cause
    assert ended == ["endless"]


async def test_of_several_errors_the_first_is_raised() -> None:
    async def fail_at_the_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise LookupError("second")

    with pytest.raises(ValueError, match="first"):
        await together(fail_at_the_end, partial(fail, ValueError("first")))


async def test_an_error_of_the_block_is_raised_itself_too() -> None:
    error = ValueError("of the block")

    async def block() -> None:
        async with task_group() as tasks:
            tasks.start_soon(asyncio.Event().wait)
            raise error

    with pytest.raises(ValueError, match="of the block") as caught:
        await block()
    assert caught.value is error


async def test_groups_in_groups_raise_one_error() -> None:
    with pytest.raises(ValueError, match="deep"):
        await together(partial(together, partial(fail, ValueError("deep"))))


async def test_cancelling_passes_to_the_tasks_and_arrives_as_itself() -> None:
    started = asyncio.Event()
    cancelled: list[bool] = []

    async def endless() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    waiting = asyncio.create_task(together(endless))
    await started.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert waiting.cancelled()
    assert cancelled == [True]


def test_what_asks_to_exit_comes_before_other_errors() -> None:
    asks = Exit()
    assert first_error(BaseExceptionGroup("", [ValueError(), ExceptionGroup("", [KeyError()]), asks])) is asks
    inner = KeyError("inner")
    assert first_error(ExceptionGroup("", [ExceptionGroup("", [inner]), ValueError()])) is inner
    assert first_error(inner) is inner


class Pages:
    """A generator of numbers that says how far it is; it fails behind the last one, if it has an error."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.begun = [asyncio.Event() for _ in range(count)]
        self.closed = False
        self._error = error

    async def __call__(self) -> AsyncGenerator[int, None]:
        try:
            for number, begun in enumerate(self.begun):
                begun.set()
                yield number
            if self._error:
                raise self._error
        finally:
            self.closed = True


async def same(page: int) -> int:
    return page


async def test_a_page_is_made_and_another_looked_at_while_one_is_written_and_no_more_than_these() -> None:
    pages, looked, had = Pages(5), [asyncio.Event() for _ in range(5)], []

    async def look(page: int) -> int:
        looked[page].set()
        return page

    async def write(page: int) -> None:
        await looked[min(page + 1, 4)].wait()
        await pages.begun[min(page + 2, 4)].wait()
        assert not any(begun.is_set() for begun in pages.begun[page + 3 :])
        assert not any(event.is_set() for event in looked[page + 2 :])
        had.append(page)

    await assembly_line(pages(), look, write)
    assert had == [0, 1, 2, 3, 4]
    assert pages.closed


async def test_an_error_of_the_generator_comes_after_what_it_had_yielded() -> None:
    pages, had = Pages(3, ValueError("cut off")), []

    async def write(page: int) -> None:
        for _ in range(5):  # the generator has failed by now
            await asyncio.sleep(0)
        had.append(page)

    with pytest.raises(ValueError, match="cut off"):
        await assembly_line(pages(), same, write)
    assert had == [0, 1, 2]


@pytest.mark.parametrize("stage", ["look", "write"])
async def test_an_error_of_what_takes_the_items_closes_the_generator(stage: str) -> None:
    pages = Pages(3)

    async def fail(page: int) -> int:
        raise KeyError(page)

    async def write(page: int) -> None:
        await fail(page)

    with pytest.raises(KeyError):
        await assembly_line(pages(), fail if stage == "look" else same, write)
    assert pages.closed
