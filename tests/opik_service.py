"""An Opik that records: a real HTTP server on loopback which takes traces and spans, and can be made to misbehave.

``mode`` is what it does with each request from then on: ``take``, ``fail`` (500), ``refuse`` (400), ``hang`` (accepts
and never answers), ``reset`` (cuts the connection).
"""

from __future__ import annotations

import gzip
import json
import os
import socket
import struct
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 40.0
STATUS = {"take": 204, "fail": 500, "refuse": 400}


class OpikService:
    """Runs until ``close``. ``traces`` and ``spans`` are what arrived, by id; later parts are merged in."""

    def __init__(self, port: int = 0) -> None:
        self.mode = "take"
        self.traces: dict[str, dict[str, Any]] = {}
        self.spans: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.bodies: list[str] = []
        self.connections: list[socket.socket] = []
        self._changed = threading.Condition()
        self._released = threading.Event()
        self.port = port
        self.open()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def open(self) -> None:
        """Listen, on the same port as before."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def clear(self) -> None:
        """Forget what arrived."""
        with self._changed:
            for found in (self.traces, self.spans, self.requests, self.bodies):
                found.clear()

    def close(self) -> None:
        """Be gone: no longer listen, and end all connections."""
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.connections.clear()

    def wait_for(self, *, spans: int = 0, traces: int = 0, ended: bool = True, requests: int = 0) -> None:
        """Wait until this much has arrived; with ``ended``, traces count when they have ended."""

        def arrived() -> bool:
            finished = [trace for trace in self.traces.values() if trace.get("end_time") or not ended]
            posts = [path for method, path, _ in self.requests if method != "GET"]
            return len(self.spans) >= spans and len(finished) >= traces and len(posts) >= requests

        with self._changed:
            assert self._changed.wait_for(arrived, PATIENCE_SECONDS), (self.requests, self.traces, self.spans)

    def tree(self) -> str:
        """Return what arrived as text, a trace with its spans below each other."""
        lines = []
        for trace in sorted(self.traces.values(), key=lambda one: str(one["start_time"])):
            lines += [_line(trace, 0, "trace "), *self._below(trace["id"], None, 1)]
        return "\n".join(lines)

    def _below(self, trace: str, outer: str | None, depth: int) -> list[str]:
        inside = [one for one in self.spans.values() if one["trace_id"] == trace and one.get("parent_span_id") == outer]
        lines = []
        for one in sorted(inside, key=lambda span: str(span["start_time"])):
            lines += [_line(one, depth), *self._below(trace, one["id"], depth + 1)]
        return lines

    def received(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        with self._changed:
            self.requests.append((method, path, headers))
            if headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            self.bodies.append(body.decode())
            if self.mode == "take" and method == "POST":
                told = json.loads(body)
                for kind, where in (("traces", self.traces), ("spans", self.spans)):
                    for one in told.get(kind, []):
                        where[one["id"]] = where.get(one["id"], {}) | one
            self._changed.notify_all()

    def hold(self) -> None:
        self._released.wait()


def _handler(service: OpikService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        do_POST = do_PUT = do_PATCH = do_GET

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            service.received(self.command, self.path, headers, body)
            if service.mode == "hang":
                service.hold()
            if service.mode in ("hang", "reset"):
                self._reset()
                return
            is_well = self.command == "GET" and service.mode in ("take", "refuse")  # the SDK asks now and then
            self.send_response(200 if is_well else STATUS[service.mode])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _reset(self) -> None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

        def setup(self) -> None:
            super().setup()
            service.connections.append(self.connection)

        def handle(self) -> None:
            with suppress(OSError, ValueError):  # the client gave up, or we cut it off
                super().handle()

        def finish(self) -> None:
            with suppress(OSError, ValueError):
                super().finish()

    return Handler


def _line(one: dict[str, Any], depth: int, kind: str = "") -> str:
    model = [f"{one['provider']}/{one['model']}"] if one.get("model") else []
    usage = [f"tokens={one['usage']['total_tokens']}"] if one.get("usage") else []
    error = [f"error={one['error_info']['exception_type']}"] if one.get("error_info") else []
    counts = " ".join(f"{name}={value}" for name, value in (one.get("input") or {}).items())
    came = " ".join(f"{name}={value}" for name, value in (one.get("output") or {}).items())
    said = [counts, *model, *usage, *([f"→ {came}"] if came else []), *error]
    return "   " * depth + f"{kind}{one['name']}  " + "  ".join(filter(None, said))


def gone(pid: int) -> bool:
    """Return whether a process is gone (or a zombie, which is nobody's fault here)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not gone(pid):
        assert time.monotonic() < deadline, pid
        time.sleep(0.01)  # a pause between questions
