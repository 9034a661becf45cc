"""What collections hold, which documents fail, what became of each: in SQL, by whose right it is asked."""

from __future__ import annotations

import uuid
from typing import Any

import asyncpg
import pytest
from roles import new_roles, refused
from staging import SPACE, Connection, carry, claim, collection, discover, ingest, load, own, publish, settle, start

ERROR = {"code": "no_text", "message": "m", "hint": "h", "step": "load", "retryable": False}


async def fail(c: Connection, uri: str, where: str = "default") -> uuid.UUID:
    """Have a request fail over one document."""
    request = await start(c, [uri], collection=where)
    owner = await own(c, request)
    fence = ([request], 0, owner)
    (row,) = await c.fetch("select * from ingest_to_load($1::ingest_fence_v1)", fence)
    loaded = (row["id"], row["read_seq"], *[None] * 7, ERROR, *[None] * 5)
    await c.execute("select ingest_save_loaded($1::ingest_fence_v1, $2::ingest_loaded_v2[])", fence, [loaded])
    assert await settle(c, request) == "failed"
    return request


async def listed(c: Connection, *arguments: Any) -> list[tuple[str, str, str]]:
    places = ", ".join(f"${n}" for n in range(1, len(arguments) + 1))
    rows = await c.fetch(f"select * from ingest_list_documents({places})", *arguments)
    return [(row["collection"], row["uri"], row["state"]) for row in rows]


async def test_the_inventory_counts_documents_chunks_and_what_fails(c: Connection) -> None:
    await collection(c, "a", {**SPACE, "chunk_size": 500})
    await ingest(c, {"x": "one", "y": "three"}, collection="a")
    await fail(c, "z", "a")
    rows = await c.fetch("select * from ingest_inventory()")
    row = next(row for row in rows if row["collection"] == "a")
    assert (row["documents"], row["chunks"], row["bytes"], row["failing"]) == (2, 2, 8, 1)
    assert (row["embedder"], row["model"], row["dimensions"]) == ("test", "test", 3)
    assert row["settings"].items() >= {"chunk_size": 500, "text_config": "english"}.items()
    assert row["changed_at"] is not None
    empty = next(row for row in rows if row["collection"] == "default")
    assert (empty["documents"], empty["chunks"], empty["bytes"], empty["changed_at"]) == (0, 0, 0, None)


async def test_the_inventory_has_pages_and_finds_names_and_tenants(c: Connection) -> None:
    for name in ("b/x", "a%", "Harbour", "c"):
        await collection(c, name, tenant="acme" if name == "c" else "")
    await ingest(c, {"x": "one"}, collection="c")

    async def names(*arguments: Any) -> list[str]:
        rows = await c.fetch("select collection, documents from ingest_inventory(null, $1, $2, $3)", *arguments)
        return [f"{row['collection']}:{row['documents']}" for row in rows]

    whole = [f"{row['collection']}:{row['documents']}" for row in await c.fetch("select * from ingest_inventory()")]
    assert len(whole) == 5
    first = await names(None, None, 2)
    assert [*first, *await names(None, first[-1].partition(":")[0], 9)] == whole
    assert await names("HARB", None, None) == ["Harbour:0"]
    assert await names("%", None, None) == ["a%:0"]
    assert await names("acm", None, None) == ["c:1"]
    with refused("IG035", "wrong_count"):
        await names(None, None, 0)


async def test_documents_are_listed_page_by_page_behind_a_key(c: Connection) -> None:
    for name in ("a", "b"):
        await ingest(c, {f"doc/{n}": f"text {name} {n}" for n in range(5)}, collection=name)
    await fail(c, "doc/3b", "a")
    whole = await listed(c)
    assert [row[1] for row in whole if row[0] == "a"] == ["doc/0", "doc/1", "doc/2", "doc/3", "doc/3b", "doc/4"]
    pages: list[tuple[str, str, str]] = []
    after: tuple[str | None, str | None] = (None, None)
    while page := await listed(c, None, "", False, 2, *after):
        pages += page
        after = page[-1][:2]
    assert pages == whole
    assert await listed(c, "a", "doc/3") == [("a", "doc/3", "live"), ("a", "doc/3b", "failed")]
    assert await listed(c, "a", "doc%") == []  # a prefix, no pattern


