"""Whatever a database or a role has as defaults, everything works: for listeners, the command, and users' own sessions.

What works is all the main paths: migrate, listen, a request through to searchable, search, status, cancel, retry,
doctor. Where it can't work, all of them say why with one code.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import anyio
import asyncpg
import pytest
import sqlalchemy
from listener_process import ListenerProcess
from roles import new_roles
from staging import Connection, session

import listener
from listener import embedded, service
from listener.cli import doctor
from listener.cli.output import Output
from listener.cli.problems import explain
from listener.client import Ingest, open_session
from listener.database.connections import client_connection, dbos_engine, open_database, plain_connection
from listener.database.dsn import as_role, check_dsn, url_for_dbos, with_options
from listener.database.session_settings import PINNED
from listener.errors import OperatorError
from listener.settings import Settings

ISOLATION = "default_transaction_isolation"
LITERALS = {"standard_conforming_strings": "off", "backslash_quote": "on", "escape_string_warning": "on"}
TEXTS = {
    "datestyle": "SQL, DMY",
    "intervalstyle": "sql_standard",
    "timezone": "Pacific/Chatham",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "lc_messages": "C.UTF-8",
    "quote_all_identifiers": "on",
    "transform_null_equals": "on",
    "array_nulls": "off",
    "xmloption": "document",
    "client_encoding": "LATIN1",
}
TIMEOUTS = {
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "200ms",
    "idle_session_timeout": "200ms",
    "transaction_timeout": "5s",
}
PATHS = {"search_path": "nowhere", "row_security": "off", "default_transaction_deferrable": "on"}
HOSTILE: Mapping[str, Mapping[str, str]] = {
    "serializable": {ISOLATION: "serializable"},
    "repeatable read": {ISOLATION: "repeatable read"},
    "literals": LITERALS,
    "texts": TEXTS,
    "timeouts": TIMEOUTS,
    "paths and policies": PATHS,
}
EVERYTHING = {ISOLATION: "serializable", **LITERALS, **TEXTS, **TIMEOUTS, **PATHS}


async def set_defaults(dsn: str, defaults: Mapping[str, str], role: str | None = None) -> None:
    """Set defaults of the database, or of a role in it."""
    async with session(dsn) as c:
        database = await c.fetchval("select current_database()")
        whose = f"role {role} in database {database}" if role else f"database {database}"
        for name, value in defaults.items():
            await c.execute(f"alter {whose} set {name} = '{value}'")


async def everything_works(dsn: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INGEST_DATABASE_URL", dsn)
    process = ListenerProcess(dsn, folder, heartbeat_seconds=0.2, lease_seconds=5, safety_poll_seconds=600).ready()
    try:
        await a_request_becomes_searchable(dsn)
        await requests_are_controlled(dsn)
        assert await doctor._doctor(Output(json=True)) == 0
    finally:
        assert process.stop() == 0
    assert " ERROR " not in process.log()
    assert "waiting for Postgres" not in process.log()


async def asked(dsn: str, statement: str, *values: object) -> Any:
    """Send one statement as any driver does: all defaults are those of the database and the role."""
    user = await asyncpg.connect(dsn)
    try:
        return await user.fetchval(statement, *values)
    finally:
        user.terminate()


async def a_request_becomes_searchable(dsn: str) -> None:
    request = await asked(
        dsn,
        "insert into public.ingest_requests (content, uri, metadata)"
        " values ('The harbour froze in a hard frost.', 'frost.md', '{\"year\": 1947}') returning id",
    )
    async with listener.connect(dsn) as ingest:
        outcome = await ingest.wait(request, timeout=30)
        assert (outcome.status, outcome.documents_done) == ("succeeded", 1)
    await asked(dsn, "call public.ingest_embed_query('a cold winter')")
    assert await asked(dsn, "select h.uri from public.ingest_search('frost', 'default', 3) h") == "frost.md"
    assert await asked(dsn, "select s.status from public.ingest_status s where s.id = $1", request) == "succeeded"
    async with listener.connect(dsn) as ingest:
        assert [hit.uri for hit in await ingest.search("a hard winter")] == ["frost.md"]
        assert [status.id for status in await ingest.statuses()] == [request]


async def requests_are_controlled(dsn: str) -> None:
    later = await asked(
        dsn, "insert into public.ingest_requests (content, run_at) values ('x', now() + '1 day'::interval) returning id"
    )
    assert await asked(dsn, "select public.ingest_cancel($1)", later) == "cancelled"
    async with listener.connect(dsn) as ingest:
        empty = await ingest.add(content="   ", uri="blank.md")
        assert (await ingest.wait(empty, timeout=30)).error_code == "no_text"
        assert await ingest.retry(empty) == "pending"
        assert (await ingest.wait(empty, timeout=30)).attempt == 2
        assert [failure.code for failure in await ingest.failures(empty)] == ["no_text"]


@pytest.mark.long  # all at once below
@pytest.mark.parametrize("defaults", HOSTILE.values(), ids=HOSTILE)
async def test_everything_works_whatever_the_defaults(
    ready: str, defaults: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_defaults(ready, defaults, role=None if "statement_timeout" in defaults else embedded.server.SUPERUSER)
    await everything_works(ready, tmp_path, monkeypatch)


async def test_an_installation_is_made_under_all_of_them_at_once(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await set_defaults(database, EVERYTHING)
    applied = await service.migrate(Settings(), database)
    assert applied
    await everything_works(database, tmp_path, monkeypatch)


async def test_every_kind_of_session_has_what_our_statements_rely_on(ready: str) -> None:
    await set_defaults(ready, {**EVERYTHING, "lock_timeout": "2s"})
    database = await open_database(Settings(), ready)
    pool, of_clients = await database.pool(1, "test"), await database.client_pool(1, "test")
    opened = [await plain_connection(ready), await client_connection(ready), await database.connect("test")]
    try:
        query = "select name, setting from pg_catalog.pg_settings"
        for found in [await pool.fetch(query), await of_clients.fetch(query), *[await c.fetch(query) for c in opened]]:
            assert {name: setting for name, setting in found if name in WANTED} == WANTED
        assert await pool.fetchval("show transaction_timeout") == "0"
        assert await opened[-1].fetchval("show transaction_timeout") == "0"
        engine = sqlalchemy.create_engine(
            sqlalchemy.make_url(url_for_dbos(ready)).set(drivername="postgresql+psycopg"),
            **dbos_engine(ready, "test", 1),
        )
        with engine.connect() as of_dbos:
            rows = of_dbos.execute(sqlalchemy.text(query)).all()
            assert {name: setting for name, setting in rows if name in WANTED} == WANTED
        engine.dispose()
    finally:
        await pool.close()
        await of_clients.close()
        for connection in opened:
            await connection.close()


WANTED = {**PINNED, "idle_in_transaction_session_timeout": "60000"}


async def test_options_of_the_url_reach_all_sessions_and_one_s_own_are_stronger(ready: str) -> None:
    dsn = with_options(ready, "-c ingest_test.mine=yes -c default_transaction_isolation=serializable")
    connection = await plain_connection(check_dsn(dsn))
    try:
        assert await connection.fetchval("show ingest_test.mine") == "yes"
        assert await connection.fetchval("show transaction_isolation") == "read committed"
    finally:
        await connection.close()
    options = dbos_engine(dsn, "test", 1)["connect_args"]["options"]
    assert options.startswith("-c ingest_test.mine=yes ")


async def test_a_call_that_another_transaction_met_is_made_again(ready: str, submitter_of_ready: str) -> None:
    dsn = ready.replace(f"//{embedded.server.SUPERUSER}@", f"//{submitter_of_ready}@")

    async def add_some(ingest: Ingest) -> None:
        for _ in range(10):
            await ingest.add(content="x", run_at="tomorrow")

    await set_defaults(ready, {ISOLATION: "serializable"})
    pool = await asyncpg.create_pool(dsn, min_size=6, max_size=6)
    async with listener.connect(pool) as ingest, anyio.create_task_group() as tasks:
        for _ in range(6):
            tasks.start_soon(add_some, ingest)
    assert await asked(ready, "select count(*) from public.ingest_requests") == 60
    await pool.close()


@pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
async def test_inside_of_a_transaction_it_is_said_to_try_again(ready: str, sqlstate: str) -> None:
    async with listener.connect(ready) as ingest:
        with pytest.raises(OperatorError) as raised:
            async with ingest.session.transaction() as transaction:
                await transaction.rows(f"do $$ begin raise sqlstate '{sqlstate}'; end $$")
    assert raised.value.code == "try_again"
    assert "epeat the transaction" in raised.value.hint


@pytest.fixture
async def submitter_of_ready(own: Connection) -> AsyncIterator[str]:
    async with new_roles(own, 1) as (made,):
        await own.execute("select ingest_grant($1, 'submitter')", made)
        yield made


# What can't work says why


@pytest.mark.parametrize("whose", ["database", pytest.param("role", marks=pytest.mark.long)])
async def test_a_database_that_takes_no_writes_is_named_as_that(
    ready: str, whose: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    role = embedded.server.SUPERUSER if whose == "role" else None
    await asked(ready, "select c.name from public.ingest_collection('default', '{}') c")
    await set_defaults(ready, {"default_transaction_read_only": "on"}, role)
    async with open_session(ready, "public") as reading:
        ingest = Ingest(reading)
        assert await ingest.statuses() == []
        assert await ingest.search("frost", by="words") == []
        calls = [
            service.migrate(Settings(), ready),
            service.Listener(Settings(), ready).start(),
            ingest.add("/srv/docs"),
            connected(ready),
        ]
        for call in calls:
            with pytest.raises(OperatorError) as raised:
                await call
            assert raised.value.code == "database_read_only"
            assert raised.value.hint
    monkeypatch.setenv("INGEST_DATABASE_URL", ready)
    assert await doctor._doctor(Output()) == 5
    assert "problem  writes      database_read_only" in capsys.readouterr().out


async def connected(dsn: str) -> None:
    async with listener.connect(dsn):
        pass


@pytest.mark.long
async def test_a_role_without_inheritance_acts_as_the_owner_by_the_options_of_the_url(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with session(database) as c, new_roles(c, 2) as (owner, login):
        await c.execute(f"alter role {login} noinherit; grant {owner} to {login} with inherit false")
        await c.execute(f"grant create on database {await c.fetchval('select current_database()')} to {owner}")
        await c.execute(f"grant all on schema public to {owner}; alter schema public owner to {owner}")
        plain = database.replace(f"//{embedded.server.SUPERUSER}@", f"//{login}@")
        await service.migrate(Settings(), plain)
        with pytest.raises(asyncpg.InsufficientPrivilegeError) as raised:
            await service.Listener(Settings(), plain).start()
        assert explain(raised.value).code == "not_permitted"
        await everything_works(as_role(plain, owner), tmp_path, monkeypatch)
