"""A stretch of a text in runs: where chunks begin and end in it, and what stands in more than one of them.

::

    chunk 0  ──────────────            run │ begins  ends  chunks
    chunk 1          ─────────────      "…" │   0             1
             ▸0      ▸1    ◂0     ◂1    "…" │   1             2      both chunks have it
                                        "…" │          0      1
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from listener.client.stretches import ChunkPlace, Stretch


@dataclass(frozen=True, slots=True)
class TextRun:
    """Text between two borders of chunks.

    ``begins``, ``ends``  chunks that begin with it, and those that ended before it
    ``chunks``            how many have it
    ``newest``            the one of them that began last; None: no chunk has it
    ``aimed``             the one that was asked for has it
    ``on_own_line``       a line begins with it
    """

    text: str
    begins: Sequence[ChunkPlace]
    ends: Sequence[ChunkPlace]
    chunks: int
    newest: int | None
    aimed: bool
    on_own_line: bool


def runs_of(stretch: Stretch, places: Sequence[ChunkPlace], aimed: int | None) -> list[TextRun]:
    """Return the runs of a stretch. ``places``: its chunks, by where they begin; ``aimed``: one that is marked."""
    text = stretch.text or ""
    beginning, ending = _by(places, "start_char"), _by(places, "end_char")
    cuts = sorted(cut for cut in {*beginning, *ending} if stretch.start < cut < stretch.end)
    open_now = {one.ordinal: one for one in places if one.start_char < stretch.start}
    runs: list[TextRun] = []
    for cut, following in zip([stretch.start, *cuts, stretch.end], [*cuts, stretch.end, stretch.end], strict=True):
        for one in ending[cut]:
            open_now.pop(one.ordinal, None)
        open_now |= {one.ordinal: one for one in beginning[cut]}
        newest = max(open_now.values(), key=lambda one: (one.start_char, one.ordinal), default=None)
        place = cut - stretch.start
        runs.append(TextRun(
            text[place : following - stretch.start], beginning[cut], ending[cut], len(open_now),
            newest.ordinal if newest else None, aimed in open_now, place == 0 or text[place - 1] == "\n",
        ))  # fmt: skip
    return runs


def _by(places: Sequence[ChunkPlace], border: Literal["start_char", "end_char"]) -> defaultdict[int, list[ChunkPlace]]:
    found: defaultdict[int, list[ChunkPlace]] = defaultdict(list)
    for one in places:
        found[getattr(one, border)].append(one)
    return found
