"""What a service says in an error may hold the texts that it was sent: errors are read by others."""

from __future__ import annotations

import json

import pytest

from listener.embedding.answers import Answer
from listener.embedding.embedder import Space
from listener.embedding.refusals import RefusedTexts, harmless, read_refusal
from listener.errors import ServiceError

SPACE = Space("openai", "http://localhost:1/v1", "m", 8)
SECRET = "The salaries of the board, in full:\n Ärger über 25.000"


@pytest.mark.parametrize("body", [
    SECRET, f"error near {SECRET}", json.dumps({"input": [SECRET]}), json.dumps({"input": SECRET}, ensure_ascii=False),
    SECRET[:40],
])  # fmt: skip
def test_what_a_service_says_ends_where_a_text_of_ours_begins(body: str) -> None:
    told = harmless(f"too busy: {body}", None, ["other words", SECRET])
    assert told.startswith("too busy")
    assert "salaries" not in told


def test_without_an_echo_it_is_said_whole() -> None:
    assert harmless("the model is loading", None, [SECRET, "a", "  "]) == "the model is loading"


def test_errors_of_calls_have_no_texts_in_them() -> None:
    body = json.dumps({"error": {"message": f"can't embed {SECRET}"}}).encode()
    with pytest.raises(ServiceError) as error:
        read_refusal(Answer(503, {}, body), SPACE, None, [SECRET])
    assert "salaries" not in error.value.message
    refused = read_refusal(Answer(422, {}, body), SPACE, None, [SECRET])
    assert isinstance(refused, RefusedTexts)
    assert "salaries" not in refused.message


def test_what_a_refusal_is_about_is_read_behind_a_text_of_ours_too() -> None:
    body = json.dumps({"error": {"message": f"Input '{SECRET}' exceeds the maximum context length"}}).encode()
    refused = read_refusal(Answer(400, {}, body), SPACE, None, [SECRET])
    assert isinstance(refused, RefusedTexts)
    assert refused.by_characters
    assert "salaries" not in refused.message
