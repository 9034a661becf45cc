"""A listener's heartbeat, on a connection of its own: a listener whose pool is busy is not dead.

Nothing here compares two machines' clocks: the database's clock says when a heartbeat was, and which listener is late.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import anyio
import asyncpg

from listener import __version__
from listener.database.outages import BLOCKED, OUTAGE, gone_function, named
from listener.embedding import Space
from listener.engine.endings import declared_dead, schema_newer
from listener.engine.loop import Loop
from listener.pipeline.capacity import Capacity
from listener.pipeline.identity import Identity
from listener.settings import Settings

log = logging.getLogger(__name__)

BOOT = timedelta(seconds=10)
"""What a listener gets on top of its first lease: while DBOS launches, nothing beats."""


class Heartbeat(Loop):
    """The loop that keeps one listener's row in ``ingest_listeners`` fresh, and strikes it out when it stops."""

    name = "heartbeat"

    def __init__(
        self,
        pool: asyncpg.Pool,
        settings: Settings,
        identity: Identity,
        capacity: Capacity,
        space: Space,
        steps: Mapping[str, Any],
    ) -> None:
        """``pool`` has one connection; ``space``: of a new collection, whose model the settings' price is for.

        ``steps``: the own steps that are installed, as its row says it.
        """
        self._pool = pool
        self._settings = settings
        self._identity = identity
        self._capacity = capacity
        self._space = space
        self._steps = steps
        self._beating_since: float | None = None
        self._registered = False

    async def register(self) -> None:
        """Enter this listener."""
        self._registered = True  # perhaps: the answer may be lost
        await self._pool.execute(
            "select ingest.ingest_register($1::text, $2::text, $3::int, $4::text, $5::text, $6::text[], $7::text,"
            " $8::int, $9::interval, $10::text, $11::interval, $12::bigint, $13::jsonb)",
            self._identity.executor_id,
            socket.gethostname(),
            os.getpid(),
            __version__,
            self._identity.pipeline,
            list(self._identity.roots),
            self._identity.queue,
            self._settings.concurrency,
            timedelta(seconds=self._settings.lease_seconds),
            self._settings.ocr,
            BOOT,
            self._settings.max_document_bytes,
            _price(self._space, self._settings.price_per_million_tokens),
        )
        tell = "select ingest.ingest_tell_steps($1::text, $2::jsonb)"
        await self._pool.execute(tell, self._identity.executor_id, json.dumps(dict(self._steps)))

    async def run(self) -> None:
        """Beat. Raises OperatorError ``declared_dead`` or ``schema_newer``."""
        while True:
            try:
                with anyio.fail_after(self._settings.lease_seconds):
                    await self._beat()
            except (*OUTAGE, *BLOCKED) as error:
                log.warning("heartbeat failed: %s", named(error))
                self._beating_since = None
            await anyio.sleep(self._settings.heartbeat_seconds)

    async def stop(self) -> None:
        """Sign off: what this listener leaves unfinished is free for others at once."""
        await super().stop()
        if self._registered:
            try:
                await self._pool.execute("select ingest.ingest_sign_off($1::text)", self._identity.executor_id)
            except (*OUTAGE, asyncpg.PostgresError) as error:
                log.warning("could not sign off: %s; others wait for the lease to expire", error)

    @property
    def may_judge(self) -> bool:
        """Whether our own heartbeats have succeeded for a whole lease.

        After an outage of Postgres everybody is stale and nobody is dead: who judges then has waited long enough for
        the others to be heard again.
        """
        since = self._beating_since
        return since is not None and time.monotonic() - since > self._settings.lease_seconds

    async def _beat(self) -> None:
        if gone := gone_function():
            raise schema_newer(gone)
        began = time.monotonic()
        running = self._capacity.requests.taken
        if not await self._pool.fetchval(
            "select ingest.ingest_beat($1::text, $2::int)", self._identity.executor_id, running
        ):
            raise declared_dead(self._identity.executor_id)
        if time.monotonic() - began > self._settings.heartbeat_seconds:
            self._beating_since = None  # Postgres hung, for the others too
        self._beating_since = self._beating_since or time.monotonic()


def _price(space: Space, per_million: Decimal | None) -> str | None:
    """Return what a million tokens of a space's model cost, as its listener's row says it."""
    if per_million is None:
        return None
    model = {"embedder": space.embedder, "endpoint": space.endpoint, "model": space.model}
    return json.dumps(model | {"per_million": str(per_million)})
