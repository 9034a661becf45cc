"""A statement that met another transaction, which changed the same: it changed nothing, so it is sent again."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import asyncpg

T = TypeVar("T")

MET = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
TRIES = 8
FIRST_PAUSE_SECONDS = 0.01


async def repeated(call: Callable[[], Awaitable[T]]) -> T:
    """Make a call that is a transaction, up to 8 times, with growing pauses; raises the last error."""
    pause = FIRST_PAUSE_SECONDS
    for _ in range(TRIES - 1):
        try:
            return await call()
        except MET:
            await anyio.sleep(pause * random.uniform(0.5, 1.0))
            pause *= 2
    return await call()
