"""Indexes without a superuser: the owner makes them, on a connection that listeners have or have not."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from filled_chunks import clustered, fill
from ingest_command import Ingest
from listener_process import ListenerProcess
from pipeline import until
from staging import Connection, collection, session

from listener import embedded, service
from listener.settings import Settings

STATE = "select state, why from ingest_indexes where collection = 'manuals'"
QUICK: dict[str, Any] = {"heartbeat_seconds": 0.1, "schema": "docs"}
DBOS = """
  grant usage on schema docs_dbos to {role};
  grant select, insert, update, delete on all tables in schema docs_dbos to {role};
  grant usage, select, update on all sequences in schema docs_dbos to {role};
  grant execute on all functions in schema docs_dbos to {role}
"""


@dataclass(frozen=True)
class Roles:
    """URLs of an installation's owner, which is no superuser, and of its listener's role."""

    owner: str
    listener: str


@pytest.fixture
async def roles(server: embedded.Server, database: str) -> AsyncIterator[Roles]:
    """An installation with a collection that is large enough for an index."""
    owner, listener = (f"role_{uuid.uuid4().hex[:12]}" for _ in range(2))
    urls = Roles(*(database.replace(f"//{embedded.server.SUPERUSER}@", f"//{role}@") for role in (owner, listener)))
    async with session(database) as superuser:
        await superuser.execute(
            f"create extension if not exists vector; create role {owner} login; create role {listener} login"
        )
        await superuser.execute(
            f"create schema docs authorization {owner}; create schema docs_dbos authorization {owner}"
        )
        await service.migrate(Settings(INGEST_SCHEMA="docs"), urls.owner)
        async with session(urls.owner, "docs") as c:
            await c.execute("select ingest_grant($1, 'listener')", listener)
            await c.execute(DBOS.format(role=listener))
            await fill(c, "manuals", clustered(300, 16))
            await collection(c, "manuals", index_from=100)
        yield urls
        await superuser.execute(f"drop owned by {owner}, {listener} cascade; drop role {owner}, {listener}")


@pytest.fixture
async def owner(roles: Roles) -> AsyncIterator[Connection]:
    async with session(roles.owner, "docs") as c:
        yield c


async def test_a_listener_with_the_owners_url_makes_indexes_and_has_no_other_rights(
    roles: Roles, owner: Connection, listeners: list[ListenerProcess], tmp_path: Path
) -> None:
    listeners.append(ListenerProcess(roles.listener, tmp_path, maintenance_url=roles.owner, **QUICK).ready())
    await until(lambda: owner.fetchval("select exists (select from ingest_indexes where state = 'valid')"))
    async with session(roles.listener, "docs") as c:
        assert await c.fetchval("select state from ingest_indexes where collection = 'manuals'") == "valid"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await c.execute("drop index ingest_ann_1")
    assert listeners[0].stop() == 0


@pytest.mark.long
async def test_without_the_owners_url_the_view_and_doctor_say_what_is_missing_and_the_command_does_it(
    roles: Roles, owner: Connection, listeners: list[ListenerProcess], tmp_path: Path
) -> None:
    listeners.append(ListenerProcess(roles.listener, tmp_path, **QUICK).ready())
    await until(lambda: owner.fetchval("select exists (select from ingest_indexes where state = 'needs_owner')"))
    (row,) = await owner.fetch(STATE)
    assert "INGEST_MAINTENANCE_URL" in row["why"]
    assert "ingest maintain" in row["why"]
    ingest = Ingest(tmp_path, INGEST_DATABASE_URL=roles.listener, INGEST_SCHEMA="docs")
    found = await ingest("doctor", "--json")
    (check,) = [one for one in found.json["checks"] if one["name"] == "indexes"]
    assert check["state"] == "warning"
    assert "INGEST_MAINTENANCE_URL" in check["hint"]
    refused = await ingest("maintain")
    assert (refused.status, refused.code()) == (5, "not_permitted")
    as_owner = Ingest(
        tmp_path, INGEST_DATABASE_URL=roles.listener, INGEST_MAINTENANCE_URL=roles.owner, INGEST_SCHEMA="docs"
    )
    planned = await as_owner("maintain", "--dry-run")
    assert planned.out == "build the index of 'manuals' (300 chunks): next\n"
    made = await as_owner("maintain")
    assert made.status == 0
    assert await owner.fetchval("select state from ingest_indexes where collection = 'manuals'") == "valid"
    assert (await as_owner("maintain", "--json")).json == {"busy": False, "done": []}
    assert listeners[0].stop() == 0
