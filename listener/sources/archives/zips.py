"""A zip: its directory on disk, its members' bytes by ranges from where it lies."""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from listener.errors import DocumentError
from listener.sources.archives.archive_errors import BadArchive, archive_error
from listener.sources.archives.copied import DiskCopy
from listener.sources.archives.members import Index, Member, Raw
from listener.sources.archives.tars import FREE_BYTES, MEMBERS_A_PAGE, MOST_RATIO, STEP, UNTOLD_TYPE, Takes
from listener.sources.archives.unpacking import METHODS, PIECE, Unpacker
from listener.sources.archives.zip_directory import (
    LOCAL,
    TAIL,
    Directory,
    Spans,
    data_start,
    entries,
    entry_at,
    find_directory,
)
from listener.sources.base import UNCHANGED, Fetched, Outcome, SourceTools, Wanted, too_large

TOGETHER = 4 * 1024 * 1024  # compressed bytes per fetch
BESIDE = 256  # bytes between a member's name and its data, in most zips

Ranges = Callable[[Sequence[tuple[int, int]]], Awaitable[Sequence[bytes]]]
Write = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class _Fetch:
    """A member to fetch: ``number`` is its place in the answer."""

    number: int
    found: Member
    wanted: Wanted

    @property
    def length(self) -> int:
        """How much of the zip it takes, probably."""
        return LOCAL.size + len(self.found.header_name) + BESIDE + self.found.packed


class ZipArchive:
    """``ranges``: pieces of the zip; ``whole``: the copy of it on disk, if there is one."""

    problem: BadArchive | None = None  # one without its directory can't be read at all

    def __init__(self, tools: SourceTools, ranges: Ranges, size: int, whole: DiskCopy | None) -> None:
        self._tools = tools
        self._ranges = ranges
        self._size = size
        self._whole = whole
        self._entries = DiskCopy()
        self._index = Index()
        self._overlapping: frozenset[int] = frozenset()
        self._directory = Directory(0, 0, 0)

    @classmethod
    async def of(cls, tools: SourceTools, ranges: Ranges, size: int, whole: DiskCopy | None = None) -> ZipArchive:
        """Read the directory of a zip. Raises BadArchive."""
        made = await tools.in_thread(cls, tools, ranges, size, whole)
        try:
            await made._read_directory()
            await tools.in_thread(made._look_through)
        except BaseException:
            made._entries.close()
            raise
        return made

    @property
    def disk(self) -> int:
        """How many bytes it takes on disk."""
        return self._entries.size + (self._whole.size if self._whole else 0)

    def close(self) -> None:
        self._entries.close()
        if self._whole:
            self._whole.close()

    def has(self, name: Raw) -> bool:
        """Tell whether a member has this very name."""
        return self._index.place(name) is not None

    async def pages(self, takes: Takes) -> AsyncGenerator[list[Member], None]:
        """Yield the accepted members, in order, page by page."""
        members = (found for found in self._walk() if takes(found.name))
        while page := await self._tools.in_thread(lambda: list(islice(members, MEMBERS_A_PAGE))):
            yield page

    async def read(self, uri: str, wanted: Sequence[tuple[Raw, Wanted]]) -> list[Outcome | DocumentError]:
        """Return members' bytes, or why not, in the order of ``wanted``."""
        outcomes: dict[int, Outcome | DocumentError] = {}
        fetches = await self._tools.in_thread(self._planned, wanted, outcomes)
        for some in _together(fetches):
            datas = await self._ranges([(one.found.start, one.length) for one in some])
            outcomes.update(await self._tools.in_thread(_unpack_all, some, datas))
        for one in fetches:
            if one.number not in outcomes:  # large, or with much between its name and its data
                outcomes[one.number] = await self._read_alone(one)
        return [outcomes[number] for number in range(len(wanted))]

    async def copy_member(self, uri: str, name: Raw, most: int) -> DiskCopy:
        """Return a member, unpacked on disk. Raises DocumentError."""
        found = await self._tools.in_thread(self._found, uri, name)
        if found.size > most:
            raise archive_error(uri, "archive_too_large", f"{found.size} bytes, more than {most}")
        copy = await self._tools.in_thread(DiskCopy)
        try:
            await self._unpack(found, copy.write)
        except BaseException as error:
            copy.close()
            if isinstance(error, BadArchive):
                raise archive_error(uri, error.code, error.reason) from None
            raise
        return copy

    async def _read_directory(self) -> None:
        tail_at = max(self._size - TAIL, 0)
        (tail,) = await self._ranges([(tail_at, self._size - tail_at)])
        if len(tail) != self._size - tail_at:
            raise BadArchive("bad_archive", "it is shorter than it should be")
        self._directory = directory = find_directory(tail, self._size)
        for at in range(directory.start, directory.start + directory.length, PIECE):
            length = min(PIECE, directory.start + directory.length - at)
            (piece,) = await self._ranges([(at, length)])
            if len(piece) != length:
                raise BadArchive("bad_archive", "it is shorter than it should be")
            await self._tools.in_thread(self._entries.write, piece)

    def _look_through(self) -> None:
        settings, directory = self._tools.settings, self._directory
        spans, total, count = Spans(directory.start), 0, 0
        for found in entries(self._entries.read, directory.length, directory.shift):
            count += 1
            if count > settings.archive_members:
                raise BadArchive("archive_too_large", f"it has more than {settings.archive_members} members")
            if found is None:
                continue
            total += found.size
            self._index.add(found.name, found.place)
            spans.add(found)
        if total > settings.archive_bytes:
            raise BadArchive("archive_too_large", f"it has {total} bytes unpacked, more than {settings.archive_bytes}")
        if total > FREE_BYTES and total > MOST_RATIO * self._size:
            raise BadArchive("archive_too_large", f"it unpacks to more than {MOST_RATIO} times its size")
        self._overlapping = spans.overlapping()

    def _walk(self) -> Iterator[Member]:
        for found in entries(self._entries.read, self._directory.length, self._directory.shift):
            if found is None:
                continue
            checked = self._checked(found)
            if not checked.problem and self._index.place(found.name) != found.place:
                checked = replace(checked, problem=("duplicate_member", ""))
            yield checked

    def _checked(self, found: Member) -> Member:
        if not found.problem and found.place in self._overlapping:
            return replace(found, problem=("bad_member", "it shares bytes with another one, or lies outside the file"))
        return found

    def _found(self, uri: str, name: Raw) -> Member:
        place = self._index.place(name)
        found = None if place is None else entry_at(self._entries.read, place, self._directory.shift)
        if found is None or found.name != name:
            raise archive_error(uri, "not_found")
        found = self._checked(found)
        if found.problem:
            raise archive_error(uri, *found.problem)
        return found

    def _planned(
        self, wanted: Sequence[tuple[Raw, Wanted]], outcomes: dict[int, Outcome | DocumentError]
    ) -> list[_Fetch]:
        """Return what must be fetched; anything else gets its outcome here."""
        fetches = []
        for number, (name, one) in enumerate(wanted):
            try:
                found = self._found(one.found.uri, name)
            except DocumentError as error:
                outcomes[number] = error
                continue
            if one.known and one.known.digest and one.known.version == found.version:
                outcomes[number] = UNCHANGED
            elif found.size > one.limit:
                outcomes[number] = too_large(one.found.uri, found.size, one.limit)
            elif not found.size:
                outcomes[number] = archive_error(one.found.uri, "empty_document")
            else:
                fetches.append(_Fetch(number, found, one))
        return fetches

    async def _read_alone(self, one: _Fetch) -> Outcome | DocumentError:
        data = bytearray()
        try:
            await self._unpack(one.found, data.extend)
        except BadArchive as error:
            return archive_error(one.wanted.found.uri, error.code, error.reason)
        return Fetched(await self._tools.in_thread(bytes, data), UNTOLD_TYPE, one.found.version)

    async def _unpack(self, found: Member, write: Write) -> None:
        """Fetch a member piece by piece and write what it unpacks to. Raises BadArchive."""
        (header,) = await self._ranges([(found.start, LOCAL.size + len(found.header_name))])
        start = found.start + data_start(header, found)
        unpacking = _Unpacking(found, write)
        for at in range(0, found.packed, PIECE):
            (piece,) = await self._ranges([(start + at, min(PIECE, found.packed - at))])
            await self._tools.in_thread(unpacking.take, piece)
        unpacking.end()


