"""A listener's sign of life, on a connection of its own: a listener whose pool is busy is not dead.

Nothing here compares two machines' clocks: the database's clock says when a heartbeat was, and who is late.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from listener import __version__
from listener.database.outages import OUTAGE, gone_function
from listener.engine.claims import declared_dead
from listener.errors import OperatorError
from listener.pipeline.workflows import PIPELINE, Workflows
from listener.settings import Settings

log = logging.getLogger(__name__)

BOOT = timedelta(seconds=10)
"""What a listener gets on top of its first lease: while DBOS launches, nothing beats."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a listener is: ``application`` is its name in DBOS, ``queue`` the suffix of its queues' names."""

    executor_id: str
    application: str
    roots: list[str]
    queue: str


class Heartbeat:
    """One listener's row in ``ingest_listeners``."""

    def __init__(self, pool: asyncpg.Pool, settings: Settings, identity: Identity, workflows: Workflows) -> None:
        """``pool`` has one connection."""
        self._pool = pool
        self._settings = settings
        self._identity = identity
        self._workflows = workflows
        self._beating_since: float | None = None

    async def register(self) -> None:
        """Enter this listener."""
        await self._pool.execute(
            "insert into ingest_listeners"
            " (executor_id, host, pid, version, pipeline, roots, queue, capacity, lease, ocr, heartbeat_at)"
            " values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp() + $11)",
            self._identity.executor_id,
            socket.gethostname(),
            os.getpid(),
            __version__,
            PIPELINE,
            self._identity.roots,
            self._identity.queue,
            self._settings.concurrency,
            timedelta(seconds=self._settings.lease_seconds),
            self._settings.ocr,
            BOOT,
        )

    async def leave(self) -> None:
        """Strike this listener out: what it leaves unfinished is free for others at once."""
        await self._pool.execute("delete from ingest_listeners where executor_id = $1", self._identity.executor_id)

    async def run(self) -> None:
        """Beat until cancelled. Raises OperatorError ``declared_dead``."""
        while True:
            try:
                await asyncio.wait_for(self._beat(), self._settings.lease_seconds)
            except OUTAGE as error:
                log.warning("heartbeat failed: %s", str(error) or type(error).__name__)
                self._beating_since = None
            await asyncio.sleep(self._settings.heartbeat_seconds)

    @property
    def may_judge(self) -> bool:
        """Whether our own heartbeats have succeeded for a whole lease.

        After an outage of Postgres everybody is stale and nobody is dead: who judges then has waited long enough for
        the others to be heard again.
        """
        since = self._beating_since
        return since is not None and time.monotonic() - since > self._settings.lease_seconds

    async def others(self) -> int:
        """Return how many batches the other listeners of our queues can take at a time."""
        query = (
            "select count(*) from ingest_listeners where queue = $1 and executor_id <> $2 and dead_at is null"
            " and pipeline = $3 and heartbeat_at > clock_timestamp() - lease"
        )
        count = await self._pool.fetchval(query, self._identity.queue, self._identity.executor_id, PIPELINE)
        return int(count) * self._settings.batch_concurrency

    async def _beat(self) -> None:
        if gone := gone_function():
            raise schema_newer(gone)
        running = self._workflows.requests.taken
        began = time.monotonic()
        if not await self._pool.fetchval("select ingest_beat($1, $2)", self._identity.executor_id, running):
            raise declared_dead(self._identity.executor_id)
        if time.monotonic() - began > self._settings.heartbeat_seconds:
            self._beating_since = None  # Postgres stood still, for the others too
        self._beating_since = self._beating_since or time.monotonic()


def schema_newer(said: str) -> OperatorError:
    """Return the error of a listener whose functions are not there any more."""
    return OperatorError(
        "schema_newer",
        f"a newer program has migrated the schema while this one ran ({said}); others go on with its work",
        "Upgrade this program: pip install --upgrade ingest-listener. If it is the newest, ask: ingest doctor",
    )