async def test_a_document_fails_until_a_later_reading_succeeds_or_finds_it_unchanged(c: Connection) -> None:
    await ingest(c, {"x": "one"})
    await fail(c, "x")
    await fail(c, "x")
    assert await listed(c, None, "", True) == [("default", "x", "outdated")]
    await ingest(c, {"x": "two"})
    assert await listed(c, None, "", True) == []
    assert await listed(c) == [("default", "x", "live")]
    await fail(c, "x")
    assert await listed(c, "default", "", True) == [("default", "x", "outdated")]
    request = await start(c, ["x"])
    owner = await own(c, request)
    (row,) = await c.fetch("select * from ingest_to_load($1::ingest_fence_v1)", ([request], 0, owner))
    skipped = await c.fetchval(
        "select ingest_skip_unchanged($1::ingest_fence_v1, array[($2, $3, $4, null, null)::ingest_unchanged_v2])",
        ([request], 0, owner), row["id"], row["read_seq"], row["live_hash"],
    )  # fmt: skip
    assert skipped == [row["id"]]
    assert await listed(c, "default", "", True) == []


async def test_what_discovery_refused_fails_until_it_is_read(c: Connection) -> None:
    request = await start(c, ["other"])
    found = (9, None, "x", None, None, None, {**ERROR, "step": "discover"}, *[None] * 6)
    await c.execute("update ingest_listeners set dead_at = null")
    other = await c.fetchval("insert into ingest_requests (source) values ('/srv/more') returning id")
    assert other != request
    await c.fetch("select * from ingest_claim('L1', '{/}', $1, 10, 10, 0, '{}', false, '{}')", SPACE)
    await c.execute("select ingest_add_found($1, 'L1', null, $2::ingest_found_v1[])", other, [found])
    assert await listed(c, None, "", True) == [("default", "x", "failed")]
    await ingest(c, {"x": "one"}, source="/srv/again")
    assert await listed(c, None, "", True) == []


async def test_a_document_is_shown_with_its_chunks_and_what_became_of_it(c: Connection) -> None:
    await ingest(c, {"x": "one"})
    request = await start(c, ["x"])
    await carry(c, request, texts={"x": "two"})
    failed = await fail(c, "x")
    (shown,) = await c.fetch("select * from ingest_show_document('x')")
    assert (shown["state"], shown["text"], shown["chunks"], shown["bytes"]) == ("outdated", "two", 1, 3)
    assert [row["text"] for row in await c.fetch("select * from ingest_show_chunks('x')")] == ["two"]
    became = await c.fetch("select * from ingest_show_revisions('x')")
    assert [(row["state"], row["is_live"], row["code"]) for row in became] == [
        ("failed", False, "no_text"), ("published", True, None), ("published", False, None),
    ]  # fmt: skip
    assert [row["request_id"] for row in became[:2]] == [failed, request]


async def test_a_document_says_why_it_was_skipped(c: Connection) -> None:
    first, second = await start(c, ["x"]), await start(c, ["x"])
    early = await carry(c, first, "embedded")
    await carry(c, second)
    assert await publish(c, first, 0, early) == (0, 1)
    twice = await start(c, ["x", "x"], source="/srv/twice")
    reasons = [row["reason"] for row in await c.fetch("select reason from ingest_show_revisions('x')")]
    assert "superseded" in reasons
    assert ("duplicate" in reasons) == bool(
        await c.fetchval("select count(*) from ingest_revisions where request_id = $1 and reason = 'duplicate'", twice)
    )


async def test_a_document_that_is_not_there_is_said_to_be_unknown(c: Connection) -> None:
    for statement, code in (
        ("select * from ingest_show_document('nothing')", "unknown_document"),
        ("select * from ingest_show_document('x', 'nowhere')", "unknown_collection"),
        ("select * from ingest_list_documents('nowhere')", "unknown_collection"),
        ("select * from ingest_count_documents('nowhere')", "unknown_collection"),
        ("select * from ingest_delete_under('nowhere', 'x')", "unknown_collection"),
    ):
        with refused("IG014", code):
            await c.fetch(statement)
    for statement, code in (
        ("select * from ingest_list_documents(p_limit => 0)", "wrong_count"),
        ("select * from ingest_delete_under('default', '')", "empty_prefix"),
        ("select * from ingest_delete_under('default', null)", "empty_prefix"),
    ):
        with refused("IG035", code):
            await c.fetch(statement)


