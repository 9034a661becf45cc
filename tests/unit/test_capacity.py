"""Places: who gives one back while it waits gets one again, before new work, in the order of arrival."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from listener.documents.turns import NOBODY, Share
from listener.pipeline.places import Places, Seat


async def free(places: Places) -> None:
    """Wait until a place is free for new work."""
    while not places.free:
        places.given_back.clear()
        await places.given_back.wait()


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_who_is_away_holds_no_place() -> None:
    places = Places(1)
    places.take("a")
    async with places.away():
        assert (places.taken, places.free) == (0, 1)
    assert (places.taken, places.free) == (1, 0)


async def test_those_who_return_get_the_next_places_in_their_order_before_new_work() -> None:
    places, order = Places(1), list[str]()
    back = {name: asyncio.Event() for name in "ab"}

    async def leave(name: str) -> None:
        async with places.away():
            await back[name].wait()
        order.append(name)

    for name in "ab":
        places.take(name)
    tasks = [asyncio.create_task(leave(name)) for name in "ab"]
    await turns()
    places.take("new")
    newer = asyncio.create_task(free(places))
    await turns()
    back["b"].set()
    await turns()
    back["a"].set()
    await turns()
    assert order == []
    places.give_back()
    await turns()
    assert (order, places.taken, newer.done()) == (["b"], 1, False)
    places.give_back()
    await turns()
    assert (order, places.taken, newer.done()) == (["b", "a"], 1, False)
    places.give_back()
    await asyncio.gather(newer, *tasks)
    assert places.taken == 0


@pytest.mark.parametrize("waits_for_a_place", [False, True])
async def test_who_is_cancelled_while_away_gives_back_what_it_had_once(waits_for_a_place: bool) -> None:
    places, back = Places(1), asyncio.Event()

    async def leave() -> None:
        places.take("a")
        try:
            async with places.away():
                await back.wait()
        finally:
            places.give_back()

    task = asyncio.create_task(leave())
    await turns()
    places.take("new")
    if waits_for_a_place:
        back.set()
        await turns()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert places.taken == 1
    places.give_back()
    assert (places.taken, places.free) == (0, 1)


async def test_an_error_while_away_needs_no_place() -> None:
    places = Places(1)
    places.take("a")
    with suppress(ValueError):
        async with places.away():
            places.take("new")
            raise ValueError("gone")
    assert places.taken == 2


async def test_who_comes_back_waits_for_nobody_who_waits_for_its_place_to_work_in() -> None:
    requests, work, share = Places(1), Places(1), Share("somebody", "docs")
    requests.take("back")
    work.take("back", share)
    answers, order = asyncio.Event(), list[str]()

    async def parked() -> None:
        async with Seat("back", share, work, requests).away():
            await answers.wait()
        order.append("back")

    async def taken_over() -> None:
        requests.take("other")  # DBOS began it: it has a request's place anyway
        async with work.one("other", share):
            order.append("other")
        requests.give_back()

    back = asyncio.create_task(parked())
    await turns()
    work.take("third")
    other = asyncio.create_task(taken_over())
    await turns()
    answers.set()
    await turns()
    work.give_back()
    await turns()
    assert order == ["back"]
    work.give_back(share)
    requests.give_back()
    await asyncio.gather(back, other)
    assert (order, requests.taken, work.taken) == (["back", "other"], 0, 0)


async def test_who_waits_too_long_leaves_the_line_and_takes_no_place_with_it() -> None:
    places = Places(1)
    places.take("first")
    assert not await places.acquire("second", NOBODY, 0.01)
    places.give_back()
    assert (places.taken, places.free, places.wanted) == (0, 1, False)


async def test_a_place_that_comes_as_its_waiter_is_cancelled_goes_to_the_next() -> None:
    places = Places(1)
    places.take("first")
    second = asyncio.create_task(places.acquire("second", NOBODY))
    await turns()
    third = asyncio.create_task(places.acquire("third", NOBODY))
    await turns()
    places.give_back()
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert await asyncio.wait_for(third, 5)
    places.release("third")
    assert (places.taken, places.wanted) == (0, False)
