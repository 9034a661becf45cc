"""What the steps do. Each advances every revision of its batch that stands in the state before it::

    discover   source      → manifest, cut into batches
    load       discovered  → loaded     bytes fetched, compared with what is live, parsed to text
    chunk      loaded      → chunked    boundaries into the text
    embed      chunked     → embedded   vectors; only texts that the space does not have are sent
    save       embedded    → published  pointers moved, one transaction

So a step may be repeated without harm, and what was done is not done again. No DBOS here.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, TypeVar

import asyncpg

from listener.chunking import chunk
from listener.errors import DocumentError
from listener.models import Chunk, Found, Loaded, ManifestEntry, Owner, Refused, RequestRef
from listener.parsing import Parsers
from listener.settings import Settings
from listener.sources import LocalSources
from listener.store import Store
from listener.workers import WorkerFailed, Workers

T = TypeVar("T")

PAGE = 1000
LONGEST_URI = 2000  # bytes; an index entry has room for it
LARGE_TEXT = 200_000  # characters; chunking one takes longer than a worker process's round trip


@dataclass(frozen=True, slots=True)
class Tools:
    """What the steps work with; made once by the service."""

    settings: Settings
    executor_id: str
    store: Store
    sources: LocalSources
    parsers: Parsers
    workers: Workers
    threads: Executor

    async def in_thread(self, function: Callable[..., T], *args: Any) -> T:
        """Run blocking work in our own threads, not in those that DBOS works with."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, partial(function, *args))


async def discover(tools: Tools, ref: RequestRef, request: asyncpg.Record) -> dict[str, int]:
    """Write the manifest; return the numbers of documents and batches, and that of the first batch."""
    if request["discovered_at"] is not None:
        return await tools.store.manifest(ref)
    await tools.store.reset_manifest(ref, tools.executor_id)
    entries = _cut_into_batches(tools.settings, _found(tools, request))
    while page := await tools.in_thread(lambda: list(islice(entries, PAGE))):
        await tools.store.add_found(ref, tools.executor_id, page)
    return await tools.store.complete_manifest(ref, tools.executor_id)


def _found(tools: Tools, request: asyncpg.Record) -> Iterator[Found | Refused]:
    if request["source"] is not None:
        return tools.sources.discover(request["source"], json.loads(request["options"]))
    content = request["content"] if request["content"] is not None else request["content_bytes"]
    return iter([Found(uri=request["uri"] or str(request["id"]), media_type=request["media_type"], bytes=len(content))])


def _cut_into_batches(settings: Settings, found: Iterator[Found | Refused]) -> Iterator[ManifestEntry]:
    """Number the documents, and the batches that they go into: by count and bytes, a large one alone."""
    batch, documents, size = 1, 0, 0
    for position, item in enumerate(found):
        if isinstance(item, Refused) or len(item.uri.encode()) > LONGEST_URI:
            yield _failed_entry(position, item)
            continue
        next_bytes = item.bytes or 0
        if documents and (documents == settings.batch_documents or size + next_bytes > settings.batch_bytes):
            batch, documents, size = batch + 1, 0, 0
        documents, size = documents + 1, size + next_bytes
        yield ManifestEntry(position, batch, item)


def _failed_entry(position: int, item: Found | Refused) -> ManifestEntry:
    if isinstance(item, Refused):
        error = DocumentError(item.code, item.message, item.hint)
    else:
        hint = f"at most {LONGEST_URI} bytes: shorten the names of its folders, or its own"
        error = DocumentError("uri_too_long", f"the URI {item.uri[:100]}… has {len(item.uri.encode())} bytes", hint)
    return ManifestEntry(position, None, Found(item.uri[:LONGEST_URI]), error.as_json("discover"))


async def load(tools: Tools, owner: Owner) -> dict[str, int]:
    """Fetch, compare with what is live, parse."""
    rows = await tools.store.to_load(owner.batch)
    contents = await tools.in_thread(partial(_read_all, tools, rows))
    same = [one for row, one in _compared(rows, contents) if one.digest == row["live_hash"]]
    skipped = await tools.store.skip_unchanged(owner, same)
    todo = [
        _parsed(tools, row, one, contents[row["id"]])
        for row, one in _compared(rows, contents)
        if one.revision not in skipped
    ]
    loaded = await asyncio.gather(*todo)
    failed = [_load_failed(row, content) for row in rows if isinstance(content := contents[row["id"]], DocumentError)]
    await tools.store.save_loaded(owner, [*loaded, *failed])
    texts = sum(one.parsed is not None for one in loaded)
    return {
        "loaded": texts,
        "skipped": len(skipped),
        "failed": len(failed) + len(loaded) - texts,
        # Also what an execution before this one loaded, if it did not get to say so.
        "open": texts or await tools.store.open_documents(owner.batch),
    }


