"""Read local files, never outside the roots, whatever becomes a link, a device or a FIFO meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO

from listener.sources.base import Fetched, Found, too_large
from listener.sources.file_errors import code_of, refusal, require_file
from listener.sources.file_state import FileState, state_of
from listener.sources.folder_roots import FolderRoots
from listener.sources.opening import is_kernels, reopened
from listener.sources.paths import path_of, uri_of


def read(roots: FolderRoots, locator: str, limit: int) -> Fetched:
    """Return a file's content, and its state from before it was read; blocks.

    Raises DocumentError ``empty_document``, ``too_large``, ``not_found``, ``not_a_file``, ``kernel_file``,
    ``unreadable`` or ``outside_roots``.
    """
    path = path_of(locator)
    uri = uri_of(path)
    try:
        data, size, state = _bytes(roots, path, uri, limit)
    except OSError as error:
        raise refusal(code_of(error), uri, error) from None
    if size > limit:
        raise too_large(uri, size, limit)
    if not data:
        raise refusal("empty_document", uri)
    return Fetched(data, version=state.version, modified_at=state.modified_at)


def read_ranges(roots: FolderRoots, locator: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
    """Return parts of a file, each given by start and length, fewer bytes at its end; otherwise like ``read``."""
    path = path_of(locator)
    uri = uri_of(path)
    try:
        with _open(roots, path, uri) as file:
            return [_piece(file, start, length) for start, length in ranges]
    except OSError as error:
        raise refusal(code_of(error), uri, error) from None


def current(roots: FolderRoots, found: Found) -> Found:
    """Return a file as it is now, with its size; its version is another one whenever it was written or replaced."""
    path = path_of(found.locator or found.uri)
    uri = uri_of(path)
    try:
        with _open(roots, path, uri) as file:
            status = os.fstat(file.fileno())
    except OSError as error:
        raise refusal(code_of(error), uri, error) from None
    version = f"{status.st_dev}.{status.st_ino}.{status.st_mtime_ns}.{status.st_ctime_ns}"
    return replace(found, bytes=status.st_size, version=version)


def _piece(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    return file.read(length)


def _bytes(roots: FolderRoots, path: str, uri: str, limit: int) -> tuple[bytes, int, FileState]:
    """Return the content, if it is not too large, the size and the state."""
    with _open(roots, path, uri) as file:
        status = os.fstat(file.fileno())
        size, state = status.st_size, state_of(status)
        if size > limit:
            return b"", size, state
        data = file.read(size + 1)
        if len(data) > size:  # it grows, or does not tell its size
            data += file.read(limit + 1 - len(data))
        return data, len(data), state


@contextmanager
def _open(roots: FolderRoots, path: str, uri: str) -> Iterator[BinaryIO]:
    place, real = roots.open(path)
    try:
        require_file(os.fstat(place), uri)  # before opening it for reading: that can have effects on a device
        if is_kernels(place):
            raise refusal("kernel_file", uri)
        descriptor = reopened(place, real)
    finally:
        os.close(place)
    with os.fdopen(descriptor, "rb") as file:
        yield file
