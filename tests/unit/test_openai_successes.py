"""An error that comes as a success is the error that it is, in the service's words; and so is what is no JSON."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from embedding_service import EmbeddingService, Reply, plainly

from listener import embedding
from listener.embedding.answers import Answer
from listener.embedding.openai_embedder import OpenAIEmbedder
from listener.embedding.refusals import error_inside
from listener.errors import IngestError
from listener.settings import Settings

KEY = "sk-test-0123456789abcdef"


@pytest.fixture
async def service() -> AsyncIterator[EmbeddingService]:
    async with EmbeddingService(dimensions=8) as running:
        yield running


@pytest.fixture
async def embedder(service: EmbeddingService, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OpenAIEmbedder]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    service.key = KEY
    settings = Settings(
        embedder="openai",
        embedding_model="test",
        embedding_dimensions=8,
        OPENAI_API_KEY=KEY,
        OPENAI_BASE_URL=service.url,
    )
    made = embedding.create(embedding.default_space(settings), settings)
    assert isinstance(made, OpenAIEmbedder)
    yield made
    await made.close()


async def error_of(service: EmbeddingService, embedder: OpenAIEmbedder, body: bytes) -> IngestError:
    service.always(plainly(Reply(200, body)))
    with pytest.raises(IngestError) as raised:
        await embedder.embed(["text"])
    return raised.value


ERRORS: list[tuple[Any, str]] = [
    ({"error": {"message": "the model is loading", "code": 503}}, "embedding_unavailable"),
    ({"error": {"message": "upstream broke", "type": "server_error"}}, "embedding_unavailable"),
    ({"error": "no worker is free"}, "embedding_unavailable"),
    ({"detail": "no worker is free"}, "embedding_unavailable"),
    ({"data": [], "error": {"message": "upstream broke"}}, "embedding_unavailable"),
    ({"object": "error", "error": {"message": "wrong key", "code": "invalid_api_key"}}, "api_key_refused"),
    ({"error": {"message": "wrong key", "code": "401"}}, "api_key_refused"),
    ({"error": {"message": "no such model", "code": "model_not_found"}}, "unknown_model"),
    ({"error": {"message": "no credit is left", "code": "insufficient_quota"}}, "quota_exhausted"),
    ({"error": {"message": "what is input_type", "type": "invalid_request_error"}}, "request_refused"),
    ({"error": {"message": "what is input_type", "code": 400}}, "request_refused"),
]


@pytest.mark.parametrize(("body", "code"), ERRORS)
async def test_an_error_inside_of_a_success_is_told_in_the_service_s_words(
    service: EmbeddingService, embedder: OpenAIEmbedder, body: Any, code: str
) -> None:
    error = await error_of(service, embedder, json.dumps(body).encode())
    words = body.get("error", body)
    said = words if isinstance(words, str) else words.get("message") or words.get("detail")
    assert error.code == code
    assert said in error.message
    assert error.hint


async def test_a_key_in_these_words_is_hidden(service: EmbeddingService, embedder: OpenAIEmbedder) -> None:
    for body in (
        json.dumps({"error": {"message": f"no access with {KEY}"}}).encode(),
        f"no access with {KEY}".encode(),
    ):
        error = await error_of(service, embedder, body)
        assert "no access with" in error.message
        assert KEY[3:12] not in str(error)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<html><h1>Sign in</h1> to go on</html>", "Sign in to go on"),
        (b"upstream connect error", "upstream connect error"),
        (b"\x89PNG\xff\xfe", "UnicodeDecodeError"),
        (b"", "JSONDecodeError"),
    ],
)
async def test_what_is_no_json_is_told_too(
    service: EmbeddingService, embedder: OpenAIEmbedder, body: bytes, words: str
) -> None:
    error = await error_of(service, embedder, body)
    assert error.code == "embedding_answer_malformed"
    assert words in error.message


async def test_being_limited_inside_of_a_success_waits_as_elsewhere(
    service: EmbeddingService, embedder: OpenAIEmbedder
) -> None:
    body = json.dumps({"error": {"message": "slow down", "code": "rate_limit_exceeded"}}).encode()
    service.next(plainly(Reply(200, body, {"retry-after-ms": "20"})))
    assert (await embedder.embed(["text"])).vectors.shape == (1, 8)
    assert len(service.requests) == 2


@pytest.mark.parametrize(
    "body", [b'{"data": [{"embedding": []}], "error": "x"}', b"[1]", b'{"error": null}', b"{}", b"7"]
)
def test_an_answer_without_an_error_of_its_own_stays_what_it_is(body: bytes) -> None:
    assert error_inside(Answer(200, {}, body)).status == 200
