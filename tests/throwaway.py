"""Postgres servers that are gone with the tests: their folders, where these lie, and how they are set up.

What they hold need not outlive anything, so they lie in memory where there is enough: a clone of a database is 330
files, which a file system on a disk takes up to ten times as long to make and delete.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path

from listener import embedded

PREFIX = f"ingest-tests-{os.geteuid()}-"
MEMORY = Path("/dev/shm")
ENOUGH_BYTES = 6 * 2**30  # four processes with a server or two each; in a container there are often 64 MB
# A power cut is no concern. A checkpoint for each clone keeps the log short, and memory small.
SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "256MB", "max_prepared_transactions": "4"}


@contextmanager
def throwaway_servers() -> Iterator[Callable[[int], embedded.Server]]:
    """Give what starts a server of a major version when it is first asked for; all end with the block."""
    _remove_leftovers()
    with ExitStack() as folders:

        @cache
        def start(version: int) -> embedded.Server:
            folder = folders.enter_context(throwaway_data_dir(_roomy()))
            return asyncio.run(embedded.start(folder, version=version, settings=SETTINGS))

        yield start


@contextmanager
def throwaway_data_dir(below: Path | None = None) -> Iterator[Path]:
    # Not pytest's tmp_path: that is private to root, too long for sockets, and kept after the run.
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=below))
    if os.geteuid() == 0:
        folder.chmod(0o711)
    try:
        yield folder
    finally:
        _remove(folder)


def _roomy() -> Path | None:
    """Return the folder in memory, unless there is little, or programs can't be run from it."""
    if not os.access(MEMORY, os.W_OK):
        return None
    room = os.statvfs(MEMORY)
    fits = room.f_bavail * room.f_frsize > ENOUGH_BYTES and not room.f_flag & os.ST_NOEXEC
    return MEMORY if fits else None


def _remove_leftovers() -> None:
    """Stop and delete the servers of earlier runs that were killed."""
    for place in (Path(tempfile.gettempdir()), MEMORY):
        for folder in place.glob(f"{PREFIX}*"):
            run = re.match(rf"{PREFIX}(\d+)-", folder.name)
            if run and not Path("/proc", run.group(1)).exists():
                _remove(folder)


def _remove(folder: Path) -> None:
    for home in folder.rglob("alive.lock"):
        asyncio.run(embedded.stop(home.parents[1]))
    with suppress(FileNotFoundError):  # another run may remove what a killed one left, too
        shutil.rmtree(folder)
