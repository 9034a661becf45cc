"""What README, quickstart and operations show is what happens: their SQL is run in psql, their output compared.

How blocks are marked: ``documented``. ``<!-- grants: ROLE -->`` marks what that role runs to set up permissions;
``<!-- as ROLE -->`` what is run by a role that was set up so.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from documented import ROOT, WAIT, blocks, in_psql, rough
from ingest_command import Ingest
from listener_process import ListenerProcess
from staging import session

from listener import embedded

GRANTS = re.compile(r"^<!-- grants: (\w+) -->\n```sql\n(.*?)^```", re.MULTILINE | re.DOTALL)
ROLES = ("ingest_operator", "ingest_app", "ingest_listener", "ingest_owner")
SCHEMA = {"INGEST_SCHEMA": "ingest"}


PAGES = ["quickstart", "concepts", "plans-and-caps", "changing-the-model", "own-steps"]
WHOLE = [
    "README.md",
    *(pytest.param(f"docs/{name}.md", marks=pytest.mark.long) for name in PAGES),
]


@pytest.mark.parametrize("page", WHOLE)
async def test_the_sql_of_a_page_does_what_the_page_shows(page: str, ready: str, tmp_path: Path) -> None:
    ingest = Ingest(ROOT, INGEST_DATABASE_URL=ready)
    assert (await ingest("quickstart", "examples/documents")).status == 0
    process = ListenerProcess(ready, tmp_path, file_roots=ROOT / "examples").ready()
    try:
        told = await in_psql(ingest, blocks(page))
    finally:
        process.stop()
    for block, out, state in told:
        assert state == block.state, out
        if block.out is not None:
            assert rough(out) == rough(block.out)


# permissions


@pytest.fixture
async def granted(server: embedded.Server, tmp_path: Path) -> AsyncIterator[str]:
    """A database that was set up by the statements on the operations page."""
    name = f"grants_{uuid.uuid4().hex}"
    await server.create_database(name)
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    statements = {"superuser": "", "owner": ""}
    for who, sql in GRANTS.findall(text):
        statements[who] += sql
    try:
        async with session(server.dsn(name)) as superuser:
            await superuser.execute(statements["superuser"])
        owner = as_role(server.dsn(name), "ingest_owner")
        migrated = await Ingest(tmp_path, INGEST_DATABASE_URL=owner, **SCHEMA)("migrate")
        assert migrated.status == 0, migrated.err
        async with session(owner, "ingest") as connection:
            await connection.execute(statements["owner"])
        yield server.dsn(name)
    finally:
        await server.drop_database(name)
        async with session(server.dsn("postgres")) as superuser:
            await superuser.execute(f"drop role if exists {', '.join(ROLES)}")


def as_role(dsn: str, role: str) -> str:
    return dsn.replace(f"//{embedded.server.SUPERUSER}@", f"//{role}@")


@pytest.mark.long
async def test_the_documented_grants_are_enough_and_no_more(granted: str, tmp_path: Path) -> None:
    its_listener = as_role(granted, "ingest_listener")
    process = ListenerProcess(its_listener, tmp_path, schema="ingest", file_roots=ROOT / "examples").ready()
    try:
        async with session(as_role(granted, "ingest_app"), "ingest") as app:
            await inserts_and_reads(app)
            await may_not_change(app)
            await sees_no_statistics(app, as_role(granted, "ingest_owner"))
        async with session(as_role(granted, "ingest_operator"), "ingest") as operator:
            await cancels_and_deletes(operator)
    finally:
        assert process.stop() == 0


@pytest.mark.long
@pytest.mark.parametrize("page", ["docs/rights.md", "docs/search.md"])
async def test_what_a_page_shows_of_rights_is_what_roles_with_them_see(page: str, granted: str, tmp_path: Path) -> None:
    shown = blocks(page)
    assert {"ingest_owner"} < {block.role for block in shown}
    process = ListenerProcess(as_role(granted, "ingest_listener"), tmp_path, schema="ingest").ready()
    try:
        for block in shown:
            assert block.role
            url = as_role(granted, block.role)
            ((_, out, state),) = await in_psql(Ingest(tmp_path, INGEST_DATABASE_URL=url, **SCHEMA), [block])
            assert state == block.state, out
            if block.out is not None:
                assert rough(out) == rough(block.out)
    finally:
        assert process.stop() == 0


async def inserts_and_reads(app: asyncpg.Connection) -> None:
    insert = (
        "insert into ingest_requests (content, uri, collection) values ('Vents open.', 'vents', 'notes') returning id"
    )
    assert await ended_soon(app, await app.fetchval(insert)) == "succeeded"
    assert [row["uri"] for row in await app.fetch("select * from ingest_search('vents', 'notes')")] == ["vents"]
    await app.execute("call ingest_embed_query('air flaps', 'notes')")
    assert [row["uri"] for row in await app.fetch("select * from ingest_search('air flaps', 'notes')")] == ["vents"]
    query = "select uri from ingest_search((select embedding from ingest_chunks), 'notes')"
    assert [row["uri"] for row in await app.fetch(query)] == ["vents"]
    assert await app.fetchval("select count(*) from ingest_chunks_notes") == 1
    assert await app.fetchval("select count(*) from ingest_failures") == 0
    source = str(ROOT / "examples" / "documents" / "handbook")
    request = await app.fetchval("select ingest_add($1, dedupe_key => 'once')", source)
    assert await ended_soon(app, request) == "succeeded"


async def may_not_change(app: asyncpg.Connection) -> None:
    for statement in (
        "update ingest_requests set priority = 1",
        "select ingest_cancel(id) from ingest_requests",
        "select ingest_retry(id) from ingest_requests",
        "select ingest_fork(id) from ingest_requests",
        "delete from ingest_documents",
        "delete from ingest_chunk_store",
        "update ingest_queries set embedding = null",
        "insert into ingest_queries (space_id, hash, embedding) select space_id, hash, embedding from ingest_queries",
        "delete from ingest_queries",
        "select ingest_collection('notes', '{\"chunk_size\": 500}')",
        "select count(*) from ingest_dbos.workflow_status",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement)


async def sees_no_statistics(app: asyncpg.Connection, owner: str) -> None:
    """Row security hides them, so that frequent words of others are not in the open."""
    query = "select count(*) from pg_stats where schemaname = 'ingest'"
    async with session(owner, "ingest") as connection:
        await connection.execute("analyze ingest_chunk_store")
        assert await connection.fetchval(query) > 0
    assert await app.fetchval(query) == 0


async def cancels_and_deletes(operator: asyncpg.Connection) -> None:
    later = "insert into ingest_requests (content, run_at) values ('later', now() + interval '1 day') returning id"
    assert await operator.fetchval("select ingest_cancel($1)", await operator.fetchval(later)) == "cancelled"
    await goes_on(operator)
    await operator.execute("delete from ingest_documents where collection = 'notes'")
    assert await operator.fetchval("select count(*) from ingest_chunks where collection = 'notes'") == 0
    await operator.execute("delete from ingest_requests where finished_at is not null")
    assert await operator.fetchval("select count(*) from ingest_requests") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await operator.execute("select count(*) from ingest_dbos.workflow_status")


async def goes_on(operator: asyncpg.Connection) -> None:
    """Retry what failed, resume what was cancelled, and fork."""
    bad = "insert into ingest_requests (content, uri, collection) values ('', 'empty', 'notes') returning id"
    request = await operator.fetchval(bad)
    assert await ended_soon(operator, request) == "failed"
    assert await operator.fetchval("select ingest_retry($1)", request) == "pending"
    assert await ended_soon(operator, request) == "failed"
    later = "insert into ingest_requests (content, collection) values ('once more', 'notes') returning id"
    async with operator.transaction():
        request = await operator.fetchval(later)
        await operator.execute("select ingest_cancel($1)", request)
        await operator.execute("select ingest_resume($1)", request)
    assert await ended_soon(operator, request) == "succeeded"
    for step in ("discover", "load", "chunk", "embed", "save"):
        fork = await operator.fetchval("select ingest_fork($1, $2)", request, step)
        assert await ended_soon(operator, fork) == "succeeded"


async def ended_soon(connection: asyncpg.Connection, request: uuid.UUID) -> str:
    """Wait as an application does, by looking at the row, and return the final status."""
    statement = WAIT.partition("\\g")[0]
    await connection.execute(statement)
    status: str = await connection.fetchval("select status from ingest_requests where id = $1", request)
    return status
