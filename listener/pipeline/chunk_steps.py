"""Own steps between chunk and embed: what is embedded and searched for a chunk; its text stays as it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from listener.concurrency import side_by_side
from listener.documents.step_calls import StepResult
from listener.documents.steps import ChunkText
from listener.errors import DocumentError, ServiceError
from listener.pipeline.caps import Granted
from listener.pipeline.new_chunks import searched_as
from listener.pipeline.own_steps import OneStep, StepsOfBatch
from listener.pipeline.rows import Failure, NewChunk
from listener.sources.base import Digest

MOST_MORE = 1024 * 1024  # bytes of results beyond four times of what was given
MOST_OF_ONE = 64 * 1024  # characters of a result beyond four times of its chunk: words of a megabyte can't be searched

Given: TypeAlias = "tuple[Digest, ChunkText]"


@dataclass(slots=True)
class Window:
    """Chunks that go through one step: what each gives, and what came of it, by the digest of what is given.

    None came of it in a plan: the chunk counts as it is.
    """

    chunks: Sequence[NewChunk]
    given: Sequence[Given]
    found: dict[Digest, StepResult | Failure | None]

    @property
    def missing(self) -> Sequence[Given]:
        """What is to be made, each once."""
        return [*{key: given for key, given in self.given if key not in self.found}.items()]

    def users(self, keys: Collection[Digest]) -> list[tuple[int, Digest]]:
        """Return which revisions want something, each pair once."""
        pairs = ((chunk.revision, key) for chunk, (key, _) in zip(self.chunks, self.given, strict=True))
        return sorted({pair for pair in pairs if pair[1] in keys})


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
        """Look up what is known, and have the rest made, in groups; what others are at here is waited for."""
        if not one.known.said.paid:
            await self._make_all(one, window.missing, window)
        while one.known.said.paid and (missing := window.missing) and not self.away:
            async with self.tools.in_hand.take([key for key, _ in missing]) as mine:
                users = window.users(mine)
                keys = [key for _, key in users]
                known = await self.tools.gateway.known_results(self.fence, [revision for revision, _ in users], keys)
                window.found |= {keys[place]: result for place, result in known.items()}
                left = [given for given in window.missing if given[0] in mine]
                if one.plan:
                    await self._plan(one, mine, left, window)
                else:
                    await self._make_all(one, left, window)

    async def _plan(self, one: OneStep, mine: Collection[Digest], left: Sequence[Given], window: Window) -> None:
        """Note what would be sent. What came of it can't be known: the chunks count as they are."""
        tokens = dict.fromkeys(mine) | {key: one.tokens(_words(text)) for key, text in left}
        await self.tools.gateway.note_step_planned(self.fence, one.known.name, tokens)
        window.found |= dict.fromkeys((key for key, _ in left), None)

    async def _make_all(self, one: OneStep, missing: Sequence[Given], window: Window) -> None:
        size = one.known.said.group

        async def make(group: Sequence[Given]) -> None:
            await self._make(one, group, window)

        await side_by_side(
            make, [missing[at : at + size] for at in range(0, len(missing), size)], one.known.side_by_side
        )

    async def _make(self, one: OneStep, group: Sequence[Given], window: Window) -> None:
        """Have a group made, as much of it at a time as caps let pass; what a call failed over, text by text."""
        parts = deque([group])
        while parts and not self.away:
            part = parts.popleft()
            granted = Granted(len(part))
            if one.known.said.paid:
                try:
                    granted = await one.reserve([one.most_tokens(_words(text)) for _, text in part])
                except DocumentError as reached:  # so nothing more is sent
                    window.found |= {key: reached.as_json(self.step) for some in [part, *parts] for key, _ in some}
                    return
            if rest := part[granted.texts :]:
                parts.appendleft(rest)
            parts.extend([left] for left in await self._send(one, part[: granted.texts], window, granted))

    async def _send(self, one: OneStep, part: Sequence[Given], window: Window, granted: Granted) -> Sequence[Given]:
        """Have texts made, and keep what comes; return those to be tried alone, since a call failed over several."""
        settled = not one.known.said.paid
        try:
            most = 4 * sum(len(text.text.encode("utf-8", "replace")) for _, text in part) + MOST_MORE
            made = await one.known.rework(one.setting.options, [text for _, text in part], most)
            results = {part[place][0]: _bounded(part[place][1], made.results[place]) for place in made.results}
            left = [given for given in part if given[0] not in results]
            if not settled:
                await self._keep(one, window, results, left, made.tokens, granted)
                settled = True
        finally:
            if not settled:
                await one.caps.give_back(granted)
        for key, result in results.items():
            self._note(one, window, key, result)
        if len(part) > 1:
            return left
        for key, _ in left:
            self._note(one, window, key, made.error or one.known.failed("its answer makes no sense"))
        return ()

    async def _keep(
        self,
        one: OneStep,
        window: Window,
        results: Mapping[Digest, StepResult],
        left: Sequence[Given],
        tokens: int,
        granted: Granted,
    ) -> None:
        """Keep results for all who want them. What is left may have been sent, too."""
        rows = [(revision, key, results[key]) for revision, key in window.users(results.keys())]
        tokens += sum(one.most_tokens(_words(text)) for _, text in left)
        await one.keep(rows, len(left), tokens, granted)

    def _note(self, one: OneStep, window: Window, key: Digest, result: StepResult | DocumentError) -> None:
        try:
            window.found[key] = self._sound(one, result)
        except (ServiceError, DocumentError) as error:
            if failure := self.failure(one, error):
                window.found[key] = failure

    def _sound(self, one: OneStep, result: StepResult | DocumentError) -> StepResult:
        if isinstance(result, DocumentError):
            raise result
        if result.kind != "done":
            one.raise_failure(result)
        self.answered = True
        return result

    def _applied(self, window: Window, failures: dict[int, Failure]) -> list[NewChunk]:
        became: list[NewChunk] = []
        for chunk, (key, _) in zip(window.chunks, window.given, strict=True):
            result = window.found[key]
            if result is None:
                became.append(chunk)
            elif isinstance(result, StepResult):
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


def _bounded(chunk: ChunkText, result: StepResult) -> StepResult:
    if len(result.text) > 4 * len(chunk.text) + MOST_OF_ONE:
        return StepResult("", "failed", message=f"it made {len(result.text)} characters of {len(chunk.text)}")
    if result.kind == "done" and not result.text.strip():
        return StepResult("", "failed", message="it left no text of a chunk")
    return result
