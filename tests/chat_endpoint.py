"""A service of OpenAI's chat completions on loopback, whose model quotes a line of what it is given."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class Chat(BaseHTTPRequestHandler):
    """Answers with the first line that has the last word of the question, and cites its passage."""

    asked: list[dict[str, Any]] = []  # noqa: RUF012

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.asked.append({"path": self.path, **asked})
        passages, _, question = asked["messages"][1]["content"].rpartition("\n\nQuestion: ")
        parts = re.split(r"^\[(\d+)\] .*\n", passages, flags=re.MULTILINE)[1:]
        word = question.split()[-1].rstrip("?")
        number, line = next(
            (number, line)
            for number, text in zip(parts[::2], parts[1::2], strict=True)
            for line in text.splitlines()
            if word in line
        )
        message = {"role": "assistant", "content": f"{line.strip('| ').replace(' |', ',')} [{number}]"}
        body = {"id": "1", "object": "chat.completion", "created": 1, "model": asked["model"],
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}]}  # fmt: skip
        written = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(written)))
        self.end_headers()
        self.wfile.write(written)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def chat_endpoint() -> Iterator[str]:
    """Run one for the time of a block; give its base URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Chat)
    thread = Thread(target=server.serve_forever)
    thread.start()
    Chat.asked.clear()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
