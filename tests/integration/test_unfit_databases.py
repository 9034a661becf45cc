"""Databases in which nothing can work are refused first, with a code of their own, and nothing is left half made."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

import pytest
from debian_postgres import running
from staging import session

import listener
from listener import embedded, service
from listener.cli import doctor
from listener.cli.output import Output
from listener.errors import OperatorError
from listener.settings import Settings


@pytest.fixture(params=["LATIN1", "SQL_ASCII"])
async def encoded(server: embedded.Server, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """The URL of an empty database that is not UTF-8."""
    name = f"test_{uuid.uuid4().hex}"
    async with session(server.dsn("postgres")) as c:
        await c.execute(f"create database {name} encoding '{request.param}' locale 'C' template template0")
    yield server.dsn(name)
    await server.drop_database(name)


@pytest.fixture(scope="module")
def without_pgvector() -> Iterator[str]:
    """The URL of a Postgres 15 as Debian installs it: without pgvector."""
    with running() as server:
        yield f"postgresql://postgres@/postgres?host={quote(str(server.folder), safe='')}&port={server.port}"


async def connected(dsn: str) -> None:
    async with listener.connect(dsn):
        pass


async def refused_by_all(dsn: str, code: str, monkeypatch: pytest.MonkeyPatch) -> OperatorError:
    """Expect that whatever is tried, the answer is the same, and that nothing is made."""
    monkeypatch.setenv("INGEST_DATABASE_URL", dsn)
    settings = Settings(INGEST_SCHEMA="ingest")
    said: list[OperatorError] = []
    for call in (service.migrate(settings, dsn), service.Listener(settings, dsn).start(), connected(dsn)):
        with pytest.raises(OperatorError) as raised:
            await call
        said.append(raised.value)
    assert {error.code for error in said} == {code}
    assert len({error.hint for error in said}) == 1
    async with session(dsn) as c:
        assert await c.fetchval("select count(*) from pg_namespace where nspname ~ 'ingest|dbos'") == 0
    return said[0]


async def test_a_database_that_is_not_utf_8_is_refused_before_anything_is_made(
    encoded: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = await refused_by_all(encoded, "database_not_utf8", monkeypatch)
    assert "encoding 'UTF8'" in error.hint
    assert await doctor._doctor(Output()) == 5
    assert "problem  database    database_not_utf8" in capsys.readouterr().out


async def test_where_pgvector_is_not_installed_all_say_how_to_get_it(
    without_pgvector: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = await refused_by_all(without_pgvector, "pgvector_missing", monkeypatch)
    for way in ("postgresql-15-pgvector", "pgvector_15", "pgvector/pgvector:pg15", "provider"):
        assert way in error.hint
    assert await doctor._doctor(Output()) == 5
    said = capsys.readouterr().out
    assert "problem  database    pgvector_missing" in said
    assert error.hint in said


async def test_where_pgvector_only_has_to_be_created_a_migration_is_what_helps_whatever_the_path_is(
    server: embedded.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"test_{uuid.uuid4().hex}"
    await server.create_database(name)
    dsn = server.dsn(name)
    try:
        async with session(dsn) as c:
            await c.execute(f"drop extension vector; alter database {name} set search_path = 'nowhere'")
        with pytest.raises(OperatorError, match="ingest migrate") as raised:
            await connected(dsn)
        assert raised.value.code == "schema_not_migrated"
        monkeypatch.setenv("INGEST_DATABASE_URL", dsn)
        assert await service.migrate(Settings(), dsn)
    finally:
        await server.drop_database(name)
