"""An embedding service that fails in turns: down, limited, hanging, broken, talking nonsense, and fine in between.

It remembers which texts it answered, for whom, and how many asked it for a harmless text at a time. Only calls of the
model ``turns`` meet its mood; all others are answered.
"""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np

from benchmarks import endpoint
from benchmarks.fleet import DIMENSIONS
from listener.embedding.probing import HARMLESS

MOODS = ("down", "429", "429 with Retry-After", "hang", "500", "wrong body")
FINE = "fine"
LATENCY_SECONDS = 0.05
RETRY_AFTER = 5

_REFUSALS = {
    "429": (
        429,
        "",
        b'{"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}}',
    ),
    "429 with Retry-After": (429, f"Retry-After: {RETRY_AFTER}\r\n", b'{"error": {"message": "Rate limit reached"}}'),
    "500": (500, "", b'{"error": {"message": "The server had an error while processing your request"}}'),
    "wrong body": (200, "", b"<html><body>Welcome to the proxy</body></html>"),
}


@dataclass
class MoodyService:
    """What the service does just now, and what it has seen. ``answered``: how often each text of ``turns`` was.

    ``checked``: the listeners that have asked as they start. That may fall into an outage, and is no probe.
    """

    url: str = ""
    mood: str = FINE
    answered: Counter[bytes] = field(default_factory=Counter)
    by: dict[str, set[bytes]] = field(default_factory=dict)
    in_flight: dict[str, Counter[bytes]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    probing: int = 0
    most_probing: int = 0
    checked: set[str] = field(default_factory=set)

    def unfinished(self, key: str, stored: set[bytes]) -> set[bytes]:
        """Return what a listener has sent, or has got and not stored."""
        return (self.by.get(key, set()) - stored) | set(self.in_flight.get(key, ()))


class _Moody(endpoint.Endpoint):
    """One connection; it belongs to one listener, whose key its first call has."""

    def __init__(self, service: MoodyService, base64s: list[bytes]) -> None:
        super().__init__(LATENCY_SECONDS, base64s, [])
        self._service = service
        self._key = ""
        self._call: dict[str, Any] | None = None
        self._mood = FINE
        self._probes = False

    def data_received(self, data: bytes) -> None:
        if not self._key:
            self._key = data.partition(b"Bearer ")[2].partition(b"\r\n")[0].decode()
        super().data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended(answered=False)

    def _embed(self, call: dict[str, Any]) -> list[bytes]:
        self._call = call
        self._mood = self._service.mood if call["model"] == "turns" else FINE
        self._service.calls[f"{call['model']} {self._mood}"] += 1
        if call["model"] == "turns" and call["input"] == [HARMLESS]:
            self._probes = self._key in self._service.checked
            self._service.checked.add(self._key)
            self._service.probing += self._probes
            self._service.most_probing = max(self._service.most_probing, self._service.probing)
        elif call["model"] == "turns":
            self._service.in_flight.setdefault(self._key, Counter()).update(_digests(call))
        return super()._embed(call)

    def _send(self, parts: list[bytes]) -> None:
        if self._mood == "hang":
            return
        self._ended(answered=self._mood == FINE)
        if self._mood == "down":
            self._transport.abort()
        elif refusal := _REFUSALS.get(self._mood):
            status, header, body = refusal
            head = (
                f"HTTP/1.1 {status} So\r\nContent-Type: application/json\r\n{header}Content-Length: {len(body)}\r\n\r\n"
            )
            self._transport.write(head.encode() + body)
        else:
            super()._send(parts)

    def _ended(self, *, answered: bool) -> None:
        call, self._call = self._call, None
        if call is None or call["model"] != "turns":
            return
        if call["input"] == [HARMLESS]:
            self._service.probing -= self._probes
            return
        self._service.in_flight[self._key] -= Counter(_digests(call))
        if answered:
            self._service.answered.update(_digests(call))
            self._service.by.setdefault(self._key, set()).update(_digests(call))


def _digests(call: dict[str, Any]) -> list[bytes]:
    return [sha256(text.encode()).digest() for text in call["input"]]


@asynccontextmanager
async def moody_service() -> AsyncIterator[MoodyService]:
    """Run the service in this process."""
    vectors = np.random.default_rng(1).standard_normal((endpoint.POOL, DIMENSIONS)).astype("<f4")
    base64s = [b'"%s"' % base64.b64encode(vector.tobytes()) for vector in vectors]
    running = MoodyService()
    server = await asyncio.get_running_loop().create_server(lambda: _Moody(running, base64s), "127.0.0.1", 0)
    running.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server:
        yield running
