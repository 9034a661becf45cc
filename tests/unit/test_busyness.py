"""When a listener has as much to do as it can, and how its places grow until then."""

from __future__ import annotations

import time

import pytest

from listener.embedding import Space
from listener.pipeline.busyness import Busyness
from listener.pipeline.capacity import Capacity, Places


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
    load = Busyness()
    clock.goes_on(0.2, share=0.1)
    assert not load.is_all()
    clock.goes_on(0.2, share=0.95)
    assert load.is_all()
    clock.goes_on(0.05, share=0.0)  # too short to tell
    assert load.is_all()
    clock.goes_on(0.2, share=0.2)
    assert not load.is_all()


def test_after_a_quiet_time_nothing_is_known(clock: Clock) -> None:
    load = Busyness()
    clock.goes_on(0.2, share=0.1)
    assert not load.is_all()
    clock.goes_on(600, share=0.0)
    assert load.is_all()
    clock.goes_on(0.2, share=0.1)
    assert not load.is_all()


def test_calls_that_wait_for_a_service_are_all_that_can_be_done(clock: Clock) -> None:
    load, service = Busyness(), Service()
    clock.goes_on(0.2, share=0.1)
    with load.call(service), load.call(service):  # type: ignore[arg-type]
        assert not load.is_all()
        with load.call(service):  # type: ignore[arg-type]
            assert load.is_all()
    assert not load.is_all()


def test_others_may_say_so(clock: Clock) -> None:
    waiting = [False]
    load = Busyness(lambda: waiting[0])
    clock.goes_on(0.2, share=0.1)
    assert not load.is_all()
    waiting[0] = True
    assert load.is_all()


def test_places_double_while_there_is_more_to_be_had(clock: Clock) -> None:
    busy = [False]
    places = Places(2, most=7, is_all=lambda: busy[0])
    assert places.free == 2
    seen = []
    for _ in range(12):
        clock.now += 0.2
        if places.free:
            places.take("w")
        seen.append(places.total)
    assert seen[-1] == 7
    assert places.taken == 7
    busy[0] = True
    assert (places.total, places.free) == (2, 0)


def test_places_grow_no_faster_than_their_use_shows(clock: Clock) -> None:
    places = Places(2, most=16, is_all=lambda: False)
    while places.free:
        places.take("w")
    assert places.taken == 4


def test_a_quarter_of_the_requests_are_small_ones() -> None:
    room = Capacity(16, 4, lambda: False).room
    assert (room.requests, room.long, room.new) == (16, 4, 0)
