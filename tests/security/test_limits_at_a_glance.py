"""What an ordinary insert is spared by a count that still holds, it is spared only while all of it is true."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from roles import MANY, limit, login, refused
from staging import Connection, add, collection

# A count with much room holds for a second; these hold for an hour.
HOLD = "update ingest_pending_counts set until = until + interval '1 hour'"
COUNTS = "select count(*) from ingest_pending_counts"
CALLS = """
select coalesce(sum(pg_stat_get_xact_function_calls(p.oid)), 0)::int from pg_proc p
where p.proname in ('ingest_check_submitter', 'ingest_check_limits')
"""


@pytest.fixture
async def it(c: Connection, installed: str, submitter: str) -> AsyncIterator[Connection]:
    """A session of a submitter whose waiting requests were counted, for an hour."""
    await limit(c, submitter, max_pending=5000)
    await collection(c, "default")
    await c.execute(f"alter role {submitter} set track_functions = 'all'")
    async with login(installed, submitter) as connection:
        await add(connection)
        assert await c.fetchval(COUNTS) == 1
        await c.execute(HOLD)
        yield connection


async def test_while_a_count_holds_an_ordinary_row_pays_for_no_other_function(c: Connection, it: Connection) -> None:
    for expected, uri in ((0, "ticket-42"), (1, "ticket:42")):
        async with it.transaction():  # the server may forget between transactions, not within one
            before = await it.fetchval(CALLS)
            await add(it, content="a", uri=uri)
            assert await it.fetchval(CALLS) - before == expected
    assert await c.fetchval(COUNTS) == 1


async def test_a_limit_that_was_lowered_holds_for_the_next_row(c: Connection, it: Connection, submitter: str) -> None:
    for limits, refusal in (
        ({"max_pending": 1}, "too_many_pending"),
        ({"max_pending": 5000, "max_pending_bytes": 0}, "too_many_pending_bytes"),
        ({"max_pending_bytes": None, "min_priority": 1}, "priority_too_urgent"),
    ):
        await limit(c, submitter, **limits)
        with refused("IG043", refusal):
            await add(it, content="a")


async def test_a_limit_of_all_holds_once_a_role_has_none_of_its_own(
    c: Connection, it: Connection, submitter: str
) -> None:
    await limit(c, "", max_pending=1)
    await add(it)
    await c.execute("select ingest_limit($1, null)", submitter)
    with refused("IG043", "too_many_pending"):
        await add(it)


async def test_a_right_that_was_taken_is_missed_by_the_next_row(c: Connection, it: Connection, submitter: str) -> None:
    await c.execute("select ingest_revoke($1, 'submitter')", submitter)
    await c.execute("select ingest_grant($1, 'submitter', 'another')", submitter)
    with refused("IG040", "not_granted"):
        await add(it)


async def test_a_submitter_can_not_use_an_id_again(c: Connection, it: Connection) -> None:
    used = await add(it)
    await c.execute("select ingest_cancel($1)", used)
    await c.execute("delete from ingest_requests where id = $1", used)
    with refused("IG006", "id_used_before"):
        await add(it, id=used)


async def test_a_name_of_a_source_is_refused_and_other_names_with_colons_are_not(it: Connection) -> None:
    for name in ("/etc/passwd", "https://example.com", "file:a"):
        with refused("IG009", "reserved_uri"):
            await add(it, content="a", uri=name)
    await add(it, content="a", uri="ticket:42")


async def test_more_than_is_left_is_refused_while_a_count_holds(c: Connection, it: Connection) -> None:
    with refused("IG043", "too_many_pending"):
        await it.execute(MANY, 5001)
    with refused("IG043", "too_many_pending"):
        for _ in range(6):
            await it.execute(MANY, 1000)
    assert await c.fetchval("select count(*) from ingest_requests") <= 5005  # a thousandth: test_limits.py


async def test_many_inserters_together_pass_a_limit_by_no_more_than_each_other_s_open_row(
    c: Connection, installed: str, submitter: str
) -> None:
    """Transactions don't see each other's rows; all that were committed are counted."""
    await limit(c, submitter, max_pending=20)

    async def insert() -> int:
        inserted = 0
        async with login(installed, submitter) as connection:
            for _ in range(10):
                try:
                    await add(connection)
                except asyncpg.PostgresError as error:
                    if error.sqlstate != "IG043":
                        raise
                else:
                    inserted += 1
        return inserted

    inserted = await asyncio.gather(*(insert() for _ in range(6)))
    assert 20 <= sum(inserted) < 20 + len(inserted)
