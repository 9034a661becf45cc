"""The program on the page of answers does what the page shows, against a chat endpoint on loopback."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from listener_process import ListenerProcess
from staging import Connection

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "answers.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"^<!-- run -->\n```python\n(?P<code>.*?)^```\n```text\n(?P<out>.*?)^```\n", re.MULTILINE | re.DOTALL
)


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


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Chat]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Chat)
    thread = Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
    Chat.asked.clear()
    yield Chat
    server.shutdown()
    thread.join()
    server.server_close()


async def test_the_program_of_the_page_answers_and_cites(
    ready: str, tmp_path: Path, chat: type[Chat], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INGEST_DATABASE_URL", ready)
    monkeypatch.delenv("INGEST_SCHEMA", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (block,) = BLOCK.finditer(PAGE)
    program = tmp_path / "answer.py"
    program.write_text(block["code"], encoding="utf-8")
    process = ListenerProcess(ready, tmp_path, file_roots=ROOT / "examples")
    try:
        await asyncio.to_thread(process.ready)
        told = await asyncio.create_subprocess_exec(sys.executable, str(program), cwd=ROOT, stdout=PIPE)
        out, _ = await told.communicate()
    finally:
        process.stop()
    assert (told.returncode, out.decode()) == (0, block["out"])
    (asked,) = chat.asked
    assert asked["path"] == "/v1/chat/completions"
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert len(asked["messages"][1]["content"]) <= 4 * 1500 + 100


async def test_the_statements_of_highlights_return_what_the_page_says(c: Connection) -> None:
    shown = re.findall(r"^(select ingest_(?:highlight|marked)\(.*?\));\s+-- (.*)$", PAGE, re.MULTILINE)
    assert len(shown) == 2
    for statement, expected in shown:
        said = await c.fetchval(f"select ({statement})::text")
        assert said == expected
