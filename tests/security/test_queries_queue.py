"""The queue of queries: nobody reads another's questions, answers them, fills it, or keeps a listener waiting."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from listener_process import ListenerProcess
from pipeline import ended, ingested, until
from staging import SPACE, Connection, add, add_listener, collection, one, session

from listener import service
from listener.settings import Settings

TABLES = ("ingest_queries", "ingest_questions")
KINDS = ("submitter", "searcher", "operator", "gateway", "listener")
ASK = "select ingest_ask($1, $2, '1 minute')"
KNOWN = "select ingest_query_embedding($1, $2) is not null"
PATIENT = {"lock_timeout": "1"}  # milliseconds: whoever has to wait for a lock gets an error


@asynccontextmanager
async def role(c: Connection, *kinds: str, of: str | None = None) -> AsyncIterator[str]:
    """Make a role with these rights, on a collection or on all; it is dropped afterwards."""
    name = f"role_{uuid.uuid4().hex}"
    await c.execute(f"create role {name} login")
    try:
        for kind in kinds:
            await c.execute("select ingest_grant($1, $2, $3)", name, kind, of)
        yield name
    finally:
        await c.execute(f"reset role; drop owned by {name} cascade; drop role {name}")


def as_role(dsn: str, name: str) -> str:
    return dsn.replace("//postgres@", f"//{name}@")


@asynccontextmanager
async def searcher(c: Connection, dsn: str, of: str | None = None, **settings: str) -> AsyncIterator[Connection]:
    """Give a session of a role that may search, and no more."""
    async with role(c, "searcher", of=of) as name, session(as_role(dsn, name), **settings) as its_own:
        yield its_own


@pytest.fixture
async def ready_to_ask(c: Connection) -> None:
    """A collection with a space, and the row of a listener."""
    await collection(c, "c", **SPACE)
    await add_listener(c)


async def take(c: Connection, most: int = 100) -> list[str]:
    return [row["text"] for row in await c.fetch("select text from ingest_take_queries($1)", most)]


async def answer(c: Connection, *queries: str, name: str = "c") -> None:
    """Write the vectors of queries as a listener does, in one call."""
    await c.execute(
        "select ingest_answer_queries(min(k.space_id), array_agg(k.hash), array_agg('[1,0,0]'::vector))"
        " from unnest($1::text[]) query, ingest_query_key(query, $2) k",
        [*queries], name,
    )  # fmt: skip


async def refuse(c: Connection, query: str, name: str = "c") -> None:
    reason = {"code": "text_refused", "message": "It names a secret.", "hint": "Ask for something else."}
    await c.execute(
        "select ingest_refuse_queries(space_id, array[hash], $3) from ingest_query_key($1, $2)", query, name, reason
    )


async def code_of(c: Connection, statement: str, *values: object) -> tuple[str, str | None]:
    with pytest.raises(asyncpg.PostgresError) as refused:
        await c.execute(statement, *values)
    return refused.value.sqlstate, refused.value.constraint_name


# who may read and write


async def privileges(c: Connection, grantee: str) -> list[str]:
    """Return what a role may do with the tables, and with any of their columns."""
    rows = await c.fetch(
        "select t || ' ' || p as may from unnest($1::text[]) t,"
        " unnest('{select,insert,update,references,delete,truncate,trigger}'::text[]) p"
        " where has_table_privilege($2, t, p)"
        " or p = any ('{select,insert,update,references}') and has_any_column_privilege($2, t, p)",
        [*TABLES], grantee,
    )  # fmt: skip
    return [row["may"] for row in rows]


async def test_no_kind_of_role_has_a_privilege_on_the_tables(c: Connection) -> None:
    for kind in KINDS:
        async with role(c, kind) as name:
            assert await privileges(c, name) == [], kind


async def test_a_grant_takes_away_what_a_former_release_or_default_privileges_gave(c: Connection) -> None:
    for kind in KINDS:
        async with role(c) as name:
            for table in TABLES:
                await c.execute(
                    f"grant all on {table} to {name}; grant select (hash), update (error) on {table} to {name}"
                )
            await c.execute("select ingest_grant($1, $2)", name, kind)
            assert await privileges(c, name) == [], kind


async def test_a_grant_to_the_owner_leaves_it_what_it_has(c: Connection) -> None:
    owner = await c.fetchval("select current_user::text")
    await c.execute("select ingest_grant($1, 'searcher')", owner)
    await c.execute("select from ingest_queries")
    granted = "select has_table_privilege(relowner, oid, 'insert') from pg_class where oid = 'ingest_queries'::regclass"
    assert await c.fetchval(granted)


async def test_a_migration_takes_the_tables_away_from_whoever_had_them(of_former: str) -> None:
    async with session(of_former) as c, role(c) as application, role(c) as reader:
        await c.execute(
            f"""grant select on ingest_queries to {application}, public;
                grant insert (space_id, hash, text, wanted_until), update (text, error, used_at, wanted_until)
                on ingest_queries to {application};
                grant select on ingest_queries to {reader} with grant option"""
        )
        await collection(c, "c", **SPACE)
        await c.execute(
            "insert into ingest_queries (space_id, hash, text, wanted_until)"
            " select 1, sha256('how?'), 'how?', now() + interval '1 hour' union all"
            " select 1, sha256('late?'), 'late?', now() - interval '1 hour'"
        )
        await service.migrate(Settings(), of_former)
        for name in (application, reader):
            assert await privileges(c, name) == []
        assert await take(c) == ["how?"]


async def test_what_listeners_call_is_for_nobody_else(c: Connection, ready_to_ask: None) -> None:
    key = await one(c, "select space_id, hash from ingest_query_key('mine', 'c')")
    for kind in ("submitter", "searcher", "operator", "gateway"):
        async with role(c, kind) as name:
            await c.execute(f"set role {name}")
            for call in (
                "ingest_take_queries(10)",
                "ingest_answer_queries($1, array[$2::bytea], array['[1,0,0]'::vector])",
                "ingest_refuse_queries($1, array[$2::bytea], '{}')",
                "ingest_evict_queries(0)",
                "ingest_query_key('mine', 'c')",
                "ingest_is_known($1, $2)",
                "ingest_check_open_queries()",
            ):
                values = (*key.values(),) if "$1" in call else ()
                assert await code_of(c, f"select {call}", *values) == ("42501", None), (kind, call)
            await c.execute("reset role")


async def test_who_may_not_search_a_collection_can_neither_ask_nor_learn_what_is_known_there(
    c: Connection, installed: str, ready_to_ask: None
) -> None:
    await collection(c, "d", **SPACE)
    await answer(c, "how?")
    async with searcher(c, installed, of="d") as stranger:
        for call in (ASK, "select hash from ingest_ask_query($1, $2, '1 minute')"):
            assert await code_of(stranger, call, "how?", "c") == ("IG040", "not_granted")
        assert await code_of(stranger, "call ingest_embed_query($1, $2)", "how?", "c") == ("IG040", "not_granted")
        assert not await stranger.fetchval(KNOWN, "how?", "c")


# what others asked


async def test_a_question_and_its_error_are_its_asker_s_alone(
    c: Connection, installed: str, ready_to_ask: None
) -> None:
    async with searcher(c, installed) as asker, searcher(c, installed) as other:
        question = await asker.fetchval(ASK, "my secret", "c")
        await take(c)
        await refuse(c, "my secret")
        look = "select ingest_await($1, 1)"
        assert await code_of(asker, look, question) == ("IG034", "text_refused")
        assert await other.fetchval(look, question)  # nothing of its own: no error, no wait
        key = await one(c, "select space_id, hash from ingest_query_key('my secret', 'c')")
        former = "select ingest_await_query($1, $2, now(), '1 minute', 1)"
        assert await other.fetchval(former, *key.values())
        for table in TABLES:
            assert (await code_of(other, f"select * from {table}"))[0] == "42501"


async def test_a_role_that_was_set_is_another_asker(c: Connection, ready_to_ask: None) -> None:
    async with role(c, "searcher") as first, role(c, "searcher") as second:
        await c.execute(f"set role {first}")
        question = await c.fetchval(ASK, "how?", "c")
        assert not await c.fetchval("select ingest_await($1, 1)", question)
        await c.execute(f"set role {second}")
        assert await c.fetchval("select ingest_await($1, 1)", question)


async def test_the_same_text_of_another_tenant_is_another_query(
    c: Connection, installed: str, ready_to_ask: None
) -> None:
    await collection(c, "d", **SPACE)
    await c.execute("update ingest_collections set tenant = 'd' where name = 'd'")
    async with searcher(c, installed, of="c") as one_tenant, searcher(c, installed, of="d") as another:
        await one_tenant.fetchval(ASK, "how?", "c")
        question = await another.fetchval(ASK, "how?", "d")
        assert await take(c) == ["how?", "how?"]
        await refuse(c, "how?")
        assert not await another.fetchval("select ingest_await($1, 1)", question)
        await answer(c, "where?")
        assert not await another.fetchval(KNOWN, "where?", "d")
        assert await another.fetchval(ASK, "where?", "d") is not None
        await answer(c, "how?", name="d")
        assert await another.fetchval(KNOWN, "how?", "d")
        assert not await one_tenant.fetchval(KNOWN, "how?", "c")


async def test_nobody_but_the_asker_is_named_and_no_longer_than_the_question_stands(
    c: Connection, ready_to_ask: None
) -> None:
    await c.execute(ASK, "how?", "c")
    await answer(c, "how?")
    assert await c.fetchval("select count(*) from ingest_questions") == 0
    kept = await one(c, "select to_jsonb(q) - 'embedding' as row from ingest_queries q")
    assert "how?" not in str(kept["row"])
    assert await c.fetchval("select current_user::text") not in str(kept["row"])


# locks


async def test_an_asker_s_open_transaction_keeps_neither_listeners_nor_askers_waiting(
    c: Connection, installed: str, ready_to_ask: None
) -> None:
    await answer(c, "known")
    await c.execute("update ingest_queries set used_at = now() - interval '1 day'")
    async with (
        searcher(c, installed) as attacker,
        searcher(c, installed, **PATIENT) as other,
        session(installed, **PATIENT) as of_listener,
        attacker.transaction(),
    ):
        for query in ("how?", "known"):
            for call in (ASK, "select hash from ingest_ask_query($1, $2, '1 minute')"):
                await attacker.execute(call, query, "c")
        await attacker.execute("select pg_advisory_lock(n), pg_advisory_lock(n, n) from generate_series(0, 9) n")
        assert await other.fetchval(ASK, "known", "c") is None
        question = await other.fetchval(ASK, "how?", "c")
        assert await take(of_listener) == ["how?"]
        await answer(of_listener, "how?")
        assert await other.fetchval("select ingest_await($1, 1)", question)
        await other.execute(ASK, "refused", "c")
        await refuse(of_listener, "refused")
        await of_listener.execute("select ingest_evict_queries(0)")


async def test_rows_that_the_owner_s_application_locks_keep_no_listener_waiting(
    c: Connection, other: Connection, installed: str, ready_to_ask: None
) -> None:
    for query in ("a", "b", "c"):
        await c.execute(ASK, query, "c")
    await answer(c, "old")
    async with session(installed, **PATIENT) as of_listener:
        assert await take(of_listener, 2) == ["a", "b"]
        async with other.transaction():
            await other.execute("select from ingest_questions for update")
            await other.execute("select from ingest_queries for update")
            assert await take(of_listener) == []
            await answer(of_listener, "a", "old")
            await refuse(of_listener, "b")
            await of_listener.execute("select ingest_evict_queries(0)")
        assert await of_listener.fetchval(KNOWN, "a", "c")
        assert await take(of_listener) == ["c"]  # "a" is known; the claim of "b" has not lapsed


async def test_an_answer_that_somebody_wrote_and_did_not_commit_delays_that_text_alone(
    c: Connection, other: Connection, ready_to_ask: None
) -> None:
    for query in ("a", "b", "c"):
        await c.execute(ASK, query, "c")
    await take(c)
    transaction = other.transaction()
    await transaction.start()
    await answer(other, "b")
    await answer(c, "a", "b", "c")
    assert [await c.fetchval(KNOWN, query, "c") for query in ("a", "b", "c")] == [True, False, True]
    await transaction.rollback()
    assert await take(c) == []
    await c.execute("update ingest_questions set claimed_until = now() - interval '1 s'")
    assert await take(c) == ["b"]


# how much


async def test_open_questions_are_bounded_for_each_role_in_whatever_way_they_are_asked(
    c: Connection, installed: str, ready_to_ask: None
) -> None:
    await c.execute("update ingest_limits set max_queries = 3 where role = ''")
    refused = ("IG032", "too_many_queries")
    async with searcher(c, installed) as one_role, searcher(c, installed) as another:
        for number, timeout in enumerate(("1 hour", "0", "-1 year")):
            await one_role.execute("select ingest_ask($1, 'c', $2::text::interval)", f"text {number}", timeout)
        assert await code_of(one_role, ASK, "one more", "c") == refused
        assert await code_of(one_role, "call ingest_embed_query($1, $2)", "one more", "c") == refused
        assert await code_of(one_role, "select hash from ingest_ask_query($1, $2, '1 s')", "one more", "c") == refused
        for number in range(3):
            await another.execute(ASK, f"other {number}", "c")
        await answer(c, "text 0")
        await one_role.execute(ASK, "one more", "c")
        async with searcher(c, installed) as third, third.transaction():
            for number in range(3):
                await third.execute(ASK, f"uncommitted {number}", "c")
            with pytest.raises(asyncpg.PostgresError, match="has 3 queries open"):
                await third.execute(ASK, "one more", "c")


async def test_a_limit_of_its_own_holds_for_a_role(c: Connection, ready_to_ask: None) -> None:
    async with role(c, "searcher") as few, role(c, "searcher") as many:
        await c.execute("insert into ingest_limits (role, max_queries) values ($1, 0), ($2, 1)", few, many)
        await c.execute("update ingest_limits set max_queries = 0 where role = ''")
        await c.execute(f"set role {few}")
        assert await code_of(c, ASK, "how?", "c") == ("IG032", "too_many_queries")
        await c.execute(f"set role {many}")
        await c.execute(ASK, "how?", "c")


async def test_roles_take_turns(c: Connection, installed: str, ready_to_ask: None) -> None:
    async with searcher(c, installed) as many, searcher(c, installed) as few:
        for number in range(5):
            await many.execute(ASK, f"many {number}", "c")
        await few.execute(ASK, "few", "c")
        assert sorted(await take(c, 2)) == ["few", "many 0"]


async def test_a_text_has_a_length(c: Connection, ready_to_ask: None) -> None:
    await c.execute(ASK, "é" * 10_000, "c")
    for query in ("é" * 10_001, " " * 1_000_000, "a" * 100_000_000):
        assert await code_of(c, ASK, query, "c") == ("IG030", "query_too_long")
    await collection(c, "c", query_prefix="a" * 4_000)
    assert await code_of(c, ASK, "b" * 16_001, "c") == ("IG030", "query_too_long")


@pytest.mark.parametrize("timeout", ["infinity", "-infinity", "1000000 years", "-1000000 years", "-1 s", None])
async def test_a_question_waits_an_hour_at_most_whatever_its_timeout_is(
    c: Connection, ready_to_ask: None, timeout: str | None
) -> None:
    question = await c.fetchval("select ingest_ask('how?', 'c', $1::text::interval)", timeout)
    row = await one(c, "select wanted_until - now() between '-1 minute' and '1 hour' as ok from ingest_questions")
    assert row["ok"]
    if timeout and timeout.startswith("-"):
        assert await code_of(c, "select ingest_await($1, 1)", question) == ("IG032", "query_not_answered")


async def test_a_look_ends_soon_whatever_it_is_given(c: Connection, ready_to_ask: None) -> None:
    question = await c.fetchval(ASK, "how?", "c")
    await c.execute("set statement_timeout = '10s'")
    for turn in (2**31 - 1, -(2**31), 0, 20, None):
        assert not await c.fetchval("select ingest_await($1, $2)", question, turn)
    key = await one(c, "select space_id, hash from ingest_query_key('how?', 'c')")
    for began, timeout in (("infinity", "infinity"), ("-infinity", "1000 years"), (None, None)):
        look = "select ingest_await_query($1, $2, $3::text::timestamptz, $4::text::interval, 2147483647)"
        assert not await c.fetchval(look, *key.values(), began, timeout)
    for missing in (None, -1, 2**63 - 1):
        assert await c.fetchval("select ingest_await($1, 1)", missing)


# a listener


async def stuck(c: Connection) -> bool:
    """Tell whether all connections of a listener's pool wait for locks."""
    query = (
        "select count(*) >= 3 from pg_stat_activity where wait_event_type = 'Lock' and application_name like 'ingest %'"
    )
    return bool(await c.fetchval(query))


