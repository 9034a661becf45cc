"""HTTP for those who ask: a connection whose request does not come in time loses its place, under a crowd at once.

uvicorn counts a connection from the moment that it is there, and waits for its request without end. So a few hundred
that send half a line each would keep everybody else out. Sockets of pages, and requests that are being answered, stay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

MOST_CONNECTIONS = 512  # above, whoever asks gets a 503
CROWD = MOST_CONNECTIONS * 3 // 4  # from then on, each that comes has the one that dawdles longest closed
REQUEST_SECONDS = 5.0  # for the head and the body of a request, and for the time until there is one


class PromptProtocol(H11Protocol):
    """A connection; ``waits_since``: its request has not come in full, by the loop's clock."""

    waits_since: float | None = None
    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Take a place, another one's if need be."""
        super().connection_made(transport)
        _make_room(self.connections, self)
        self._begin_to_wait()

    def data_received(self, data: bytes) -> None:
        """Take what comes; once it is a whole request, there is no more limit."""
        super().data_received(data)
        if not self._is_waiting():
            self._stop()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        if self._is_waiting():
            self._begin_to_wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._stop()
        super().connection_lost(exc)

    def _is_waiting(self) -> bool:
        if self.transport.get_protocol() is not self:  # a socket's by now
            return False
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete or cycle.more_body

    def _begin_to_wait(self) -> None:
        self._stop()
        self.waits_since = self.loop.time()
        self._limit = self.loop.call_later(REQUEST_SECONDS, self.transport.close)

    def _stop(self) -> None:
        self.waits_since = None
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None


def _make_room(connections: Iterable[object], newest: PromptProtocol) -> None:
    """Close the connection that has waited longest if there is a crowd."""
    there = [*connections]
    waiting = [one for one in there if isinstance(one, PromptProtocol) and one is not newest]
    waiting = [one for one in waiting if one.waits_since is not None and not one.transport.is_closing()]
    if len(there) > CROWD and waiting:
        min(waiting, key=lambda one: one.waits_since or 0.0).transport.abort()
