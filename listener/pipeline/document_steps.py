"""Own steps between load and chunk: what they return is all that is stored of a document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from listener.documents.step_calls import StepResult, rework_document
from listener.documents.step_registry import storable
from listener.errors import DocumentError, ServiceError
from listener.pipeline.own_steps import OneStep, StepsOfBatch
from listener.pipeline.rows import Loaded
from listener.sources.base import Digest

MOST_MORE = 1024 * 1024  # bytes of a result beyond twice of what was given


@dataclass(slots=True)
class DocumentSteps(StepsOfBatch):
    """Those that a batch's collection names."""

    place = "document"
    step = "load"

    async def reworked(self, document: Sequence[Loaded]) -> list[Loaded]:
        """Return a document and its parts as the steps leave them; nothing while a service may be away.

        With a whole that is dropped its parts are, too.
        """
        became: list[Loaded] = []
        for one in document if self.steps else ():
            new = await self._reworked(one) if one.parsed else one
            if new is None:
                return []
            if new.dropped and new.part is None:
                return [new, *(replace(part, parsed=None, error=None, dropped=new.dropped) for part in document[1:])]
            became.append(new)
        return became if self.steps else list(document)

    async def _reworked(self, loaded: Loaded) -> Loaded | None:
        for one in self.steps:
            if self.away:
                return None
            try:
                result = await self._result(one, loaded)
                if result is None:  # a plan sends nothing: the document counts as it is
                    continue
                if result.kind == "dropped":
                    reason = DocumentError("dropped", f"own step {one.known.name!r} drops it: {result.message}")
                    return replace(loaded, parsed=None, dropped=reason.as_json(self.step))
                loaded = _as_became(one, loaded, result)
            except (ServiceError, DocumentError) as error:
                failure = self.failure(one, error)
                return replace(loaded, parsed=None, error=failure) if failure else None
        return loaded

    async def _result(self, one: OneStep, loaded: Loaded) -> StepResult | None:
        assert loaded.parsed is not None
        text = loaded.parsed
        given = (text.text, text.title, dict(text.metadata), list(text.pages), text.media_type)
        most = 2 * len(text.text.encode("utf-8", "replace")) + MOST_MORE
        call = partial(one.known.call, rework_document, one.setting.options, *given, most=most)
        if not one.known.said.paid:
            return self._sound(one, await self.tools.in_thread(storable, await call()))
        key = await self.tools.in_thread(one.key, given)
        async with self.tools.in_hand.take([key]):
            known = await self.tools.gateway.known_results(self.fence, [loaded.revision], [key])
            if one.plan:
                tokens = None if known else one.tokens([text.text])
                await self.tools.gateway.note_step_planned(self.fence, one.known.name, {key: tokens})
                return known.get(0)
            return known.get(0) or self._sound(one, await self._sent(one, loaded.revision, key, call, text.text))

    async def _sent(
        self, one: OneStep, revision: int, key: Digest, call: Callable[[], Awaitable[StepResult]], text: str
    ) -> StepResult:
        """Send a document's text, and keep what comes."""
        most = one.most_tokens([text])
        granted, settled = await one.reserve([most]), False
        try:
            try:
                result = await self.tools.in_thread(storable, await call())
            except DocumentError:  # its process died over it
                await one.keep([], 1, most, granted)
                settled = True
                raise
            await one.keep([(revision, key, result)], 0, result.tokens, granted)
            settled = True
        finally:
            if not settled:
                await one.caps.give_back(granted)
        return result

    def _sound(self, one: OneStep, result: StepResult) -> StepResult:
        if result.kind not in ("done", "dropped"):
            one.raise_failure(result)
        self.answered = True
        return result


def _as_became(one: OneStep, loaded: Loaded, result: StepResult) -> Loaded:
    """Return what a step made of a document, if that can be stored."""
    assert loaded.parsed is not None
    if not result.text.strip():
        raise DocumentError("no_text", f"own step {one.known.name!r} left no text", "It should drop such documents.")
    text, title, metadata, pages = result.text, result.title, result.metadata, result.pages
    parsed = replace(loaded.parsed, text=text, title=title, metadata=metadata, pages=pages)
    return replace(loaded, parsed=parsed)
