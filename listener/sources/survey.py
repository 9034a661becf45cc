"""A survey of everything behind a watched source: in which folders something can change, and a digest of it.

The way is that of discovery (``walk``): the same files, the same links, nothing outside of the roots.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass

from listener.errors import RequestError
from listener.sources.base import Found, Refused
from listener.sources.folder_roots import FolderRoots
from listener.sources.listing import FolderEntry, Identity
from listener.sources.mounts import deaf
from listener.sources.options import RequestOptions
from listener.sources.walk import Level, Walk

MOST_ENTRIES = 100_000


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What a look found.

    ``folders``   resolved paths of folders, with what precedes the names in them: their path below the source, with a
                  slash; ``file``: the only name in them that counts, if the source is a file
    ``digest``    another one whenever a file has come, gone, or changed its size or time
    ``deaf``      the file system's type, if it does not tell of others' changes
    ``missing``   why nothing can be seen; then there are no folders
    ``too_large``  the look was broken off
    """

    folders: Mapping[str, str]
    digest: bytes
    file: str | None = None
    deaf: str | None = None
    missing: str | None = None
    too_large: bool = False


class Survey(Walk):
    """One look. ``look`` blocks: call it in a thread."""

    def __init__(self, roots: FolderRoots, source: str, options: RequestOptions) -> None:
        """Raise as ``Walk`` does."""
        super().__init__(roots, source, options)
        self._folders: dict[str, str] = {}
        self._hash = hashlib.blake2b(digest_size=16)
        self._entries = 0

    def look(self) -> Surveyed:
        """Look; whatever can't be seen is missing, and no error."""
        try:
            status, real = self._look()
            if not stat.S_ISDIR(status.st_mode):
                folder, file = os.path.split(real)
                self._mix(real, status)
                return Surveyed({folder: ""}, self._hash.digest(), file, deaf(folder))
            self._folders[real] = ""
            for one in self._folder(real):
                self._count(one)
        except RequestError as error:
            return Surveyed({}, b"", missing=f"{error.code}: {error.message}")
        return Surveyed(self._folders, self._hash.digest(), None, deaf(real), too_large=self._stopped)

    def takes(self, path: str) -> bool:
        """Tell whether a file at this path below the source would be ingested."""
        return self._choice.takes(path)

    def descends(self, path: str) -> bool:
        """Tell whether a folder at this path would be looked into."""
        return self._choice.descends(path)

    def _met(self, level: Level, entry: FolderEntry, name: str, top: str) -> Found | str | None:
        if entry.status:
            self._mix(name, entry.status)
        return super()._met(level, entry, name, top)

    def _entered(self, level: Level, entry: FolderEntry, place: str, seen: set[Identity]) -> Level | None:
        further = super()._entered(level, entry, place, seen)
        if further:
            self._folders[further.place] = further.prefix
            self._hash.update(os.fsencode(further.place))
        return further

    def _count(self, one: Found | Refused) -> None:
        self._entries += 1
        if self._entries + len(self._folders) > MOST_ENTRIES:
            self.stop()
        size = one.bytes if isinstance(one, Found) else None
        self._hash.update(f"{one.uri}\0{size}\0".encode(errors="surrogateescape"))

    def _mix(self, name: str, status: os.stat_result) -> None:
        self._hash.update(os.fsencode(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0"))
