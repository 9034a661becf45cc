"""What the steps work with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from listener.documents.parsers import Parsers
from listener.documents.pool import Workers
from listener.documents.step_registry import Steps
from listener.embedding import Embedders
from listener.pipeline.away import Away
from listener.pipeline.busyness import Busyness
from listener.pipeline.gateway import Gateway
from listener.pipeline.in_hand import InHand
from listener.pipeline.memory import TIMES_STORED, Memory, portions
from listener.pipeline.rows import Fence, Texts, ToChunk, ToEmbed, ToLoad
from listener.settings import Settings
from listener.sources.archives.opened import Archives
from listener.sources.base import SourceTools
from listener.sources.schemes import Sources
from listener.tracing import Tracing
from listener.tracing.figures import Figures

T = TypeVar("T")
Row = TypeVar("Row", ToLoad, ToChunk, ToEmbed)
Worded = TypeVar("Worded", ToChunk, ToEmbed)


@dataclass(frozen=True, slots=True)
class Tools:
    """What the steps work with; made once by the service."""

    settings: Settings
    executor_id: str
    gateway: Gateway
    sources: Sources
    archives: Archives
    parsers: Parsers
    workers: Workers
    steps: Steps
    embedders: Embedders
    reading: SourceTools
    tracing: Tracing
    figures: Figures
    memory: Memory
    busyness: Busyness
    away: Away = field(default_factory=Away)
    in_hand: InHand = field(default_factory=InHand)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the one document that is tried alone: only that one is to blame if this listener dies."""

    async def in_thread(self, function: Callable[..., T], *args: object) -> T:
        """Run blocking work in our own threads, not in DBOS's."""
        return await self.reading.in_thread(function, *args)


async def with_texts(
    tools: Tools, texts: Texts, rows: Sequence[Worded]
) -> AsyncGenerator[tuple[Sequence[Worded], Mapping[int, str]], None]:
    """Yield a step's rows with their texts, by revision: first what this execution has kept, then what is fetched.

    A fetched document stays in memory until the next is requested: never more at a time than there is room for. One
    that was deleted meanwhile is left out.
    To be closed (``aclosing``).
    """
    if kept := [row for row in rows if row.id in texts.kept]:
        yield kept, texts.kept
    missing = [row for row in rows if row.id not in texts.kept]
    sizes = await tools.gateway.text_sizes([row.id for row in missing]) if missing else {}
    for portion in portions(missing, lambda row: TIMES_STORED * (sizes.get(row.id) or 0), tools.memory.portion):
        async with tools.memory.reserve(portion.worst):
            found = await tools.gateway.texts([row.id for row in portion.rows])
            yield [row for row in portion.rows if row.id in found], found


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
