"""Steps of your own: what a package implements to change documents or chunks on their way.

::

    load ─► DocumentStep ─► chunk ─► ChunkStep ─► embed

An entry point of the group ``ingest_listener.steps`` leads to one of the two, under the name by which collections
name it; ``docs/own-steps.md`` has an example. All of a step's code runs in worker processes: a listener learns there
what it is, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Lock, Thread, current_thread
from threading import enumerate as all_threads
from typing import Any, TypeAlias

Options: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DocumentText:
    """A document as it was parsed. ``pages``: where in the text they begin, in characters; empty if it has none."""

    text: str
    title: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    pages: Sequence[int] = ()
    media_type: str = "text/plain"

    def replaced(self, places: Iterable[tuple[int, int, str]]) -> DocumentText:
        """Return it with other words in places (start, end, words), which are in order; its pages move along."""
        parts: list[str] = []
        moved: list[int] = []
        pages, at, length = [*self.pages], 0, 0
        for start, end, words in places:
            while pages and pages[0] <= start:
                moved.append(length + pages.pop(0) - at)
            parts += [self.text[at:start], words]
            length += start - at
            while pages and pages[0] < end:  # inside of what goes: the page begins with what comes instead
                pages.pop(0)
                moved.append(length)
            length += len(words)
            at = end
        moved += [length + page - at for page in pages]
        return replace(self, text="".join([*parts, self.text[at:]]), pages=moved)


@dataclass(frozen=True, slots=True)
class Dropped:
    """That a document is to be left out; ``reason``: for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class ChunkText:
    """A chunk as it would be embedded: its text, after what it continues; ``opening``: the begin of its document."""

    text: str
    title: str | None = None
    headings: Sequence[str] = ()
    opening: str = ""


class StepRefused(Exception):
    """This text can't be reworked; its document fails with ``step_refused``. ``hint``: what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class StepUnavailable(Exception):
    """The step's service is away. With a ``probe`` it is waited for. ``retry_after``: the seconds that it asks for."""

    def __init__(self, message: str, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.retry_after = retry_after


class WrongStepOptions(Exception):
    """The options, or the listener's environment, must be changed: the request ends with ``wrong_step_options``."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


Reworked: TypeAlias = "str | StepRefused | StepUnavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnStep:
    """What both kinds of steps say of themselves.

    ``version``: change it whenever the same text would become another one: documents are then no longer unchanged.
    ``options``: the names that collections may set, each with the types of JSON that it takes (``string or array``).
    ``network``: it may use it, and files; without, its process can do nothing but compute. ``environment``: variables
    of the listener's that it finds then, keys and addresses among them; no others.
    ``paid``: what it returns is kept, so that no text is paid for twice, and what it sends counts under the caps.
    ``most_tokens``: of a text, besides its own: of the prompt around it and the answer.
    ``probe``: asks whether its service lives; raises StepUnavailable if not.
    """

    version: str
    options: Mapping[str, str] = field(default_factory=dict)
    network: bool = False
    environment: Sequence[str] = ()
    paid: bool = False
    most_tokens: int = 0
    probe: Callable[[Options], object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentStep(OwnStep):
    """Changes a document before it is stored, or drops it: what it returns is all that is kept of its text."""

    run: Callable[[DocumentText, Options], DocumentText | Dropped]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkStep(OwnStep):
    """Changes what is embedded and searched for chunks; their text stays as it is.

    ``run`` gets up to ``group`` chunks, maybe of several documents, and returns for each its new text, or how that
    failed. ``opening``: characters of the document's begin that each chunk comes with.
    """

    run: Callable[[Sequence[ChunkText], Options], Sequence[Reworked]]
    group: int = 8
    opening: int = 0


Hear: TypeAlias = "Callable[[int, str, int], None]"

_lock = Lock()  # a step may have threads
_tokens = 0
_hear: Hear | None = None
_others: frozenset[Thread] = frozenset()
"""Threads that were there before the present call: what they do may be of a former one."""


def used(tokens: int) -> None:
    """Say, in ``run``, how many tokens the service counted: for caps and usage."""
    global _tokens  # noqa: PLW0603 - a worker process serves one call at a time
    with _lock:
        _tokens += tokens


def answered(place: int, text: str) -> None:
    """Say, in ``run`` of a ChunkStep, what the chunk at a place has become, as soon as that is known.

    It is kept although the process may die, or run out of time, over another chunk of the same call. From threads, too,
    that the call has started: one that was there before may still be at a former call, whose places are other chunks'.
    """
    with _lock:
        if _hear and current_thread() not in _others:
            _hear(place, text, _tokens)


def take_used() -> int:
    """Return what was used since the last time."""
    global _tokens
    with _lock:
        taken, _tokens = _tokens, 0
    return taken


@contextmanager
def heard(hear: Hear) -> Iterator[None]:
    """Have what steps say with ``answered`` heard, with the tokens used so far; nothing more after the block."""
    global _hear, _others  # noqa: PLW0603 - as above
    _hear, _others = hear, frozenset(all_threads()) - {current_thread()}
    try:
        yield
    finally:
        with _lock:  # a thread that is at it says it to its end
            _hear = None
