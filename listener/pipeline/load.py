"""The load step: bytes are fetched, compared with what is live, and parsed to text.

A document may have others inside, as an e-mail has its attachments: these become documents of their own.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from hashlib import sha256
from urllib.parse import quote

from listener.errors import DocumentError
from listener.models import Part
from listener.pipeline.record_batch import RecordBatch
from listener.pipeline.rows import Fence, Loaded, Texts, ToLoad
from listener.pipeline.tools import Tools, in_turn

DEEPEST = 4  # levels of documents inside of documents
MOST_PARTS = 1000  # inside of one, at all levels together

Contents = dict[int, "tuple[bytes, Loaded] | DocumentError"]
"""By revision: the bytes and what is known of them, or why there are none."""


async def load(tools: Tools, fence: Fence, texts: Texts) -> dict[str, int]:
    """Fetch, compare with what is live, parse. A batch that brings nothing new ends here."""
    rows = await tools.gateway.to_load(fence)
    records = await RecordBatch.of(tools, fence, rows)
    done: Counter[str] = Counter()
    async with aclosing(in_turn(tools, fence, rows, "load")) as groups:
        async for group in groups:
            done += await _load(tools, fence, group, records, texts)
    # Also what an execution before this one loaded, if it did not get to say so.
    still_open = done["loaded"] or await tools.gateway.open_documents(fence)
    if not still_open:
        await tools.gateway.publish(fence)  # nothing; it marks the batch as through, and spares it a step
    return {"loaded": done["loaded"], "skipped": done["skipped"], "failed": done["failed"], "open": still_open}


async def _load(tools: Tools, fence: Fence, rows: Sequence[ToLoad], records: RecordBatch, texts: Texts) -> Counter[str]:
    contents = await tools.in_thread(_read_all, tools, rows, records)
    same = [one for row, _, one in _read(rows, contents) if one.digest == row.live_hash]
    skipped = await tools.gateway.skip_unchanged(fence, same)
    todo = [(row, data, one) for row, data, one in _read(rows, contents) if one.revision not in skipped]
    parsed = await asyncio.gather(*(_document(tools, *item) for item in todo if item[0].record is None))
    found = await records.load([(row, one) for row, _, one in todo if row.record is not None])
    failed = [_failed(row, content) for row in rows if isinstance(content := contents[row.id], DocumentError)]
    loaded = [*(one for document in parsed for one in document), *found, *failed]
    await tools.gateway.save_loaded(fence, loaded)
    good = [one for one in loaded if one.parsed]
    for one in good:
        if one.parsed and not one.part:  # a part is a revision of its own, whose id is not known here
            texts.keep(one.revision, one.parsed.text)
    return Counter(loaded=len(good), skipped=len(skipped), failed=len(loaded) - len(good))


def _read_all(tools: Tools, rows: Sequence[ToLoad], records: RecordBatch) -> Contents:
    """Return the bytes and their digest, or why there are none, by revision; of a record, what the manifest knows."""
    contents: Contents = {}
    for row in rows:
        one = Loaded(row.id, row.read_seq)
        if row.record is not None:
            contents[row.id] = b"", replace(one, digest=records.hash(row.record), size=row.record.length)
            continue
        try:
            data = _bytes(tools, row)
            contents[row.id] = data, replace(one, digest=sha256(data).digest(), size=len(data))
        except DocumentError as error:
            contents[row.id] = error
    return contents


def _bytes(tools: Tools, row: ToLoad) -> bytes:
    limit = min(row.max_bytes or tools.settings.max_document_bytes, tools.settings.max_document_bytes)
    if row.locator is not None:
        return tools.sources.read(row.locator, limit)
    data = row.content_bytes if row.content_bytes is not None else (row.content or "").encode()
    if len(data) > limit:
        raise DocumentError(
            "too_large", f"{row.uri} has {len(data)} bytes, {limit} are allowed", "Raise INGEST_MAX_DOCUMENT_BYTES."
        )
    return data


def _read(rows: Sequence[ToLoad], contents: Contents) -> list[tuple[ToLoad, bytes, Loaded]]:
    return [(row, *content) for row in rows if not isinstance(content := contents[row.id], DocumentError)]


async def _document(tools: Tools, row: ToLoad, data: bytes, one: Loaded) -> list[Loaded]:
    """Parse a document and what is inside of it."""
    media_type = row.media_type
    if row.locator is None and row.content is not None:
        # Inline text is Unicode already, whatever a charset in it says.
        media_type = f"{(media_type or '').split(';')[0]}; charset=utf-8".lstrip("; ") if media_type else None
    if row.whole_uri is None:
        return await _with_parts(tools, row.uri, Part("", media_type, data), one)
    # A part that is tried again: it lies in the bytes of its whole.
    for found in await _with_parts(tools, row.whole_uri, Part("", media_type, data), one):
        if found.part == row.uri:
            return [replace(found, part=None)]
    gone = DocumentError("not_found", f"{row.uri} is not there any more", "the document that it was in has changed")
    return [replace(one, error=gone.as_json("load"))]


async def _with_parts(tools: Tools, uri: str, whole: Part, one: Loaded) -> list[Loaded]:
    loaded: list[Loaded] = []
    waiting = deque([(uri, whole, 0)])
    while waiting:
        uri, part, depth = waiting.popleft()
        about = replace(one, digest=sha256(part.data).digest(), size=len(part.data), part=uri) if depth else one
        if depth > DEEPEST or len(loaded) > MOST_PARTS:
            loaded.append(replace(about, error=_too_many(uri, len(waiting) + 1).as_json("load")))
            break
        outcome = await _parsed(tools, uri, part, about)
        if outcome.parsed:
            waiting.extend((inner, one, depth + 1) for inner, one in _named(uri, outcome.parsed.parts))
            outcome = replace(outcome, parsed=replace(outcome.parsed, parts=()))
        loaded.append(outcome)
    return loaded


async def _parsed(tools: Tools, uri: str, part: Part, about: Loaded) -> Loaded:
    try:
        return replace(about, parsed=await tools.parsers.parse(part.data, uri=uri, media_type=part.media_type))
    except DocumentError as error:
        return replace(about, error=error.as_json("load"))


def _named(uri: str, parts: Sequence[Part]) -> Iterator[tuple[str, Part]]:
    """Give parts URIs: ``mail.eml#report.pdf``, a part's part ``mail.eml#inner.eml/report.pdf``."""
    names: Counter[str] = Counter()
    for part in parts:
        names[part.name] += 1
        again = f"~{names[part.name]}" if names[part.name] > 1 else ""
        yield f"{uri}{'/' if '#' in uri else '#'}{quote(part.name, safe=' ')}{again}", part


def _too_many(uri: str, left_out: int) -> DocumentError:
    message = f"{uri} and {left_out - 1} more documents inside of the same one are left out"
    return DocumentError("too_many_parts", message, f"at most {MOST_PARTS}, at most {DEEPEST} levels deep, are taken")


def _failed(row: ToLoad, error: DocumentError) -> Loaded:
    return Loaded(row.id, row.read_seq, error=error.as_json("load"))
