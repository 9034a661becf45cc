"""What the page on object mappers shows, run as a submitter who may do nothing else.

A block of Python after ``<!-- run: PACKAGE -->`` is run in a process of its own where the package is installed; a block
of text behind it is what it prints. SQL is what a mapper that is no Python package sends.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from roles import login, new_roles
from staging import Connection, session

from listener import embedded

PAGE = Path(__file__).parents[2] / "docs" / "orms.md"
BLOCK = re.compile(
    r"^<!-- run: (?P<package>\w+) -->\n```\w+\n(?P<code>.*?)^```\n(?:```text\n(?P<out>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
BLOCKS = {found["package"]: found for found in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))}


@pytest.fixture
async def c(installed: str) -> AsyncIterator[Connection]:
    """A session in ``installed``: no listener is asked for anything here."""
    async with session(installed) as connection:
        yield connection


@pytest.mark.parametrize("package", ["sqlalchemy", "django"])
async def test_the_page_s_models_do_what_it_says_as_a_submitter(
    c: Connection, installed: str, package: str, tmp_path: Path
) -> None:
    if not find_spec(package):
        pytest.skip(f"{package} is not installed")
    script = tmp_path / "models.py"
    script.write_text(BLOCKS[package]["code"], encoding="utf-8")
    async with new_roles(c, 1) as (role,):
        await c.execute("select ingest_grant($1::name, 'submitter')", role)
        url = installed.replace(f"//{embedded.server.SUPERUSER}@", f"//{role}@")
        ran = await asyncio.to_thread(
            subprocess.run, [sys.executable, str(script)], capture_output=True, text=True, check=False,
            env=os.environ | {"INGEST_DATABASE_URL": url},
        )  # fmt: skip
        assert (ran.stderr, ran.stdout) == ("", BLOCKS[package]["out"])


async def test_what_prisma_sends_is_taken_from_a_submitter(c: Connection, installed: str) -> None:
    async with new_roles(c, 1) as (role,):
        await c.execute("select ingest_grant($1::name, 'submitter')", role)
        async with login(installed, role) as submitter:
            row = await submitter.fetchrow(BLOCKS["prisma"]["code"])
            assert row is not None
            found = (row["source"], row["collection"], row["options"], row["metadata"], row["dedupe_key"])
            assert found == ("/srv/docs", "default", {}, {}, None)
