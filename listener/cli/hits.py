"""Search hits for people: where a hit is, how it was found, and its matching words highlighted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from listener.cli.fitting import Line, cut_in_middle, wrapped
from listener.cli.output import Output
from listener.logs.visible import as_read, on_one_line

if TYPE_CHECKING:
    from listener.client import Hit

MOST_CHARACTERS, MOST_LINES = 600, 12
NO_LIMIT = 10**9  # columns: what is piped is not wrapped
BEFORE = 120  # characters shown before the first match, if that comes late
INDENT = "    "
LINE_ENDS = re.compile(r"\r\n|[\n\r\v\f\x85\u2028\u2029]")

Pieces = Sequence[tuple[str, bool]]


def write_hits(hits: Sequence[Hit], marked: Sequence[Pieces], output: Output) -> None:
    """Write hits, best first; ``marked``: the text of each in pieces, with whether the search looked for it."""
    if not hits:
        output.line("nothing found")
    several = len({hit.collection for hit in hits}) > 1
    for number, (hit, pieces) in enumerate(zip(hits, marked, strict=True), 1):
        if number > 1:
            output.line()
        width = output.width if output.terminal else NO_LIMIT
        output.line(cut_in_middle(f"{number}. {hit.title or hit.uri}", width), "bold")
        if hit.title:
            output.line(f"{INDENT}{cut_in_middle(hit.uri, width - len(INDENT))}")
        for line in [
            *wrapped([(_about(hit, several), "dim")], width - len(INDENT)),
            *_excerpt(pieces, width - len(INDENT)),
        ]:
            output.pieces([(INDENT, ""), *line])


def _about(hit: Hit, several: bool) -> str:
    """Return ``Install > Linux · page 3 · chunk 7 · found by words (place 1) and meaning (place 4) · score 0.0318``.

    With hits of ``several`` collections, each hit's collection comes first.
    """
    path = hit.metadata.get("heading_path")
    headings = " > ".join(map(str, path)) if isinstance(path, list) else ""
    where = f"collection {hit.collection}" if several else ""
    return " · ".join(
        filter(None, [where, headings, _pages(hit), f"chunk {hit.ordinal}", found_by(hit), f"score {hit.score:.4f}"])
    )


def _pages(hit: Hit) -> str:
    first, last = hit.metadata.get("page"), hit.metadata.get("last_page")
    if not isinstance(first, int):
        return ""
    return f"pages {first}–{last}" if isinstance(last, int) and last > first else f"page {first}"


def found_by(hit: Hit) -> str:
    """Return ``found by words (place 1) and meaning (place 4)``."""
    ways = (("words", hit.words_place), ("meaning", hit.vector_place))
    found = "found by " + " and ".join(f"{way} (place {place})" for way, place in ways if place is not None)
    return found + (", re-ranked" if hit.by == "reranked" else "")


def _excerpt(pieces: Pieces, width: int) -> list[Line]:
    """Return the lines of a text around the first word that was looked for, those words marked."""
    lines = [part for line in _lines(around_match(pieces)) for part in wrapped(line, width)]
    more = len(lines) > MOST_LINES
    return [*lines[:MOST_LINES], *([[("…", "dim")]] if more else [])]


def around_match(pieces: Pieces) -> list[tuple[str, bool]]:
    """Return the part of a text around the first word that was looked for."""
    text = "".join(piece for piece, _ in pieces)
    first, place = 0, 0
    for piece, is_word in pieces:
        if is_word:
            first = place
            break
        place += len(piece)
    start = _start(text, first) if first > MOST_CHARACTERS - BEFORE else 0
    end = start + MOST_CHARACTERS
    if end < len(text):
        end = max(text.rfind(" ", start + BEFORE, end), text.rfind("\n", start + BEFORE, end), start + BEFORE)
    kept = list(_slice(pieces, start, end))
    return [*([("…", False)] if start else []), *kept, *([("…", False)] if end < len(text) else [])]


def _start(text: str, first: int) -> int:
    """Return where a line, or otherwise a word, begins before a match."""
    earliest = first - BEFORE
    line = text.find("\n", earliest, first)
    word = text.find(" ", earliest, first)
    return next((place + 1 for place in (line, word) if place >= 0), first)


def _slice(pieces: Pieces, start: int, end: int) -> Iterable[tuple[str, bool]]:
    place = 0
    for piece, is_word in pieces:
        part = piece[max(start - place, 0) : max(end - place, 0)]
        place += len(piece)
        if part:
            yield part, is_word


def _lines(pieces: Iterable[tuple[str, bool]]) -> list[Line]:
    """Return pieces as lines, without consecutive empty ones."""
    lines: list[Line] = [[]]
    for piece, is_word in pieces:
        first, *others = LINE_ENDS.split(as_read(piece).replace("\t", "    "))
        lines[-1].append((on_one_line(first), "match" if is_word else ""))
        lines += [[(on_one_line(other), "match" if is_word else "")] for other in others]
    said = [[one for one in line if one[0]] for line in lines]
    kept = [line for line, before in zip(said, [[], *said], strict=False) if line or before]
    while kept and not kept[-1]:
        kept.pop()
    return kept
