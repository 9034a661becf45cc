"""The result for an archive in a look at its source: opened and listed, or left unopened since it has not changed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ArchiveLook:
    """An archive by its ``uri``, in the ``state`` that its source reported.

    ``members``: how many documents were found in it, with none left out; None: it was not opened, since all that is in
    it is unchanged since it was in this very state.
    """

    uri: str
    state: str
    members: int | None
