"""What was measured of searches is kept with its collection, for those who may search or operate it."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from roles import login, new_roles, refused
from staging import SPACE, Connection, collection

SAVE = "select ingest_save_evaluation($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
SEEN = "select collection, judged, evaluated_by::text from ingest_evaluations order by id"


async def save(c: Connection, where: str, judged: str = "judged.jsonl", /, **other: Any) -> int:
    """Keep an evaluation by words and vector; return its id."""
    values = {
        "queries": 3, "way": "both", "words": None, "vector": None, "reranked": False, "k": 10,
        "hit_at_1": 0.5, "hit_at_k": 1.0, "mrr": 0.75, "ndcg": 0.8, "recall": 1.0,
    } | other  # fmt: skip
    made: int = await c.fetchval(SAVE, where, judged, *values.values())
    return made


async def test_an_evaluation_is_kept_with_the_space_and_the_chunk_size_of_its_collection(c: Connection) -> None:
    await collection(c, "a", {**SPACE, "chunk_size": 600})
    await save(c, "a", words=2.0, vector=1.0)
    (row,) = await c.fetch(
        "select e.*, s.model from ingest_evaluations e join ingest_spaces s on s.id = e.space_id where collection = 'a'"
    )
    assert (row["model"], row["chunk_size"], row["words_weight"], row["ndcg"]) == ("test", 600, 2, 0.8)
    await c.execute("delete from ingest_collections where name = 'a'")
    assert await c.fetch(SEEN) == []


async def test_who_may_search_keeps_them_and_who_may_search_or_operate_sees_them(c: Connection, installed: str) -> None:
    await collection(c, "a")
    await collection(c, "b")
    async with new_roles(c, 4) as (searcher, operator, submitter, stranger):
        await c.execute("select ingest_grant($1, 'searcher', 'a')", searcher)
        await c.execute("select ingest_grant($1, 'operator', 'a')", operator)
        await c.execute("select ingest_grant($1, 'submitter', 'a')", submitter)
        await c.execute("select ingest_grant($1, 'searcher', 'b')", stranger)
        async with login(installed, searcher) as own:
            await save(own, "a")
            with refused("IG040", "not_granted"):
                await save(own, "b")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await own.execute("insert into ingest_evaluations (collection) values ('a')")
        with refused("IG014", "unknown_collection"):
            await save(c, "nowhere")
        for role, sees in ((searcher, 1), (operator, 1), (stranger, 0)):
            async with login(installed, role) as own:
                assert [tuple(row) for row in await own.fetch(SEEN)] == [("a", "judged.jsonl", searcher)] * sees
        async with login(installed, operator) as own:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await save(own, "a")
        async with login(installed, submitter) as own:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await own.fetch(SEEN)


async def test_nobody_pushes_out_what_others_keep(c: Connection, installed: str) -> None:
    await collection(c, "a")
    ours = [await save(c, "a", f"{n}.jsonl") for n in range(2)]
    async with new_roles(c, 1) as (searcher,):
        await c.execute("select ingest_grant($1, 'searcher', 'a')", searcher)
        async with login(installed, searcher) as theirs:
            for _ in range(302):
                await save(theirs, "a")
            await save(c, "a")
            kept = "select count(*) from ingest_evaluations where evaluated_by::text = $1"
            assert await c.fetchval(kept, searcher) == 300
    assert await c.fetchval("select count(*) from ingest_evaluations where id = any ($1)", ours) == 2


async def test_of_a_collection_the_newest_300_are_kept_and_nobody_waits_for_who_deletes_the_others(
    c: Connection, other: Connection
) -> None:
    await collection(c, "a")
    await save(c, "default")
    first = [await save(c, "a", f"{n}.jsonl") for n in range(301)]
    count = "select count(*), min(id) from ingest_evaluations where collection = 'a'"
    assert tuple(await c.fetchrow(count) or ()) == (300, first[1])
    async with other.transaction():
        await save(other, "a")
        await c.execute("set lock_timeout = '2s'")
        await save(c, "a")
    await save(c, "a")
    assert (await c.fetchrow(count) or (0,))[0] == 300
    assert await c.fetchval("select count(*) from ingest_evaluations where collection = 'default'") == 1


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"ndcg": float("nan")}, "figures_are_0_to_1"),
        ({"recall": 1.01}, "figures_are_0_to_1"),
        ({"mrr": -0.1}, "figures_are_0_to_1"),
        ({"way": "meaning"}, "way_is_known"),
        ({"k": 0}, "queries_and_k_are_positive"),
        ({"words": -1.0, "vector": 1.0}, "weights_are_not_negative"),
        ({"words": 1.0}, "weights_come_in_pairs"),
    ],
)
async def test_what_can_t_be_a_measurement_is_refused(c: Connection, wrong: dict[str, Any], code: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as error:
        await save(c, "default", **wrong)
    assert error.value.constraint_name == code


async def test_a_name_of_a_file_is_short_and_on_one_line(c: Connection) -> None:
    for name in ("", "a\nb", "x" * 201):
        with pytest.raises(asyncpg.CheckViolationError) as error:
            await save(c, "default", name)
        assert error.value.constraint_name == "judged_is_a_name_of_200_bytes"
