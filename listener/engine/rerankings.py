"""Have the chunks of searches scored: rows of ``ingest_rerank_questions`` whose callers wait for a re-ranker.

::

    NOTIFY ─► take (a claim; the texts that the asker may read) ─► a call each ─► write scores, or why there are none

Nothing is locked while the re-ranker works. Callers that wait ring again: what a dead listener took, another takes.
"""

from __future__ import annotations

import json
import logging
import time
from functools import partial
from typing import TYPE_CHECKING

import anyio
import asyncpg

from listener.concurrency import set_within, task_group
from listener.database.outages import retry_on_outage
from listener.embedding.reranker import Reranker, create_reranker
from listener.engine import engine_rows
from listener.engine.doorbell import Doorbell
from listener.engine.engine_rows import OpenRerank
from listener.engine.loop import Loop
from listener.errors import IngestError, ServiceError, SettingsError
from listener.settings import Settings

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

log = logging.getLogger(__name__)

CALLS = 4  # concurrent questions
LAST_PAUSE_SECONDS = 0.05  # anybody may notify: for rings without a question, a look so often is enough
FIRST_REST_SECONDS, LONGEST_REST_SECONDS = 1.0, 30.0  # for which a re-ranker that failed is not asked
OF_ONE_QUESTION, OF_ALL = ("reranker_answer_malformed", "embedding_failed"), ("model_not_loaded",)


class Rerankings(Loop):
    """The loop that answers ``ingest_rerank``, at capacity or not."""

    name = "rerankings"

    def __init__(
        self, pool: asyncpg.Pool, doorbell: Doorbell, reranker: Reranker, executor_id: str, settings: Settings
    ) -> None:
        self._pool = pool
        self._doorbell = doorbell
        self._reranker = reranker
        self._executor_id = executor_id
        self._settings = settings
        self._calls = 0
        self._open: set[int] = set()
        self._added = settings.query_cache  # by earlier listeners
        self._away_until = 0.0
        self._rest = FIRST_REST_SECONDS

    @classmethod
    def of(cls, pool: asyncpg.Pool, doorbell: Doorbell, executor_id: str, settings: Settings) -> tuple[Loop, ...]:
        """Return the loop, or none where no re-ranker is set; raises SettingsError as ``create_reranker`` does."""
        reranker = create_reranker(settings)
        return () if reranker is None else (cls(pool, doorbell, reranker, executor_id, settings),)

    async def run(self) -> None:
        """Say what there is, then answer questions when they are heard of, or each ``poll_seconds`` if nothing is."""
        await self._write(
            "select ingest.ingest_offer_reranker($1::text, $2::text)", self._executor_id, self._reranker.name
        )
        async with task_group() as calls:
            pause = 0.0
            while True:
                await self._rung()
                pause = 0.0 if await self._take(calls) else min(2 * pause + 0.001, LAST_PAUSE_SECONDS)
                await anyio.sleep(pause)

    async def stop(self) -> None:
        """End the loop, and what the re-ranker holds."""
        await super().stop()
        await self._reranker.close()

    async def _rung(self) -> None:
        """Wait for a reason to look. The doorbell gives one whenever it has connected, so none gets lost."""
        await set_within(self._doorbell.to_score, None if self._doorbell.hears else self._settings.poll_seconds)
        self._doorbell.to_score.clear()

    async def _take(self, calls: TaskGroup) -> bool:
        """Take questions as far as there are calls left to make; False if it looked and there was none."""
        if self._calls >= CALLS:
            return True
        take = partial(engine_rows.take_reranks, self._pool.fetch, self._executor_id, self._reranker.name)
        taken = await retry_on_outage(partial(take, CALLS - self._calls))
        for question in taken:
            if question.id not in self._open:  # a claim that has lapsed comes again
                self._calls += 1
                self._open.add(question.id)
                calls.start_soon(self._call, question)
        return bool(taken)

    async def _call(self, question: OpenRerank) -> None:
        """Answer a question; whatever goes wrong, the others are answered."""
        try:
            await self._answer(question)
        except IngestError as error:
            log.warning("chunks could not be scored", extra={"code": error.code})
            await self._refuse(question, error)
        except Exception as error:
            log.exception("chunks could not be scored")
            await self._refuse(question, IngestError("internal", f"{type(error).__name__}: {error}", _REPORT))
        finally:
            self._calls -= 1
            self._open.discard(question.id)
            self._doorbell.to_score.set()  # a free place: what waited for one can be taken

    async def _answer(self, question: OpenRerank) -> None:
        scores = await self._scored(question) if question.texts else []
        await self._write(
            "select ingest.ingest_answer_rerank($1::bigint, $2::bigint[], $3::int[], $4::float8[])",
            *(question.id, question.revisions, question.ordinals, scores),
        )
        self._added += 1
        if self._added > self._settings.query_cache // 100:
            self._added = 0
            await self._write("select ingest.ingest_evict_rerankings($1::int)", self._settings.query_cache)

    async def _scored(self, question: OpenRerank) -> list[float]:
        """Have texts scored. While a service is away, nobody waits for it: it is asked again after a rest."""
        if (seconds := self._away_until - time.monotonic()) > 0:
            # An earlier message was meant for another caller.
            told = f"{self._reranker.name} failed a moment ago, and is asked again in {seconds:.0f} s"
            raise ServiceError("reranker_unavailable", told, "See its own log.")
        try:
            scores = await self._reranker.score(question.query, question.texts)
        except (ServiceError, SettingsError) as error:
            if error.code in OF_ALL or (isinstance(error, ServiceError) and error.code not in OF_ONE_QUESTION):
                wish = error.retry_after if isinstance(error, ServiceError) else None
                self._away_until = time.monotonic() + max(wish or 0.0, self._rest)
                self._rest = min(2 * self._rest, LONGEST_REST_SECONDS)
            raise
        self._rest = FIRST_REST_SECONDS
        return scores

    async def _refuse(self, question: OpenRerank, error: IngestError) -> None:
        """Tell all who wait why there is no answer."""
        reason = json.dumps(error.as_json("rerank"))
        await self._write("select ingest.ingest_refuse_rerank($1::bigint, $2::jsonb)", question.id, reason)

    async def _write(self, statement: str, *arguments: object) -> None:
        await retry_on_outage(partial(self._pool.execute, statement, *arguments))


_REPORT = "The listener's log has more; please report it."
