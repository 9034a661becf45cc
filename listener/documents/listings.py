"""Blocks of code in reStructuredText, AsciiDoc and Org, which say their language in their first line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from listener.documents.drawn_tables import end_of_block
from listener.documents.markdown.fences import Fences

DIRECTIVE = re.compile(r"^(?P<indent>[ \t]*)\.\. (?:code-block|code|sourcecode)::", re.MULTILINE)
SOURCE = re.compile(r"^\[(?:source|,)[^\]\n]*\][ \t\r]*\n(?:\.[^\n]*\n)?(?P<mark>-{4,100})[ \t\r]*$", re.MULTILINE)
MARK = re.compile(r"^-{4,100}(?=[ \t\r]*$)", re.MULTILINE)
BEGIN = re.compile(r"^[ \t]*#\+begin_src\b", re.MULTILINE | re.IGNORECASE)
END = re.compile(r"^[ \t]*#\+end_src\b", re.MULTILINE | re.IGNORECASE)


def read_listings(text: str, kind: str) -> Fences:
    """Return where the blocks of code of a text of this media type lie."""
    fences = Fences()
    for start, end in _READERS[kind](text) if kind in _READERS else ():
        if not fences.ends or start >= fences.ends[-1]:
            fences.starts.append(start)
            fences.ends.append(end)
    return fences


def _directives(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    while found := DIRECTIVE.search(text, at):
        at = end_of_block(text, found.end(), len(found["indent"]))
        yield found.start(), at


def _sources(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    while found := SOURCE.search(text, at):
        marks = (mark for mark in MARK.finditer(text, found.end()) if mark[0] == found["mark"])
        closing = next(marks, None)
        at = closing.end() if closing else len(text)
        yield found.start(), at


def _org(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    while found := BEGIN.search(text, at):
        closing = END.search(text, found.end())
        at = closing.end() if closing else len(text)
        yield found.start(), at


_READERS: dict[str, Callable[[str], Iterator[tuple[int, int]]]] = {
    "text/x-rst": _directives, "text/x-asciidoc": _sources, "text/x-org": _org,
}  # fmt: skip
