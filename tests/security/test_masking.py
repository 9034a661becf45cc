"""No key gets out of a listener by what others say, whatever form they give it: not in tables, DBOS's rows, logs."""

from __future__ import annotations

import base64
import html
import json
import logging
import re
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from embedding_service import EmbeddingService, Reply, answer, plainly, refusal
from listener_process import ListenerProcess
from pipeline import ended, until
from staging import add, session

from listener.embedding import Space
from listener.embedding.answers import Answer
from listener.embedding.refusals import harmless, read_refusal
from listener.errors import IngestError, ServiceError
from listener.logs import masking
from listener.logs.masking import Key, Secrets, mask
from listener.pipeline.checkpoints import as_json

KEY = "nk_Zq7TtR4vXw9BmKc2LpHs8JdYf3Ge"  # none that shows whose it is
SPACE = Space("openai", "http://service", "test", 3)


def basic(user: str) -> str:
    return base64.b64encode(f"{user}:{KEY}".encode()).decode()


FORMS: dict[str, str] = {
    "whole": KEY,
    "quoted": f'"{KEY}"',
    "beginning": KEY[:12] + "…",
    "middle": "…" + KEY[9:20] + "…",
    "end": "…" + KEY[-8:],
    "upper": KEY.upper(),
    "lower": KEY.lower(),
    "percent": quote(KEY, safe=""),
    "percent of each": "".join(f"%{ord(letter):02x}" for letter in KEY),
    "percent twice": "".join(f"%25{ord(letter):02X}" for letter in KEY),
    "json": "".join(f"\\u{ord(letter):04x}" for letter in KEY),
    "json in json": "".join(f"\\\\u{ord(letter):04x}" for letter in KEY),
    "python": "".join(f"\\x{ord(letter):02x}" for letter in KEY),
    "html": "".join(f"&#{ord(letter)};" for letter in KEY),
    "html in hex": html.escape("".join(f"&#x{ord(letter):x};" for letter in KEY)),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(KEY.encode()).decode().rstrip("="),
    "basic": f"Basic {basic('')}",
    "basic of a": f"Basic {basic('a')}",
    "basic of api": f"Basic {basic('api')}",
    "basic of user": f"basic {basic('user')}",
    "hex": KEY.encode().hex(),
    "HEX": KEY.encode().hex().upper(),
    "bearer": f"Bearer {KEY}",
    "blanks": " ".join(KEY),
    "lines": "\n".join(re.findall("....?", KEY)),
    "unseen": "\u200b".join(KEY),
    "turned": "\u202e".join(re.findall("..", KEY)),
    "URL": f"https://user:{KEY}@host/v1?key={KEY}#{KEY}",
}


def leaked(text: str) -> list[str]:
    """Return the parts of the key that can be read in a text, however it is written."""
    plain = "".join(letter for letter, _, _ in masking._characters(text))
    forms = [KEY, *(basic("x" * n) for n in range(3)), KEY.encode().hex()]
    return [
        part for form in forms for part in re.findall("(?=(.{8}))", form) if _hides_key(part) and part.lower() in plain
    ]


def _hides_key(part: str) -> bool:
    """Of base64 of a user and a key, what is of the user's is not the key's."""
    return part not in {basic("x" * n)[:8] for n in range(3)}


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_key_that_was_sent_is_hidden_in_every_form(form: str) -> None:
    said = f"No access with {FORMS[form]} for model test-3."
    assert leaked(said)
    told = harmless(said, KEY)
    assert leaked(told) == []
    assert told.startswith("No access with ")
    assert told.endswith("for model test-3.")


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("where", ["message", "text", "html", "location", "code"])
def test_no_answer_brings_it_into_an_error(form: str, where: str) -> None:
    said = FORMS[form]
    bodies: dict[str, Callable[[], bytes]] = {
        "message": lambda: json.dumps({"error": {"message": said, "code": said, "type": said, "param": said}}).encode(),
        "text": said.encode,
        "html": f"<html><h1>{html.escape(said)}</h1><a href='{said}'>".encode,
        "location": lambda: b"",
        "code": lambda: json.dumps({said: {said: [said]}}).encode(),
    }
    headers = {"location": said} if where == "location" else {}
    for status in (302, 400, 401, 402, 404, 429, 500, 503) if where != "location" else (301, 307):
        told = told_by(Answer(status, headers, bodies[where]()))
        assert leaked(told) == []


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_an_error_of_somebody_else_s_embedder_has_no_key_of_the_environment(form: str) -> None:
    Secrets({"VOYAGE_API_KEY": KEY})
    said = f"401 for {FORMS[form]}, see the page"
    for told in (
        as_json(RuntimeError(said))["message"],
        str(IngestError("x", said)),
        str(ServiceError("x", said).data),
    ):
        assert leaked(told) == []
        assert "see the page" in told


def told_by(answer: Answer) -> str:
    try:
        return read_refusal(answer, SPACE, KEY).message
    except IngestError as error:
        return json.dumps(error.as_json()) + repr(error) + str(error.data)


