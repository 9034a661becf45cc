"""What the Python page shows is what happens: its blocks are run one after the other, what they print is compared.

A block of Python after ``<!-- run -->`` is run, with ``await`` at its top level; a block of text behind it is what it
prints, but for numbers.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from listener_process import ListenerProcess

import listener

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(
    r"^<!-- run -->\n```python\n(?P<code>.*?)^```\n(?:```text\n(?P<out>.*?)^```\n)?", re.MULTILINE | re.DOTALL
)


@pytest.fixture
def listening(ready: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a database whose listener may read the examples, as a program's environment names it."""
    process = ListenerProcess(ready, tmp_path, file_roots=ROOT / "examples")
    monkeypatch.setenv("INGEST_DATABASE_URL", ready)
    monkeypatch.delenv("INGEST_SCHEMA", raising=False)
    try:
        process.ready()
        yield ready
    finally:
        process.stop()


@pytest.mark.usefixtures("listening")
async def test_the_python_of_the_page_prints_what_the_page_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, Any] = {}
    blocks = list(BLOCK.finditer((ROOT / "docs" / "python.md").read_text(encoding="utf-8")))
    assert blocks
    for block in blocks:
        with redirect_stdout(StringIO()) as out:
            await run(block["code"], names)
        assert re.sub(r"\d+", "#", out.getvalue()) == re.sub(r"\d+", "#", block["out"] or "")


async def run(code: str, names: dict[str, Any]) -> None:
    """Run a block as the prompt of ``python -m asyncio`` does."""
    result = eval(compile(code, "docs/python.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    if inspect.isawaitable(result):
        await result


def test_the_page_has_each_verb_with_its_arguments() -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    first_cells = re.findall(r"^\| (`\w+\([^|]*\)`) \|", page, re.MULTILINE)
    shown = {name: arguments for cell in first_cells for name, arguments in re.findall(r"`(\w+)\(([^)]*)\)`", cell)}
    ways = {name: value for one in listener.Ingest.__mro__[:-1] for name, value in vars(one).items()}
    verbs = {name: value for name, value in ways.items() if not name.startswith("_")}
    assert set(shown) == set(verbs)
    for name, verb in verbs.items():
        arguments = [argument for argument in inspect.signature(verb).parameters if argument != "self"]
        assert [word for word in shown[name].split(", ") if word not in ("", "*")] == arguments


@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize(
    ("example", "needs"),
    [("langchain_retriever.py", "langchain_postgres"), ("llamaindex_retriever.py", "llama_index")],
)
def test_an_example_finds_the_same_by_its_retriever_and_by_its_store(example: str, needs: str) -> None:
    if not find_spec(needs):
        pytest.skip(f"{needs} is not installed: 300 MB that nothing else needs")
    asyncio.run(ingest_handbook())
    script = [sys.executable, str(ROOT / "examples" / "clients" / example), "handbook", "who pays for my train ticket?"]
    ran = subprocess.run(script, capture_output=True, text=True, check=True, env={**os.environ})
    uris = [line.split()[1].rpartition("/")[2] for line in ran.stdout.splitlines()]
    assert len(uris) == 6
    assert "expenses.md" in uris[:3]
    assert "expenses.md" in uris[3:]


async def ingest_handbook() -> None:
    async with listener.connect() as ingest:
        request = await ingest.add(ROOT / "examples" / "documents" / "handbook", collection="handbook")
        (await ingest.wait(request, timeout=60)).raise_unless_succeeded()
