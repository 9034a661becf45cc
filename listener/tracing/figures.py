"""Counts of a listener's own work: numbers in memory, whether anybody reads them or not.

``engine/tally`` adds them to those of the installation, ``engine/metrics`` serves them. Counting costs a microsecond.
Labels come from the lists here and from the names of steps, so their number is bounded.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

STATUSES = ("succeeded", "partially_succeeded", "failed", "cancelled")
OUTCOMES = ("published", "skipped", "superseded", "failed", "gone")
STEPS = ("discover", "load", "chunk", "embed", "save", "mirror", "plan")

STEP_BOUNDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3600.0)
CALL_BOUNDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0)
LAG_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

Key = tuple[str, str]
"""A name and the value of its label, which may be empty."""


@dataclass(slots=True)
class Durations:
    """How long something took: how often at most so many seconds, and the sum."""

    bounds: Sequence[float]
    within: list[int] = field(init=False)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.within = [0] * (len(self.bounds) + 1)

    @property
    def number(self) -> int:
        """How often."""
        return sum(self.within)

    def add(self, seconds: float) -> None:
        """Add one."""
        self.within[bisect_left(self.bounds, seconds)] += 1
        self.seconds += seconds


class Figures:
    """The figures of one listener since it started."""

    def __init__(self) -> None:
        self.counts: dict[Key, int] = dict.fromkeys(
            [
                *(("requests", status) for status in STATUSES),
                *(("documents", outcome) for outcome in OUTCOMES),
                *((name, "") for name in ("chunks", "texts", "tokens", "retries", "waits")),
            ],
            0,
        )
        self.steps = {step: Durations(STEP_BOUNDS) for step in STEPS}
        self.calls = Durations(CALL_BOUNDS)
        self.lags = Durations(LAG_BOUNDS)

    def count(self, name: str, label: str = "", number: int = 1) -> None:
        """Count something that is known here."""
        self.counts[name, label] = self.counts.get((name, label), 0) + number

    def ended(self, status: str) -> None:
        """Count a request that ended."""
        self.count("requests", status)

    def stored(self, chunks: int, texts: int, tokens: int) -> None:
        """Count chunks that were stored, and what was sent for them."""
        for name, number in (("chunks", chunks), ("texts", texts), ("tokens", tokens)):
            self.count(name, number=number)

    def reached(self, counts: Mapping[str, int]) -> None:
        """Count the documents that a step says it was through with."""
        for outcome in OUTCOMES:
            if number := counts.get(outcome):
                self.count("documents", outcome, number)

    @property
    def totals(self) -> dict[Key, float]:
        """All that is added to the installation's figures."""
        steps = {("steps", step): float(took.number) for step, took in self.steps.items()}
        seconds = {("step_seconds", step): took.seconds for step, took in self.steps.items()}
        return {**self.counts, **steps, **seconds}
