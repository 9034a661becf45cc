"""Collections that are brought into another generation, step by step, as listeners do it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import asyncpg
import pytest
from staging import Connection, carry, claim, cut, embed, ingest, one, publish, settle, start

OTHER: dict[str, Any] = {"model": "other", "dimensions": 2}
VECTORS = {3: "[1,0,0]", 2: "[1,0]"}
GENERATIONS = "select generation, state from ingest_generations where collection = $1 order by 1"


async def first(c: Connection, texts: Mapping[str, str], **columns: Any) -> None:
    """Bring documents live, by a listener that knows generations."""
    await ingest(c, texts, **columns)
    await c.execute("update ingest_listeners set knows_caps = true")


async def order(c: Connection, name: str = "default", /, settings: Any = None, **more: Any) -> uuid.UUID:
    """Order a generation of a collection: another space with two dimensions, unless settings are given."""
    places = "".join(f", {key} => ${n}" for n, key in enumerate(more, 3))
    query = f"select ingest_reembed($1, $2{places})"
    found: uuid.UUID = await c.fetchval(query, name, OTHER if settings is None else settings, *more.values())
    return found


async def listed(c: Connection, request: uuid.UUID, documents: int = 2, executor: str = "L1") -> None:
    """Claim a request that makes a generation, and write its manifest: batches of so many documents, from 1 on."""
    assert request in await claim(c, 1000, executor)
    page = "select ingest_list_standing($1, $3, null, 3, $2, 1000000)"
    while await c.fetchval(page, request, documents, executor):
        pass
    await one(c, "select * from ingest_complete_manifest($1, $2)", request, executor)


async def make(c: Connection, request: uuid.UUID) -> str | None:
    """Carry all batches of a listed request through, and end it."""
    for row in await c.fetch("select batch from ingest_batches where request_id = $1 and finished_at is null", request):
        await carry(c, request, batch=row["batch"], vectors=[await vector(c, request, row["batch"])])
    return await settle(c, request)


async def reembedded(c: Connection, name: str = "default", /, settings: Any = None, **more: Any) -> uuid.UUID:
    """Bring a collection into another generation, from the order to its end."""
    request = await order(c, name, settings, **more)
    await listed(c, request)
    assert await make(c, request) == "succeeded"
    return request


async def vector(c: Connection, request: uuid.UUID, batch: int) -> str:
    settings = await c.fetchval("select ingest_batch_settings($1, $2)", request, batch)
    return VECTORS[settings["dimensions"]]


async def begun(c: Connection, texts: Mapping[str, str], **columns: Any) -> tuple[uuid.UUID, uuid.UUID]:
    """Bring documents to where they are embedded in their request's own generation; return request and owner."""
    request = await start(c, list(texts), **columns)
    owner = await carry(c, request, until="embedded", texts=texts, vectors=[await vector(c, request, 0)])
    return request, owner


async def brought_along(c: Connection, request: uuid.UUID, owner: uuid.UUID, batch: int = 0) -> list[int]:
    """Bring a batch's documents into all other generations; return these."""
    fence, turns = ([request], batch, owner), []
    while settings := await c.fetchval("select ingest_next_generation($1::ingest_fence_v1)", fence):
        turns.append(settings["generation"])
        await cut(c, request, batch, owner, 1)
        await embed(c, request, batch, owner, [VECTORS[settings["dimensions"]]])
    return turns


async def published(c: Connection, texts: Mapping[str, str], **columns: Any) -> uuid.UUID:
    """Bring documents live in a collection with several generations."""
    request, owner = await begun(c, texts, **columns)
    await brought_along(c, request, owner)
    await publish(c, request, 0, owner)
    assert await settle(c, request) == "succeeded"
    return request


async def standing(c: Connection, generation: int, name: str = "default") -> dict[str, str]:
    """Return the texts of the documents that a search would find, were this generation live."""
    rows = await c.fetch(
        "select d.uri, k.text from ingest_documents d join ingest_chunk_store k on k.revision_id = d.revision_id"
        " where d.collection = $1 and k.generation = $2 and k.ordinal = 0", name, generation,
    )  # fmt: skip
    return {row["uri"]: row["text"] for row in rows}


async def generations(c: Connection, name: str = "default") -> dict[int, str]:
    return {row["generation"]: row["state"] for row in await c.fetch(GENERATIONS, name)}


async def stopped(c: Connection, name: str = "default", /, settings: Any = None) -> uuid.UUID:
    """Order a generation whose service refuses the first call, as one does whose model does not exist."""
    request = await order(c, name, settings)
    await listed(c, request)
    assert await settle(c, request, "failed", {"code": "unknown_model", "step": "embed"}) == "failed"
    return request


async def refused(c: Connection, query: str, *arguments: Any) -> str:
    with pytest.raises(asyncpg.PostgresError) as error:
        await c.fetch(query, *arguments)
    assert (error.value.sqlstate or "").startswith("IG"), error.value
    return str(error.value.constraint_name)
