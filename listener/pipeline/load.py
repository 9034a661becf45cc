"""The load step: bytes are fetched, compared with what is live, and parsed to text.

A document may contain others, as an e-mail its attachments: these become separate documents.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing, nullcontext
from dataclasses import dataclass, replace
from hashlib import sha256
from operator import attrgetter
from uuid import UUID

from listener.concurrency import side_by_side
from listener.documents.parsed import Part
from listener.errors import DocumentError
from listener.pipeline.asking import Asked, code_of, expected
from listener.pipeline.document_steps import DocumentSteps
from listener.pipeline.memory import portions
from listener.pipeline.parsing import is_small, with_parts
from listener.pipeline.references import RequestRef
from listener.pipeline.rows import Fence, Loaded, LoadedRow, Texts, ToLoad
from listener.pipeline.tools import Tools, in_turn
from listener.pipeline.under_way import Headways
from listener.pipeline.unread import Unread
from listener.pipeline.writes import written_now_and_then
from listener.sources import inline
from listener.sources.archives.archive_source import ArchiveSource
from listener.sources.base import Fetched, Outcome, Ready, RecordFile, Source, Unchanged, too_large
from listener.sources.inline import Inline
from listener.sources.records.source import RecordSource
from listener.sources.records.spec import parse_spec

SIDE_BY_SIDE = 4  # documents for each worker: the next one is ready when it is free


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
    steps: DocumentSteps
    headways: Headways

    def tried(self, asked: Sequence[Asked]) -> Sequence[Asked]:
        return [one for one in asked if not (self.unread and self.unread.gives_up(one.row))]

    def known(self, read: Sequence[_Read]) -> list[_Read]:
        return [one for one in read if not (self.unread and self.unread.notes(one.row, one.outcome))]


async def load(
    tools: Tools, fence: Fence, texts: Texts, steps: DocumentSteps, unread: Unread | None = None
) -> dict[str, int]:
    """Fetch, compare with what is live, parse, have own steps change it. A batch that brings nothing new ends here.

    ``unread``: takes what could not be read since its source may be away, and raises SourceAway; without, that fails.
    """
    rows = await tools.gateway.to_load(fence)
    await steps.begin()
    source = await _source(tools, fence, rows)
    done: Counter[str] = Counter()
    reading = _BatchReading(source, texts, unread, steps, Headways(tools.gateway, fence, "load"))
    async with aclosing(in_turn(tools, fence, rows, "load")) as groups:
        async for group in groups:
            done += await _load(tools, fence, group, reading)
    if unread:
        unread.check()
    steps.check()
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

    async with written_now_and_then(save, reading.headways.write) as write:

        async def parse(one: _Read) -> None:
            with reading.headways.of(one.row.id) if isinstance(one.outcome, Fetched) else nullcontext():
                document = await _document(tools, one)
            if one.asked.whole and any(code_of(found.error) == "too_large" for found in document):
                larger.append(one.asked.whole)
            else:
                write(await reading.steps.reworked(document))

        await side_by_side(parse, left, SIDE_BY_SIDE * tools.settings.parse_workers)
    return done


async def _save(tools: Tools, fence: Fence, loaded: Sequence[Loaded], texts: Texts) -> Counter[str]:
    dropped = await tools.gateway.drop_documents(fence, [one for one in loaded if one.dropped])
    loaded = [one for one in loaded if not one.dropped]
    await tools.gateway.save_loaded(fence, await _as_rows(tools, loaded))
    good = [one for one in loaded if one.parsed]
    for found in good:
        if found.parsed and not found.part:  # a part is a separate revision, whose id is not known here
            texts.keep(found.revision, found.parsed.text)
    return Counter(loaded=len(good), failed=len(loaded) - len(good), skipped=dropped)


async def _as_rows(tools: Tools, loaded: Sequence[Loaded]) -> list[LoadedRow]:
    """Return the rows to write; metadata is encoded off the event loop if it may be large."""

    def as_rows() -> list[LoadedRow]:
        return [one.as_row for one in loaded]

    return as_rows() if is_small(one.size or 0 for one in loaded) else await tools.in_thread(as_rows)


async def _read(tools: Tools, source: Source, asked: Sequence[Asked]) -> list[_Read]:
    outcomes = await source.read_all([one.wanted for one in asked])
    if is_small(len(one.data) for one in outcomes if isinstance(one, Fetched)):
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
        return await with_parts(tools, row.uri, whole, about, most)
    # A part that is tried again: it lies in the bytes of its whole.
    for found in await with_parts(tools, row.whole_uri, whole, about, most):
        if found.part == row.uri:
            return [replace(found, part=None)]
    gone = DocumentError("not_found", f"{row.uri} is not there any more", "the document that contained it has changed")
    return [replace(about, error=gone.as_json("load"))]
