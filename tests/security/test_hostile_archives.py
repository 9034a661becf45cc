"""Archives that were made to exhaust memory, disk or patience, or to lead elsewhere. Bytes are counted, not seconds."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from made_archives import HandMade, Reading, header, padded, reading, tarred, zipped

from listener.documents.pool import Workers
from listener.errors import RequestError
from listener.settings import Settings
from listener.sources.archives import members, tar_headers, unpacking
from listener.sources.archives.archive_errors import BadArchive
from listener.sources.archives.copied import DiskCopy
from listener.sources.archives.tars import FREE_BYTES, TarArchive
from listener.sources.archives.unpacking import Unpacker
from listener.sources.base import SourceTools

MEBIBYTE = 1024 * 1024
END = bytes(1024)


@pytest.fixture
async def r(tmp_path: Path) -> AsyncIterator[Reading]:
    async with reading(tmp_path, archive_bytes=8 * MEBIBYTE, archive_members=1000) as one:
        yield one


async def ends_with(r: Reading, name: str, data: bytes) -> str:
    with pytest.raises(RequestError) as caught:
        await r.found(r.put(name, data))
    assert caught.value.hint
    return caught.value.code


def packed(kind: str, data: bytes) -> bytes:
    if kind == "zstd":
        from backports import zstd  # noqa: PLC0415

        return bytes(zstd.compress(data, 19))
    if kind == "bzip2":
        return bz2.compress(data)
    return lzma.compress(data) if kind == "xz" else gzip.compress(data)


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz", "zstd"])
def test_what_expands_a_thousandfold_comes_a_megabyte_at_a_time(kind: str) -> None:
    bomb = packed(kind, bytes(16 * MEBIBYTE))
    assert len(bomb) < 100_000
    unpacker = Unpacker(kind)
    sizes = [len(piece) for piece in unpacker.pieces(bomb * 2)]
    assert max(sizes) <= unpacking.PIECE
    assert sum(sizes) == 32 * MEBIBYTE
    assert unpacker.whole


@pytest.mark.parametrize("kind", ["gzip", "bzip2", "xz", "zstd"])
async def test_a_bomb_ends_at_the_limit_and_leaves_nothing_on_disk(
    r: Reading, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, closed = note_copies(monkeypatch)
    assert await ends_with(r, "bomb.tar.gz", packed(kind, bytes(12 * MEBIBYTE))) == "archive_too_large"
    assert sum(written) <= 8 * MEBIBYTE
    assert len(closed) == 1


def note_copies(monkeypatch: pytest.MonkeyPatch) -> tuple[list[int], list[DiskCopy]]:
    """Note what is written to disk, without writing it, and what is closed."""
    written: list[int] = []
    closed: list[DiskCopy] = []
    close = DiskCopy.close

    def write(copy: DiskCopy, data: bytes) -> None:
        written.append(len(data))
        copy.size += len(data)

    monkeypatch.setattr(DiskCopy, "write", write)

    def closing(copy: DiskCopy) -> None:
        closed.append(copy)
        close(copy)

    monkeypatch.setattr(DiskCopy, "close", closing)
    return written, closed


async def test_an_endless_gz_is_read_up_to_the_ratio(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    written, closed = note_copies(monkeypatch)
    piece = gzip.compress(bytes(8 * MEBIBYTE))
    given: list[int] = []

    async def endless() -> AsyncGenerator[bytes, None]:
        while True:
            given.append(len(piece))
            yield piece

    threads = ThreadPoolExecutor(1)
    tools = SourceTools(Settings(archive_bytes=2**60), threads, Workers(1, 5.0, 256))
    with pytest.raises(BadArchive) as caught:
        await TarArchive.of(tools, endless())
    threads.shutdown()
    assert caught.value.code == "archive_too_large"
    assert sum(written) <= FREE_BYTES
    assert sum(given) <= MEBIBYTE
    assert len(closed) == 1


async def test_a_gz_of_nothing_but_empty_streams_ends_soon(r: Reading) -> None:
    assert await ends_with(r, "empty.tar.gz", gzip.compress(b"") * 20_000) == "archive_too_large"


async def test_what_follows_a_stream_and_is_none_does_not_count(r: Reading) -> None:
    data = tarred({"a.md": b"A"}, "w:gz")
    assert await r.contents(r.put("a.tar.gz", data + bytes(100) + b"rubbish")) == {"a.md": b"A"}


def test_a_window_or_a_dictionary_beyond_measure_is_not_allocated() -> None:
    lzma_of_4_gb = b"\x09\x04\x05\x00\x5d\xff\xff\xff\xff" + bytes(100)
    zstd_of_2_gb = b"\x28\xb5\x2f\xfd\x00\xa8" + bytes(100)
    for kind, data in (("lzma", lzma_of_4_gb), ("zstd", zstd_of_2_gb)):
        with pytest.raises(BadArchive) as caught:
            list(Unpacker(kind).pieces(data))
        assert caught.value.code == "bad_archive"


@pytest.mark.parametrize("count", [1001, 5000])
async def test_more_members_than_may_be_end_it(r: Reading, count: int) -> None:
    tar = b"".join(header(b"%d.md" % n, 0) for n in range(count)) + END
    assert await ends_with(r, "many.tar", tar) == "archive_too_large"
    assert await ends_with(r, "many.zip", zipped({f"{n}.md": b"" for n in range(count)})) == "archive_too_large"


async def test_folders_and_headers_about_nothing_count_too(r: Reading) -> None:
    folders = b"".join(header(b"%d/" % n, 0, b"5") for n in range(1001))
    assert await ends_with(r, "folders.tar", folders + END) == "archive_too_large"
    about = header(b"x", 0, b"x") * (tar_headers.FREE_HEADERS + 5000)
    assert await ends_with(r, "about.tar", about + header(b"a.md", 0) + END) == "archive_too_large"


async def test_a_pax_header_of_gigabytes_is_not_read(r: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []
    read = DiskCopy.read

    def noted(copy: DiskCopy, at: int, length: int) -> bytes:
        lengths.append(length)
        return read(copy, at, length)

    monkeypatch.setattr(DiskCopy, "read", noted)
    long_name = 3 * MEBIBYTE
    for kind in (b"x", b"L"):
        tar = (
            header(b"x", long_name, kind)
            + bytes(long_name)
            + header(b"a.md", 1)
            + padded(b"A")
            + header(b"b.md", 0)
            + END
        )
        assert await r.names(r.put("about.tar", tar)) == ["about.tar#a.md bad_member", "about.tar#b.md"]
    assert await ends_with(r, "said.tar", header(b"x", 2**40, b"x") + END) == "bad_archive"
    assert max(lengths) <= MEBIBYTE


def test_a_pax_header_of_many_records_is_read_in_linear_steps() -> None:
    data = b"6 a=b\n" * 150_000
    assert len(data) < tar_headers.MOST_ABOUT
    about = tar_headers._of_pax(tar_headers._About(), data + b"14 path=a.md\n\n")
    assert about.name is not None or about.problem is not None
    whole = tar_headers._of_pax(tar_headers._About(), data + b"13 path=a.md\n")
    assert (whole.name, whole.problem) == (b"a.md", None)


@pytest.mark.parametrize(
    "about",
    [b"99 path=x\n", b"0 path=x\n", b"path=x\n", b"-5 path=x\n", b"10 path x\n", b"12 size=-3x\n", b"14 mtime=1e99x\n"],
)
async def test_a_pax_header_without_sense_is_the_member_s(r: Reading, about: bytes) -> None:
    tar = header(b"x", len(about), b"x") + padded(about) + header(b"a.md", 1) + padded(b"A") + header(b"b.md", 0) + END
    names = await r.names(r.put("about.tar", tar))
    assert names == ["about.tar#a.md bad_member", "about.tar#b.md"]


async def test_sparse_files_are_refused_and_what_follows_is_found(r: Reading) -> None:
    sparse = bytearray(header(b"old.img", 512, b"S"))
    sparse[482] = 1
    sparse[148:156] = b" " * 8
    sparse[148:156] = b"%06o\0 " % sum(sparse)
    maps = bytearray(1024)
    maps[504] = 1  # one more block
    pax = b"22 GNU.sparse.major=1\n"
    tar = bytes(sparse) + bytes(maps) + bytes(512)
    tar += header(b"x", len(pax), b"x") + padded(pax) + header(b"new.img", 512) + bytes(512)
    tar += header(b"a.md", 1) + padded(b"A") + END
    names = await r.names(r.put("sparse.tar", tar))
    assert names == ["sparse.tar#old.img bad_member", "sparse.tar#new.img bad_member", "sparse.tar#a.md"]


async def test_members_that_share_their_bytes_are_refused_but_for_one(r: Reading) -> None:
    """As in the bomb of a few KB that names one kernel in each of thousands of members."""
    made = HandMade()
    start = made.add(b"0.md", bytes(100_000))
    for n in range(1, 40):
        made.point(b"%d.md" % n, crc=zlib.crc32(bytes(100_000)), packed=90, size=100_000, start=start + (n % 2))
    names = await r.names(r.put("overlap.zip", made.whole()))
    assert len([name for name in names if name.endswith(" bad_member")]) == 39


async def test_a_directory_that_says_more_than_may_be_ends_it(r: Reading) -> None:
    made = HandMade()
    for n in range(9):
        made.add(b"%d.md" % n, bytes(MEBIBYTE))
    assert await ends_with(r, "sum.zip", made.whole()) == "archive_too_large"


@pytest.mark.parametrize("said", [{"size": 10}, {"size": 200_001}, {"size": 199_999}, {"crc": 7}, {"packed": 100}])
async def test_a_member_with_other_sizes_than_are_said_fails_alone_and_little_is_unpacked(
    r: Reading, said: dict[str, int]
) -> None:
    for method in (0, 8):
        made = HandMade()
        made.add(b"good.md", b"good")
        made.add(b"lies.md", bytes(range(200)) * 1000, **{"method": method} | said)
        made.add(b"last.md", b"last")
        path = r.put("lies.zip", made.whole())
        contents = await r.contents(path)
        refused = {name for name in await r.names(path) if " " in name}
        assert contents.pop("lies.md", "bad_member") == "bad_member"
        assert refused <= {"lies.zip#lies.md bad_member"}
        assert contents == {"good.md": b"good", "last.md": b"last"}


async def test_a_bomb_in_one_member_is_unpacked_no_further_than_it_is_said_to_be(
    r: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces: list[int] = []
    inner: Callable[[Unpacker, bytes], AsyncIterator[bytes]] = Unpacker.pieces  # type: ignore[assignment]

    def counted(unpacker: Unpacker, data: bytes) -> object:
        for piece in inner(unpacker, data):  # type: ignore[attr-defined]
            pieces.append(len(piece))
            yield piece

    monkeypatch.setattr(Unpacker, "pieces", counted)
    made = HandMade()
    made.add(b"bomb.md", bytes(40 * MEBIBYTE), size=100_000)
    assert await r.contents(r.put("bomb.zip", made.whole())) == {"bomb.md": "bad_member"}
    assert sum(pieces) <= 2 * MEBIBYTE


async def test_an_end_that_says_nonsense_is_a_broken_archive(r: Reading) -> None:
    made = HandMade()
    made.add(b"a.md", b"A")
    for said in ({"disk": 3}, {"length": 2**31}, {"start": 2**31}, {"length": 3}):
        assert await ends_with(r, "end.zip", made.whole(**said)) == "bad_archive"
    wide = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, 2**63, 2**63)
    wide += struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1) + made.whole()[-22:]
    assert await ends_with(r, "wide.zip", made.body + wide) in ("bad_archive", "archive_too_large")


async def test_places_beyond_the_end_are_the_member_s_fault(r: Reading) -> None:
    made = HandMade()
    made.add(b"a.md", b"A")
    made.point(b"far.md", crc=0, packed=5, size=5, start=0xFFFFFFF0)
    extra = struct.pack("<2HQ", 1, 8, 2**64 - 1)
    made.point(b"farther.md", crc=0, packed=5, size=5, start=0xFFFFFFFF, extra=extra)
    made.point(b"directory.md", crc=0, packed=5, size=5, start=len(made.body) + 4)
    made.add(b"other.md", b"B", local_name=b"name!.md")
    path = r.put("far.zip", made.whole())
    assert [name.partition("#")[2] for name in await r.names(path)] == [
        "a.md", "far.md bad_member", "farther.md bad_member", "directory.md bad_member", "other.md",
    ]  # fmt: skip
    assert await r.contents(path) == {"a.md": b"A", "other.md": "bad_member"}


def test_an_index_of_many_members_takes_16_bytes_for_each() -> None:
    index = members.Index()
    for number in range(20_000):
        index.add(b"folder/%d.md" % number, number)
    assert [index.place(b"folder/%d.md" % number) for number in (0, 777, 19_999)] == [0, 777, 19_999]
    assert index.place(b"folder/x.md") is None
    hashes, places = index._in_order()
    assert hashes.nbytes + places.nbytes == 16 * 20_000


async def test_a_full_disk_is_said_and_harms_no_other(r: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    r.put("a.md", b"A")
    r.put("b.tar", tarred({"b.md": b"B"}))

    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    make = DiskCopy.__init__

    def made(copy: DiskCopy) -> None:
        make(copy)
        copy._file.close()
        copy._file = Full()  # type: ignore[assignment]

    monkeypatch.setattr(DiskCopy, "__init__", made)
    assert sorted(await r.names(r.folder)) == ["a.md", "b.tar archive_not_copied"]
