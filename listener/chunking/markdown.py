"""Read what a Markdown text is made of, as far as cutting it needs: its sections by heading, its fenced code blocks.

A linear scan of the lines that can matter. Headings are ATX (``## Title``) and setext (underlined); there are none
inside fenced code, comments, ``<pre>``-like HTML and front matter. Quotes and lists are not entered.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

LIST_ITEM = r"(?:[-*+]|\d{1,9}[.)])[ \t]"
"""How an item of a list begins (as part of a regular expression)."""

_HEADING_LENGTH = 200  # characters of a heading that are kept in a heading path
_SETEXT_REACH = 400  # characters before an underline in which its heading must begin


@dataclass(slots=True)
class Section:
    """A heading with all that is under it; the root is the whole text. ``path`` holds the headings, outermost first."""

    level: int
    start: int
    end: int
    path: tuple[str, ...]
    has_body: bool  # text of its own, before its first subsection
    children: list[Section] = field(default_factory=list)


@dataclass(slots=True)
class Fences:
    """Where the fenced code blocks begin and end, in order."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def adjust(self, places: Sequence[int], low: int, high: int) -> list[int]:
        """Return the places that lie in no fenced block, and the ends of such blocks from ``low`` to ``high``."""
        if not self.starts:
            return list(places)
        kept = {at for at in places if not self._inside(at)}
        for edges in (self.starts, self.ends):
            kept.update(edges[bisect_left(edges, low) : bisect_right(edges, high)])
        return sorted(kept)

    def _inside(self, at: int) -> bool:
        last = bisect_left(self.starts, at) - 1
        return last >= 0 and at < self.ends[last]


def read_sections(text: str) -> tuple[Section, Fences]:
    """Return the tree of sections of a Markdown text, and its fenced code blocks."""
    fences = Fences()
    root = Section(0, 0, len(text), (), has_body=True)
    open_sections = [root]
    body = 0  # where the innermost section's own text begins
    for heading in _headings(text, fences):
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


class _Heading(NamedTuple):
    level: int
    title: str
    start: int
    body: int


_INK = re.compile(r"\S")
_FRONT_MATTER = re.compile(r"---[ \t\r]*\n.*?\n(?:---|\.\.\.)[ \t\r]*(?=\n|\Z)", re.DOTALL)
_NOTABLE = (
    r" {0,3}(?:(?P<atx>#{1,6})(?=[ \t\r\n]|\Z)|(?P<fence>`{3,}|~{3,})|(?P<setext>=+|-+)[ \t\r]*(?=\n|\Z)"
    r"|<(?P<html>!--|(?i:pre|script|style|textarea)\b))"
)
_NOTABLE_FIRST_LINE = re.compile(_NOTABLE)
_NOTABLE_LINE = re.compile(r"\n" + _NOTABLE)  # begins with a plain character, which the search can skip to


def _headings(text: str, fences: Fences) -> Iterator[_Heading]:
    """Yield the headings in order and add the fenced blocks that are passed on the way to ``fences``."""
    front = _FRONT_MATTER.match(text)
    at = front.end() if front else 0
    line = None if front else _NOTABLE_FIRST_LINE.match(text)
    while line := line or _NOTABLE_LINE.search(text, at):
        start = line.start() + (text[line.start()] == "\n")
        kind = line.lastgroup
        if kind == "fence":
            at = _end_of_fence(text, start, line, fences)
        elif kind == "html":
            at = _end_of_html(text, line)
        elif kind == "atx":
            at = _end_of_line(text, line.end())
            yield _Heading(len(line["atx"]), _title(text[line.end() : at]), start, at)
        else:
            paragraph = _paragraph_before(text, start, at)
            at = line.end()
            if paragraph is not None:
                level = 1 if line["setext"][0] == "=" else 2
                yield _Heading(level, _title(text[paragraph:start]), paragraph, at)
        line = None


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


_CLOSING_FENCE = re.compile(r"\n {0,3}(`{3,}|~{3,})[ \t\r]*(?=\n|\Z)")


def _end_of_fence(text: str, start: int, opening: re.Match[str], fences: Fences) -> int:
    mark = opening["fence"]
    at = _end_of_line(text, opening.end())
    if mark[0] == "`" and text.find("`", opening.end(), at) >= 0:
        return at  # code in a paragraph
    closing = (m for m in _CLOSING_FENCE.finditer(text, at) if m[1][0] == mark[0] and len(m[1]) >= len(mark))
    end = next((match.end() for match in closing), len(text))
    fences.starts.append(start)
    fences.ends.append(end)
    return end


_CLOSING_TAGS = {
    "!--": re.compile("-->"),
    "pre": re.compile("</pre>", re.IGNORECASE),
    "script": re.compile("</script>", re.IGNORECASE),
    "style": re.compile("</style>", re.IGNORECASE),
    "textarea": re.compile("</textarea>", re.IGNORECASE),
}


def _end_of_html(text: str, opening: re.Match[str]) -> int:
    tag = opening["html"].lower()
    closing = _CLOSING_TAGS[tag].search(text, opening.end())
    return closing.end() if closing else len(text)


_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")
_NOT_A_PARAGRAPH = re.compile(rf"^(?: {{4}}|\t| {{0,3}}(?:{LIST_ITEM}|>|\||#{{1,6}}[ \t]))", re.MULTILINE)


def _paragraph_before(text: str, underline: int, after: int) -> int | None:
    """Return where the paragraph that a setext underline makes a heading begins, or None if it is no heading."""
    first = max(after, underline - _SETEXT_REACH)
    before = text[first:underline]
    blank = [match.end() for match in _BLANK_LINE.finditer(before)]
    begin = blank[-1] if blank else 0
    paragraph = before[begin:]
    if not paragraph.strip() or _NOT_A_PARAGRAPH.search(paragraph):
        return None
    if begin == 0 and first > after and text[first - 1] != "\n":
        return None  # longer than any heading
    return first + begin + len(paragraph) - len(paragraph.lstrip())


_CLOSING_MARKS = re.compile(r"(?:^|[ \t])#+$")
_ATTRIBUTES = re.compile(r" ?\{[#.:][^{}]*\}$")
_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_MARKS = re.compile(r"`+|\*\*|(?<!\w)\*(?=\S)|(?<=\S)\*(?!\w)|~~|\\(?=[^\w\s])")


def _title(source: str) -> str:
    """Return a heading without its markup, on one line."""
    title = " ".join(source[: 5 * _HEADING_LENGTH].split())
    title = _ATTRIBUTES.sub("", _CLOSING_MARKS.sub("", title))
    title = _MARKS.sub("", _TAG.sub("", _LINK.sub(r"\1", title)))
    return title.strip()[:_HEADING_LENGTH].rstrip()


_ITEM = re.compile(LIST_ITEM)


def continues_list(text: str, at: int) -> bool:
    """Tell whether an item of a list begins at ``at`` and the line before the empty lines belongs to the list too."""
    if not _ITEM.match(text, at):
        return False
    before = text[max(0, at - 300) : at].rstrip()
    line = before[before.rfind("\n") + 1 :]
    return line[:1].isspace() or _ITEM.match(line) is not None
