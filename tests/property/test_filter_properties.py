"""Filters made at random keep what a plain evaluator of Python's keeps, and nothing in them is run as SQL."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from how_many import how_many
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from staging import Connection, session

ODD = ["", "a.b", 'q"\\uote', "größe", "';--"]
KEY = st.sampled_from(["a", "b"]) | st.sampled_from(["a", "b", *ODD])
WORDS = st.sampled_from(["x", "y", "", "2026-01-01", '"', "\\", "' or true --", "\U0001f600", "\ue000"])
NUMBERS = st.integers(-2, 2) | st.sampled_from([0.5, -0.5, 1e20])
SCALARS = st.none() | st.booleans() | NUMBERS | WORDS


def objects(values: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(KEY, values, max_size=most)


VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | objects(inner), max_leaves=6)
METADATA = objects(NUMBERS | st.lists(NUMBERS, max_size=3) | VALUES, 4)
MANY = [f"none {number}" for number in range(101)]
LISTS = st.lists(SCALARS, max_size=3) | st.lists(SCALARS, max_size=3).map(MANY.__add__)
COMPARISONS = st.one_of(
    st.tuples(st.sampled_from(["$eq", "$ne"]), SCALARS),
    st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), NUMBERS | WORDS),
    st.tuples(st.sampled_from(["$in", "$nin"]), LISTS),
    st.tuples(st.just("$exists"), st.booleans()),
)
CONDITIONS = st.lists(COMPARISONS, min_size=1, max_size=2).map(dict)


def deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Filters of filters: below keys, and joined."""
    below = objects(inner | CONDITIONS | VALUES)
    joined = st.tuples(st.sampled_from(["$and", "$or"]), st.lists(below, min_size=1, max_size=3)).map(
        lambda it: dict([it])
    )
    return below | joined | below.map(lambda it: {"$not": it})


SIMPLE = st.dictionaries(KEY, CONDITIONS, min_size=1, max_size=1)
FILTERS = SIMPLE | st.recursive(objects(CONDITIONS | VALUES), deeper, max_leaves=5)


# What a filter means, in Python.


def keeps(wanted: Any, metadata: Any, path: tuple[str, ...] = ()) -> bool:
    if not operates(wanted):
        return contains(metadata, nested(path, wanted))
    plain = {key: value for key, value in wanted.items() if not key.startswith("$") and not operates(value)}
    others = {key: value for key, value in wanted.items() if key not in plain}
    return (not plain or contains(metadata, nested(path, plain))) and all(
        holds(key, value, metadata, path) for key, value in others.items()
    )


def holds(key: str, value: Any, metadata: Any, path: tuple[str, ...]) -> bool:
    if not key.startswith("$"):
        return keeps(value, metadata, (*path, key))
    if key == "$not":
        return not keeps(value, metadata, path)
    if key in ("$and", "$or"):
        return (all if key == "$and" else any)(keeps(one, metadata, path) for one in value)
    items = at(metadata, path)
    if key == "$exists":
        return bool(items) is bool(value)
    if key in ("$in", "$nin"):
        return any(equals(one, items) for one in value) == (key == "$in")
    if key in ("$eq", "$ne"):
        return equals(value, items) == (key == "$eq")
    compared = [one for one in unwrapped(items) if kind(one) == kind(value)]
    return any(
        {"$gt": one > value, "$gte": one >= value, "$lt": one < value, "$lte": one <= value}[key] for one in compared
    )


def operates(value: Any) -> bool:
    if isinstance(value, dict):
        return any(key.startswith("$") or operates(inner) for key, inner in value.items())
    return isinstance(value, list) and any(map(operates, value))


def nested(path: tuple[str, ...], value: Any) -> Any:
    return {path[0]: nested(path[1:], value)} if path else value


def at(value: Any, path: tuple[str, ...]) -> list[Any]:
    """Return what stands below keys; a list stands for each of what is in it."""
    items = [value]
    for key in path:
        items = [one[key] for one in unwrapped(items) if isinstance(one, dict) and key in one]
    return items


def unwrapped(items: list[Any]) -> Iterator[Any]:
    for one in items:
        yield from one if isinstance(one, list) else [one]


def equals(value: Any, items: list[Any]) -> bool:
    if value is None and not items:
        return True
    return any(kind(one) == kind(value) and bool(one == value) for one in unwrapped(items))


def contains(value: Any, part: Any) -> bool:
    """Return what @> says of two values below the top."""
    if isinstance(part, dict):
        return isinstance(value, dict) and all(
            key in value and contains(value[key], inner) for key, inner in part.items()
        )
    if isinstance(part, list):
        return isinstance(value, list) and all(any(contains(one, inner) for one in value) for inner in part)
    return kind(value) == kind(part) and bool(value == part)


def kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__


@pytest.fixture
async def c(installed: str) -> AsyncIterator[Connection]:
    async with session(installed) as connection:
        yield connection


@settings(max_examples=how_many(300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=FILTERS, kept=st.lists(METADATA, min_size=5, max_size=10))
async def test_a_filter_keeps_what_a_plain_evaluator_keeps(c: Connection, wanted: Any, kept: list[Any]) -> None:
    condition = await c.fetchval("select ingest_filter_condition($1)", wanted)
    rows = await c.fetch(
        f"select coalesce({condition}, false) from unnest($1::text[]) with ordinality as t (text, place)"
        " cross join lateral (select t.text::jsonb as metadata) c order by t.place",
        [json.dumps(one) for one in kept],
    )
    assert [row[0] for row in rows] == [keeps(wanted, one) for one in kept], condition
