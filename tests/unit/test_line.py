"""Where in the line of due requests a claim begins to look, and whose turn it is."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from listener.engine.line import MOST_SECONDS, REMEMBERED, Line, Standing, WhoseTurn

NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
FIRST = Standing(False, -3, "app", "docs", NOON.replace(hour=13))
LAST = Standing(False, 0, "app", "docs", NOON)
NEXT = Standing(False, 1, "app", "more", NOON)
ROWS = [FIRST, LAST]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_after_a_quick_look_the_next_begins_at_the_front() -> None:
    line = Line()
    line.looked(True, ROWS, 0.001)
    assert line.stay is None


def test_after_a_long_look_the_next_ones_go_on_where_something_was_found() -> None:
    clock = Clock()
    line = Line(clock)
    line.looked(True, ROWS, 0.15)
    assert line.stay == LAST.as_json
    clock.now += 1.4
    line.looked(False, [NEXT], 0.001)
    assert line.stay == NEXT.as_json
    clock.now += 0.2
    assert line.stay is None


def test_a_look_that_found_nothing_is_followed_by_one_at_the_front() -> None:
    line = Line()
    line.looked(True, ROWS, 0.2)
    line.looked(False, [], 0.001)
    assert line.stay is None
    line.looked(True, [], 0.2)
    assert line.stay is None


def test_the_front_is_never_passed_by_for_longer_than_the_most() -> None:
    clock = Clock()
    line = Line(clock)
    line.looked(True, ROWS, 60.0)
    clock.now += MOST_SECONDS
    assert line.stay is None


def test_the_next_claim_asks_with_what_the_last_one_answered() -> None:
    clock = Clock()
    turns = WhoseTurn(clock)
    asked = turns.asked()
    assert json.loads(asked) == {"quick": {"stay": None, "not": {}}, "long": {"stay": None}}
    turn = {"submitter": "app", "left": 0, "collections": {"app": "docs"}}
    turns.answered(asked, {"quick": turn, "long": None, "more": False, "locked": True, "looks": 3}, ROWS, 0.15)
    assert turns.locked
    assert not turns.more
    assert json.loads(turns.asked())["quick"] == turn | {"stay": LAST.as_json, "not": {}}
    assert json.loads(turns.asked(front=True))["quick"] == turn | {"stay": None, "not": {}}
    assert json.loads(turns.asked(served={"app": ["docs"]}))["quick"]["not"] == {"app": ["docs"]}


def test_what_is_remembered_of_submitters_is_bounded() -> None:
    turns = WhoseTurn()
    many = {f"role {n}": "docs" for n in range(REMEMBERED + 10)}
    turns.answered(turns.asked(), {"quick": {"submitter": "a", "left": 0, "collections": many}}, [], 0.001)
    assert [*json.loads(turns.asked())["quick"]["collections"]] == [*many][10:]


def test_who_had_a_turn_lately_is_remembered_whatever_the_name() -> None:
    turns = WhoseTurn()
    many = {f"role {n}": "docs" for n in range(REMEMBERED)}
    turns.answered(turns.asked(), {"quick": {"collections": many}}, [], 0.001)
    late = {"a": "one", "role 0": "more"}  # jsonb puts short names first
    turns.answered(turns.asked(), {"quick": {"collections": late | many | late}}, [], 0.001)
    remembered = json.loads(turns.asked())["quick"]["collections"]
    assert len(remembered) == REMEMBERED
    assert remembered.items() >= late.items()


def test_what_is_remembered_below_priorities_is_bounded() -> None:
    turns = WhoseTurn()
    below = {str(priority): {"left": 0} for priority in range(100)}
    turns.answered(turns.asked(), {"long": {"collections": {}, "below": below}}, [], 0.001)
    assert json.loads(turns.asked())["long"]["below"] == {}


@pytest.mark.parametrize("left", ["locked", "more", "left", "looks"])
def test_a_claim_that_passed_something_by_has_not_seen_all(left: str) -> None:
    turns = WhoseTurn()
    none = {"locked": False, "more": False, "left": False, "looks": 3}
    turns.answered(turns.asked(), none, [], 0.001)
    assert turns.saw_all
    turns.answered(turns.asked(), none | {left: 200 if left == "looks" else True}, [], 0.001)
    assert not turns.saw_all


def test_a_claim_that_began_farther_back_has_not_seen_all() -> None:
    turns = WhoseTurn()
    turns.answered(turns.asked(), {}, ROWS, 0.15)
    turns.answered(turns.asked(), {}, [], 0.001)
    assert not turns.saw_all
    turns.answered(turns.asked(front=True), {}, [], 0.001)
    assert turns.saw_all
