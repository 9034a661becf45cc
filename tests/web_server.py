"""A web server on loopback that says what a test wants, byte for byte if need be, and counts what it is asked.

::

    with WebServer() as site:
        site.pages["/a"] = Told("<p>words", etag='"1"')
        site.url("/a"); site.asked("/a"); site.requests

A ``Told`` is an answer; a function makes one of each request. It runs in a thread of its own.
"""

from __future__ import annotations

import asyncio
import gzip
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived; names of headers in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Told:
    """What to answer. ``cut``: end after so many bytes of the body; ``drip``: seconds between its bytes; ``raw``: say
    just that; ``endless``: say the body again and again."""

    body: str | bytes = ""
    status: int = 200
    media_type: str = "text/html; charset=utf-8"
    etag: str = ""
    modified: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    packed: bool = False
    cut: int | None = None
    drip: float = 0.0
    endless: bool = False
    raw: bytes = b""
    ranges: bool = False

    @property
    def data(self) -> bytes:
        return self.body.encode() if isinstance(self.body, str) else self.body


Page = Told | Callable[[Asked], Told]
NOTHING = Told("no such page", 404)


def moved(to: str, status: int = 301) -> Told:
    """Redirect to a URL."""
    return Told("", status, headers={"location": to})


def page(title: str, *links: str, head: str = "", text: str = "") -> str:
    """Return a page with links."""
    anchors = "".join(f'<p><a href="{link}">{link}</a></p>' for link in links)
    words = text or f"Some words about {title}, and why it matters."
    body = f"<h1>{title}</h1><p>{words}</p>{anchors}"
    return f"<!doctype html><html><head><title>{title}</title>{head}</head><body>{body}</body></html>"


class WebServer:
    """``pages`` by path and query, changed at any time."""

    def __init__(self, host: str = "127.0.0.1", certificate: Path | None = None) -> None:
        self.pages: dict[str, Page] = {}
        self.requests: list[Asked] = []
        self.open = self.most_open = 0
        self.host = host
        self.names: list[str | None] = []  # of hosts, as clients said them when they began to encrypt
        self._encryption = self._encrypting(certificate) if certificate else None
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None

    def __enter__(self) -> WebServer:
        self._thread.start()
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._encryption else 'http'}://{host}:{self.port}"

    def url(self, path: str = "/") -> str:
        return self.origin + path

    def asked(self, path: str) -> int:
        """Return how often a path was asked for."""
        return sum(one.path == path for one in self.requests)

    def start(self) -> None:
        """Listen, on the port that it had before."""

        async def listen() -> asyncio.Server:
            return await asyncio.start_server(self._serve, self.host, self.port, ssl=self._encryption)

        self._server = asyncio.run_coroutine_threadsafe(listen(), self._loop).result()
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Listen no more; connections that are open stay."""
        if self._server is not None:
            self._loop.call_soon_threadsafe(self._server.close)
            self._server = None

    def _encrypting(self, certificate: Path) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        context.sni_callback = lambda _, name, __: self.names.append(name)
        return context

    async def _end(self) -> None:
        tasks = [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                asked = _read(head)
                self.requests.append(asked)
                self.open += 1
                self.most_open = max(self.most_open, self.open)
                try:
                    if not await self._answer(asked, writer):
                        return
                finally:
                    self.open -= 1
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            return
        finally:
            writer.close()

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        """Answer; return whether the connection goes on."""
        found = self.pages.get(asked.path, NOTHING)
        told = found(asked) if callable(found) else found
        if told.raw:
            writer.write(told.raw)
            await writer.drain()
            return False
        status, body, headers = _spoken(told, asked)
        lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
        while told.endless:
            writer.write(body)
            await writer.drain()
        for at in range(len(body) if told.drip else 0):
            writer.write(body[at : at + 1])
            await writer.drain()
            await asyncio.sleep(told.drip)
        if not told.drip:
            writer.write(body[: told.cut])
        await writer.drain()
        return told.cut is None


def _read(head: bytes) -> Asked:
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    method, path, _ = first.split(" ")
    pairs = (line.partition(":") for line in lines)
    return Asked(method, path, {name.lower(): value.strip() for name, _, value in pairs})


def _spoken(told: Told, asked: Asked) -> tuple[int, bytes, dict[str, str]]:
    headers = dict(told.headers)
    if told.media_type:
        headers["content-type"] = told.media_type
    if told.etag:
        headers["etag"] = told.etag
    if told.modified:
        headers["last-modified"] = told.modified
    same = told.etag and asked.headers.get("if-none-match") == told.etag
    if same or (told.modified and asked.headers.get("if-modified-since") == told.modified):
        return 304, b"", headers
    body, status = told.data, told.status
    if told.packed and "gzip" in asked.headers.get("accept-encoding", ""):
        body = gzip.compress(body)
        headers["content-encoding"] = "gzip"
    if told.ranges and (wanted := asked.headers.get("range", "")):
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        if int(first) >= len(body):
            return 416, b"", headers | {"content-length": "0"}
        headers["content-range"] = f"bytes {first}-{min(int(last), len(body) - 1)}/{len(body)}"
        status, body = 206, body[int(first) : int(last) + 1]
    if not told.endless:
        headers.setdefault("content-length", str(len(body)))
    return status, body, headers