SHAPES: list[tuple[str, str]] = [
    ("Incorrect key sk-proj-AbCdEf0123456789-xyz.", "AbCdEf0123456789"),
    ("sk-ant-api03-Zq7TtR4vXw9BmKc2 is no key", "Zq7TtR4vXw9BmKc2"),
    ("Authorization: Bearer abcdef", "abcdef"),
    ('{"authorization": "Bearer abc.def.ghi"}', "abc.def"),
    ("bearer Zq7TtR4vXw9B was refused", "Zq7TtR4vXw9B"),
    ("Basic YXBpOm5rX1pxN1R0UjR2", "YXBpOm5r"),
    ("api_key=hunter22secret", "hunter22secret"),
    ("x-api-key: hunter22secret", "hunter22secret"),
    ('"apiKey":"hunter22secret"', "hunter22secret"),
    ("apikey='hunter22 secret'", "secret"),
    (r"{\"api_key\": \"hunter22secret\"}", "hunter22secret"),
    ("client_secret=abcdefgh&x=1", "abcdefgh"),
    ('"access_token": "a1b2c3d4e5"', "a1b2c3d4e5"),
    ("https://api.example/v1?key=a1b2c3&page=2", "a1b2c3"),
    ("https://api.example/v1?page=2&sig=Zq7%2FTtR4", "Zq7%2FTtR4"),
    ("https://b.example/o?X-Amz-Credential=AK%2F2025&X-Amz-Signature=0f0e0d", "0f0e0d"),
    ("go to https%3A%2F%2Fa.example%3Fkey%3Da1b2c3d4", "a1b2c3d4"),
    ("https://user:pass-word@host/path", "pass-word"),
    ("https://0123456789abcdef0123@host/path", "0123456789abcdef0123"),
    ("postgresql://app:hunter22@db/app", "hunter22"),
    ("password = 'two words'", "two words"),
    ("password='never closed", "never"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl", "eyJzdWIiOiIxMjM0In0"),
    ("AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"),
    ("aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "K7MDENG"),
    ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "SyA1234567890"),
    ("ghp_0123456789abcdefABCDEF0123456789abcd", "0123456789abcdef"),
    ("glpat-0123456789abcdefABCD", "0123456789abcdef"),
    ("xoxb-123456789012-abcdef", "123456789012"),
    ("hf_AbCdEfGhIjKlMnOpQrSt", "AbCdEfGh"),
    ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----", "MIIEow"),
    ("Incorrect API key provided: nk_ab******wxyz. See the page.", "wxyz"),
]


@pytest.mark.parametrize(("said", "secret"), SHAPES)
def test_what_looks_like_a_key_is_hidden_whoever_s_it_is(said: str, secret: str) -> None:
    assert secret in said
    assert secret not in harmless(said, None)
    if "******" not in said:  # a service's way; elsewhere it may be a rule of asterisks
        assert secret not in mask(said)
        assert secret not in str(ServiceError("x", said))
        assert secret not in as_json(RuntimeError(said))["message"]


ORDINARY = [
    "This model's maximum context length is 8192 tokens, however you requested 9000 tokens.",
    "max_tokens: 512, prompt_tokens=1200, total_tokens: 123456789",
    "request 0b6b1c9e-5a4f-4c8e-9d8b-6f2f6d1c8a11 failed with d41d8cd98f00b204e9800998ecf8427e",
    "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 differs",
    "unexpected token: 'constraint' at character 12",
    'password authentication failed for user "app"',
    "Basic authentication is off; Bearer authentication needs a key",
    "no file /srv/docs/task-management-for-everybody-2024.md",
    "https://docs.example:8080/v1/embeddings?page=2&model=test-3 answered 404",
    "see https://app@host/path and postgresql://app@db/app",
    'duplicate key value violates unique constraint "ingest_requests_pkey"',
    "Key (id)=(0b6b1c9e-5a4f-4c8e-9d8b-6f2f6d1c8a11) already exists.",
    "the model `text-embedding-3-small` does not exist in api-version 2024-02-01",
    'etag "9b2cf535f27731c974343645a3985328", 12 s',
]


@pytest.mark.parametrize("said", ORDINARY)
def test_ordinary_words_ids_and_hashes_stay(said: str) -> None:
    assert mask(said) == said
    assert harmless(said, KEY) == said


def test_only_the_secret_goes_not_the_sentence() -> None:
    said = f"Model m at https://h/v1?key={KEY}&model=m refuses '{KEY[:10]}' (request 42), try later."
    assert harmless(said, KEY) == "Model m at https://h/v1?key=***&model=m refuses '***' (request 42), try later."


def test_a_location_shows_where_it_leads_and_nothing_else() -> None:
    answer = Answer(308, {"location": f"https://me:pw@other.example:8443/v1/{KEY}/x?api_key={KEY}&a=b#t"}, b"")
    assert "redirects to https://other.example:8443/v1/***/x" in told_by(answer)
    assert "a=b" not in told_by(answer)


@pytest.mark.parametrize("key", ["EMPTY", "ollama", "test", "a", "embedding"])
def test_a_key_that_is_a_word_blots_out_that_word_at_most(key: str) -> None:
    masking.remember(key)
    assert str(IngestError("x", "the embeddings of a-team tests were EMPTYed")) in (
        "x: the embeddings of a-team tests were EMPTYed"
    )


def test_an_environment_s_keys_are_hidden_in_parts_too() -> None:
    secrets = Secrets({"VOYAGE_API_KEY": KEY, "PGPASSWORD": "postgres1"})
    assert KEY[4:16] not in secrets.hide(f"sent {KEY[4:16]} to postgres")
    assert secrets.hide("a postgres").endswith("postgres")


@pytest.mark.parametrize("size", [1_000, 100_000])
def test_a_message_of_any_size_takes_steps_in_proportion(size: int) -> None:
    """Steps, not seconds: what is looked at is bounded before it is looked at closely."""
    for piece in ("a", "*", "sk-", "eyJ-", "://", "password=", "token: ", "%25", "\\u", " ", "bearer ", KEY[:7]):
        assert len(harmless(piece * size, KEY)) <= 300


@pytest.mark.parametrize("deep", [b"[" * 100_000, b'{"error":' * 100_000, b"[" * 500 + b"1" * 5000])
def test_a_body_of_lists_in_lists_is_an_answer_like_others(deep: bytes) -> None:
    assert "status 500" in told_by(Answer(500, {}, deep))


def test_parts_are_found_wherever_they_begin() -> None:
    key = Key(KEY)
    for at in range(len(KEY) - 7):
        text = f"<{KEY[at : at + 8]}>"
        assert key.may_be_in(text)
        assert key.hide(text) == "<***>"


# A listener


def cases() -> list[tuple[str, Reply]]:
    def body(said: str) -> Any:
        return {"error": {"message": said, "type": "x", "param": None, "code": "x"}}

    everything = " | ".join(FORMS.values())
    replies: Mapping[str, Reply] = {
        "401": refusal(401, body(everything)),
        "403 with a long one": refusal(403, body(FORMS["basic of api"] + " " * 3000 + everything)),
        "404 as text": Reply(404, everything.encode()),
        "redirect": Reply(307, b"", {"location": f"https://u:{KEY}@other.example/{KEY}?token={KEY}"}),
        "vectors": Reply(body=json.dumps({"data": [{"index": 0, "embedding": [KEY]}]}).encode()),
        "index": Reply(body=json.dumps({"data": [{"index": KEY, "embedding": [1]}]}).encode()),
        "500": refusal(500, body(everything)),
        "500 with what no table takes": refusal(500, body("\x00\ud800\udfff\u202e" + everything)),
        "400 with the same": refusal(400, body("\x00\ud800\udfff" + everything)),
        "429": refusal(429, body(f"request too large {everything}"), {"retry-after": KEY, "x-key": KEY}),
        "no HTTP": Reply(200, b"x", {"transfer-encoding": KEY, KEY: KEY}),
    }
    return [*replies.items()]


async def test_a_listener_s_tables_dbos_s_rows_and_its_log_have_no_key(ready: str, tmp_path: Path) -> None:
    async with EmbeddingService(dimensions=3) as service, session(ready) as c:
        process = ListenerProcess(
            ready, tmp_path, heartbeat_seconds=0.2, safety_poll_seconds=600, embedder="openai", embedding_model="test",
            embedding_dimensions=3, embed_attempts=2, embed_interval_seconds=0.01, log_level="DEBUG",
            service_patience=0, openai_base_url=service.url, openai_api_key=KEY,
        ).ready()  # fmt: skip
        try:
            for name, reply in cases():
                service.always(plainly(reply))
                (row,) = await ended(c, await add(c, content=f"text {name}", uri=name))
                assert row["status"] == "failed", name
                assert row["error"]["code"] != "internal", name
                service.always(answer)
                await until(lambda: c.fetchval("select count(*) = 0 from ingest_circuits"))  # so the next one is called
        finally:
            assert process.stop() == 0
        told = process.log()
        tables = await c.fetch(
            "select format('%I.%I', schemaname, tablename) as name from pg_tables"
            " where schemaname in ('public', 'dbos')"
        )
        for table in tables:
            rows = await c.fetch(f"select t::text as row from {table['name']} t")
            assert leaked(" ".join(row["row"] for row in rows)) == [], table["name"]
        assert leaked(told) == []


def test_a_log_line_hides_what_was_remembered(capsys: pytest.CaptureFixture[str]) -> None:
    from listener.logs import JsonLine, LogLine  # noqa: PLC0415

    masking.remember(KEY)
    record = logging.LogRecord("x", logging.INFO, "f", 1, "sent %s", (FORMS["basic of api"],), None)
    for formatter in (LogLine(Secrets({})), JsonLine(Secrets({}))):
        assert leaked(formatter.format(record)) == []


def test_bytes_that_are_no_text_are_hidden_too() -> None:
    for name in ("PGPASSWORD", "VOYAGE_API_KEY"):
        secrets = Secrets({name: f"{KEY}\udce9"})
        assert KEY not in secrets.hide(f"sent {KEY}\udce9 to it")


def test_ids_are_not_keys() -> None:
    for _ in range(200):
        said = f"request {uuid.uuid4()} and {uuid.uuid4().hex}"
        assert mask(said) == said
