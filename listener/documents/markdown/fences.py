"""Where the fenced code blocks of a Markdown text lie."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Fences:
    """Where the fenced code blocks begin and end, in order."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def adjust(self, places: Sequence[int], low: int, high: int) -> list[int]:
        """Return the places that lie in no fenced block, and the ends of such blocks from ``low`` to ``high``."""
        if not self.starts:
            return list(places)
        kept = {at for at in places if self.around(at) is None}
        for edges in (self.starts, self.ends):
            kept.update(edges[bisect_left(edges, low) : bisect_right(edges, high)])
        return sorted(kept)

    def around(self, at: int) -> int | None:
        """Return where the fenced block begins that ``at`` lies inside of, if there is one."""
        last = bisect_left(self.starts, at) - 1
        return self.starts[last] if last >= 0 and at < self.ends[last] else None
