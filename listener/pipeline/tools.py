"""What the steps work with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from listener.documents.parsers import Parsers
from listener.documents.pool import Workers
from listener.embedding import Embedders
from listener.pipeline.gateway import Gateway
from listener.pipeline.rows import Fence, Texts, ToChunk, ToEmbed, ToLoad
from listener.settings import Settings
from listener.sources.base import SourceTools
from listener.sources.schemes import Sources
from listener.tracing import Tracing

T = TypeVar("T")
Row = TypeVar("Row", ToLoad, ToChunk, ToEmbed)


@dataclass(frozen=True, slots=True)
class Tools:
    """What the steps work with; made once by the service."""

    settings: Settings
    executor_id: str
    gateway: Gateway
    sources: Sources
    parsers: Parsers
    workers: Workers
    embedders: Embedders
    reading: SourceTools
    tracing: Tracing
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the one document that is tried alone: only that one is to blame if this listener dies."""

    async def in_thread(self, function: Callable[..., T], *args: object) -> T:
        """Run blocking work in our own threads, not in those that DBOS works with."""
        return await self.reading.in_thread(function, *args)


async def texts_of(tools: Tools, texts: Texts, rows: Sequence[ToChunk] | Sequence[ToEmbed]) -> Mapping[int, str]:
    """Return the texts of a step's rows, by revision; what this execution does not have is fetched."""
    missing = [row.id for row in rows if row.id not in texts.kept]
    return texts.kept | await tools.gateway.texts(missing) if missing else texts.kept


async def in_turn(tools: Tools, fence: Fence, rows: Sequence[Row], step: str) -> AsyncGenerator[Sequence[Row], None]:
    """Yield a step's rows together; after too many crashes over the batch one by one, each written down before.

    To be closed (``aclosing``), so that the turn passes to other batches also when a row fails.
    """
    if not fence.alone:
        yield rows
        return
    for row in rows:
        async with tools.turn:
            await tools.gateway.try_alone(fence, row.id, step)
            try:
                yield [row]
            finally:
                await tools.gateway.try_alone(fence, None, step)
