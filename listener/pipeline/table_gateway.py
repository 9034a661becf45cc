"""Every statement about watched tables: thin calls of SQL functions, which check what the watch's maker may read."""

from __future__ import annotations

import json
from collections.abc import Sequence

import asyncpg

from listener.database.translation import refusals
from listener.sources.watched_tables import PAGE, Key, TableRow, WatchedTable


class TableGateway:
    """Watched tables over a pool of ours; raises RequestError for what SQL refuses."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def watched(self, watch: str) -> WatchedTable:
        query = "select prefix, template, media_type, is_back_fill from ingest.ingest_look_at_table($1::text)"
        (row,) = await self._fetch(query, watch)
        return WatchedTable(*row)

    async def list_changed(self, watch: str, after: int) -> Sequence[tuple[int, Key]]:
        query = "select id, key from ingest.ingest_list_changed($1::text, $2::bigint, $3::int)"
        return [(place, tuple(key)) for place, key in await self._fetch(query, watch, after, PAGE)]

    async def list_rows(self, watch: str, after: Key | None) -> Sequence[TableRow]:
        query = "select key, bytes, has_text from ingest.ingest_list_rows($1::text, $2::jsonb, $3::int)"
        behind = None if after is None else json.dumps(after)
        rows = await self._fetch(query, watch, behind, PAGE)
        return [TableRow(place, tuple(key), size, has) for place, (key, size, has) in enumerate(rows)]

    async def list_read(self, watch: str, after: str) -> Sequence[str]:
        query = "select uri from ingest.ingest_list_read($1::text, $2::text, $3::int) as uri"
        return [uri for (uri,) in await self._fetch(query, watch, after, PAGE)]

    async def read_rows(self, watch: str, keys: Sequence[tuple[Key, int]]) -> Sequence[TableRow]:
        query = "select place, key, bytes, has_text, body from ingest.ingest_read_rows($1::text, $2::jsonb)"
        rows = await self._fetch(query, watch, json.dumps(keys))
        return [
            TableRow(place - 1, tuple(key), size, has, body and json.loads(body))
            for place, key, size, has, body in rows
        ]

    async def _fetch(self, query: str, *values: object) -> list[asyncpg.Record]:
        with refusals():
            return list(await self._pool.fetch(query, *values))
