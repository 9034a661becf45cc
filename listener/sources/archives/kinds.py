"""Which documents are archives, and how their members are named.

::

    file:///srv/docs.zip#guide/a.md          a member's URI: the archive's, and its name, percent-encoded
    zip+file:///srv/docs.zip#guide/a.md      where it lies

An archive is recognized by its name, otherwise by its media type; never by its content: office files are zips too.
Whether a tar is packed, and how, its first bytes say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote_to_bytes

from listener.documents.media_types import UNTOLD
from listener.sources.base import Found
from listener.sources.paths import uri_of

Kind = Literal["zip", "tar"]

ZIP: Kind = "zip"
TAR: Kind = "tar"
ENDINGS: dict[str, Kind] = {
    ".zip": ZIP, ".tar": TAR, ".tgz": TAR, ".tbz": TAR, ".tbz2": TAR, ".txz": TAR, ".tzst": TAR,
    ".tar.gz": TAR, ".tar.bz2": TAR, ".tar.xz": TAR, ".tar.zst": TAR,
}  # fmt: skip
TYPES: dict[str, Kind] = {
    "application/zip": ZIP, "application/x-zip": ZIP, "application/x-zip-compressed": ZIP,
    "application/x-tar": TAR, "application/x-gtar": TAR, "application/x-compressed-tar": TAR,
}  # fmt: skip
PACKED = frozenset({  # what servers say of packed files: then the name decides
    "application/gzip", "application/x-gzip", "application/x-xz", "application/zstd", "application/x-bzip2",
    "application/x-compressed", "multipart/x-zip",
})  # fmt: skip
ANY_ENDING = tuple(ENDINGS)
LONGEST_ENDING = 8
URL_WITH_PATH = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


@dataclass(frozen=True, slots=True)
class MemberPlace:
    """Where a member lies: in which archive, under which name."""

    kind: Kind
    archive: str
    name: bytes


@dataclass(frozen=True, slots=True)
class SplitSource:
    """A request's source: what leads to archives, and what is wanted in them (None: everything)."""

    place: str
    inside: str | None


def kind_by_name(name: str) -> Kind | None:
    """Return the kind of archive of a file of this name; None if it is not an archive."""
    end = name[-LONGEST_ENDING:].lower()
    if not end.endswith(ANY_ENDING):  # nearly all names, and there are hundreds of thousands
        return None
    return next((kind for ending, kind in ENDINGS.items() if end.endswith(ending)), None)


def kind_of(found: Found) -> Kind | None:
    """Return the kind of archive of a document; None if it is not an archive."""
    by_name = kind_by_name(name_of(found.uri))
    if not found.media_type:
        return by_name
    declared = found.media_type.partition(";")[0].strip().lower()
    if by_name:
        return by_name if declared in UNTOLD or declared in PACKED or declared in TYPES else None
    return TYPES.get(declared) if "." not in name_of(found.uri).rpartition("/")[2] else None


def name_of(place: str) -> str:
    """Return the path in a place; for a URL, the part before ``?``."""
    return place.partition("?")[0] if "?" in place and URL_WITH_PATH.match(place) else place


def split_source(source: str) -> SplitSource:
    """Split a source after the first archive's name that is followed by ``#``.

    The rest is percent-decoded in a URL, and literal after a path.
    """
    at = source.find("#")
    while at >= 0:
        if kind_by_name(name_of(source[:at])):
            inside = source[at + 1 :]
            if URL_WITH_PATH.match(source):
                inside = unquote_to_bytes(inside).decode(errors="surrogateescape")
            return SplitSource(source[:at], inside.strip("/"))
        at = source.find("#", at + 1)
    return SplitSource(source, None)


def place_of(archive: Found) -> str:
    """Return where an archive lies, as its members' locators have it: of a path, as a URL."""
    place = archive.locator or archive.uri
    return uri_of(place) if place.startswith("/") else place


def locator_of_member(kind: Kind, archive: str, quoted: str) -> str:
    """Return where a member lies, given where its archive does (``place_of``)."""
    return f"{kind}+{archive}#{quoted}"


def member_place(locator: str) -> MemberPlace | None:
    """Return what a locator says of a member; None if it leads to no member."""
    said, _, place = locator.partition("+")
    archive, sign, name = place.rpartition("#")
    if not sign or said not in (ZIP, TAR):
        return None
    return MemberPlace(ZIP if said == ZIP else TAR, archive, unquote_to_bytes(name))
