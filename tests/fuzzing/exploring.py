"""Try one target with many inputs: what they became, how long the slowest took, and what must not be."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.errors import Flaky

from fuzzing.targets import Place, Target, Trial

MOST_SHOWN = 4_000  # characters of an input
MOST_FINDINGS = 20  # of one target: after that it is not worth going on


class Hang(AssertionError):
    """A case took longer than it may."""


@dataclass(frozen=True)
class Extent:
    """How much is tried: ``cases`` that are always the same; or, so long, other ones by ``seed``.

    ``folder``: where examples that failed are kept, and what is being tried, for when this process dies of it.
    """

    cases: int = 0
    seconds: float = 0.0
    seed: int = 0
    folder: Path | None = None


@dataclass(frozen=True)
class Finding:
    """What must not be: ``what`` it is, the smallest ``input`` that was found for it, and where it happened."""

    what: str
    input: str
    trace: str = ""


@dataclass
class Tally:
    """What became of the cases of a target."""

    target: str
    cases: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest_seconds: float = 0.0
    slowest: str = ""
    findings: list[Finding] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """Keep it as ``tally.json``."""
        whole = {**vars(self), "outcomes": dict(self.outcomes), "findings": [asdict(one) for one in self.findings]}
        (folder / "tally.json").write_text(json.dumps(whole, ensure_ascii=True, indent=1))


def explore(target: Target, place: Place, extent: Extent) -> Tally:
    """Try a target in the main thread, in which no event loop runs: an alarm ends what hangs."""
    loop = asyncio.new_event_loop()
    opened = AsyncExitStack()
    try:
        trial = loop.run_until_complete(opened.enter_async_context(target.opened(place)))
        try:
            return _Exploration(loop, target, trial, extent).tally
        finally:
            loop.run_until_complete(opened.aclose())
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


class _Exploration:
    """Rounds of cases; what is wrong with one is looked for only once."""

    def __init__(self, loop: asyncio.AbstractEventLoop, target: Target, trial: Trial, extent: Extent) -> None:
        self.tally = Tally(target.name)
        self._loop, self._target, self._trial, self._extent = loop, target, trial, extent
        self._known: set[str] = set()
        self._failed: list[tuple[str, Exception]] = []  # in this round: the last, which is the smallest
        self._until = time.monotonic() + extent.seconds
        if extent.cases:
            self._round(extent.cases, None)
        number = extent.seed
        while time.monotonic() < self._until and len(self.tally.findings) < MOST_FINDINGS:
            self._round(target.round, number)
            number += 1

    def _round(self, cases: int, number: int | None) -> None:
        """Try so many cases, drawn by a number; none: always the same."""
        self._failed = []
        folder = self._extent.folder
        limited = settings(
            max_examples=cases, deadline=None, derandomize=number is None, print_blob=False,
            report_multiple_bugs=False, suppress_health_check=list(HealthCheck),
            database=DirectoryBasedExampleDatabase(folder / "examples") if folder else None,
            phases=[*([Phase.reuse] if folder else []), Phase.generate, Phase.shrink],
        )  # fmt: skip
        tried = limited(given(self._target.inputs)(self._case()))
        try:
            (tried if number is None else seed(number)(tried))()
        except Flaky:
            self._find("not each time: " + _said(self._failed[-1][1]), *self._failed[-1])
        except Exception as error:
            if not self._failed or error is not self._failed[-1][1]:
                raise  # of Hypothesis, or of these tests
            self._find(_said(error), *self._failed[-1])
        if self._trial.after:
            troubles = self._loop.run_until_complete(self._trial.after())
            self.tally.findings += [Finding(trouble.what, trouble.input[:MOST_SHOWN]) for trouble in troubles]
        if folder:
            self.tally.write(folder)

    def _find(self, said: str, value: str, error: Exception) -> None:
        self._known.add(_signature(error))
        trace = "".join(traceback.format_exception(error))
        self.tally.findings.append(Finding(said, value[:MOST_SHOWN], trace))

    def _case(self) -> Callable[[Any], None]:
        """Return a function, which Hypothesis asks for its source."""

        def case(value: Any) -> None:
            self._try(value)

        return case

    def _try(self, value: Any) -> None:
        if not self._failed and self._extent.seconds and time.monotonic() > self._until:
            return  # the rest of the round is not tried
        shown = repr(value)
        if self._extent.folder:
            (self._extent.folder / "now").write_text(shown, errors="backslashreplace")
        began = time.perf_counter()
        try:
            outcome = self._carried_out(value)
        except Exception as error:
            if _signature(error) in self._known:
                outcome = "known finding"
            elif isinstance(error, Hang):  # making it smaller would take as long again and again
                self._find(_said(error), shown, error)
                outcome = "hang"
            else:
                self._failed = [(shown, error)]
                raise
        seconds = time.perf_counter() - began
        self.tally.cases += 1
        self.tally.outcomes[outcome] += 1
        if seconds > self.tally.slowest_seconds:
            self.tally.slowest_seconds, self.tally.slowest = seconds, shown[:200]

    def _carried_out(self, value: Any) -> str:
        with _alarm(self._target.seconds * 1.5):
            outcome = self._trial.case(value)
            if inspect.isawaitable(outcome):
                outcome = self._loop.run_until_complete(self._within(outcome))
        return str(outcome)

    async def _within(self, outcome: Any) -> Any:
        try:
            return await asyncio.wait_for(outcome, self._target.seconds)
        except asyncio.TimeoutError:
            raise Hang(f"it waits for more than {self._target.seconds:g} s") from None


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise Hang in what does not end: in Python's code and in regular expressions, which look for signals."""

    def ring(*_: object) -> None:
        raise Hang(f"it goes on for more than {seconds:g} s")

    began, before = time.monotonic(), signal.signal(signal.SIGALRM, ring)
    left, again = signal.setitimer(signal.ITIMER_REAL, seconds)  # a test's own time limit may be an alarm, too
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.001), again)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:1000]


def _signature(error: Exception) -> str:
    """Return what two errors of one cause have in common: their type, the lines that they came by, errors they name."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno}" for frame in frames if "hypothesis" not in frame.filename]
    code = str(error).partition(":")[0] if not places or "targets.py" in places[-1] else ""
    named = sorted(set(re.findall(r"\b[A-Z]\w+Error\b", str(error))))
    return f"{type(error).__name__} {places[-3:]} {code[:60]} {named}"
