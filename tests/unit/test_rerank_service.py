"""A re-ranker behind HTTP: what is sent in which form, what becomes of answers and refusals, what settings say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from embedding_service import Behaviour, Reply, plainly
from reranking import as_cohere, reranking, shared_words, url_of

from listener.embedding.rerank_service import RerankService, read_scores
from listener.embedding.reranker import create_reranker
from listener.errors import IngestError, ServiceError, SettingsError
from listener.settings import Settings

QUERY = "when is rent due?"
TEXTS = ["Rent is due on the first.", "The canteen closes at three.", "when is lunch?"]


def settings(url: str = "http://localhost/rerank", **more: Any) -> Settings:
    return Settings(reranker="http", reranker_url=url, embedding_timeout_seconds=5, **more)


async def scored(behaviour: Behaviour, texts: list[str] | None = None, **more: Any) -> tuple[Any, list[Any]]:
    """Return the scores, or the error, and the bodies that the service got."""
    async with reranking(behaviour) as service:
        reranker = RerankService(settings(url_of(service), **more))
        outcome: Any
        try:
            outcome = await reranker.score(QUERY, TEXTS if texts is None else texts)
        except IngestError as error:
            outcome = error
        await reranker.close()
        return outcome, [*service.requests]


async def test_tei_is_asked_by_query_and_texts_and_its_scores_are_put_in_the_order_of_the_texts() -> None:
    async with reranking() as service:
        reranker = RerankService(settings(url_of(service)))
        assert await reranker.score(QUERY, TEXTS) == shared_words(QUERY, TEXTS)
        await reranker.close()
        (request,) = service.requests
    assert request.path == "/rerank"
    assert request.body == {"query": QUERY, "texts": TEXTS, "truncate": True}
    assert "authorization" not in request.headers


async def test_with_a_model_it_is_asked_as_cohere_and_others_are() -> None:
    outcome, (request,) = await scored(as_cohere, reranker_model="rerank-v9", reranker_key="s3cret-key-of-mine")
    assert outcome == shared_words(QUERY, TEXTS)
    assert request.body == {"model": "rerank-v9", "query": QUERY, "documents": TEXTS}
    assert request.headers["authorization"] == "Bearer s3cret-key-of-mine"


async def test_many_texts_go_in_calls_that_tei_takes() -> None:
    async with reranking() as service:
        reranker = RerankService(settings(url_of(service)))
        texts = [f"rent {number}" for number in range(100)]
        assert await reranker.score("rent 42", texts) == shared_words("rent 42", texts)
        await reranker.close()
        assert sorted(len(request.body["texts"]) for request in service.requests) == [4, 32, 32, 32]


async def test_a_service_that_breaks_off_is_asked_again_and_one_that_is_away_is_an_error_to_wait_for() -> None:
    async with reranking() as service:
        service.next(plainly(Reply(503, b"loading")), plainly(Reply(200, b"[", cut=0)))
        reranker = RerankService(settings(url_of(service)))
        assert await reranker.score(QUERY, TEXTS) == shared_words(QUERY, TEXTS)
        await reranker.close()
    outcome, requests = await scored(plainly(Reply(429, b"slow down", {"retry-after": "7"})))
    assert isinstance(outcome, ServiceError)
    assert (outcome.code, outcome.retry_after, len(requests)) == ("reranker_unavailable", 7, 1)
    nobody = RerankService(settings("http://127.0.0.1:9/rerank"))
    with pytest.raises(ServiceError, match="can't be reached") as refused:
        await nobody.score(QUERY, TEXTS)
    assert refused.value.code == "reranker_unavailable"
    await nobody.close()


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "api_key_refused"), (404, "reranker_refused"), (422, "reranker_refused"), (302, "reranker_refused")],
)
async def test_what_settings_must_change_is_said_with_the_service_s_words_and_without_the_key(
    status: int, code: str
) -> None:
    key = "s3cret-key-of-yours"
    outcome, requests = await scored(plainly(Reply(status, f"no: {key}".encode())), reranker_key=key)
    assert isinstance(outcome, SettingsError)
    assert outcome.code == code
    assert key not in str(outcome)
    assert len(requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"<html>", b"[" * 100_000, b"3", b"{}", b'{"results": 3}', b"[[0, 1.0]]", b'[{"index": 0}]',
        b'[{"index": 0, "score": 1}, {"index": 0, "score": 2}]',
        b'[{"index": 0, "score": NaN}, {"index": 1, "score": 1}]',
        b'[{"index": 0, "score": true}, {"index": 1, "score": 1}]',
        b'[{"index": 0, "score": 1}, {"index": 2, "score": 1}]',
        b"[{\"index\": 0, \"score\": 1" + b"0" * 400 + b"}, {\"index\": 1, \"score\": 1}]",
    ],
)  # fmt: skip
async def test_an_answer_that_has_not_one_score_for_each_text_is_none(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_scores(body, 2)
    outcome, _ = await scored(plainly(Reply(200, body)), TEXTS[:2])
    assert outcome.code == "reranker_answer_malformed"


def test_scores_under_data_count_as_well() -> None:
    said = {"data": [{"index": 1, "relevance_score": 1}, {"index": 0, "relevance_score": -2.5}]}
    assert read_scores(json.dumps(said).encode(), 2) == [-2.5, 1.0]


@pytest.mark.parametrize(
    "url",
    [None, "", "rerank", "http://host/rerank?key=pass-word", "ftp://host/rerank", "http://user:pass-word@host/rerank"],
)
def test_a_url_that_can_not_be_used_is_said_without_its_password(url: str | None) -> None:
    with pytest.raises(SettingsError) as refused:
        create_reranker(Settings(reranker="http", reranker_url=url))
    assert refused.value.code == "bad_reranker_url"
    assert "pass-word" not in str(refused.value)
    assert "INGEST_RERANKER_URL" in refused.value.hint


def test_scores_are_known_under_a_name_without_secrets_and_none_is_set_by_itself() -> None:
    assert RerankService(settings("http://host:80")).name == "http http://host/rerank"
    assert (
        RerankService(settings("https://host/v2/rerank", reranker_model="m")).name == "http m at https://host/v2/rerank"
    )
    assert create_reranker(Settings()) is None
