"""Serve ``/metrics``, if ``INGEST_METRICS_PORT`` is set: this listener's figures, and those of the installation.

A scrape asks Postgres once, through the existing pool, and waits a few seconds for it; concurrent ones share the query.
While Postgres is away, the page has what this listener knows by itself, and ``ingest_up 0``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import anyio
import asyncpg

from listener.database.outages import OUTAGE, named
from listener.engine import figure_rows
from listener.engine.figure_rows import Figure
from listener.engine.loop import Loop
from listener.engine.scrapes import PATH, Scrapes
from listener.errors import OperatorError
from listener.pipeline.capacity import Capacity
from listener.pipeline.memory import Memory
from listener.settings import Settings
from listener.tracing.figures import Figures

if TYPE_CHECKING:
    from listener.engine.exposition import Exposition

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
        self._pool = pool
        self._host = settings.metrics_host
        self._port = settings.metrics_port
        self._figures = figures
        self._capacity = capacity
        self._memory = memory
        self._exposition: Exposition | None = None
        self._scrapes = Scrapes(self._page)
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self._installation: Sequence[Figure] | None = None
        self._is_away = False

    async def open(self) -> None:
        """Listen. Raises OperatorError ``metrics_not_served``."""
        from listener.engine.exposition import Exposition  # noqa: PLC0415 - needless where nothing is served

        self._exposition = Exposition(self._figures, self._capacity, self._memory)
        try:
            await self._scrapes.open(self._host, self._port or 0)
        except OSError as error:
            where = f"{self._host}, port {self._port}"
            raise OperatorError(
                "metrics_not_served",
                f"INGEST_METRICS_PORT: nothing can be served at {where}: {error.strerror or error}",
                "Each listener of a host needs a port of its own, at an address of that host (INGEST_METRICS_HOST)."
                " To see who uses it: ss --listening --tcp --processes",
            ) from error
        log.info("figures are served at http://%s:%s%s", self._host, self._port, PATH)

    async def close(self) -> None:
        """Stop serving."""
        await self._scrapes.close()

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
            assert self._exposition is not None
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
