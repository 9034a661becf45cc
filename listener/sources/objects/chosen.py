"""Which objects below a folder a request wants: a Choice of files and folders, asked for whole paths."""

from __future__ import annotations

from functools import lru_cache

from listener.sources.patterns import Choice

FOLDERS_KEPT = 4096  # of which it is known whether they are entered


class Chosen:
    """As a walk through folders would decide, from the top down; consecutive objects lie close together."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._all = not (choice.glob or choice.include or choice.exclude)
        self._enters = lru_cache(FOLDERS_KEPT)(self._is_entered)

    def takes(self, path: str) -> bool:
        """Tell whether the object at this path is wanted."""
        if self._all:  # but what is hidden: no pattern asks for it
            return not path.startswith(".") and "/." not in path
        folder = path.rpartition("/")[0]
        return (not folder or self._enters(folder)) and self._choice.takes(path)

    def _is_entered(self, folder: str) -> bool:
        at = folder.find("/")
        while at >= 0:  # not recursive: a key can have 500 folders in it
            if not self._choice.descends(folder[:at]):
                return False
            at = folder.find("/", at + 1)
        return self._choice.descends(folder)