async def test_documents_below_a_prefix_are_counted_and_deleted_page_by_page(c: Connection) -> None:
    await ingest(c, {f"old/{n}": f"text {n}" for n in range(5)} | {"older": "kept", "new/1": "kept too"})
    count = "select ingest_count_documents('default', p_under => 'old/')"
    assert await c.fetchval(count) == 5
    deleted, last = 0, None
    for expected in (2, 2, 1):
        row = await c.fetchrow("select * from ingest_delete_under('default', 'old/', 2, $1)", last)
        assert row is not None
        assert row["deleted"] == expected
        deleted, last = deleted + row["deleted"], row["last"]
    assert (deleted, await c.fetchval(count)) == (5, 0)
    assert [row[1] for row in await listed(c)] == ["new/1", "older"]
    assert await c.fetchval("select ingest_count_documents('default', '{older,gone}')") == 1


async def test_no_array_of_documents_is_not_all_of_them(c: Connection) -> None:
    await ingest(c, {"a": "text", "b": "text", "c": "text"})
    for nothing in ("null", "(select array_agg(d.uri) from ingest_documents d where false)"):
        with refused("IG035", "no_uris"):
            await c.fetchval(f"select ingest_delete_documents('default', {nothing})")
    assert await c.fetchval("select ingest_delete_documents('default', '{}')") == 0
    assert await c.fetchval("select ingest_delete_documents('default', array['a', null])") == 1
    assert await c.fetchval("select ingest_delete_documents('default')") == 2


