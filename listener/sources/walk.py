"""Find the files of a source, never outside the roots.

A source is an absolute path of a file or folder, a glob (``/srv/docs/**/*.md``) or a ``file://`` URL of one of these.
A folder means all files below it; ``include`` and ``exclude`` choose among them (see ``patterns``).

Names: a document's URI is its root as configured plus the path below it, so one file has one URI however the source
was spelled. Links to files count under their own names. A link to a folder is followed when it leads out of the
folder that is being walked, but not out of the roots; each real folder is walked once, so loops end.

Each folder is opened beneath its root without a link in its path, and looked at by its descriptor (``opening``,
``listing``): what is swapped for a link meanwhile shows nothing of where that leads. Of a link that leads out of the
roots not even the kind of its target is looked at.
"""

# ruff: noqa: PTH118 - pathlib drops what means something in a link

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from listener.errors import DocumentError, RequestError
from listener.sources.base import Found, Refused
from listener.sources.file_errors import code_of, refusal, require_file
from listener.sources.file_state import state_of
from listener.sources.folder_roots import FolderRoots
from listener.sources.listing import FolderEntry, Identity, Listing, listing
from listener.sources.options import RequestOptions
from listener.sources.paths import below, locator_of, path_of, uri_of
from listener.sources.patterns import choose


@dataclass(frozen=True, slots=True)
class Level:
    """A folder on the way down.

    ``prefix`` is its path below the source, with a slash, ``name`` what it is called, ``place`` where it really lies.
    """

    prefix: str
    name: str
    place: str
    entries: Iterator[FolderEntry]


class Walk:
    """One walk over a source. Its methods block: call them in threads."""

    def __init__(self, roots: FolderRoots, source: str, options: RequestOptions) -> None:
        """Raise RequestError ``relative_path``, ``invalid_source`` or ``invalid_option``."""
        self._roots = roots
        self.source = source
        self._path, self._choice = choose(path_of(source), options)
        self._stopped = False

    def stop(self) -> None:
        """End the walk, from another thread: nobody waits for it any more."""
        self._stopped = True

    def check(self) -> bool:
        """Return whether the source is a folder, without looking at what is in it.

        Raises RequestError ``outside_roots``, ``not_found``, ``not_a_file`` or ``unreadable``.
        """
        return stat.S_ISDIR(self._look()[0].st_mode)

    def found(self) -> Iterator[Found | Refused]:
        """Yield the documents lazily, folder by folder in the order of names.

        At any time only the names in the folders on the way down are in memory. Raises RequestError ``empty_source`` or
        as ``check`` does, all before the first.
        """
        status, real = self._look()
        if stat.S_ISDIR(status.st_mode):
            found = self._folder(real)
        else:
            found = iter([_offer(self._roots.name_of(self._path, real), status)])
        first = next(found, None)
        if first is None:
            hint = (
                "is it mounted? Check 'include', 'exclude' and the pattern (for files: a folder needs /** after it);"
                " if it is empty on purpose: ingest delete --under, or ingest unwatch --delete-documents"
            )
            raise RequestError("empty_source", f"there is no document in {self.source}", hint)
        yield first
        yield from found

    def _look(self) -> tuple[os.stat_result, str]:
        status, real = self._roots.look(self._path, self.source)
        folder = stat.S_ISDIR(status.st_mode)
        if not folder and (self._choice.glob or not stat.S_ISREG(status.st_mode)):
            hint = "give a file, a folder or a glob"
            raise RequestError("not_a_file", f"{self.source} is neither a file nor a folder", hint)
        return status, real

    def _folder(self, top: str) -> Iterator[Found | Refused]:
        try:
            listed = listing(top, self._choice.takes)
        except OSError as error:
            hint = "let the listener's user read the folder"
            raise RequestError("unreadable", f"{self.source} can't be listed: {error.strerror}", hint) from None
        return self._walk(top, listed)

    def _walk(self, top: str, listed: Listing) -> Iterator[Found | Refused]:
        seen = {listed.identity}
        levels = [Level("", self._roots.name_of_folder(top), top, listed.entries)]
        while levels and not self._stopped:  # not recursive: folders can lie deeper than Python's stack
            level = levels[-1]
            entry = next(level.entries, None)
            if entry is None:
                levels.pop()
                continue
            name = f"{level.name}/{entry.name}"
            try:
                met = self._met(level, entry, name, top)
                if isinstance(met, Found):
                    yield met
                elif met and (further := self._entered(level, entry, met, seen)):
                    levels.append(further)
            except OSError as error:
                yield Refused.of(uri_of(name), refusal(code_of(error), uri_of(name), error))
            except DocumentError as error:
                yield Refused.of(uri_of(name), error)

    def _met(self, level: Level, entry: FolderEntry, name: str, top: str) -> Found | str | None:
        """Return an entry's document, or the place of the folder to enter, or None."""
        if entry.error:
            raise entry.error
        path = level.prefix + entry.name
        if entry.status:
            return _offer(name, entry.status, path)
        if entry.link is None:
            return f"{level.place}/{entry.name}" if self._choice.descends(path) else None
        return self._linked(level, entry, name, top)

    def _linked(self, level: Level, entry: FolderEntry, name: str, top: str) -> Found | str | None:
        takes = self._choice.takes(level.prefix + entry.name)
        descends = self._choice.descends(level.prefix + entry.name)
        if not takes and not descends:
            return None
        try:
            status, place = self._target(level, entry)
        except OSError as error:
            if takes or error.errno == errno.EXDEV:  # outside, and a file or a folder: that we do not look at
                raise
            return None
        if not stat.S_ISDIR(status.st_mode):
            return _offer(name, status, level.prefix + entry.name) if takes else None
        walked = below(place, top) is not None or below(top, place) is not None
        return place if descends and not walked else None  # under its real name, or a loop

    def _target(self, level: Level, entry: FolderEntry) -> tuple[os.stat_result, str]:
        descriptor, place = self._roots.open(os.path.join(level.place, entry.link or ""))
        try:
            return os.fstat(descriptor), place
        finally:
            os.close(descriptor)

    def _entered(self, level: Level, entry: FolderEntry, place: str, seen: set[Identity]) -> Level | None:
        prefix, name = f"{level.prefix}{entry.name}/", f"{level.name}/{entry.name}"
        listed = listing(place, lambda file: self._choice.takes(prefix + file))
        if listed.kernels:
            raise refusal("kernel_file", uri_of(name))
        if listed.identity in seen:
            return None
        seen.add(listed.identity)
        return Level(prefix, name, place, listed.entries)


def _offer(place: str, status: os.stat_result, path: str | None = None) -> Found:
    uri = uri_of(place)
    require_file(status, uri)
    state = state_of(status)
    return Found(uri, locator_of(place, uri), None, status.st_size, state.version, state.modified_at, None, path)
