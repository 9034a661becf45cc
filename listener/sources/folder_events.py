"""What the kernel tells of changes in folders (inotify, through watchfiles): one watcher for all folders of a listener.

A user has few watchers (128, often), and each folder in one counts. Folders are not watched with all below them: where
links lead is looked up by ``Survey``, never outside of the roots, and their number has a limit.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence

from watchfiles._rust_notify import RustNotify

log = logging.getLogger(__name__)

LONGEST_MS = 400  # continuous changes are reported after this time,
QUIET_MS = 80  # others when nothing more has changed for this time
LOOK_MS = 2000

Tell = Callable[[Sequence[str] | None], None]
"""Told of paths; of None, that the watcher has ended: a name that is no UTF-8 breaks it."""


class FolderEvents:
    """Reports paths that changed in some folders, from its own thread, until it is closed."""

    def __init__(self, folders: Iterable[str], tell: Tell) -> None:
        """Begin. Blocks. Raises OSError: a folder is not there, or the system's limits are exhausted."""
        try:
            # Not recursive, no polling, and unreadable folders are ignored.
            self._notify = RustNotify(list(folders), False, False, 0, False, True)
        except RuntimeError as error:  # what it does not know
            raise OSError(str(error)) from error
        self._tell = tell
        self._closed = threading.Event()
        threading.Thread(target=self._run, name="ingest folder events", daemon=True).start()

    def close(self) -> None:
        """Stop reporting."""
        self._closed.set()

    def _run(self) -> None:
        while True:
            try:
                told = self._notify.watch(LONGEST_MS, QUIET_MS, LOOK_MS, self._closed)
            except RuntimeError as error:
                log.debug("the watcher of folders ended: %s", error)
                if not self._closed.is_set():
                    self._tell(None)
                told = "stop"
            if told == "stop" or self._closed.is_set():
                self._notify.close()
                return
            if not isinstance(told, str):
                self._tell([path for _, path in told])
