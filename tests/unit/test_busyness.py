"""When a listener has as much to do as it can, and how its places grow until then."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack

import pytest

from listener.documents.turns import Share
from listener.embedding import Space
from listener.pipeline.busyness import Busyness
from listener.pipeline.capacity import Capacity
from listener.pipeline.places import Places, shows
from listener.tracing.figures import Figures


class Clock:
    """Time, and what the process has used of a core."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = self.used = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "process_time", lambda: self.used)

    def goes_on(self, seconds: float, share: float) -> None:
        self.now += seconds
        self.used += seconds * share


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


class Service:
    space = Space("test", "", "m", 3)
    in_flight = 2


def test_a_core_is_used_up_by_a_process_that_works_all_the_time(clock: Clock) -> None:
    load = Busyness(Figures())
    clock.goes_on(0.2, share=0.1)
    assert not load.is_all()
    clock.goes_on(0.2, share=0.95)
    assert load.is_all()
    clock.goes_on(0.05, share=0.0)  # too short to tell
    assert load.is_all()
    clock.goes_on(0.2, share=0.2)
    assert not load.is_all()


def test_after_a_quiet_time_nothing_is_known(clock: Clock) -> None:
    load = Busyness(Figures())
    clock.goes_on(0.2, share=0.1)
    assert not load.is_all()
    clock.goes_on(600, share=0.0)
    assert load.is_all()
    clock.goes_on(0.2, share=0.1)
    assert not load.is_all()


def test_calls_that_wait_for_a_service_are_all_that_can_be_done(clock: Clock) -> None:
    load, service = Busyness(Figures()), Service()
    clock.goes_on(0.2, share=0.1)
    with load.call(service), load.call(service):  # type: ignore[arg-type]
        assert not load.is_all()
        with load.call(service):  # type: ignore[arg-type]
            assert load.is_all()
    assert not load.is_all()


def test_others_may_say_so(clock: Clock) -> None:
    waiting = [False]
    load = Busyness(Figures(), lambda: waiting[0])
    clock.goes_on(0.2, share=0.1)
    assert not load.is_all()
    waiting[0] = True
    assert load.is_all()


async def begun(places: Places, *workflows: str) -> AsyncExitStack:
    """Begin work in places; it ends when the stack is closed."""
    stack = AsyncExitStack()
    for workflow in workflows:
        await stack.enter_async_context(places.one(workflow))
    return stack


async def test_places_double_while_there_is_more_to_be_had(clock: Clock) -> None:
    busy = [False]
    places = Places(2, most=7, is_all=lambda: busy[0])
    assert places.free == 2
    seen = []
    async with AsyncExitStack() as works:
        for number in range(12):
            clock.now += 0.2
            if places.free:
                await works.enter_async_context(places.one(str(number)))
                shows()
            seen.append(places.total)
        assert seen[-1] == 7
        assert places.taken == 7
        busy[0] = True
        assert (places.total, places.free) == (2, 0)


async def test_places_grow_when_what_was_begun_in_them_shows_what_it_uses_up(clock: Clock) -> None:
    places = Places(2, most=16, is_all=lambda: False)
    async with await begun(places, "a", "b"):
        shows()  # b, which began last
        clock.now += 0.2
        assert places.total == 2
        clock.now += 2.0  # a never shows anything: it may be at a large document
        assert (places.total, places.free) == (4, 2)
        async with await begun(places, "c", "d"):
            clock.now += 0.2
            assert places.total == 4
        assert places.total == 4  # they ended, and so the places are not full
        async with await begun(places, "e", "f"):
            clock.now += 0.2
            assert places.total == 4
            shows()
            clock.now += 0.2
            assert places.total == 4  # e is new, too


async def test_what_ends_or_does_not_start_has_shown_itself(clock: Clock) -> None:
    places = Places(2, most=16, is_all=lambda: False)
    places.reserve("a")
    places.reserve("b")
    clock.now += 0.2
    assert places.total == 2
    places.release("a")
    async with await begun(places, "b"):
        shows()
        async with await begun(places, "c"):
            shows()
            clock.now += 0.2
            assert places.total == 4
    assert places.taken == 0


async def test_new_work_does_not_keep_places_from_growing_for_ever(clock: Clock) -> None:
    """Short requests one after the other: one of them is always new."""
    places = Places(2, most=16, is_all=lambda: False)
    async with await begun(places, "a", "b"):
        assert places.total == 2
        clock.now += 2.1
        places.take("c")  # beyond the number, as what goes on after a crash
        assert places.total == 4


async def test_places_grow_no_faster_than_their_use_shows(clock: Clock) -> None:
    places = Places(2, most=16, is_all=lambda: False)
    async with AsyncExitStack() as works:
        while places.free:
            await works.enter_async_context(places.one(str(places.taken)))
            shows()
        assert places.taken == 4


def test_a_quarter_of_the_requests_are_small_ones() -> None:
    room = Capacity(16, 4, lambda: False).room
    assert (room.requests, room.long, room.new) == (16, 4, 0)


def test_when_every_place_is_taken_one_of_each_that_has_nothing_at_work_may_begin_beside() -> None:
    capacity = Capacity(2, 2)
    capacity.begin_small("small", Share("app", "busy"))
    with capacity.long(Share("app", "folders")):
        for name in ("long", "small"):
            capacity.requests.reserve(name)
        assert capacity.room.requests == 0
        beside = capacity.beside
        assert (beside.requests, beside.long, beside.new) == (1, 0, 1)
        assert (beside.served, beside.served_small) == ({"app": ["folders"]}, {"app": ["busy"]})
        capacity.begin_small("another", Share("app", "busy"))
        assert capacity.beside.served_small == {"app": ["busy"]}, "who has every place may begin others, too"
        capacity.end_small("another")
        for name in ("third", "fourth"):
            capacity.requests.reserve(name)
        assert capacity.beside.requests == 0, "up to twice the places"
    capacity.end("small")
    assert capacity.beside.served_small == {}
