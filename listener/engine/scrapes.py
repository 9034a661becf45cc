"""As much of HTTP as a scrape needs: one GET or HEAD of one path, one answer, and the connection is closed.

Anybody who can connect may ask: so a client has a few seconds and a few KB, and few are served at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

import anyio

from listener.errors import OperatorError

log = logging.getLogger(__name__)

PATH = "/metrics"
MOST_HEAD_BYTES = 16 * 1024
MOST_CLIENTS = 16
CLIENT_SECONDS = 10.0  # as long as Prometheus waits by itself
PLAIN = "text/plain; charset=utf-8"

WritePage = Callable[[str], Awaitable[tuple[bytes, str]]]
"""Returns the page and its media type for what a client accepts."""


class BadScrape(Exception):
    """A request that gets a status and a sentence."""

    def __init__(self, status: HTTPStatus, said: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(said)
        self.status = status
        self.headers = headers or {}


class Scrapes:
    """Answers clients that connect."""

    def __init__(self, page: WritePage) -> None:
        self._page = page
        self._clients: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def serve(self, host: str, port: int) -> None:
        """Listen where the settings say; raises OperatorError ``metrics_not_served``."""
        try:
            await self.open(host, port)
        except OSError as error:
            raise OperatorError(
                "metrics_not_served",
                f"INGEST_METRICS_PORT: nothing can be served at {host}, port {port}: {error.strerror or error}",
                "Each listener of a host needs a port of its own, at an address of that host (INGEST_METRICS_HOST)."
                " To see who uses it: ss --listening --tcp --processes",
            ) from error
        log.info("figures are served at http://%s:%s%s", host, port, PATH)

    async def open(self, host: str, port: int) -> None:
        """Listen; raises OSError."""
        self._server = await asyncio.start_server(self._connected, host, port, limit=MOST_HEAD_BYTES)

    async def close(self) -> None:
        """Stop listening; break off answers under way."""
        if self._server is not None:
            self._server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) >= MOST_CLIENTS:
            writer.transport.abort()
            return
        # A task of ours: of a coroutine's, asyncio reports it as an error that it was cancelled.
        client = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._clients.add(client)
        client.add_done_callback(self._clients.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with anyio.move_on_after(CLIENT_SECONDS):
                writer.write(await self._answer(reader))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except OSError as error:
            log.debug("a client of %s went away: %s", PATH, error)
        except Exception:
            log.exception("a client of %s got no answer", PATH)
        finally:
            writer.transport.abort()  # of a slow client: what it has not received by now

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        """Return all that a client is sent."""
        body = True
        try:
            method, accept = await _asked(reader)
            body = method == "GET"
            content, media_type = await self._page(accept)
            return _message(HTTPStatus.OK, content, media_type, {}, body)
        except BadScrape as bad:
            return _message(bad.status, f"{bad}\n".encode(), PLAIN, bad.headers, body)


async def _asked(reader: asyncio.StreamReader) -> tuple[str, str]:
    """Return the method of a request for the page, and what the client accepts; raises BadScrape."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        raise BadScrape(status, f"the request's head has more than {MOST_HEAD_BYTES} bytes") from None
    except asyncio.IncompleteReadError:
        raise BadScrape(HTTPStatus.BAD_REQUEST, "the request has no end") from None
    first, *lines = head.decode("latin-1").split("\r\n")
    match first.split(" "):
        case [method, target, version] if version.startswith("HTTP/1."):
            pass
        case _:
            raise BadScrape(HTTPStatus.BAD_REQUEST, "this is no request of HTTP/1")
    if target.partition("?")[0] != PATH:
        raise BadScrape(HTTPStatus.NOT_FOUND, f"there is nothing but {PATH}")
    if method not in ("GET", "HEAD"):
        raise BadScrape(HTTPStatus.METHOD_NOT_ALLOWED, "GET or HEAD", {"Allow": "GET, HEAD"})
    named = (line.partition(":") for line in lines)
    return method, ",".join(value.strip() for name, _, value in named if name.lower() == "accept")


def _message(status: HTTPStatus, content: bytes, media_type: str, headers: Mapping[str, str], body: bool) -> bytes:
    told = {"Content-Type": media_type, "Content-Length": len(content), "Connection": "close", **headers}
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in told.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (content if body else b"")
