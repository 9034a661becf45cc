"""The load step: bytes are fetched, compared with what is live, and parsed to text.

A document may contain others, as an e-mail its attachments: these become separate documents.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from hashlib import sha256
from operator import attrgetter
from urllib.parse import quote
from uuid import UUID

from listener.concurrency import side_by_side
from listener.documents.parsed import Part
from listener.documents.spent import spending
from listener.documents.utf8 import HERE_BYTES
from listener.errors import DocumentError
from listener.pipeline.asking import Asked, code_of, expected
from listener.pipeline.memory import portions
from listener.pipeline.references import RequestRef
from listener.pipeline.rows import Fence, Loaded, LoadedRow, Texts, ToLoad
from listener.pipeline.tools import Tools, in_turn
from listener.pipeline.unread import Unread
from listener.pipeline.writes import written_now_and_then
from listener.sources import inline
from listener.sources.archives.archive_source import ArchiveSource
from listener.sources.base import Fetched, Outcome, Ready, RecordFile, Source, Unchanged, too_large
from listener.sources.inline import Inline
from listener.sources.records.source import RecordSource
from listener.sources.records.spec import parse_spec

DEEPEST = 4  # levels of documents inside of documents
SIDE_BY_SIDE = 4  # documents for each worker: the next one is ready when it is free
MOST_SLOW = 3  # documents inside one that used up the whole time limit; then no more are tried
MOST_PARTS = 1000  # inside of one, at all levels together


@dataclass(frozen=True, slots=True)
class _Read:
    """The result of reading a document, and what to report about it so far."""

    asked: Asked
    outcome: Outcome | DocumentError
    about: Loaded

    @property
    def row(self) -> ToLoad:
        return self.asked.row

    @property
    def is_live(self) -> bool:
        return self.about.digest is not None and self.row.live is not None and self.about.digest == self.row.live.digest


@dataclass(frozen=True, slots=True)
class _BatchReading:
    """The sources of a batch's documents, and the results: texts, and what can't be read for now."""

    source: Source
    texts: Texts
    unread: Unread | None

    def tried(self, asked: Sequence[Asked]) -> Sequence[Asked]:
        return [one for one in asked if not (self.unread and self.unread.gives_up(one.row))]

    def known(self, read: Sequence[_Read]) -> list[_Read]:
        return [one for one in read if not (self.unread and self.unread.notes(one.row, one.outcome))]


async def load(tools: Tools, fence: Fence, texts: Texts, unread: Unread | None = None) -> dict[str, int]:
    """Fetch, compare with what is live, parse. A batch that brings nothing new ends here.

    ``unread``: takes what could not be read since its source may be away, and raises SourceAway; without, that fails.
    """
    rows = await tools.gateway.to_load(fence)
    source = await _source(tools, fence, rows)
    done: Counter[str] = Counter()
    async with aclosing(in_turn(tools, fence, rows, "load")) as groups:
        async for group in groups:
            done += await _load(tools, fence, group, _BatchReading(source, texts, unread))
    if unread:
        unread.check()
    # Also what an earlier execution loaded, if it did not get to report it.
    still_open = done["loaded"] or await tools.gateway.open_documents(fence)
    if not still_open:
        await tools.gateway.publish(fence)  # nothing; it marks the batch as through, and spares it a step
    return {"loaded": done["loaded"], "skipped": done["skipped"], "failed": done["failed"], "open": still_open}


async def _source(tools: Tools, fence: Fence, rows: Sequence[ToLoad]) -> Source:
    """Return what reads a batch's documents: the installed sources, requests' own contents, the records in either."""
    own = Inline(tools.gateway.contents, tools.gateway.inline_range)
    source = ArchiveSource(tools.sources.beside(inline.SCHEME, own), tools.archives)
    numbers = {row.record.container for row in rows if row.record}
    return await _records(tools, fence.requests[0], numbers, source) if numbers else source


async def _records(tools: Tools, request: UUID, numbers: set[int], inner: Source) -> Source:
    """Return what reads records; a batch with some belongs to one request."""
    containers = await tools.gateway.containers(RequestRef(request=request), numbers)
    files = {
        one.number: RecordFile(one.number, inline.given(one.locator, request), one.layout)
        for one in containers.values()
    }
    spec = parse_spec(next(iter(containers.values())).record)
    return RecordSource(inner, spec, tools.workers, files=files)


async def _load(tools: Tools, fence: Fence, rows: Sequence[ToLoad], reading: _BatchReading) -> Counter[str]:
    """Load portions that the listener's memory has room for; what is larger than it seemed goes alone."""
    done: Counter[str] = Counter()
    larger: list[Asked] = []
    asked = [expected(row, tools.settings, tools.parsers) for row in rows]
    for portion in portions(asked, attrgetter("worst"), tools.memory.portion):
        async with tools.memory.reserve(portion.worst):
            done += await _load_portion(tools, fence, portion.rows, reading, larger)
    for one in larger:
        async with tools.memory.reserve(one.worst):
            done += await _load_portion(tools, fence, [one], reading, larger)
    return done


