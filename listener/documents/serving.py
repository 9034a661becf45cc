"""What a worker process runs: it shuts itself in (``confinement``), then answers calls until the other end is gone."""

from __future__ import annotations

import importlib
import os
import signal
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from listener.documents import confinement, decoding, headway, wire
from listener.documents.reading import Malformed
from listener.errors import DocumentError

MOST_SAID = 500  # characters of what an exception says

_connection: socket.socket | None = None


def serve(descriptor: int, parent: int, most_bytes: int, is_open: int, readable: Iterable[str]) -> None:
    """Answer calls over a socket. The first message says what of the confinement could not be had.

    ``is_open``: it may use the network, and files as its user may.
    """
    confinement.die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what to do
    missing = confinement.keep_apart(most_bytes) if is_open else confinement.confine(readable, most_bytes)
    with socket.socket(fileno=descriptor) as connection, suppress(EOFError, ConnectionError):
        global _connection  # noqa: PLW0603 - the process's one
        _connection = connection
        os.register_at_fork(after_in_child=connection.close)  # what a call forks must not answer in its place
        _send(connection, wire.pack(missing))
        _be_silent()
        headway.tell_by(lambda share: _send(connection, wire.pack([wire.SO_FAR, share])))
        while True:
            header, frames = wire.receive(lambda view: _some(connection.recv_into(view)))
            _send(connection, _reply(header, frames))


def say_aside(value: Any) -> None:
    """Send something before the answer of a call that is under way; nobody hears it outside of a worker."""
    if _connection is not None:
        _send(_connection, wire.pack([wire.ASIDE, value]))


def _be_silent() -> None:
    """Keep a library's and a document's messages out of the log: errors are in the answer."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)


def _reply(header: wire.Buffer, frames: wire.Frames) -> list[wire.Buffer]:
    try:
        module, name, values, most = wire.unpack(header, frames, trusted=True)
        frames.clear()
        result = getattr(importlib.import_module(module), name)(*values)
        del values  # an idle worker holds no document
        parts = wire.pack(["ok", result])
        if (size := sum(memoryview(part).nbytes for part in parts)) > most:
            return _error("too_large", message=f"{size} bytes")
        return parts
    except BaseException as error:  # SystemExit and anything else that foreign code raises over a document
        return _of(error)


def _of(error: BaseException) -> list[wire.Buffer]:
    try:
        if isinstance(error, DocumentError):
            return _error("document", error.code, error.message, error.hint)
        if isinstance(error, Malformed):
            return _error("malformed", message=str(error))
        if isinstance(error, decoding.Binary):
            return _error("binary")
        if isinstance(error, MemoryError):
            return _error("memory")
        return _error("raised", message=f"{type(error).__name__}: {_said(error)}")
    except BaseException:  # as of an exception that can't say what it is
        return _error("raised", message="an exception that can't be shown")


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException as again:
        return f"it can't be shown ({type(again).__name__})"


def _error(kind: str, code: str = "", message: str = "", hint: str = "") -> list[wire.Buffer]:
    return wire.pack(["error", kind, *(str(said)[: 2 * MOST_SAID] for said in (code, message, hint))])


def _send(connection: socket.socket, parts: list[wire.Buffer]) -> None:
    for part in parts:
        connection.sendall(part)


def _some(count: int) -> int:
    if not count:
        raise EOFError
    return count
