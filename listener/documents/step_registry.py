"""The installed steps of users' own, and the worker processes that run them: entry points of ``ingest_listener.steps``.

A step that only computes runs where documents are parsed, as confined as a parser. One that uses the network has
processes of its own, which find the variables that it asks for, and no others.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from pydantic import TypeAdapter, ValidationError

from listener.documents import confinement
from listener.documents.failures import AnswerTooLarge, CallRaised, WorkerFailed, WorkerMemory, WorkerTimeout
from listener.documents.pool import Workers
from listener.documents.reading import Malformed, short
from listener.documents.received import notes
from listener.documents.received import pages as in_order
from listener.documents.step_calls import AnsweredChunk, StepResult, StepSaid, describe_step, rework_chunks
from listener.documents.steps import ChunkText
from listener.errors import DocumentError
from listener.extensions import Registered, broken, registered
from listener.logs.masking import remember
from listener.settings import Settings

GROUP = "ingest_listener.steps"
NAME = re.compile(r"[a-z][a-z0-9_-]{0,47}")
SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW", re.IGNORECASE)
DATABASE = frozenset({
    "INGEST_DATABASE_URL", "INGEST_POOLER_URL", "INGEST_MAINTENANCE_URL", "PGPASSWORD", "PGPASSFILE",
})  # fmt: skip
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
HINT = "Try its package's step on this document alone; to go on without the document, exclude it."

MOST_TOKENS = 10_000_000  # of one call: a process may say anything
ALONE = ("failed", "refused")  # what a call over several may have come to for one of them only

T = TypeVar("T")

_ANSWERED = TypeAdapter(AnsweredChunk)
_KEPT = TypeAdapter(StepResult)


class GroupMade(NamedTuple):
    """What became of chunks, by their places, and the tokens of the call; ``error``: what befell those that lack."""

    results: Mapping[int, StepResult]
    tokens: int = 0
    error: DocumentError | None = None


@dataclass(frozen=True, slots=True)
class KnownStep:
    """A step that is installed here: where it is imported from, what it says of itself, and what runs it."""

    name: str
    point: str
    said: StepSaid
    workers: Workers
    seconds: float
    side_by_side: int
    ours: bool

    async def call(
        self, function: Callable[..., T], *args: Any, most: int | None = None, asides: list[Any] | None = None
    ) -> T:
        """Call a function of ``step_calls`` for it. Raises DocumentError if that brings no answer."""
        try:
            given = self.point, self.said.version, *args
            return await self.workers.run(function, *given, timeout=self.seconds, most=most, asides=asides)
        except (WorkerFailed, CallRaised) as failure:
            raise self.failed(failure) from None

    async def rework(self, options: Mapping[str, Any], chunks: Sequence[ChunkText], most: int) -> GroupMade:
        """Have chunks reworked. What was answered before the call failed counts as the rest would have."""
        said: list[Any] = []
        try:
            became = await self.call(rework_chunks, options, list(chunks), most=most, asides=said)
        except DocumentError as error:
            return _of_those(said, len(chunks), error)
        early = _of_those(said, len(chunks), None).results if became.at_once else {}
        tokens = min(max(became.tokens, 0), MOST_TOKENS)
        if len(became.results) != len(chunks):
            return GroupMade(early, tokens, self.failed("its answer makes no sense"))
        first = became.results[0]
        if became.at_once and len(chunks) > 1 and first.kind in ALONE:
            return GroupMade(early, tokens, self.failed(first.message))
        return GroupMade(dict(enumerate(map(sane, became.results))) | dict(early), tokens)

    def failed(self, failure: object) -> DocumentError:
        """Return the error of a document over which the step failed."""
        if isinstance(failure, AnswerTooLarge):
            failure = "it returned much more than it was given"
        said = f"own step {self.name!r} failed: {failure}"
        if isinstance(failure, WorkerTimeout):
            return DocumentError("step_timeout", said, "Raise INGEST_STEP_TIMEOUT_SECONDS, or split the document.")
        if isinstance(failure, WorkerMemory):
            return DocumentError("step_memory", said, "Raise INGEST_PARSE_MEMORY_MB, or split the document.")
        if isinstance(failure, WorkerFailed):
            return DocumentError("step_crashed", said, HINT)
        return DocumentError("step_failed", said, HINT)


class Steps:
    """The installed steps, by name."""

    def __init__(self, known: Mapping[str, KnownStep], opened: Sequence[Workers] = ()) -> None:
        self._known = dict(known)
        self._opened = opened

    @classmethod
    async def installed(cls, workers: Workers, settings: Settings) -> Steps:
        """Ask all of them what they are; those of others in a worker process. Raises ``broken_extension``."""
        known: dict[str, KnownStep] = {}
        opened: list[Workers] = []
        for one in registered(GROUP):
            said, own = await _described(one, workers), workers
            if said.network:
                _hide_secrets(said.environment)
                if not one.ours:
                    confinement.hide()  # its process has our user, and could read our environment
                limits = settings.step_workers, settings.step_timeout_seconds, settings.parse_memory_mb
                own = Workers(*limits, environment=said.environment)
                opened.append(own)
            side = settings.step_workers if said.network else settings.parse_workers
            seconds = settings.step_timeout_seconds
            known[one.point.name] = KnownStep(one.point.name, one.point.value, said, own, seconds, side, one.ours)
        return cls(known, opened)

    def of(self, name: str) -> KnownStep | None:
        """Return the step of a name, if there is one."""
        return self._known.get(name)

    def unset(self, name: str) -> Sequence[str]:
        """Return the variables that a step of others would find, and that are not set."""
        one = self._known[name]
        return [] if one.ours else [variable for variable in one.said.environment if variable not in os.environ]

    @property
    def as_told(self) -> dict[str, Any]:
        """What the listener's row says of them."""
        return {
            name: {
                "version": one.said.version,
                "place": one.said.place,
                "paid": one.said.paid,
                "options": one.said.options,
            }
            for name, one in self._known.items()
        }

    async def close(self) -> None:
        """End their processes."""
        async with AsyncExitStack() as closing:
            for workers in self._opened:
                closing.push_async_callback(workers.close)


