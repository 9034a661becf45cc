"""What is in a tar, header by header, in bounded memory.

::

    header 512 │ data, up to a multiple of 512 │ header │ data │ … │ 1024 zeros
    a pax header's data, and a GNU long name's, are about the header that follows

Everything is read by place (``read(start, length)``), so that a member's data is skipped without being read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from listener.sources.archives.archive_errors import BadArchive
from listener.sources.archives.members import Member, Raw, name_problem, tidy

BLOCK = 512
MOST_ABOUT = 1024 * 1024  # bytes of a pax header, or of a long name
HEADERS_A_MEMBER = 4  # on average, above the first thousands
FREE_HEADERS = 10_000
FOLDERS = b"5D"
KINDS = {
    b"1": "a hard link", b"2": "a link", b"3": "a device", b"4": "a device", b"6": "a FIFO", b"M": "a part of a file",
}  # fmt: skip
SIGNED = struct.Struct("148b8x356b")
LATEST = 253_402_300_799  # the year 9999

Read = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class _About:
    """What headers before a member's own say of it."""

    name: Raw | None = None
    size: int | None = None
    modified: float | None = None
    problem: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class _TarHeader:
    name: Raw
    type: bytes
    size: int
    modified: float
    extended: bool


def tar_members(read: Read, size: int, most: int, at: int = 0) -> Iterator[Member]:
    """Yield the files, links and devices in a tar from a place on, in their order; at most ``most`` entries.

    A member's place is that of the first header about it.

    Raises BadArchive where it is damaged, cut off or too large; what came before is sound.
    """
    about, headers, entries, place = _About(), 0, 0, at
    while True:
        block = read(at, BLOCK)
        if len(block) < BLOCK:
            raise BadArchive("bad_archive", "it is truncated: its end mark is missing")
        if not any(block):
            return
        header = _header(block, at)
        headers += 1
        at += BLOCK
        if header.type in (b"x", b"X", b"L"):
            about = _further(about, header, read(at, min(header.size, MOST_ABOUT)))
            at = _behind(at, header.size, size)
        elif header.type in (b"g", b"K", b"V", b"N"):
            at = _behind(at, header.size, size)
        else:
            entries += 1
            if header.type == b"S":
                at, about = _behind_map(read, at, header), replace(about, problem=("bad_member", "it is a sparse file"))
            found = _member(header, about, place, at)
            at = _behind(at, found.packed, size)
            if header.type not in FOLDERS and not (header.type == b"\0" and header.name.endswith(b"/")):
                yield found
            about, place = _About(), at
        if entries > most or headers > FREE_HEADERS + HEADERS_A_MEMBER * most:
            raise BadArchive("archive_too_large", f"it has more than {most} members")


def _header(block: bytes, at: int) -> _TarHeader:
    size, modified = _number(block[124:136]), _number(block[136:148])
    if not _is_sound(block) or size is None or size < 0:
        raise BadArchive("bad_archive", f"it is damaged from byte {at} on")
    name = _text(block[:100])
    if block[257:263] == b"ustar\0" and (prefix := _text(block[345:500])):
        name = prefix + b"/" + name
    return _TarHeader(name, block[156:157], size, float(modified or 0), block[482:483] not in (b"\0", b""))


def _is_sound(block: bytes) -> bool:
    """Tell whether a header's checksum is right; old programs took its bytes as signed."""
    said, blanks = _number(block[148:156]), 8 * 32
    return said == sum(block[:148]) + blanks + sum(block[156:]) or said == sum(SIGNED.unpack(block)) + blanks


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _number(field: bytes) -> int | None:
    """Return a number: octal digits, or bytes after a sign."""
    if field[:1] in (b"\x80", b"\xff"):
        return int.from_bytes(field[1:], "big", signed=field[:1] == b"\xff")
    digits = field.partition(b"\0")[0].strip()
    try:
        return int(digits, 8) if digits else 0
    except ValueError:
        return None


def _further(about: _About, header: _TarHeader, data: bytes) -> _About:
    if header.size > MOST_ABOUT:
        return replace(about, problem=("bad_member", f"its header has {header.size} bytes"))
    if header.type == b"L":
        return replace(about, name=_text(data))
    return _of_pax(about, data)


def _of_pax(about: _About, data: bytes) -> _About:
    """Return what a pax header says: lines of length, blank, key, =, value."""
    at, end = 0, len(data.rstrip(b"\0"))
    while at < end:
        digits = data[at : at + 20].partition(b" ")[0]
        length = int(digits) if digits.isdigit() else 0
        key, sign, value = data[at + len(digits) + 1 : at + length - 1].partition(b"=")
        if length < len(digits) + 3 or length > len(data) - at or not sign:
            return replace(about, problem=("bad_member", "its header is invalid"))
        at += length
        about = _with_record(about, key, value)
    return about


def _with_record(about: _About, key: bytes, value: bytes) -> _About:
    if key == b"path":
        return replace(about, name=value)
    if key.startswith(b"GNU.sparse."):
        return replace(about, problem=("bad_member", "it is a sparse file"))
    try:
        if key == b"size":
            return replace(about, size=_whole(value))
        if key == b"mtime":
            return replace(about, modified=float(value))
    except ValueError:
        return replace(about, problem=("bad_member", "its header is invalid"))
    return about


def _whole(value: bytes) -> int:
    if not value.isdigit() or len(value) > 20:
        raise ValueError
    return int(value)


def _member(header: _TarHeader, about: _About, place: int, start: int) -> Member:
    name = header.name if about.name is None else about.name
    is_file = header.type in (b"\0", b"0", b"7", b"S") or header.type not in (*KINDS, b"5", b"D")
    size = header.size if about.size is None else about.size
    problem = about.problem
    if bad := name_problem(name):
        problem = problem or ("bad_member_name", bad)
    if header.type in KINDS:
        problem = problem or ("not_a_file", f"it is {KINDS[header.type]}")
    packed = size if is_file or header.type in (b"D", b"M") else 0
    modified = _time(header.modified if about.modified is None else about.modified)
    return Member(tidy(name), place, size, start, packed, modified_at=modified, problem=problem)


def _time(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, timezone.utc) if 0 < seconds < LATEST else None


def _behind(at: int, length: int, size: int) -> int:
    end = at + length
    if end > size:
        raise BadArchive("bad_archive", "it is truncated in the middle of a member")
    return at + -(-length // BLOCK) * BLOCK


def _behind_map(read: Read, at: int, header: _TarHeader) -> int:
    """Pass by the blocks that say where an old sparse file has holes."""
    more = header.extended
    while more:
        block = read(at, BLOCK)
        if len(block) < BLOCK:
            raise BadArchive("bad_archive", "it is truncated in the middle of a member")
        more, at = block[504:505] not in (b"\0", b""), at + BLOCK
    return at
