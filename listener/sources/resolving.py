"""Where a path leads, its links resolved, as text: what is opened then follows no link, see ``opening``."""

# ruff: noqa: PTH115, PTH116 - pathlib doubles what a file costs

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable

MOST_LINKS = 40  # as many as the kernel follows


def resolve(path: str, may_look: Callable[[str], bool]) -> str | None:
    """Return the absolute path of the same place without a link in it; what is not there stays as it is.

    None if ``..`` leads through a place that may not be examined: the result would reveal what is there.
    Raises OSError (ELOOP, ENOTDIR, ENOENT).
    """
    place, links = "", 0
    todo = path.split("/")[::-1]
    while todo:
        part = todo.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not may_look(place or "/"):
                return None
            place = _parent(place)
            continue
        target = _link(f"{place}/{part}")
        if target is None:
            place = f"{place}/{part}"
            continue
        links += 1
        if links > MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        if target.startswith("/"):
            place = ""
        todo += target.split("/")[::-1]
    return place or "/"


def _link(path: str) -> str | None:
    try:
        return os.readlink(path)
    except OSError:  # no link, nothing at all, or not ours to see: to open it will tell
        return None


def _parent(place: str) -> str:
    if place and not stat.S_ISDIR(os.stat(place).st_mode):
        raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), place)
    return place.rpartition("/")[0]
