"""The four steps of a batch, inline in its request's workflow or in a separate one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from listener import logs
from listener.database.outages import retry_on_outage
from listener.documents.turns import Share, on_behalf_of
from listener.errors import IngestError, LostOwnership, RequestError, ServiceError, SettingsError
from listener.pipeline.away import SourceAway, StepAway
from listener.pipeline.checkpoints import Step, give_way, run_plainly, run_step
from listener.pipeline.chunk import cut
from listener.pipeline.document_steps import DocumentSteps
from listener.pipeline.embed import EmbedStep
from listener.pipeline.load import load
from listener.pipeline.parking import GenerationLeft, Parking
from listener.pipeline.places import Places, Seat
from listener.pipeline.plan import plan
from listener.pipeline.references import BatchRef, RequestRef
from listener.pipeline.request_rows import BatchSettings
from listener.pipeline.rows import Fence, Texts
from listener.pipeline.save import save, save_request
from listener.pipeline.source_waits import SourceWaits
from listener.pipeline.tools import Tools
from listener.pipeline.unread import Unread

Run = Callable[[Tools, str, Step], Awaitable[dict[str, int]]]

LONGEST_WAIT_SECONDS = 60.0
LACKS_GENERATION = "lacks_generation"


class GoAlone(Exception):
    """The service of a shared batch fails: each of its requests continues alone, so that it waits by itself."""


@dataclass(slots=True)
class Tries:
    """How often an own step failed although its service lives; one in which something got through begins anew."""

    most: int
    failed: int = 0

    @property
    def left(self) -> bool:
        """Whether another failure is waited for."""
        return self.failed < self.most

    def count(self, verdict: str, progress: bool) -> None:
        """Note how an attempt ended: its service was ``away``, is ``well``, or patience is ``over``."""
        is_away = verdict in ("away", "left")
        self.failed = self.most if verdict == "over" else 0 if is_away else 1 if progress else self.failed + 1


class BatchRuns:
    """Carries batches through their steps, each as its only writer."""

    def __init__(self, tools: Tools, parking: Parking) -> None:
        self._tools = tools
        self._parking = parking
        self.waits = SourceWaits(tools, parking)

    async def run(self, ref: BatchRef, seat: Seat) -> dict[str, int]:
        """Run a batch's four steps; only the first if it brought nothing new."""
        with logs.bound(batch=ref.batch):
            most = self._tools.settings.max_attempts
            fence = await retry_on_outage(partial(self._tools.gateway.own, ref, self._tools.executor_id, most))
            if fence is None:
                await give_way(self._tools, RequestRef(request=ref.request), ref.workflow)
            with self._tools.tracing.batch(ref.request, ref.batch) as span:
                try:
                    outcome = await self._steps(self._tools, fence, run_step, seat)
                except LostOwnership:  # while it waited, before its steps
                    await give_way(self._tools, RequestRef(request=ref.request), ref.workflow)
                span.output(**outcome)
                return outcome

    async def run_shared(self, fence: Fence, tools: Tools) -> None:
        """Run the four steps of a batch that requests share, outside of their workflows, so without checkpoints.

        ``tools``: with the gateway of that batch. Raises GoAlone if its service fails.
        """
        with tools.tracing.batch(fence.requests[0], fence.number, shared_by=len(fence.requests)) as span:
            span.output(**await self._steps(tools, fence, run_plainly, None))

    async def _steps(self, tools: Tools, fence: Fence, run: Run, seat: Seat | None) -> dict[str, int]:
        """Run the steps. ``seat``: the places to be given back while it waits; a shared batch goes on alone then."""
        settings = await retry_on_outage(partial(tools.gateway.batch_settings, fence.requests[0], fence.number))
        waits_on = seat is not None
        if settings.waits:
            if seat is None:
                raise GoAlone
            if settings.waits_for:
                waits_on = await self.waits.before(fence, settings, seat)
            else:
                settings = await self._wait_before(tools, fence, settings, seat)
        texts = Texts(tools.memory)
        try:
            with on_behalf_of(settings.share):
                outcome = await run(
                    tools, "load", partial(self._load, tools, fence, settings, texts, seat if waits_on else None)
                )
                if outcome["open"]:
                    outcome |= await run(tools, "chunk", partial(cut, tools, fence, texts))
                    if settings.plan:
                        return outcome | await run(tools, "plan", partial(plan, tools, fence, settings, texts))
                    outcome |= await run(
                        tools, "embed", partial(self._embed_in_all, tools, fence, settings, texts, seat, waits_on)
                    )
        finally:
            texts.let_go()
        if outcome["open"] and settings.publish != "request":
            outcome |= await run(tools, "save", partial(self._save, tools, fence, seat))
        return outcome

    async def _wait_before(self, tools: Tools, fence: Fence, settings: BatchSettings, seat: Seat) -> BatchSettings:
        """Park a batch that has not begun; return its settings, which are others if what it waited for was given up."""
        try:
            await self._parking.before(fence, settings, seat)
        except GenerationLeft:
            await retry_on_outage(partial(tools.gateway.next_generation, fence))
            settings = await retry_on_outage(partial(tools.gateway.batch_settings, fence.requests[0], fence.number))
        return settings

    async def _load(
        self, tools: Tools, fence: Fence, settings: BatchSettings, texts: Texts, seat: Seat | None
    ) -> dict[str, int]:
        """Load; wait while a source is away. What fails although it answers is tried once more. No seat: no waiting."""
        patient, turns = seat is not None, Tries(self._tools.settings.embed_attempts)
        while True:
            unread = Unread(tools.sources, settings.source) if patient else None
            steps = DocumentSteps(tools, fence, settings, seat is not None and turns.left)
            try:
                return await load(tools, fence, texts, steps, unread)
            except SourceAway as away:
                assert seat is not None
                texts.let_go()
                verdict = await self.waits.after_reading(fence, settings, seat, away)
                if isinstance(away, StepAway):
                    await self._before_next(turns, away, verdict, seat)
                else:
                    patient = verdict in ("away", "left")

    async def _embed_in_all(
        self, tools: Tools, fence: Fence, settings: BatchSettings, texts: Texts, seat: Seat | None, patient: bool
    ) -> dict[str, int]:
        """Embed in each generation that the batch's documents have to stand in."""
        if (
            several := settings.generations > 1
        ):  # begun anew behind an outage: it may be on its way into another one by now
            present = partial(tools.gateway.batch_settings, fence.requests[0], fence.number)
            settings = await retry_on_outage(present)
        outcome = await self._embed_as_asked(tools, fence, settings, texts, seat, patient)
        if several:
            await self._bring_along(tools, fence, seat, texts)
        return outcome

    async def _bring_along(self, tools: Tools, fence: Fence, seat: Seat | None, texts: Texts | None = None) -> None:
        """Cut and embed the batch's embedded documents for all other generations."""
        texts = texts or Texts(tools.memory)
        turn = partial(tools.gateway.next_generation, fence)
        try:
            while settings := await retry_on_outage(turn):
                await cut(tools, fence, texts)
                await self._embed_as_asked(tools, fence, settings, texts, seat, seat is not None)
        finally:
            texts.let_go()

    async def _embed_as_asked(
        self, tools: Tools, fence: Fence, settings: BatchSettings, texts: Texts, seat: Seat | None, patient: bool
    ) -> dict[str, int]:
        """Embed, unless it can't be done for a generation that stops over that: the batch goes on without it then."""
        try:
            return await self._embed(tools, fence, settings, texts, seat, patient)
        except GenerationLeft:
            pass
        except (SettingsError, ServiceError) as error:
            texts.let_go()
            asked = await retry_on_outage(partial(tools.gateway.asked_for, fence))
            if asked == "made" and seat is None:
                raise GoAlone from error
            if asked == "made" and seat is not None:
                asked = await self._parking.until_made(fence, settings, seat, error)
            if asked != "left":
                raise
        return {"documents": 0}

    async def _save(self, tools: Tools, fence: Fence, seat: Seat | None) -> dict[str, int]:
        """Publish. A generation may have been added since the batch was embedded: then in that first."""
        while True:
            try:
                return await save(tools, fence)
            except RequestError as error:
                _require_lack(error)
            await self._bring_along(tools, fence, seat)

    async def save_all(self, ref: RequestRef, share: Share, places: Places) -> dict[str, int]:
        """Publish all of a request's batches at once, as ``_save`` does one."""
        while True:
            try:
                return await save_request(self._tools, ref)
            except RequestError as error:
                _require_lack(error)
            for number in await retry_on_outage(partial(self._tools.gateway.batches, ref)):
                batch = BatchRef(request=ref.request, batch=number)
                own = partial(
                    self._tools.gateway.own, batch, self._tools.executor_id, self._tools.settings.max_attempts
                )
                if (fence := await retry_on_outage(own)) is None:
                    raise LostOwnership("lost_ownership", f"batch {number} is no longer this execution's")
                async with places.one(batch.workflow, share):
                    await self._bring_along(self._tools, fence, Seat(batch.workflow, share, places))

    async def _embed(
        self, tools: Tools, fence: Fence, settings: BatchSettings, texts: Texts, seat: Seat | None, patient: bool
    ) -> dict[str, int]:
        """Embed; wait while the service is away, and try again as the settings say what it fails over while it lives.

        An attempt that got some texts through resets the count.
        """
        attempt, turns = 0, Tries(self._tools.settings.embed_attempts)
        while True:
            embedder, waits = tools.embedders.of(settings.space), patient and turns.left
            step = EmbedStep(tools, embedder, fence, settings, texts, waits)
            try:
                return await step.run()
            except StepAway as away:
                assert seat is not None, "requests with own steps share no batch"
                texts.let_go()
                verdict = await self.waits.after_reading(fence, settings, seat, away)
                if verdict == "left":
                    raise GenerationLeft from away
                await self._before_next(turns, away, verdict, seat)
            except ServiceError as error:
                texts.let_go()
                if seat is None:
                    await self._parking.failed(settings, error)
                    raise GoAlone from error
                was_away = await self._parking.after(fence, settings, seat, error)
                attempt = 0 if was_away else 1 if step.sent else attempt + 1
                if attempt >= tools.settings.embed_attempts:
                    raise
                if attempt:
                    self._tools.figures.count("retries")
                    pause = error.retry_after or self._backoff(attempt)
                    await self._pause(fence, settings, seat, error, pause)

    async def _before_next(self, turns: Tries, away: StepAway, verdict: str, seat: Seat) -> None:
        """Count an attempt at an own step; where its service lives, the fault may be the batch's own: pause."""
        turns.count(verdict, away.progress)
        if turns.failed and turns.left:
            self._tools.figures.count("retries")
            async with seat.away():
                await asyncio.sleep(self._backoff(turns.failed))

    async def _pause(self, fence: Fence, settings: BatchSettings, seat: Seat, error: IngestError, pause: float) -> None:
        """Wait, without a place, before the next attempt; ``ingest_status`` shows why, and until when."""
        reason = error.as_json("embed") | {"service": settings.service}
        await self._tools.gateway.note_retry(fence, reason, pause)
        async with seat.away():
            await asyncio.sleep(pause)

    def _backoff(self, attempt: int) -> float:
        settings = self._tools.settings
        pause = settings.embed_interval_seconds * settings.embed_backoff ** (attempt - 1)
        return float(min(pause, LONGEST_WAIT_SECONDS) * random.uniform(0.75, 1.25))


def _require_lack(error: RequestError) -> None:
    """Raise an error again, unless it says that documents do not stand in all generations yet."""
    if error.code != LACKS_GENERATION:
        raise error
