"""The page about a second application is true from its first line to its last: each block is run, in their order."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from documented import WAIT, Block, blocks, in_psql, rough
from ingest_command import Ingest, in_a_project
from staging import session

from listener import embedded

PAGE = "docs/second-application.md"
URL = re.compile(r"postgresql://(\w+)@db/app")
ROLE = re.compile(r"^create role (\w+)", re.MULTILINE)
LISTENS = "\ningest listen\n"


@pytest.fixture
async def empty(server: embedded.Server, database: str) -> AsyncIterator[str]:
    """A database with nothing in it; the roles that the page makes go with it."""
    try:
        yield database
    finally:
        roles = ROLE.findall("".join(block.text for block in blocks(PAGE)))
        async with session(database) as c:
            for role in roles:
                if await c.fetchval("select true from pg_roles where rolname = $1", role):
                    await c.execute(f"drop owned by {role} cascade; drop role {role}")


@pytest.mark.long
async def test_two_applications_are_set_up_and_kept_apart_as_the_page_shows(empty: str, tmp_path: Path) -> None:
    shown = blocks(PAGE)
    assert {block.language for block in shown} == {"sql", "sh"}
    (listens,) = (at for at, block in enumerate(shown) if LISTENS in block.text)
    for block in shown[:listens]:
        await happens(block, empty, tmp_path)
    async with listening(shown[listens], empty, tmp_path):
        for block in shown[listens + 1 :]:
            await happens(block, empty, tmp_path)
            async with session(empty, "ingest") as c:  # a reader looks a moment later
                await c.execute(WAIT.partition("\\g")[0])


async def happens(block: Block, dsn: str, folder: Path) -> None:
    if block.role == "superuser":
        async with session(dsn) as c:
            await c.execute(block.text)
        return
    out, state = await (in_shell if block.language == "sh" else in_session)(block, dsn, folder)
    assert state == block.state, out
    if block.out is not None:
        assert rough(out) == rough(block.out)


async def in_session(block: Block, dsn: str, folder: Path) -> tuple[str, str | None]:
    assert block.role
    ingest = Ingest(folder, INGEST_DATABASE_URL=as_role(dsn, block.role), INGEST_SCHEMA="ingest")
    ((_, out, state),) = await in_psql(ingest, [block], wait="")
    return out, state


async def in_shell(block: Block, dsn: str, folder: Path) -> tuple[str, str | None]:
    process = await shell(block.text, dsn, folder)
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode(), None


@asynccontextmanager
async def listening(block: Block, dsn: str, folder: Path) -> AsyncIterator[None]:
    process = await shell(block.text.replace(LISTENS, LISTENS.replace("ingest", "exec ingest")), dsn, folder)
    ending = asyncio.create_task(process.communicate())
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        _, err = await ending
        print(err.decode())  # what it said, where a block goes wrong
    assert process.returncode == 0, err.decode()


async def shell(text: str, dsn: str, folder: Path) -> asyncio.subprocess.Process:
    def url(found: re.Match[str]) -> str:
        return shlex.quote(as_role(dsn, found[1]))

    script = f"set -eu\n{URL.sub(url, text)}"
    return await asyncio.create_subprocess_exec(
        "bash", "-c", script, cwd=folder, env=in_a_project(folder, dsn),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


def as_role(dsn: str, role: str) -> str:
    return dsn.replace(f"//{embedded.server.SUPERUSER}@", f"//{role}@")
