"""Asking for a query's vector, and searching by words, by vector and by both, without a listener."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest
from staging import SPACE, Connection, add_listener, carry, collection, one, session, settle, start

pytestmark = pytest.mark.postgres(16, 18)

CALL = "call ingest_embed_query($1, 'c', $2::text::interval)"


async def refused(c: Connection, statement: str, *values: Any) -> asyncpg.PostgresError:
    with pytest.raises(asyncpg.PostgresError) as error:
        await c.execute(statement, *values)
    assert error.value.hint
    return error.value


async def answer(c: Connection, query: str, vector: str = "[1,0,0]", name: str = "c") -> None:
    """Write a query's vector as a listener does."""
    await c.execute(
        "select ingest_answer_queries(space_id, array[hash], array[$3::text::vector]) from ingest_query_key($1, $2)",
        query, name, vector,
    )  # fmt: skip


async def open_queries(c: Connection) -> list[str]:
    return [row["text"] for row in await c.fetch("select text from ingest_questions where text is not null order by 1")]


async def asked(c: Connection, query: str) -> None:
    """Wait until somebody has asked for a query."""
    while query not in await open_queries(c):
        pass  # a round trip each time; the test's own timeout ends it


@pytest.fixture
async def ready(c: Connection) -> None:
    """A collection with a space, and the row of a listener."""
    await collection(c, "c", **SPACE)
    await add_listener(c)


# asking


async def test_a_call_returns_when_the_vector_is_there(c: Connection, other: Connection, ready: None) -> None:
    call = asyncio.create_task(c.execute(CALL, "how?", "1 minute"))
    await asked(other, "how?")
    await answer(other, "how?")
    await call
    assert await c.fetchval("select count(*) from ingest_questions") == 0
    assert await c.fetchval("select count(*) from ingest_queries where embedding is not null") == 1


async def test_a_call_rings_on_a_channel_of_its_own(c: Connection, other: Connection, ready: None) -> None:
    rang = asyncio.Event()
    await other.add_listener(await other.fetchval("select ingest_channel('queries')"), lambda *_: rang.set())
    call = asyncio.create_task(c.execute(CALL, "how?", "1 minute"))
    await rang.wait()
    await answer(other, "how?")
    await call


async def test_what_is_known_needs_no_listener_and_rings_nobody(c: Connection, other: Connection, ready: None) -> None:
    await answer(c, "how?")
    await c.execute("delete from ingest_listeners; update ingest_queries set used_at = now() - interval '1 day'")
    heard: list[Any] = []
    await other.add_listener("ingest_queries", lambda *arguments: heard.append(arguments))
    await c.execute(CALL, "how?", "0")
    assert await c.fetchval("select used_at > now() - interval '1 minute' from ingest_queries")
    await other.execute("select pg_notify('ingest_queries', 'mine')")
    while not heard:
        await other.execute("select")
    assert [payload for _, _, _, payload in heard] == ["mine"]


async def test_what_is_known_can_be_asked_for_in_a_read_only_session(
    c: Connection, installed: str, ready: None
) -> None:
    await answer(c, "how?")
    await c.execute("update ingest_queries set used_at = now() - interval '1 day'")
    async with session(installed, default_transaction_read_only="on") as reader:
        await reader.execute(CALL, "how?", "0")


async def test_calls_for_the_same_text_share_an_answer(
    c: Connection, other: Connection, third: Connection, ready: None
) -> None:
    calls = [asyncio.create_task(each.execute(CALL, "how?", "1 minute")) for each in (c, other)]
    while await open_queries(third) != ["how?", "how?"]:
        pass  # a round trip each time; the test's own timeout ends it
    assert len(await third.fetch("select * from ingest_take_queries(10)")) == 1
    await answer(third, "how?")
    await asyncio.gather(*calls)
    assert await third.fetchval("select count(*) from ingest_queries") == 1


async def test_a_query_prefix_and_another_space_are_other_queries(c: Connection, ready: None) -> None:
    await answer(c, "how?")
    known = "select ingest_query_embedding('how?', $1) is not null"
    await collection(c, "d", **(SPACE | {"model": "another"}))
    assert [await c.fetchval(known, name) for name in ("c", "d")] == [True, False]
    await collection(c, "c", query_prefix="query: ")
    assert not await c.fetchval(known, "c")


async def test_without_an_answer_in_time_a_call_fails_and_what_it_asked_stays(c: Connection, ready: None) -> None:
    error = await refused(c, CALL, "how?", "0.05 s")
    assert (error.sqlstate, error.constraint_name) == ("IG032", "query_not_answered")
    assert await open_queries(c) == ["how?"]


