"""Re-ranking with a real listener and a real service: from the call to the order of a search, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from embedding_service import EmbeddingService, Received, Reply, plainly
from ingest_command import Ingest
from listener_process import ListenerProcess
from pipeline import ingested, until
from reranking import as_tei, reranking, url_of
from staging import Connection, session

from listener import connect
from listener.errors import RequestError

DOCUMENTS = {
    "rent": "The tenant pays the rent on the first day of the month.",
    "due": "The rent is due. Rent, rent, rent.",
    "cats": "Kittens and cats purr when they are content.",
}
QUERY = "rent first day month"


@pytest.fixture
async def service() -> AsyncIterator[EmbeddingService]:
    async with reranking() as it:
        yield it


@pytest.fixture
def scoring(tmp_path: Path, ready: str, service: EmbeddingService) -> Iterator[ListenerProcess]:
    """A listener whose re-ranker is that service."""
    process = ListenerProcess(
        ready,
        tmp_path,
        reranker="http",
        reranker_url=url_of(service),
        safety_poll_seconds=600,
        embedding_timeout_seconds=5,
    )
    yield process.ready()
    process.stop()


@pytest.fixture
async def own(ready: str, scoring: ListenerProcess) -> AsyncIterator[Connection]:
    """A session in this test's own database, with documents in it."""
    async with session(ready) as connection:
        for uri, text in DOCUMENTS.items():
            await ingested(connection, content=text, uri=uri)
        yield connection


async def rerank(c: Connection, query: str = QUERY, **more: str) -> None:
    named = "".join(f", {name} => {value}" for name, value in more.items())
    await c.execute(f"call ingest_rerank($1{named})", query)


async def order(c: Connection, query: str = QUERY) -> list[tuple[str, str]]:
    rows = await c.fetch("select uri, by from ingest_search($1, by => 'words', rerank => true)", query)
    return [(row["uri"], row["by"]) for row in rows]


async def refused(c: Connection, query: str = QUERY, **more: str) -> tuple[str, str | None]:
    with pytest.raises(asyncpg.PostgresError) as error:
        await rerank(c, query, **more)
    assert error.value.hint
    return error.value.sqlstate, error.value.constraint_name


async def test_a_search_goes_by_what_the_re_ranker_says_and_it_is_asked_once(
    own: Connection, service: EmbeddingService
) -> None:
    service.always(lambda _, request: as_tei(service, request))
    await rerank(own, by="'words'")
    assert await order(own) == [("rent", "reranked"), ("due", "reranked")]
    (request,) = service.requests
    assert request.body["query"] == QUERY
    assert sorted(request.body["texts"]) == sorted(text for uri, text in DOCUMENTS.items() if uri != "cats")
    await rerank(own, by="'words'")
    assert len(service.requests) == 1
    await ingested(own, content="No rent on this day.", uri="new")
    assert ("new", "words") in await order(own)
    await rerank(own, by="'words'")
    assert service.requests[1].body["texts"] == ["No rent on this day."]
    assert {by for _, by in await order(own)} == {"reranked"}


async def test_python_and_the_command_have_it_re_ranked_and_say_if_it_was_not(
    own: Connection, ready: str, tmp_path: Path, service: EmbeddingService
) -> None:
    async with connect(ready) as ingest:
        hits = await ingest.search(QUERY, by="words", rerank=True)
        assert [(hit.uri, hit.by) for hit in hits] == [("rent", "reranked"), ("due", "reranked")]
        (passage, *_) = await ingest.context(QUERY, by="words", rerank=True, sections=0)
        assert (passage.uri, passage.by) == ("rent", "reranked")
        await ingest.rerank("rent", k=1)
        command = Ingest(tmp_path, INGEST_DATABASE_URL=ready)
        found = await command("search", "rent month", "--rerank", "--by", "words", "-k", "1", "--json")
        assert [hit["by"] for hit in json.loads(found.out)] == ["reranked"]
        calls = len(service.requests)
        service.always(plainly(Reply(401, b"no")))
        found = await command("search", "rent day", "--rerank", "--by", "words")
        assert found.status == 0
        assert "not re-ranked: " in found.err
        assert "INGEST_RERANKER_KEY" in " ".join(found.err.split())
        with pytest.raises(RequestError) as refused:
            await ingest.search("first rent", by="words", rerank=True)
        assert refused.value.code == "api_key_refused"
        assert [hit.by for hit in await ingest.search("first rent", by="words", rerank=True, timeout=None)] == [
            "words"
        ] * 2
        assert len(service.requests) == calls + 2


