"""The embedder for OpenAI-compatible services, against a real HTTP server that answers as they do, or wrongly."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import logging
import math
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import anyio
import numpy as np
import pytest
from embedding_service import (
    VENDORS,
    EmbeddingService,
    Received,
    Reply,
    answer,
    changed,
    cut,
    failing,
    limited,
    plainly,
    refusal,
    stalled,
    vector,
    vectors_body,
)

from listener import embedding
from listener.concurrency import task_group
from listener.embedding import Space, TextsRefused
from listener.embedding.answers import read_vectors
from listener.embedding.openai_embedder import OpenAIEmbedder
from listener.embedding.openai_space import normalized
from listener.embedding.pace import Pace, now
from listener.embedding.refusals import retry_after
from listener.errors import IngestError, ServiceError, SettingsError
from listener.settings import Settings

ADA = "text-embedding-ada-002"
KEY = "sk-test-0123456789abcdef"
TEXTS = [f"text {number}" for number in range(20)]


def settings_of(service: EmbeddingService | None = None, /, **more: Any) -> Settings:
    values: dict[str, Any] = {"OPENAI_API_KEY": None, "embedder": "openai"}
    if service:
        values |= {
            "OPENAI_BASE_URL": service.url,
            "embedding_model": "test",
            "embedding_dimensions": service.dimensions,
        }
    return Settings(**(values | more))


@asynccontextmanager
async def opened(settings: Settings, space: Space | None = None) -> AsyncIterator[OpenAIEmbedder]:
    embedder = embedding.create(space or embedding.default_space(settings), settings)
    assert isinstance(embedder, OpenAIEmbedder)
    try:
        yield embedder
    finally:
        await embedder.close()


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
async def service() -> AsyncIterator[EmbeddingService]:
    async with EmbeddingService(dimensions=8) as running:
        yield running


@pytest.fixture
async def embedder(service: EmbeddingService) -> AsyncIterator[OpenAIEmbedder]:
    async with opened(settings_of(service)) as made:
        yield made


def vectors(texts: list[str], dimensions: int = 8) -> Any:
    return np.array([vector(text, dimensions) for text in texts])


async def refused(embedder: OpenAIEmbedder, texts: list[str]) -> IngestError:
    with pytest.raises(IngestError) as caught:
        await embedder.embed(texts)
    assert caught.value.hint
    return caught.value


# what is sent, what comes back


@pytest.mark.parametrize("vendor", VENDORS)
async def test_vectors_are_those_of_the_service_whatever_its_form_of_answer(vendor: str) -> None:
    async with EmbeddingService(vendor, dimensions=1536) as service, opened(settings_of(service)) as embedder:
        texts = [*TEXTS, "かな", "👩‍👩‍👧‍👦", 'quotes " and \\ and \n', "x" * 50_000] * 5
        found = await embedder.embed(texts)
    assert found.vectors.shape == (120, 1536)
    assert found.vectors.dtype == np.float32
    assert found.vectors.flags.c_contiguous
    assert np.array_equal(found.vectors, vectors(texts, 1536))
    assert found.tokens == 7 * 120


async def test_a_call_has_the_model_the_texts_and_the_key_and_asks_for_base64(service: EmbeddingService) -> None:
    service.key = KEY
    async with opened(settings_of(service, OPENAI_API_KEY=f" {KEY}\n")) as embedder:
        await embedder.embed(TEXTS)
    [request] = service.requests
    assert (request.method, request.path) == ("POST", "/v1/embeddings")
    assert request.body == {"model": "test", "input": TEXTS, "encoding_format": "base64"}
    assert request.headers["authorization"] == f"Bearer {KEY}"


async def test_without_a_key_no_authorization_is_sent(service: EmbeddingService, embedder: OpenAIEmbedder) -> None:
    await embedder.embed(["text"])
    assert "authorization" not in service.requests[0].headers


async def test_no_texts_are_no_call(service: EmbeddingService, embedder: OpenAIEmbedder) -> None:
    await embedder.prepare()
    assert (await embedder.embed([])).vectors.shape == (0, 8)
    assert service.requests == []


async def test_a_lone_surrogate_is_sent_as_a_question_mark(service: EmbeddingService, embedder: OpenAIEmbedder) -> None:
    await embedder.embed(["a\ud800b"])
    assert service.requests[0].texts == ["a?b"]


async def test_texts_go_in_groups_of_at_most_so_many_texts_and_characters(service: EmbeddingService) -> None:
    async with opened(settings_of(service, embedding_call_texts=8)) as embedder:
        found = await embedder.embed(TEXTS)
        assert sorted(service.sizes) == [4, 8, 8]
        assert np.array_equal(found.vectors, vectors(TEXTS))
        embedder.group_characters = 30
        await embedder.embed(TEXTS)
    assert max(sum(map(len, request.texts)) for request in service.requests[3:]) <= 30


async def test_vectors_are_put_in_the_order_of_their_indices(
    service: EmbeddingService, embedder: OpenAIEmbedder
) -> None:
    service.always(changed(lambda body: body["data"].reverse()))
    assert np.array_equal((await embedder.embed(TEXTS)).vectors, vectors(TEXTS))


async def test_tokens_are_none_where_the_service_counts_none(
    service: EmbeddingService, embedder: OpenAIEmbedder
) -> None:
    service.next(changed(lambda body: body.pop("usage")), changed(lambda body: body.update(usage=None)))
    assert [(await embedder.embed(["text"])).tokens for _ in range(3)] == [0, 0, 7]


async def test_dimensions_are_sent_to_models_known_to_shorten_their_vectors(service: EmbeddingService) -> None:
    for model, dimensions, sent in (
        ("text-embedding-3-small", 1536, None),
        ("text-embedding-3-small", 256, 256),
        ("text-embedding-3-large", 256, 256),
    ):
        service.dimensions = 1536
        more = {"embedding_model": model, "embedding_dimensions": dimensions}
        async with opened(settings_of(service, **more)) as embedder:
            await embedder.embed(["text"])
        assert service.requests.pop().body.get("dimensions") == sent
        assert service.requests == []


async def test_dimensions_are_sent_to_another_service_once_its_vectors_turn_out_too_long() -> None:
    async with (
        EmbeddingService("ollama", dimensions=16) as service,
        opened(settings_of(service, embedding_dimensions=8)) as embedder,
    ):
        for _ in range(2):
            assert (await embedder.embed(TEXTS)).vectors.shape == (20, 8)
        assert [request.body.get("dimensions") for request in service.requests] == [None, 8, 8]


# settings


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.openai.com/v1/", "https://api.openai.com/v1"),
        ("", "https://api.openai.com/v1"),
        ("HTTP://LocalHost:80/V1//", "http://localhost/V1"),
        ("http://localhost:11434", "http://localhost:11434"),
        ("https://[::1]:8443/v1", "https://[::1]:8443/v1"),
    ],
)
def test_one_endpoint_is_stored_in_one_way(url: str, expected: str) -> None:
    assert normalized(url) == expected
    assert normalized(expected) == expected


@pytest.mark.parametrize(
    "url",
    [
        "https://me:s3cret@host/v1",
        "https://s3cret@host/v1",
        "https://host/v1?key=s3cret",
        "https://host/v1#s3cret",
        "s3cret",
        "ftp://s3cret/v1",
        "http://h:s3cret/v1",
    ],
)
def test_a_base_url_that_could_hold_a_secret_or_is_none_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        embedding.default_space(settings_of(OPENAI_BASE_URL=url, OPENAI_API_KEY=KEY))
    assert caught.value.code == "bad_endpoint"
    assert "s3cret" not in str(caught.value)


def test_the_default_space_has_the_settings_endpoint_model_and_dimensions() -> None:
    assert embedding.default_space(settings_of(OPENAI_API_KEY=KEY)) == Space(
        "openai", "https://api.openai.com/v1", "text-embedding-3-small", 1536
    )
    local = settings_of(
        OPENAI_BASE_URL="http://localhost:11434/v1/", embedding_model="bge-m3", embedding_dimensions=1024
    )
    assert embedding.default_space(local) == Space("openai", "http://localhost:11434/v1", "bge-m3", 1024)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({}, "api_key_missing"),
        ({"OPENAI_API_KEY": "  "}, "api_key_missing"),
        ({"OPENAI_API_KEY": "two words"}, "api_key_refused"),
        ({"OPENAI_API_KEY": KEY, "embedding_model": "bge-m3"}, "dimensions_unknown"),
        ({"OPENAI_API_KEY": KEY, "embedding_dimensions": 1537}, "wrong_dimensions"),
        ({"OPENAI_API_KEY": KEY, "embedding_model": ADA, "embedding_dimensions": 8}, "wrong_dimensions"),
    ],
)  # fmt: skip
def test_settings_that_can_not_work_are_refused_before_any_call(more: dict[str, Any], code: str) -> None:
    with pytest.raises(SettingsError) as caught:
        embedding.default_space(settings_of(**more))
    assert caught.value.code == code
    assert caught.value.hint


def test_the_key_goes_to_no_endpoint_that_only_a_table_names() -> None:
    settings = settings_of(OPENAI_API_KEY=KEY)
    with pytest.raises(SettingsError, match="unknown_endpoint"):
        embedding.create(Space("openai", "https://elsewhere.example/v1", "text-embedding-3-small", 1536), settings)
    with pytest.raises(SettingsError, match="unknown_endpoint"):
        embedding.create(Space("openai", "http://api.openai.com/v1", "text-embedding-3-small", 1536), settings)


async def test_a_space_without_an_endpoint_is_openais_own() -> None:
    space = Space("openai", "", "text-embedding-3-small", 1536)
    async with opened(settings_of(OPENAI_API_KEY=KEY), space) as embedder:
        assert embedder.space == space
    with pytest.raises(SettingsError, match="unknown_endpoint"):
        embedding.create(space, settings_of(OPENAI_BASE_URL="http://localhost:8000/v1"))


def test_no_way_of_showing_the_settings_shows_the_key() -> None:
    settings = settings_of(OPENAI_API_KEY=KEY)
    assert KEY not in repr(settings) + str(settings) + str(settings.model_dump()) + settings.model_dump_json()


def test_empty_variables_are_as_if_they_were_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "")
    monkeypatch.setenv("OPENAI_BASE_URL", "")
    settings = Settings()
    assert (settings.openai_api_key, settings.openai_base_url) == (None, "https://api.openai.com/v1")


# refused texts and sizes


async def test_texts_that_the_service_refuses_are_found_and_the_others_vectors_kept(service: EmbeddingService) -> None:
    service.marker = "BAD"
    texts = [f"text {number}" + (" BAD" if number in (5, 200) else "") for number in range(256)]
    async with opened(settings_of(service)) as embedder:
        error = await refused(embedder, texts)
        assert isinstance(error, TextsRefused)
        assert (error.code, error.indices) == ("text_refused", (5, 200))
        assert "maximum context length" in error.message
        rest = [text for number, text in enumerate(texts) if number not in (5, 200)]
        assert error.rest
        assert np.array_equal(error.rest.vectors, vectors(rest))
        assert error.rest.tokens == 7 * 254
        assert len(service.requests) <= 1 + 2 * 8 * 2  # log2 of 256 splits for each, and one call to see that it works
        assert embedder.group_texts == 256


@pytest.mark.parametrize("vendor", ["tei", "vllm"])
async def test_a_service_that_takes_fewer_texts_at_a_time_is_sent_no_more_from_then_on(vendor: str) -> None:
    async with EmbeddingService(vendor, dimensions=8) as service, opened(settings_of(service)) as embedder:
        service.max_batch = 32
        texts = [f"text {number}" for number in range(256)]
        found = await asyncio.gather(*(embedder.embed(texts) for _ in range(3)))
        assert all(np.array_equal(one.vectors, vectors(texts)) for one in found)
        assert embedder.group_texts == 32
        service.requests.clear()
        await embedder.embed(texts)
        assert service.sizes == [32] * 8


async def test_a_service_that_takes_fewer_tokens_at_a_time_is_sent_shorter_groups(service: EmbeddingService) -> None:
    async with opened(settings_of(service)) as embedder:
        service.max_characters = 3000
        texts = [f"{number:>500}" for number in range(32)]
        assert np.array_equal((await embedder.embed(texts)).vectors, vectors(texts))
        assert (embedder.group_texts, embedder.group_characters) == (256, 2000)
        service.requests.clear()
        await embedder.embed(texts)
        assert service.sizes == [4] * 8


async def test_a_body_that_a_proxy_finds_too_large_is_sent_in_parts(service: EmbeddingService) -> None:
    page = b"<html><h1>413 Request Entity Too Large</h1></html>"

    def proxy(service: EmbeddingService, request: Received) -> Reply:
        too_large = len(json.dumps(request.texts)) > 10_000
        return Reply(413, page, media_type="text/html") if too_large else answer(service, request)

    service.always(proxy)
    async with opened(settings_of(service)) as embedder:
        texts = [f"{number:>500}" for number in range(64)]
        assert np.array_equal((await embedder.embed(texts)).vectors, vectors(texts))
        assert (embedder.group_texts, embedder.group_characters) == (256, 8000)


async def test_a_call_alone_over_the_minutes_limit_is_sent_in_parts(service: EmbeddingService) -> None:
    told = "Request too large for test on tokens per min (TPM): Limit 10, Requested 20. The input must be reduced."
    service.next(failing(429, told))
    async with opened(settings_of(service)) as embedder:
        assert np.array_equal((await embedder.embed(TEXTS)).vectors, vectors(TEXTS))


async def test_a_service_that_refuses_everything_is_a_setting_to_mend_and_not_the_texts_fault(
    service: EmbeddingService, embedder: OpenAIEmbedder
) -> None:
    service.always(failing(422, "extra fields not permitted"))
    error = await refused(embedder, TEXTS)
    assert isinstance(error, SettingsError)
    assert error.code == "request_refused"
    assert "extra fields not permitted" in error.message
    assert len(service.requests) == 2


async def test_blank_texts_are_refused_before_anything_is_sent(
    service: EmbeddingService, embedder: OpenAIEmbedder
) -> None:
    error = await refused(embedder, ["fine", "", " \n"])
    assert isinstance(error, TextsRefused)
    assert (error.code, error.indices, error.rest) == ("empty_text", (1, 2), None)
    assert service.requests == []


@pytest.mark.parametrize("number", [math.nan, math.inf, 0.0])
@pytest.mark.parametrize("as_base64", [True, False])
async def test_a_vector_without_a_direction_fails_its_text_alone(
    service: EmbeddingService, embedder: OpenAIEmbedder, number: float, as_base64: bool
) -> None:
    bad = [number] * 8 if number == 0 else [number, *[1.0] * 7]
    coded = base64.b64encode(np.array(bad, "<f4").tobytes()).decode()

    def spoil(body: dict[str, Any]) -> None:
        body["data"][1]["embedding"] = coded if as_base64 else bad

    service.next(changed(spoil))
    error = await refused(embedder, TEXTS)
    assert isinstance(error, TextsRefused)
    assert (error.code, error.indices) == ("bad_vector", (1,))
    assert error.rest
    assert np.array_equal(error.rest.vectors, vectors([TEXTS[0], *TEXTS[2:]]))


async def test_a_model_that_fails_on_one_text_with_status_500_fails_that_text_alone() -> None:
    def nan(service: EmbeddingService, request: Received) -> Reply:
        told = "failed to encode response: json: unsupported value: NaN"
        return failing(500, told)(service, request) if "text 3" in request.texts else answer(service, request)

    async with EmbeddingService("ollama", dimensions=8) as service, opened(settings_of(service)) as embedder:
        service.always(nan)
        error = await refused(embedder, TEXTS)
    assert isinstance(error, TextsRefused)
    assert error.indices == (3,)


# the service's pace


async def test_no_more_calls_are_in_flight_than_set_by_all_callers_together(service: EmbeddingService) -> None:
    async with opened(settings_of(service, embedding_calls=3)) as embedder:
        await embedder.embed(["first"])
        service.hold()
        callers = [asyncio.create_task(embedder.embed([text])) for text in TEXTS[:6]]
        await service.until(lambda service: service.running == 3)
        service.release()
        await asyncio.gather(*callers)
    assert service.peak == 3


async def test_a_storm_of_limits_fails_nobody_while_answers_come(service: EmbeddingService) -> None:
    async with opened(settings_of(service, embedding_calls=8, embedding_call_texts=1)) as embedder:
        service.next(*[limited(0.01)] * 50)
        found = await embedder.embed(TEXTS)
        assert np.array_equal(found.vectors, vectors(TEXTS))
    assert len(service.requests) == 50 + len(TEXTS)


async def test_a_limit_without_a_wish_is_waited_out_too(service: EmbeddingService, embedder: OpenAIEmbedder) -> None:
    service.next(limited())
    assert (await embedder.embed(["text"])).tokens == 7


async def test_limits_halve_what_is_in_flight_once_and_answers_raise_it_again() -> None:
    pace = Pace(8)
    began = now()
    for _ in range(8):  # all in flight are told so at the same time
        pace.limited(began, 0.001, "slow down")
    assert pace.limit == 4
    pace.limited(now(), 0.001, "slow down")
    assert pace.limit == 2
    for _ in range(2):
        pace.passed()
    assert 2.5 < pace.limit < 3
    for _ in range(100):
        pace.passed()
    assert pace.limit == 8


async def test_after_a_limit_calls_wait_until_fewer_than_the_new_limit_run() -> None:
    pace = Pace(4)
    ended, running = [asyncio.Event() for _ in range(4)], 0

    async def call(until: asyncio.Event | None) -> None:
        nonlocal running
        async with pace.turn(now()):
            running += 1
            if until:
                await until.wait()
            running -= 1

    async with task_group() as tasks:
        for event in ended:
            tasks.start_soon(call, event)
        await anyio.wait_all_tasks_blocked()
        pace.lower(now())  # to 2, while 4 run
        tasks.start_soon(call, forever := asyncio.Event())
        for _ in range(3):
            pace.passed()  # to 3 again
        await anyio.wait_all_tasks_blocked()
        assert (running, int(pace.limit)) == (4, 3)
        ended[0].set()
        await anyio.wait_all_tasks_blocked()
        assert running == 3
        ended[1].set()
        await anyio.wait_all_tasks_blocked()
        assert running == 3  # the one that waited has taken its place
        for event in (*ended, forever):
            event.set()


async def test_nobody_begins_a_call_during_a_pause(service: EmbeddingService) -> None:
    service.next(limited(0.3))
    async with opened(settings_of(service, embedding_calls=1)) as embedder:
        await asyncio.gather(embedder.embed(["one"]), embedder.embed(["two"]))
    first, *others = (request.at for request in service.requests)
    assert len(others) == 2
    assert min(others) - first >= 0.3


async def test_a_pause_that_is_too_long_is_left_to_the_step_for_all_callers(
    service: EmbeddingService, embedder: OpenAIEmbedder
) -> None:
    service.next(failing(429, "come back tomorrow", {"retry-after": "3600"}))
    for _ in range(2):
        error = await refused(embedder, ["text"])
        assert isinstance(error, ServiceError)
        assert error.code == "rate_limited"
        assert error.retry_after
        assert 3590 < error.retry_after < 4000
    assert len(service.requests) == 1


async def test_an_exhausted_quota_fails_at_once(service: EmbeddingService, embedder: OpenAIEmbedder) -> None:
    told = {"error": {"message": "You exceeded your quota", "type": "insufficient_quota", "code": "insufficient_quota"}}
    service.next(plainly(refusal(429, told)))
    error = await refused(embedder, ["text"])
    assert (type(error), error.code) == (SettingsError, "quota_exhausted")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "20"}, 20),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30),
        ({"retry-after": "Wed, 21 Oct 2020 07:28:30 GMT"}, 0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_the_wish_to_be_left_alone_is_seconds_milliseconds_or_a_date(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers) == seconds


def test_a_date_without_the_services_own_clock_is_compared_with_ours() -> None:
    date = format_datetime(datetime.now(timezone.utc) + timedelta(seconds=100), usegmt=True)
    assert retry_after({"retry-after": date}) == pytest.approx(100, abs=20)


# what goes wrong


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (401, "Incorrect API key provided", "api_key_refused"),
        (403, "Country not supported", "api_key_refused"),
        (402, "Insufficient balance", "quota_exhausted"),
        (404, "model 'test' not found, try pulling it first", "unknown_model"),
        (405, "Method Not Allowed", "unknown_model"),
        (418, "I'm a teapot", "request_refused"),
    ],
)
@pytest.mark.parametrize("vendor", ["openai", "tei"])
async def test_what_only_settings_can_change_fails_at_once(vendor: str, status: int, message: str, code: str) -> None:
    async with EmbeddingService(vendor, dimensions=8) as service, opened(settings_of(service)) as embedder:
        service.always(failing(status, message))
        error = await refused(embedder, TEXTS)
    assert (type(error), error.code) == (SettingsError, code)
    assert message in error.message
    assert service.sizes == [20]


async def test_an_unknown_model_fails_at_once(service: EmbeddingService) -> None:
    async with opened(settings_of(service, embedding_model="nobody")) as embedder:
        error = await refused(embedder, TEXTS)
    assert (type(error), error.code) == (SettingsError, "unknown_model")
    assert "'nobody'" in error.message


async def test_errors_and_logs_hold_no_part_of_the_key(
    service: EmbeddingService, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    service.key = "another"
    service.next(answer, failing(401, f"bad key {KEY}"), failing(401, f"bad key {KEY[:7]}...{KEY[-4:]}"))
    async with opened(settings_of(service, OPENAI_API_KEY=KEY)) as embedder:
        for _ in range(3):
            error = await refused(embedder, ["text"])
            assert error.code == "api_key_refused"
            assert "another" not in str(error)
            assert not any(part in str(error) for part in (KEY, KEY[:7], KEY[-4:]))
    assert KEY not in caplog.text


async def test_vectors_of_other_dimensions_are_a_setting_to_mend(service: EmbeddingService) -> None:
    async with opened(settings_of(service, embedding_dimensions=9)) as embedder:
        error = await refused(embedder, ["text"])
    assert (type(error), error.code) == (SettingsError, "wrong_dimensions")
    assert "8 dimensions, not 9" in error.message
    async with (
        EmbeddingService("vllm", dimensions=8) as unshortened,
        opened(settings_of(unshortened, embedding_dimensions=4)) as embedder,
    ):
        assert (await refused(embedder, ["text"])).code == "wrong_dimensions"


async def test_a_redirect_is_not_followed(service: EmbeddingService, embedder: OpenAIEmbedder) -> None:
    async with EmbeddingService(dimensions=8) as other:
        service.next(plainly(Reply(308, headers={"location": f"{other.url}/embeddings"})))
        error = await refused(embedder, ["text"])
        assert (type(error), error.code) == (SettingsError, "endpoint_redirects")
        assert other.requests == []


@pytest.mark.parametrize("behaviour", [failing(500), failing(502), failing(503), failing(424), failing(408), cut])
async def test_a_service_that_breaks_off_once_is_asked_again(
    service: EmbeddingService, embedder: OpenAIEmbedder, behaviour: Any
) -> None:
    service.next(behaviour)
    assert np.array_equal((await embedder.embed(TEXTS)).vectors, vectors(TEXTS))
    assert len(service.requests) == 2


async def test_a_service_that_keeps_failing_is_worth_another_try_later(
    service: EmbeddingService, embedder: OpenAIEmbedder
) -> None:
    service.always(plainly(Reply(502, b"<html><body>Bad   Gateway</body></html>", media_type="text/html")))
    error = await refused(embedder, TEXTS)
    assert (type(error), error.code) == (ServiceError, "embedding_unavailable")
    assert "status 502: Bad Gateway" in error.message
    assert len(service.requests) == 3


async def test_a_wish_of_a_failing_service_is_passed_on(service: EmbeddingService, embedder: OpenAIEmbedder) -> None:
    service.next(failing(502, headers={"retry-after": "17"}))
    error = await refused(embedder, ["text"])
    assert isinstance(error, ServiceError)
    assert error.retry_after == 17


async def test_a_service_that_is_not_there_is_worth_another_try_later() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        more: dict[str, Any] = {"embedding_model": "test", "embedding_dimensions": 8}
        async with opened(settings_of(OPENAI_BASE_URL=url, **more)) as embedder:
            error = await refused(embedder, ["text"])
    assert (type(error), error.code) == (ServiceError, "embedding_unavailable")
    assert url in error.message


@pytest.mark.parametrize("slow", [stalled, "latency"])
async def test_a_call_that_takes_too_long_is_given_up_and_closed(service: EmbeddingService, slow: Any) -> None:
    async with opened(settings_of(service, embedding_timeout_seconds=0.2)) as embedder:
        if slow == "latency":
            service.latency = 60
        else:
            service.next(slow)
        error = await refused(embedder, ["text"])
        assert (type(error), error.code) == (ServiceError, "embedding_timeout")
        await service.until(lambda service: service.broken_off == 1)
        assert len(service.requests) == 1


async def test_a_cancelled_call_is_closed_and_its_place_is_free(service: EmbeddingService) -> None:
    async with opened(settings_of(service, embedding_calls=1)) as embedder:
        service.hold()
        call = asyncio.create_task(embedder.embed(["text"]))
        waiting = asyncio.create_task(embedder.embed(["other"]))
        await service.until(lambda service: service.running == 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await service.until(lambda service: service.broken_off == 1)
        service.release()
        assert (await waiting).tokens == 7


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body["data"].pop(),
        lambda body: body["data"].append(body["data"][0]),
        lambda body: body["data"][0].update(index=1),
        lambda body: body["data"][0].update(index=20),
        lambda body: body["data"][0].update(index=-1),
        lambda body: body["data"][0].update(index=True),
        lambda body: body["data"][0].pop("index"),
        lambda body: body["data"][0].pop("embedding"),
        lambda body: body["data"][0].update(embedding=None),
        lambda body: body["data"][0].update(embedding=0),
        lambda body: body["data"][0].update(embedding="?"),
        lambda body: body["data"][0].update(embedding="AAAA"),
        lambda body: body["data"][0].update(embedding=[[1.0] * 8]),
        lambda body: body["data"][0].update(embedding=[1.0] * 7),
        lambda body: body["data"][0].update(embedding=["one"] * 8),
        lambda body: body.pop("data"),
        lambda body: body.update(data=None),
        lambda body: body.update(data=[1] * 20),
    ],
)
async def test_an_answer_that_does_not_fit_the_texts_is_never_used(
    service: EmbeddingService, embedder: OpenAIEmbedder, change: Any
) -> None:
    service.always(changed(change))
    error = await refused(embedder, TEXTS)
    assert (type(error), error.code) == (ServiceError, "embedding_answer_malformed")
    assert len(service.requests) == 1


@pytest.mark.parametrize("body", [b"", b"OK", b"[]", b"null", b'{"data": [', b"\xff\xfe", b'{"embedding": [1, 2'])
async def test_an_answer_that_is_none_is_an_error_of_the_service(
    service: EmbeddingService, embedder: OpenAIEmbedder, body: bytes
) -> None:
    service.always(plainly(Reply(body=body)))
    error = await refused(embedder, ["text"])
    assert (type(error), error.code) == (ServiceError, "embedding_answer_malformed")


async def test_an_answer_that_is_packed_although_nobody_asked_is_read(
    service: EmbeddingService, embedder: OpenAIEmbedder
) -> None:
    packed = gzip.compress(vectors_body(TEXTS, 8, as_base64=True))
    service.next(plainly(Reply(body=packed, headers={"content-encoding": "gzip"})))
    assert np.array_equal((await embedder.embed(TEXTS)).vectors, vectors(TEXTS))
    assert service.requests[0].headers["accept-encoding"] == "identity"


async def test_an_answer_without_end_is_not_read_to_its_end(
    service: EmbeddingService, embedder: OpenAIEmbedder
) -> None:
    service.always(plainly(Reply(body=b" " * 3_000_000)))
    error = await refused(embedder, ["text"])
    assert (type(error), error.code) == (ServiceError, "embedding_unavailable")


def test_lists_of_numbers_are_read_exactly_wherever_they_stand() -> None:
    texts = ["one", "two"]
    pretty = json.dumps(json.loads(vectors_body(texts, 8, False)), indent=2).encode()
    assert np.array_equal(read_vectors(pretty, 2).vectors, vectors(texts))
    turned = json.loads(pretty)
    turned["data"].reverse()
    assert np.array_equal(read_vectors(json.dumps(turned).encode(), 2).vectors, vectors(texts))


async def test_a_proxy_of_the_environment_is_used(service: EmbeddingService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", service.url.removesuffix("/v1"))
    url = "http://embed.example/v1"
    settings = settings_of(OPENAI_BASE_URL=url, embedding_model="test", embedding_dimensions=8)
    async with opened(settings) as embedder:
        assert (await embedder.embed(["text"])).tokens == 7
    assert service.requests[0].path == "http://embed.example/v1/embeddings"


def test_choosing_a_space_imports_no_http_client() -> None:
    program = (
        "import sys, listener.embedding as embedding; from listener.settings import Settings;"
        "embedding.default_space(Settings(embedder='openai', OPENAI_API_KEY='x', OPENAI_BASE_URL=''));"
        "print({'numpy', 'httpx2', 'openai', 'pgvector'} & {*sys.modules})"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "set()"
