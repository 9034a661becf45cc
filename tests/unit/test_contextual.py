"""The own step contextual against services that refuse, redirect and answer anything."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from embedding_service import EmbeddingService, Received, Reply, chat, failing, limited, plainly

from listener.documents.steps import ChunkText, StepRefused, StepUnavailable, WrongStepOptions
from listener.embedding.contextual import _add_contexts

CHUNK = ChunkText("Ann earns 90,000 a year.", "Salaries of 2024", ["Berlin office"], "What everybody earns here")


@pytest.fixture
async def model(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EmbeddingService]:
    async with EmbeddingService() as service:
        monkeypatch.setenv("INGEST_CONTEXTUAL_URL", service.url)
        monkeypatch.setenv("INGEST_CONTEXTUAL_KEY", "k-secret-0815")
        yield service


@pytest.mark.parametrize("line", ["Ann earns 90,000 a year.", "Salaries of 2024", "What everybody earns here"])
async def test_what_a_service_repeats_of_a_text_is_not_in_the_error(model: EmbeddingService, line: str) -> None:
    model.next(failing(400, f"too long for k-secret-0815: {line}"))
    (refused,) = await _add_contexts([CHUNK], {})
    assert isinstance(refused, StepRefused)
    assert "too long" in str(refused)
    assert line not in str(refused)
    assert "k-secret-0815" not in str(refused)


async def test_no_redirect_is_followed(model: EmbeddingService) -> None:
    model.next(plainly(Reply(307, headers={"location": model.url + "/elsewhere"})))
    with pytest.raises(WrongStepOptions, match="status 307"):
        await _add_contexts([CHUNK], {})
    assert len(model.requests) == 1


async def test_a_service_may_ask_for_an_hour_at_most_and_say_a_megabyte(model: EmbeddingService) -> None:
    model.next(limited(10**9), plainly(Reply(body=b" " * 2_000_000)))
    (limited_,) = await _add_contexts([CHUNK], {})
    assert isinstance(limited_, StepUnavailable)
    assert limited_.retry_after == 3600
    (endless,) = await _add_contexts([CHUNK], {})
    assert isinstance(endless, StepUnavailable)


async def test_a_model_that_takes_the_limit_by_its_newer_name_gets_it_so_and_is_remembered(
    model: EmbeddingService,
) -> None:
    def newer(service: EmbeddingService, request: Received) -> Reply:
        if "max_tokens" in request.body:
            told = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens'."
            return failing(400, told)(service, request)
        return chat(service, request)

    model.always(newer)
    for _ in range(2):
        (became,) = await _add_contexts([CHUNK], {"model": "o-next", "max_tokens": 99})
        assert became == f"It is about annness.\n\n{CHUNK.text}"
    limits = [(one.body.get("max_tokens"), one.body.get("max_completion_tokens")) for one in model.requests]
    assert limits == [(99, None), (None, 99), (None, 99)]
