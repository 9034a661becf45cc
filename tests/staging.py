"""What the SQL tests stand on: sessions, listeners, and documents that are carried to a state by the SQL functions."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from listener.database.connections import qualifying
from listener.database.names import Names

SPACE: dict[str, Any] = {"embedder": "test", "model": "test", "endpoint": "", "dimensions": 3}
STATES = ("discovered", "loaded", "chunked", "embedded", "published")
Connection = asyncpg.Connection


async def connect(dsn: str, schema: str = "public", **settings: str) -> Connection:
    path = '"' + schema.replace('"', '""') + '", public, pg_temp'
    connection = await asyncpg.connect(
        dsn, connection_class=qualifying(Names(schema, "public")), server_settings={"search_path": path, **settings}
    )
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\1" + json.dumps(value).encode(),
        decoder=lambda data: json.loads(data[1:]),
        format="binary",  # composite types take no other
    )
    return connection


@asynccontextmanager
async def session(dsn: str, schema: str = "public", **settings: str) -> AsyncIterator[Connection]:
    connection = await connect(dsn, schema, **settings)
    try:
        yield connection
    finally:
        connection.terminate()  # whatever a failed test left open


async def put_clock(c: Connection, offset: str) -> None:
    """Have our SQL's clock go ahead by so much."""
    await c.execute(
        f"create or replace function ingest_now() returns timestamptz language sql volatile parallel safe"
        f" return clock_timestamp() + interval '{offset}'"
    )


async def one(c: Connection, query: str, *arguments: Any) -> asyncpg.Record:
    """Return the one row of a query."""
    (row,) = await c.fetch(query, *arguments)
    return row


async def add_listener(
    c: Connection, executor: str = "L1", capacity: int = 10, roots: Sequence[str] = ("/",), running: int = 0
) -> None:
    await c.execute(
        "insert into ingest_listeners (executor_id, host, pid, version, pipeline, capacity, roots, running, lease)"
        " values ($1, 'here', 1, '0', '0', $2, $3, $4, '1 hour')",
        executor, capacity, list(roots), running,
    )  # fmt: skip


async def add(c: Connection, **columns: Any) -> uuid.UUID:
    """Insert a request as an application does; a source, unless other content is given."""
    if not columns.keys() & {"source", "content", "content_bytes"}:
        columns["source"] = "/srv/docs"
    places = ", ".join(f"${n}" for n in range(1, len(columns) + 1))
    statement = f"insert into ingest_requests ({', '.join(columns)}) values ({places}) returning id"
    found: uuid.UUID = await c.fetchval(statement, *columns.values())
    return found


async def claim(
    c: Connection,
    limit: int = 10,
    executor: str = "L1",
    roots: Sequence[str] = ("/",),
    space: Mapping[str, Any] | None = None,
    turns: Mapping[str, Any] | None = None,
) -> list[uuid.UUID]:
    """Claim as a listener that is alone; ``turns``: whose turn it is, as claims say (``ingest_pick_kinds``)."""
    query = (
        "select id, priority from ingest_claim($1, $2, $3, $4, $4, 0, '{}', false, $5)"
        " where id is not null order by priority"
    )
    return [row["id"] for row in await c.fetch(query, executor, list(roots), space or SPACE, limit, dict(turns or {}))]


async def turns_of(c: Connection, executor: str = "L1", roots: Sequence[str] = ("/",)) -> dict[str, Any]:
    """Claim in vain, and return what the claim says of turns."""
    query = "select id, turns from ingest_claim($1, $2, $3, 10, 10, 0, '{}', false, '{}')"
    row = await one(c, query, executor, list(roots), SPACE)
    turns: dict[str, Any] = row["turns"]
    return turns


async def collection(
    c: Connection, name: str = "default", /, settings: Mapping[str, Any] | None = None, **more: Any
) -> None:
    """Make or change a collection."""
    await c.execute("select from ingest_collection($1, $2)", name, {**(settings or {}), **more})


