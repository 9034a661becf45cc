"""What worker processes run for steps of users' own: a step is imported there, and only data comes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint
from typing import Any, NamedTuple

from listener.documents import serving
from listener.documents.steps import (
    ChunkStep,
    ChunkText,
    DocumentStep,
    DocumentText,
    Dropped,
    OwnStep,
    StepRefused,
    StepUnavailable,
    WrongStepOptions,
    heard,
    take_used,
)

MOST_SAID = 1000  # characters of a message
MOST_SECONDS = 10**9


class StepSaid(NamedTuple):
    """What a step is, as far as a listener has to know."""

    place: str
    version: str
    options: dict[str, str]
    network: bool
    environment: list[str]
    paid: bool
    most_tokens: int
    probed: bool
    group: int
    opening: int


class StepResult(NamedTuple):
    """What became of a text. ``kind``: done, dropped, refused, unavailable, options, or failed."""

    text: str
    kind: str = "done"
    title: str | None = None
    metadata: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it
    pages: list[int] = []  # noqa: RUF012
    message: str = ""
    hint: str = ""
    retry_after: float | None = None
    tokens: int = 0


class StepResults(NamedTuple):
    """What became of texts, in their order, and the tokens of all; ``at_once``: since the call failed as a whole."""

    results: list[StepResult]
    tokens: int = 0
    at_once: bool = False


class AnsweredChunk(NamedTuple):
    """What became of the chunk at a place, said before its call has ended; ``tokens``: that the call took so far."""

    place: int
    text: str
    tokens: int


def describe_step(point: str) -> StepSaid:
    """Return what a step says of itself. Raises TypeError if it is none."""
    step = _imported(point)
    place = "document" if isinstance(step, DocumentStep) else "chunk"
    group, opening = (step.group, step.opening) if isinstance(step, ChunkStep) else (1, 0)
    own = (str(step.version), dict(step.options), step.network, list(step.environment), step.paid, step.most_tokens)
    return StepSaid(place, *own, step.probe is not None, max(1, group), max(0, opening))


def rework_document(
    point: str,
    version: str,
    options: Mapping[str, Any],
    text: str,
    title: str | None,
    metadata: Mapping[str, Any],
    pages: Sequence[int],
    media_type: str,
) -> StepResult:
    """Return what a step makes of a document."""
    take_used()  # of a call before, that was broken off
    try:
        step = _imported(point, version)
        assert isinstance(step, DocumentStep)
        became: object = step.run(DocumentText(text, title, metadata, pages, media_type), options)
        result = _as_result(became, text, pages)
    except MemoryError:
        raise
    except BaseException as error:  # SystemExit, asyncio's CancelledError: of a document, as any other
        result = _said(error)
    return result._replace(tokens=take_used())


def rework_chunks(point: str, version: str, options: Mapping[str, Any], chunks: Sequence[ChunkText]) -> StepResults:
    """Return what a step makes of chunks."""
    take_used()
    try:
        step = _imported(point, version)
        assert isinstance(step, ChunkStep)
        with heard(_say_aside):
            became = list(step.run(chunks, options))
        if len(became) != len(chunks):
            raise ValueError(f"it returned {len(became)} texts for {len(chunks)}")
    except MemoryError:
        raise
    except BaseException as error:
        return StepResults([_said(error)] * len(chunks), take_used(), at_once=True)
    return StepResults([StepResult(one) if isinstance(one, str) else _said(one) for one in became], take_used())


def probe_step(point: str, version: str, options: Mapping[str, Any]) -> StepResult:
    """Ask whether a step's service lives."""
    try:
        step = _imported(point, version)
        if step.probe is not None:
            step.probe(options)
    except MemoryError:
        raise
    except BaseException as error:
        return _said(error)
    return StepResult("")


def _say_aside(place: int, text: str, tokens: int) -> None:
    serving.say_aside(AnsweredChunk(place, text, tokens))


def _as_result(became: object, text: str, pages: Sequence[int]) -> StepResult:
    """Return what a step has returned, with the types that it should have."""
    if isinstance(became, Dropped):
        return StepResult("", "dropped", message=str(became.reason)[:MOST_SAID])
    if not isinstance(became, DocumentText):
        raise TypeError(f"it returned {type(became).__name__}")
    if not isinstance(became.text, str):
        raise TypeError(f"its text is {type(became.text).__name__}")
    title = None if became.title is None else str(became.title)[:MOST_SAID]
    moved = [int(page) for page in became.pages] if became.text == text or became.pages is not pages else []
    return StepResult(str(became.text), "done", title, dict(became.metadata), moved)


def _said(error: object) -> StepResult:
    kinds = {StepRefused: "refused", StepUnavailable: "unavailable", WrongStepOptions: "options"}
    kind = next((name for known, name in kinds.items() if isinstance(error, known)), "failed")
    said = _text_of(error) if kind != "failed" else f"{type(error).__name__}: {_text_of(error)}"
    hint, wish = _text_of(getattr(error, "hint", ""))[:MOST_SAID], getattr(error, "retry_after", None)
    seconds = float(wish) if isinstance(wish, (int, float)) and abs(wish) < MOST_SECONDS else None
    return StepResult("", kind, message=said[:MOST_SAID], hint=hint, retry_after=seconds)


def _text_of(anything: object) -> str:
    """Return what something says of itself: a stranger's exception may fail at that, too."""
    try:
        return str(anything)
    except BaseException as again:
        return f"it can't be shown ({type(again).__name__})"


def _imported(point: str, version: str | None = None) -> OwnStep:
    step = EntryPoint("", point, "").load()
    if not isinstance(step, (DocumentStep, ChunkStep)):
        raise TypeError(f"{point} is {type(step).__name__}, not a DocumentStep or ChunkStep")
    if version not in (None, str(step.version)):  # results are kept by their version
        said = f"its package was changed: version {step.version} is installed, and the listener began with {version}"
        raise WrongStepOptions(said, "Start the listener anew.")
    return step