async def test_queries_are_answered_while_everything_else_waits_for_locks(
    ready: str, own: Connection, listeners: list[ListenerProcess], tmp_path: Path
) -> None:
    process = ListenerProcess(ready, tmp_path, heartbeat_seconds=0.2)
    listeners.append(process)
    process.ready()
    await ingested(own, content="Kittens purr.", uri="cats")
    async with AsyncExitStack() as stack:
        locker = await stack.enter_async_context(session(ready))
        await stack.enter_async_context(locker.transaction())
        await locker.execute("lock table ingest_requests, ingest_revisions, ingest_batches in access exclusive mode")
        await until(lambda: stuck(own))
        await own.execute("call ingest_embed_query('a feline pet')")
    assert await own.fetchval(KNOWN, "a feline pet", "default")


async def test_requests_go_on_while_queries_wait_for_a_lock(
    ready: str, own: Connection, listeners: list[ListenerProcess], tmp_path: Path
) -> None:
    process = ListenerProcess(ready, tmp_path)
    listeners.append(process)
    process.ready()
    await ingested(own, content="Kittens purr.", uri="cats")
    async with session(ready) as locker, locker.transaction():
        await locker.execute("lock table ingest_questions in access exclusive mode")
        await own.execute("select pg_notify(ingest_channel('queries'), '')")
        blocked = "select count(*) > 0 from pg_stat_activity where wait_event_type = 'Lock' and query ~ 'take_queries'"
        await until(lambda: own.fetchval(blocked))
        requests = [await add(own, content=f"Text {number}.", uri=f"{number}") for number in range(20)]
        assert {row["status"] for row in await ended(own, *requests)} == {"succeeded"}
    await own.execute("call ingest_embed_query('a feline pet')")
