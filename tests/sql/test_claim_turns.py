"""Whose turn it is at a claim: submitters, then each one's collections; and what a listener leaves to others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from staging import SPACE, Connection, add, add_listener, collection, settle

from listener.engine.line import WhoseTurn

CLAIM = """
  select id, submitter, collection, long, turns from ingest_claim($1, '{/}', $2, $3, $4, $5, $6, $7, $8)
  order by id nulls last
"""
AWAY = """
  insert into ingest_circuits (service, tenant, opened_at, error, probe_at)
  values ($1, '', now(), '{}', now() + interval '1 hour')
"""


class Claimant:
    """A listener that remembers whose turn it is, as the engine does."""

    def __init__(self, c: Connection, executor: str = "L1") -> None:
        self._c = c
        self._executor = executor
        self.turns: dict[str, Any] = {}

    async def claim(
        self,
        most: int = 1,
        long: int | None = None,
        new: int = 0,
        served: Mapping[str, Any] | None = None,
        leaves: bool = False,
    ) -> list[tuple[str, str]]:
        """Return whose requests it claimed, and of which collections."""
        (*rows, last) = await self._c.fetch(
            CLAIM, self._executor, SPACE, most, most if long is None else long, new, served or {}, leaves, self.turns
        )  # fmt: skip
        self.turns = last["turns"]
        self.claimed: list[UUID] = [row["id"] for row in rows]
        return [(row["submitter"], row["collection"]) for row in rows]

    async def one_by_one(self, times: int) -> list[tuple[str, str]]:
        return [one for _ in range(times) for one in await self.claim()]


@pytest.fixture(autouse=True)
async def _listeners(c: Connection) -> None:
    await add_listener(c)
    await add_listener(c, "L2")


async def put(c: Connection, count: int, submitter: str, into: str = "docs", **columns: Any) -> None:
    """Have requests of a submitter wait; ``#`` in a collection's name is the request's number."""
    for n in range(count):
        request = await add(c, collection=into.replace("#", str(n)), **columns)
        await c.execute(
            "with system as materialized (select ingest_as_system())"
            " update ingest_requests r set submitted_by = $2 from system where r.id = $1",
            request, submitter,
        )  # fmt: skip


@pytest.mark.parametrize("columns", [{}, {"content": "a small text"}], ids=["long", "quick"])
async def test_submitters_take_turns_whatever_the_number_of_their_requests(
    c: Connection, columns: dict[str, Any]
) -> None:
    await put(c, 20, "A", **columns)
    await put(c, 3, "B", **columns)
    owners = Counter(submitter for submitter, _ in await Claimant(c).one_by_one(6))
    assert owners == {"A": 3, "B": 3}


async def test_new_names_of_collections_bring_no_more_turns(c: Connection) -> None:
    await put(c, 30, "A", "new #")
    await put(c, 2, "B")
    assert Counter(submitter for submitter, _ in await Claimant(c).one_by_one(4)) == {"A": 2, "B": 2}


async def test_collections_of_a_submitter_take_turns(c: Connection) -> None:
    await put(c, 12, "A", "large")
    await put(c, 2, "A", "small")
    await put(c, 2, "A", "third")
    names = [name for _, name in await Claimant(c).one_by_one(6)]
    assert Counter(names) == {"large": 2, "small": 2, "third": 2}


async def test_weights_give_more_turns(c: Connection) -> None:
    await c.execute("create role heavy_submitter")
    try:
        await c.execute("""select ingest_limit('heavy_submitter', '{"weight": 3}')""")
        await put(c, 12, "heavy_submitter")
        await put(c, 12, "other")
        owners = Counter(submitter for submitter, _ in await Claimant(c).one_by_one(8))
        assert owners == {"heavy_submitter": 6, "other": 2}
    finally:
        await c.execute("select ingest_limit('heavy_submitter', null); drop role heavy_submitter")


async def test_weights_of_collections_count_among_those_of_a_submitter(c: Connection) -> None:
    await collection(c, "heavy", weight=4)
    await put(c, 20, "A", "heavy")
    await put(c, 20, "A", "light")
    await put(c, 1, "B")
    names = Counter(name for _, name in await Claimant(c).claim(11))
    assert names["docs"] == 1
    assert names["heavy"] > names["light"] >= 2


async def test_priority_comes_before_turns(c: Connection) -> None:
    await put(c, 3, "A", priority=-1)
    await put(c, 3, "B")
    assert [submitter for submitter, _ in await Claimant(c).one_by_one(5)] == ["A", "A", "A", "B", "B"]


