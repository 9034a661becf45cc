"""The program on the page of answers does what the page shows, against a chat endpoint on loopback."""

from __future__ import annotations

import asyncio
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from pathlib import Path

import pytest
from chat_endpoint import Chat, chat_endpoint
from listener_process import ListenerProcess
from staging import Connection

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "answers.md").read_text(encoding="utf-8")
BLOCK = re.compile(
    r"^<!-- run -->\n```python\n(?P<code>.*?)^```\n```text\n(?P<out>.*?)^```\n", re.MULTILINE | re.DOTALL
)


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Chat]]:
    with chat_endpoint() as url:
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        yield Chat


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
