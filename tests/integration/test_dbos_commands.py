"""DBOS's own commands work with our ``dbos-config.yaml``: ``dbos migrate`` makes all tables, ``dbos start`` listens."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import asyncpg
import pytest
from ingest_command import in_a_project

PATIENCE_SECONDS = 40.0


@pytest.mark.long
async def test_dbos_migrate_and_dbos_start_run_a_listener(database: str, tmp_path: Path) -> None:
    environment = in_a_project(tmp_path, database)
    migrated = await asyncio.to_thread(
        subprocess.run, ["dbos", "migrate"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert migrated.returncode == 0, migrated.stderr
    started = await asyncio.create_subprocess_exec(
        "dbos", "start", cwd=tmp_path, env=environment, start_new_session=True
    )
    connection = await asyncpg.connect(database)
    try:
        ended = asyncio.Event()
        await connection.add_listener("ingest_finished", lambda *_: ended.set())
        request = await connection.fetchval("select ingest_add(content => 'carried by dbos start')")
        await asyncio.wait_for(ended.wait(), PATIENCE_SECONDS)
        assert await connection.fetchval("select status from ingest_requests where id = $1", request) == "succeeded"
    finally:
        await connection.close()
        os.killpg(started.pid, signal.SIGTERM)
        await started.wait()


async def test_dbos_migrate_without_a_database_says_what_to_set(tmp_path: Path) -> None:
    environment = in_a_project(tmp_path, "") | {"INGEST_DATABASE_URL": ""}
    migrated = await asyncio.to_thread(
        subprocess.run, ["dbos", "migrate"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert migrated.returncode != 0
    assert "set INGEST_DATABASE_URL first" in migrated.stdout + migrated.stderr
