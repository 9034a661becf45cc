"""A TCP proxy before Postgres, to do to connections what networks do.

::

    with TcpProxy(server) as proxy:       # server: a Unix socket's path, or (host, port)
        proxy.dsn("some_database")
        proxy.cut()                       # ends all connections
        proxy.refuse() / proxy.accept()   # nobody listens on the port, and somebody again
        proxy.stall(b"ingest_rest")       # half-open: connections that have sent this say nothing more, and stay
        proxy.stall_when(b"LISTEN")       # the same in the middle of a statement: who sends this from now on
        proxy.switch(other_server)        # new connections go elsewhere

It runs in a thread of its own, since tests wait for processes in theirs.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")
Target = Path | tuple[str, int]
PIECE = 65536
REMEMBERED = 1 << 20


@dataclass(eq=False)
class Connection:
    """One client's connection; ``said`` is what it has sent."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    said: bytearray = field(default_factory=bytearray)
    stalled: bool = False


class TcpProxy:
    """A proxy on a free port of the loopback address."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self.port = 0
        self.stall_new = False
        self._deadly = b""

    def __enter__(self) -> TcpProxy:
        self._thread.start()
        self.accept()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refuse()
        self._in_loop(self._end_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def dsn(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def accept(self) -> None:
        """Listen, on the same port as before."""
        self._in_loop(self._listen())

    def refuse(self) -> None:
        """End all connections and listen no more."""
        self._call(self._stop_listening)
        self.cut()

    def cut(self, piece: bytes = b"") -> int:
        """End the connections that have sent ``piece``; return how many."""
        return self._call(lambda: self._cut(piece))

    def stall(self, piece: bytes = b"") -> int:
        """Let the connections that have sent ``piece`` say and hear nothing more; return how many."""
        return self._call(lambda: self._stall(piece))

    def stall_when(self, piece: bytes) -> None:
        """Stall each connection that is about to send ``piece`` from now on; an empty one: none any more."""
        self._deadly = piece

    def switch(self, target: Target) -> None:
        """Lead new connections elsewhere."""
        self._target = target

    def count(self) -> int:
        """Return how many connections there are."""
        return self._call(lambda: len(self._connections))

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def _stop_listening(self) -> None:
        if self._server:
            self._server.close()

    def _cut(self, piece: bytes) -> int:
        chosen = [one for one in self._connections if piece in one.said]
        for one in chosen:
            one.client.transport.abort()
            if one.server:
                one.server.transport.abort()
        return len(chosen)

    def _stall(self, piece: bytes) -> int:
        chosen = [one for one in self._connections if piece in one.said]
        for one in chosen:
            one.stalled = True
        return len(chosen)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        one = Connection(writer, stalled=self.stall_new)
        self._connections.add(one)
        try:
            await self._carry(one, reader)
        except OSError:
            pass
        finally:
            self._connections.discard(one)
            self._tasks.discard(task)
            writer.transport.abort()
            if one.server:
                one.server.transport.abort()

    async def _carry(self, one: Connection, reader: asyncio.StreamReader) -> None:
        target = self._target
        opening = asyncio.open_unix_connection(target) if isinstance(target, Path) else asyncio.open_connection(*target)
        answers, one.server = await opening
        ways = [
            asyncio.create_task(self._pump(one, reader, one.server, one.said)),
            asyncio.create_task(self._pump(one, answers, one.client, None)),
        ]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)

    async def _end_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _pump(
        self, one: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, said: bytearray | None
    ) -> None:
        while data := await reader.read(PIECE):
            if said is not None and self._deadly and self._deadly in data:
                one.stalled = True
            if one.stalled:
                continue
            if said is not None and len(said) < REMEMBERED:
                said += data
            writer.write(data)
            await writer.drain()

    def _in_loop(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _call(self, function: Callable[[], T]) -> T:
        async def call() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self._loop).result(10)
