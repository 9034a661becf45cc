"""What a scrape gets over HTTP, and what others get who connect to its port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from listener.engine import scrapes
from listener.engine.scrapes import Scrapes


@asynccontextmanager
async def served(content: bytes = b"ingest_up 1.0\n") -> AsyncIterator[tuple[str, int]]:
    async def page(accept: str) -> tuple[bytes, str]:
        return content, f"text/plain; for={accept}"

    server = Scrapes(page)
    await server.open("127.0.0.1", 0)
    assert server._server
    try:
        yield server._server.sockets[0].getsockname()
    finally:
        await server.close()


async def asked(address: tuple[str, int], request: bytes) -> tuple[str, str]:
    """Send bytes; return the status line and the body."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request)
    answer = (await reader.read()).decode()
    writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    assert "Connection: close" in head
    return head.split("\r\n")[0].partition(" ")[2], body


async def test_a_get_has_the_page_and_a_head_its_length_alone() -> None:
    async with served() as address:
        for target in (b"/metrics", b"/metrics?collect=all"):
            assert await asked(address, b"GET " + target + b" HTTP/1.1\r\nHost: x\r\n\r\n") == (
                "200 OK",
                "ingest_up 1.0\n",
            )
        assert await asked(address, b"HEAD /metrics HTTP/1.0\r\n\r\n") == ("200 OK", "")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "404 Not Found"),
        (b"GET /metrics/x HTTP/1.1\r\n\r\n", "404 Not Found"),
        (b"POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
        (b"GET /metrics\r\n\r\n", "400 Bad Request"),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", "400 Bad Request"),
        (b"PRI * HTTP/2.0\r\n\r\n", "400 Bad Request"),
        (b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", "431 Request Header Fields Too Large"),
    ],
)
async def test_others_hear_why_not(request_: bytes, status: str) -> None:
    async with served() as address:
        assert (await asked(address, request_))[0] == status


async def test_what_a_client_accepts_is_passed_on_from_all_of_its_headers() -> None:
    async with served() as address:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"GET /metrics HTTP/1.1\r\naccept: a/b\r\nACCEPT: c/d\r\n\r\n")
        assert b"for=a/b,c/d\r\n" in await reader.read()
        writer.close()


async def test_a_client_that_says_nothing_or_reads_nothing_is_let_go_and_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scrapes, "CLIENT_SECONDS", 0.3)
    async with served(b"x" * 50_000_000) as address:
        silent, one = await asyncio.open_connection(*address)
        _, deaf = await asyncio.open_connection(*address, limit=1024)
        deaf.write(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert (await asked(address, b"HEAD /metrics HTTP/1.1\r\n\r\n"))[0] == "200 OK"
        assert await silent.read() == b""
        one.close()
        deaf.transport.abort()


async def test_clients_beyond_a_number_are_let_go_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrapes, "MOST_CLIENTS", 2)
    async with served() as address:
        waiting = [await asyncio.open_connection(*address) for _ in range(2)]
        reader, one = await asyncio.open_connection(*address)
        with suppress(ConnectionError):
            assert await reader.read() == b""
        one.transport.abort()
        for _, writer in waiting:
            writer.close()
