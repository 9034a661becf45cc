"""What is in a zip: its directory, which lies at its end, entry by entry.

::

    header, data │ header, data │ … │ directory: an entry for each │ (zip64 end, where that is) │ end
"""

from __future__ import annotations

import stat
import struct
import zlib
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from listener.sources.archives.archive_errors import BadArchive
from listener.sources.archives.members import Member, Raw, name_problem, tidy
from listener.sources.archives.unpacking import METHODS

END, END_SIGN = struct.Struct("<4s4H2LH"), b"PK\x05\x06"
END_64, END_64_SIGN = struct.Struct("<4sQ2H2L4Q"), b"PK\x06\x06"
PLACE_64, PLACE_64_SIGN = struct.Struct("<4sLQL"), b"PK\x06\x07"
ENTRY, ENTRY_SIGN = struct.Struct("<4s6H3L5H2L"), b"PK\x01\x02"
LOCAL, LOCAL_SIGN = struct.Struct("<4s5H3L2H"), b"PK\x03\x04"
TAIL = END.size + 65_535 + PLACE_64.size + END_64.size
LARGE = 0xFFFFFFFF
MOST_DIRECTORY = 256 * 1024 * 1024  # bytes
WINDOW = 1024 * 1024
LONGEST_ENTRY = ENTRY.size + 3 * 65_535
ENCRYPTED, UTF8 = 0x1 | 0x40 | 0x2000, 0x800
UNIX = 3
FAR = 2**63

Read = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the directory lies; ``shift``: bytes before the archive's own beginning, which it does not count."""

    start: int
    length: int
    shift: int


def find_directory(tail: bytes, size: int) -> Directory:
    """Return where the directory lies, given the archive's last bytes (``TAIL``) and its size. Raises BadArchive."""
    at = _end(tail)
    _, disk, first_disk, here, count, length, start, _ = END.unpack_from(tail, at)
    end = size - len(tail) + at
    if at >= PLACE_64.size and tail[at - PLACE_64.size : at - PLACE_64.size + 4] == PLACE_64_SIGN:
        at -= PLACE_64.size + END_64.size
        if at >= 0 and tail[at : at + 4] == END_64_SIGN:
            _, _, _, _, disk, first_disk, here, count, length, start = END_64.unpack_from(tail, at)
            end = size - len(tail) + at
    if disk or first_disk or here != count:
        raise BadArchive("bad_archive", "it is one of several parts")
    shift = end - length - start
    if shift < 0 or length < 0:
        raise BadArchive("bad_archive", "its directory is not where its end says: it is truncated")
    if length > MOST_DIRECTORY:
        raise BadArchive("archive_too_large", f"its directory alone has {length} bytes")
    return Directory(end - length, length, shift)


def _end(tail: bytes) -> int:
    """Return where the end record is in the tail: followed by the comment that it declares, if there is one."""
    at = tail.rfind(END_SIGN)
    while at >= 0:
        if at + END.size <= len(tail) and at + END.size + END.unpack_from(tail, at)[7] == len(tail):
            return at
        at = tail.rfind(END_SIGN, 0, at)
    raise BadArchive("bad_archive", "it is no zip, or truncated: its end mark is missing")


def entries(read: Read, length: int, shift: int) -> Iterator[Member | None]:
    """Yield the files in a directory that is read by place, None for each folder. Raises BadArchive."""
    at = 0
    window, first = b"", 0
    while at < length:
        if at + LONGEST_ENTRY > first + len(window) and first + len(window) < length:
            window, first = read(at, min(WINDOW, length - at)), at
        try:
            found, taken = _entry(window, at - first, at, shift)
        except struct.error:
            raise BadArchive("bad_archive", "its directory is damaged") from None
        at += taken
        yield found


def entry_at(read: Read, place: int, shift: int) -> Member | None:
    """Return the file whose entry is at a place in a directory that was scanned before."""
    name_, extra_, comment_ = struct.unpack_from("<3H", read(place, ENTRY.size), 28)
    return _entry(read(place, ENTRY.size + name_ + extra_ + comment_), 0, place, shift)[0]


