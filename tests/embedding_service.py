"""A real embedding service on loopback: OpenAI's API as OpenAI, Ollama, vLLM and TEI answer it, and what goes wrong.

::

    async with EmbeddingService("tei") as service:
        service.max_batch = 32
        service.next(limited(0.01), failing(500))   # the next two calls, then as usual
        ...
        service.requests, service.peak, service.url

Vectors are made from a hash of the text (``vector``): the same text, the same vector; different texts, different ones.
It runs in a thread of its own. ``python tests/embedding_service.py`` runs it as a program (for benchmarks: it answers
with more vectors a second than anybody decodes), prints its base URL and ends with its stdin.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import json
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

PIECE = 2**17
POOL = 64
HEAD = 3  # numbers of a vector that come from the text's hash; the rest is one of POOL drawn before


@dataclass(frozen=True, slots=True)
class Received:
    """One call as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    at: float  # time.monotonic()

    @property
    def texts(self) -> list[str]:
        return list(self.body["input"])


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer. ``cut``: break off after so many bytes of the body; ``stall``: then wait for the client to go."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    stall: bool = False
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Vendor:
    """How a service answers: whether it knows base64, whether it shortens vectors, and its errors' bodies."""

    base64: bool
    shortens: bool
    error: Callable[[int, str, str], Any]
    too_many: int


Behaviour = Callable[["EmbeddingService", Received], Reply]


def _openai_error(status: int, kind: str, message: str) -> Any:
    return {"error": {"message": message, "type": kind, "param": None, "code": kind}}


def _ollama_error(status: int, kind: str, message: str) -> Any:
    kinds = {400: "invalid_request_error", 404: "not_found_error"}
    return {"error": {"message": message, "type": kinds.get(status, "api_error"), "param": None, "code": None}}


def _vllm_error(status: int, kind: str, message: str) -> Any:
    kinds = {400: "BadRequestError", 404: "NotFoundError"}
    param = "dimensions" if "matryoshka" in message else None
    return {"error": {"message": message, "type": kinds.get(status, "Error"), "param": param, "code": status}}


def _tei_error(status: int, kind: str, message: str) -> Any:
    kinds = {413: "Validation", 422: "Tokenizer", 424: "Backend", 429: "Overloaded"}
    return {"message": message, "code": status, "type": kinds.get(status, "Backend")}


VENDORS = {
    "openai": Vendor(base64=True, shortens=True, error=_openai_error, too_many=400),
    "ollama": Vendor(base64=True, shortens=True, error=_ollama_error, too_many=400),
    "ollama before base64": Vendor(base64=False, shortens=False, error=_ollama_error, too_many=400),
    "vllm": Vendor(base64=True, shortens=False, error=_vllm_error, too_many=400),
    "tei": Vendor(base64=True, shortens=False, error=_tei_error, too_many=413),
    "tei before base64": Vendor(base64=False, shortens=False, error=_tei_error, too_many=413),
}


