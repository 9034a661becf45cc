"""The sections of a Markdown text by their headings, as a tree."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from listener.documents.markdown.fences import Fences
from listener.documents.markdown.headings import read_headings

_INK = re.compile(r"\S")


@dataclass(slots=True)
class Section:
    """A heading with all that is under it; the root is the whole text. ``path`` holds the headings, outermost first."""

    level: int
    start: int
    end: int
    path: tuple[str, ...]
    has_body: bool  # it has its own text, before its first subsection
    children: list[Section] = field(default_factory=list)


def read_sections(text: str) -> tuple[Section, Fences]:
    """Return the tree of sections of a Markdown text, and its fenced code blocks."""
    fences = Fences()
    root = Section(0, 0, len(text), (), has_body=True)
    open_sections = [root]
    body = 0  # where the innermost section's own text begins
    for heading in read_headings(text, fences):
        open_sections[-1].has_body = _INK.search(text, body, heading.start) is not None
        while open_sections[-1].level >= heading.level:
            open_sections.pop().end = heading.start
        parent = open_sections[-1]
        section = Section(heading.level, heading.start, len(text), (*parent.path, heading.title), has_body=True)
        parent.children.append(section)
        open_sections.append(section)
        body = heading.body
    open_sections[-1].has_body = _INK.search(text, body) is not None
    return root, fences
