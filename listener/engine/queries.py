"""Embed what searches ask for: rows of ``ingest_queries`` whose callers wait for a vector.

::

    NOTIFY ─► take (a short claim) ─► one call for those of a space ─► write the vectors, or why there are none

Nothing is locked while the embedder works. Callers that wait ring again, so what a dead listener took, another takes.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import asyncpg
from pgvector import Vector

from listener.database.outages import patiently
from listener.embedding import Embedder, Embedders, Space, TextsRefused, groups
from listener.engine.doorbell import Doorbell
from listener.errors import IngestError
from listener.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

CALLS = 8  # calls to embedders at a time; a service that hangs keeps others waiting only when it has all of them
PAGE = 128


class Queries:
    """The loop that answers ``ingest_embed_query``, at capacity or not."""

    def __init__(self, pool: asyncpg.Pool, doorbell: Doorbell, embedders: Embedders, settings: Settings) -> None:
        self._pool = pool
        self._doorbell = doorbell
        self._embedders = embedders
        self._settings = settings
        self._calls: set[asyncio.Task[None]] = set()
        self._open: set[tuple[int, bytes]] = set()
        self._added = settings.query_cache  # by earlier listeners

    async def run(self) -> None:
        """Answer queries when they are heard of, or each ``poll_seconds`` where nothing is heard; until cancelled."""
        try:
            while True:
                await self._rung()
                while len(self._calls) < CALLS and await self._take():
                    pass
        finally:
            for call in self._calls:
                call.cancel()

    async def _rung(self) -> None:
        """Wait for a reason to look. The doorbell gives one whenever it has connected, so none gets lost."""
        seconds = None if self._doorbell.hears else self._settings.poll_seconds
        with suppress(TimeoutError, asyncio.TimeoutError):
            await asyncio.wait_for(self._doorbell.asked.wait(), seconds)
        self._doorbell.asked.clear()

    async def _take(self) -> bool:
        """Take a page of open queries and start a call for each space; True if there may be more."""
        taken = await patiently(partial(self._pool.fetch, "select * from ingest_take_queries($1)", PAGE))
        # A claim that has lapsed comes again, also to the listener that is still at it.
        rows = [row for row in taken if (row["space_id"], row["hash"]) not in self._open]
        for _, same in groupby(sorted(rows, key=itemgetter("space_id")), key=itemgetter("space_id")):
            self._start(list(same))
        return len(taken) == PAGE

    def _start(self, rows: Sequence[asyncpg.Record]) -> None:
        keys = {(row["space_id"], row["hash"]) for row in rows}
        call = asyncio.get_running_loop().create_task(self._answer(rows))
        self._open |= keys
        self._calls.add(call)
        call.add_done_callback(partial(self._ended, keys))

    def _ended(self, keys: Iterable[tuple[int, bytes]], call: asyncio.Task[None]) -> None:
        if len(self._calls) >= CALLS:
            self._doorbell.asked.set()  # a free place: what waited for one can be taken
        self._calls.discard(call)
        self._open.difference_update(keys)
        if not call.cancelled() and (error := call.exception()):
            log.error("queries stay without an answer", exc_info=error)

    async def _answer(self, rows: Sequence[asyncpg.Record]) -> None:
        """Embed queries of one space, and tell those who wait; whatever an embedder does, the listener goes on."""
        try:
            embedder = self._embedders.of(Space(*(rows[0][name] for name in _SPACE)))
            for part in groups([len(row["text"]) for row in rows], embedder.group_texts, embedder.group_characters):
                await self._embed(embedder, rows[part.start : part.stop])
        except IngestError as error:
            log.warning("queries could not be embedded", extra={"code": error.code})
            await self._refuse(rows, error)
        except Exception as error:
            log.exception("queries could not be embedded")
            await self._refuse(rows, IngestError("internal", f"{type(error).__name__}: {error}", _REPORT))
        await self._evict(len(rows))

    async def _embed(self, embedder: Embedder, rows: Sequence[asyncpg.Record]) -> None:
        try:
            vectors, _ = await embedder.embed([row["text"] for row in rows])
        except TextsRefused as error:
            await self._without(embedder, rows, error)
        else:
            await self._keep(rows, vectors)

    async def _without(self, embedder: Embedder, rows: Sequence[asyncpg.Record], error: TextsRefused) -> None:
        """Refuse some texts of a call; the others have their vectors already, or are embedded without them."""
        refused = set(error.indices) or set(range(len(rows)))
        await self._refuse([rows[place] for place in refused], error)
        rest = [row for place, row in enumerate(rows) if place not in refused]
        if rest and error.rest is not None:
            await self._keep(rest, error.rest.vectors)
        elif rest:
            await self._embed(embedder, rest)

    async def _keep(self, rows: Sequence[asyncpg.Record], vectors: NDArray[np.float32]) -> None:
        hashes = [row["hash"] for row in rows]
        found = [Vector(vector) for vector in vectors]
        await self._write("select ingest_answer_queries($1, $2, $3)", rows[0]["space_id"], hashes, found)

    async def _refuse(self, rows: Sequence[asyncpg.Record], error: IngestError) -> None:
        """Tell those who still wait for one of these why they wait in vain."""
        hashes = [row["hash"] for row in rows]
        reason = json.dumps(error.as_json("embed"))
        await self._write("select ingest_refuse_queries($1, $2, $3)", rows[0]["space_id"], hashes, reason)

    async def _evict(self, added: int) -> None:
        """Keep the cache at its size; not after each query, since it reads the whole table."""
        self._added += added
        if self._added > self._settings.query_cache // 100:
            self._added = 0
            await self._write("select ingest_evict_queries($1)", self._settings.query_cache)

    async def _write(self, statement: str, *arguments: Any) -> None:
        await patiently(partial(self._pool.execute, statement, *arguments))


_SPACE = ("embedder", "endpoint", "model", "dimensions")
_REPORT = "The listener's log has more; please report it."
