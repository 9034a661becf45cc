"""How long workers worked for a task: the time of its document, without the wait for a free worker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class Spent:
    """The time of a block: that of its calls in workers, or all of it if there were none."""

    began: float = field(default_factory=time.monotonic)
    worked: float | None = None

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began if self.worked is None else self.worked


_spent: ContextVar[Spent | None] = ContextVar("spent", default=None)


@contextmanager
def spending() -> Iterator[Spent]:
    """Give what counts the time that calls of this block take."""
    spent = Spent()
    token = _spent.set(spent)
    try:
        yield spent
    finally:
        _spent.reset(token)


def worked(seconds: float) -> None:
    """Count the time of a call, if somebody wants to know."""
    if spent := _spent.get():
        spent.worked = (spent.worked or 0.0) + seconds
