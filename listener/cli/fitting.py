"""Lines that fit a width: texts cut in their middle, ages in a word, columns, reasons wrapped below.

A line is a list of pieces, each with a style of rich's or none; ``Output.pieces`` writes it.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from datetime import timedelta
from unicodedata import combining, east_asian_width
from uuid import UUID

from listener.logs.visible import on_one_line

Piece = tuple[str, str]
Line = list[Piece]

LEAST_WIDTH = 40
LEAST_LAST = 16
SHORT_ID = 8
WORD_AND_SPACES = re.compile(r" +|[^ ]+ *")
_UNITS = ((365 * 86400, "y"), (86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def short(request: UUID) -> str:
    """Return the beginning of an id, which every verb takes."""
    return str(request)[:SHORT_ID]


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(one) else 2 if east_asian_width(one) in "WF" else 1 for one in text)


def cut_in_middle(text: str, width: int) -> str:
    """Return ``text`` on one line, with ``…`` for its middle if it is wider: of a path, both ends tell something."""
    text = on_one_line(text)
    if width_of(text) <= width:
        return text
    tail = (width - 1) * 3 // 5
    return _begin(text, width - 1 - tail) + "…" + _begin(text[::-1], tail)[::-1]


def cut(text: str, width: int) -> str:
    """Return ``text`` on one line, with ``…`` for its end if it is wider."""
    text = on_one_line(text)
    return text if width_of(text) <= width else _begin(text, width - 1) + "…"


def _begin(text: str, width: int) -> str:
    used = 0
    for place, one in enumerate(text):
        used += width_of(one)
        if used > width:
            return text[:place]
    return text


def in_a_word(time: timedelta | None) -> str:
    """Return ``45 s``, ``12 min``, ``3 h`` or ``5 d``, rounded down; of what takes less than ten seconds, ``1.2 s``."""
    if time is None:
        return ""
    seconds = max(time.total_seconds(), 0.0)
    if seconds < 10:
        return f"{seconds:.1f} s"
    size, unit = next((size, unit) for size, unit in _UNITS if seconds >= size)
    return f"{int(seconds // size)} {unit}"


def columns(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int,
    styles: Sequence[str],
    *,
    whole: bool = False,
) -> tuple[Line, list[list[Line]]]:
    """Return a line of headings, and for each row its lines: one, or two where the others leave its last cell no room.

    The last cell is cut in its middle; ``whole``: it continues on further lines, since a name is typed as shown.
    ``styles``: of each row's second cell, which says how it is.
    """
    cells = [[on_one_line(cell) for cell in row] for row in rows]
    wide = [max(map(width_of, column)) for column in zip(headings, *cells, strict=True)][:-1]
    left = width - sum(wide) - 2 * len(wide)
    made: list[list[Line]] = []
    for row, style in zip(cells, styles, strict=True):
        if whole and width_of(row[-1]) > max(left, 0):
            made.append([_line([*row[:-1], ""], wide, style), *below([row[-1]], width, 2)])
        elif left >= LEAST_LAST:
            made.append([_line([*row[:-1], cut_in_middle(row[-1], left)], wide, style)])
        else:
            last = cut_in_middle(row[-1], max(width - wide[0] - 2, LEAST_LAST))
            made.append([_line([*row[:-1], ""], wide, style), [(" " * (wide[0] + 2) + last, "")]])
    return [(text, "dim") for text, _ in _line(headings, wide, "")], made


def _line(row: Sequence[str], wide: Sequence[int], style: str) -> Line:
    padded = [cell + " " * (most - width_of(cell) + 2) for cell, most in zip(row, wide, strict=False)]
    return [(cell, style if place == 1 else "") for place, cell in enumerate([*padded, row[-1]])]


def wrapped(pieces: Line, width: int) -> list[Line]:
    """Return a line as several that are no wider, broken at spaces. Words that are wider stay whole."""
    lines: list[Line] = [[]]
    room = max(width, LEAST_WIDTH)
    left = room
    for text, style in pieces:
        for word in _words(text):
            if width_of(word.rstrip()) > left and left < room:
                lines.append([])
                left = room
            lines[-1].append((word, style))
            left -= width_of(word)
    return [_joined(line) for line in lines]


def _words(text: str) -> list[str]:
    """Return a text's words, each with the spaces after it."""
    return WORD_AND_SPACES.findall(text)


def _joined(line: Line) -> Line:
    """Return a line with neighbours of one style as one piece, and no space at its end."""
    made: Line = []
    for text, style in line:
        if made and made[-1][1] == style:
            made[-1] = (made[-1][0] + text, style)
        else:
            made.append((text, style))
    if made:
        made[-1] = (made[-1][0].rstrip(" "), made[-1][1])
    return made


def below(texts: Iterable[str], width: int, indent: int, style: str = "") -> list[Line]:
    """Return texts below a line, wrapped and indented."""
    room = max(width, LEAST_WIDTH) - indent
    lines = [line for text in texts for line in textwrap.wrap(on_one_line(text), room, break_on_hyphens=False)]
    return [[(" " * indent, ""), (line, style)] for line in lines]