async def test_without_a_listener_a_call_fails_at_once_and_leaves_nothing(c: Connection, ready: None) -> None:
    await c.execute("update ingest_listeners set heartbeat_at = now() - interval '2 hours'")
    error = await refused(c, CALL, "how?", "1 day")
    assert (error.sqlstate, error.constraint_name) == ("IG032", "no_listener")
    assert await open_queries(c) == []
    await c.execute("update ingest_installation set database_oid = 1")
    assert "select ingest_confirm_restore()" in ((await refused(c, CALL, "how?", "1 day")).hint or "")


async def test_a_caller_gets_the_embedder_s_code_message_and_hint_and_the_next_tries_again(
    c: Connection, other: Connection, ready: None
) -> None:
    for _ in range(2):
        call = asyncio.create_task(refused(c, CALL, "how?", "1 minute"))
        await asked(other, "how?")
        (row,) = await other.fetch("select * from ingest_take_queries(10)")
        reason = {"code": "key_refused", "message": "100% refused", "hint": "set a key"}
        await other.execute("select ingest_refuse_queries($1, $2, $3)", row["space_id"], [row["hash"]], reason)
        error = await call
        assert (error.sqlstate, error.constraint_name) == ("IG034", "key_refused")
        assert (error.message, error.hint) == ("100% refused", "set a key")
        assert await open_queries(c) == []


@pytest.mark.parametrize("query", ["", "  \n", None])
async def test_an_empty_query_is_refused(c: Connection, ready: None, query: str | None) -> None:
    error = await refused(c, CALL, query, "1 s")
    assert (error.sqlstate, error.constraint_name) == ("IG030", "empty_query")


async def test_an_unknown_collection_and_one_without_a_space_are_refused(c: Connection) -> None:
    assert (await refused(c, CALL, "how?", "1 s")).sqlstate == "IG014"
    await collection(c, "c")
    error = await refused(c, CALL, "how?", "1 s")
    assert (error.sqlstate, error.constraint_name) == ("IG031", "no_space_yet")


async def test_a_call_in_a_transaction_is_refused_in_whatever_way_it_began(c: Connection, ready: None) -> None:
    async with c.transaction():
        with pytest.raises(asyncpg.PostgresError) as within:
            async with c.transaction():
                await c.execute(CALL, "how?", "1 s")
    for statements in ("begin; call ingest_embed_query('how?')", "select 1; call ingest_embed_query('how?')"):
        error = await refused(c, statements)
        assert (error.sqlstate, error.constraint_name) == (within.value.sqlstate, within.value.constraint_name)
        await c.execute("rollback")
    assert within.value.sqlstate == "IG033"


async def test_a_do_block_may_call_it(c: Connection, ready: None) -> None:
    await answer(c, "how?")
    await c.execute("do $$ begin call ingest_embed_query('how?', 'c'); end $$")


async def test_a_caller_s_snapshot_moves_on_while_it_waits(c: Connection, other: Connection, ready: None) -> None:
    call = asyncio.create_task(c.execute(CALL, "how?", "1 minute"))
    await asked(other, "how?")
    for _ in range(3):
        number = int(await other.fetchval("select pg_current_xact_id()::text"))
        while (await _xmin(other, c)) <= number:
            pass  # a round trip each time; the test's own timeout ends it
    await answer(other, "how?")
    await call


async def _xmin(observer: Connection, waiting: Connection) -> int:
    query = "select coalesce(backend_xmin::text, '0') from pg_stat_activity where pid = $1"
    return int(await observer.fetchval(query, waiting.get_server_pid()))


# listeners


async def test_a_claim_lasts_until_it_lapses(c: Connection, ready: None) -> None:
    await c.execute("select from ingest_ask('how?', 'c', '1 minute')")
    take = "select * from ingest_take_queries(10)"
    (row,) = await c.fetch(take)
    assert (row["text"], row["embedder"], row["dimensions"]) == ("how?", "test", 3)
    assert await c.fetch(take) == []
    await c.execute("update ingest_questions set claimed_until = clock_timestamp()")
    assert len(await c.fetch(take)) == 1


async def test_what_nobody_waits_for_any_more_is_deleted(c: Connection, ready: None) -> None:
    for query in ("late", "wanted"):
        await c.execute("select from ingest_ask($1, 'c', '1 minute')", query)
    await c.execute("update ingest_questions set wanted_until = now() - interval '6 s' where text = 'late'")
    assert [row["text"] for row in await c.fetch("select text from ingest_take_queries(10)")] == ["wanted"]
    assert await open_queries(c) == ["wanted"]


async def test_a_locked_row_keeps_no_listener_waiting(c: Connection, other: Connection, ready: None) -> None:
    for query in ("locked", "free"):
        await c.execute("select from ingest_ask($1, 'c', '1 minute')", query)
    async with other.transaction():
        await other.execute("select from ingest_questions where text = 'locked' for update")
        assert [row["text"] for row in await c.fetch("select text from ingest_take_queries(10)")] == ["free"]


