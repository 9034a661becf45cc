"""The server of the pages: uvicorn, quiet, on a port that was taken before anything is said about it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from listener.cli.webui.prompt_http import MOST_CONNECTIONS, PromptProtocol
from listener.errors import OperatorError

MOST_MESSAGE_BYTES = 1024  # what a page may send over its socket: nothing
GRACE_SECONDS = 1
BACKLOG = 128


class _Server(uvicorn.Server):
    """Signals are the command's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    """Take a port for the time of a block; raises OperatorError ``port_taken``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind((host, port))
            taken.listen(BACKLOG)  # whoever reads the address at once finds it
        except OSError as error:
            hint = "Give an address of this machine, and a port that is free: --port 0 takes any."
            raise OperatorError("port_taken", f"{host}:{port} can't be listened on: {error.strerror}", hint) from None
        yield taken


async def serve(app: ASGIApp, taken: socket.socket) -> None:
    """Serve until cancelled."""
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, date_header=False, lifespan="on",
        http=PromptProtocol, limit_concurrency=MOST_CONNECTIONS, ws="websockets-sansio", ws_max_size=MOST_MESSAGE_BYTES,
        timeout_graceful_shutdown=GRACE_SECONDS, proxy_headers=False,
    )  # fmt: skip
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[taken]))
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await serving
