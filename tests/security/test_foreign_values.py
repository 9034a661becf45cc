"""Single values that once became a bug's error, another place or a leak; ``tests/fuzzing`` looks for others."""

from __future__ import annotations

import asyncpg
import pytest
from embedding_service import EmbeddingService, Reply, answer, plainly
from staging import Connection

from listener.client.session import as_psql
from listener.database.translation import translated
from listener.embedding.endpoint import Endpoint
from listener.embedding.openai_space import normalized
from listener.errors import RequestError, SettingsError
from listener.sources.paths import path_of

KEY = "sk-test-0123456789abcdef"


@pytest.mark.parametrize("cookie", ["٣", "a=٣; Path=/", "a=b", "session=1; Domain=127.0.0.1; Max-Age=99999"])
async def test_a_service_s_cookie_is_never_sent_back(cookie: str) -> None:
    async with EmbeddingService(dimensions=8) as service:
        endpoint = Endpoint(service.url, KEY, calls=1, seconds=5)
        try:
            for _ in range(2):
                service.next(plainly(Reply(503, b"{}", {"set-cookie": cookie})))
                assert (await endpoint.call("test", ["a"], None)).status == 503
            service.always(answer)
            assert (await endpoint.call("test", ["a"], None)).status == 200
        finally:
            await endpoint.close()
    assert [request.headers for request in service.requests if "cookie" in request.headers] == []


@pytest.mark.parametrize(
    "url", ["http://u:/QXZ@h/v1", "http://u:1/QXZ@h/v1", "https://u:QXZ@h/v1", "https://h/QXZ@x/v1"]
)
def test_a_password_that_is_cut_up_does_not_become_part_of_an_endpoint(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        normalized(url)
    assert refused.value.code == "bad_endpoint"
    assert "QXZ" not in f"{refused.value.message} {refused.value.hint}"


def test_an_at_sign_in_a_path_can_be_written() -> None:
    assert normalized("https://h/%40cf/v1/") == "https://h/%40cf/v1"


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("select ingest_add(content => 'a', options => $1::text::jsonb)", "[" * 100_000 + "]" * 100_000),
        ("select * from ingest_search($1::text::vector)", "[" + "1," * 16_000 + "1]"),
        ("select ingest_add(content => 'a', metadata => $1::text::jsonb)", '{"a":' * 100_000 + "1" + "}" * 100_000),
    ],
    ids=["a deep array", "a wide vector", "a deep object"],
)
async def test_what_is_too_much_for_postgres_is_the_value_s_fault(c: Connection, statement: str, value: str) -> None:
    with pytest.raises(asyncpg.PostgresError) as raised:
        await c.execute(statement, value)
    refused = translated(raised.value)
    assert isinstance(refused, RequestError)
    assert refused.code == "invalid_value"


@pytest.mark.parametrize("rest", ["a%", "a%20b%", "%41%", "%zz%20", "100%%20", "%2541", "%25%", "%%41%"])
async def test_sql_and_python_find_the_same_path_in_a_url_with_a_lone_percent(c: Connection, rest: str) -> None:
    source = f"file:///srv/{rest}"
    assert await c.fetchval("select ingest_locate($1)", source) == path_of(source)


@pytest.mark.parametrize("number", [-(2**63), -1, 0, 2**63 - 1])
async def test_the_sql_that_is_shown_says_the_number_that_is_sent(c: Connection, number: int) -> None:
    assert await c.fetchval(as_psql("select $1::bigint", number)) == number
