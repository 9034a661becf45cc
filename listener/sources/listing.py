"""What is in a folder, read by its descriptor: nothing is looked up by a path, so nothing outside can be seen.

No descriptor stays open between two entries, however deep folders lie: a page of entries is looked at in one go, and
the folder is opened again for the next.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from listener.sources.opening import FOLDER, is_kernels, open_linkless

PAGE = 1000

Identity = tuple[int, int]
Wanted = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """A name in a folder: a file with its ``status`` or its ``error``, a ``link`` with its text, or else a folder."""

    name: str
    status: os.stat_result | None = None
    link: str | None = None
    error: OSError | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """The entries of one folder in the order of their names; none of a file system of the kernel's."""

    identity: Identity
    entries: Iterator[FolderEntry]
    kernels: bool = False


def listing(place: str, wanted: Wanted) -> Listing:
    """List a folder by its resolved path; of files, only those whose name is ``wanted``. Raises OSError."""
    descriptor = open_linkless(place, FOLDER)
    try:
        identity = _identity(descriptor)
        if is_kernels(descriptor):
            return Listing(identity, iter(()), kernels=True)
        with os.scandir(descriptor) as found:
            names = [(one.name, kind) for one in found if (kind := _kind(one)) != stat.S_IFREG or wanted(one.name)]
        names.sort()
        first = _page(descriptor, names[:PAGE], wanted)
    finally:
        os.close(descriptor)
    return Listing(identity, _entries(place, identity, first, names, wanted))


def _kind(found: os.DirEntry[str]) -> int:
    """Return the kind of an entry as the folder has it: a folder, a link, or anything else."""
    try:
        if found.is_symlink():
            return stat.S_IFLNK
        return stat.S_IFDIR if found.is_dir(follow_symlinks=False) else stat.S_IFREG
    except OSError:  # some file systems don't report it, and it is now gone
        return stat.S_IFREG


def _entries(
    place: str, identity: Identity, first: Sequence[FolderEntry], names: Sequence[tuple[str, int]], wanted: Wanted
) -> Iterator[FolderEntry]:
    yield from first
    for start in range(PAGE, len(names), PAGE):
        yield from _next_page(place, identity, names[start : start + PAGE], wanted)


def _next_page(
    place: str, identity: Identity, names: Sequence[tuple[str, int]], wanted: Wanted
) -> Sequence[FolderEntry]:
    """Open the folder again and look at more of it; if another one took its place, what is left of it is gone."""
    try:
        descriptor = open_linkless(place, FOLDER)
    except OSError as error:
        return _lost(names, wanted, error)
    try:
        if _identity(descriptor) != identity:
            return _lost(names, wanted, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))
        return _page(descriptor, names, wanted)
    finally:
        os.close(descriptor)


def _lost(names: Sequence[tuple[str, int]], wanted: Wanted, error: OSError) -> Sequence[FolderEntry]:
    """Return what can't be looked at any more; of folders too, since nobody knows what is in them."""
    return [FolderEntry(name, error=error) for name, kind in names if kind == stat.S_IFDIR or wanted(name)]


def _page(folder: int, names: Sequence[tuple[str, int]], wanted: Wanted) -> Sequence[FolderEntry]:
    found = []
    for name, kind in names:
        try:
            found.append(_entry(folder, name, kind))
        except OSError as error:
            if wanted(name):
                found.append(FolderEntry(name, error=error))
    return found


def _entry(folder: int, name: str, kind: int) -> FolderEntry:
    if kind == stat.S_IFDIR:
        return FolderEntry(name)
    if kind == stat.S_IFREG:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISLNK(status.st_mode):
            return FolderEntry(name, status)
    return FolderEntry(name, link=os.readlink(name, dir_fd=folder))


def _identity(descriptor: int) -> Identity:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino
