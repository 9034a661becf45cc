"""A migration closes doors that a former release left open, and whoever went in by right still gets in."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest
from staging import SPACE, add_listener, ingest, session

from listener import embedded, service
from listener.settings import Settings

# As the operations page of the former release had them.
GRANTED = """
create role {app} login; create role {operator} login in role {app}; create role {stranger} login;
grant usage on schema public to {app};
grant insert, select on ingest_requests to {app};
grant select on ingest_collections, ingest_spaces, ingest_used_ids, ingest_status, ingest_failures, ingest_documents,
  ingest_chunks, ingest_revisions, ingest_batches, ingest_chunk_store, ingest_listeners, ingest_queries to {app};
grant insert (space_id, hash, text, wanted_until), update (text, error, used_at, wanted_until, claimed_until)
  on ingest_queries to {app};
grant usage on sequence ingest_read_seq to {app};
grant update, delete on ingest_requests to {operator};
grant select, insert on ingest_commands to {operator};
grant insert on ingest_used_ids to {operator};
grant delete on ingest_documents to {operator};
grant insert, update, delete on ingest_batches to {operator};
grant select, delete on ingest_containers to {operator};
grant update, delete on ingest_revisions to {operator};
grant select, delete on ingest_chunk_store to {operator};
"""


@pytest.fixture
async def upgraded_roles(of_former: str) -> AsyncIterator[tuple[str, dict[str, str]]]:
    """A database of the former release, with its documented roles, after the migration; and the roles' names."""
    mark = uuid.uuid4().hex[:12]
    names = {kind: f"{kind}_{mark}" for kind in ("app", "operator", "stranger")}
    async with session(of_former) as c:
        await c.execute(GRANTED.format(**names))
        try:
            async with session(as_role(of_former, names["app"])) as app:
                await app.execute("insert into ingest_requests (content, dedupe_key) values ('before', 'k')")
            await service.migrate(Settings(), of_former)
            yield of_former, names
        finally:
            await c.execute(
                "".join(f"drop owned by {name} cascade; drop role {name};" for name in reversed(names.values()))
            )


def as_role(dsn: str, role: str) -> str:
    return dsn.replace(f"//{embedded.server.SUPERUSER}@", f"//{role}@")


async def test_roles_of_before_go_on_and_no_longer_write_what_is_the_systems(
    upgraded_roles: tuple[str, dict[str, str]],
) -> None:
    dsn, names = upgraded_roles
    async with session(dsn) as c:
        rights = {(row["role"], row["may"]) for row in await c.fetch("select role, may from ingest_collection_grants")}
        app, operator = names["app"], names["operator"]
        assert rights == {(app, "submit"), (app, "search"), (operator, "search"), (operator, "operate")}
        await ingest(c, {"a": "vents"})
    async with session(as_role(dsn, names["app"])) as its_own:
        before = await its_own.fetchval("select ingest_add(content => 'again', dedupe_key => 'k')")
        assert await its_own.fetchval("select content from ingest_requests where id = $1", before) == "before"
        assert await its_own.fetchval("select count(*) from ingest_requests") == 1  # its own
        assert [row["uri"] for row in await its_own.fetch("select uri from ingest_search('vents')")] == ["a"]
        for statement in (
            "select * from ingest_queries",
            "insert into ingest_requests (content, created_by) values ('x', 'y')",
            "insert into ingest_queries (space_id, hash, text) values (1, sha256('x'), 'x')",
            "update ingest_queries set error = '{}'",
            "select ingest_settle(id, 'failed', '{}') from ingest_requests",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await its_own.execute(statement)
    async with session(as_role(dsn, names["operator"])) as its_own:
        assert await its_own.fetchval("select count(*) from ingest_requests") == 2
        for statement in ("update ingest_batches set owner = null", "update ingest_revisions set text = 'x'"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await its_own.execute(statement)
        assert await its_own.fetchval("select ingest_cancel($1)", before) == "cancelled"
    async with session(as_role(dsn, names["stranger"])) as stranger:
        for statement in (
            "select * from ingest_search('vents')",
            "select ingest_add('/x')",
            "select ingest_cancel($1)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await stranger.fetch(statement, *([before] if "$1" in statement else []))


async def test_a_text_search_configuration_of_ones_own_is_found_after_the_migration(of_former: str) -> None:
    async with session(of_former) as c:
        await c.execute("create text search configuration plain (copy = simple)")
        await c.execute("select from ingest_collection('own', '{\"text_config\": \"plain\"}')")
        await add_listener(c)
        await c.execute("insert into ingest_requests (content, collection) values ('The vents', 'own')")
        request = await c.fetchval("select id from ingest_claim('L1', 1, '{/}', $1)", SPACE)
        assert (
            await c.fetchval("select settings ->> 'text_config' from ingest_requests where id = $1", request) == "plain"
        )
        await service.migrate(Settings(), of_former)
        assert (
            await c.fetchval("select settings ->> 'text_config' from ingest_requests where id = $1", request)
            == "public.plain"
        )
        settings = "select * from ingest_chunk_settings($1, 1)"
        assert (await c.fetchrow(settings, request))["text_config"] == "plain"  # type: ignore[index]
        assert await c.fetch("select * from ingest_search('the', 'own')") == []
