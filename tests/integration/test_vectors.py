"""Vectors on their way to Postgres and back, wherever pgvector's types are; who needs none does not pay for them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from pgvector import Vector
from staging import session

from listener.database.connections import Database, open_database
from listener.database.names import Names
from listener.settings import Settings


@pytest.mark.parametrize("schema", ["public", 'Vec "tor'])
async def test_vectors_pass_in_binary_wherever_pgvector_is(database: str, schema: str) -> None:
    async with session(database) as c:
        if schema != "public":
            await c.execute(f'create schema "{schema.replace(chr(34), chr(34) * 2)}"')
            await c.execute(f'alter extension vector set schema "{schema.replace(chr(34), chr(34) * 2)}"')
    opened = await open_database(Settings(), database)
    assert opened.names.vector_schema == schema
    pool = await opened.pool(1, "test")
    try:
        numbers = np.array([[0.1, -2.5, 3e-30], [1, 2, 3]], dtype=np.float32)
        back = await pool.fetchval("select $1::vectors.vector", numbers[0])
        assert np.array_equal(back.to_numpy(), numbers[0])
        several = await pool.fetchval("select $1::vectors.vector[]", [Vector(one) for one in numbers])
        assert np.array_equal([one.to_numpy() for one in several], numbers)
    finally:
        await pool.close()


async def test_a_session_without_vectors_does_without_pgvectors_package(database: str) -> None:
    async with Database(database, Names("public", "public")).session() as connection:
        assert await connection.fetchval("select '[1,2,3]'::vectors.vector") == "[1,2,3]"


def test_verbs_of_the_cli_load_nothing_that_embeds_or_reads_vectors() -> None:
    verbs = "control, doctor, follow, health, operate, quickstart, add, search, running, status"
    program = (
        f"import sys; from listener.cli import {verbs}; import listener.client.ingest, listener.database;"
        "print({'numpy', 'openai', 'httpx2', 'pgvector'} & {*sys.modules})"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "set()"
