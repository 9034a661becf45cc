"""Each kind of role carries out what it is for, and nothing else: with a login, by SET ROLE, through others' functions."""

# ruff: noqa: E501 - statements are easier to compare in one line

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from ingest_command import Ingest
from listener_process import ListenerProcess
from pipeline import cloned, ended
from staging import SPACE, Connection, collection, ingest, session

from listener import embedded

KINDS = ("submitter", "searcher", "operator", "listener", "gateway")


@dataclass(frozen=True)
class Installation:
    """An installation in a schema of its own, with a role of each kind; ``names`` are those roles' names."""

    dsn: str
    database: str
    names: dict[str, str]

    def url(self, kind: str) -> str:
        return self.dsn.replace(f"//{embedded.server.SUPERUSER}@", f"//{self.names[kind]}@")

    @asynccontextmanager
    async def as_role(self, kind: str) -> AsyncIterator[Connection]:
        async with session(self.url(kind), "ingest") as connection:
            yield connection


@pytest.fixture(scope="module")
def granted(server: embedded.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """What each test has a copy of; roles are the whole server's. Nobody may be connected to it while it is copied."""
    name = f"roles_{uuid.uuid4().hex[:12]}"
    installation = Installation(server.dsn(name), name, {kind: f"{name}_{kind}" for kind in ("owner", *KINDS)})
    asyncio.run(install(server, installation, tmp_path_factory.mktemp(name)))
    yield installation
    asyncio.run(drop(server, installation))


async def install(server: embedded.Server, installation: Installation, folder: Path) -> None:
    await server.create_database(installation.database)
    async with session(installation.dsn) as superuser:
        for role in installation.names.values():
            await superuser.execute(f"create role {role} login")
        role = installation.names["owner"]
        await superuser.execute(
            f"create schema ingest authorization {role}; create schema ingest_dbos authorization {role}"
        )
    owner = Ingest(folder, INGEST_DATABASE_URL=installation.url("owner"), INGEST_SCHEMA="ingest")
    assert (await owner("migrate")).status == 0
    for kind in KINDS:
        granted = await owner("grant", installation.names[kind], "--as", kind)
        assert granted.status == 0, granted.err


async def drop(server: embedded.Server, installation: Installation) -> None:
    await server.drop_database(installation.database)
    async with session(server.dsn("postgres")) as superuser:
        await superuser.execute(f"drop role {', '.join(installation.names.values())}")


@pytest.fixture
async def roles(server: embedded.Server, granted: Installation) -> AsyncIterator[Installation]:
    async with cloned(server, granted.database) as dsn, session(dsn) as superuser:
        database = await superuser.fetchval("select current_database()")
        for kind in KINDS:  # `ingest grant` did so in the other database; a copy has no settings of roles
            role = granted.names[kind]
            await superuser.execute(f"alter role {role} in database {database} set search_path = ingest, public")
        yield Installation(dsn, database, granted.names)
        memberships = "select format('revoke %s from %s', roleid::regrole, member::regrole) from pg_auth_members where member = any ($1::text[]::regrole[])"
        for row in await superuser.fetch(memberships, list(granted.names.values())):
            await superuser.execute(row[0])


async def test_roles_of_every_kind_carry_a_request_from_its_insert_to_a_search(
    roles: Installation, tmp_path: Path
) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    for n in range(6):
        (folder / f"{n}.md").write_text(f"# Vents\n\nThe vents of house {n} open.\n")
    process = ListenerProcess(
        roles.url("listener"), tmp_path, schema="ingest", file_roots=folder, batch_documents=2, heartbeat_seconds=0.2
    ).ready()
    try:
        async with roles.as_role("submitter") as submitter:
            insert = "insert into ingest_requests (source) values ($1) returning id"
            request = await submitter.fetchval(insert, str(folder))
            assert (await ended(submitter, request))[0]["status"] == "succeeded"
            shown = await submitter.fetchrow(
                "select status, percent, documents_done from ingest_status where id = $1", request
            )
            assert tuple(shown or ()) == ("succeeded", 100, 6)
        async with roles.as_role("searcher") as searcher:
            await searcher.execute("call ingest_embed_query('vents', 'default')")
            assert len(await searcher.fetch("select * from ingest_search('vents')")) == 6
            assert await searcher.fetchval("select count(*) from ingest_chunks") == 6
            assert await searcher.fetchval("select count(*) from ingest_chunks_default") == 6
        async with roles.as_role("operator") as operator:
            fork = await operator.fetchval("select ingest_fork($1)", request)
    finally:
        assert process.stop() == 0
    assert fork
    assert " ERROR " not in process.log()


# what is not granted


PRIVATE = """
select p.oid::regprocedure::text from pg_proc p
where p.pronamespace = 'ingest'::regnamespace and p.proname like 'ingest\\_%%' and has_function_privilege($1::name, p.oid, 'execute')
  and not ingest.ingest_is_for(p.proname, 'anybody') and not ingest.ingest_is_for(p.proname, $2)
"""
OPEN_TABLES = """
select c.relname from pg_class c
where c.relnamespace = 'ingest'::regnamespace and c.relkind = 'r' and not c.relrowsecurity
"""
OWN_RIGHTS = """
select c.relname from pg_class c
where c.relnamespace = 'ingest'::regnamespace and c.relkind = 'v'
  and not coalesce(c.reloptions @> array['security_invoker=true'], false)
"""
WRITABLE = """
select c.relname || ' ' || t.privilege from pg_class c cross join unnest('{INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) as t (privilege)
where c.relnamespace = 'ingest'::regnamespace and c.relkind = 'r' and has_table_privilege($1::name, c.oid, t.privilege)
union
select c.relname || '.' || a.attname || ' ' || t.privilege
from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
cross join unnest('{INSERT,UPDATE}'::text[]) as t (privilege)
where c.relnamespace = 'ingest'::regnamespace and c.relkind = 'r' and has_column_privilege($1::name, c.oid, a.attnum, t.privilege)
"""
APPLICATIONS = [
    "id",
    "source",
    "content",
    "content_bytes",
    "media_type",
    "uri",
    "collection",
    "options",
    "metadata",
    "priority",
    "run_at",
    "dedupe_key",
]
CHANGED = ["priority", "run_at", "metadata", "options", "dedupe_key"]
MAY_WRITE = {
    "submitter": {f"ingest_requests.{column} INSERT" for column in APPLICATIONS},
    "searcher": set(),
    "operator": {"ingest_requests DELETE", "ingest_documents DELETE"}
    | {f"ingest_requests.{column} UPDATE" for column in CHANGED},
    "listener": set(),
    "gateway": set(),
}


async def test_nobody_may_call_or_write_what_is_not_for_them(roles: Installation) -> None:
    async with session(roles.dsn, "ingest") as c:
        assert await c.fetch(OPEN_TABLES) == []
        assert await c.fetch(OWN_RIGHTS) == []
        for kind, right in zip(KINDS, ("submit", "search", "operate", "listen", "gateway"), strict=True):
            role = roles.names[kind]
            assert [row[0] for row in await c.fetch(PRIVATE.replace("%%", "%"), role, right)] == [], kind
            assert {row[0] for row in await c.fetch(WRITABLE, role)} == MAY_WRITE[kind], kind
        await c.execute("create role " + roles.names["owner"] + "_none")
        try:
            nobody = roles.names["owner"] + "_none"
            assert await c.fetch(PRIVATE.replace("%%", "%"), nobody, "none") == []
            assert await c.fetch(WRITABLE, nobody) == []
        finally:
            await c.execute("drop role " + roles.names["owner"] + "_none")


async def test_doors_stay_closed_through_another_migration_and_new_views(roles: Installation, tmp_path: Path) -> None:
    owner = Ingest(tmp_path, INGEST_DATABASE_URL=roles.url("owner"), INGEST_SCHEMA="ingest")
    async with session(roles.dsn, "ingest") as c:
        await c.execute("delete from ingest_migrations where name like 'ingest%'")
        assert (await owner("migrate")).status == 0
        space = '{"embedder": "e", "model": "m", "dimensions": 3}'
        async with session(roles.url("owner"), "ingest") as own:
            await own.execute("select from ingest_collection('typed', $1::text::jsonb)", space)
        assert await c.fetch(OWN_RIGHTS) == []
        assert await c.fetchval(
            "select has_table_privilege($1::name, 'ingest_chunks_typed', 'select')", roles.names["searcher"]
        )
        public = "select count(*) from pg_proc p cross join lateral aclexplode(p.proacl) a where a.grantee = 0 and p.proname like $1"
        assert await c.fetchval(public, "ingest\\_%") > 0
        assert not await c.fetchval(
            "select has_function_privilege($1::name, 'ingest_settle(uuid,text,jsonb)', 'execute')",
            roles.names["operator"],
        )


async def test_a_setting_opens_no_door(roles: Installation) -> None:
    """What anybody can set told system writes from others once: with it, an insert-only role forked another's request."""
    async with roles.as_role("operator") as operator, roles.as_role("submitter") as submitter:
        theirs = await inserted(submitter, "theirs")
        await submitter.execute("select set_config('ingest.writer', 'x', false)")
        fork = (
            "with on_time as materialized (select set_config('ingest.writer', statement_timestamp()::text, true))"
            " insert into ingest_requests (content, forked_from, fork_step) select 'x', $1, 'load' from on_time"
        )
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await submitter.execute(fork, theirs)
        change = (
            "with on_time as materialized (select set_config('ingest.writer', statement_timestamp()::text, true))"
            " update ingest_requests r set options = '{\"include\": 1}' from on_time where r.id = $1"
        )
        with pytest.raises(asyncpg.PostgresError) as refused:
            await operator.execute(change, theirs)
        assert refused.value.constraint_name == "wrong_option_type"
    async with session(roles.dsn, "ingest") as c:  # a role that may insert whole rows, from a former release
        await c.execute(f"grant insert, update on ingest_requests to {roles.names['submitter']}")
        async with roles.as_role("submitter") as submitter:
            with pytest.raises(asyncpg.PostgresError) as refused:
                await submitter.execute(fork, theirs)
            assert refused.value.constraint_name == "system_column"


async def inserted(c: Connection, content: str, collection: str = "default") -> uuid.UUID:
    query = "insert into ingest_requests (content, collection) values ($1, $2) returning id"
    found: uuid.UUID = await c.fetchval(query, content, collection)
    return found


async def refused(c: Connection, statement: str, *values: object) -> str:
    """Return the code that a statement is refused with."""
    with pytest.raises(asyncpg.PostgresError) as error:
        await c.fetch(statement, *values)
    return str(getattr(error.value, "constraint_name", None) or error.value.sqlstate)


# by collection


async def test_each_collection_is_seen_and_controlled_by_whom_it_was_granted_to(roles: Installation) -> None:
    async with session(roles.url("owner"), "ingest") as owner:
        for kind in ("submitter", "searcher", "operator"):
            await owner.execute("select ingest_revoke($1::name, $2, null)", roles.names[kind], kind)
            await owner.execute("select ingest_grant($1::name, $2, 'a')", roles.names[kind], kind)
        of_a, of_b = await inserted(owner, "in a", "a"), await inserted(owner, "in b", "b")
        await owner.execute("select from ingest_collection('a'); select from ingest_collection('b')")
        await owner.execute("insert into ingest_documents (collection, uri) values ('a', 'x'), ('b', 'x')")
    async with roles.as_role("submitter") as submitter:
        assert (
            await refused(submitter, "insert into ingest_requests (content, collection) values ('x', 'b')")
            == "not_granted"
        )
        mine, mine_too = await inserted(submitter, "x", "a"), await inserted(submitter, "y", "a")
        assert [
            row["id"] for row in await submitter.fetch("select id from ingest_status order by created_at desc")
        ] == [mine_too, mine]
        for verb in ("cancel", "resume", "retry", "fork"):
            assert await refused(submitter, f"select ingest_{verb}($1)", of_a) in ("42501", "unknown_request")
        assert {row[0] for row in await submitter.fetch("select name from ingest_collections")} == {"a"}
    async with roles.as_role("operator") as operator:
        assert {row["id"] for row in await operator.fetch("select id from ingest_status")} == {mine, mine_too, of_a}
        assert await refused(operator, "select ingest_cancel($1)", of_b) == "unknown_request"
        assert await operator.fetchval("select ingest_cancel($1)", of_a) == "cancelled"
        once_more = await operator.fetchval("select ingest_cancel($1)", mine_too)
        assert await operator.fetchval("select ingest_delete_requests($1)", [mine_too]) == 1, once_more
        assert (
            await operator.execute("update ingest_requests set priority = 5 where id = any ($1)", [mine, of_b])
            == "UPDATE 1"
        )
        # Whoever may DELETE from a table may lock it, for everybody.
        for statement in (
            "delete from ingest_documents",
            "delete from ingest_requests",
            "do $$ begin lock table ingest_requests; end $$",
            "do $$ begin lock table ingest_documents; end $$",
        ):
            assert await refused(operator, statement) == "42501", statement
        assert await operator.fetchval("select ingest_delete_documents('a')") == 1
        assert await refused(operator, "select ingest_delete_documents('b', '{x}')") == "not_granted"
        assert await refused(operator, "select ingest_delete_requests($1)", [of_b]) == "unknown_request"
        assert await refused(operator, "select from ingest_collection('b', '{\"max_running\": 1}')") == "not_granted"
        assert await refused(operator, "select ingest_grant('x', 'operator')") == "42501"
    async with roles.as_role("searcher") as searcher:
        assert await searcher.fetch("select * from ingest_search('x', 'a')") == []
        there, not_there = [await refused(searcher, f"select * from ingest_search('x', '{one}')") for one in ("b", "c")]
        assert there == not_there == "not_granted"
        assert await refused(searcher, "call ingest_embed_query('x', 'b')") == "not_granted"
        assert await refused(searcher, "select * from ingest_requests") == "42501"
    async with session(roles.dsn, "ingest") as c:
        assert await c.fetchval("select count(*) from ingest_collections where name = 'c'") == 0
        assert (
            await c.fetchval(
                "select cancelled_by from (select error ->> 'message' as cancelled_by from ingest_requests where id = $1) e",
                of_a,
            )
            == f"cancelled by {roles.names['operator']}"
        )


async def test_who_asks_is_the_role_that_was_set_also_within_somebody_elses_function(roles: Installation) -> None:
    """As PostgREST, Supabase and poolers do it: one login, SET (LOCAL) ROLE for each request, and functions that run as their owner."""
    async with session(roles.dsn, "ingest") as c:
        gate = roles.names["gateway"]
        await c.execute(f"grant {roles.names['submitter']}, {roles.names['searcher']} to {gate} with inherit false")
        await c.execute(
            "create function public.add_for_me(text) returns uuid language sql security definer"
            " set search_path = ingest, pg_catalog as $$ insert into ingest_requests (content) values ($1) returning id $$"
        )
        await c.execute(f"grant usage on schema public to {gate}")
    async with session(roles.url("gateway"), "ingest") as pooled:
        async with pooled.transaction():
            await pooled.execute(f"set local role {roles.names['submitter']}")
            request = await inserted(pooled, "x")
            through = await pooled.fetchval("select public.add_for_me('y')")
            seen = {
                row["id"]: row["submitted_by"]
                for row in await pooled.fetch("select id, submitted_by from ingest_requests")
            }
            assert seen == dict.fromkeys((request, through), roles.names["submitter"])
        async with pooled.transaction():
            await pooled.execute(f"set local role {roles.names['searcher']}")
            assert await pooled.fetch("select * from ingest_search('x')") == []
        assert await refused(pooled, "insert into ingest_requests (content) values ('x')") == "42501"
        assert await refused(pooled, "select public.add_for_me('z')") == "not_granted"


# documents with principals


async def test_a_document_with_principals_is_found_by_them_and_through_gateways_that_name_them(
    roles: Installation,
) -> None:
    async with session(roles.url("owner"), "ingest") as owner:
        await collection(owner, "default", SPACE)
        await ingest(owner, {"open": "vents", "ours": "vents", "theirs": "vents", "nobody": "vents"})
        for uri, principals in (("ours", [roles.names["searcher"]]), ("theirs", ["alice", "group:hr"]), ("nobody", [])):
            assert await owner.fetchval("select ingest_set_principals('default', $1, $2)", uri, principals)
        assert await found(owner, "select uri from ingest_search('vents')") == {"open", "ours", "theirs", "nobody"}
    async with roles.as_role("searcher") as searcher:
        nearest = "select uri from ingest_search('[1,0,0]'::vector)"
        for query in (
            "select uri from ingest_search('vents')",
            nearest,
            "select uri from ingest_chunks",
            "select uri from ingest_documents",
        ):
            assert await found(searcher, query) == {"open", "ours"}, query
        assert await found(searcher, "select collection from ingest_chunk_store") == {"default"}
        assert len(await searcher.fetch("select text from ingest_chunk_store")) == 2
        assert await refused(searcher, "select * from ingest_search_for('{alice}', 'vents')") == "42501"
        await searcher.execute("select set_config('ingest.principals', 'alice', false)")
        assert await found(searcher, "select uri from ingest_search('vents')") == {"open", "ours"}
    async with session(roles.url("owner"), "ingest") as owner:
        await owner.execute("select ingest_grant($1::name, 'searcher')", roles.names["gateway"])
    async with roles.as_role("gateway") as gateway:
        assert await found(gateway, "select uri from ingest_search_for('{alice}', 'vents')") == {"open", "theirs"}
        assert await found(gateway, "select uri from ingest_search_for('{group:hr,bob}', 'vents', by => 'words')") == {
            "open",
            "theirs",
        }
        assert await found(gateway, "select uri from ingest_search_for('{}', 'vents')") == {"open"}
        assert await found(gateway, "select uri from ingest_search_for(null, 'vents')") == {"open"}


async def found(c: Connection, query: str) -> set[str]:
    return {row[0] for row in await c.fetch(query)}


async def test_principals_come_from_options_and_from_fields_and_change_without_embedding(
    roles: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "notes.jsonl"
    rows = ({"id": "a", "text": "Vents of a.", "readers": ["alice", "bob"]}, {"id": "b", "text": "Of b, for nobody."})
    file.write_text(
        "".join(json.dumps(row) + "\n" for row in (*rows, {"id": "c", "text": "Of c.", "readers": "carol"}))
    )
    process = ListenerProcess(
        roles.url("listener"), tmp_path, schema="ingest", file_roots=tmp_path, heartbeat_seconds=0.2
    ).ready()
    insert = (
        "insert into ingest_requests (source, collection, options) values ($1, 'notes', $2::text::jsonb) returning id"
    )
    shown = "select uri, principals from ingest_documents where collection = 'notes' order by uri"
    try:
        async with session(roles.url("owner"), "ingest") as owner:
            record = {"text": "text", "id": "id", "metadata": ["readers"]}
            options = {"record": record, "principals_field": "readers"}
            request = await owner.fetchval(insert, str(file), json.dumps(options))
            assert (await ended(owner, request))[0]["status"] == "succeeded"
            assert [row["principals"] for row in await owner.fetch(shown)] == [["alice", "bob"], [], ["carol"]]
            before = await owner.fetch("select revision_id, ctid::text from ingest_chunk_store order by 1")
            again = await owner.fetchval(insert, str(file), json.dumps({"record": record, "principals": ["dave"]}))
            assert (await ended(owner, again))[0]["documents_skipped"] == 3
            assert [row["principals"] for row in await owner.fetch(shown)] == [["dave"]] * 3
            assert await owner.fetch("select revision_id, ctid::text from ingest_chunk_store order by 1") == before
            for force in ("true", "false"):  # what says nothing of principals opens no document
                silent = await owner.fetchval(
                    insert, str(file), json.dumps({"record": record, "force": force == "true"})
                )
                assert (await ended(owner, silent))[0]["status"] == "succeeded"
                assert [row["principals"] for row in await owner.fetch(shown)] == [["dave"]] * 3
    finally:
        assert process.stop() == 0


async def test_an_administrators_own_policy_on_documents_holds_in_searches(roles: Installation) -> None:
    async with session(roles.url("owner"), "ingest") as owner:
        await collection(owner, "default", SPACE)
        await ingest(owner, {"open": "vents", "closed": "vents"})
        await owner.execute(
            "create policy house_rule on ingest_documents as restrictive for select using (uri <> 'closed')"
        )
    async with roles.as_role("searcher") as searcher:
        for query in (
            "select uri from ingest_search('vents')",
            "select uri from ingest_search('[1,0,0]'::vector)",
            "select uri from ingest_chunks",
        ):
            assert await found(searcher, query) == {"open"}, query


async def test_doctor_says_what_a_role_lacks(roles: Installation, tmp_path: Path) -> None:
    owner = Ingest(tmp_path, INGEST_DATABASE_URL=roles.url("owner"), INGEST_SCHEMA="ingest")
    assert (await owner("grant", roles.names["gateway"], "--as", "searcher")).status == 0
    for kind in KINDS:
        its_own = Ingest(tmp_path, INGEST_DATABASE_URL=roles.url(kind), INGEST_SCHEMA="ingest")
        good = await its_own("doctor", "--as", kind)
        assert good.status == 0, good.out
        other = "operator" if kind != "operator" else "submitter"
        bad = await its_own("doctor", "--as", other)
        assert bad.status == 5
        assert f"ingest grant {roles.names[kind]} --as {other}" in bad.out


async def test_a_grant_to_nobody_or_of_nothing_is_refused_with_what_to_do(roles: Installation, tmp_path: Path) -> None:
    owner = Ingest(tmp_path, INGEST_DATABASE_URL=roles.url("owner"), INGEST_SCHEMA="ingest")
    for arguments, code in (
        (("nobody_at_all", "--as", "searcher"), "unknown_role"),
        ((roles.names["searcher"], "--as", "king"), "unknown_right"),
    ):
        ended_badly = await owner("grant", *arguments)
        assert ended_badly.status == 2
        assert f"error: {code}" in ended_badly.err
    assert "was not" in (await owner("revoke", roles.names["searcher"], "--as", "submitter")).out
    assert (await owner("revoke", roles.names["searcher"], "--as", "searcher")).status == 0
    async with roles.as_role("searcher") as searcher:
        for statement in ("select * from ingest_search('x')", "select count(*) from ingest_documents"):
            assert await refused(searcher, statement) == "42501"


async def test_whoever_migrates_all_belongs_to_the_owner_of_the_schema(
    server: embedded.Server, database: str, tmp_path: Path
) -> None:
    """Functions run as their owner: as a superuser's they would open every door."""
    role = f"owner_{uuid.uuid4().hex[:12]}"
    superuser = Ingest(tmp_path, INGEST_DATABASE_URL=database, INGEST_SCHEMA="ingest")
    async with session(database) as c:
        await c.execute(f"create role {role}; create schema ingest authorization {role}")
        try:
            assert (await superuser("migrate")).status == 0
            await c.execute("delete from \"ingest\".ingest_migrations where name like 'ingest%'")
            migrated = await superuser("migrate")
            assert migrated.status == 0, migrated.err
            owned = "select distinct rolname from pg_roles r join {} o on o.{} = r.oid where o.{} = any ($1::text[]::regnamespace[])"
            for table, owner, schema in (
                ("pg_class", "relowner", "relnamespace"),
                ("pg_proc", "proowner", "pronamespace"),
            ):
                names = await c.fetch(owned.format(table, owner, schema), ["ingest", "ingest_dbos"])
                assert [row[0] for row in names] == [role], table
            stranger = f"{role}_stranger"
            await c.execute(f"create role {stranger} login; grant all on schema ingest, ingest_dbos to {stranger}")
            url = database.replace(f"//{embedded.server.SUPERUSER}@", f"//{stranger}@")
            refused_to = await Ingest(tmp_path, INGEST_DATABASE_URL=url, INGEST_SCHEMA="ingest")("migrate")
            assert refused_to.status == 5
            assert f"belongs to the role {role}" in refused_to.err
            await c.execute(f"drop owned by {stranger}; drop role {stranger}")
        finally:
            await c.execute(f"drop owned by {role} cascade; drop role {role}")


async def test_a_listener_has_dbos_tables_to_come_and_none_once_its_right_is_revoked(
    roles: Installation, tmp_path: Path
) -> None:
    """Whoever grants and revokes: here a superuser, whose own default privileges would be nobody's."""
    admin = Ingest(tmp_path, INGEST_DATABASE_URL=roles.dsn, INGEST_SCHEMA="ingest")
    async with session(roles.url("owner"), "ingest") as c, roles.as_role("listener") as listener:
        await c.execute(
            "alter default privileges in schema ingest_dbos revoke all on tables from " + roles.names["listener"]
        )
        assert (await admin("grant", roles.names["listener"], "--as", "listener")).status == 0
        await c.execute("create table ingest_dbos.came (n int)")
        assert await listener.fetch("select * from ingest_dbos.came") == []
        revoked = await admin("revoke", roles.names["listener"], "--as", "listener")
        assert revoked.status == 0, revoked.err
        await c.execute("create table ingest_dbos.to_come (n int)")
        left = (
            "select c.relname from pg_class c cross join lateral aclexplode(c.relacl) a"
            " where c.relnamespace = 'ingest_dbos'::regnamespace and a.grantee = $1::text::regrole"
        )
        assert await c.fetch(left, roles.names["listener"]) == []
        for statement in (
            "select count(*) from ingest_dbos.workflow_status",
            "select ingest_beat('x', 0)",
            "select count(*) from ingest_requests",
        ):
            assert await refused(listener, statement) == "42501"


async def test_what_is_revoked_leaves_no_privilege_and_what_is_left_goes_on(roles: Installation) -> None:
    role = roles.names["operator"]
    async with session(roles.url("owner"), "ingest") as owner:
        await owner.execute(
            'select from ingest_collection(\'a\', \'{"embedder": "e", "model": "m", "dimensions": 3}\')'
        )
        for kind, collection_ in (("submitter", "a"), ("searcher", "a"), ("searcher", "b"), ("operator", "a")):
            await owner.execute("select ingest_grant($1::name, $2, $3)", role, kind, collection_)
        assert await owner.fetchval("select ingest_revoke($1::name, 'operator')", role)
    async with session(roles.dsn, "ingest") as c:
        written = {row[0] for row in await c.fetch(WRITABLE, role)}
        assert written == MAY_WRITE["submitter"] | {one for one in MAY_WRITE["operator"] if "DELETE" not in one}
    async with roles.as_role("operator") as it:
        assert await it.fetchval("select count(*) from ingest_chunks_a") == 0
        assert await inserted(it, "x", "a")
    async with session(roles.url("owner"), "ingest") as owner:
        for kind, collection_ in (("submitter", "a"), ("searcher", "a"), ("searcher", "b"), ("operator", "a")):
            assert await owner.fetchval("select ingest_revoke($1::name, $2, $3)", role, kind, collection_)
    async with session(roles.dsn, "ingest") as c:
        assert await c.fetch(WRITABLE, role) == []
        assert await c.fetch(PRIVATE.replace("%%", "%"), role, "none") == []
        readable = (
            "select relname from pg_class where relname like 'ingest%' and has_table_privilege($1::name, oid, 'select')"
        )
        assert await c.fetch(readable, role) == []


async def test_who_operates_one_collection_and_searches_another_reads_no_texts_of_the_first(
    roles: Installation,
) -> None:
    role = roles.names["operator"]
    async with session(roles.url("owner"), "ingest") as owner:
        await owner.execute("select ingest_revoke($1::name, 'operator'), ingest_grant($1::name, 'operator', 'a')", role)
        await owner.execute("select ingest_grant($1::name, 'searcher', 'b')", role)
        for name in ("a", "b"):
            await collection(owner, name, SPACE)
            await ingest(owner, {f"of {name}": "vents"}, collection=name)
    async with roles.as_role("operator") as it:
        assert await found(it, "select uri from ingest_chunks") == {"of b"}
        assert await found(it, "select collection from ingest_chunk_store") == {"b"}
        assert await found(it, "select uri from ingest_documents") == {"of a", "of b"}
        assert await refused(it, "select * from ingest_search('vents', 'a')") == "not_granted"
