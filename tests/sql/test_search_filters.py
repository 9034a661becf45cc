"""What ``filter`` keeps: values that metadata contain, and operators on them, by words and by vector alike."""

from __future__ import annotations

from typing import Any

import pytest
from roles import refused
from staging import Connection, ingest, start

METADATA: dict[str, dict[str, Any]] = {
    "a": {"year": 2019, "lang": "de", "tags": ["x", "y"], "draft": True, "by": {"name": "Ann", "age": 30}},
    "b": {"year": 2020, "lang": "en", "tags": ["y"], "draft": False, "by": {"name": "Bo", "age": 40}},
    "c": {"year": 2024.5, "lang": "fr", "draft": None, "day": "2026-03-01"},
    "d": {"year": "2020", "lang": ["de", "en"], "day": "2026-11-28T07:00:00Z", 'a "b" \\ .c': -1},
}
SEARCHES = ("'cats', by => 'words'", "'[1,0,0]'::vector")


@pytest.fixture
async def filled(c: Connection) -> Connection:
    for uri, metadata in METADATA.items():
        await ingest(c, {uri: "cats"}, metadata=metadata)
    return c


async def kept(c: Connection, wanted: object) -> str:
    """Return the documents that a filter keeps, which are the same by words and by vector."""
    by_words, by_vector = [
        sorted(row["uri"] for row in await c.fetch(f"select uri from ingest_search({search}, filter => $1)", wanted))
        for search in SEARCHES
    ]
    assert by_words == by_vector
    return "".join(by_words)


@pytest.mark.parametrize(
    ("wanted", "uris"),
    [
        (None, "abcd"),
        ({}, "abcd"),
        ({"year": 2020}, "b"),
        ({"tags": ["y"]}, "ab"),
        ({"lang": "de"}, "a"),  # no array
        ({"lang": ["de"]}, "d"),  # no string
        ({"draft": None}, "c"),  # d lacks the key
        ({"by": {"name": "Ann"}}, "a"),
        ({"year": {"$gte": 2020}}, "bc"),
        ({"year": {"$gte": 2020, "$lt": 2024}}, "b"),
        ({"year": {"$gt": 2020}, "lang": "fr"}, "c"),
        ({"year": {"$gte": "2"}}, "d"),
        ({"day": {"$lt": "2026-11-01"}}, "c"),
        ({"lang": {"$eq": "de"}}, "ad"),
        ({"lang": {"$in": ["de", "fr"]}}, "acd"),
        ({"lang": {"$nin": ["de", "fr"]}}, "b"),
        ({"lang": {"$in": []}}, ""),
        ({"lang": {"$nin": []}}, "abcd"),
        ({"tags": {"$in": ["x", 7]}}, "a"),
        ({"lang": {"$in": [*range(200), "de", "fr"]}}, "acd"),
        ({"lang": {"$nin": [*range(200), "de", "fr"]}}, "b"),
        ({"year": {"$in": [*range(1900, 2100)]}}, "ab"),
        ({"by": {"age": {"$in": [*range(31, 200)]}}}, "b"),
        ({"draft": {"$in": [*range(200), None]}}, "cd"),
        ({"draft": {"$nin": [*range(200), None]}}, "ab"),
        ({"draft": {"$ne": True}}, "bcd"),
        ({"draft": {"$eq": None}}, "cd"),
        ({"draft": {"$ne": None}}, "ab"),
        ({"draft": {"$exists": True}}, "abc"),
        ({"draft": {"$exists": False}}, "d"),
        ({"by": {"age": {"$lt": 40}}}, "a"),
        ({"by": {"age": {"$lte": 40}, "name": "Bo"}}, "b"),
        ({"$or": [{"lang": "fr"}, {"year": {"$lt": 2020}}]}, "ac"),
        ({"$and": [{"lang": {"$ne": "fr"}}, {"$not": {"year": {"$lt": 2020}}}]}, "bd"),
        ({"year": {"$not": {"$gte": 2020}}}, "ad"),
        ({"year": {"$or": [{"$lt": 2020}, {"$gt": 2024}]}}, "ac"),
        ({'a "b" \\ .c': {"$lt": 0}}, "d"),
        ({'a "b" \\ .c': {"$eq": -1}}, "d"),
        ({"nothing": {"$gt": 3}}, ""),
        ({"lang": {"$eq": '\'; drop table ingest_documents; -- " || true || "'}}, ""),
    ],
)
async def test_a_filter_keeps_what_it_says(filled: Connection, wanted: object, uris: str) -> None:
    assert await kept(filled, wanted) == uris


@pytest.mark.parametrize(
    "wanted",
    [
        {"year": {"$gtee": 2020}},
        {"$gte": 2020},
        {"year": {"$gte": [2020]}},
        {"year": {"$gte": None}},
        {"year": {"$in": 2020}},
        {"year": {"$in": [[2020]]}},
        {"year": {"$exists": "yes"}},
        {"tags": {"$eq": ["x"]}},
        {"$or": []},
        {"$or": {"year": 2020}},
        {"$and": [3]},
        {"$not": 3},
        {"tags": [{"$gt": 3}]},
        [],
        "lang",
        {"a": "b" * 100_001},
        {"$or": [{"year": {"$gt": number}} for number in range(600)]},
        {f"key {number}": number for number in range(1001)},
        {"a": {"a": {"$not": {"a": {"b": 1, "$bad": 2}}}}},
    ],
)
async def test_a_filter_without_sense_is_refused_with_a_hint(filled: Connection, wanted: object) -> None:
    for search in SEARCHES:
        with refused("IG035", "wrong_filter"):
            await filled.fetch(f"select from ingest_search({search}, filter => $1)", wanted)


@pytest.mark.parametrize("key", ["a", "$not"])
async def test_a_very_deep_filter_is_refused(filled: Connection, key: str) -> None:
    deep: dict[str, Any] = {"year": {"$gt": 3}}
    for _ in range(100):
        deep = {key: deep}
    with refused("IG035", "wrong_filter"):
        await kept(filled, deep)


async def test_one_of_thousands_is_looked_up_and_not_searched_for(c: Connection) -> None:
    wanted = {"id": {"$in": [f"id {number}" for number in range(9000)]}}
    condition = await c.fetchval("select ingest_filter_condition($1)", wanted)
    async with c.transaction():
        await c.execute("set local statement_timeout = '4s'")  # one by one they took 1 ms a row
        found = await c.fetchval(
            "select count(*) from (select jsonb_build_object('id', 'id ' || n) as metadata"
            f" from generate_series(8001, 28000) n) c where {condition}"
        )
    assert found == 999


async def test_an_index_on_metadata_serves_what_is_to_be_equal(c: Connection) -> None:
    request = await start(c, ["a"], metadata={"team": 1})
    assert request
    await c.execute("create index on ingest_chunk_store using gin (metadata jsonb_path_ops)")
    await c.execute("set enable_seqscan = off")
    for wanted in ({"team": 7}, {"team": {"$in": [7, 8]}}, {"$or": [{"team": 7}, {"team": {"$eq": 9}}]}):
        condition = await c.fetchval("select ingest_filter_condition($1)", wanted)
        plan = await c.fetch(f"explain select from ingest_chunk_store c where {condition}")
        assert "ingest_chunk_store_metadata_idx" in "\n".join(row[0] for row in plan), plan