def _entry(data: bytes, at: int, place: int, shift: int) -> tuple[Member | None, int]:
    sign, made_by, _, flags, method, _, _, crc, packed, size, name_, extra_, comment_, *_, mode, start = (
        ENTRY.unpack_from(data, at)
    )
    taken = ENTRY.size + name_ + extra_ + comment_
    if sign != ENTRY_SIGN or at + taken > len(data):
        raise BadArchive("bad_archive", "its directory is damaged")
    raw = data[at + ENTRY.size : at + ENTRY.size + name_]
    extra = _extra(data[at + ENTRY.size + name_ : at + ENTRY.size + name_ + extra_])
    name = _name(raw, flags, extra)
    kind = stat.S_IFMT(mode >> 16) if made_by >> 8 == UNIX else 0
    if raw.endswith(b"/") or kind == stat.S_IFDIR:
        return None, taken
    sizes = [size, packed, start]
    wide = extra.get(1, b"")
    for number, value in enumerate(sizes):
        if value == LARGE and len(wide) >= 8:
            sizes[number], wide = int.from_bytes(wide[:8], "little"), wide[8:]
    size, packed, start = sizes
    problem = _problem(name, flags, method, kind, size, packed)
    return Member(tidy(name), place, size, start + shift, packed, method, crc, None, problem, raw), taken


def _extra(data: bytes) -> dict[int, bytes]:
    fields: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        number, length = struct.unpack_from("<2H", data, at)
        fields.setdefault(number, data[at + 4 : at + 4 + length])
        at += 4 + length
    return fields


def _name(raw: bytes, flags: int, extra: dict[int, bytes]) -> Raw:
    """Return a name as UTF-8: it is declared or valid UTF-8, otherwise in the DOS charset."""
    told = extra.get(0x7075, b"")
    if told[:1] == b"\1" and told[1:5] == zlib.crc32(raw).to_bytes(4, "little"):
        return told[5:]
    if flags & UTF8:
        return raw
    try:
        raw.decode()
    except UnicodeDecodeError:
        return raw.decode("cp437").encode()
    return raw


def _problem(name: Raw, flags: int, method: int, kind: int, size: int, packed: int) -> tuple[str, str] | None:
    if bad := name_problem(name):
        return "bad_member_name", bad
    if kind not in (0, stat.S_IFREG):
        return "not_a_file", "it is a link" if kind == stat.S_IFLNK else "it is a device"
    if flags & ENCRYPTED:
        return "encrypted", ""
    if method not in METHODS and method != 0:
        return "unknown_method", f"by method {method}"
    if packed > 2 * size + 65_536 or (method == 0 and packed != size):
        return "bad_member", f"{packed} bytes can't be {size} packed"
    return None


class Spans:
    """Where members lie, to detect overlapping ones: a bomb of a few KB can name the same bytes often."""

    def __init__(self, end: int) -> None:
        self._end = end
        self._starts, self._ends, self._places = array("Q"), array("Q"), array("Q")

    def add(self, found: Member) -> None:
        end = found.start + LOCAL.size + len(found.header_name) + found.packed
        self._starts.append(min(found.start, FAR))
        self._ends.append(min(end, FAR))
        self._places.append(found.place)

    def overlapping(self) -> frozenset[int]:
        """Return the places of members that begin in another one, or do not end before the directory."""
        if not self._starts:
            return frozenset()
        starts, ends = np.array(self._starts, np.uint64), np.array(self._ends, np.uint64)
        order = np.argsort(starts, kind="stable")
        reached = np.maximum.accumulate(ends[order])
        inside = np.concatenate([[False], starts[order][1:] < reached[:-1]]) | (ends[order] > np.uint64(self._end))
        return frozenset(int(place) for place in np.array(self._places, np.uint64)[order][inside])


def data_start(header: bytes, found: Member) -> int:
    """Return how many bytes come before a member's data, given these bytes. Raises BadArchive."""
    if len(header) < LOCAL.size or header[:4] != LOCAL_SIGN:
        raise BadArchive("bad_member", "it is not where the directory says")
    *_, name_, extra_ = LOCAL.unpack_from(header)
    name = header[LOCAL.size : LOCAL.size + name_]
    if name != found.header_name[: len(name)] or name_ != len(found.header_name):
        raise BadArchive("bad_member", "it has another name than the directory says")
    return LOCAL.size + int(name_) + int(extra_)
