"""What the log says of services that are away: when it begins, once a minute while it lasts, and when it is over."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from listener.engine.circuit_rows import OpenCircuit
from listener.pipeline.away import Key

log = logging.getLogger(__name__)

MINUTE = 60.0


@dataclass(slots=True)
class _Outage:
    since: float
    said_at: float


class OutageLog:
    """Says of each outage what is new, not once for each batch."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[Key, _Outage] = {}

    def saw(self, circuits: Iterable[OpenCircuit], waiting: Mapping[Key, int]) -> None:
        """Note which services are away. ``waiting``: how much waits here for each."""
        now = self._clock()
        away = {one.key: one for one in circuits if one.opened}
        for key in self._known.keys() - away.keys():
            log.info("%s is back after %.0f s", _named(key), now - self._known.pop(key).since)
        for key, one in away.items():
            if key not in self._known:
                self._known[key] = _Outage(now - one.age, now)
                self._say(one, "is away", waiting)
            elif now - self._known[key].said_at >= MINUTE:
                self._known[key].said_at = now
                self._say(one, f"has been away for {one.age:.0f} s", waiting)

    @staticmethod
    def _say(one: OpenCircuit, what: str, waiting: Mapping[Key, int]) -> None:
        parked = waiting.get(one.key, 0)
        log.warning(
            "%s %s: %s; it is asked again in %.0f s%s",
            *(_named(one.key), what, one.failure["message"], one.next_in, f"; {parked} parked here" if parked else ""),
            extra={"code": one.failure["code"]},
        )


def _named(key: Key) -> str:
    service, tenant = key
    return f"{service} (tenant {tenant})" if tenant else service
