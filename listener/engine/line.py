"""Whose turn it is among the requests that are due, and where in the line a claim begins to look.

There are two lines: small texts of a request's own, and long requests. In each a claim goes from the most urgent
priority on, around the submitters, and around each one's collections. Where it stopped the next one goes on:
``ingest_pick`` says how.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

LONG_SECONDS = 0.01
SELDOM = 10
MOST_SECONDS = 2.0
REMEMBERED = 64  # submitters: of others the first collection is next
MOST_BELOW = 8  # priorities below which a line is remembered, too
MOST_LOOKS = 200  # of one claim, see ingest_pick


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a request was in the line."""

    long: bool
    priority: int
    submitter: str
    collection: str
    created_at: datetime

    @property
    def as_json(self) -> dict[str, Any]:
        """What a claim needs to continue from there."""
        return {
            "priority": self.priority,
            "submitter": self.submitter,
            "collection": self.collection,
            "created_at": self.created_at.isoformat(),
        }


class Line:
    """Where in one line of due requests claims begin to look.

    At its front as a rule. What stands there may be in the way: index entries of requests that ended, which VACUUM may
    not remove while an old transaction is open, or requests below another host's folders. When passing them took long,
    the next claims continue where the last one found something, until looking at all of it again would take a tenth of
    the time; at most two seconds. So much later it may be another one's turn.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stay: Standing | None = None
        self._until = clock()

    @property
    def stay(self) -> dict[str, Any] | None:
        """Where to continue; None: look from the front."""
        return self._stay.as_json if self._stay and self._clock() < self._until else None

    def looked(self, from_the_front: bool, found: Sequence[Standing], seconds: float) -> None:
        """Note what a claim found, and how long it took."""
        if from_the_front:
            pause = min(seconds * SELDOM, MOST_SECONDS) if seconds > LONG_SECONDS else 0.0
            self._until = self._clock() + pause
        self._stay = found[-1] if found else None


class WhoseTurn:
    """Whose turn it is, in both lines, as the last claim left it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._lines = {"quick": Line(clock), "long": Line(clock)}
        self._turns: dict[str, Any] = {}
        self._from_the_front = False

    def asked(self, front: bool = False, served: Mapping[str, Any] = MappingProxyType({})) -> str:
        """Return what the next claim takes as its turns.

        ``front``: it looks at all of both lines; ``served``: whose small texts it leaves, as ``ingest_pick`` takes it.
        """
        asked = {
            name: (self._turns.get(name) or {}) | {"stay": None if front else line.stay}
            for name, line in self._lines.items()
        }
        asked["quick"]["not"] = dict(served)
        return json.dumps(self._turns | asked)

    def answered(self, asked: str, answer: dict[str, Any], found: Sequence[Standing], seconds: float) -> None:
        """Note what a claim answered to ``asked``, what it found in its order, and how long it took."""
        before = json.loads(asked)
        for name, line in self._lines.items():
            these = [one for one in found if one.long == (name == "long")]
            line.looked(before[name]["stay"] is None, these, seconds)
            if turn := answer.get(name):
                turn["collections"] = _latest(before[name].get("collections", {}), turn.get("collections", {}))
                if len(turn.get("below") or {}) > MOST_BELOW:
                    turn["below"] = {}
        self._turns = answer
        self._from_the_front = not any(before[name]["stay"] for name in self._lines)

    @property
    def saw_all(self) -> bool:
        """Whether the last claim looked at all of both lines, and passed nothing by that it could have had."""
        return self._from_the_front and not (self.locked or self.more or self.left)

    @property
    def locked(self) -> bool:
        """Whether the last claim passed something by that may be there later, without a ring."""
        return bool(self._turns.get("locked")) or self._turns.get("looks", 0) >= MOST_LOOKS

    @property
    def more(self) -> bool:
        """Whether long requests may be left because no place is free."""
        return bool(self._turns.get("more"))

    @property
    def left(self) -> bool:
        """Whether some were left for other listeners."""
        return bool(self._turns.get("left"))


def _latest(before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    """Return what is remembered of submitters, the latest turn at the end; of too many, those at the beginning go."""
    same = {submitter: after[submitter] for submitter in before if after.get(submitter) == before[submitter]}
    changed = {submitter: collection for submitter, collection in after.items() if submitter not in same}
    return dict([*same.items(), *changed.items()][-REMEMBERED:])