async def test_each_role_sees_what_its_right_is_for(c: Connection) -> None:
    await ingest(c, {"for-all": "one"}, collection="a")
    await ingest(c, {"for-some": "two"}, collection="a", options={"principals": ["somebody"]})
    await fail(c, "broken", "a")
    await ingest(c, {"x": "three"}, collection="b")
    async with new_roles(c, 4) as (submitter, searcher, operator, stranger):
        await c.execute(f"grant usage on schema public to {stranger}")
        for role, kind in ((submitter, "submitter"), (searcher, "searcher"), (operator, "operator")):
            await c.execute("select ingest_grant($1::name, $2, 'a')", role, kind)

        await c.execute(f"set role {submitter}")
        (row,) = await c.fetch("select * from ingest_inventory()")
        assert (row["collection"], row["documents"], row["failing"]) == ("a", None, None)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await c.fetch("select * from ingest_list_documents('a')")
        mine = await c.fetchval("insert into ingest_requests (content, collection) values ('x', 'a') returning id")
        with refused("IG014", "unknown_document"):
            await c.fetch("select * from ingest_show_document('for-all', 'a')")
        assert await c.fetch("select * from ingest_show_revisions('for-all', 'a')") == []

        await c.execute(f"set role {searcher}")
        (row,) = await c.fetch("select * from ingest_inventory()")
        assert (row["collection"], row["documents"], row["failing"]) == ("a", 1, None)
        assert await listed(c) == [("a", "for-all", "live")]
        assert await listed(c, "a", "", True) == []
        assert await c.fetchval("select text from ingest_show_document('for-all', 'a')") == "one"
        assert [row["is_live"] for row in await c.fetch("select * from ingest_show_revisions('for-all', 'a')")] == [
            True
        ]
        for hidden in ("for-some", "broken"):
            with refused("IG014", "unknown_document"):
                await c.fetch("select * from ingest_show_document($1, 'a')", hidden)
            assert await c.fetch("select * from ingest_show_chunks($1, 'a')", hidden) == []
            assert await c.fetch("select * from ingest_show_revisions($1, 'a')", hidden) == []
        for call in ("ingest_list_documents('b')", "ingest_show_document('x', 'b')", "ingest_show_chunks('x', 'b')"):
            with refused("IG040", "not_granted"):
                await c.fetch(f"select * from {call}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await c.fetch("select ingest_delete_under('a', 'for')")

        await c.execute(f"set role {operator}")
        (row,) = await c.fetch("select * from ingest_inventory()")
        assert (row["collection"], row["documents"], row["failing"]) == ("a", 2, 1)
        assert [row[1:] for row in await listed(c)] == [
            ("broken", "failed"), ("for-all", "live"), ("for-some", "live"),
        ]  # fmt: skip
        (row,) = await c.fetch("select * from ingest_show_document('for-some', 'a')")
        assert (row["state"], row["text"], row["principals"]) == ("live", None, ["somebody"])
        assert await c.fetchval("select code from ingest_show_revisions('broken', 'a')") == "no_text"
        for call in ("ingest_delete_under('b', 'x')", "ingest_count_documents('b')"):
            with refused("IG040", "not_granted"):
                await c.fetch(f"select * from {call}")
        assert await c.fetchval("select ingest_count_documents('a')") == 2

        await c.execute(f"set role {stranger}")
        for call in ("ingest_inventory()", "ingest_list_documents()", "ingest_show_document('x', 'b')"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await c.fetch(f"select * from {call}")
        await c.execute("reset role")
        assert mine


async def test_a_submitter_is_shown_what_became_of_its_own(c: Connection, submitter: str) -> None:
    await collection(c, "default", SPACE)
    await c.execute(f"set role {submitter}")
    request = await c.fetchval("insert into ingest_requests (source) values ('/srv/mine') returning id")
    await c.execute("reset role")
    other = await fail(c, "theirs")
    assert other != request
    if await c.fetchval("select status from ingest_requests where id = $1", request) == "pending":
        await claim(c)
    await discover(c, request, ["mine"])
    owner = await own(c, request)
    await load(c, request, 0, owner, {"mine": "text"})
    await c.execute(f"set role {submitter}")
    assert await c.fetchval("select state from ingest_show_document('mine')") == "loaded"
    assert await c.fetchval("select text from ingest_show_document('mine')") is None
    assert await c.fetchval("select request_id from ingest_show_revisions('mine')") == request
    with refused("IG014", "unknown_document"):
        await c.fetch("select * from ingest_show_document('theirs')")
    await c.execute("reset role")


MANY = 20_000
READ = """
  select coalesce(sum(seq_tup_read), 0) + coalesce(sum(idx_tup_fetch), 0) from pg_stat_xact_user_tables
  where relname in ('ingest_revisions', 'ingest_documents')
"""
FILL = f"""
  insert into ingest_documents (collection, uri, revision_id, live_seq)
  select 'default', 'doc/' || n, n, n from generate_series(1, {MANY}) n;
  insert into ingest_revisions (request_id, position, batch, collection, uri, state, reason, read_seq)
  select gen_random_uuid(), 0, 1, 'default', 'doc/' || n, 'skipped', 'unchanged', n from generate_series(1, {MANY}) n;
  insert into ingest_revisions (request_id, position, batch, collection, uri, state, error, read_seq)
  select gen_random_uuid(), 0, 1, 'default', 'broken/' || n, 'failed', '{{"code": "no_text"}}', n
  from generate_series(1, {MANY}) n;
  analyze ingest_documents, ingest_revisions;
"""


async def test_a_page_and_a_document_are_looked_up_beside_any_number_of_others(c: Connection) -> None:
    await c.execute("set session_replication_role = replica")
    await c.execute(FILL)
    await c.execute("reset session_replication_role")
    for statement in (
        "select * from ingest_list_documents('default', p_limit => 10)",
        "select * from ingest_list_documents(null, '', true, 10, 'default', 'broken/5')",
        "select * from ingest_list_documents('default', '', false, 10, 'default', 'doc/77')",
        "select * from ingest_show_document('doc/77')",
        "select * from ingest_show_document('broken/77')",
        "select * from ingest_show_revisions('doc/77')",
        "select * from ingest_delete_under('default', 'doc/', 10, 'doc/77')",
    ):
        async with c.transaction():
            before = await c.fetchval(READ)
            assert await c.fetch(statement)
            assert await c.fetchval(READ) - before < 300, statement
