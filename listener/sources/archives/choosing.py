"""Which members of archives a request wants: the part after ``#``, and ``include`` and ``exclude``."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from listener.sources.archives.members import Raw, innocent
from listener.sources.matching import Matches, compile_path
from listener.sources.options import RequestOptions
from listener.sources.patterns import Choice, choose_below, split_magic


@dataclass(slots=True)
class MemberWish:
    """The wanted part of archives: ``exactly`` a member or folder, if it exists, otherwise the matches of a glob."""

    exactly: str
    base: str
    glob: Matches | None
    choice: Choice
    met: bool = False  # whether anything lies where it should

    @classmethod
    def of(cls, inside: str | None, options: RequestOptions) -> MemberWish:
        """Raise RequestError ``invalid_option`` for invalid patterns."""
        base, glob = split_magic(inside or "")
        choice = choose_below(glob, options)
        return cls(inside or "", "" if base == "/" else base, compile_path("/" + glob) if glob else None, choice)

    def taking(self, archive: str, *, itself: bool, has: Callable[[Raw], bool]) -> Callable[[Raw], bool]:
        """Return what tells whether a member of one archive is wanted, by its name.

        ``archive`` is its path below the source, ``itself``: it is the source. Then paths begin where the source ends.
        """
        exactly = os.fsencode(self.exactly)
        if exactly and has(exactly):
            return lambda name: name == exactly and self._note()
        folder = f"{self.base}/" if self.base else ""

        def takes(name: Raw) -> bool:
            member = os.fsdecode(innocent(name))
            if not member.startswith(folder):
                return False
            rest = member[len(folder) :]
            if self.glob and not self.glob(rest):
                return False
            self._note()
            return self.choice.takes_member("" if itself else archive, rest if itself else member)

        return takes

    def _note(self) -> bool:
        self.met = True
        return True
