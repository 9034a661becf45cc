"""Where in the line of due requests a claim begins to look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from listener.engine.line import FRONT, MOST_SECONDS, Line

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
LAST = (0, NOON)
NEXT = (1, NOON)


@dataclass
class Request:
    priority: int
    created_at: datetime


ROWS = [Request(0, NOON), Request(-3, NOON.replace(hour=13))]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_after_a_quick_look_the_next_begins_at_the_front() -> None:
    line = Line()
    line.looked(FRONT, ROWS, 0.001)
    assert line.place == FRONT


def test_after_a_long_look_the_next_ones_begin_where_something_was_found() -> None:
    clock = Clock()
    line = Line(clock)
    line.looked(FRONT, ROWS, 0.2)
    assert line.place == LAST
    clock.now += 1.9
    further = [Request(1, NOON)]
    line.looked(LAST, further, 0.001)
    assert line.place == NEXT
    clock.now += 0.2
    assert line.place == FRONT


def test_a_look_that_found_nothing_is_followed_by_one_at_the_front() -> None:
    line = Line()
    line.looked(FRONT, ROWS, 0.2)
    line.looked(LAST, [], 0.001)
    assert line.place == FRONT
    line.looked(FRONT, [], 0.2)
    assert line.place == FRONT


def test_the_front_is_never_passed_by_for_longer_than_the_most() -> None:
    clock = Clock()
    line = Line(clock)
    line.looked(FRONT, ROWS, 60.0)
    clock.now += MOST_SECONDS
    assert line.place == FRONT
