"""What may be sent for a batch under the caps of its request, its collection and its tenant.

Reserved in the database before it is sent (``ingest_reserve``), so all listeners together never send more. A batch
without a cap asks nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import anyio

from listener.database.outages import retry_on_outage
from listener.pipeline.gateway import Gateway
from listener.pipeline.rows import Failure, Fence

PAUSE_SECONDS = 0.25
OWN_TOKENS = 8  # that a model may add to a text, as marks of its begin and end


@dataclass(frozen=True, slots=True)
class Granted:
    """The first ``texts`` of some may be sent; ``reservation``: None without a cap."""

    texts: int
    reservation: int | None = None


@dataclass(slots=True)
class Caps:
    """The caps of one execution of the embed step. ``reached``: why no more may be sent, once one of them is."""

    gateway: Gateway
    fence: Fence
    capped: bool
    reached: Failure | None = None

    async def begin(self) -> None:
        """Give back what this execution had reserved before an outage broke it off."""
        if self.capped:
            await self.gateway.release(self.fence, None)

    async def reserve(self, texts: Sequence[str]) -> Granted | None:
        """Reserve as many of the texts as may be sent; None: none, a cap is ``reached``.

        Waits while that depends on what others have reserved: they may need less, or none of it.
        """
        if not self.capped:
            return Granted(len(texts))
        tokens = list(map(_most_tokens, texts))
        while self.reached is None:
            granted, reservation, reached = await retry_on_outage(partial(self.gateway.reserve, self.fence, tokens))
            if granted:
                return Granted(granted, reservation)
            if reached is None:
                await anyio.sleep(PAUSE_SECONDS)
            else:
                self.reached = reached
        return None

    async def give_back(self, granted: Granted) -> None:
        """Give back what could not be sent."""
        if granted.reservation is not None:
            await self.gateway.release(self.fence, [granted.reservation])


def _most_tokens(text: str) -> int:
    """Return the most tokens that a text can take: one for each byte."""
    return OWN_TOKENS + (len(text) if text.isascii() else len(text.encode("utf-8", "replace")))
