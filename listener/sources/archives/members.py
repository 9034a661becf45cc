"""Members of archives: their names, and an index that finds one by its name without holding them all."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from urllib.parse import quote

import numpy as np

SAFE_IN_MEMBER = "!$&'()+,;=:@~"
DRIVE = re.compile(rb"[A-Za-z]:")

Raw = bytes
"""A name as UTF-8, or as whatever bytes it has in a tar."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive.

    ``place``: what the index says of it. ``start``, ``packed``: where its bytes lie, and how many; of a zip's member,
    with the header before them. ``problem``: the code of what is wrong with it, with the reason.
    """

    name: Raw
    place: int
    size: int
    start: int
    packed: int
    method: int = 0
    crc: int | None = None
    modified_at: datetime | None = None
    problem: tuple[str, str] | None = None
    header_name: Raw = b""

    @property
    def version(self) -> str | None:
        """What tells the member's state: its CRC-32 and its size."""
        return None if self.crc is None else version_of(self.crc, self.size)


def version_of(crc: int, size: int) -> str:
    """Return what tells a member's state."""
    return f"{crc:08x}-{size:x}"


def tidy(name: Raw) -> Raw:
    """Return a name without what means nothing in it: ``./a//b`` is ``a/b``. One that no member may have stays."""
    if name_problem(name):
        return name
    return b"/".join(part for part in name.split(b"/") if part not in (b"", b"."))


def name_problem(name: Raw) -> str | None:
    """Return why no member may have this name."""
    if b"\0" in name:
        return "it contains a NUL character"
    if b"\\" in name:
        return "it contains a backslash"
    if name.startswith(b"/"):
        return "it is absolute"
    if DRIVE.match(name):
        return "it begins with a drive letter"
    parts = name.split(b"/")
    if b".." in parts:
        return "it leads out with .."
    if all(part in (b"", b".") for part in parts):
        return "it is empty"
    return None


def innocent(name: Raw) -> Raw:
    """Return the path that a name has below the archive whatever is wrong with it: patterns are held against that."""
    parts = name.replace(b"\\", b"/").split(b"/")
    return b"/".join(part for part in parts if part not in (b"", b".", b".."))


def quoted(name: Raw) -> str:
    """Return a tidy name as it appears in a URI after ``#``; no two are the same."""
    return quote(name, safe=SAFE_IN_MEMBER if name_problem(name) else SAFE_IN_MEMBER + "/")


class Index:
    """Where members lie, by their names: 16 bytes for each. Of several with one name it knows the last."""

    def __init__(self) -> None:
        self._hashes = array("Q")
        self._places = array("Q")
        self._sorted: tuple[np.ndarray, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self._places)

    def add(self, name: Raw, place: int) -> None:
        """Note a member; all of them before the first is looked for."""
        self._hashes.append(_hash(name))
        self._places.append(place)

    def place(self, name: Raw) -> int | None:
        """Return where a member probably lies (names are compared by 64 bits); None if it does not exist."""
        hashes, places = self._in_order()
        at = int(np.searchsorted(hashes, np.uint64(_hash(name)), side="right")) - 1
        return int(places[at]) if at >= 0 and int(hashes[at]) == _hash(name) else None

    def _in_order(self) -> tuple[np.ndarray, np.ndarray]:
        if self._sorted is None:
            hashes, places = np.array(self._hashes, np.uint64), np.array(self._places, np.uint64)
            order = np.argsort(hashes, kind="stable")
            self._sorted = hashes[order], places[order]
            self._hashes = array("Q")
        return self._sorted


def _hash(name: Raw) -> int:
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "little")
