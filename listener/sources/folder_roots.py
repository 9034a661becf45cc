"""The folders that a listener may read, and what lies in them, links resolved."""

# ruff: noqa: PTH100, PTH116, PTH118 - pathlib doubles what a file costs (62 instead of 33 µs) and drops slashes

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from listener.errors import RequestError
from listener.sources.file_errors import code_of
from listener.sources.paths import below


class FolderRoots:
    """Folders by the names that they were configured with."""

    def __init__(self, roots: Sequence[Path | str]) -> None:
        self.names = [os.path.abspath(root) for root in roots]

    def split(self, real: str) -> tuple[str, str] | None:
        """Return the root as configured and the path below it, for a resolved path; None if it is outside of all."""
        for root in self.names:
            # What is resolved and below the root's own name: then the name has no link in it.
            rest = below(real, root)
            if rest is None:
                rest = below(real, os.path.realpath(root))
            if rest is not None:
                return root, rest
        return None

    def hold(self, path: str) -> bool:
        """Tell whether a path, links resolved, is below a root."""
        return self.split(os.path.realpath(path)) is not None

    def name_of(self, path: str) -> str:
        """Return the path below its root as configured; a link keeps its own name."""
        folder, name = os.path.split(path.rstrip("/"))
        split = self.split(os.path.realpath(folder)) if name not in (".", "..") else None
        root, rest = split or self.split(os.path.realpath(path)) or ("/", path)
        return os.path.normpath(os.path.join(root, rest, name if split else ""))

    def name_of_folder(self, real: str) -> str:
        """Return a resolved folder below its root as configured."""
        root, rest = self.split(real) or ("/", real)
        return os.path.normpath(os.path.join(root, rest))

    def mode_of(self, path: str, source: str) -> int:
        """Return what kind of thing a source is, if it is below a root; outside, not even whether it exists.

        Raises RequestError ``outside_roots``, ``not_found``, ``not_a_file`` or ``unreadable``.
        """
        try:
            if self.hold(path):
                return os.stat(path).st_mode
        except OSError as error:
            message = f"{source} can't be opened: {error.strerror}"
            raise RequestError(code_of(error), message, "check the path on the listener's host") from None
        roots = ", ".join(self.names) or "none is set"
        hint = "add the folder to INGEST_FILE_ROOTS of the listeners that can see it"
        raise RequestError("outside_roots", f"{source} is not below a root of this listener ({roots})", hint)
