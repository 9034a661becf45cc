"""Schemas and databases of any name: an installation works in them, from the migration to a search."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from listener_process import ListenerProcess
from staging import session

import listener
from listener import embedded, service
from listener.cli import doctor
from listener.cli.output import Output
from listener.settings import Settings

NAMES = [
    "1a-b.c;d:e[f]{g}&?#@/ größe$文書",
    *(pytest.param(name, marks=pytest.mark.long) for name in ("Docs", 'two "words"', "x" * 58)),
]


@pytest.fixture
async def oddly_named(server: embedded.Server) -> AsyncIterator[str]:
    """The URL of an empty database whose name has to be written with care."""
    name = f"Größe 100 % {uuid.uuid4().hex[:8]}/a?b&c=d#e@f:'g'\"h\"\\i+j"
    await server.create_database(name)
    yield f"postgresql://postgres@/{quote(name, safe='')}?host={quote(str(server.socket_folder), safe='')}"
    await server.drop_database(name)


@pytest.mark.parametrize("schema", NAMES)
async def test_an_installation_works_in_a_schema_of_any_name(
    database: str, schema: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INGEST_SCHEMA", schema)
    await works(database, Settings(), tmp_path, monkeypatch, schema=schema)


@pytest.mark.long
async def test_a_database_and_dbos_s_schema_have_any_name_too(
    oddly_named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INGEST_DBOS_SCHEMA", "Engine Room $1")
    await works(oddly_named, Settings(), tmp_path, monkeypatch, dbos_schema="Engine Room $1")


async def works(dsn: str, settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch, **names: Any) -> None:
    monkeypatch.setenv("INGEST_DATABASE_URL", dsn)
    assert await service.migrate(settings, dsn)
    assert await service.migrate(settings, dsn) == []
    process = ListenerProcess(dsn, folder, heartbeat_seconds=0.2, safety_poll_seconds=600, **names).ready()
    try:
        async with listener.connect(dsn) as ingest:
            request = await ingest.add(content="The harbour froze in a hard frost.", uri="frost.md")
            assert (await ingest.wait(request, timeout=30)).status == "succeeded"
            assert [hit.uri for hit in await ingest.search("a hard winter")] == ["frost.md"]
        assert await doctor._doctor(Output(json=True)) == 0
    finally:
        assert process.stop() == 0
    assert " ERROR " not in process.log()
    assert await service.uninstall(settings, dsn)
    async with session(dsn) as c:
        assert not await c.fetchval(
            "select exists (select from pg_namespace where nspname = $1)", settings.schema_of_dbos
        )
