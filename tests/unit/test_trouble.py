"""What keeps a call of an embedder waiting is reported at once; a probe goes past whatever work waits for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from embedding_service import EmbeddingService, Reply, answer, failing, limited, plainly

from listener.embedding import Space, trouble
from listener.embedding.openai_embedder import OpenAIEmbedder
from listener.embedding.probing import HARMLESS, probe, recovered
from listener.embedding.trouble import report, reported_to
from listener.errors import ServiceError, SettingsError
from listener.settings import Settings

DIMENSIONS = 8


@pytest.fixture
async def service() -> AsyncIterator[EmbeddingService]:
    async with EmbeddingService(dimensions=DIMENSIONS) as service:
        yield service


@pytest.fixture
async def embedder(service: EmbeddingService) -> AsyncIterator[OpenAIEmbedder]:
    given: dict[str, Any] = {"OPENAI_BASE_URL": service.url, "OPENAI_API_KEY": "k", "embedding_calls": 2}
    embedder = OpenAIEmbedder(Space("openai", service.url, "test", DIMENSIONS), Settings(**given))
    await embedder.prepare()
    yield embedder
    await embedder.close()


class Heard:
    """What was reported, and when."""

    def __init__(self) -> None:
        self.said: list[tuple[str, float | None]] = []
        self.first = asyncio.Event()

    def __call__(self, error: ServiceError, next_in: float | None) -> None:
        self.said.append((error.code, next_in))
        self.first.set()


async def test_the_first_failed_call_is_reported_before_its_repeats(
    service: EmbeddingService, embedder: OpenAIEmbedder
) -> None:
    service.next(failing(503), failing(500))
    heard = Heard()
    with reported_to(heard):
        call = asyncio.ensure_future(embedder.embed(["a text"]))
        began = time.monotonic()
        await heard.first.wait()
    assert time.monotonic() - began < 0.2
    assert not call.done()
    await call
    assert [code for code, _ in heard.said] == ["embedding_unavailable"] * 2
    assert all(next_in and next_in < 1.5 for _, next_in in heard.said)


async def test_who_waits_since_others_were_limited_hears_of_it_too(
    service: EmbeddingService, embedder: OpenAIEmbedder
) -> None:
    service.next(limited(0.3))
    first, second = Heard(), Heard()
    with reported_to(first):
        one = asyncio.ensure_future(embedder.embed(["a text"]))
    await asyncio.wait_for(first.first.wait(), 5)
    with reported_to(second):
        other = asyncio.ensure_future(embedder.embed(["another"]))
    await asyncio.wait_for(second.first.wait(), 5)
    await asyncio.gather(one, other)
    for heard in (first, second):
        code, next_in = heard.said[0]
        assert code == "rate_limited"
        assert next_in
        assert next_in <= 0.33


async def test_a_call_without_an_answer_is_reported_again_and_again(
    service: EmbeddingService, embedder: OpenAIEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trouble, "SILENT_SECONDS", 0.05)
    service.hold()
    heard = Heard()
    with reported_to(heard):
        call = asyncio.ensure_future(embedder.embed(["a text"]))
    while len(heard.said) < 2:
        await asyncio.wait_for(heard.first.wait(), 5)
        heard.first.clear()
    service.release()
    await call
    assert set(heard.said) == {("embedding_silent", None)}
    told = len(heard.said)
    await embedder.embed(["another"])
    assert len(heard.said) == told


async def test_all_well_reports_nothing_and_nobody_need_listen(embedder: OpenAIEmbedder) -> None:
    heard = Heard()
    with reported_to(heard):
        await embedder.embed(["a text"])
    assert heard.said == []
    report(ServiceError("x", "nobody listens"))


# probes


async def test_a_probe_passes_calls_that_hang_and_a_pause_of_the_pace(
    service: EmbeddingService, embedder: OpenAIEmbedder
) -> None:
    service.next(limited(3600))
    with pytest.raises(ServiceError, match="asks for fewer calls"):
        await embedder.embed(["limited"])
    await asyncio.wait_for(probe(embedder), 5)
    recovered(embedder)
    service.hold()
    calls = [asyncio.ensure_future(embedder.embed([text])) for text in ("one", "two")]
    await service.until(lambda service: service.running >= 1)
    probing = asyncio.ensure_future(probe(embedder))
    await service.until(lambda service: service.requests[-1].texts == [HARMLESS])
    service.release()
    await asyncio.gather(probing, *calls)


@pytest.mark.parametrize("status", [500, 503])
async def test_a_probe_is_one_call(service: EmbeddingService, embedder: OpenAIEmbedder, status: int) -> None:
    service.always(failing(status))
    with pytest.raises(ServiceError):
        await probe(embedder)
    assert [one.texts for one in service.requests] == [[HARMLESS]]


async def test_what_a_probe_finds_out(service: EmbeddingService, embedder: OpenAIEmbedder) -> None:
    service.always(limited(7))
    with pytest.raises(ServiceError, match="asks for fewer calls") as raised:
        await probe(embedder)
    assert raised.value.retry_after == 7
    service.always(plainly(Reply(body=b"nonsense")))
    with pytest.raises(ServiceError, match="can't be used"):
        await probe(embedder)
    service.always(failing(401))
    with pytest.raises(SettingsError):
        await probe(embedder)
    service.always(answer)
    await probe(embedder)


async def test_an_embedder_without_a_probe_of_its_own_embeds_a_harmless_text() -> None:
    sent: list[list[str]] = []

    class Other:
        async def embed(self, texts: list[str]) -> None:
            sent.append(texts)

    await probe(Other())  # type: ignore[arg-type]  # no more of it is asked for
    recovered(Other())  # type: ignore[arg-type]
    assert sent == [[HARMLESS]]


@pytest.mark.parametrize(
    ("given", "seconds"), [("90s", 90), ("45m", 2700), ("6h", 21600), ("2d", 172800), ("0", 0), ("1.5", 1.5), (12, 12)]
)
def test_patience_is_a_time(given: object, seconds: float) -> None:
    assert Settings(service_patience=given).service_patience == seconds


@pytest.mark.parametrize("given", ["soon", "-1", "6 h", "h", "1e9", "nan", "١h", "999999999d"])
def test_what_is_no_time_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="service_patience"):
        Settings(service_patience=given)


@pytest.mark.parametrize("name", ["embedding_timeout_seconds", "lease_seconds", "retention_hours", "embed_backoff"])
@pytest.mark.parametrize("given", ["inf", "1e300", "nan", "1e10"])
def test_a_time_that_postgres_can_not_count_is_refused(name: str, given: str) -> None:
    with pytest.raises(ValueError, match=name):
        Settings.model_validate({name: given})


def test_the_default_patience_is_six_hours() -> None:
    assert Settings().service_patience == 21600


async def test_a_service_that_hangs_is_in_the_log_once_a_minute_however_many_calls_wait(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(trouble, "SILENT_SECONDS", 0.01)
    caplog.set_level("INFO")
    heard = Heard()
    with reported_to(heard), trouble.silence_reported("http://slow"), trouble.silence_reported("http://slow"):
        while len(heard.said) < 4:
            heard.first.clear()
            await heard.first.wait()
    assert caplog.messages == ["http://slow has not answered for 0 s"]
