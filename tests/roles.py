"""Roles of a test's own, their limits, and what they are refused."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg
import pytest
from staging import Connection, session

from listener import embedded

MANY = "insert into ingest_requests (source) select '/a' from generate_series(1, $1::int)"


@contextmanager
def refused(sqlstate: str, code: str) -> Iterator[None]:
    """Expect a refusal of ours, with a hint."""
    with pytest.raises(asyncpg.PostgresError) as error:
        yield
    assert (error.value.sqlstate, error.value.constraint_name) == (sqlstate, code), error.value
    assert error.value.hint


@asynccontextmanager
async def new_roles(c: Connection, count: int) -> AsyncIterator[list[str]]:
    """Make roles that may log in and nothing else; drop them afterwards."""
    names = [f"role_{uuid.uuid4().hex[:16]}" for _ in range(count)]
    await c.execute("".join(f"create role {name} login;" for name in names))
    yield names
    await c.execute("reset role")
    await c.execute("".join(f"drop owned by {name} cascade; drop role {name};" for name in names))


@asynccontextmanager
async def login(dsn: str, role: str) -> AsyncIterator[Connection]:
    """Give a session of a role's own."""
    async with session(dsn.replace(f"//{embedded.server.SUPERUSER}@", f"//{role}@")) as connection:
        yield connection


async def limit(c: Connection, role: str, /, **limits: Any) -> None:
    """Set limits of a role, as the owner does."""
    await c.execute("select ingest_limit($1, $2)", role, limits)
