"""How much work one listener carries: places, and what is executed in them.

::

    a request's place      each request that runs here has one
    a place to work in     each batch has one, and a request that finds its documents or carries its only batch itself:
                           a few, and more while the listener has not as much to do as it can

Who waits holds neither: a request whose batches are workflows of their own, and what is parked.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from listener.documents.turns import Share
from listener.pipeline.places import Places


@dataclass(frozen=True, slots=True)
class Room:
    """What a listener can begin now: so many requests; of these so many long ones; or, beside what there is, so many of
    submitters and collections that are not in ``served``, as ``ingest_pick`` takes it; small ones of those that are not
    in ``served_small``."""

    requests: int
    long: int
    new: int
    served: Mapping[str, bool | list[str]]
    served_small: Mapping[str, bool | list[str]] = field(default_factory=dict)


class Capacity:
    """The places of a listener, and the workflows that are executed here."""

    def __init__(self, requests: int, batches: int, is_all: Callable[[], bool] = lambda: True) -> None:
        """``is_all``: whether the listener has as much to do as it can. A quarter of the requests are small ones."""
        self.requests = Places(requests)
        self.batches = Places(batches, requests - requests // 4, is_all)
        self._long: Counter[Share] = Counter()
        self._small: dict[str, Share] = {}
        self._one_ended = asyncio.Event()
        self._executing: Counter[str] = Counter()

    @property
    def room(self) -> Room:
        """What can begin now."""
        requests = self.requests.free
        long = min(requests, self.batches.free)
        new = 0 if long else min(1, requests)
        return Room(requests, long, new, self._served(self._long, 2) if new else {})

    @property
    def beside(self) -> Room:
        """What can begin although every place is taken: one request, small or long, of who has none such at work here.

        So long ones don't hold up small ones, and who waits for a service that hangs holds up nobody else.
        """
        one = int(self.requests.taken < 2 * self.requests.total)
        return Room(one, 0, one, self._served(self._long, 3), self._served(Counter(self._small.values()), 3))

    def begin_small(self, workflow: str, share: Share) -> None:
        """Count a small request as open here, until its ``end``, or ``end_small``."""
        self._small[workflow] = share

    def end_small(self, workflow: str) -> None:
        """Count it no more, if it was counted."""
        self._small.pop(workflow, None)

    def end(self, workflow: str) -> None:
        """Give back what a request had here, also a place to work in to which it did not come."""
        self.end_small(workflow)
        self.requests.give_back()
        self.batches.release(workflow)

    @contextmanager
    def long(self, share: Share) -> Iterator[None]:
        """Count a long request as open here, for the time of a block."""
        self._long[share] += 1
        try:
            yield
        finally:
            self._long -= Counter([share])

    @property
    def executing(self) -> list[str]:
        """The ids of the workflows that are executed here, or wait here for a place."""
        return [*self._executing]

    @property
    def busy(self) -> bool:
        """Whether a request or a batch runs here."""
        return bool(self.requests.taken or self.batches.taken)

    @contextmanager
    def executes(self, workflow: str) -> Iterator[None]:
        """Count a workflow as executed here, for the time of a block; its place is given back inside of it."""
        self._executing[workflow] += 1
        try:
            yield
        finally:
            self._executing -= Counter([workflow])
            self._one_ended.set()

    async def drained(self) -> None:
        """Wait until nothing runs here."""
        while self.busy:
            self._one_ended.clear()
            await self._one_ended.wait()

    def _served(self, open_: Counter[Share], times: int) -> dict[str, bool | list[str]]:
        """Return who has requests of a kind open here: submitters with their collections; True: it gets no more.

        A submitter may have as many as would be left for others of some times the places: so there is always room.
        """
        of: dict[str, list[str]] = {}
        numbers: Counter[str] = Counter()
        for share, number in open_.items():
            of.setdefault(share.submitter, []).append(share.collection)
            numbers[share.submitter] += number
        left = times * self.requests.total - numbers.total()
        return {submitter: numbers[submitter] >= left or collections for submitter, collections in of.items()}
