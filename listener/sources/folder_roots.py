"""The folders that a listener may read, and what lies in them, links resolved.

Nothing is opened but below a root. A path is resolved first, as text; the place that comes out is opened without a link
(``opening``). So a link that leads to a place below a root works, and one swapped in meanwhile does not.
"""

# ruff: noqa: PTH116, PTH118 - pathlib doubles what a file costs (62 instead of 33 µs) and drops slashes

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from listener.errors import OperatorError, RequestError
from listener.sources.file_errors import code_of
from listener.sources.opening import LINK_ERRORS, PLACE, is_kernels, open_linkless
from listener.sources.paths import below
from listener.sources.resolving import resolve

SYSTEM = ("/proc", "/sys", "/dev")
TRIES = 3  # where links are changed while we look


@dataclass(frozen=True, slots=True)
class Root:
    """A folder by its configured ``name``, and the place that this meant at the start.

    A name without a link in it means the same place for ever. One with a link (``current``) is resolved each time:
    whoever may change that was given the choice.
    """

    name: str
    linked: bool

    @classmethod
    def of(cls, folder: Path | str) -> Root:
        """Return the root of a folder that may be one; raises OperatorError ``wrong_setting``."""
        name = _absolute(str(folder))
        real = os.path.realpath(name)
        if problem := _problem(name, real):
            hint = "Name the folders that hold your documents in INGEST_ROOTS, such as /srv/docs."
            raise OperatorError("wrong_setting", f"the root {folder}: {problem}", hint)
        return cls(name, linked=real != name)

    def place(self) -> str | None:
        """Return where the folder lies, links resolved; None if its link leads to what may be no root."""
        if not self.linked:
            return self.name
        real = os.path.realpath(self.name)
        return None if _problem(self.name, real) else real


class FolderRoots:
    """Folders by the names that they were configured with; raises OperatorError ``wrong_setting``."""

    def __init__(self, roots: Sequence[Path | str]) -> None:
        self._roots = [Root.of(root) for root in roots]
        self.names = [root.name for root in self._roots]

    def split(self, real: str) -> tuple[str, str] | None:
        """Return the root as configured and the path below it, for a resolved path; None if it is outside of all."""
        for root in self._roots:
            # What is resolved and below the root's own name: then the name has no link in it.
            rest = below(real, root.name)
            if rest is None and root.linked and (place := root.place()):
                rest = below(real, place)
            if rest is not None:
                return root.name, rest
        return None

    def resolved(self, path: str) -> str | None:
        """Return a path without links if it is below a root, otherwise None; raises OSError."""
        real = resolve(path, self._may_look)
        return real if real is not None and self.split(real) is not None else None

    def open(self, path: str, flags: int = PLACE) -> tuple[int, str]:
        """Open what a path leads to, links resolved; return the descriptor and the resolved path.

        Raises OSError, EXDEV if it leads out of the roots.
        """
        if (plain := _plain(path)) and self.split(plain):
            with suppress(OSError):  # whatever it is, it is looked at more closely then
                return open_linkless(plain, flags), plain
        for more in reversed(range(TRIES)):
            real = self.resolved(path)
            if real is None:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)
            try:
                return open_linkless(real, flags), real
            except OSError as error:
                if not more or error.errno not in LINK_ERRORS:
                    raise
        raise AssertionError

    def name_of(self, path: str, real: str) -> str:
        """Return the path below its root as configured, given what it leads to; a link keeps its own name."""
        folder, name = os.path.split(path.rstrip("/"))
        place = None
        with suppress(OSError):  # it was changed since
            place = self.resolved(folder) if name not in (".", "..") else None
        return self.name_of_folder(place) + f"/{name}" if place else self.name_of_folder(real)

    def name_of_folder(self, real: str) -> str:
        """Return a resolved path below its root as configured."""
        root, rest = self.split(real) or ("/", real)
        return os.path.normpath(os.path.join(root, rest))

    def look(self, path: str, source: str) -> tuple[os.stat_result, str]:
        """Return what kind of thing a source is, and its resolved path; outside, not even whether it exists.

        Raises RequestError ``outside_roots``, ``not_found``, ``not_a_file`` or ``unreadable``.
        """
        try:
            descriptor, real = self.open(path)
        except OSError as error:
            if (code := code_of(error)) == "outside_roots":
                raise self._outside(source) from None
            message = f"{source} can't be opened: {error.strerror}"
            raise RequestError(code, message, "check the path on the listener's host") from None
        try:
            return os.fstat(descriptor), real
        finally:
            os.close(descriptor)

    def _outside(self, source: str) -> RequestError:
        roots = ", ".join(self.names) or "none is set"
        hint = "add the folder to INGEST_ROOTS of the listeners that can see it"
        return RequestError("outside_roots", f"{source} is not below a root of this listener ({roots})", hint)

    def _may_look(self, place: str) -> bool:
        """Tell whether a place is below a root or above one: then to take ``..`` there tells nothing new."""
        known = {*self.names, *(root.place() or root.name for root in self._roots if root.linked)}
        return any(below(place, root) is not None or below(root, place) is not None for root in known)


def unreadable(folder: str) -> str | None:
    """Return why a root can't be read now; None: it can."""
    if not os.path.lexists(folder):
        return "is not there"
    if not os.path.isdir(folder):  # noqa: PTH112 - as above
        return "is not a folder"
    return None if os.access(folder, os.R_OK | os.X_OK) else "can't be read by this user"


def _plain(path: str) -> str | None:
    """Return a path without what means nothing in it; None if it has ``..`` in it."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return None if ".." in parts else "/" + "/".join(parts)


def _absolute(folder: str) -> str:
    """Return the folder's absolute name with one slash at its start: two would be kept, and mean the same."""
    return "/" + os.path.abspath(folder).lstrip("/")  # noqa: PTH100 - as above


def _problem(name: str, real: str) -> str | None:
    """Return why a folder, as it is called and links resolved, can't be a root."""
    places = {name, real}
    if "/" in places or _is_top(real):
        return "the whole file system can't be a root"
    if system := [one for one in SYSTEM if any(below(place, one) is not None for place in places)]:
        return f"what lies in {system[0]} belongs to the system and can't be a root"
    return "it is a kernel file system, which can't be a root" if _is_kernels(real) else None


def _is_top(place: str) -> bool:
    try:
        return os.path.samestat(os.stat(place), os.stat("/"))
    except OSError:
        return False


def _is_kernels(place: str) -> bool:
    try:
        descriptor = open_linkless(place, PLACE)
    except OSError:
        return False
    try:
        return is_kernels(descriptor)
    finally:
        os.close(descriptor)
