"""The figures of the installation, as ``ingest_metrics`` has them: typed values of its rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

STATEMENT_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure, with what Prometheus calls it."""

    name: str
    kind: str
    labels: Mapping[str, str]
    value: float
    help: str


async def installation(pool: asyncpg.Pool) -> list[Figure]:
    """Return what the view has; the server gives up after a few seconds."""
    async with pool.acquire() as connection, connection.transaction(readonly=True):
        await connection.execute(
            "select pg_catalog.set_config('statement_timeout', $1::text, true)", f"{STATEMENT_SECONDS}s"
        )
        query = "select name, kind, labels::text, value, help from ingest.ingest_list_metrics()"
        return [
            Figure(name, kind, json.loads(labels), value, said)
            for name, kind, labels, value, said in await connection.fetch(query)
        ]
