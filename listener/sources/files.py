"""Find the local documents behind a source, and read them, never outside of the roots.

A source is an absolute path of a file or folder, a glob (``/srv/docs/**/*.md``) or a ``file://`` URL of one of these.
A folder stands for all files below it; ``include`` and ``exclude`` choose among them (see ``choice``).

Names: a document's URI is its root as configured plus the path below it, so one file has one URI however the source
was spelled. Links to files count under their own names. A link to a folder is followed when it leads out of the
folder that is being walked, but not out of the roots; each real folder is walked once, so loops end.
"""

# Paths are strings here: pathlib doubles what a file costs (62 instead of 33 µs) and drops slashes.
# ruff: noqa: PTH100, PTH115, PTH116, PTH118

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, unquote_to_bytes

from listener.errors import DocumentError, RequestError
from listener.models import Found, Refused
from listener.sources.file_errors import code_of, refusal, refused, too_large
from listener.sources.patterns import Choice, choose
from listener.sources.records import kind_of

SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+):(?=/)")


class LocalSources:
    """The files below ``roots``, each of at most ``max_bytes``. All methods block: call them in threads."""

    def __init__(self, roots: Sequence[Path], max_bytes: int) -> None:
        self._roots = [os.path.abspath(root) for root in roots]
        self._max_bytes = max_bytes

    def check(self, source: str, options: Mapping[str, Any]) -> None:
        """Raise the RequestError of a source that can't be read here, without looking at what is in it.

        Those of ``discover`` but ``empty_source``.
        """
        self._is_folder(*choose(path_of(source), options), source)

    def discover(self, source: str, options: Mapping[str, Any]) -> Iterator[Found | Refused]:
        """Yield the documents behind ``source`` lazily, folder by folder in the order of names.

        ``options``: ``include`` and ``exclude``, each a pattern or a list of patterns; with ``record``, containers of
        records (see ``records.kind_of``) of any size are offered. At any time only the names in the folders on the way
        down are in memory.

        Raises RequestError ``relative_path``, ``unknown_scheme``, ``invalid_source``, ``invalid_option``,
        ``outside_roots``, ``not_found``, ``not_a_file``, ``unreadable`` or ``empty_source``, all before the first.
        """
        path, choice = choose(path_of(source), options)
        if self._is_folder(path, choice, source):
            found = self._folder(os.path.realpath(path), choice, source)
        else:
            found = iter([self._offer(self._name_of(path), os.stat(path), choice)])
        first = next(found, None)
        if first is None:
            hint = "check 'include', 'exclude' and the pattern: it matches files, so a folder's needs /** behind it"
            raise RequestError("empty_source", f"there is no document in {source}", hint)
        yield first
        yield from found

    def read(self, path: str, max_bytes: int | None = None) -> bytes:
        """Return a file's content; ``path`` is what ``Found.path`` or ``Found.uri`` says.

        ``max_bytes`` is a lower limit for this one. Raises DocumentError ``empty_document``, ``too_large``,
        ``not_found``, ``not_a_file``, ``unreadable`` or ``outside_roots``.
        """
        path = path_of(path)
        uri = uri_of(path)
        limit = min(max_bytes or self._max_bytes, self._max_bytes)
        try:
            data, size = self._bytes(path, uri, limit)
        except OSError as error:
            raise refusal(code_of(error), uri, error) from None
        if size > limit:
            raise too_large(uri, size, limit)
        if not data:
            raise refusal("empty_document", uri)
        return data

    def read_range(self, path: str, start: int, length: int) -> bytes:
        """Return ``length`` bytes of a file from ``start`` on, fewer where it ends; else like ``read``.

        Raises DocumentError ``not_found``, ``not_a_file``, ``unreadable`` or ``outside_roots``.
        """
        path = path_of(path)
        uri = uri_of(path)
        try:
            with self._open(path, uri) as file:
                file.seek(start)
                return file.read(length)
        except OSError as error:
            raise refusal(code_of(error), uri, error) from None

    def _bytes(self, path: str, uri: str, limit: int) -> tuple[bytes, int]:
        """Return the content, if it is not too large, and the size."""
        with self._open(path, uri) as file:
            size = os.fstat(file.fileno()).st_size
            if size > limit:
                return b"", size
            data = file.read(size + 1)
            if len(data) > size:  # it grows, or does not tell its size (/proc)
                data += file.read(limit + 1 - len(data))
            return data, len(data)

    @contextmanager
    def _open(self, path: str, uri: str) -> Iterator[BinaryIO]:
        real = os.path.realpath(path)
        if self._split(real) is None:
            raise refusal("outside_roots", uri)
        _require_file(os.stat(real), uri)  # before opening: that can have effects on a device
        # O_NONBLOCK: if a FIFO takes its place now, that does not hang us
        descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if self._split(_opened(descriptor, real)) is None:  # a folder on the way became a link
                raise refusal("outside_roots", uri)
            _require_file(os.fstat(descriptor), uri)
            yield file

    def _is_folder(self, path: str, choice: Choice, source: str) -> bool:
        mode = self._mode(path, source)
        if not stat.S_ISDIR(mode) and (choice.glob or not stat.S_ISREG(mode)):
            hint = "give a file, a folder or a glob"
            raise RequestError("not_a_file", f"{source} is neither a file nor a folder", hint)
        return stat.S_ISDIR(mode)

    def _mode(self, path: str, source: str) -> int:
        """Return what kind of thing the source is, if it is below a root; outside, not even whether it exists."""
        try:
            if self._split(os.path.realpath(path)) is not None:
                return os.stat(path).st_mode
        except OSError as error:
            message = f"{source} can't be opened: {error.strerror}"
            raise RequestError(code_of(error), message, "check the path on the listener's host") from None
        roots = ", ".join(self._roots) or "none is set"
        hint = "add the folder to INGEST_FILE_ROOTS of the listeners that can see it"
        raise RequestError("outside_roots", f"{source} is not below a root of this listener ({roots})", hint)

    def _split(self, real: str) -> tuple[str, str] | None:
        """Return the root as configured and the path below it, for a resolved path; None if it is outside of all."""
        for root in self._roots:
            # What is resolved and below the root's own name: then the name has no link in it.
            rest = _below(real, root)
            if rest is None:
                rest = _below(real, os.path.realpath(root))
            if rest is not None:
                return root, rest
        return None

    def _name_of(self, path: str) -> str:
        """Return the path below its root as configured; a link keeps its own name."""
        folder, name = os.path.split(path.rstrip("/"))
        split = self._split(os.path.realpath(folder)) if name not in (".", "..") else None
        root, rest = split or self._split(os.path.realpath(path)) or ("/", path)
        return os.path.normpath(os.path.join(root, rest, name if split else ""))

    def _offer(self, path: str, status: os.stat_result, choice: Choice) -> Found | Refused:
        uri = uri_of(path)
        # A container of records is never read as a whole: its records have the limit.
        if status.st_size > self._max_bytes and not (choice.records and kind_of(uri)):
            return refused(uri, too_large(uri, status.st_size, self._max_bytes))
        # Postgres can't hold a name that is not UTF-8: its URI is as good for ``read``
        return Found(uri, path=path if _is_unicode(path) else uri, bytes=status.st_size)

    def _folder(self, top: str, choice: Choice, source: str) -> Iterator[Found | Refused]:
        root, rest = self._split(top) or ("/", top)
        name = os.path.normpath(os.path.join(root, rest))
        try:
            entries = _entries(name)
        except OSError as error:
            hint = "let the listener's user read the folder"
            raise RequestError("unreadable", f"{source} can't be listed: {error.strerror}", hint) from None
        return self._walk(top, name, entries, choice)

    def _walk(
        self, top: str, name: str, entries: Iterator[os.DirEntry[str]], choice: Choice
    ) -> Iterator[Found | Refused]:
        seen = {_identity(name)}
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
                        yield self._file(entry, choice)
                elif choice.descends(path) and self._enters(entry, top, seen):
                    levels.append((path + "/", _entries(entry.path)))
            except OSError as error:
                uri = uri_of(entry.path)
                yield refused(uri, refusal(code_of(error), uri, error))
            except DocumentError as error:
                yield refused(uri_of(entry.path), error)

    def _file(self, entry: os.DirEntry[str], choice: Choice) -> Found | Refused:
        uri = uri_of(entry.path)
        if entry.is_symlink() and self._split(os.path.realpath(entry.path)) is None:
            raise refusal("outside_roots", uri)
        status = entry.stat()
        _require_file(status, uri)
        return self._offer(entry.path, status, choice)

    def _enters(self, entry: os.DirEntry[str], top: str, seen: set[tuple[int, int]]) -> bool:
        if entry.is_symlink():
            target = os.path.realpath(entry.path)
            if self._split(target) is None:
                raise refusal("outside_roots", uri_of(entry.path))
            if _below(target, top) is not None or _below(top, target) is not None:
                return False  # walked under its real name, or a loop
        identity = _identity(entry.path)
        if identity in seen:
            return False
        seen.add(identity)
        return True


