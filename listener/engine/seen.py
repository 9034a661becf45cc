"""What a loop finds at each of its looks, and for how long it has."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Seen(Generic[Key]):
    """Since when each of some things has been seen at every look."""

    def __init__(self) -> None:
        self._since: dict[Key, float] = {}

    def longer_than(self, seconds: float, found: Iterable[Key]) -> list[Key]:
        """Note what a look found; return what all looks have found for longer than that."""
        now = time.monotonic()
        self._since = {key: self._since.get(key, now) for key in found}
        return [key for key, since in self._since.items() if now - since > seconds]
