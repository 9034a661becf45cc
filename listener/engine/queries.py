"""Embed what searches ask for: rows of ``ingest_questions`` whose callers wait for a vector.

::

    NOTIFY ─► take (a short claim) ─► one call for those of a space ─► write the vectors, or why there are none

Nothing is locked while the embedder works, and no statement waits for a lock. The loop has its own connection, so
it does not wait for those who ingest, nor they for it. Callers that wait ring again: what a dead listener took, another
takes.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

import anyio
import asyncpg
from pgvector import Vector

from listener.concurrency import set_within, task_group
from listener.database.outages import retry_on_outage
from listener.embedding import Embedder, Embedders, TextsRefused, groups
from listener.engine import engine_rows
from listener.engine.doorbell import Doorbell
from listener.engine.engine_rows import OpenQuery
from listener.engine.loop import Loop
from listener.errors import IngestError
from listener.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from anyio.abc import TaskGroup
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

CALLS = 8  # concurrent calls to embedders; a service that hangs keeps others waiting only when it has all of them
PAGE = 128
LAST_PAUSE_SECONDS = 0.05  # anybody may notify: for rings without a question, a look so often is enough


class Queries(Loop):
    """The loop that answers ``ingest_embed_query``, at capacity or not."""

    name = "queries"

    def __init__(self, pool: asyncpg.Pool, doorbell: Doorbell, embedders: Embedders, settings: Settings) -> None:
        self._pool = pool
        self._doorbell = doorbell
        self._embedders = embedders
        self._settings = settings
        self._calls = 0
        self._open: set[tuple[int, bytes]] = set()
        self._added = settings.query_cache  # by earlier listeners

    async def run(self) -> None:
        """Answer queries when they are heard of, or each ``poll_seconds`` where nothing is heard."""
        async with task_group() as calls:
            pause = 0.0
            while True:
                await self._rung()
                found = await self._take_all(calls)
                pause = 0.0 if found else min(2 * pause + 0.001, LAST_PAUSE_SECONDS)
                await anyio.sleep(pause)

    async def _rung(self) -> None:
        """Wait for a reason to look. The doorbell gives one whenever it has connected, so none gets lost."""
        await set_within(self._doorbell.asked, None if self._doorbell.hears else self._settings.poll_seconds)
        self._doorbell.asked.clear()

    async def _take_all(self, calls: TaskGroup) -> bool:
        """Take open queries while there are calls left to make; False if it looked and there was none."""
        found = self._calls >= CALLS
        while self._calls < CALLS:
            taken = await self._take(calls)
            found = found or taken > 0
            if taken < PAGE:
                break
        return found

    async def _take(self, calls: TaskGroup) -> int:
        """Take a page of open queries, start a call for each space, and return how many there were."""
        taken = await retry_on_outage(partial(engine_rows.take_queries, self._pool.fetch, PAGE))
        # A claim that has lapsed comes again, also to the listener that is still at it.
        new = [query for query in taken if query.key not in self._open]
        for _, same in groupby(sorted(new, key=_space_id), key=_space_id):
            queries = list(same)
            self._calls += 1
            self._open |= {query.key for query in queries}
            calls.start_soon(self._call, queries)
        return len(taken)

    async def _call(self, queries: Sequence[OpenQuery]) -> None:
        """Answer queries of one space; whatever goes wrong, the others are answered."""
        try:
            await self._answer(queries)
        except Exception:
            log.exception("queries remain unanswered")
        finally:
            if self._calls >= CALLS:
                self._doorbell.asked.set()  # a free place: what waited for one can be taken
            self._calls -= 1
            self._open -= {query.key for query in queries}

    async def _answer(self, queries: Sequence[OpenQuery]) -> None:
        """Embed queries of one space, and notify those who wait; whatever an embedder does, the listener continues."""
        try:
            embedder = self._embedders.of(queries[0].space)
            lengths = [len(query.text) for query in queries]
            for part in groups(lengths, embedder.group_texts, embedder.group_characters):
                await self._embed(embedder, queries[part.start : part.stop])
        except IngestError as error:
            log.warning("queries could not be embedded", extra={"code": error.code})
            await self._refuse(queries, error)
        except Exception as error:
            log.exception("queries could not be embedded")
            await self._refuse(queries, IngestError("internal", f"{type(error).__name__}: {error}", _REPORT))
        await self._evict(len(queries))

    async def _embed(self, embedder: Embedder, queries: Sequence[OpenQuery]) -> None:
        try:
            embed = getattr(embedder, "embed_queries", embedder.embed)
            vectors, _ = await embed([query.text for query in queries])
        except TextsRefused as error:
            await self._without(embedder, queries, error)
        else:
            await self._keep(queries, vectors)

    async def _without(self, embedder: Embedder, queries: Sequence[OpenQuery], error: TextsRefused) -> None:
        """Refuse some texts of a call; the others have their vectors already, or are embedded without them."""
        refused = set(error.indices) or set(range(len(queries)))
        await self._refuse([queries[place] for place in refused], error)
        rest = [query for place, query in enumerate(queries) if place not in refused]
        if rest and error.rest is not None:
            await self._keep(rest, error.rest.vectors)
        elif rest:
            await self._embed(embedder, rest)

    async def _keep(self, queries: Sequence[OpenQuery], vectors: NDArray[np.float32]) -> None:
        await self._write(
            "select ingest.ingest_answer_queries($1::int, $2::bytea[], $3::vectors.vector[])",
            *_keys(queries),
            [*map(Vector, vectors)],
        )

    async def _refuse(self, queries: Sequence[OpenQuery], error: IngestError) -> None:
        """Tell those who still wait for one of these why there will be no answer."""
        reason = json.dumps(error.as_json("embed"))
        await self._write(
            "select ingest.ingest_refuse_queries($1::int, $2::bytea[], $3::jsonb)", *_keys(queries), reason
        )

    async def _evict(self, added: int) -> None:
        """Keep the cache at its size; not after each query, since it reads the whole table."""
        self._added += added
        if self._added > self._settings.query_cache // 100:
            self._added = 0
            await self._write("select ingest.ingest_evict_queries($1::int)", self._settings.query_cache)

    async def _write(self, statement: str, *arguments: object) -> None:
        await retry_on_outage(partial(self._pool.execute, statement, *arguments))


def _space_id(query: OpenQuery) -> int:
    return query.space_id


def _keys(queries: Sequence[OpenQuery]) -> tuple[int, list[bytes]]:
    return queries[0].space_id, [query.hash for query in queries]


_REPORT = "The listener's log has more; please report it."
