"""Results that are written now and then while others are on their way, so that ``ingest_status`` moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

from listener.concurrency import set_within, task_group

T = TypeVar("T")

WRITE_SECONDS = 1.0


@asynccontextmanager
async def written_now_and_then(
    write: Callable[[list[T]], Awaitable[None]], also: Callable[[], Awaitable[None]] | None = None
) -> AsyncIterator[Callable[[Iterable[T]], None]]:
    """Give what takes results: they are written every second while the block runs, and the rest when it has ended.

    ``also`` is then called, too, but not at the end. What takes less than a second is written once. After an error in
    the block nothing more is written.
    """
    waiting: list[T] = []
    ended = asyncio.Event()

    async def write_all() -> None:
        if results := waiting[:]:
            waiting.clear()
            await write(results)

    async def write_again_and_again() -> None:
        while not await set_within(ended, WRITE_SECONDS):
            await write_all()
            if also:
                await also()

    async with task_group() as tasks:
        tasks.start_soon(write_again_and_again)
        yield waiting.extend
        ended.set()
    await write_all()
