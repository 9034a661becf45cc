"""Find the files behind a source, never outside of the roots.

A source is an absolute path of a file or folder, a glob (``/srv/docs/**/*.md``) or a ``file://`` URL of one of these.
A folder stands for all files below it; ``include`` and ``exclude`` choose among them (see ``patterns``).

Names: a document's URI is its root as configured plus the path below it, so one file has one URI however the source
was spelled. Links to files count under their own names. A link to a folder is followed when it leads out of the
folder that is being walked, but not out of the roots; each real folder is walked once, so loops end.
"""

# ruff: noqa: PTH116 - pathlib doubles what a file costs (62 instead of 33 µs)

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from listener.errors import DocumentError, RequestError
from listener.options import RequestOptions
from listener.sources.base import Found, Refused
from listener.sources.file_errors import code_of, refusal, require_file
from listener.sources.folder_roots import FolderRoots
from listener.sources.paths import below, locator_of, path_of, uri_of
from listener.sources.patterns import choose

Entries = Iterator["os.DirEntry[str]"]


class Walk:
    """One look at what is behind a source. Its methods block: call them in threads.

    ``complete`` turns False when a folder can't be listed.
    """

    def __init__(self, roots: FolderRoots, source: str, options: RequestOptions) -> None:
        """Raise RequestError ``relative_path``, ``invalid_source`` or ``invalid_option``."""
        self._roots = roots
        self.source = source
        self._path, self._choice = choose(path_of(source), options)
        self.complete = True

    def check(self) -> bool:
        """Return whether the source is a folder, without looking at what is in it.

        Raises RequestError ``outside_roots``, ``not_found``, ``not_a_file`` or ``unreadable``.
        """
        mode = self._roots.mode_of(self._path, self.source)
        if not stat.S_ISDIR(mode) and (self._choice.glob or not stat.S_ISREG(mode)):
            hint = "give a file, a folder or a glob"
            raise RequestError("not_a_file", f"{self.source} is neither a file nor a folder", hint)
        return stat.S_ISDIR(mode)

    def found(self) -> Iterator[Found | Refused]:
        """Yield the documents lazily, folder by folder in the order of names.

        At any time only the names in the folders on the way down are in memory. Raises RequestError ``empty_source`` or
        as ``check`` does, all before the first.
        """
        if self.check():
            found = self._folder(os.path.realpath(self._path))
        else:
            found = iter([_offer(self._roots.name_of(self._path), os.stat(self._path))])
        first = next(found, None)
        if first is None:
            hint = "check 'include', 'exclude' and the pattern: it matches files, so a folder's needs /** behind it"
            raise RequestError("empty_source", f"there is no document in {self.source}", hint)
        yield first
        yield from found

    def _folder(self, top: str) -> Iterator[Found | Refused]:
        name = self._roots.name_of_folder(top)
        try:
            entries = _entries(name)
        except OSError as error:
            hint = "let the listener's user read the folder"
            raise RequestError("unreadable", f"{self.source} can't be listed: {error.strerror}", hint) from None
        return self._walk(top, name, entries)

    def _walk(self, top: str, name: str, entries: Entries) -> Iterator[Found | Refused]:
        choice, seen = self._choice, {_identity(name)}
        levels = [("", entries)]  # not recursive: folders can lie deeper than Python's stack
        while levels:
            prefix, entries = levels[-1]
            entry = next(entries, None)
            if entry is None:
                levels.pop()
                continue
            path = prefix + entry.name
            try:
                if not _is_folder(entry):
                    if choice.takes(path):
                        yield self._file(entry)
                elif choice.descends(path) and self._enters(entry, top, seen):
                    levels.append((path + "/", self._listed(entry)))
            except OSError as error:
                uri = uri_of(entry.path)
                yield Refused.of(uri, refusal(code_of(error), uri, error))
            except DocumentError as error:
                yield Refused.of(uri_of(entry.path), error)

    def _listed(self, folder: os.DirEntry[str]) -> Entries:
        try:
            return _entries(folder.path)
        except OSError:
            self.complete = False
            raise

    def _file(self, entry: os.DirEntry[str]) -> Found | Refused:
        uri = uri_of(entry.path)
        if entry.is_symlink() and not self._roots.hold(entry.path):
            raise refusal("outside_roots", uri)
        status = entry.stat()
        require_file(status, uri)
        return _offer(entry.path, status)

    def _enters(self, entry: os.DirEntry[str], top: str, seen: set[tuple[int, int]]) -> bool:
        if entry.is_symlink():
            target = os.path.realpath(entry.path)
            if self._roots.split(target) is None:
                raise refusal("outside_roots", uri_of(entry.path))
            if below(target, top) is not None or below(top, target) is not None:
                return False  # walked under its real name, or a loop
        identity = _identity(entry.path)
        if identity in seen:
            return False
        seen.add(identity)
        return True


def _offer(path: str, status: os.stat_result) -> Found:
    uri = uri_of(path)
    return Found(uri, locator_of(path, uri), bytes=status.st_size)


def _entries(path: str) -> Entries:
    with os.scandir(path) as entries:
        return iter(sorted(entries, key=lambda entry: entry.name))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself: only who asked for a file of that name hears of it
        return False


def _identity(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino
