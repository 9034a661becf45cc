"""The recipes of the cookbook and of the pages beside it do what they show: each block is run, in their order."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from chat_endpoint import chat_endpoint
from documented import ROOT, Block, blocks, in_psql, rough
from ingest_command import Ingest, in_a_project
from listener_process import ListenerProcess
from s3_server import put, s3_server
from staging import session

from listener import embedded

ROLE = re.compile(r"create role (\w+)")
WAIT = """
do $$ begin
  for i in 1..3000 loop
    exit when not exists (select from ingest_changes)
      and not exists (
        select from ingest_requests where status in ('pending', 'running') and run_at <= clock_timestamp())
      and not exists (select from ingest_watched_tables where needs_back_fill);
    perform pg_sleep(0.01);
    commit;
  end loop;
end $$
"""


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A bucket with two documents, and a model to chat with, as the environment names them."""
    (tmp_path / "s3").mkdir()
    with s3_server(tmp_path / "s3") as s3, chat_endpoint() as url:
        for name in ("heating", "keys"):
            put(s3.bucket("handbook"), f"docs/{name}.md", f"# {name.title()}\n\nWhat there is to know about {name}.")
        for name, value in {**s3.environment, "OPENAI_API_KEY": "none", "OPENAI_BASE_URL": url}.items():
            monkeypatch.setenv(name, value)
        yield


@pytest.fixture
async def kitchen(ready: str, services: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The URL of a database with a listener that may read the examples and the bucket."""
    monkeypatch.setenv("INGEST_DATABASE_URL", ready)
    monkeypatch.delenv("INGEST_SCHEMA", raising=False)
    roots = f"{ROOT / 'examples'}\ns3://handbook/docs/"
    process = ListenerProcess(ready, tmp_path / "listener", roots=roots, heartbeat_seconds=0.2, embedder="local")
    try:
        await asyncio.to_thread(process.ready)
        yield ready
    finally:
        process.stop()
        await without_roles(ready)


async def without_roles(dsn: str) -> None:
    """Drop the roles that pages make; they are of the whole server."""
    roles = ROLE.findall((ROOT / "docs" / "cookbook.md").read_text(encoding="utf-8"))
    async with session(dsn) as c:
        for role in roles:
            if await c.fetchval("select true from pg_roles where rolname = $1", role):
                await c.execute(f"drop owned by {role} cascade; drop role {role}")


@pytest.mark.parametrize(
    "page",
    [
        pytest.param("docs/cookbook.md", marks=pytest.mark.long),
        pytest.param("docs/from-pgai.md", marks=pytest.mark.long),
        "docs/troubleshooting.md",
    ],
)
async def test_the_recipes_of_a_page_do_what_it_shows(page: str, kitchen: str, tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    shown = blocks(page)
    assert len(shown) >= 4
    for block in shown:
        out, state = await cooked(block, kitchen, tmp_path, names)
        assert state == block.state, f"{block.text}\n{out}"
        if block.out is not None:
            assert rough(out) == rough(block.out), block.text
        async with session(kitchen) as c:  # a reader looks a moment later
            await c.execute(WAIT)


async def cooked(block: Block, dsn: str, folder: Path, names: dict[str, Any]) -> tuple[str, str | None]:
    """Run a block; return what it printed and the SQLSTATE of its error, if any."""
    if block.language == "python":
        return await in_python(block.text, names), None
    if block.language == "sh":
        return await in_shell(block.text, dsn, folder), None
    url = dsn.replace(f"//{embedded.server.SUPERUSER}@", f"//{block.role}@") if block.role else dsn
    ((_, out, state),) = await in_psql(Ingest(folder, INGEST_DATABASE_URL=url), [block], wait="")
    return out, state


async def in_python(code: str, names: dict[str, Any]) -> str:
    """Run it as the prompt of ``python -m asyncio`` does."""
    with redirect_stdout(StringIO()) as out:
        result = eval(compile(code, "page", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
        if inspect.isawaitable(result):
            await result
    return out.getvalue()


async def in_shell(text: str, dsn: str, folder: Path) -> str:
    """Run it in a folder from which the examples are seen as from a checkout."""
    if not (folder / "examples").exists():
        (folder / "examples").symlink_to(ROOT / "examples")
    script = text.replace("$PWD/examples", str(ROOT / "examples"))
    process = await asyncio.create_subprocess_exec(
        "bash", "-euc", script, cwd=folder, env=in_a_project(folder, dsn), stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()