async def start(c: Connection, uris: Sequence[str], batch_size: int = 1000, **columns: Any) -> uuid.UUID:
    """Insert a request, claim it and write its manifest; its batches are numbered from 0."""
    if not await c.fetchval("select exists (select from ingest_listeners where executor_id = 'L1')"):
        await add_listener(c)
    request = await add(c, **columns)
    assert request in await claim(c, 1000)
    await discover(c, request, uris, batch_size)
    return request


async def discover(c: Connection, request: uuid.UUID, uris: Sequence[str], batch_size: int = 1000) -> None:
    found = [(n, n // batch_size, uri, *[None] * 10) for n, uri in enumerate(uris)]
    await c.execute("select ingest_add_found($1, 'L1', null, $2::ingest_found_v1[])", request, found)
    await one(c, "select * from ingest_complete_manifest($1, 'L1')", request)


async def own(c: Connection, request: uuid.UUID, batch: int = 0) -> uuid.UUID:
    owner = uuid.uuid4()
    assert await c.fetchval("select ingest_own_batch($1, $2, 'L1', $3)", request, batch, owner)
    return owner


async def carry(
    c: Connection,
    request: uuid.UUID,
    until: str = "published",
    batch: int = 0,
    texts: Mapping[str, str] | None = None,
    vectors: Sequence[str] = ("[1,0,0]",),
) -> uuid.UUID:
    """Carry a batch to ``until`` and return its owner; each document has a chunk for each of ``vectors``."""
    owner = await own(c, request, batch)
    for state in STATES[1 : STATES.index(until) + 1]:
        if state == "published":
            await publish(c, request, batch, owner)
        elif state == "loaded":
            await load(c, request, batch, owner, texts or {})
        elif state == "chunked":
            await cut(c, request, batch, owner, len(vectors))
        else:
            await embed(c, request, batch, owner, vectors)
    return owner


async def load(c: Connection, request: uuid.UUID, batch: int, owner: uuid.UUID, texts: Mapping[str, str]) -> None:
    fence = ([request], batch, owner)
    rows = []
    for row in await c.fetch("select * from ingest_to_load($1::ingest_fence_v1)", fence):
        text = texts.get(row["uri"], f"text of {row['uri']} {row['read_seq']}")
        rows.append((row["id"], row["read_seq"], digest(text), len(text), text, *[None] * 10))
    await c.execute("select ingest_save_loaded($1::ingest_fence_v1, $2::ingest_loaded_v2[])", fence, rows)


async def cut(c: Connection, request: uuid.UUID, batch: int, owner: uuid.UUID, chunks: int) -> None:
    fence = ([request], batch, owner)
    rows = await c.fetch("select * from ingest_to_chunk($1::ingest_fence_v1)", fence)
    cuts = [(row["id"], list(range(chunks)), list(range(1, chunks + 1)), None, None) for row in rows]
    await c.execute("select ingest_save_chunked($1::ingest_fence_v1, $2::ingest_cut_v1[])", fence, cuts)


async def embed(c: Connection, request: uuid.UUID, batch: int, owner: uuid.UUID, vectors: Sequence[str]) -> None:
    fence = ([request], batch, owner)
    rows = await c.fetch(
        "select e.*, coalesce(o.text, v.text) as text from ingest_to_embed($1::ingest_fence_v1) e"
        " join ingest_revisions v using (id) left join ingest_revisions o on o.id = v.stands_for",
        fence,
    )
    for row in rows:
        await c.executemany(
            "select ingest_save_chunks($1::ingest_fence_v1, array["
            "($2, $3, $3, $3 + 1, $4, $5, $6, $7::text::vector)::ingest_chunk_v1])",
            [
                (fence, row["id"], n, row["text"], digest(row["text"]), row["metadata"], vector)
                for n, vector in enumerate(vectors)
            ],
        )
    outcomes = [(row["id"], None, None) for row in rows]
    await c.execute("select ingest_save_embedded($1::ingest_fence_v1, $2::ingest_outcome_v2[])", fence, outcomes)


async def publish(
    c: Connection, request: uuid.UUID, batch: int | None = 0, owner: uuid.UUID | None = None
) -> tuple[int, int]:
    row = await one(c, "select * from ingest_publish($1, $2, $3)", [request], batch, owner)
    return row["published"], row["superseded"]


async def settle(c: Connection, request: uuid.UUID, status: str | None = None, error: Any = None) -> str | None:
    result: str | None = await c.fetchval("select ingest_settle($1, $2, $3)", request, status, error)
    return result


async def ingest(c: Connection, texts: Mapping[str, str], **columns: Any) -> uuid.UUID:
    """Bring documents live in one finished request."""
    request = await start(c, list(texts), **columns)
    await carry(c, request, texts=texts)
    assert await settle(c, request) == "succeeded"
    return request


async def live(c: Connection, collection: str = "default") -> dict[str, str]:
    """Return the live text of each document."""
    rows = await c.fetch("select uri, text from ingest_chunks where collection = $1 and ordinal = 0", collection)
    return {row["uri"]: row["text"] for row in rows}


async def states(c: Connection, request: uuid.UUID) -> dict[str, str]:
    """Return state, or why it was skipped, of each document of a request."""
    rows = await c.fetch(
        "select uri, coalesce(reason, state) as state from ingest_revisions where request_id = $1", request
    )
    return {row["uri"]: row["state"] for row in rows}


async def blocked(observer: Connection, *sessions: Connection) -> None:
    """Wait until each of ``sessions`` waits for a lock, by the server's word."""
    pids = [session.get_server_pid() for session in sessions]
    while await observer.fetchval(
        "select count(*) from unnest($1::int[]) p where pg_blocking_pids(p) <> '{}'", pids
    ) < len(pids):
        pass  # a round trip each time; the test's own timeout ends it


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


async def titled(
    c: Connection, uris: Sequence[str], text: str = "Ships moor at night.", title: str = "The Harbour", chunks: int = 1
) -> uuid.UUID:
    """Bring documents live, each with a title and with some chunks that stand under a heading."""
    request = await start(c, uris)
    fence = ([request], 0, await own(c, request))
    rows = await c.fetch("select * from ingest_to_load($1::ingest_fence_v1)", fence)
    loaded = [(row["id"], row["read_seq"], digest(text), 9, text, title, *[None] * 9) for row in rows]
    await c.execute("select ingest_save_loaded($1::ingest_fence_v1, $2::ingest_loaded_v2[])", fence, loaded)
    places = list(range(chunks))
    cuts = [(row["id"], places, [place + 1 for place in places], [["Ferries"]] * chunks, None) for row in rows]
    await c.execute("select ingest_save_chunked($1::ingest_fence_v1, $2::ingest_cut_v1[])", fence, cuts)
    for row in rows:
        await c.execute(
            "select ingest_save_chunks($1::ingest_fence_v1, array("
            "select ($2, n, n, n + 1, $3, $4, $5, '[1,0,0]'::vector)::ingest_chunk_v1 from unnest($6::int[]) n))",
            fence, row["id"], text, digest(text), {"heading_path": ["Ferries"]}, places,
        )  # fmt: skip
    outcomes = [(row["id"], None, None) for row in rows]
    await c.execute("select ingest_save_embedded($1::ingest_fence_v1, $2::ingest_outcome_v2[])", fence, outcomes)
    await publish(c, request, 0, fence[2])
    assert await settle(c, request) == "succeeded"
    return request


async def answer(c: Connection, query: str, vector: str = "[1,0,0]", collection: str = "default") -> None:
    """Have the vector of a query known, as if a listener had embedded it."""
    await c.execute(
        "select ingest_answer_queries(space_id, array[hash], array[$3::text::vector]) from ingest_query_key($1, $2)",
        query, collection, vector,
    )  # fmt: skip
