"""Asking for scores of a re-ranker, without one: what is written, who may read it, what is known afterwards."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from roles import login, new_roles
from staging import SPACE, Connection, add_listener, collection, ingest, one

pytestmark = pytest.mark.postgres(16, 18)

CALL = "call ingest_rerank($1, 'c', timeout => '1 minute')"
ASK = "select ingest_ask_rerank($1, 'c', 50, '{}', null, null, null, null, null, null, 1, 1, $2::text[], '1 minute')"
TAKE = "select * from ingest_take_reranks('L1', 'R', 10)"
SCORES = """select d.uri, s.score from ingest_documents d,
  ingest_rerank_scores($1, d.collection, array[d.revision_id], '{0}') s where d.collection = 'c'"""


async def refused(c: Connection, statement: str, *values: Any) -> tuple[str, str | None]:
    with pytest.raises(asyncpg.PostgresError) as error:
        await c.execute(statement, *values)
    assert error.value.hint
    return error.value.sqlstate, error.value.constraint_name


async def found(c: Connection, query: str, **more: str) -> list[tuple[str, str]]:
    named = "".join(f", {name} => {value}" for name, value in more.items())
    rows = await c.fetch(f"select uri, by from ingest_search($1, 'c', rerank => true{named})", query)
    return [(row["uri"], row["by"]) for row in rows]


async def known(c: Connection, query: str) -> dict[str, float]:
    return {row["uri"]: row["score"] for row in await c.fetch(SCORES, query)}


async def asked(c: Connection) -> asyncpg.Record:
    """Wait until somebody has asked; take the question."""
    while not (rows := await c.fetch(TAKE)):
        pass  # a round trip each time; the test's own timeout ends it
    return rows[0]


async def answer(c: Connection, question: asyncpg.Record, **scores: float) -> None:
    """Score texts by the word that is in them, as a listener does."""
    found = [next((score for word, score in scores.items() if word in text), 0.0) for text in question["texts"]]
    values = (question["id"], question["revisions"], question["ordinals"], found)
    await c.execute("select ingest_answer_rerank($1, $2, $3, $4)", *values)


@pytest.fixture
async def ready_to_score(c: Connection) -> None:
    """Two documents, and the row of a listener that has a re-ranker."""
    await collection(c, "c", **SPACE)
    await add_listener(c)
    await ingest(c, {"cats": "cats purr", "dogs": "dogs purr"}, collection="c")
    await c.execute("select ingest_offer_reranker('L1', 'R')")


async def test_a_call_returns_when_the_chunks_of_the_search_are_scored(
    c: Connection, other: Connection, ready_to_score: None
) -> None:
    call = asyncio.create_task(c.execute(CALL, "who purrs? purr"))
    question = await asked(other)
    assert sorted(question["texts"]) == ["cats purr", "dogs purr"]
    row = await one(other, "select to_jsonb(q) - 'query' as written from ingest_rerank_questions q")
    assert "cats" not in str(row["written"])  # ids alone
    await answer(other, question, cats=0.25, dogs=0.75)
    await call
    assert await known(c, "who purrs? purr") == {"cats": 0.25, "dogs": 0.75}
    assert await found(c, "who purrs? purr") == [("dogs", "reranked"), ("cats", "reranked")]
    assert await known(c, "another") == {}
    assert await c.fetchval("select count(*) from ingest_rerank_questions") == 0


async def test_what_is_scored_is_not_asked_again_and_needs_no_listener(c: Connection, ready_to_score: None) -> None:
    await c.execute(ASK, "purr", None)
    await answer(c, await asked(c), cats=1, dogs=2)
    assert await c.fetchval(ASK, "purr", None) is None
    await ingest(c, {"cows": "cows purr"}, collection="c")
    await c.execute(ASK, "purr", None)
    assert (await asked(c))["texts"] == ["cows purr"]
    await c.execute("update ingest_listeners set reranker = null")
    await c.execute("select ingest_delete_documents('c', '{cows}')")
    assert await c.fetchval(ASK, "purr", None) is None


async def test_chunks_of_several_collections_are_asked_and_ordered_together(
    c: Connection, ready_to_score: None
) -> None:
    await collection(c, "d", SPACE, tenant="another")
    await ingest(c, {"cows": "cows purr"}, collection="d")
    both = "collections => '{c,d}'"
    assert (
        len(
            await c.fetchval(
                ASK.replace("null, null, null, null, null", "null, null, null, '{c,d}', null"), "purr", None
            )
        )
        == 2
    )
    for question in await c.fetch(TAKE):
        await answer(c, question, cats=2, dogs=1, cows=3)
    rows = await c.fetch(f"select uri, collection, by from ingest_search('purr', {both}, rerank => true)")
    assert [tuple(row) for row in rows] == [
        ("cows", "d", "reranked"),
        ("cats", "c", "reranked"),
        ("dogs", "c", "reranked"),
    ]
    assert await c.fetchval("select count(*) from ingest_rerankings") == 2


async def test_scores_of_two_re_rankers_never_stand_side_by_side(c: Connection, ready_to_score: None) -> None:
    await c.execute(ASK, "purr", None)
    await answer(c, await asked(c), cats=1, dogs=2)
    await add_listener(c, "L2")
    await c.execute("select ingest_offer_reranker('L2', 'S')")
    await c.execute("update ingest_listeners set started_at = clock_timestamp() where executor_id = 'L2'")
    await c.execute(ASK, "purr", None)
    assert await c.fetch(TAKE) == []  # it is another re-ranker's
    question = await one(c, "select * from ingest_take_reranks('L2', 'S', 10)")
    assert len(question["texts"]) == 2
    await c.execute("select ingest_delete_documents('c', '{dogs}')")
    await answer(c, question, cats=7)
    assert [row["score"] for row in await c.fetch("select score from ingest_rerank_scores")] == [7]


async def test_without_a_listener_or_a_re_ranker_a_call_fails_at_once_and_leaves_nothing(
    c: Connection, ready_to_score: None
) -> None:
    await c.execute("update ingest_listeners set reranker = null")
    assert await refused(c, CALL, "purr") == ("IG032", "no_reranker")
    await c.execute("update ingest_listeners set heartbeat_at = now() - interval '2 hours'")
    assert await refused(c, CALL, "purr") == ("IG032", "no_listener")
    assert await c.fetchval("select count(*) from ingest_rerank_questions") == 0
    await c.execute(CALL, "nothing like it")  # nothing is found, so nothing is to be scored


async def test_what_can_not_be_asked_is_refused(c: Connection, ready_to_score: None) -> None:
    assert await refused(c, CALL, " ") == ("IG030", "empty_query")
    assert await refused(c, "call ingest_rerank('purr', 'd')") == ("IG014", "unknown_collection")
    assert await refused(c, "call ingest_rerank('purr', 'c', k => 1001)") == ("IG035", "wrong_count")
    assert await refused(c, "call ingest_rerank('purr', 'c', k => 0)") == ("IG035", "wrong_count")
    async with c.transaction():
        assert await refused(c, CALL, "purr") == ("IG033", "called_in_a_transaction")


async def test_a_caller_gets_the_re_ranker_s_code_and_hint_and_hears_when_its_time_is_over(
    c: Connection, other: Connection, ready_to_score: None
) -> None:
    call = asyncio.create_task(refused(c, CALL, "purr"))
    question = await asked(other)
    reason = {"code": "reranker_unavailable", "message": "100% away", "hint": "Does it run?"}
    await other.execute("select ingest_refuse_rerank($1, $2)", question["id"], reason)
    assert await call == ("IG034", "reranker_unavailable")
    assert await c.fetchval("select bool_and(query = '') from ingest_rerank_questions")
    late = "call ingest_rerank('purr', 'c', timeout => '0.05 s')"
    assert await refused(c, late) == ("IG032", "rerank_not_answered")
    await c.execute("update ingest_rerank_questions set wanted_until = now() - interval '10 s'")
    assert await c.fetch(TAKE) == []
    assert await c.fetchval("select count(*) from ingest_rerank_questions") == 0


async def test_a_question_that_a_dead_listener_took_is_taken_by_another(c: Connection, ready_to_score: None) -> None:
    await c.execute(ASK, "purr", None)
    await asked(c)
    await add_listener(c, "L2")
    take = "select id from ingest_take_reranks('L2', 'R', 10)"
    assert await c.fetch(take) == []
    await c.execute("update ingest_listeners set dead_at = now() where executor_id = 'L1'")
    assert len(await c.fetch(take)) == 1


async def test_scores_go_with_their_revisions_and_the_oldest_queries_beyond_the_cache(
    c: Connection, ready_to_score: None
) -> None:
    for query in ("purr", "purr cats", "purr dogs"):
        await c.execute(ASK, query, None)
        await answer(c, await asked(c), cats=1, dogs=2)
    scored = "select count(*) from ingest_rerank_scores"
    assert await c.fetchval(scored) == 6
    await c.execute("select ingest_delete_documents('c', '{dogs}')")
    assert await c.fetchval(scored) == 3
    assert await c.fetchval("select ingest_evict_rerankings(2)") == 1
    assert await known(c, "purr") == {}
    assert await known(c, "purr dogs") == {"cats": 1}
    await ingest(c, {"cats": "cats sleep"}, collection="c")
    assert await c.fetchval(scored) == 2
    await c.execute("select ingest_purge_replaced('0', 100)")
    assert await c.fetchval(scored) == 0


async def test_a_listener_reads_what_the_asker_may_find_and_nobody_hears_of_other_scores(
    c: Connection, installed: str, ready_to_score: None
) -> None:
    async with new_roles(c, 2) as (searcher, gateway):
        for role, kinds in ((searcher, ["searcher"]), (gateway, ["searcher", "gateway"])):
            for kind in kinds:
                await c.execute("select ingest_grant($1, $2, 'c')", role, kind)
        await c.execute("select ingest_set_principals('c', 'dogs', '{hr}')")
        async with login(installed, searcher) as its_own, login(installed, gateway) as application:
            await its_own.execute(ASK, "purr", None)
            assert (await asked(c))["texts"] == ["cats purr"]
            assert await refused(its_own, ASK, "purr", ["hr"]) == ("IG040", "not_granted")
            await application.execute(ASK, "purr", ["hr"])
            question = await asked(c)
            assert sorted(question["texts"]) == ["cats purr", "dogs purr"]
            await answer(c, question, cats=1, dogs=2)
            assert await known(application, "purr") == {"cats": 1}  # of documents that it sees itself
            ids = [question["revisions"], question["ordinals"]]
            scores = "select score from ingest_rerank_scores('purr', 'c', $1, $2) order by 1"
            assert [row["score"] for row in await application.fetch(scores, *ids)] == [1, 2]
            assert [row["score"] for row in await its_own.fetch(scores, *ids)] == [1]
            await c.execute("select ingest_revoke($1, 'searcher', 'c')", gateway)
            with pytest.raises(asyncpg.PostgresError, match="may not search"):
                await application.fetch(scores, *ids)
            await its_own.execute(ASK, "purr purr", None)
            await c.execute("select ingest_revoke($1, 'searcher', 'c')", searcher)
            assert (await asked(c))["texts"] == []
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await its_own.fetch("select * from ingest_rerank_questions")
            with pytest.raises(asyncpg.PostgresError):
                await its_own.execute("select ingest_answer_rerank(1, '{}', '{}', '{}')")


async def test_questions_to_a_re_ranker_count_in_a_role_s_limit_of_questions(
    c: Connection, installed: str, ready_to_score: None
) -> None:
    async with new_roles(c, 1) as (name,):
        await c.execute("select ingest_grant($1, 'searcher', 'c'), ingest_limit($1, $2)", name, {"max_queries": 2})
        async with login(installed, name) as searcher:
            for query in ("purr", "purr cats"):
                await searcher.execute(ASK, query, None)
            assert await refused(searcher, ASK, "purr dogs", None) == ("IG032", "too_many_queries")


async def test_where_an_administrator_s_policies_decide_nothing_is_read_past_them(
    c: Connection, installed: str, ready_to_score: None
) -> None:
    await c.execute("create policy mine on ingest_documents as restrictive for select using (uri <> 'dogs')")
    async with new_roles(c, 1) as (name,):
        await c.execute("select ingest_grant($1, 'searcher', 'c')", name)
        async with login(installed, name) as searcher:
            assert await refused(searcher, ASK, "purr", None) == ("IG040", "own_policies")
            await c.execute(ASK, "purr", None)
            await answer(c, await asked(c), cats=1, dogs=2)
            assert await known(searcher, "purr") == {}
            assert {by for _, by in await found(searcher, "purr")} == {"words_no_vector"}
