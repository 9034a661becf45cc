"""Any name of a member: its URI leads back to it and to no other, and never out of the archive."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote_to_bytes

from how_many import how_many
from hypothesis import given, settings
from hypothesis import strategies as st
from made_archives import HandMade, header, padded, reading

from listener.sources.archives.archive_errors import BadArchive
from listener.sources.archives.kinds import locator_of_member, member_place
from listener.sources.archives.members import innocent, name_problem, quoted, tidy
from listener.sources.archives.tar_headers import tar_members
from listener.sources.archives.zip_directory import entries, find_directory
from listener.sources.base import Found

PARTS = st.sampled_from(
    [b"..", b".", b"", b"a", b"#", b"%2e%2e", b"%", b"?", b"C:", b"\\", b"\0", b" ", b"\xff", b"~1"]
)
NAMES = st.one_of(st.binary(min_size=1, max_size=40), st.lists(PARTS, min_size=1, max_size=6).map(b"/".join))
BYTES = st.binary(max_size=2000)


def reader(data: bytes) -> Callable[[int, int], bytes]:
    return lambda at, length: data[at : at + length]


@given(NAMES)
def test_a_name_s_uri_leads_back_to_it_and_to_nothing_above(name: bytes) -> None:
    clean = tidy(name)
    text = quoted(clean)
    assert unquote_to_bytes(text) == clean
    assert "#" not in text
    assert text.isascii()
    place = member_place(locator_of_member("zip", "file:///srv/a%23.zip", text))
    assert place is not None
    assert (place.archive, place.name) == ("file:///srv/a%23.zip", clean)
    if name_problem(name) is None:
        parts = text.split("/")
        assert not {"", ".", ".."} & set(parts)
        assert tidy(clean) == clean
    else:
        assert "/" not in text  # nothing lies below it, nor beside
    assert b".." not in innocent(name).split(b"/")


@given(NAMES, NAMES)
def test_two_members_have_two_uris(one: bytes, other: bytes) -> None:
    assert (quoted(tidy(one)) == quoted(tidy(other))) == (tidy(one) == tidy(other))


@settings(max_examples=how_many(40), deadline=None)
@given(st.lists(NAMES.filter(lambda name: not name.endswith(b"/")), min_size=1, max_size=6, unique_by=tidy))
def test_whatever_members_are_called_each_is_read_or_refused_by_its_own_uri(names: list[bytes]) -> None:
    made, tar = HandMade(), b""
    for number, name in enumerate(names):
        made.add(name, b"content %d" % number, flags=0x800)
        if b"\0" not in name and len(name) <= 100:
            tar += header(name, 9) + padded(b"content %d" % number)

    async def check(folder: Path) -> None:
        async with reading(folder) as r:
            for archive, data in (("a.zip", made.whole()), ("a.tar", tar + bytes(1024))):
                found = await r.found_or_none(r.put(archive, data), include=["**", ".*", "**/.*/**", ".*/**"])
                for item in found:
                    name = unquote_to_bytes(item.uri.partition("#")[2])
                    if isinstance(item, Found):
                        number = next(n for n, one in enumerate(names) if tidy(one) == name)
                        assert await r.read([item]) == [b"content %d" % number]
                    elif item.code == "bad_member_name":
                        assert name_problem(name)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(check(Path(folder)))


@given(BYTES, st.integers(0, 2000))
def test_whatever_bytes_a_directory_has_it_is_read_or_refused(data: bytes, cut: int) -> None:
    made = HandMade()
    made.add(b"a.md", b"A")
    whole, refused = made.whole(), set[str]()
    for tail in (data, whole[:cut], data + whole[-22:], whole[: cut % len(whole)] + data + whole[cut % len(whole) :]):
        try:
            place = find_directory(tail, len(tail))
            directory = tail[place.start : place.start + place.length]
            for found in entries(reader(directory), len(directory), place.shift):
                assert found is None or found.size >= 0
        except BadArchive as error:
            refused.add(error.code)
    assert refused <= {"bad_archive", "archive_too_large"}


@given(BYTES, st.integers(0, 4000))
def test_whatever_bytes_a_tar_has_it_is_read_or_refused(data: bytes, at: int) -> None:
    whole = header(b"x", len(data), b"x") + padded(data) + header(b"a.md", 1) + padded(b"A") + bytes(1024)
    refused = set[str]()
    for tar in (data, whole, whole[:at] + data + whole[at:], bytes(whole[:at]) + bytes(4096)):
        try:
            for found in tar_members(reader(tar), len(tar), 100):
                assert found.size >= 0
                assert found.start <= len(tar)
        except BadArchive as error:
            refused.add(error.code)
    assert refused <= {"bad_archive", "archive_too_large"}
