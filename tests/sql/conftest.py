"""Sessions of the SQL tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from staging import Connection, session


@pytest.fixture
async def c(installed: str) -> AsyncIterator[Connection]:
    """A session in a database of this test's own, with our objects in schema public."""
    async with session(installed) as connection:
        yield connection


@pytest.fixture
async def other(installed: str) -> AsyncIterator[Connection]:
    """A second session in it."""
    async with session(installed) as connection:
        yield connection


@pytest.fixture
async def third(installed: str) -> AsyncIterator[Connection]:
    """A third session in it."""
    async with session(installed) as connection:
        yield connection
