"""Ask embedding services when a listener starts: a wrong key or an unknown model is known before work fails."""

from __future__ import annotations

import logging
from functools import partial

import asyncpg

from listener.database.outages import retry_on_outage
from listener.embedding import Embedders, Space
from listener.embedding.probing import probe
from listener.engine import circuit_rows
from listener.errors import IngestError, SettingsError

log = logging.getLogger(__name__)

MOST_SPACES = 8


class StartCheck:
    """Looks at the space of new collections, and at those of collections with unfinished requests."""

    def __init__(self, pool: asyncpg.Pool, embedders: Embedders, default_space: Space) -> None:
        self._pool = pool
        self._embedders = embedders
        self._default_space = default_space

    async def run(self) -> None:
        """Warn of what is to be set; the listener has started meanwhile."""
        in_use = await retry_on_outage(partial(circuit_rows.spaces_in_use, self._pool.fetch, MOST_SPACES))
        for space in dict.fromkeys([self._default_space, *in_use]):
            await self._check(space)

    async def _check(self, space: Space) -> None:
        named = f"{space.embedder} {space.model}"
        try:
            embedder = self._embedders.of(space)
            # One without an endpoint works in this process.
            await (probe(embedder) if space.endpoint or hasattr(embedder, "probe") else embedder.prepare())
        except SettingsError as error:
            log.warning("%s can't embed as things are set: %s", named, error, extra={"code": error.code})
        except IngestError as error:
            log.info("%s does not answer yet: %s", named, error.message)
        except Exception:
            log.exception("%s could not be asked", named)
