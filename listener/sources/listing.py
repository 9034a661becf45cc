"""What is in a folder, read by its descriptor: nothing is looked up by a path, so nothing outside can be seen."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from listener.sources.opening import FOLDER, is_kernels, open_linkless

Identity = tuple[int, int]


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


def listing(place: str, wanted: Callable[[str], bool]) -> Listing:
    """List a folder by its resolved path; of files, only those whose name is ``wanted``. Raises OSError.

    No descriptor stays open, however deep folders lie: all that is needed of the files is read here.
    """
    descriptor = open_linkless(place, FOLDER)
    try:
        status = os.fstat(descriptor)
        identity = status.st_dev, status.st_ino
        if is_kernels(descriptor):
            return Listing(identity, iter(()), kernels=True)
        with os.scandir(descriptor) as found:
            entries = [entry for one in found if (entry := _entry(one, descriptor, wanted))]
    finally:
        os.close(descriptor)
    entries.sort(key=lambda entry: entry.name)
    return Listing(identity, iter(entries))


def _entry(found: os.DirEntry[str], folder: int, wanted: Callable[[str], bool]) -> FolderEntry | None:
    name = found.name
    try:
        if found.is_symlink():
            return _link(name, folder)
        if found.is_dir(follow_symlinks=False):
            return FolderEntry(name)
        if not wanted(name):
            return None
        status = found.stat(follow_symlinks=False)
        return _link(name, folder) if stat.S_ISLNK(status.st_mode) else FolderEntry(name, status)  # swapped just now
    except OSError as error:
        return FolderEntry(name, error=error) if wanted(name) else None


def _link(name: str, folder: int) -> FolderEntry:
    return FolderEntry(name, link=os.readlink(name, dir_fd=folder))
