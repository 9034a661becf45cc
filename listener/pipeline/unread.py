"""Documents that a batch could not read since their source may be away: they stay as they are until that is known."""

from __future__ import annotations

from collections import Counter

from listener.errors import RequestError, ServiceError, TransientError
from listener.pipeline.away import SourceAway
from listener.pipeline.rows import ToLoad
from listener.sources.archives.kinds import member_place
from listener.sources.schemes import Sources

REFUSALS = frozenset({"credentials_refused"})  # they may pass, and are no sign of a source's absence
MOST_FAILED = 8  # of a source that has given nothing yet: then no more are tried


class Unread:
    """What one look at a batch's documents could not read. ``source``: what their request names."""

    def __init__(self, sources: Sources, source: str | None) -> None:
        self._sources = sources
        self._source = source
        self._read: Counter[str] = Counter()
        self._failed: dict[str, list[tuple[str, TransientError]]] = {}

    def notes(self, row: ToLoad, outcome: object) -> bool:
        """Record the result of reading a document; True: it must be read again."""
        if not isinstance(outcome, TransientError) or outcome.code in REFUSALS:
            self._read[self._service(row)] += not isinstance(outcome, Exception)
            return False
        self._failed.setdefault(self._service(row), []).append((_place(row), outcome))
        return True

    def gives_up(self, row: ToLoad) -> bool:
        """Tell whether a document need not be tried: this many others of its source failed, and none was read."""
        service = self._service(row)
        failed = self._failed.get(service, [])
        if len(failed) < MOST_FAILED or self._read[service]:
            return False
        failed.append((_place(row), failed[-1][1]))
        return True

    def check(self) -> None:
        """Raise SourceAway if there are any."""
        for service, failed in self._failed.items():
            place, error = failed[0]
            asks_source = self._read[service] or len(failed) < MOST_FAILED
            if asks_source and self._source and self._of(self._source) == service:
                place = self._source
            raise SourceAway(service, place, ServiceError(error.code, error.message, error.hint))

    def _service(self, row: ToLoad) -> str:
        return self._of(_place(row))

    def _of(self, place: str) -> str:
        try:
            return self._sources.service(place)
        except RequestError:  # inline content
            return ""


def _place(row: ToLoad) -> str:
    place = row.locator or row.uri
    member = member_place(place)
    return member.archive if member else place
