"""In which state a file is, as far as its times tell: what has not changed since it was read is not read again."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import datetime, timezone

YOUNG_SECONDS = 3.0
"""A file that was changed so lately may be changed again without a trace: the times of some file systems have 2 s."""


@dataclass(frozen=True, slots=True)
class FileState:
    """``version``: what is another one when the file was written, replaced or renamed; None while it is young.

    ``modified_at``: the folder's time; None as well, since it tells less.
    """

    version: str | None = None
    modified_at: datetime | None = None


def state_of(status: os.stat_result) -> FileState:
    """Return the state of a file as it was looked at just now, before any of it was read.

    The time of its last change of any kind goes in: tools that copy set the other one back.
    """
    if max(status.st_mtime, status.st_ctime) > time.time() - YOUNG_SECONDS:
        return FileState()
    version = f"{status.st_mtime_ns:x}-{status.st_ctime_ns:x}-{status.st_size:x}"
    return FileState(version, _time(status.st_mtime))


def _time(seconds: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (OverflowError, ValueError, OSError):  # a file system can say anything
        return None
