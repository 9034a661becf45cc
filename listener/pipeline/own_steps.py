"""Own steps in an execution of a batch: between load and chunk (``document_steps``), chunk and embed (``chunk_steps``).

::

    a text ─► known? what the step made of it before                          only of paid steps, by a digest of all
               no ─► reserved, where caps hold ─► a worker process ─► kept    that the step is given; while one
                                                                              execution sends it, others here wait
    its service is away ─► nothing more is sent; the batch is parked (``SourceWaits``), and goes on with what it lacks
    anything else that fails ─► is the document's

A plan sends nothing by a paid step: it counts what that would get, and uses what is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any, NoReturn

from listener.database.outages import retry_on_outage
from listener.documents.step_calls import StepResult
from listener.documents.step_registry import KnownStep
from listener.errors import DocumentError, ServiceError, SettingsError, TransientError
from listener.pipeline.away import StepAway, StepPlace
from listener.pipeline.caps import Caps, Granted
from listener.pipeline.request_rows import BatchSettings, StepSetting
from listener.pipeline.rows import Failure, Fence
from listener.pipeline.tools import Tools
from listener.sources.base import Digest

BYTES_OF_A_TOKEN = 3


@dataclass(slots=True)
class OneStep:
    """A step that a collection names, for one execution of a step of the pipeline."""

    tools: Tools
    fence: Fence
    setting: StepSetting
    known: KnownStep
    version: str
    tenant: str
    caps: Caps
    plan: bool = False

    def key(self, given: Sequence[Any]) -> Digest:
        """Return the digest of all that decides what comes out."""
        all_of_it = [self.tenant, self.known.name, self.version, self.setting.options, given]
        return sha256(json.dumps(all_of_it, sort_keys=True).encode()).digest()

    def tokens(self, texts: Sequence[str]) -> int:
        """Return what a text takes with all that goes with it, as an estimate."""
        return -(-self._size(texts) // BYTES_OF_A_TOKEN) + self.known.said.most_tokens

    def most_tokens(self, texts: Sequence[str]) -> int:
        """Return what is to be reserved for it: the estimate and a quarter."""
        return -(-self._size(texts) * 5 // (4 * BYTES_OF_A_TOKEN)) + self.known.said.most_tokens

    def _size(self, texts: Sequence[str]) -> int:
        prompt = json.dumps(self.setting.options) if self.setting.options else ""
        return sum(len(text.encode("utf-8", "replace")) for text in [*texts, prompt])

    async def reserve(self, tokens: Sequence[int]) -> Granted:
        """Reserve some of the texts. Raises DocumentError where a cap is reached."""
        if granted := await self.caps.reserve(tokens):
            return granted
        told = self.caps.told(self.fence.requests[0])
        raise TransientError(told["code"], told["message"], told["hint"])

    async def keep(
        self, made: Sequence[tuple[int, Digest, StepResult]], lost: int, tokens: int, granted: Granted
    ) -> None:
        """Keep what was paid for, at once; if nothing was, the reservation is given back.

        ``lost``: texts that were sent, for all that is known, and of which nothing came: they count as well.
        """
        rows = [
            (revision, key, one._replace(tokens=0)._asdict())
            for revision, key, one in made
            if one.kind in ("done", "dropped")
        ]
        if not rows and not lost:
            await self.caps.give_back(granted)
            return
        step = self.known.name, self.setting.model
        save = partial(self.tools.gateway.save_results, self.fence, step, rows, lost, tokens, granted.reservation)
        await retry_on_outage(save)

    def raise_failure(self, result: StepResult) -> NoReturn:
        """Raise what a result means that is none: ServiceError if its service is away."""
        name = f"own step {self.known.name!r}"
        if result.kind == "unavailable":
            wish = result.retry_after
            raise ServiceError("step_unavailable", f"{name}: {result.message}", result.hint, retry_after=wish)
        if result.kind == "options":
            raise SettingsError("wrong_step_options", f"{name}: {result.message}", result.hint)
        if result.kind == "refused":
            raise DocumentError("step_refused", f"{name} refuses it: {result.message}", result.hint)
        raise self.known.failed(result.message or "its answer makes no sense")


@dataclass(slots=True)
class StepsOfBatch:
    """What both kinds have in common. ``patient``: what is away is waited for; else its documents fail."""

    tools: Tools
    fence: Fence
    settings: BatchSettings
    patient: bool
    away: StepAway | None = field(default=None, init=False)
    answered: bool = field(default=False, init=False)
    steps: list[OneStep] = field(init=False)
    place = ""
    step = ""

    def __post_init__(self) -> None:
        self.steps = list(self._named())

    def check(self) -> None:
        """Raise StepAway if something was left, since the service of a step may be away."""
        if self.away:
            self.away.progress = self.answered
            raise self.away

    async def begin(self) -> None:
        """Give back what this execution had reserved before it was broken off."""
        if self.steps and self.settings.capped:
            await self.tools.gateway.release(self.fence, None)

    def _named(self) -> Iterator[OneStep]:
        for setting in self.settings.steps:
            known = self.tools.steps.of(setting.name)
            if known is None:
                hint = "Install its package where this listener runs, and restart it."
                raise SettingsError("unknown_step_name", f"there is no own step {setting.name!r} here", hint)
            if known.said.place == self.place:
                caps = Caps(self.tools, None, self.fence, self.settings.capped and known.said.paid, setting.model)
                version, tenant = self.settings.step_versions.get(setting.name, ""), self.settings.tenant
                plan = self.settings.plan and known.said.paid
                yield OneStep(self.tools, self.fence, setting, known, version, tenant, caps, plan)

    def failure(self, one: OneStep, error: ServiceError | DocumentError) -> Failure | None:
        """Return how a text fails; None: its service may be away, and nothing more is asked until that is known."""
        if isinstance(error, DocumentError):
            return error.as_json(self.step)
        if not (self.patient and one.known.said.probed):
            return TransientError(error.code, error.message, error.hint).as_json(self.step)
        place = StepPlace(one.known.name, one.setting.options).place
        self.away = self.away or StepAway(one.setting.service, place, error, self.step)
        return None
