"""Ask a service whether it lives, for all listeners: whoever asks has taken the turn in the service's circuit."""

from __future__ import annotations

import logging
from functools import partial

import anyio
import asyncpg

from listener.database.outages import retry_on_outage
from listener.embedding import Embedders, Space
from listener.embedding.probing import probe
from listener.errors import ServiceError, SettingsError
from listener.pipeline.away import Key
from listener.pipeline.rows import as_json

log = logging.getLogger(__name__)


class Prober:
    """Asks services for harmless texts. ``lease``: the seconds that one has to answer in."""

    def __init__(self, pool: asyncpg.Pool, embedders: Embedders, executor_id: str, lease: float) -> None:
        self._pool = pool
        self._embedders = embedders
        self._executor_id = executor_id
        self._lease = lease

    async def take(self, key: Key) -> bool:
        """Take the turn to ask a service that is away; False if it is too early, or another listener asks."""
        query = "select ingest.ingest_take_probe($1::text, $2::text, $3::text, $4::float8)"
        return bool(await self._pool.fetchval(query, *key, self._executor_id, self._lease))

    async def ask(self, key: Key, space: Space) -> None:
        """Ask, and write down what came of it; any answer is one, also that something is to be set."""
        error: ServiceError | None = None
        try:
            error = await self.answer(key, space)
        except SettingsError as wrong:
            log.warning("%s can't embed as things are set: %s", key[0], wrong, extra={"code": wrong.code})
        except Exception:
            log.exception("%s could not be asked", key[0])
        await self.end(key, error)

    async def answer(self, key: Key, space: Space) -> ServiceError | None:
        """Ask only; return how the service failed, None: it answered. Raises SettingsError, and what it can't say."""
        try:
            with anyio.fail_after(self._lease):
                await probe(self._embedders.of(space))
        except ServiceError as no_answer:
            return no_answer
        except TimeoutError:
            return ServiceError("embedding_timeout", f"{key[0]} did not answer a harmless text in time")
        return None

    async def end(self, key: Key, error: ServiceError | None = None) -> None:
        """Write down what a service answered; without an error its circuit is closed."""
        reason, wish = (as_json(error.as_json("embed")), error.retry_after or None) if error else (None, None)
        query = "select ingest.ingest_end_probe($1::text, $2::text, $3::text, $4::jsonb, $5::float8)"
        await retry_on_outage(partial(self._pool.execute, query, *key, self._executor_id, reason, wish))