async def _load_portion(
    tools: Tools, fence: Fence, asked: Sequence[Asked], reading: _BatchReading, larger: list[Asked]
) -> Counter[str]:
    read = reading.known(await _read(tools, reading.source, reading.tried(asked)))
    skipped = await tools.gateway.skip_unchanged(fence, [one.about for one in read if one.is_live])
    left = await _read_again(tools, reading.source, [one for one in read if one.row.id not in skipped])
    done = Counter(skipped=len(skipped))

    async def save(loaded: list[Loaded]) -> None:
        done.update(await _save(tools, fence, loaded, reading.texts))

    async with written_now_and_then(save) as write:

        async def parse(one: _Read) -> None:
            document = await _document(tools, one)
            if one.asked.whole and any(code_of(found.error) == "too_large" for found in document):
                larger.append(one.asked.whole)
            else:
                write(document)

        await side_by_side(parse, left, SIDE_BY_SIDE * tools.settings.parse_workers)
    return done


async def _save(tools: Tools, fence: Fence, loaded: Sequence[Loaded], texts: Texts) -> Counter[str]:
    await tools.gateway.save_loaded(fence, await _as_rows(tools, loaded))
    good = [one for one in loaded if one.parsed]
    for found in good:
        if found.parsed and not found.part:  # a part is a separate revision, whose id is not known here
            texts.keep(found.revision, found.parsed.text)
    return Counter(loaded=len(good), failed=len(loaded) - len(good))


async def _as_rows(tools: Tools, loaded: Sequence[Loaded]) -> list[LoadedRow]:
    """Return the rows to write; metadata is encoded off the event loop if it may be large."""

    def as_rows() -> list[LoadedRow]:
        return [one.as_row for one in loaded]

    return as_rows() if _is_small(one.size or 0 for one in loaded) else await tools.in_thread(as_rows)


def _is_small(sizes: Iterable[int]) -> bool:
    return sum(sizes) <= HERE_BYTES


async def _read(tools: Tools, source: Source, asked: Sequence[Asked]) -> list[_Read]:
    outcomes = await source.read_all([one.wanted for one in asked])
    if _is_small(len(one.data) for one in outcomes if isinstance(one, Fetched)):
        return _hashed(asked, outcomes)
    return await tools.reading.in_thread(_hashed, asked, outcomes)


def _hashed(asked: Sequence[Asked], outcomes: Sequence[Outcome | DocumentError]) -> list[_Read]:
    return [
        _Read(one, outcome, _about(one.row, outcome))
        for one, outcome in zip(asked, map(_within_limit, asked, outcomes), strict=True)
    ]


def _within_limit(one: Asked, outcome: Outcome | DocumentError) -> Outcome | DocumentError:
    """Refuse what a source read although it is too large."""
    if isinstance(outcome, Fetched) and len(outcome.data) > one.wanted.limit:
        return too_large(one.row.uri, len(outcome.data), one.wanted.limit)
    return outcome


def _about(row: ToLoad, outcome: Outcome | DocumentError) -> Loaded:
    about = Loaded(row.id, row.read_seq, version=row.version)
    if isinstance(outcome, DocumentError):
        return replace(about, error=outcome.as_json("load"))
    if isinstance(outcome, Unchanged):
        return replace(about, digest=row.live.digest, version=row.live.version or row.version) if row.live else about
    if isinstance(outcome, Ready):
        return replace(about, digest=outcome.digest, size=outcome.bytes)
    return replace(
        about,
        digest=sha256(outcome.data).digest(),
        size=len(outcome.data),
        version=outcome.version,
        modified_at=outcome.modified_at,
        read_seconds=outcome.seconds,
    )


