"""Ask embedding services when a listener starts: a wrong key or an unknown model is known before work fails."""

from __future__ import annotations

import logging
from functools import partial

import anyio
import asyncpg

from listener.database.outages import retry_on_outage
from listener.embedding import Embedders, Space
from listener.embedding.trouble import SILENT_SECONDS
from listener.engine import circuit_rows
from listener.engine.prober import Prober
from listener.errors import ServiceError, SettingsError
from listener.pipeline.away import Key
from listener.pipeline.parking import Parking

log = logging.getLogger(__name__)

MOST_SPACES = 8


class StartCheck:
    """Looks at the space of new collections, and at those of collections with unfinished requests.

    One that is away is not probed again. Work continues meanwhile; one that fails, or is silent for a while, is
    suspected as after any call (``Circuits``).
    """

    def __init__(
        self, pool: asyncpg.Pool, embedders: Embedders, prober: Prober, parking: Parking, default_space: Space
    ) -> None:
        self._pool = pool
        self._embedders = embedders
        self._prober = prober
        self._parking = parking
        self._default_space = default_space
        self.spaces: dict[Key, Space] = {}  # as found so far: the default's may be in no table yet

    async def run(self) -> None:
        """Warn of what must be set; the listener has already started."""
        look = partial(circuit_rows.spaces_in_use, self._pool.fetch, self._default_space, MOST_SPACES)
        known = {one.key for one in await retry_on_outage(partial(circuit_rows.open_circuits, self._pool.fetch))}
        for key, space in await retry_on_outage(look):
            self.spaces[key] = space
            if key not in known:
                await self._check(key, space)

    async def _check(self, key: Key, space: Space) -> None:
        try:
            embedder = self._embedders.of(space)
            if not space.endpoint and not hasattr(embedder, "probe"):  # it works in this process
                await embedder.prepare()
            elif (error := await self._asked(key, space)) and await self._parking.suspect(key, error):
                await self._prober.ask(key, space)
                self._parking.changed.set()
        except SettingsError as error:
            log.warning("%s can't embed with the present settings: %s", key[0], error, extra={"code": error.code})
        except Exception:
            log.exception("%s could not be looked at", key[0])

    async def _asked(self, key: Key, space: Space) -> ServiceError | None:
        with anyio.move_on_after(SILENT_SECONDS):
            return await self._prober.answer(key, space)
        return ServiceError("embedding_silent", f"{key[0]} has not answered for {SILENT_SECONDS:.0f} s")
