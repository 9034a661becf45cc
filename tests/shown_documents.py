"""Documents to look at: texts with chunks at given places, and pages over plain HTTP."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from browsing import Pages
from staging import Connection, digest, own, publish, settle, start

Places = Sequence[tuple[int, int]]


async def place(
    c: Connection,
    uri: str,
    text: str,
    places: Places = (),
    title: str | None = None,
    headings: Mapping[int, Sequence[str]] | None = None,
    **columns: Any,
) -> None:
    """Bring a document live with chunks at ``places``, by default one; ``headings``: of a chunk, by its number."""
    places = places or [(0, len(text))]
    paths = [list((headings or {}).get(number, ())) for number in range(len(places))]
    request = await start(c, [uri], **columns)
    fence = ([request], 0, await own(c, request))
    (row,) = await c.fetch("select * from ingest_to_load($1::ingest_fence_v1)", fence)
    loaded = (row["id"], row["read_seq"], digest(text), len(text.encode()), text, title, *[None] * 9)
    await c.execute("select ingest_save_loaded($1::ingest_fence_v1, $2::ingest_loaded_v2[])", fence, [loaded])
    cut = (row["id"], [begin for begin, _ in places], [end for _, end in places], paths, None)
    await c.execute("select ingest_save_chunked($1::ingest_fence_v1, $2::ingest_cut_v1[])", fence, [cut])
    await c.executemany(
        "select ingest_save_chunks($1::ingest_fence_v1, array["
        "($2, $3, $4, $5, $6, $7, $8, '[1,0,0]'::vector)::ingest_chunk_v1])",
        [
            (fence, row["id"], number, begin, end, text[begin:end], digest(text[begin:end]),
             {"heading_path": paths[number], "page": number + 1})
            for number, (begin, end) in enumerate(places)
        ],
    )  # fmt: skip
    outcome = (row["id"], None, None)
    await c.execute("select ingest_save_embedded($1::ingest_fence_v1, $2::ingest_outcome_v2[])", fence, [outcome])
    await publish(c, request, 0, fence[2])
    assert await settle(c, request) == "succeeded"


async def many(c: Connection, collection: str, count: int) -> None:
    """Add so many live documents without a text, past the pipeline."""
    await c.execute("select from ingest_collection($1)", collection)
    await c.execute(
        "insert into ingest_documents (collection, uri, title, revision_id, chunks, bytes, live_seq)"
        " select $1, 'doc/' || to_char(n, 'FM000000'), 'Document ' || n, 1000000 + n, n % 7, n * 100, 1"
        " from generate_series(1, $2::int) n",
        collection, count,
    )  # fmt: skip


@dataclass(frozen=True)
class Answered:
    """What a page answered over HTTP."""

    status: int
    html: str


async def answered(pages: Pages, path: str, /, **query: object) -> Answered:
    """Get a page; ``query``: a list is a parameter for each of its values."""
    return await asked(pages, path, {}, **query)


async def asked(pages: Pages, path: str, headers: Mapping[str, str], /, **query: object) -> Answered:
    """Get a page as a browser with these headers does."""
    address = f"{pages.address}{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")
    return await asyncio.to_thread(_get, address, dict(headers))


def _get(address: str, headers: dict[str, str]) -> Answered:
    try:
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=60) as answer:
            return Answered(answer.status, answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Answered(error.code, error.read().decode())