async def _described(one: Registered, workers: Workers) -> StepSaid:
    what = f"the step {one.point.name!r} of {one.origin}"
    try:
        said = describe_step(one.point.value) if one.ours else await workers.run(describe_step, one.point.value)
    except Exception as error:  # whatever a stranger's module does
        raise broken(what, error) from error
    if problem := _problem(one.point.name, said):
        raise broken(what, problem)
    return said


def _hide_secrets(variables: Sequence[str]) -> None:
    """Have values of variables that are called like secrets masked in errors and logs: a step may say anything."""
    for name in variables:
        if SECRET.search(name) and (value := os.environ.get(name)):
            remember(value)


def _of_those(said: Sequence[Any], count: int, error: DocumentError | None) -> GroupMade:
    """Return what was said of chunks before a call ended, as far as it makes sense."""
    results: dict[int, StepResult] = {}
    tokens = 0
    for one in said:
        try:
            heard = _ANSWERED.validate_python(one)
        except ValidationError:
            continue
        if 0 <= heard.place < count:
            results[heard.place], tokens = StepResult(heard.text), min(max(tokens, heard.tokens), MOST_TOKENS)
    return GroupMade(results, tokens, error)


def _problem(name: str, said: StepSaid) -> str | None:
    """Return what keeps a step from being used."""
    if not NAME.fullmatch(name):
        return f"{name!r} is no name: small letters, digits, - and _"
    if wrong := [one for one in said.environment if not VARIABLE.fullmatch(one)]:
        return f"{wrong[0]!r} is no variable's name"
    if theirs := DATABASE.intersection(said.environment):
        return f"it asks for {min(theirs)}, which leads into the listener's database"
    if said.environment and not said.network:
        return "it asks for variables, and not for the network"
    if said.most_tokens < 0 or not said.version:
        return "it has no version"
    return None


def result_of(kept: Mapping[str, Any]) -> StepResult | None:
    """Return a result as it was kept, maybe by another release: what that added is ignored, what it lacked is usual.

    None: it can't be understood, and counts as not known.
    """
    try:
        return _KEPT.validate_python({name: kept[name] for name in StepResult._fields if name in kept})
    except ValidationError:
        return None


def sane(result: StepResult) -> StepResult:
    """Return a result whose numbers are numbers: a process may answer anything."""
    wish = result.retry_after
    tokens = min(max(result.tokens, 0), 10_000_000)
    return result._replace(retry_after=wish if wish is not None and math.isfinite(wish) else None, tokens=tokens)


def storable(result: StepResult) -> StepResult:
    """Return what a step made of a document as Postgres takes it; where it can't, that it failed."""
    try:
        pages = list(in_order(result.pages, len(result.text)))
        return sane(result)._replace(title=short(result.title), metadata=notes(result.metadata), pages=pages)
    except Malformed as wrong:
        return StepResult("", "failed", message=str(wrong), tokens=sane(result).tokens)
