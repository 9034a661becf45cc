"""Own steps between chunk and embed: what is embedded and searched for a chunk; its text stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from listener.concurrency import side_by_side
from listener.documents.step_calls import StepResult, rework_chunks
from listener.documents.step_registry import sane
from listener.documents.steps import ChunkText
from listener.errors import DocumentError, ServiceError
from listener.pipeline.caps import Granted
from listener.pipeline.new_chunks import searched_as
from listener.pipeline.own_steps import OneStep, StepsOfBatch
from listener.pipeline.rows import Failure, NewChunk
from listener.sources.base import Digest

MOST_MORE = 1024 * 1024  # bytes of results beyond four times of what was given
MOST_OF_ONE = 64 * 1024  # characters of a result beyond four times of its chunk: words of a megabyte can't be searched
MOST_TOKENS = 10_000_000  # of one call: a process may say anything

Given: TypeAlias = "tuple[Digest, ChunkText]"


@dataclass(slots=True)
class Window:
    """Chunks that go through one step: what each gives, and what came of it, by the digest of what is given."""

    chunks: Sequence[NewChunk]
    given: Sequence[Given]
    found: dict[Digest, StepResult | Failure]

    @property
    def missing(self) -> Sequence[Given]:
        """What is to be made, each once."""
        return [*{key: given for key, given in self.given if key not in self.found}.items()]

    def users(self, keys: Sequence[Digest]) -> list[tuple[int, Digest]]:
        """Return which revisions want something, each pair once."""
        wanted = set(keys)
        pairs = ((chunk.revision, key) for chunk, (key, _) in zip(self.chunks, self.given, strict=True))
        return sorted({pair for pair in pairs if pair[1] in wanted})


@dataclass(slots=True)
class ChunkSteps(StepsOfBatch):
    """Those that a batch's collection names."""

    place = "chunk"
    step = "embed"

    async def reworked(
        self, chunks: Sequence[NewChunk], texts: Mapping[int, str], failures: dict[int, Failure]
    ) -> list[NewChunk]:
        """Return chunks as the steps leave them, without those of documents that have failed. Raises StepAway."""
        some = list(chunks)
        for one in self.steps:
            some = [chunk for chunk in some if chunk.revision not in failures]
            window = Window(some, await self.tools.in_thread(_given, one, some, texts), {})
            await self._fill(one, window)
            self.check()
            some = await self.tools.in_thread(self._applied, window, failures)
        return [chunk for chunk in some if chunk.revision not in failures] if self.steps else some

    async def _fill(self, one: OneStep, window: Window) -> None:
        """Look up what is known, and have the rest made, in groups."""
        if one.known.said.paid and window.chunks:
            revisions, keys = [chunk.revision for chunk in window.chunks], [key for key, _ in window.given]
            known = await self.tools.gateway.known_results(self.fence, revisions, keys)
            window.found |= {keys[place]: StepResult(**result) for place, result in known.items()}
        missing, size = window.missing, one.known.said.group

        async def make(group: Sequence[Given]) -> None:
            await self._make(one, group, window)

        await side_by_side(
            make, [missing[at : at + size] for at in range(0, len(missing), size)], one.known.side_by_side
        )

    async def _make(self, one: OneStep, group: Sequence[Given], window: Window) -> None:
        """Have a group made, as much of it at a time as caps let pass."""
        while group and not self.away:
            granted = Granted(len(group))
            if one.known.said.paid:
                try:
                    granted = await one.reserve([one.tokens(_words(text)) for _, text in group])
                except DocumentError as reached:  # so nothing more is sent
                    window.found |= {key: reached.as_json(self.step) for key, _ in group}
                    return
            await self._send(one, group[: granted.texts], window, granted)
            group = group[granted.texts :]

    async def _send(self, one: OneStep, part: Sequence[Given], window: Window, granted: Granted) -> None:
        kept = not one.known.said.paid
        try:
            made, tokens = await self._made(one, [text for _, text in part])
            results = {key: result for (key, _), result in zip(part, made, strict=True)}
            if not kept:
                rows = [(*user, results[user[1]]) for user in window.users(list(results))]
                await one.keep(rows, tokens, granted)
                kept = True
        finally:
            if not kept:
                await one.caps.give_back(granted)
        for key, result in results.items():
            try:
                window.found[key] = self._sound(one, result)
            except (ServiceError, DocumentError) as error:
                if failure := self.failure(one, error):
                    window.found[key] = failure

    async def _made(self, one: OneStep, given: Sequence[ChunkText]) -> tuple[Sequence[StepResult | DocumentError], int]:
        """Return what became of each text, and the tokens that they took. If all fail, each is tried alone."""
        most = 4 * sum(len(chunk.text.encode("utf-8", "replace")) for chunk in given) + MOST_MORE
        try:
            results, tokens = await one.known.call(rework_chunks, one.setting.options, list(given), most=most)
        except DocumentError as error:
            if len(given) == 1:
                return [error], 0
            alone = [await self._made(one, [chunk]) for chunk in given]
            return [result for (result,), _ in alone], sum(tokens for _, tokens in alone)
        if len(results) != len(given):
            return [one.known.failed("its answer makes no sense")] * len(given), 0
        sound = [_bounded(sane(result), chunk) for result, chunk in zip(results, given, strict=True)]
        return sound, min(max(tokens, 0), MOST_TOKENS)

    def _sound(self, one: OneStep, result: StepResult | DocumentError) -> StepResult:
        if isinstance(result, DocumentError):
            raise result
        if result.kind != "done":
            one.raise_failure(result)
        if not result.text.strip():
            raise one.known.failed("it left no text of a chunk")
        self.answered = True
        return result

    def _applied(self, window: Window, failures: dict[int, Failure]) -> list[NewChunk]:
        became: list[NewChunk] = []
        for chunk, (key, _) in zip(window.chunks, window.given, strict=True):
            result = window.found[key]
            if isinstance(result, StepResult):
                became.append(searched_as(chunk, result.text, self.settings))
            else:
                failures[chunk.revision] = result
        return became


def _given(one: OneStep, some: Sequence[NewChunk], texts: Mapping[int, str]) -> list[Given]:
    """Return what is given for each chunk, by its digest."""
    size = one.known.said.opening
    openings = {revision: texts[revision][:size] for revision in {chunk.revision for chunk in some}}
    given = [ChunkText(chunk.said, chunk.title, list(chunk.path), openings[chunk.revision]) for chunk in some]
    return [(one.key([text.text, text.title, text.headings, text.opening]), text) for text in given]


def _words(chunk: ChunkText) -> list[str]:
    return [chunk.text, chunk.opening, chunk.title or "", *chunk.headings]


def _bounded(result: StepResult, chunk: ChunkText) -> StepResult:
    if len(result.text) <= 4 * len(chunk.text) + MOST_OF_ONE:
        return result
    return StepResult("", "failed", message=f"it made {len(result.text)} characters of {len(chunk.text)}")
