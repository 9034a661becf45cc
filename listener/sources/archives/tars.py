"""A tar that was unpacked into a file on disk: what is in it, and its members' bytes."""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from itertools import islice

from listener.errors import DocumentError
from listener.sources.archives.archive_errors import BadArchive, archive_error
from listener.sources.archives.copied import DiskCopy
from listener.sources.archives.members import Index, Member, Raw, version_of
from listener.sources.archives.tar_headers import tar_members
from listener.sources.archives.unpacking import PIECE, Unpacker, stream_kind
from listener.sources.base import UNCHANGED, Fetched, Outcome, SourceTools, Wanted, too_large

MEMBERS_A_PAGE = 1000
STEP = 64 * 1024  # of what is packed: it is unpacked in one go
MOST_RATIO, FREE_BYTES = 200, 256 * 1024 * 1024  # the ratio counts above this many bytes
UNTOLD_TYPE = "application/octet-stream"  # a member's name says what it is, whatever was said of its archive

Takes = Callable[[Raw], bool]


class TarArchive:
    """``problem``: why anything after its members is missing; None if it is complete."""

    def __init__(self, tools: SourceTools) -> None:
        self._tools = tools
        self._copy = DiskCopy()
        self._index = Index()
        self.problem: BadArchive | None = None

    @classmethod
    async def of(cls, tools: SourceTools, pieces: AsyncGenerator[bytes, None]) -> TarArchive:
        """Unpack a tar that comes in pieces. Raises BadArchive if there is nothing in it that can be used."""
        made = await tools.in_thread(cls, tools)
        try:
            unpacking = _ToDisk(made._copy, tools.settings.archive_bytes)
            async with aclosing(pieces):
                async for piece in pieces:
                    await tools.in_thread(unpacking.take, piece)
                    if unpacking.problem:
                        break
            made.problem = unpacking.end()
            await tools.in_thread(made._look_through)
        except BaseException:
            made.close()
            raise
        return made

    @property
    def disk(self) -> int:
        """How many bytes it takes on disk."""
        return self._copy.size

    def close(self) -> None:
        self._copy.close()

    def has(self, name: Raw) -> bool:
        """Tell whether a member has this very name."""
        return self._index.place(name) is not None

    async def pages(self, takes: Takes) -> AsyncGenerator[list[Member], None]:
        """Yield the accepted members, in order, page by page."""
        members = self._members(takes)
        while page := await self._tools.in_thread(lambda: list(islice(members, MEMBERS_A_PAGE))):
            yield page

    async def read(self, uri: str, wanted: Sequence[tuple[Raw, Wanted]]) -> list[Outcome | DocumentError]:
        """Return members' bytes, or why not, in the order of ``wanted``."""
        return await self._tools.in_thread(lambda: [self._attempt(name, one) for name, one in wanted])

    async def read_ranges(self, uri: str, name: Raw, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return pieces of a member."""

        def pieces() -> list[bytes]:
            found = self._found(uri, name)
            ends = found.start + found.size
            return [
                self._copy.read(found.start + start, min(length, ends - found.start - start))
                for start, length in ranges
            ]

        return await self._tools.in_thread(pieces)

    def _look_through(self) -> None:
        try:
            for found in self._walk():
                self._index.add(found.name, found.place)
        except BadArchive as error:
            if error.code != "bad_archive" or not len(self._index):
                raise (self.problem or error) from None
            self.problem = self.problem or error

    def _walk(self, at: int = 0) -> Iterator[Member]:
        return tar_members(self._copy.read, self._copy.size, self._tools.settings.archive_members, at)

    def _members(self, takes: Takes) -> Iterator[Member]:
        try:
            for found in self._walk():
                # Of a repeated name only the last counts: this is how files are replaced in a tar.
                if takes(found.name) and self._index.place(found.name) == found.place:
                    yield self._with_crc(found)
        except BadArchive:  # known since it was looked through
            return

    def _with_crc(self, found: Member) -> Member:
        if found.problem or found.size > self._tools.settings.max_document_bytes:
            return found
        crc = 0
        for at in range(0, found.size, PIECE):
            crc = zlib.crc32(self._copy.read(found.start + at, min(PIECE, found.size - at)), crc)
        return replace(found, crc=crc)

    def _attempt(self, name: Raw, wanted: Wanted) -> Outcome | DocumentError:
        uri = wanted.found.uri
        try:
            found = self._found(uri, name)
        except DocumentError as error:
            return error
        if found.size > wanted.limit:
            return too_large(uri, found.size, wanted.limit)
        if not found.size:
            return archive_error(uri, "empty_document")
        data = self._copy.read(found.start, found.size)
        version = version_of(zlib.crc32(data), found.size)
        if wanted.known and wanted.known.digest and wanted.known.version == version:
            return UNCHANGED
        return Fetched(data, UNTOLD_TYPE, version, found.modified_at)

    def _found(self, uri: str, name: Raw) -> Member:
        place = self._index.place(name)
        found = None if place is None else next(self._walk(place), None)
        if found is None or found.name != name:
            raise archive_error(uri, "not_found")
        if found.problem:
            raise archive_error(uri, *found.problem)
        return found


class _ToDisk:
    """Writes a tar to disk as it comes, unpacked; ``problem``: what ended that. Blocks."""

    def __init__(self, copy: DiskCopy, most: int) -> None:
        self._copy = copy
        self._most = most
        self._taken = 0
        self._start: bytes | None = b""
        self._unpacker: Unpacker | None = None
        self.problem: BadArchive | None = None

    def take(self, data: bytes) -> None:
        """Take the next bytes. Raises BadArchive ``archive_too_large`` or ``archive_not_copied``."""
        if self._start is not None:
            self._start += data
            if len(self._start) < 6:
                return
            data, self._start = self._start, None
            kind = stream_kind(data)
            self._unpacker = Unpacker(kind) if kind else None
        self._taken += len(data)
        if self._taken > self._most:
            raise BadArchive("archive_too_large", f"it has more than {self._most} bytes")
        try:
            for at in range(0, len(data), STEP):
                self._write(data[at : at + STEP])
        except BadArchive as error:
            if error.code != "bad_archive":
                raise
            self.problem = error

    def end(self) -> BadArchive | None:
        """Return what is wrong with what came."""
        if self._unpacker and not self._unpacker.whole and not self.problem:
            self.problem = BadArchive("bad_archive", "it is truncated")
        return self.problem

    def _write(self, data: bytes) -> None:
        for piece in self._unpacker.pieces(data) if self._unpacker else (data,):
            size = self._copy.size + len(piece)
            if size > self._most:
                raise BadArchive("archive_too_large", f"it has more than {self._most} bytes unpacked")
            if self._unpacker and size > FREE_BYTES and size > MOST_RATIO * self._taken:
                raise BadArchive("archive_too_large", f"it unpacks to more than {MOST_RATIO} times its size")
            self._copy.write(piece)