async def test_an_answer_that_comes_after_its_row_went_is_kept(c: Connection, ready: None) -> None:
    await answer(c, "how?")
    assert await c.fetchval("select count(*) from ingest_queries where embedding is not null") == 1


async def test_a_late_error_does_not_replace_a_vector(c: Connection, ready: None) -> None:
    await answer(c, "how?")
    await c.execute("select ingest_refuse_queries(space_id, array[hash], '{}') from ingest_queries")
    await c.execute(CALL, "how?", "0")


async def test_a_question_that_was_asked_while_its_answer_came_is_answered_and_not_taken(
    c: Connection, ready: None
) -> None:
    question = await c.fetchval("select ingest_ask('how?', 'c', '1 minute')")
    await c.execute(
        "insert into ingest_queries (space_id, hash, embedding) select space_id, hash, '[1,0,0]' from ingest_questions"
    )
    assert await c.fetch("select from ingest_take_queries(10)") == []
    assert await c.fetchval("select ingest_await($1, 1)", question)


async def test_the_least_recently_used_are_evicted_but_not_what_somebody_waits_for(c: Connection, ready: None) -> None:
    for number in range(5):
        await answer(c, f"query {number}")
    aged = "update ingest_queries q set used_at = now() - $2 * interval '1 hour', wanted_until = now() - interval '1 s'"
    for number, hours in enumerate((3, 9, 1, 7, 5)):
        await c.execute(f"{aged} from ingest_query_key($1, 'c') k where q.hash = k.hash", f"query {number}", hours)
    await c.execute(
        "update ingest_queries q set wanted_until = now() + interval '1 hour'"
        " from ingest_query_key('query 1', 'c') k where q.hash = k.hash"
    )
    assert await c.fetchval("select ingest_evict_queries(3)") == 2
    known = "select ingest_query_embedding($1, 'c') is not null"
    assert [n for n in range(5) if await c.fetchval(known, f"query {n}")] == [0, 1, 2]
    assert await c.fetchval("select ingest_evict_queries(3)") == 0


async def test_deleting_a_collection_or_a_space_leaves_no_trouble(
    c: Connection, other: Connection, ready: None
) -> None:
    await answer(c, "known")
    call = asyncio.create_task(refused(c, CALL, "how?", "1 minute"))
    await asked(other, "how?")
    await other.execute("delete from ingest_collections where name = 'c'; delete from ingest_spaces")
    assert (await call).constraint_name == "query_not_answered"
    assert await other.fetchval("select count(*) from ingest_queries") == 0


async def test_a_question_is_open_or_refused(c: Connection, ready: None) -> None:
    await c.execute("select from ingest_ask('how?', 'c', '1 minute')")
    for change in ("text = null", "error = '{}'"):
        with pytest.raises(asyncpg.CheckViolationError, match="a_question_is_open_or_refused"):
            await c.execute(f"update ingest_questions set {change}")


async def test_calls_that_began_before_the_migration_end_in_good_order(c: Connection, ready: None) -> None:
    """The former release's procedure goes on with the functions that it knows."""
    await c.execute(
        "insert into ingest_questions (asked_by, space_id, hash, text, wanted_until)"
        " select '', space_id, hash, text, now() + interval '1 hour' from ingest_query_key('old', 'c')"
    )
    look = "select ingest_await_query(space_id, hash, now(), '1 minute', 1) from ingest_query_key($1, 'c')"
    assert not await c.fetchval(look, "old")
    key = await one(c, "select * from ingest_ask_query('new', 'c', '1 minute')")
    assert not await c.fetchval("select ingest_await_query($1, $2, now(), '1 minute', 1)", key["space_id"], key["hash"])
    await answer(c, "old")
    await answer(c, "new")
    assert await c.fetchval(look, "old")
    assert await c.fetchval(look, "new")


# searching


async def documents(c: Connection, texts: dict[str, str], vectors: Sequence[str]) -> None:
    for (uri, text), vector in zip(texts.items(), vectors, strict=True):
        request = await start(c, [uri], collection="c", metadata={"uri": uri})
        await carry(c, request, texts={uri: text}, vectors=[vector])
        await settle(c, request)


async def found(c: Connection, query: str, **named: Any) -> list[tuple[str, Any]]:
    arguments = "".join(f", {name} => ${n}" for n, name in enumerate(named, 2))
    rows = await c.fetch(f"select uri, score from ingest_search($1, 'c'{arguments})", query, *named.values())
    return [(row["uri"], row["score"]) for row in rows]


