"""Documents that are on their way: how far workers are with them; which of them have all their vectors, since when."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import asyncpg

from listener.database.outages import OUTAGE
from listener.documents.headway import Headway, noted_in
from listener.pipeline.rows import Failure, Fence, NewChunk, Outcome, ToEmbed

log = logging.getLogger(__name__)


class HeadwayGateway(Protocol):
    """What writes down how far documents are."""

    async def note_headway(self, fence: Fence, step: str, shares: Mapping[int, float]) -> None: ...


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


class Headways:
    """How far documents are that workers have, for the batch's row: written down when it has moved."""

    def __init__(self, gateway: HeadwayGateway, fence: Fence, step: str) -> None:
        self._gateway = gateway
        self._fence = fence
        self._step = step
        self._of: dict[int, Headway] = {}
        self._written: dict[int, float] = {}

    @contextmanager
    def of(self, revision: int) -> Iterator[None]:
        """Note how far a document is, for the time of a block."""
        self._of[revision] = headway = Headway()
        try:
            with noted_in(headway):
                yield
        finally:
            del self._of[revision]

    async def write(self) -> None:
        """Write down what has moved; requests that share a batch are through too soon for that."""
        shares = {revision: headway.share for revision, headway in self._of.items() if headway.share}
        if shares != self._written and shares and len(self._fence.requests) == 1:
            try:
                await self._gateway.note_headway(self._fence, self._step, shares)
                self._written = shares
            except (*OUTAGE, asyncpg.PostgresError) as outage:  # not worth to read a document once more
                log.debug("could not record how far documents are: %s", outage)
