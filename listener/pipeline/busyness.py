"""Whether a listener is fully busy: more work would only wait for resources."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from listener.embedding import Embedder, Space
from listener.tracing.figures import Figures

WINDOW_SECONDS = 0.1
LONGEST_WINDOW_SECONDS = 1.0
BUSY_SHARE = 0.75  # of a core: an interpreter can't use much more


class Busyness:
    """Watches what can be used up: a core, calls of the embedding services, and what ``others`` tell of."""

    def __init__(self, figures: Figures, *others: Callable[[], bool]) -> None:
        self._figures = figures
        self._others = others
        self._calls: Counter[Space] = Counter()
        self._useful: dict[Space, int] = {}
        self._since = time.monotonic()
        self._used = time.process_time()
        self._share = 0.0

    @contextmanager
    def call(self, embedder: Embedder) -> Iterator[None]:
        """Count a call of an embedder, for the time of a block, and its seconds."""
        self._useful[embedder.space] = embedder.in_flight
        self._calls[embedder.space] += 1
        began = time.monotonic()
        try:
            yield
        finally:
            self._figures.calls.add(time.monotonic() - began)
            self._calls[embedder.space] -= 1

    def is_all(self) -> bool:
        """Return whether something is used up."""
        return (
            self._core() > BUSY_SHARE
            or any(self._calls[space] > useful for space, useful in self._useful.items())
            or any(other() for other in self._others)
        )

    def _core(self) -> float:
        """Return the share of a core that this process used lately; all of it, if that is not known yet."""
        now, used = time.monotonic(), time.process_time()
        if now - self._since >= WINDOW_SECONDS:
            is_recent = now - self._since <= LONGEST_WINDOW_SECONDS
            self._share = (used - self._used) / (now - self._since) if is_recent else 1.0
            self._since, self._used = now, used
        return self._share
