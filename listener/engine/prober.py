"""Probe a service, for all listeners: the prober has taken the turn in the service's circuit.

One that embeds is asked for a harmless text, a source for what a request wanted of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import anyio
import asyncpg

from listener.database.outages import retry_on_outage
from listener.documents.step_calls import probe_step
from listener.documents.step_registry import sane
from listener.embedding import Embedders, Space
from listener.embedding.probing import probe
from listener.errors import DocumentError, IngestError, ServiceError, SettingsError
from listener.pipeline.away import HowToAsk, Key, SourcePlace, StepPlace
from listener.pipeline.rows import Failure, as_json
from listener.pipeline.tools import Tools
from listener.sources.options import RequestOptions

log = logging.getLogger(__name__)


class Prober:
    """Asks services. ``lease_of``: the seconds that one has to answer in."""

    def __init__(self, pool: asyncpg.Pool, tools: Tools, lease_of: Callable[[HowToAsk], float]) -> None:
        self._pool = pool
        self._embedders: Embedders = tools.embedders
        self._sources = tools.sources
        self._steps = tools.steps
        self._executor_id = tools.executor_id
        self._lease_of = lease_of

    async def take(self, key: Key, lease: float) -> bool:
        """Take the turn to ask a service that is away, for ``lease`` seconds; False: too early, or another one asks."""
        query = "select ingest.ingest_take_probe($1::text, $2::text, $3::text, $4::float8)"
        return bool(await self._pool.fetchval(query, *key, self._executor_id, lease))

    async def ask(self, key: Key, how: HowToAsk) -> None:
        """Probe, and record the result; any answer counts as up, also that something must be set."""
        error: ServiceError | None = None
        try:
            error = await self._asked(key, how)
        except SettingsError as wrong:
            log.warning("%s can't embed with the present settings: %s", key[0], wrong, extra={"code": wrong.code})
        except Exception:
            log.exception("%s could not be asked", key[0])
        await self.end(key, error, how)

    async def _asked(self, key: Key, how: HowToAsk) -> ServiceError | None:
        if isinstance(how, StepPlace):
            return await self._of_step(key, how)
        return await (self._of_source(key, how) if isinstance(how, SourcePlace) else self.answer(key, how))

    async def answer(self, key: Key, space: Space) -> ServiceError | None:
        """Ask only; return how the service failed, None: it answered. Raises SettingsError, and what it can't say."""
        try:
            with anyio.fail_after(self._lease_of(space)):
                await probe(self._embedders.of(space))
        except ServiceError as no_answer:
            return no_answer
        except TimeoutError:
            return ServiceError("embedding_timeout", f"{key[0]} did not answer a harmless text in time")
        return None

    async def reaches(self, how: HowToAsk | None) -> bool:
        """Tell whether a service can be asked from here: by its endpoint, or below a root."""
        try:
            if isinstance(how, StepPlace):
                return self._steps.of(how.name) is not None
            if isinstance(how, SourcePlace):
                await self._sources.check(how.place, RequestOptions())
            elif how:
                self._embedders.of(how)
        except IngestError:
            return False
        return how is not None

    async def _of_source(self, key: Key, how: SourcePlace) -> ServiceError | None:
        try:
            with anyio.fail_after(self._lease_of(how)):
                await self._sources.probe(how.place)
        except ServiceError as no_answer:
            return no_answer
        except TimeoutError:
            return ServiceError("source_silent", f"{key[0]} did not answer in time", "see whether it is overloaded")
        except IngestError:  # a refusal is an answer
            return None
        return None

    async def _of_step(self, key: Key, how: StepPlace) -> ServiceError | None:
        step = self._steps.of(how.name)
        assert step is not None, "it is asked only where it is installed"
        try:
            answer = sane(await step.call(probe_step, how.options))
        except DocumentError as no_answer:
            return ServiceError("step_unavailable", f"{key[0]} did not answer: {no_answer.message}", no_answer.hint)
        if answer.kind != "unavailable":
            return None
        return ServiceError("step_unavailable", answer.message, answer.hint, answer.retry_after)

    async def end(self, key: Key, error: ServiceError | None = None, how: HowToAsk | None = None) -> None:
        """Write down what a service answered; without an error its circuit is closed."""
        reason, wish = (as_json(_reason(error, how)), error.retry_after or None) if error else (None, None)
        query = "select ingest.ingest_end_probe($1::text, $2::text, $3::text, $4::jsonb, $5::float8)"
        await retry_on_outage(partial(self._pool.execute, query, *key, self._executor_id, reason, wish))


def _reason(error: ServiceError, how: HowToAsk | None) -> Failure:
    if isinstance(how, (SourcePlace, StepPlace)):
        return error.as_json() | {"place": how.place}
    return error.as_json("embed")
