"""Serve ``/metrics``, if ``INGEST_METRICS_PORT`` is set: this listener's figures, and those of the installation.

A scrape asks Postgres once, through the existing pool, and waits a few seconds for it; concurrent ones share the query.
While Postgres is away, the page has what this listener knows by itself, and ``ingest_up 0``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

import anyio
import asyncpg

from listener.database.outages import OUTAGE, named
from listener.engine import figure_rows
from listener.engine.figure_rows import Figure
from listener.engine.loop import Loop
from listener.engine.scrapes import PATH, Scrapes
from listener.pipeline.capacity import Capacity
from listener.pipeline.memory import Memory
from listener.settings import Settings
from listener.tracing.figures import Figures

log = logging.getLogger(__name__)

ASK_SECONDS = 4.0  # for a connection of the pool, too: less than a client has
FRESH_SECONDS = 0.5
TICK_SECONDS = 0.5


class Metrics(Loop):
    """The loop that measures the event loop's lag, and the HTTP server."""

    name = "metrics"

    def __init__(
        self, pool: asyncpg.Pool, settings: Settings, figures: Figures, capacity: Capacity, memory: Memory
    ) -> None:
        from listener.engine.exposition import Exposition  # noqa: PLC0415 - needless where nothing is served

        self._pool = pool
        self._host = settings.metrics_host
        self._port = settings.metrics_port
        self._figures = figures
        self._exposition = Exposition(figures, capacity, memory)
        self._scrapes = Scrapes(self._page)
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._installation: Sequence[Figure] | None = None
        self._is_away = False

    @classmethod
    def of(
        cls, pool: asyncpg.Pool, settings: Settings, figures: Figures, capacity: Capacity, memory: Memory
    ) -> tuple[Metrics, ...]:
        """Return what serves figures, nothing if there is no port for them."""
        return (cls(pool, settings, figures, capacity, memory),) if settings.metrics_port else ()

    async def open(self) -> None:
        """Listen. Raises OperatorError ``metrics_not_served``."""
        await self._scrapes.serve(self._host, self._port or 0)

    async def close(self) -> None:
        """Stop serving."""
        await self._scrapes.close()

    async def text(self) -> str:
        """Return the page as text, for the supervisor of several processes."""
        page, _ = await self._page("")
        return page.decode()

    async def run(self) -> None:
        """Measure how late the event loop is."""
        while True:
            began = time.monotonic()
            await anyio.sleep(TICK_SECONDS)
            self._figures.lags.add(max(0.0, time.monotonic() - began - TICK_SECONDS))

    async def _page(self, accept: str) -> tuple[bytes, str]:
        async with self._asking:
            if time.monotonic() - self._asked_at > FRESH_SECONDS:
                self._installation = await self._ask()
                self._asked_at = time.monotonic()
            return self._exposition.page(accept, self._installation)

    async def _ask(self) -> list[Figure] | None:
        """Return the installation's figures, None if they are unavailable; the log says so once."""
        try:
            with anyio.fail_after(ASK_SECONDS):
                found = await figure_rows.installation(self._pool)
        except (*OUTAGE, asyncpg.PostgresError) as error:
            if not self._is_away:
                log.warning("%s lacks the installation's figures: %s", PATH, named(error))
            self._is_away = True
            return None
        self._is_away = False
        return found