class EmbeddingService:
    """``url`` is its base URL. Attributes may be changed at any time, from the test's thread."""

    def __init__(self, vendor: str = "openai", *, dimensions: int = 1536, latency: float = 0.0) -> None:
        self.vendor = VENDORS[vendor]
        self.dimensions = dimensions
        self.latency = latency
        self.models = {"text-embedding-3-small", "text-embedding-3-large", "test"}
        self.key: str | None = None
        self.marker: str | None = None
        self.refusal = "This model's maximum context length is 8192 tokens, however you requested 9000 tokens."
        self.max_batch = 2048
        self.max_characters = 10**9
        self.url = ""
        self.requests: list[Received] = []
        self.peak = self.broken_off = 0
        self._running = 0
        self._script: deque[Behaviour] = deque()
        self._usual: Behaviour = answer
        self._changed = threading.Condition()
        self._open = asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()

    def next(self, *behaviours: Behaviour) -> None:
        """Answer the next calls so, one each."""
        self._script.extend(behaviours)

    def always(self, behaviour: Behaviour) -> None:
        """Answer all calls so, from now on."""
        self._usual = behaviour

    def hold(self) -> None:
        """Let calls arrive and give them no answer, until ``release``."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def release(self) -> None:
        self._loop.call_soon_threadsafe(self._open.set)

    async def until(self, what: Callable[[EmbeddingService], bool]) -> None:
        """Wait until something is so: ``lambda service: service.running == 8``."""

        def wait() -> bool:
            with self._changed:
                return self._changed.wait_for(lambda: what(self), 20)

        assert await asyncio.to_thread(wait), "the service waited in vain"

    @property
    def running(self) -> int:
        """How many calls have arrived and have no answer yet."""
        return self._running

    @property
    def sizes(self) -> list[int]:
        """How many texts each call so far had."""
        return [len(request.texts) for request in self.requests]

    async def __aenter__(self) -> EmbeddingService:
        ready: threading.Event = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        self._thread.start()
        assert await asyncio.to_thread(ready.wait, 20)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        await asyncio.to_thread(self._thread.join, 20)

    async def _serve(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._open.set()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=2**22)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        ready.set()
        await self._stop.wait()
        server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one call; False: nothing more comes on this connection."""
        received = await _read(reader)
        with self._changed:
            self.requests.append(received)
            self._running += 1
            self.peak = max(self.peak, self._running)
            self._changed.notify_all()
        try:
            behaviour = self._script.popleft() if self._script else self._usual
            reply = behaviour(self, received)
            gone = asyncio.ensure_future(reader.read(1))  # a client sends nothing before it has its answer
            try:
                if not await self._delayed(gone):
                    return False
                return await self._send(reply, writer, gone)
            finally:
                gone.cancel()
                await asyncio.gather(gone, return_exceptions=True)
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    async def _delayed(self, gone: asyncio.Future[bytes]) -> bool:
        """Wait for the latency, and for ``release``; False if the client left meanwhile."""
        if self.latency:
            await asyncio.wait([gone], timeout=self.latency)
        if not self._open.is_set():
            opened: asyncio.Future[Any] = asyncio.ensure_future(self._open.wait())
            await asyncio.wait({gone, opened}, return_when=asyncio.FIRST_COMPLETED)
            opened.cancel()
        return not self._left(gone)

    async def _send(self, reply: Reply, writer: asyncio.StreamWriter, gone: asyncio.Future[bytes]) -> bool:
        head = {"content-type": reply.media_type, "content-length": str(len(reply.body)), **reply.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        writer.write(f"HTTP/1.1 {reply.status} Whatever\r\n{lines}\r\n".encode())
        body = memoryview(reply.body)[: reply.cut]
        for at in range(0, len(body), PIECE):  # what a socket does not take at once is copied again and again
            writer.write(body[at : at + PIECE])
            await writer.drain()
        if reply.stall:
            await asyncio.wait([gone])
            self._left(gone)
        return reply.cut is None and not gone.done()

    def _left(self, gone: asyncio.Future[bytes]) -> bool:
        if gone.done():
            with self._changed:
                self.broken_off += 1
                self._changed.notify_all()
        return gone.done()


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    named = (line.split(": ", 1) for line in head[1:] if ": " in line)
    headers = {name.lower(): value for name, value in named}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Received(method, path, headers, json.loads(body) if body else {}, time.monotonic())


# what a call gets


def answer(service: EmbeddingService, request: Received) -> Reply:
    """Answer as the vendor does: vectors, or what it says of a wrong key, an unknown model, too much, a bad text."""
    texts = request.texts
    error = service.vendor.error
    if service.key and request.headers.get("authorization") != f"Bearer {service.key}":
        told = f"Incorrect API key provided: {service.key[:6]}******{service.key[-4:]}."
        return refusal(401, error(401, "invalid_api_key", told))
    if request.body["model"] not in service.models:
        told = f"The model `{request.body['model']}` does not exist."
        return refusal(404, error(404, "model_not_found", told))
    wanted = request.body.get("dimensions") or service.dimensions
    if wanted != service.dimensions and not service.vendor.shortens:
        told = "Model does not support matryoshka representation, changing output dimensions will lead to poor results."
        return refusal(400, error(400, "invalid_request_error", told))
    if len(texts) > service.max_batch:
        told = f"batch size {len(texts)} > maximum allowed batch size {service.max_batch}"
        return refusal(service.vendor.too_many, error(service.vendor.too_many, "invalid_request_error", told))
    if (characters := sum(map(len, texts))) > service.max_characters:
        told = f"Requested {characters} tokens, max {service.max_characters} tokens per request"
        return refusal(400, error(400, "max_tokens_per_request", told))
    if any(not text or (service.marker and service.marker in text) for text in texts):
        return refusal(
            service.vendor.too_many, error(service.vendor.too_many, "invalid_request_error", service.refusal)
        )
    return Reply(
        body=vectors_body(texts, wanted, service.vendor.base64 and request.body.get("encoding_format") == "base64")
    )


def chat(service: EmbeddingService, request: Received) -> Reply:
    """Answer as a chat API: where it stands, with the first word of the last message's last line; 10 tokens."""
    asked = request.body["messages"][-1]["content"]
    said = f"It is about {asked.split('<excerpt>')[-1].split()[0].lower()}ness."
    message = {"role": "assistant", "content": said}
    body = {
        "model": request.body["model"],
        "usage": {"total_tokens": 10},
        "choices": [{"index": 0, "message": message}],
    }
    return Reply(body=json.dumps(body).encode())


def refusal(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, json.dumps(body).encode(), headers or {})


def failing(status: int, message: str = "out of order", headers: Mapping[str, str] | None = None) -> Behaviour:
    """Answer with an error in the vendor's form."""
    return lambda service, _: refusal(status, service.vendor.error(status, "error", message), headers)


def limited(seconds: float | None = None, headers: Mapping[str, str] | None = None) -> Behaviour:
    """Answer that there were too many calls; ``seconds``: to wait."""
    told = {} if seconds is None else {"retry-after-ms": str(seconds * 1000)}
    return failing(429, "Rate limit reached", {**told, **(headers or {})})


def plainly(reply: Reply) -> Behaviour:
    """Answer exactly this."""
    return lambda *_: reply


def changed(change: Callable[[dict[str, Any]], Any]) -> Behaviour:
    """Answer as usual, with the body's JSON changed before it is sent."""

    def behave(service: EmbeddingService, request: Received) -> Reply:
        body = json.loads(answer(service, request).body)
        change(body)
        return Reply(body=json.dumps(body).encode())

    return behave


def cut(service: EmbeddingService, request: Received) -> Reply:
    """Break off in the middle of the body."""
    body = answer(service, request).body
    return Reply(body=body, cut=len(body) // 2)


def stalled(service: EmbeddingService, request: Received) -> Reply:
    """Send half of the body, then nothing, and keep the connection."""
    body = answer(service, request).body
    return Reply(body=body, cut=len(body) // 2, stall=True)


# vectors


def vector(text: str, dimensions: int = 1536) -> NDArray[np.float32]:
    """Return the vector that the service makes of a text."""
    head, at = _head(text)
    return np.frombuffer(head + _pool(dimensions)[at], dtype="<f4").astype(np.float32)


def vectors_body(texts: Iterable[str], dimensions: int, as_base64: bool) -> bytes:
    """Return the body of a successful answer."""
    if as_base64:
        tails = _base64s(dimensions)
        heads = ((base64.b64encode(head), at) for head, at in map(_head, texts))
        rows = [
            b'{"object":"embedding","index":%d,"embedding":"%s%s"}' % (i, h, tails[at])
            for i, (h, at) in enumerate(heads)
        ]
    else:
        lists = _lists(dimensions)
        numbers = ((b",".join(b"%r" % x for x in struct.unpack("<3f", head)), at) for head, at in map(_head, texts))
        rows = [
            b'{"object":"embedding","embedding":[%s%s],"index":%d}' % (n, lists[at], i)
            for i, (n, at) in enumerate(numbers)
        ]
    usage = b'{"prompt_tokens":%d,"total_tokens":%d}' % (7 * len(rows), 7 * len(rows))
    return b'{"object":"list","data":[%s],"model":"test","usage":%s}' % (b",".join(rows), usage)


def _head(text: str) -> tuple[bytes, int]:
    """Return a vector's first numbers, exact as decimals too, and which of the pool goes on."""
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    one, two, three, at = struct.unpack("<3hH", digest)
    return struct.pack("<3f", one / 2**15, two / 2**15, three / 2**15), at % POOL


@lru_cache
def _pool(dimensions: int) -> list[bytes]:
    drawn = np.random.default_rng(dimensions).standard_normal((POOL, dimensions - HEAD)).astype("<f4")
    return [row.tobytes() for row in drawn / np.float32(np.sqrt(dimensions))]


@lru_cache
def _base64s(dimensions: int) -> list[bytes]:
    return [base64.b64encode(tail) for tail in _pool(dimensions)]


@lru_cache
def _lists(dimensions: int) -> list[bytes]:
    return [b"".join(b",%a" % float(x) for x in np.frombuffer(tail, "<f4")) for tail in _pool(dimensions)]


async def _run() -> None:
    parser = argparse.ArgumentParser(description="An embedding service on loopback.")
    parser.add_argument("--vendor", choices=VENDORS, default="openai")
    parser.add_argument("--dimensions", type=int, default=1536)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds")
    arguments = parser.parse_args()
    service = EmbeddingService(arguments.vendor, dimensions=arguments.dimensions, latency=arguments.latency)
    async with service:
        print(service.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_run())