async def test_a_claim_of_many_takes_all_that_there_is(c: Connection) -> None:
    for submitter, into in (("A", "x #"), ("B", "y"), ("C", "z")):
        await put(c, 7, submitter, into)
    await put(c, 2, "D", content="a small text")
    assert len(await Claimant(c).claim(100)) == 23
    assert await Claimant(c).claim(100) == []


async def test_small_texts_are_claimed_while_no_long_request_can_begin(c: Connection) -> None:
    await put(c, 5, "A", priority=-5)
    await put(c, 2, "A", content="a small text")
    claimant = Claimant(c)
    assert len(await claimant.claim(10, long=0)) == 2
    assert claimant.turns["more"]
    assert len(await claimant.claim(10, long=3)) == 3
    assert claimant.turns["more"]
    assert len(await claimant.claim(10, long=5)) == 2
    assert not claimant.turns["more"]


async def test_a_kind_does_not_starve_where_there_is_one_place(c: Connection) -> None:
    await put(c, 6, "A")
    await put(c, 6, "A", content="a small text")
    claimant = Claimant(c)
    kinds: Counter[bool] = Counter()
    for _ in range(6):
        await claimant.claim()
        kinds[
            await c.fetchval("select source is not null from ingest_requests where id = $1", claimant.claimed[0])
        ] += 1
    assert kinds == {True: 3, False: 3}


async def test_who_has_nothing_at_work_here_gets_a_place_beside_the_others(c: Connection) -> None:
    await put(c, 5, "A", "huge")
    await put(c, 5, "A", "new #")
    await put(c, 2, "B", "huge")
    claimant = Claimant(c)
    served = {"A": ["huge"]}
    first = [await claimant.claim(3, long=0, new=1, served=served) for _ in range(2)]
    assert {submitter for ((submitter, _),) in first} == {"A", "B"}
    assert ("A", "huge") not in [one for some in first for one in some]
    assert await claimant.claim(3, long=0, new=1, served={"A": True, "B": ["huge"]}) == []
    assert claimant.turns["more"], "those that are left wait for a place"


async def test_of_long_requests_a_listener_leaves_others_their_share(c: Connection) -> None:
    await put(c, 16, "A")
    first, second = Claimant(c), Claimant(c, "L2")
    assert len(await first.claim(16, leaves=True)) == 8
    assert first.turns["left"]
    assert await first.claim(16, leaves=True) == []
    assert first.turns["left"]
    assert len(await second.claim(16, leaves=True)) == 8
    assert not second.turns["left"]


async def test_what_others_leave_is_taken_after_all(c: Connection) -> None:
    await put(c, 16, "A")
    first = Claimant(c)
    await first.claim(16, leaves=True)
    assert len(await first.claim(16, leaves=False)) == 8


async def test_one_that_carries_more_leaves_the_next_one_to_who_carries_less(c: Connection) -> None:
    await put(c, 1, "A")
    first, second = Claimant(c), Claimant(c, "L2")
    await first.claim(leaves=True)
    await put(c, 1, "A")
    assert await first.claim(leaves=True) == []
    assert len(await second.claim(leaves=True)) == 1


async def test_a_listener_that_is_silent_or_has_other_roots_is_left_nothing(c: Connection) -> None:
    await put(c, 4, "A")
    await c.execute("update ingest_listeners set queue = 'other' where executor_id = 'L2'")
    assert len(await Claimant(c).claim(4, leaves=True)) == 4
    await put(c, 4, "A")
    await c.execute(
        "update ingest_listeners set queue = '', heartbeat_at = now() - interval '2 hours' where executor_id = 'L2'"
    )
    assert len(await Claimant(c).claim(4, leaves=True)) == 4


async def test_full_collections_and_submitters_are_passed_by_and_turn_up_again(c: Connection) -> None:
    await collection(c, "full", max_running=1)
    await put(c, 5, "A", "full")
    await put(c, 2, "A", "open")
    claimant = Claimant(c)
    assert Counter(name for _, name in await claimant.claim(10)) == {"full": 1, "open": 2}
    assert await claimant.claim(10) == []
    await settle(c, await c.fetchval("select id from ingest_requests where status = 'running' and collection = 'full'"))
    assert [name for _, name in await claimant.claim(10)] == ["full"]


async def test_both_kinds_together_keep_to_a_limit(c: Connection) -> None:
    await collection(c, "full", max_running=1)
    await put(c, 2, "A", "full")
    await put(c, 2, "A", "full", content="a small text")
    assert len(await Claimant(c).claim(10)) == 1


