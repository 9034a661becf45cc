"""Whose call a free worker takes: of submitters, then of collections, the one with the fewest at work."""

from __future__ import annotations

import asyncio
import operator
import os

import pytest

from listener.documents import pool
from listener.documents.pool import Workers
from listener.documents.turns import NOBODY, Share, Turns, current, on_behalf_of


def served(turns: Turns[str], count: int, *, ended: bool) -> list[str]:
    """Take some items, each when the one before has ended or not."""
    items = []
    for _ in range(count):
        share, item = turns.take()
        items.append(item)
        if ended:
            turns.end(share)
    return items


def waiting(**items: str) -> Turns[str]:
    """Return turns in which each submitter waits with letters; those of one collection are alike."""
    turns: Turns[str] = Turns()
    for submitter, letters in items.items():
        for letter in letters:
            turns.wait(Share(submitter, letter.lower()), letter)
    return turns


def test_who_waits_alone_has_all() -> None:
    assert served(waiting(one="aaaa"), 4, ended=False) == ["a"] * 4


def test_shares_take_turns_however_many_calls_each_has() -> None:
    assert "".join(served(waiting(one="aaaaaa", two="bb"), 8, ended=True)) == "ababaaaa"


def test_a_submitter_gains_nothing_by_more_collections() -> None:
    found = served(waiting(one="abcdef", two="x"), 3, ended=False)
    assert found[:2] == ["a", "x"]
    turns = waiting(one="abcdef", two="xxxx")
    assert sum(item == "x" for item in served(turns, 8, ended=False)) == 4


def test_the_collections_of_a_submitter_take_turns() -> None:
    assert "".join(served(waiting(one="aaabbb"), 6, ended=False)) == "ababab"


def test_one_whose_calls_take_long_does_not_have_the_next_worker_too() -> None:
    turns = waiting(slow="aaa", quick="bbb")
    first, item = turns.take()
    assert item == "a"
    for _ in range(3):
        share, item = turns.take()
        assert item == "b"
        turns.end(share)
    turns.end(first)
    assert served(turns, 2, ended=True) == ["a", "a"]


def test_a_share_that_is_through_leaves_nothing_behind() -> None:
    turns = waiting(one="ab", two="c")
    served(turns, 3, ended=True)
    assert (turns._working, turns._submitters, turns._served, turns._waiting) == ({}, {}, {}, {})


async def test_a_share_holds_in_the_tasks_that_begin_in_its_block() -> None:
    async def inner() -> Share:
        return current()

    share = Share("somebody", "c")
    with on_behalf_of(share):
        task = asyncio.create_task(inner())
    assert current() is NOBODY
    assert await task == share


@pytest.mark.parametrize("others", [0, 3])
async def test_a_pool_serves_shares_in_turn(others: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "TURN_SECONDS", 0.0)
    order: list[str] = []

    async def call(workers: Workers, name: str, number: int) -> None:
        with on_behalf_of(Share(name, "c")):
            await workers.run(operator.add, number, 1)
        order.append(name)

    async with Workers(1, timeout_seconds=20, memory_mb=400) as workers:
        await workers.run(operator.add, 1, 1)
        calls = [call(workers, "many", number) for number in range(12)]
        calls += [call(workers, "few", number) for number in range(others)]
        await asyncio.gather(*calls)
    assert order.count("few") == others
    assert max((number for number, name in enumerate(order) if name == "few"), default=0) < 8


async def test_a_worker_sees_the_documents_of_one_submitter_only() -> None:
    async def call(submitter: str) -> int:
        with on_behalf_of(Share(submitter, "c")):
            return await workers.run(os.getpid)

    async with Workers(1, timeout_seconds=20, memory_mb=400) as workers:
        first = [await call("one"), await call("one"), await call("")]  # the last is nobody's
        second = [await call("two"), await call("two")]
        third = await call("one")
    assert len(set(first)) == 1
    assert len(set(second)) == 1
    assert len({first[0], second[0], third}) == 3


def test_a_turn_goes_on_while_its_submitter_has_something() -> None:
    turns = waiting(one="aaa", two="bb")
    found = []
    for _ in range(5):
        share, item = turns.take("one")
        turns.end(share)
        found.append(item)
    assert "".join(found) == "aaabb"
