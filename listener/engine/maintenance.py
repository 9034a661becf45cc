"""Look after the ANN indexes: nothing is opened, and nobody is asked twice, until there is something to do."""

from __future__ import annotations

import logging
from functools import partial

import asyncpg

from listener.database.outages import OUTAGE
from listener.database.owner import owner_session
from listener.engine import index_rows
from listener.engine.indexing import maintain
from listener.engine.loop import Rounds
from listener.errors import OperatorError
from listener.settings import Settings

log = logging.getLogger(__name__)

RARELY = 30  # heartbeats between two looks: a minute


class Maintenance(Rounds):
    """The loop that has indexes built, as the owner; a listener that can't act as the owner says so."""

    name = "maintenance"

    def __init__(self, pool: asyncpg.Pool, settings: Settings, dsn: str, executor_id: str) -> None:
        seconds = RARELY * settings.heartbeat_seconds
        super().__init__(seconds, first_after=seconds)  # others have more to do at a start
        self._pool = pool
        self._memory_mb = settings.maintenance_memory_mb
        self._session = partial(owner_session, settings, dsn)
        self._executor_id = executor_id
        self._said = ""

    async def look(self) -> None:
        """Do what there is to do, if this listener can."""
        if not await index_rows.has_work(self._pool.fetch):
            return
        try:
            async with self._session() as connection:
                await self._say(None)
                await maintain(connection, self._memory_mb)
        except OperatorError as error:
            await self._say(f"{error.message}. {error.hint}")
        except asyncpg.PostgresError as error:  # of a database that is another one, say: no reason to end a listener
            if isinstance(error, OUTAGE):
                raise
            await self._say(f"{type(error).__name__}: {error}")

    async def _say(self, error: str | None) -> None:
        if error and error != self._said:
            log.warning("indexes are not maintained by this listener: %s", error)
        self._said = error or ""
        await index_rows.say_maintains(self._pool.fetch, self._executor_id, error)