async def test_what_a_service_that_is_away_would_embed_stays_pending(c: Connection) -> None:
    await collection(c, "dead", embedder="test", model="gone", dimensions=3)
    await c.execute(AWAY, "test gone")
    await put(c, 3, "A", "dead")
    await put(c, 3, "A", "well")
    claimant = Claimant(c)
    assert Counter(name for _, name in await claimant.claim(10)) == {"well": 3}
    assert not claimant.turns["locked"]
    await c.execute("delete from ingest_circuits")
    assert Counter(name for _, name in await claimant.claim(10)) == {"dead": 3}


async def test_so_is_what_would_go_into_a_new_collection(c: Connection) -> None:
    await c.execute(AWAY, "test test")
    await put(c, 3, "A", "new")
    assert await Claimant(c).claim(10) == []


async def test_a_claim_looks_at_so_many_collections_and_the_next_one_goes_on(c: Connection) -> None:
    """Of hundreds that can't run now; one that can is found in time."""
    await c.execute(AWAY, "test test")
    many = "insert into ingest_requests (source, collection) select '/a', 'new ' || n from generate_series(1, 500) n"
    await c.execute(many)
    await collection(c, "well", embedder="test", model="another", dimensions=3)
    await add(c, collection="well")
    claimant = Claimant(c)
    found = [await claimant.claim() for _ in range(3)]
    assert [len(some) for some in found] == [0, 0, 1]


async def test_what_can_run_has_its_turn_below_hundreds_that_are_more_urgent_and_can_not(c: Connection) -> None:
    await c.execute(AWAY, "test test")
    urgent = "insert into ingest_requests (source, collection, priority) select '/a', 'm ' || n, -1 from "
    await c.execute(urgent + "generate_series(1, 450) n")
    for name in ("well 1", "well 2", "well 3", "z"):
        await collection(c, name, embedder="test", model="another", dimensions=3)
    for number in (1, 2, 3):
        await put(c, 2, "A", f"well {number}")
    claimant = Claimant(c)
    found = [await claimant.claim() for _ in range(12)]
    names = ["well 1", "well 2", "well 3", "well 1", "well 2", "well 3"]
    assert found == [some for name in names for some in ([], [("A", name)])], "every second claim, and turn by turn"
    await add(c, collection="z", priority=-1)
    await put(c, 6, "A", "well 1")
    found = [await claimant.claim() for _ in range(6)]
    assert "z" in [name for some in found for _, name in some], "what is more urgent is looked at all around"


async def test_a_claim_that_begins_below_what_is_more_urgent_has_not_looked_at_all(c: Connection) -> None:
    """Its listener must not sleep on it: behind hundreds that can't run, one that can may stand."""
    await c.execute(AWAY, "test test")
    urgent = "insert into ingest_requests (source, collection, priority) select '/a', 'm ' || n, -1 from "
    await c.execute(urgent + "generate_series(1, 250) n")
    claimant = Claimant(c)
    assert await claimant.claim(4) == []
    await collection(c, "well", embedder="test", model="another", dimensions=3)
    await put(c, 1, "A", "well")
    assert await claimant.claim(4) == [("A", "well")]
    turns = WhoseTurn()
    turns.answered(turns.asked(), claimant.turns, [], 0.001)
    assert not turns.saw_all


async def test_a_claim_from_which_others_took_what_is_most_urgent_has_not_looked_at_all(c: Connection) -> None:
    await put(c, 1, "A", priority=7)
    await c.execute(
        "create or replace function ingest_next_priority(p_long boolean, p_from bigint) returns int language sql"
        " return case when p_from <= 3 then 3 end"
    )  # fmt: skip  (as it was a moment ago)
    claimant = Claimant(c)
    assert await claimant.claim() == []
    assert claimant.turns["locked"]


async def test_a_listener_without_a_place_learns_that_more_waits_for_one(c: Connection) -> None:
    await put(c, 2, "A")
    claimant = Claimant(c)
    assert await claimant.claim(4, long=0, new=1, served={"A": ["docs"]}) == []
    assert claimant.turns["more"]
    assert len(await claimant.claim(4)) == 2
    assert not claimant.turns["more"]


async def test_small_texts_of_those_that_have_some_at_work_are_left_when_every_place_is_taken(c: Connection) -> None:
    for submitter, into in (("A", "busy"), ("A", "other"), ("B", "busy"), ("C", "busy")):
        await put(c, 2, submitter, into, content="a small text")
    claimant = Claimant(c)
    claimed = []
    for _ in range(5):
        claimant.turns.setdefault("quick", {})["not"] = {"A": ["busy"], "C": True}
        claimed += await claimant.claim(1, long=0, new=1)
    assert Counter(claimed) == {("A", "other"): 2, ("B", "busy"): 2}
