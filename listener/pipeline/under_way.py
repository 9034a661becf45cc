"""Documents whose chunks are on their way to vectors: which of them have all, and how long they took."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from listener.pipeline.rows import Failure, NewChunk, Outcome, ToEmbed


class UnderWay:
    """What is left to be stored of some revisions. Each is given out once, when all of it is stored or at the end."""

    def __init__(self, rows: Sequence[ToEmbed]) -> None:
        self._left = {row.id: len(row.starts) - len(row.stored) for row in rows}
        self._begun: dict[int, float] = {}
        self._ended: dict[int, float] = {}
        self._through: list[int] = []

    def begin(self, chunks: Iterable[NewChunk]) -> None:
        """Note that these are looked up and sent from now on."""
        now = time.monotonic()
        for one in chunks:
            self._begun.setdefault(one.revision, now)

    def store(self, chunks: Iterable[NewChunk]) -> None:
        """Note that these are stored."""
        now = time.monotonic()
        for one in chunks:
            self._ended[one.revision] = now
            self._left[one.revision] -= 1
            if not self._left[one.revision]:
                self._through.append(one.revision)

    def take_through(self) -> list[Outcome]:
        """Return those all of whose chunks are stored, and that were not returned before."""
        through, self._through = self._through, []
        return [self._outcome(revision, None) for revision in through if self._left.pop(revision, None) is not None]

    def take_all(self, failures: Mapping[int, Failure]) -> list[Outcome]:
        """Return all others: that they are finished, or why they failed."""
        left, self._left = self._left, {}
        return [self._outcome(revision, failures.get(revision)) for revision in left]

    def _outcome(self, revision: int, failure: Failure | None) -> Outcome:
        began, ended = self._begun.get(revision), self._ended.get(revision, time.monotonic())
        return Outcome(revision, failure, None if began is None else ended - began)
