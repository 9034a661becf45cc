"""Archives that tests make, sound ones and such as no program makes, and a source that reads them and counts."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from listener.documents.pool import Workers
from listener.errors import DocumentError, RequestError
from listener.settings import Settings
from listener.sources.archives.archive_source import ArchiveSource
from listener.sources.archives.opened import Archives
from listener.sources.base import Fetched, Found, Outcome, Page, Refused, SourceTools, Wanted
from listener.sources.files import Files
from listener.sources.options import RequestOptions

WHEN = 1_700_000_000


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", method) as archive:
            for name, data in members.items():
                archive.writestr(zipfile.ZipInfo(name), data, method)
        return file.getvalue()


def tarred(members: Mapping[str, bytes | tarfile.TarInfo], mode: str = "w", form: int = tarfile.PAX_FORMAT) -> bytes:
    with io.BytesIO() as file:
        with tarfile.open(fileobj=file, mode=mode, format=form) as archive:  # type: ignore[call-overload]
            for name, data in members.items():
                if isinstance(data, tarfile.TarInfo):
                    archive.addfile(data)
                else:
                    about = tarfile.TarInfo(name)
                    about.size, about.mtime = len(data), WHEN
                    archive.addfile(about, io.BytesIO(data))
        return file.getvalue()


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    about = tarfile.TarInfo(name)
    about.type, about.linkname = kind, target
    return about


def header(name: bytes, size: int, kind: bytes = b"0", **changed: bytes) -> bytes:
    """Return the header of a tar's member."""
    fields = {"size": b"%011o\0" % size if size < 8**11 else b"\x80" + size.to_bytes(11, "big")} | changed
    block = bytearray(512)
    block[: len(name)] = name
    block[124:136] = fields["size"]
    block[156:157] = kind
    block[257:265] = b"ustar\x0000"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


class HandMade:
    """A zip that is put together by hand: entries say what they are told to, whatever lies where they point."""

    def __init__(self) -> None:
        self.body = b""
        self._entries = b""
        self._count = 0

    def add(self, name: bytes, data: bytes, **said: Any) -> int:
        """Add a member; return where its header lies."""
        packed = zlib.compress(data, 9)[2:-4] if said.get("method", 8) == 8 else data
        packed = said.get("raw", packed)
        start = len(self.body)
        local = said.get("local_name", name)
        self.body += struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 0, 0, 0, 0, len(local), 0) + local + packed
        about = {"size": len(data), "packed": len(packed), "crc": zlib.crc32(data), "start": start} | said
        self.point(name, **about)
        return start

    def point(self, name: bytes, **said: Any) -> None:
        """Add an entry to the directory alone."""
        extra = said.get("extra", b"")
        self._entries += struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", said.get("made_by", 20), 20, said.get("flags", 0), said.get("method", 8), 0, 0,
            said["crc"], said["packed"], said["size"], len(name), len(extra), 0, 0, 0, said.get("mode", 0),
            said["start"],
        ) + name + extra  # fmt: skip
        self._count += 1

    def whole(self, **said: Any) -> bytes:
        end = struct.pack(
            "<4s4H2LH", b"PK\5\6", said.get("disk", 0), 0, self._count, self._count,
            said.get("length", len(self._entries)), said.get("start", len(self.body)), 0,
        )  # fmt: skip
        return self.body + self._entries + end


class Counting(Files):
    """Files that count what is read of them; without ranges, if it is told to."""

    def __init__(self, tools: SourceTools, roots: Sequence[Path], *, has_ranges: bool = True) -> None:
        super().__init__(tools, roots)
        self.bytes = 0
        self.calls = 0
        self.has_ranges = has_ranges

    async def read(self, wanted: Wanted) -> Outcome:
        outcome = await super().read(wanted)
        self.bytes += len(outcome.data) if isinstance(outcome, Fetched) else 0
        return outcome

    async def read_ranges(self, found: Found, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        if not self.has_ranges:
            raise DocumentError("no_records", "it can't be read in pieces", "…")
        read = await super().read_ranges(found, ranges)
        self.calls += 1
        self.bytes += sum(map(len, read))
        return read


class Reading:
    """What a listener does with archives below a folder."""

    def __init__(self, inner: Counting, archives: Archives, folder: Path) -> None:
        self.inner = inner
        self.archives = archives
        self.source = ArchiveSource(inner, archives)
        self.folder = folder

    def put(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    async def pages(self, source: object, **options: Any) -> list[Page]:
        asked = RequestOptions.model_validate(options)
        return [page async for page in self.source.discover(str(source), asked)]

    async def found(self, source: object, **options: Any) -> list[Found | Refused]:
        return [item for page in await self.pages(source, **options) for item in page.items]

    async def found_or_none(self, source: object, **options: Any) -> list[Found | Refused]:
        """Return what is found; nothing if that is an error."""
        try:
            return await self.found(source, **options)
        except RequestError:
            return []

    async def names(self, source: object, **options: Any) -> list[str]:
        """Return what is found, below the folder; what is refused with its code."""
        start = f"file://{self.folder}/"
        return [
            item.uri.removeprefix(start) + (f" {item.code}" if isinstance(item, Refused) else "")
            for item in await self.found(source, **options)
        ]

    async def contents(self, source: object, limit: int = 1_000_000, **options: Any) -> dict[str, bytes | str]:
        """Return the bytes of what is found, or the code of why there are none."""
        found = [item for item in await self.found(source, **options) if isinstance(item, Found)]
        return dict(zip((one.uri.rpartition("#")[2] for one in found), await self.read(found, limit), strict=True))

    async def read(self, found: Sequence[Found], limit: int = 1_000_000) -> list[bytes | str]:
        # As rows of the manifest come back: where it lies, and no more.
        wanted = [Wanted(Found(one.uri, one.locator), limit) for one in found]
        return [
            one.data if isinstance(one, Fetched) else one.code if isinstance(one, DocumentError) else repr(one)
            for one in await self.source.read_all(wanted)
        ]


@asynccontextmanager
async def reading(folder: Path, *, has_ranges: bool = True, **settings: Any) -> AsyncIterator[Reading]:
    threads, workers = ThreadPoolExecutor(4), Workers(1, 5.0, 256)
    tools = SourceTools(Settings(**settings), threads, workers)
    archives = Archives(tools)
    try:
        yield Reading(Counting(tools, [folder], has_ranges=has_ranges), archives, folder)
    finally:
        await archives.close()
        await workers.close()
        threads.shutdown()
