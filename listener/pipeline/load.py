"""The load step: bytes are fetched, compared with what is live, and parsed to text.

A document may have others inside, as an e-mail has its attachments: these become documents of their own.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from urllib.parse import quote
from uuid import UUID

from listener.concurrency import side_by_side
from listener.documents.parsed import Part
from listener.documents.utf8 import HERE_BYTES
from listener.errors import DocumentError
from listener.pipeline.references import RequestRef
from listener.pipeline.rows import Fence, Loaded, LoadedRow, Texts, ToLoad
from listener.pipeline.tools import Tools, in_turn
from listener.sources import inline
from listener.sources.base import Fetched, Found, Known, Outcome, Ready, RecordFile, Source, Unchanged, Wanted
from listener.sources.inline import Inline, OwnContent
from listener.sources.records.source import RecordSource
from listener.sources.records.spec import parse_spec

DEEPEST = 4  # levels of documents inside of documents
SIDE_BY_SIDE = 4  # documents for each worker: the next one waits beside it
MOST_PARTS = 1000  # inside of one, at all levels together


@dataclass(frozen=True, slots=True)
class _Read:
    """What reading a document gave, and what is to be said of it so far."""

    row: ToLoad
    outcome: Outcome | DocumentError
    about: Loaded

    @property
    def is_live(self) -> bool:
        return self.about.digest is not None and self.about.digest == self.row.live_hash


async def load(tools: Tools, fence: Fence, texts: Texts) -> dict[str, int]:
    """Fetch, compare with what is live, parse. A batch that brings nothing new ends here."""
    rows = await tools.gateway.to_load(fence)
    source = await _source(tools, fence, rows)
    done: Counter[str] = Counter()
    async with aclosing(in_turn(tools, fence, rows, "load")) as groups:
        async for group in groups:
            done += await _load(tools, fence, group, source, texts)
    # Also what an execution before this one loaded, if it did not get to say so.
    still_open = done["loaded"] or await tools.gateway.open_documents(fence)
    if not still_open:
        await tools.gateway.publish(fence)  # nothing; it marks the batch as through, and spares it a step
    return {"loaded": done["loaded"], "skipped": done["skipped"], "failed": done["failed"], "open": still_open}


async def _source(tools: Tools, fence: Fence, rows: Sequence[ToLoad]) -> Source:
    """Return what reads a batch's documents: the installed sources, requests' own contents, the records in either."""
    contents = {row.request_id: _own(row) for row in rows if row.locator is None and row.record is None}

    async def range_of(request: UUID, start: int, length: int) -> bytes:
        return await tools.gateway.inline_range(RequestRef(request=request), start, length)

    source = tools.sources.beside(inline.SCHEME, Inline(tools.reading, contents, range_of))
    numbers = {row.record.container for row in rows if row.record}
    return await _records(tools, fence.requests[0], numbers, source) if numbers else source


def _own(row: ToLoad) -> OwnContent:
    content = row.content if row.content_bytes is None else row.content_bytes
    return OwnContent(row.uri, row.media_type, content or "")


async def _records(tools: Tools, request: UUID, numbers: set[int], inner: Source) -> Source:
    """Return what reads records; a batch with some belongs to one request."""
    containers = await tools.gateway.containers(RequestRef(request=request), numbers)
    own = inline.locator_of_request(request)
    files = {one.number: RecordFile(one.number, one.locator or own, one.layout) for one in containers.values()}
    spec = parse_spec(next(iter(containers.values())).record)
    return RecordSource(inner, spec, tools.workers, files=files)


async def _load(tools: Tools, fence: Fence, rows: Sequence[ToLoad], source: Source, texts: Texts) -> Counter[str]:
    read = await _read(tools, source, rows, [_wanted(tools, row) for row in rows])
    skipped = await tools.gateway.skip_unchanged(fence, [one.about for one in read if one.is_live])
    left = await _read_again(tools, source, [one for one in read if one.row.id not in skipped])
    documents = await side_by_side(partial(_document, tools), left, SIDE_BY_SIDE * tools.settings.parse_workers)
    loaded = [one for document in documents for one in document]
    await tools.gateway.save_loaded(fence, await _as_rows(tools, loaded))
    good = [one for one in loaded if one.parsed]
    for one in good:
        if one.parsed and not one.part:  # a part is a revision of its own, whose id is not known here
            texts.keep(one.revision, one.parsed.text)
    return Counter(loaded=len(good), skipped=len(skipped), failed=len(loaded) - len(good))


async def _as_rows(tools: Tools, loaded: Sequence[Loaded]) -> list[LoadedRow]:
    """Return the rows to write; metadata become JSON beside the event loop where they may be large."""

    def as_rows() -> list[LoadedRow]:
        return [one.as_row for one in loaded]

    return as_rows() if _is_small(one.size or 0 for one in loaded) else await tools.in_thread(as_rows)


def _is_small(sizes: Iterable[int]) -> bool:
    return sum(sizes) <= HERE_BYTES


def _wanted(tools: Tools, row: ToLoad) -> Wanted:
    most = tools.settings.max_document_bytes
    locator = row.locator or inline.locator_of_request(row.request_id)
    known = Known(row.live_hash) if row.live_hash else None
    return Wanted(Found(row.uri, locator, row.media_type, record=row.record), min(row.max_bytes or most, most), known)


async def _read(tools: Tools, source: Source, rows: Sequence[ToLoad], wanted: Sequence[Wanted]) -> list[_Read]:
    outcomes = await source.read_all(wanted)
    if _is_small(len(one.data) for one in outcomes if isinstance(one, Fetched)):
        return _hashed(rows, outcomes)
    return await tools.reading.in_thread(_hashed, rows, outcomes)


def _hashed(rows: Sequence[ToLoad], outcomes: Sequence[Outcome | DocumentError]) -> list[_Read]:
    return [_Read(row, one, _about(row, one)) for row, one in zip(rows, outcomes, strict=True)]


def _about(row: ToLoad, outcome: Outcome | DocumentError) -> Loaded:
    about = Loaded(row.id, row.read_seq)
    if isinstance(outcome, DocumentError):
        return replace(about, error=outcome.as_json("load"))
    if isinstance(outcome, Unchanged):
        return replace(about, digest=row.live_hash)
    if isinstance(outcome, Ready):
        return replace(about, digest=outcome.digest, size=outcome.bytes)
    return Loaded(
        row.id,
        row.read_seq,
        sha256(outcome.data).digest(),
        len(outcome.data),
        version=outcome.version,
        modified_at=outcome.modified_at,
    )


async def _read_again(tools: Tools, source: Source, read: Sequence[_Read]) -> list[_Read]:
    """Read documents whose "unchanged" no longer holds: what was live has been replaced meanwhile."""
    unchanged = [one.row for one in read if isinstance(one.outcome, Unchanged)]
    wanted = [replace(_wanted(tools, row), known=None) for row in unchanged]
    read_now = iter(await _read(tools, source, unchanged, wanted) if unchanged else ())
    return [next(read_now) if isinstance(one.outcome, Unchanged) else one for one in read]


async def _document(tools: Tools, read: _Read) -> list[Loaded]:
    row, outcome, about = read.row, read.outcome, read.about
    if isinstance(outcome, Ready):
        return [replace(about, parsed=outcome.parsed)]
    if not isinstance(outcome, Fetched):
        assert about.error, "a source that knows nothing of a document can't say that it has not changed"
        return [about]
    whole = Part("", outcome.media_type or row.media_type, outcome.data)
    if row.whole_uri is None:
        return await _with_parts(tools, row.uri, whole, about)
    # A part that is tried again: it lies in the bytes of its whole.
    for found in await _with_parts(tools, row.whole_uri, whole, about):
        if found.part == row.uri:
            return [replace(found, part=None)]
    gone = DocumentError("not_found", f"{row.uri} is not there any more", "the document that it was in has changed")
    return [replace(about, error=gone.as_json("load"))]


async def _with_parts(tools: Tools, uri: str, whole: Part, one: Loaded) -> list[Loaded]:
    loaded: list[Loaded] = []
    waiting = deque([(uri, whole, 0)])
    while waiting:
        uri, part, depth = waiting.popleft()
        await asyncio.sleep(0)  # short texts are read here: others get their turn between two of them
        about = await _of_part(tools, one, uri, part) if depth else one
        if depth > DEEPEST or len(loaded) > MOST_PARTS:
            loaded.append(replace(about, error=_too_many(uri, len(waiting) + 1).as_json("load")))
            break
        outcome = await _parsed(tools, uri, part, about)
        if outcome.parsed:
            waiting.extend((inner, one, depth + 1) for inner, one in _named(uri, outcome.parsed.parts))
            outcome = replace(outcome, parsed=replace(outcome.parsed, parts=()))
        loaded.append(outcome)
    return loaded


async def _of_part(tools: Tools, one: Loaded, uri: str, part: Part) -> Loaded:
    digested = sha256(part.data) if _is_small([len(part.data)]) else await tools.in_thread(sha256, part.data)
    return Loaded(one.revision, one.read_seq, digested.digest(), len(part.data), part=uri)


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