def path_of(source: str) -> str:
    """Return the absolute path that a source means; raise RequestError if it means something else."""
    if "\0" in source:
        raise RequestError("invalid_source", "the source has a NUL character in it", "no path can have one")
    if scheme := SCHEME.match(source):
        return _path_of_url(source, scheme)
    if not source.startswith("/"):
        hint = "listeners have no current folder in common with you: give an absolute path, or a file:// URL"
        raise RequestError("relative_path", f"{source!r} is not an absolute path", hint)
    return source


def uri_of(path: str) -> str:
    """Return the ``file://`` URI of an absolute path; bytes that are not UTF-8 are percent-encoded like others."""
    return "file://" + quote(os.fsencode(path), safe="/!$&'()+,;=:@~")


def _path_of_url(source: str, scheme: re.Match[str]) -> str:
    if scheme[1].lower() != "file":
        hint = "known are file:// URLs and absolute paths"
        raise RequestError("unknown_scheme", f"there is no source for {scheme[1]}: ({source})", hint)
    rest = source[scheme.end() :]
    host, slash, path = rest[2:].partition("/") if rest.startswith("//") else ("", "/", rest.lstrip("/"))
    decoded = os.fsdecode(unquote_to_bytes((slash + path).encode("utf-8", "surrogateescape")))
    if host not in ("", "localhost") or not slash or "\0" in decoded:
        raise RequestError("invalid_source", f"{source} is no path of this host", "write file:///folder/file.md")
    return decoded


def _is_unicode(path: str) -> bool:
    return not re.search("[\ud800-\udfff]", path)


def _entries(path: str) -> Iterator[os.DirEntry[str]]:
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


def _below(path: str, folder: str) -> str | None:
    """Return the path relative to the folder, "" for the folder itself, None if it is not below it."""
    if path == folder:
        return ""
    start = folder.rstrip("/") + "/"
    return path[len(start) :] if path.startswith(start) else None


def _opened(descriptor: int, real: str) -> str:
    """Return the path of the file that was opened."""
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:  # no /proc: see whether it is still where it was
        again = os.path.realpath(real)
        return again if os.path.samestat(os.fstat(descriptor), os.stat(again)) else "/"


def _require_file(status: os.stat_result, uri: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise refusal("not_a_file", uri)
