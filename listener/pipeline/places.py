"""Places: how much is executed at once, who gets the next one, and when there are more."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass

import anyio

from listener.documents.turns import NOBODY, Share

GROWS_SECONDS = 0.1  # between two checks whether there may be more places
SHOWS_SECONDS = 2.0  # in which work that is begun shows what it uses up, if it ever does

_HERE: ContextVar[Callable[[], object]] = ContextVar("shows", default=lambda: None)


def shows() -> None:
    """Say that what is executed here has come to what it needs most: what it uses up can be seen from now on."""
    _HERE.get()()


class Places:
    """A number of places, which doubles up to ``most`` as long as ``is_all`` denies that this is all that can be done.

    It does so when all of them are taken and what was begun in them has shown what it uses up (``shows``): what more is
    begun before that may be too much, and others could have begun it. A place that comes free goes to who returns, then
    to the share that has the fewest at work. Work that must run takes one anyway, also beyond the number: ``free`` is
    then 0.
    """

    def __init__(self, total: int, most: int = 0, is_all: Callable[[], bool] = lambda: True) -> None:
        self._least = total
        self._most = max(total, most)
        self._is_all = is_all
        self._grown = total
        self._grown_at = float("-inf")
        self._full_at: float | None = None  # since it has grown
        self._not_shown: dict[str, float] = {}  # what was begun, and when
        self.taken = 0
        self.on_free: Callable[[], None] = lambda: None
        self._reserved: set[str] = set()
        self._at_work: Counter[Share] = Counter()
        self._returning: deque[asyncio.Future[None]] = deque()
        self._waiting: list[tuple[Share, asyncio.Future[None]]] = []
        self.given_back = asyncio.Event()

    @property
    def total(self) -> int:
        """How many places there are now."""
        if self.taken < self._least or self._most == self._least or self._is_all():
            self._grown = self._least
            self._full_at = None
        elif self._all_show() and time.monotonic() - self._grown_at >= GROWS_SECONDS:
            self._grown = min(self._most, 2 * self._grown)
            self._grown_at = time.monotonic()
            self._full_at = None
        return self._grown

    @property
    def grown(self) -> int:
        """How many places there were when somebody looked last."""
        return self._grown

    def _all_show(self) -> bool:
        if self.taken < self._grown:
            return False
        now = time.monotonic()
        self._full_at = self._full_at or now
        last = min(self._full_at, now - SHOWS_SECONDS)
        return all(not last < began <= self._full_at for began in self._not_shown.values())

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for a place."""
        return bool(self._returning or self._waiting)

    @property
    def roomy(self) -> bool:
        """Whether a place is free without growing."""
        return not self.wanted and self.taken < self._least

    @property
    def free(self) -> int:
        """Places that new work may take."""
        return 0 if self.wanted else max(0, self.total - self.taken)

    def reserve(self, workflow: str) -> None:
        """Take a place for a workflow that is about to start here."""
        if workflow not in self._reserved:
            self._reserved.add(workflow)
            self._begin(workflow)

    def release(self, workflow: str) -> None:
        """Give a reserved place back: the workflow did not start here after all."""
        if workflow in self._reserved:
            self._reserved.discard(workflow)
            self._not_shown.pop(workflow, None)
            self.give_back()

    def take(self, workflow: str, share: Share = NOBODY) -> None:
        """Take the place that was reserved for a workflow, otherwise one more."""
        if workflow in self._reserved:
            self._reserved.discard(workflow)
        else:
            self._begin(workflow)
        self._at_work[share] += 1

    def _begin(self, workflow: str) -> None:
        self.taken += 1
        if self._most > self._least:
            self._not_shown[workflow] = time.monotonic()

    def give_back(self, share: Share = NOBODY) -> None:
        """Give a place back, and hand it on."""
        self.taken -= 1
        self._at_work -= Counter([share])
        self.given_back.set()
        self._hand_on()

    async def acquire(self, workflow: str, share: Share, seconds: float | None = None) -> bool:
        """Reserve a place for a workflow when it is its share's turn; False if that takes longer than ``seconds``."""
        if workflow in self._reserved:
            return True
        if not self.free:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((share, turn))
            try:
                with anyio.move_on_after(seconds):
                    await self._granted(turn)
            except BaseException:
                self._withdraw(turn)
                raise
            if not turn.done():
                self._withdraw(turn)
                return False
            self.taken -= 1
        self.reserve(workflow)
        return True

    @asynccontextmanager
    async def one(self, workflow: str, share: Share = NOBODY) -> AsyncIterator[None]:
        """Wait for a place, unless one is reserved, and have it for the time of a block."""
        await self.acquire(workflow, share)
        self.take(workflow, share)
        before = _HERE.set(lambda: self._not_shown.pop(workflow, None))
        try:
            yield
        finally:
            _HERE.reset(before)
            self._not_shown.pop(workflow, None)
            self.give_back(share)

    @asynccontextmanager
    async def away(self, share: Share = NOBODY) -> AsyncIterator[None]:
        """Give a place back for the time of a block, then wait for one again, before all new work, as one comes."""
        self.give_back(share)
        try:
            yield
            await self._return()
        except BaseException:
            self.taken += 1  # in any case: whoever had it gives it back
            raise
        finally:
            self._at_work[share] += 1

    @contextmanager
    def lent(self, workflow: str) -> Iterator[None]:
        """Give a place back for the time of a block, then take one anyway."""
        self.give_back()
        try:
            yield
        finally:
            self.take(workflow)

    async def _return(self) -> None:
        if self.taken < self.total:
            self.taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._returning.append(turn)
        try:
            await self._granted(turn)
        except BaseException:
            self._withdraw(turn)
            raise

    async def _granted(self, turn: asyncio.Future[None]) -> None:
        while not turn.done():
            await asyncio.wait([turn], timeout=GROWS_SECONDS)
            self._hand_on()

    def _withdraw(self, turn: asyncio.Future[None]) -> None:
        """Stop waiting; a place that came at the same moment is passed on."""
        self._waiting = [one for one in self._waiting if one[1] is not turn]
        if turn in self._returning:
            self._returning.remove(turn)
        if turn.done():
            self.taken -= 1
            self._hand_on()

    def _hand_on(self) -> None:
        while self.wanted and self.taken < self.total:
            self.taken += 1
            (self._returning.popleft() if self._returning else self._next()).set_result(None)
        if self.free:
            self.on_free()

    def _next(self) -> asyncio.Future[None]:
        submitters: Counter[str] = Counter()
        for share, number in self._at_work.items():
            submitters[share.submitter] += number
        next_ = min(self._waiting, key=lambda one: (submitters[one[0].submitter], self._at_work[one[0]]))
        self._waiting.remove(next_)
        return next_[1]


@dataclass(frozen=True, slots=True)
class Seat:
    """The places that a workflow has: to work in, and, of a request that carries its only batch itself, a request's."""

    workflow: str
    share: Share
    work: Places
    requests: Places | None = None

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Give them back for the time of a block, then wait for a place to work in again.

        Only for that: requests that have their places wait for one to work in, so who has that must not wait for them.
        """
        with self.requests.lent(self.workflow) if self.requests else nullcontext():
            async with self.work.away(self.share):
                yield
