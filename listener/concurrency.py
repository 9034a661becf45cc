"""Work side by side: a task group whose first error is raised as itself."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TypeVar

import anyio
from anyio.abc import TaskGroup

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup


S = TypeVar("S")
T = TypeVar("T")


@asynccontextmanager
async def task_group() -> AsyncIterator[TaskGroup]:
    """Open a group of tasks: the block ends when all of them have, and the first error ends the others.

    Raises that error itself, never an ExceptionGroup. Cancelling the caller cancels the tasks, and arrives as
    CancelledError. An error of the block counts like one of a task. Enter and leave it in one task: never across a
    ``yield`` of a generator that others iterate.
    """
    error: BaseException | None = None
    try:
        async with anyio.create_task_group() as tasks:
            yield tasks
    except BaseExceptionGroup as group:
        error = first_error(group)
    if error is not None:  # outside of the except block: the error keeps its own cause and context
        raise error


async def side_by_side(function: Callable[[S], Awaitable[T]], items: Sequence[S], most: int) -> list[T]:
    """Return what a function returns for each item, in order; at most ``most`` calls run concurrently.

    The first error ends all of them, and is raised. There are ``most`` tasks, not one for each item: a task costs more
    than many an item, and a single one needs none.
    """
    if len(items) == 1:
        return [await function(items[0])]
    results: dict[int, T] = {}
    left = iter(enumerate(items))

    async def run() -> None:
        for number, item in left:
            results[number] = await function(item)

    async with task_group() as tasks:
        for _ in range(min(most, len(items))):
            tasks.start_soon(run)
    return [results[number] for number in range(len(items))]


async def assembly_line(
    items: AsyncGenerator[S, None], look: Callable[[S], Awaitable[T]], write: Callable[[T], Awaitable[None]]
) -> None:
    """Write the result for each item, in order, while the next one is computed and the one after it is prepared.

    An error of the generator is raised when all that came before it is written. Closes the generator.
    """
    errors: list[Exception] = []
    to_look, looked_at = anyio.create_memory_object_stream[S](0), anyio.create_memory_object_stream[T](0)

    async def make() -> None:
        async with to_look[0] as sending:
            try:
                async with aclosing(items):
                    async for item in items:
                        await sending.send(item)
            except Exception as error:
                errors.append(error)

    async def look_at() -> None:
        async with to_look[1] as receiving, looked_at[0] as sending:
            async for item in receiving:
                await sending.send(await look(item))

    async with task_group() as tasks, looked_at[1] as receiving:
        tasks.start_soon(make)
        tasks.start_soon(look_at)
        async for item in receiving:
            await write(item)
    if errors:
        raise errors[0]


def first_error(error: BaseException) -> BaseException:
    """Return the first error inside of a group, and of groups in it; one that asks to exit comes before all others."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    errors = [first_error(one) for one in error.exceptions]
    return next((one for one in errors if not isinstance(one, Exception)), errors[0])


async def set_within(event: asyncio.Event, seconds: float | None) -> bool:
    """Wait until an event is set; False if that takes longer than ``seconds`` (None: as long as it takes)."""
    with anyio.move_on_after(seconds):
        await event.wait()
    return event.is_set()