@pytest.mark.long
async def test_callers_that_wait_hold_nothing_and_all_get_their_scores(
    own: Connection, ready: str, service: EmbeddingService
) -> None:
    service.hold()
    async with session(ready) as first, session(ready) as second:
        calls = [asyncio.create_task(rerank(each, f"{QUERY} {n}")) for n, each in enumerate((first, second))]
        await service.until(lambda it: it.running == 2)
        query = "select count(*) from pg_locks where pid = $1 and locktype = 'transactionid'"
        assert await own.fetchval(query, first.get_server_pid()) == 0
        service.release()
        await asyncio.gather(*calls)


async def test_a_service_that_is_away_is_said_to_whoever_asks_and_asked_again_after_a_rest(
    own: Connection, service: EmbeddingService
) -> None:
    service.always(plainly(Reply(503, b"it loads")))
    assert await refused(own) == ("IG034", "reranker_unavailable")
    calls = len(service.requests)
    assert calls == 3  # with two quick repeats
    assert await refused(own) == ("IG034", "reranker_unavailable")
    assert len(service.requests) == calls  # it rests
    assert [by for _, by in await order(own)] == ["words", "words"]
    service.always(as_tei)

    async def answers() -> bool:
        try:
            await rerank(own)
        except asyncpg.PostgresError:
            return False
        return True

    await until(answers)
    assert {by for _, by in await order(own)} == {"reranked"}


async def test_what_was_said_of_one_asker_s_texts_is_told_to_no_other(
    own: Connection, service: EmbeddingService, ready: str
) -> None:
    def echo(_: EmbeddingService, request: Received) -> Reply:
        return Reply(503, json.dumps({"error": "busy", "input": request.body}).encode())

    service.always(echo)
    told = []
    for query in (QUERY, "when do cats purr"):
        with pytest.raises(asyncpg.PostgresError) as error:
            await rerank(own, query)
        told.append(str(error.value))
    assert "busy" in told[0]
    assert not any(text in one for one in told for text in (QUERY, *DOCUMENTS.values()))
    assert "busy" not in told[1]


@pytest.mark.long
async def test_an_answer_to_one_question_that_is_none_is_no_outage_for_others(
    own: Connection, service: EmbeddingService
) -> None:
    service.next(plainly(Reply(200, b"[]")))
    assert await refused(own) == ("IG034", "reranker_answer_malformed")
    await rerank(own, "when do cats purr")
    assert ("cats", "reranked") in await order(own, "when do cats purr")


@pytest.mark.long
async def test_what_a_service_refuses_or_makes_up_is_an_error_and_the_listener_goes_on(
    own: Connection, service: EmbeddingService, scoring: ListenerProcess
) -> None:
    service.next(plainly(Reply(422, b"no such field")), plainly(Reply(200, b"[]")))
    assert await refused(own) == ("IG034", "reranker_refused")
    assert await refused(own) == ("IG034", "reranker_answer_malformed")
    assert await refused(own, "rent day", timeout="'0'") in {
        ("IG032", "rerank_not_answered"),
        ("IG034", "reranker_answer_malformed"),
    }
    assert scoring.process.poll() is None
    assert " ERROR " not in scoring.log()


async def test_without_a_re_ranker_it_is_said_what_to_set(ready: str, tmp_path: Path) -> None:
    process = ListenerProcess(ready, tmp_path).ready()
    async with session(ready) as c:
        await ingested(c, content=DOCUMENTS["rent"], uri="rent")
        assert await refused(c) == ("IG032", "no_reranker")
        assert await order(c) == [("rent", "words")]
    assert process.stop() == 0


async def test_a_listener_without_what_its_re_ranker_needs_does_not_start(ready: str, tmp_path: Path) -> None:
    settings = {"INGEST_RERANKER": "http", "INGEST_RERANKER_URL": "ftp://host"}
    ended = await Ingest(tmp_path, INGEST_DATABASE_URL=ready, **settings)("listen")
    assert ended.status != 0
    assert "bad_reranker_url" in ended.err