async def _read_again(tools: Tools, source: Source, read: Sequence[_Read]) -> list[_Read]:
    """Read documents whose "unchanged" no longer holds: what was live has been replaced meanwhile."""
    unchanged = [one.asked.anew for one in read if isinstance(one.outcome, Unchanged)]
    read_now = iter(await _read(tools, source, unchanged) if unchanged else ())
    return [next(read_now) if isinstance(one.outcome, Unchanged) else one for one in read]


async def _document(tools: Tools, read: _Read) -> list[Loaded]:
    row, outcome, about = read.row, read.outcome, read.about
    if isinstance(outcome, Ready):
        return [replace(about, parsed=outcome.parsed)]
    if not isinstance(outcome, Fetched):
        assert about.error, "a source that does not know a document can't report it unchanged"
        return [about]
    whole = Part("", outcome.media_type or row.media_type, outcome.data)
    most = read.asked.most_text
    if row.whole_uri is None:
        return await _with_parts(tools, row.uri, whole, about, most)
    # A part that is tried again: it lies in the bytes of its whole.
    for found in await _with_parts(tools, row.whole_uri, whole, about, most):
        if found.part == row.uri:
            return [replace(found, part=None)]
    gone = DocumentError("not_found", f"{row.uri} is not there any more", "the document that contained it has changed")
    return [replace(about, error=gone.as_json("load"))]


async def _with_parts(tools: Tools, uri: str, whole: Part, one: Loaded, most: int) -> list[Loaded]:
    """Parse a document and those inside of it; their texts have at most ``most`` bytes, all together."""
    loaded: list[Loaded] = []
    waiting, slow = deque([(uri, whole, 0)]), 0
    while waiting:
        uri, part, depth = waiting.popleft()
        await asyncio.sleep(0)  # short texts are read here: others get their turn between two of them
        about = await _of_part(tools, one, uri, part) if depth else one
        if depth > DEEPEST or len(loaded) > MOST_PARTS:
            loaded.append(replace(about, error=_too_many(uri, len(waiting) + 1).as_json("load")))
            break
        outcome = await _parsed(tools, uri, part, about, most) if slow < MOST_SLOW else _left_out(uri, about)
        slow += code_of(outcome.error) == "parser_timeout"
        if outcome.parsed:
            most -= len(outcome.parsed.text)
            waiting.extend((inner, one, depth + 1) for inner, one in _named(uri, outcome.parsed.parts))
            outcome = replace(outcome, parsed=replace(outcome.parsed, parts=()))
        loaded.append(outcome)
    return loaded


async def _of_part(tools: Tools, one: Loaded, uri: str, part: Part) -> Loaded:
    digested = sha256(part.data) if _is_small([len(part.data)]) else await tools.in_thread(sha256, part.data)
    return Loaded(one.revision, one.read_seq, digested.digest(), len(part.data), part=uri)


async def _parsed(tools: Tools, uri: str, part: Part, about: Loaded, most: int) -> Loaded:
    with spending() as spent:
        try:
            parsed = await tools.parsers.parse(part.data, uri=uri, media_type=part.media_type, most=max(most, 0))
            return replace(about, parsed=parsed, parse_seconds=spent.seconds)
        except DocumentError as error:
            said = error.as_json("load") | {"media_type": tools.parsers.kind(part.data, uri, part.media_type)}
            return replace(about, error=said, parse_seconds=spent.seconds)


def _left_out(uri: str, about: Loaded) -> Loaded:
    message = f"{uri} was not tried: {MOST_SLOW} others inside the same document used up their time"
    hint = "extract the slow ones, or raise INGEST_PARSE_TIMEOUT_SECONDS"
    return replace(about, error=DocumentError("parser_timeout", message, hint).as_json("load"))


def _named(uri: str, parts: Sequence[Part]) -> Iterator[tuple[str, Part]]:
    """Give parts URIs: ``mail.eml#report.pdf``, a part's part ``mail.eml#inner.eml/report.pdf``."""
    names: Counter[str] = Counter()
    given: set[str] = set()
    for part in parts:
        name = part.name
        while name in given:
            names[part.name] += 1
            name = f"{part.name}~{names[part.name] + 1}"
        given.add(name)
        yield f"{uri}{'/' if '#' in uri else '#'}{quote(name, safe=' ~')}", part


def _too_many(uri: str, left_out: int) -> DocumentError:
    message = f"{uri} and {left_out - 1} more documents inside the same one are skipped"
    return DocumentError("too_many_parts", message, f"at most {MOST_PARTS}, at most {DEEPEST} levels deep, are read")
