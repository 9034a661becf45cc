"""A row is refused where it is inserted if one of its values is longer than anybody needs."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest
from staging import Connection, add

TOO_LONG: list[tuple[dict[str, Any], str]] = [
    ({"source": "/" + "a" * 8000}, "value_too_long"),
    ({"source": "https://" + "a" * 8000}, "value_too_long"),
    ({"content": "x", "media_type": "text/" + "a" * 200}, "value_too_long"),
    ({"content": "x", "dedupe_key": "k" * 1001}, "value_too_long"),
    ({"content": "x", "metadata": {"k" * 1001: 1}}, "value_too_long"),
    ({"content": "x", "metadata": {"a": 1, "k" * 1001: 1, "pad": "x" * 2000}}, "value_too_long"),
    ({"content": "x", "metadata": {"pad": list(range(400_000))}}, "value_too_long"),
    ({"source": "/a", "options": {"include": "*" * 1001}}, "option_too_long"),
    ({"source": "/a", "options": {"exclude": ["*"] * 101}}, "option_too_long"),
    ({"source": "/a", "options": {"principals": ["p" * 1001]}}, "option_too_long"),
    ({"content": "x" * 64 * 1024 * 1024 + "x"}, "content_too_large"),
    ({"content_bytes": b"x" * (64 * 1024 * 1024 + 1)}, "content_too_large"),
]


@pytest.mark.parametrize("case", range(len(TOO_LONG)))
async def test_a_value_that_is_too_long_is_refused_with_how_long_it_may_be(c: Connection, case: int) -> None:
    columns, code = TOO_LONG[case]
    with pytest.raises(asyncpg.PostgresError) as refused:
        await add(c, **columns)
    assert refused.value.constraint_name == code
    assert refused.value.hint
    assert await c.fetchval("select count(*) from ingest_requests") == 0


async def test_what_is_as_long_as_it_may_be_is_taken(c: Connection) -> None:
    await add(c, source="/" + "a" * 7999)
    await add(c, content="x", media_type="text/" + "a" * 195, dedupe_key="k" * 1000, metadata={"k" * 1000: "v"})
    await add(c, source="/a", options={"include": ["*" * 1000] * 100})
    await add(c, content="x" * 1_000_001)


async def test_a_change_of_a_pending_request_is_held_to_the_same(c: Connection) -> None:
    request = await add(c)
    for column, value in (("metadata", {"k" * 1001: 1}), ("options", {"include": "*" * 1001})):
        with pytest.raises(asyncpg.PostgresError, match=r"bytes|too long"):
            await c.execute(f"update ingest_requests set {column} = $2 where id = $1", request, value)
    with pytest.raises(asyncpg.PostgresError, match="bytes"):
        await c.execute("update ingest_requests set dedupe_key = $2 where id = $1", request, "k" * 1001)


async def test_deeply_nested_json_is_refused_or_taken_as_postgres_can(c: Connection) -> None:
    deep = "[" * 5000 + "]" * 5000
    with pytest.raises(asyncpg.PostgresError):
        await c.execute(f"insert into ingest_requests (content, options) values ('x', '{{\"include\": {deep}}}')")
    await c.execute(f"insert into ingest_requests (content, metadata) values ('x', '{{\"a\": {deep[4000:6000]}}}')")


async def test_the_largest_content_is_what_a_listener_says(c: Connection) -> None:
    register = "select ingest_register($1, 'here', 1, '0', '0', '{}', '', 1, '10 s', null, '1 s', $2, null)"
    await c.execute(register, "small", 1_500_000)
    with pytest.raises(asyncpg.PostgresError, match="no listener accepts more than 1500000"):
        await add(c, content="x" * 1_500_001)
    await c.execute(register, "large", 2_000_000)
    await add(c, content="x" * 1_500_001)
    await c.execute("select ingest_sign_off('large'), ingest_sign_off('small')")
    await add(c, content="x" * 1_500_001)  # for those to come
