"""What OpenAI's client sends for us and how far it reads, against a real HTTP server and a hostile environment."""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import ssl
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from embedding_service import EmbeddingService, Reply, failing, plainly

from listener.embedding.answers import Answer
from listener.embedding.endpoint import Endpoint
from listener.errors import ServiceError, SettingsError

KEY = "sk-test-0123456789abcdef"
HEADERS = {
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "user-agent",
    "x-stainless-raw-response",  # how its client tells itself that the answer is read by us
}
HOSTILE = {
    "OPENAI_API_KEY": "sk-of-the-environment",
    "OPENAI_ADMIN_KEY": "sk-admin-of-the-environment",
    "OPENAI_BASE_URL": "http://127.0.0.1:9/elsewhere",
    "OPENAI_ORG_ID": "org-of-the-environment",
    "OPENAI_PROJECT_ID": "proj-of-the-environment",
    "OPENAI_WEBHOOK_SECRET": "whsec",
    "OPENAI_CUSTOM_HEADERS": "X-Added: 1\nAuthorization: Bearer other\nHost: elsewhere\nUser-Agent: other",
    "OPENAI_API_TYPE": "azure",
    "AZURE_OPENAI_ENDPOINT": "http://127.0.0.1:9/azure",
    "AZURE_OPENAI_API_KEY": "azure",
    "OPENAI_API_VERSION": "2020-01-01",
}
BOMB = gzip.compress(b" " * 64_000_000)  # 62 KB


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", *HOSTILE):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
async def service() -> AsyncIterator[EmbeddingService]:
    async with EmbeddingService(dimensions=8) as running:
        yield running


@asynccontextmanager
async def opened(url: str, key: str | None = None) -> AsyncIterator[Endpoint]:
    endpoint = Endpoint(url, key, calls=2, seconds=20)
    try:
        yield endpoint
    finally:
        await endpoint.close()


async def called(url: str, key: str | None = None) -> Answer:
    async with opened(url, key) as endpoint:
        return await endpoint.call("test", ["text"], None)


@pytest.mark.parametrize("key", [KEY, "", None])
async def test_nothing_of_the_environment_changes_what_is_sent(
    service: EmbeddingService, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    assert (await called(service.url, key)).status == 200
    [request] = service.requests
    assert set(request.headers) == HEADERS | ({"authorization"} if key else set())
    assert request.headers.get("authorization") == (f"Bearer {KEY}" if key else None)
    assert request.headers["host"] in service.url
    assert request.headers["user-agent"].startswith("ingest-listener/")
    assert request.body == {"model": "test", "input": ["text"], "encoding_format": "base64"}


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_the_client_repeats_no_call_by_itself(service: EmbeddingService, status: int) -> None:
    service.always(failing(status, "no", {"x-should-retry": "true", "retry-after-ms": "1"}))
    answer = await called(service.url)
    assert (answer.status, answer.headers["retry-after-ms"]) == (status, "1")
    assert json.loads(answer.body)["error"]["message"] == "no"
    assert len(service.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_the_key_follows_no_redirect(service: EmbeddingService, status: int) -> None:
    async with EmbeddingService(dimensions=8) as other:
        service.next(plainly(Reply(status, b"moved", {"location": f"{other.url}/embeddings"})))
        answer = await called(service.url, KEY)
        assert (answer.status, answer.body) == (status, b"moved")
        assert other.requests == []


@pytest.mark.parametrize("status", [200, 201, 308, 400, 500])
async def test_a_packed_answer_is_read_to_the_limit_of_what_is_unpacked(service: EmbeddingService, status: int) -> None:
    headers = {"content-encoding": "gzip", "location": "/elsewhere"}
    service.always(plainly(Reply(status, BOMB, headers)))
    async with opened(service.url) as endpoint:
        tracemalloc.start()
        try:
            with pytest.raises(ServiceError, match="an answer of over") as caught:
                await endpoint.call("test", ["text"], None)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert caught.value.code == "embedding_unavailable"
    assert peak < 8_000_000
    assert len(service.requests) == 1


@pytest.mark.parametrize("status", [200, 403, 500])
async def test_an_answer_without_end_is_read_to_the_limit_whatever_its_status(
    service: EmbeddingService, status: int
) -> None:
    service.always(plainly(Reply(status, b" " * 10_000_000)))
    with pytest.raises(ServiceError, match="an answer of over"):
        await called(service.url)


async def test_what_is_packed_otherwise_than_it_says_is_an_error_of_the_service(service: EmbeddingService) -> None:
    service.always(plainly(Reply(200, b"not packed", {"content-encoding": "gzip"})))
    with pytest.raises(ServiceError, match="embedding_unavailable"):
        await called(service.url)


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("stall", [True, False])
async def test_a_body_that_breaks_off_or_stalls_is_an_error_whatever_its_status(
    service: EmbeddingService, status: int, stall: bool
) -> None:
    service.always(plainly(Reply(status, b'{"error": "cut"}', cut=5, stall=stall)))
    endpoint = Endpoint(service.url, None, calls=2, seconds=0.3)
    with pytest.raises(ServiceError) as caught:
        await endpoint.call("test", ["text"], None)
    await endpoint.close()
    assert caught.value.code == ("embedding_timeout" if stall else "embedding_unavailable")


async def test_more_calls_than_connections_wait_for_one(service: EmbeddingService) -> None:
    async with opened(service.url) as endpoint:
        service.hold()
        calls = [asyncio.create_task(endpoint.call("test", [str(number)], None)) for number in range(5)]
        await service.until(lambda service: service.running == 2)
        service.release()
        assert [answer.status for answer in await asyncio.gather(*calls)] == [200] * 5
    assert service.peak == 2


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Return a file with a certificate of its own authority, and its key, for 127.0.0.1."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-keyout", "both.pem", "-out", "cert.pem", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    both = tmp_path / "both.pem"
    both.write_text(both.read_text() + (tmp_path / "cert.pem").read_text())
    return both


async def test_a_certificate_of_an_unknown_authority_is_a_setting_to_mend(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def teapot(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 418 Teapot\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(teapot, "127.0.0.1", 0, ssl=context) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        with pytest.raises(SettingsError) as caught:
            await called(url, KEY)
        assert caught.value.code == "certificate_refused"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert (await called(url, KEY)).status == 418


def test_the_client_is_imported_when_the_first_text_is_sent_and_logs_nothing_of_its_own() -> None:
    program = """if True:
        import asyncio, logging, sys
        from listener import embedding
        from listener.settings import Settings

        async def main():
            settings = Settings(
                embedder="openai", OPENAI_API_KEY=None, OPENAI_BASE_URL="http://127.0.0.1:9/v1",
                embedding_model="m", embedding_dimensions=8,
            )
            embedder = embedding.create(embedding.default_space(settings), settings)
            print({"openai", "httpx2"} & {*sys.modules})
            await embedder.prepare()
            print("openai" in sys.modules, logging.getLogger("openai").getEffectiveLevel())
            await embedder.close()

        asyncio.run(main())
    """
    environment = {"OPENAI_LOG": "debug", "PATH": ""}
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert ended.stdout.splitlines() == ["set()", "True 30"]
    assert ended.stderr == ""
