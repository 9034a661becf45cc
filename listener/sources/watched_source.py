"""A source whose changes are noticed: what was seen of it last, and what concerns it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from listener.sources.options import RequestOptions
from listener.sources.survey import Survey, Surveyed


@dataclass
class WatchedSource:
    """A source whose changes are noticed, and what was seen of it last.

    ``heard``: how many times the system told of a change; ``heard_before``: when it was looked at last. ``took``: the
    seconds of that look; ``looked_at``: when it ended.
    """

    name: str
    source: str
    options: RequestOptions
    seen: Surveyed | None = None
    survey: Survey | None = None
    how: str = ""
    heard: int = 0
    heard_before: int = 0
    lost: bool = False
    next_look: float = 0.0
    took: float = 0.0
    looked_at: float = 0.0

    def look_within(self, seconds: float) -> None:
        """Have it looked at sooner than it would be."""
        self.next_look = min(self.next_look, time.monotonic() + seconds)

    def concerns(self, folder: str, name: str) -> bool | None:
        """Return whether a change of a name concerns it: True if folders may have changed, None if not at all."""
        seen, survey = self.seen, self.survey
        if seen is None or survey is None or folder not in seen.folders:
            return None
        if seen.file is not None:
            return False if name == seen.file else None
        path = seen.folders[folder] + name
        place = os.path.join(folder, name)  # noqa: PTH118 - as in walk
        if place in seen.folders or (survey.descends(path) and os.path.isdir(place)):  # noqa: PTH112
            return True
        return False if survey.takes(path) else None