def _read_all(tools: Tools, rows: Sequence[asyncpg.Record]) -> dict[int, tuple[bytes, bytes] | DocumentError]:
    """Return the bytes and their digest, or why there are none, by revision."""
    contents: dict[int, tuple[bytes, bytes] | DocumentError] = {}
    for row in rows:
        try:
            data = _read(tools, row)
            contents[row["id"]] = data, hashlib.sha256(data).digest()
        except DocumentError as error:
            contents[row["id"]] = error
    return contents


def _read(tools: Tools, row: asyncpg.Record) -> bytes:
    limit = min(row["max_bytes"] or tools.settings.max_document_bytes, tools.settings.max_document_bytes)
    if row["path"] is not None:
        return tools.sources.read(row["path"], limit)
    data: bytes = row["content_bytes"] if row["content_bytes"] is not None else row["content"].encode()
    if len(data) > limit:
        raise DocumentError(
            "too_large", f"{row['uri']} has {len(data)} bytes, {limit} are allowed", "Raise INGEST_MAX_DOCUMENT_BYTES."
        )
    return data


def _compared(
    rows: Sequence[asyncpg.Record], contents: dict[int, tuple[bytes, bytes] | DocumentError]
) -> Iterator[tuple[asyncpg.Record, Loaded]]:
    for row in rows:
        content = contents[row["id"]]
        if not isinstance(content, DocumentError):
            yield row, Loaded(row["id"], row["read_seq"], digest=content[1], size=len(content[0]))


async def _parsed(tools: Tools, row: asyncpg.Record, one: Loaded, content: Any) -> Loaded:
    media_type = row["media_type"]
    if row["path"] is None and row["content"] is not None:
        # Inline text is Unicode already, whatever a charset in it says.
        media_type = f"{(media_type or '').split(';')[0]}; charset=utf-8".lstrip("; ") if media_type else None
    try:
        parsed = await tools.parsers.parse(content[0], uri=row["uri"], media_type=media_type)
    except DocumentError as error:
        return Loaded(one.revision, one.read_seq, one.digest, one.size, error=error.as_json("load"))
    return Loaded(one.revision, one.read_seq, one.digest, one.size, parsed=parsed)


def _load_failed(row: asyncpg.Record, error: DocumentError) -> Loaded:
    return Loaded(row["id"], row["read_seq"], error=error.as_json("load"))


async def cut(tools: Tools, owner: Owner) -> dict[str, int]:
    """Find the chunks' boundaries in the texts."""
    rows = await tools.store.to_chunk(owner.batch)
    if not rows:
        return {"documents": 0}
    outcomes = await asyncio.gather(*(_boundaries(tools, row) for row in rows))
    chunks = await tools.store.save_chunked(owner, outcomes)
    return {"documents": len(rows), "chunks": chunks}


async def _boundaries(tools: Tools, row: asyncpg.Record) -> tuple[int, Sequence[Chunk] | None, dict[str, Any] | None]:
    work = (chunk, row["text"], row["media_type"], row["chunk_size"], row["chunk_overlap"])
    try:
        chunks = await (tools.workers.run(*work) if len(row["text"]) > LARGE_TEXT else tools.in_thread(*work))
    except WorkerFailed as failure:
        error = DocumentError("chunking_failed", f"cutting the text into chunks failed: {failure}", "Please report it.")
        return row["id"], None, error.as_json("chunk")
    if not chunks:
        return row["id"], None, DocumentError("no_text", "the document has no text").as_json("chunk")
    return row["id"], chunks, None


async def save(tools: Tools, owner: Owner) -> dict[str, int]:
    """Publish the batch."""
    published, superseded = await tools.store.publish(owner)
    return {"published": published, "superseded": superseded}


async def save_request(tools: Tools, ref: RequestRef) -> dict[str, int]:
    """Publish all of a request's batches at once."""
    published, superseded = await tools.store.publish_request(ref)
    return {"published": published, "superseded": superseded}