class _Unpacking:
    """Unpacks one member: no more of it than the directory says. Blocks."""

    def __init__(self, found: Member, write: Write) -> None:
        self._found = found
        self._write = write
        self._unpacker = Unpacker(METHODS[found.method], several=False) if found.method else None
        self._size = 0
        self._crc = 0

    def take(self, data: bytes) -> None:
        """Take the next packed bytes. Raises BadArchive."""
        for at in range(0, len(data), STEP):
            for piece in self._pieces(data[at : at + STEP]):
                self._size += len(piece)
                if self._size > self._found.size:
                    raise BadArchive("bad_member", f"it has more than the {self._found.size} bytes that it is said to")
                self._crc = zlib.crc32(piece, self._crc)
                self._write(piece)

    def end(self) -> None:
        """Raise BadArchive unless all of it came, undamaged."""
        if self._size != self._found.size:
            raise BadArchive("bad_member", f"it has {self._size} bytes, {self._found.size} are said")
        if self._crc != self._found.crc:
            raise BadArchive("bad_member", "it is damaged: its checksum differs")

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        if self._unpacker is None:
            yield data
            return
        try:
            yield from self._unpacker.pieces(data)
        except BadArchive as error:
            raise BadArchive("bad_member", error.reason) from None


def _together(fetches: Sequence[_Fetch]) -> Iterator[list[_Fetch]]:
    """Yield members that are fetched in one go, in the order in which they lie; large ones are left out."""
    some: list[_Fetch] = []
    size = 0
    for one in sorted(fetches, key=lambda one: one.found.start):
        if one.length > PIECE:
            continue
        if some and size + one.length > TOGETHER:
            yield some
            some, size = [], 0
        some.append(one)
        size += one.length
    if some:
        yield some


def _unpack_all(fetches: Sequence[_Fetch], datas: Sequence[bytes]) -> dict[int, Outcome | DocumentError]:
    outcomes: dict[int, Outcome | DocumentError] = {}
    for one, data in zip(fetches, datas, strict=True):
        written = bytearray()
        try:
            start = data_start(data, one.found)
            if start + one.found.packed > len(data):
                continue  # to be read alone
            unpacking = _Unpacking(one.found, written.extend)
            unpacking.take(data[start : start + one.found.packed])
            unpacking.end()
        except BadArchive as error:
            outcomes[one.number] = archive_error(one.wanted.found.uri, error.code, error.reason)
        else:
            outcomes[one.number] = Fetched(bytes(written), UNTOLD_TYPE, one.found.version)
    return outcomes