async def test_search_goes_by_words_until_the_query_s_vector_is_known_and_by_both_then(c: Connection) -> None:
    await collection(c, "c", **SPACE)
    texts = {"words": "paying the bill", "both": "paying by card", "vector": "settling an account", "far": "frost"}
    await documents(c, texts, ["[0,1,0]", "[0.9,0.1,0]", "[1,0,0]", "[-1,0,0]"])
    assert {uri for uri, _ in await found(c, "pay")} == {"words", "both"}
    await answer(c, "pay", "[1,0,0]")
    assert await found(c, "pay") == [
        ("both", pytest.approx(1 / 61 + 1 / 62)),  # both texts rank alike by words
        ("words", pytest.approx(1 / 61 + 1 / 63)),
        ("vector", pytest.approx(1 / 61)),
        ("far", pytest.approx(1 / 64)),
    ]
    assert [uri for uri, _ in await found(c, "pay", k=1)] == ["both"]


async def test_a_filter_holds_for_words_and_vectors(c: Connection) -> None:
    await collection(c, "c", **SPACE)
    await documents(c, {"a": "paying", "b": "paying", "c": "frost"}, ["[1,0,0]", "[1,0,0]", "[1,0,0]"])
    await answer(c, "pay")
    for uri in ("b", "c"):
        assert [found_ for found_, _ in await found(c, "pay", filter={"uri": uri})] == [uri]


async def test_equals_are_ordered_by_uri(c: Connection) -> None:
    await collection(c, "c", **SPACE)
    await documents(c, dict.fromkeys(["b", "c", "a"], "paying"), ["[1,0,0]"] * 3)
    await answer(c, "pay")
    assert await found(c, "pay") == [(uri, pytest.approx(2 / 61)) for uri in "abc"]


async def test_a_search_can_be_by_words_or_by_vector_alone(c: Connection) -> None:
    await collection(c, "c", **SPACE)
    await documents(c, {"words": "paying", "vector": "settling"}, ["[0,1,0]", "[1,0,0]"])
    await answer(c, "pay")
    assert [uri for uri, _ in await found(c, "pay", by="words")] == ["words"]
    assert await found(c, "pay", by="vector") == [("vector", pytest.approx(1)), ("words", pytest.approx(0))]
    search = "select * from ingest_search($1, 'c', by => $2)"
    both = await found(c, "pay")
    assert (len(both), await found(c, "pay", by="both")) == (2, both)
    unknown = await refused(c, search, "pay", "meaning")
    assert (unknown.sqlstate, unknown.constraint_name) == ("IG035", "unknown_way")
    assert "by => 'vector' (by meaning)" in str(unknown.hint)
    unasked = await refused(c, search, "unasked", "vector")
    assert (unasked.sqlstate, unasked.constraint_name) == ("IG035", "query_not_embedded")
    assert "call ingest_embed_query('unasked', 'c')" in str(unasked.hint)


async def test_words_that_find_nothing_leave_the_search_to_the_vector(c: Connection) -> None:
    await collection(c, "c", **SPACE)
    await documents(c, {"a": "settling"}, ["[1,0,0]"])
    for query in ("the of and", "unheard"):
        await answer(c, query)
        assert await found(c, query) == [("a", pytest.approx(1 / 61))]


async def test_a_hybrid_search_reads_both_indexes(c: Connection) -> None:
    await collection(c, "c", **SPACE)
    await c.execute(
        """insert into ingest_chunk_store (revision_id, ordinal, space_id, start_char, end_char, text_config,
                                           collection, text, hash, metadata, embedding)
           select n, 0, 1, 0, 1, 'english', 'c', 'word' || n % 300, sha256(n::text::bytea), '{}',
                  array[random() - 0.5, random() - 0.5, random() - 0.5]::vector
           from generate_series(1, 3000) n"""
    )
    await c.execute(
        "insert into ingest_documents (collection, uri, revision_id) select 'c', n::text, n"
        " from generate_series(1, 3000) n"
    )
    await c.execute(
        "create index ann on ingest_chunk_store using hnsw ((embedding::vector(3)) vector_cosine_ops)"
        " where collection = 'c' and space_id = 1"
    )
    await c.execute("analyze ingest_chunk_store; analyze ingest_documents")
    await answer(c, "word7 word8", "[1,1,1]")
    scans = (
        "select array_agg(pg_stat_get_xact_numscans(name::regclass) order by place) from unnest(array['ann',"
        " 'ingest_chunk_store_lexemes_idx', 'ingest_chunk_store']) with ordinality as n (name, place)"
    )
    async with c.transaction():
        before = await c.fetchval(scans)  # the backend's own count, earlier transactions included
        assert len(await found(c, "word7 word8")) == 10
        after = await c.fetchval(scans)
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1, 0]  # no table scan
