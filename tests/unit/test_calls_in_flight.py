"""Calls of a service in flight: when one fails, none begins any more, and the others may end: they are paid for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from listener.errors import ServiceError
from listener.pipeline.embed import _at_most


async def test_after_an_error_what_is_in_flight_may_end_and_nothing_more_begins() -> None:
    ended: list[str] = []
    failed = asyncio.Event()

    async def goes_on() -> None:
        await failed.wait()
        for _ in range(5):
            await asyncio.sleep(0)
        ended.append("in flight")

    async def fails() -> None:
        failed.set()
        raise ServiceError("embedding_unavailable", "it is away")

    async def later() -> None:
        ended.append("later")

    async def calls() -> AsyncIterator[Callable[[], Awaitable[None]]]:
        for one in (goes_on, fails, later):
            yield one

    with pytest.raises(ServiceError):
        await _at_most(2, calls())
    assert ended == ["in flight"]
