"""What may be sent for a batch under the caps of its request, its collection and its tenant.

Reserved in the database before it is sent (``ingest_reserve``), so all listeners together never send more. A batch
without a cap asks nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import anyio

from listener.database.outages import retry_on_outage
from listener.embedding import Embedder
from listener.pipeline.rows import Failure, Fence, Reached
from listener.pipeline.token_counts import most_tokens
from listener.pipeline.tools import Tools

PAUSE_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Granted:
    """The first ``texts`` of some may be sent; ``reservation``: None without a cap."""

    texts: int
    reservation: int | None = None


@dataclass(slots=True)
class Caps:
    """The caps of one execution of a step. ``reached``: once one of them is, what each request is told.

    ``embedder``: who sends what is embedded; None: an own step does, whose price is that of ``model``.
    """

    tools: Tools
    embedder: Embedder | None
    fence: Fence
    capped: bool
    model: str | None = None
    reached: Reached | None = None

    async def begin(self) -> None:
        """Give back what this execution had reserved before an outage broke it off."""
        if self.capped:
            await self.tools.gateway.release(self.fence, None)

    async def most_tokens(self, texts: Sequence[str]) -> Sequence[int]:
        """Return what is to be reserved for each text; without a cap nobody asks."""
        return await most_tokens(self.tools, self.embedder, texts) if self.capped else [0] * len(texts)

    async def reserve(self, tokens: Sequence[int]) -> Granted | None:
        """Reserve as many of the texts, by their tokens, as may be sent; None: none, a cap is ``reached``.

        Waits while that depends on what others have reserved: they may need less, or none of it.
        """
        if not self.capped:
            return Granted(len(tokens))
        while self.reached is None:
            granted, reservation, reached = await retry_on_outage(partial(self._ask, tokens))
            if granted:
                return Granted(granted, reservation)
            if reached is None:
                await anyio.sleep(PAUSE_SECONDS)
            else:
                self.reached = reached
        return None

    async def _ask(self, tokens: Sequence[int]) -> tuple[int, int | None, Reached | None]:
        if self.model is None:
            return await self.tools.gateway.reserve(self.fence, tokens)
        return await self.tools.gateway.reserve_step(self.fence, tokens, self.model)

    def told(self, request: UUID) -> Failure:
        """Return why no more is sent for a request. One that was taken away since has no use for it, nor a say."""
        assert self.reached
        return self.reached.get(request) or next(iter(self.reached.values()))

    async def give_back(self, granted: Granted) -> None:
        """Give back what could not be sent."""
        if granted.reservation is not None:
            await self.tools.gateway.release(self.fence, [granted.reservation])
