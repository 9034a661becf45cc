"""``python -m benchmarks.endpoint``: a fake OpenAI-compatible embedding service that costs next to nothing.

Every call is answered after a fixed latency with vectors drawn up before, the same for the same text, as base64 or as
JSON numbers (``--numbers``: always as these, as some services do). Prints its base URL; ``GET /counts`` says how many
calls and texts came so far. Ends when its stdin does.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import sys
from zlib import crc32

import numpy as np

POOL = 512  # different vectors
END = b"\r\n\r\n"


class Endpoint(asyncio.Protocol):
    """One connection: HTTP/1.1 with Content-Length, calls one after the other."""

    calls = 0
    texts = 0

    def __init__(self, latency: float, base64s: list[bytes], numbers: list[bytes]) -> None:
        self._latency = latency
        self._answers = {"base64": base64s, "float": numbers}
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (head := self._received.find(END)) >= 0:
            length = _content_length(bytes(self._received[:head]))
            stop = head + len(END) + length
            if len(self._received) < stop:
                return
            line, body = bytes(self._received[:16]), bytes(self._received[head + len(END) : stop])
            del self._received[:stop]
            parts = self._counts() if line.startswith(b"GET") else self._embed(json.loads(body))
            asyncio.get_running_loop().call_later(self._latency, self._send, parts)

    def _counts(self) -> list[bytes]:
        return [json.dumps({"calls": Endpoint.calls, "texts": Endpoint.texts}).encode()]

    def _embed(self, call: dict[str, object]) -> list[bytes]:
        texts = call["input"] if isinstance(call["input"], list) else [call["input"]]
        Endpoint.calls += 1
        Endpoint.texts += len(texts)
        pool = self._answers[str(call.get("encoding_format", "float"))]
        parts = [b'{"object":"list","model":"%s","data":[' % str(call["model"]).encode()]
        for index, text in enumerate(texts):
            parts.append(b'%s{"object":"embedding","index":%d,"embedding":' % (b"," * (index > 0), index))
            parts += pool[crc32(str(text).encode()) % POOL], b"}"
        tokens = sum(len(str(text)) for text in texts) // 4
        parts.append(b'],"usage":{"prompt_tokens":%d,"total_tokens":%d}}' % (tokens, tokens))
        return parts

    def _send(self, parts: list[bytes]) -> None:
        length = sum(map(len, parts))
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % length
        self._transport.write(b"".join([head, *parts]))


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    return 0


async def main(latency: float, dimensions: int, numbers_only: bool) -> None:
    """Serve on a free port of the loopback address."""
    vectors = np.random.default_rng(1).standard_normal((POOL, dimensions)).astype("<f4")
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    base64s = [b'"%s"' % base64.b64encode(vector.tobytes()) for vector in vectors]
    numbers = [json.dumps([round(float(value), 8) for value in vector]).encode() for vector in vectors]
    if numbers_only:
        base64s = numbers
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Endpoint(latency, base64s, numbers), "127.0.0.1", 0)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency", type=float, default=0.02, help="seconds")
    parser.add_argument("--dimensions", type=int, default=1536)
    parser.add_argument("--numbers", action="store_true", help="answer with JSON numbers, whatever is asked for")
    arguments = parser.parse_args()
    asyncio.run(main(arguments.latency, arguments.dimensions, arguments.numbers))
