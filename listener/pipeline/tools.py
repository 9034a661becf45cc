"""What the steps work with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import asyncpg

from listener.documents.parsers import Parsers
from listener.documents.pool import Workers
from listener.models import Owner
from listener.pipeline.gateway import Store
from listener.settings import Settings
from listener.sources.base import SourceTools
from listener.sources.schemes import Sources
from listener.tracing import Tracing

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tools:
    """What the steps work with; made once by the service."""

    settings: Settings
    executor_id: str
    store: Store
    sources: Sources
    parsers: Parsers
    workers: Workers
    reading: SourceTools
    tracing: Tracing
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the one document that is tried alone: only that one is to blame if this listener dies."""

    async def in_thread(self, function: Callable[..., T], *args: object) -> T:
        """Run blocking work in our own threads, not in those that DBOS works with."""
        return await self.reading.in_thread(function, *args)


async def in_turn(
    tools: Tools, owner: Owner, rows: Sequence[asyncpg.Record], step: str
) -> AsyncGenerator[Sequence[asyncpg.Record], None]:
    """Yield a step's rows together; after too many crashes over the batch one by one, each written down before.

    To be closed (``aclosing``), so that the turn passes to other batches also when a row fails.
    """
    if not owner.alone:
        yield rows
        return
    for row in rows:
        async with tools.turn:
            await tools.store.try_alone(owner, row["id"], step)
            try:
                yield [row]
            finally:
                await tools.store.try_alone(owner, None, step)
