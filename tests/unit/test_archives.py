"""Archives are folders: what is found in them, under which names, and how it is read."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from made_archives import HandMade, Reading, header, link, padded, reading, tarred, zipped

from listener.errors import DocumentError, RequestError
from listener.sources import inline
from listener.sources.archives import kept
from listener.sources.archives.archive_source import ArchiveSource
from listener.sources.archives.kinds import kind_by_name, kind_of, member_place, split_source
from listener.sources.base import UNCHANGED, Fetched, Found, Known, Refused, Wanted

DOCS = {"a.md": b"# A", "guide/b.md": b"# B", "guide/deep/c.txt": b"words", ".hidden/d.md": b"# D", "e f#g?.md": b"# E"}
NAMES = ["a.md", "guide/b.md", "guide/deep/c.txt", "e%20f%23g%3F.md"]
MODES = {"tar": "w", "tar.gz": "w:gz", "tgz": "w:gz", "tar.bz2": "w:bz2", "tar.xz": "w:xz", "txz": "w:xz"}


@pytest.fixture
async def r(tmp_path: Path) -> AsyncIterator[Reading]:
    async with reading(tmp_path) as one:
        yield one


async def code_of(r: Reading, source: object, **options: Any) -> str:
    with pytest.raises(RequestError) as caught:
        await r.found(source, **options)
    assert caught.value.hint
    return caught.value.code


def zstd(data: bytes) -> bytes:
    from backports import zstd as packing  # noqa: PLC0415 - in Python itself from 3.14 on

    return packing.compress(data)


def archive(name: str, members: dict[str, bytes]) -> bytes:
    if name.endswith(".zip"):
        return zipped(members)
    if name.endswith(".tar.zst"):
        return zstd(tarred(members))
    return tarred(members, MODES[name.partition(".")[2]])


@pytest.mark.parametrize("name", ["docs.zip", "docs.tar.zst", *(f"docs.{end}" for end in MODES)])
@pytest.mark.parametrize("has_ranges", [True, False])
async def test_an_archive_is_a_folder_of_its_members(tmp_path: Path, name: str, has_ranges: bool) -> None:
    async with reading(tmp_path, has_ranges=has_ranges) as r:
        path = r.put(name, archive(name, DOCS))
        assert await r.names(path) == [f"{name}#{one}" for one in NAMES]
        assert await r.contents(path) == dict(zip(NAMES, [b"# A", b"# B", b"words", b"# E"], strict=True))
        for one in await r.found(path):
            assert isinstance(one, Found)
            assert one.bytes is not None
            assert one.locator == ("zip+" if name == "docs.zip" else "tar+") + one.uri
            (outcome,) = await r.source.read_all([Wanted(one, 100)])
            assert isinstance(outcome, Fetched)
            assert (len(outcome.data), outcome.version) == (one.bytes, one.version)
            again = await r.source.read(Wanted(one, 100, Known(b"x" * 32, version=one.version)))
            assert again is UNCHANGED


async def test_archives_in_a_folder_are_folders_among_its_files(r: Reading) -> None:
    r.put("x/docs.zip", zipped(DOCS))
    r.put("x/deep/more.tar.gz", tarred({"m.md": b"M"}, "w:gz"))
    r.put("x/n.md", b"N")
    assert sorted(await r.names(r.folder)) == sorted(
        ["x/deep/more.tar.gz#m.md", *(f"x/docs.zip#{n}" for n in NAMES), "x/n.md"]
    )
    assert await r.contents(r.folder, include="*.txt") == {"guide/deep/c.txt": b"words"}


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("guide/b.md", ["guide/b.md"]),
        ("guide", ["guide/b.md", "guide/deep/c.txt"]),
        ("guide/", ["guide/b.md", "guide/deep/c.txt"]),
        ("guide/*", ["guide/b.md"]),
        ("guide/**", ["guide/b.md", "guide/deep/c.txt"]),
        ("**/*.txt", ["guide/deep/c.txt"]),
        ("*.md", ["a.md", "e%20f%23g%3F.md"]),
        ("e f#g?.md", ["e%20f%23g%3F.md"]),
        (".hidden/*", [".hidden/d.md"]),
        ("", NAMES),
    ],
)
@pytest.mark.parametrize("name", ["docs.zip", "docs.tar"])
async def test_what_stands_behind_the_sign_chooses_in_an_archive(
    r: Reading, name: str, inside: str, expected: list[str]
) -> None:
    path = r.put(name, archive(name, DOCS))
    assert await r.names(f"{path}#{inside}") == [f"{name}#{one}" for one in expected]


async def test_a_member_of_a_url_is_percent_decoded_and_its_uri_leads_to_it(r: Reading) -> None:
    path = r.put("odd #1.zip", zipped(DOCS | {"100%25.md": b"%", "a[1]*.md": b"*"}))
    for item in await r.found(path):
        assert await r.names(item.uri) == [item.uri.removeprefix(f"file://{r.folder}/")]
    assert await r.names(f"file://{r.folder}/odd%20%231.zip#e%20f%23g%3F.md") == ["odd%20%231.zip#e%20f%23g%3F.md"]


async def test_a_glob_before_the_sign_names_archives_and_one_behind_it_members(r: Reading) -> None:
    r.put("one.zip", zipped(DOCS))
    r.put("two.zip", zipped({"guide/z.md": b"Z"}))
    r.put("three.md", b"3")
    assert await r.names(f"{r.folder}/*.zip#guide/*.md") == ["one.zip#guide/b.md", "two.zip#guide/z.md"]
    assert await r.names(f"{r.folder}/*.md") == ["three.md"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"include": "*.md"}, ["docs.zip#a.md", "docs.zip#e%20f%23g%3F.md", "docs.zip#guide/b.md", "n.md"]),
        ({"include": "docs.zip/guide/*"}, ["docs.zip#guide/b.md"]),
        ({"include": ["docs.zip/guide/"]}, ["docs.zip#guide/b.md", "docs.zip#guide/deep/c.txt"]),
        ({"include": "docs.zip", "exclude": "*.md"}, ["docs.zip#guide/deep/c.txt"]),
        ({"include": "*.txt"}, ["docs.zip#guide/deep/c.txt"]),
        ({"exclude": "*.zip"}, ["n.md"]),
        ({"exclude": ["docs.zip/guide", "*#*", "e*"]}, ["docs.zip#a.md", "n.md"]),
        ({"exclude": "guide"}, ["docs.zip#a.md", "docs.zip#e%20f%23g%3F.md", "n.md"]),
        ({"include": ".hidden/**"}, []),
        ({"include": "docs.zip/.hidden/**"}, ["docs.zip#.hidden/d.md"]),
    ],
)
async def test_patterns_match_the_archive_s_path_and_the_member_s_behind_it(
    r: Reading, options: dict[str, Any], expected: list[str]
) -> None:
    r.put("docs.zip", zipped(DOCS))
    r.put("n.md", b"N")
    if expected:
        assert sorted(await r.names(r.folder, **options)) == expected
    else:
        assert await code_of(r, r.folder, **options) == "empty_source"


async def test_patterns_match_the_member_s_path_alone_where_the_archive_is_the_source(r: Reading) -> None:
    path = r.put("docs.zip", zipped(DOCS))
    assert await r.names(path, include="guide/*") == ["docs.zip#guide/b.md"]
    assert await r.names(f"{path}#guide", exclude="deep") == ["docs.zip#guide/b.md"]


async def test_what_is_not_in_an_archive_ends_the_request(r: Reading) -> None:
    path = r.put("docs.zip", zipped(DOCS))
    assert await code_of(r, f"{path}#gone.md") == "not_found"
    assert await code_of(r, f"{path}#guide", include="*.pdf") == "empty_source"
    assert await code_of(r, f"{path}#*.pdf") == "empty_source"
    assert await code_of(r, r.put("none.zip", zipped({}))) == "empty_source"
    assert await code_of(r, f"{r.folder}/gone.zip#a.md") == "not_found"
    assert await code_of(r, "/etc/gone.zip#a.md") == "outside_roots"
    with pytest.raises(RequestError):
        await r.source.check("/etc/gone.zip#a.md", await _options())
    await r.source.check(f"{path}#a.md", await _options())


async def _options() -> Any:
    from listener.sources.options import RequestOptions  # noqa: PLC0415

    return RequestOptions()


def test_office_files_are_documents_and_what_is_no_archive_by_name_or_type_is_none() -> None:
    for name in ("a.docx", "a.xlsx", "a.odt", "a.epub", "a.jar", "a.gz", "a.md", "zip", "targz", "a.zip/b", "a.7z"):
        assert kind_by_name(name) is None, name
    for name in ("a.zip", "A.ZIP", "a.tar", "b/a.tar.gz", "a.tgz", "a.tar.zst", "a.TBZ2", "a.tar.xz"):
        assert kind_by_name(name), name
    assert kind_of(Found("https://h/get?id=7", media_type="application/zip")) == "zip"
    assert kind_of(Found("https://h/a.docx", media_type="application/zip")) is None
    assert kind_of(Found("https://h/a.zip", media_type="text/html; charset=utf-8")) is None  # a page that says sorry
    assert kind_of(Found("https://h/a.tar.gz?x=.md", media_type="application/gzip")) == "tar"


@pytest.mark.parametrize(
    ("source", "place", "inside"),
    [
        ("/srv/a.zip#b#c.md", "/srv/a.zip", "b#c.md"),
        ("/srv/a#b.zip#c%20.md", "/srv/a#b.zip", "c%20.md"),
        ("/srv/a#b.md", "/srv/a#b.md", None),
        ("s3://b/a.zip#c%23.md", "s3://b/a.zip", "c#.md"),
        ("https://h/a.zip?v=1#c.md", "https://h/a.zip?v=1", "c.md"),
        ("https://h/a.html#zip", "https://h/a.html#zip", None),
    ],
)
def test_a_source_is_split_behind_the_name_of_an_archive(source: str, place: str, inside: str | None) -> None:
    split = split_source(source)
    assert (split.place, split.inside) == (place, inside)


def test_a_locator_leads_to_a_member_only_if_it_says_so() -> None:
    assert member_place("/srv/zip+a.zip#b.md") is None
    assert member_place("s3://b/a.zip#b.md") is None
    place = member_place("zip+s3://b/a#.zip#b%23.md")
    assert place is not None
    assert (place.archive, place.name) == ("s3://b/a#.zip", b"b#.md")


async def test_what_no_document_can_be_made_of_is_refused_alone(r: Reading) -> None:
    made = HandMade()
    made.add(b"good.md", b"good")
    made.add(b"../up.md", b"x")
    made.add(b"/abs.md", b"x")
    made.add(b"C:\\drive.md", b"x")
    made.add(b"back\\slash.md", b"x")
    made.add(b"nul\0.md", b"x")
    made.add(b"secret.md", b"x", flags=1)
    made.add(b"implode.md", b"x", method=6)
    made.add(b"twice.md", b"first")
    made.add(b"link.md", b"good.md", made_by=3 << 8, mode=0o120777 << 16)
    made.add(b"nested.zip", zipped({"x": b"y"}))
    made.add(b"twice.md", b"second")
    made.add(b"last.md", b"last")
    path = r.put("docs.zip", made.whole())
    names = await r.names(path)
    assert [name.partition("#")[2].partition("~")[0] for name in names if " duplicate" in name] == ["twice.md"]
    assert [name.partition("#")[2] for name in names if " duplicate" not in name] == [
        "good.md", "..%2Fup.md bad_member_name", "%2Fabs.md bad_member_name", "C:%5Cdrive.md bad_member_name",
        "back%5Cslash.md bad_member_name", "nul%00.md bad_member_name", "secret.md encrypted",
        "implode.md unknown_method", "link.md not_a_file", "nested.zip nested_archive", "twice.md", "last.md",
    ]  # fmt: skip
    assert await r.contents(path) == {"good.md": b"good", "twice.md": b"second", "last.md": b"last"}
    for item in await r.found(path):
        assert not isinstance(item, Refused) or (item.message and item.hint)


async def test_what_a_tar_has_beside_files_is_refused_alone(r: Reading) -> None:
    odd: dict[str, bytes | tarfile.TarInfo] = {
        "./a.md": b"A",
        "hard": link("hard", "a.md", tarfile.LNKTYPE),
        "soft": link("soft", "/etc/passwd"),
        "fifo": link("fifo", "", tarfile.FIFOTYPE),
        "dev": link("dev", "", tarfile.CHRTYPE),
        "folder/": link("folder", "", tarfile.DIRTYPE),
        "../../up.md": b"x",
        "/abs.md": b"x",
        "n" * 300: b"long",
        "z.md": b"Z",
    }
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        path = r.put("odd.tar", tarred(odd, form=form))
        assert await r.names(path) == [
            f"odd.tar#{one}"
            for one in ("a.md", "hard not_a_file", "soft not_a_file", "fifo not_a_file", "dev not_a_file",
                        "..%2F..%2Fup.md bad_member_name", "%2Fabs.md bad_member_name", "n" * 300, "z.md")
        ]  # fmt: skip
        assert (await r.contents(path))["n" * 300] == b"long"


async def test_in_a_tar_the_last_file_of_a_name_counts_as_for_who_unpacks_it(r: Reading) -> None:
    path = r.put("a.tar", tarred({"a.md": b"first"})[:1024] + tarred({"b.md": b"B", "./a.md": b"second"}))
    assert await r.contents(path) == {"b.md": b"B", "a.md": b"second"}


async def test_names_in_other_letters(r: Reading) -> None:
    made = HandMade()
    made.add("grün.md".encode("cp437"), b"1")
    made.add("blau-ü.md".encode(), b"2", flags=0x800)
    made.add("gelb-ü.md".encode(), b"3")  # UTF-8, without saying so
    path = r.put("docs.zip", made.whole())
    assert await r.contents(path) == {"gr%C3%BCn.md": b"1", "blau-%C3%BC.md": b"2", "gelb-%C3%BC.md": b"3"}
    latin = header(b"caf\xe9.md", 1) + padded(b"4") + bytes(1024)
    assert await r.contents(r.put("latin.tar", latin)) == {"caf%E9.md": b"4"}
    assert await r.contents(r.put("Case.zip", zipped({"A.md": b"1", "a.md": b"2"}))) == {"A.md": b"1", "a.md": b"2"}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
async def test_the_usual_methods_of_zips(r: Reading, method: int) -> None:
    large = os.urandom(10_000) * 20 + bytes(1_000_000)
    path = r.put("docs.zip", zipped({"small.md": b"small", "large.md": large}, method))
    assert await r.contents(path, limit=2_000_000) == {"small.md": b"small", "large.md": large}
    assert await r.contents(path, limit=1_000_000) == {"small.md": b"small", "large.md": "too_large"}


async def test_a_zip_with_wide_sizes_a_comment_and_something_before_it(r: Reading) -> None:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as made:
            with made.open("wide.md", "w", force_zip64=True) as member:
                member.write(b"wide")
            made.comment = b"PK\5\6 is no end" * 3
        data = file.getvalue()
    assert await r.contents(r.put("a.zip", b"#!/bin/sh\nexit\n" + data)) == {"wide.md": b"wide"}


async def test_an_archive_that_is_broken_is_refused_and_the_rest_of_its_folder_goes_on(r: Reading) -> None:
    r.put("a.md", b"A")
    r.put("cut.zip", zipped(DOCS)[:-30])
    r.put("page.zip", b"<html>Not found</html>")
    r.put("empty.tar", b"")
    r.put("words.tar.gz", b"words")
    r.put("z.zip", zipped({"z.md": b"Z"}))
    names = await r.names(r.folder)
    assert sorted(names) == [
        "a.md", "cut.zip bad_archive", "empty.tar bad_archive", "page.zip bad_archive", "words.tar.gz bad_archive",
        "z.zip#z.md",
    ]  # fmt: skip
    assert await code_of(r, r.folder / "cut.zip") == "bad_archive"
    assert await code_of(r, r.folder / "empty.tar") == "bad_archive"


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
async def test_of_a_tar_that_is_cut_off_what_came_before_is_taken_and_the_archive_refused(
    r: Reading, mode: str
) -> None:
    whole = tarred({f"{n}.md": os.urandom(20_000) for n in range(10)}, mode)
    path = r.put("cut.tar.gz", whole[: len(whole) // 2])
    names = await r.names(path)
    assert names[-1] == "cut.tar.gz bad_archive"
    assert 1 <= len(names[:-1]) < 10
    assert [len(data) for data in (await r.contents(path)).values()] == [20_000] * len(names[:-1])


async def test_damage_in_one_member_of_a_zip_is_that_member_s(r: Reading) -> None:
    data = zipped({"a.md": b"A" * 50, "b.md": b"B" * 50}, zipfile.ZIP_STORED)
    path = r.put("docs.zip", data.replace(b"A" * 50, b"A" * 49 + b"X"))
    assert await r.contents(path) == {"a.md": "bad_member", "b.md": b"B" * 50}


async def test_an_archive_that_was_replaced_since_is_read_as_it_is_now(r: Reading) -> None:
    for name in ("docs.zip", "docs.tar"):
        path = r.put(name, archive(name, {"a.md": b"one", "b.md": b"gone"}))
        found = [item for item in await r.found(path) if isinstance(item, Found)]
        assert await r.read(found) == [b"one", b"gone"]
        path.write_bytes(archive(name, {"x.md": b"more", "a.md": b"two"}))
        assert await r.read(found) == [b"two", "not_found"]
        path.write_bytes(b"no archive")
        assert await r.read(found) == ["bad_archive", "bad_archive"]
        path.unlink()
        assert await r.read(found) == ["not_found", "not_found"]


async def test_a_member_can_be_read_in_pieces(r: Reading) -> None:
    data = os.urandom(1000) * 1500
    for name in ("docs.zip", "docs.tar.gz"):
        path = r.put(name, archive(name, {"x.md": b"x", "rows.csv": data}))
        found = (await r.found(f"{path}#rows.csv"))[0]
        assert isinstance(found, Found)
        ranges = [(0, 10), (1_200_000, 1000), (1_499_999, 10), (1_500_000, 10), (9_000_000, 1)]
        read = await r.source.read_ranges(Found(found.uri, found.locator), ranges)
        assert list(read) == [data[start : start + length] for start, length in ranges]


async def test_an_archive_itself_is_no_document(r: Reading) -> None:
    path = r.put("docs.zip", zipped(DOCS))
    assert await r.read([Found(f"file://{path}", str(path))]) == ["unsupported"]


def test_what_lies_in_a_request_s_own_content_is_stored_without_the_request() -> None:
    from uuid import UUID  # noqa: PLC0415

    one, other = UUID(int=1), UUID(int=2)
    locator = f"zip+{inline.locator_of_request(one)}#a.md"
    assert inline.stored(locator) == "zip+inline:/#a.md"
    assert inline.given(inline.stored(locator), other) == f"zip+inline:/{other}#a.md"
    assert inline.stored(inline.locator_of_request(one)) is None
    assert inline.given(None, other) == inline.locator_of_request(other)
    assert inline.stored("zip+s3://b/inline:/#a") == "zip+s3://b/inline:/#a"


@pytest.mark.parametrize("count", [2000, pytest.param(20_000, marks=pytest.mark.long)])
async def test_a_tar_of_many_members_is_read_and_unpacked_once_for_all_their_batches(r: Reading, count: int) -> None:
    path = r.put("many.tar.gz", gzip.compress(b"".join(map(small, range(count))) + bytes(1024), 1))
    found = [item for item in await r.found(path) if isinstance(item, Found)]
    assert len(found) == count
    assert r.inner.bytes == path.stat().st_size
    for first in range(0, count, 500):
        batch = found[first : first + 500]
        assert await r.read(batch) == [b"text %d" % number for number in range(first, first + 500)]
    assert r.inner.bytes == path.stat().st_size
    fresh = ArchiveSource(r.inner, r.archives)  # another request of the same listener
    assert isinstance(await fresh.read(Wanted(found[-1], 100)), Fetched)
    assert r.inner.bytes == path.stat().st_size


def small(number: int) -> bytes:
    data = b"text %d" % number
    return header(b"%d.md" % number, len(data)) + padded(data)


async def test_a_batch_of_a_zip_s_members_is_a_few_reads_of_what_it_takes(r: Reading) -> None:
    path = r.put("docs.zip", zipped({f"{n}.md": os.urandom(1000) for n in range(5000)}))
    found = [item for item in await r.found(path) if isinstance(item, Found)]
    assert r.inner.bytes < 500_000  # the directory, not 5 MB
    before, calls = r.inner.bytes, r.inner.calls
    assert all(isinstance(data, bytes) for data in await r.read(found[1000:1256]))
    assert r.inner.bytes - before < 256 * 1500  # no second look at the directory
    assert r.inner.calls - calls <= 2


class _Kept:
    def __init__(self, disk: int) -> None:
        self.disk, self.closed = disk, False

    def close(self) -> None:
        assert not self.closed
        self.closed = True


async def test_what_is_kept_open_has_bounds_and_is_closed_when_nobody_uses_it() -> None:
    kept_open: kept.KeptOpen[_Kept] = kept.KeptOpen(100)
    made: list[_Kept] = []

    async def use(key: str, state: str | None, disk: int = 10) -> _Kept:
        async def make() -> _Kept:
            made.append(_Kept(disk))
            return made[-1]

        async with kept_open.opened(key, state, make) as one:
            assert not one.closed
            return one

    assert await use("a", "1") is await use("a", "1")
    changed = await use("a", "2")
    assert (made[0].closed, changed.closed) == (True, False)
    assert (await use("b", None)).closed  # nobody knows whether it is still the same
    await use("large", "1", 95)
    assert changed.closed
    for number in range(20):
        await use(f"n{number}", "1", 1)
    assert sum(not one.closed for one in made) == kept.MOST_KEPT

    async def fail() -> _Kept:
        raise DocumentError("bad_archive", "x", "y")

    with pytest.raises(DocumentError):
        async with kept_open.opened("broken", "1", fail):
            raise AssertionError
    assert not (await use("broken", "1")).closed
    await kept_open.close()
    assert all(one.closed for one in made)
