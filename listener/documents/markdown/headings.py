"""The headings of a Markdown text, and its fenced code blocks, which are passed on the way.

A linear scan of the lines that can matter. Headings are ATX (``## Title``) and setext (underlined); there are none
inside fenced code, comments, ``<pre>``-like HTML and front matter. Quotes and lists are not entered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from listener.documents.markdown.fences import Fences
from listener.documents.markdown.front_matter import end_of_front_matter
from listener.documents.markdown.lists import LIST_ITEM
from listener.documents.markdown.spans import plain

_HEADING_LENGTH = 200  # characters of a heading that are kept in a heading path
_SETEXT_REACH = 400  # characters before an underline in which its heading must begin


class Heading(NamedTuple):
    """A heading from ``start`` to ``body``, where the text under it begins; ``title`` is without marks."""

    level: int
    title: str
    start: int
    body: int


_NOTABLE = (
    r"(?: {0,3}(?:(?P<atx>#{1,6})(?=[ \t\r\n]|\Z)|(?P<fence>`{3,}|~{3,})|(?P<setext>=+|-+)[ \t\r]*(?=\n|\Z)"
    r"|<(?P<html>!--|(?i:pre|script|style|textarea)\b)"
    r"|(?:(?:[-*+]|\d{1,9}[.)])[ \t]{1,4}){1,4}(?P<within>`{3,}|~{3,}))"  # a fence on the first line of a list's item
    r"|(?: {4,16}|\t{1,4})(?P<deep>`{3,}|~{3,}))"  # or on another one
)
_NOTABLE_FIRST_LINE = re.compile(_NOTABLE)
_NOTABLE_LINE = re.compile(r"\n" + _NOTABLE)  # begins with a plain character, which the search can skip to


def read_headings(text: str, fences: Fences) -> Iterator[Heading]:
    """Yield the headings in order and add the fenced blocks that are passed on the way to ``fences``."""
    at = end_of_front_matter(text)
    unclosed: dict[str, int] = {}
    line = None if at else _NOTABLE_FIRST_LINE.match(text)
    while line := line or _NOTABLE_LINE.search(text, at):
        start = line.start() + (text[line.start()] == "\n")
        kind = line.lastgroup
        if kind in ("fence", "within", "deep"):
            at = _end_of_fence(text, start, line, fences, unclosed)
        elif kind == "html":
            at = _end_of_html(text, line)
        elif kind == "atx":
            at = _end_of_line(text, line.end())
            yield Heading(len(line["atx"]), _title(text[line.end() : at]), start, at)
        else:
            paragraph = _paragraph_before(text, start, at)
            at = line.end()
            if paragraph is not None:
                level = 1 if line["setext"][0] == "=" else 2
                yield Heading(level, _title(text[paragraph:start]), paragraph, at)
        line = None


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


_CLOSING = {
    "fence": re.compile(r"\n {0,3}(`{3,}|~{3,})[ \t\r]*(?=\n|\Z)"),
    "within": re.compile(r"\n {0,16}(`{3,}|~{3,})[ \t\r]*(?=\n|\Z)"),
    "deep": re.compile(r"\n(?: {2,16}|\t{1,4})(`{3,}|~{3,})[ \t\r]*(?=\n|\Z)"),
}


def _end_of_fence(text: str, start: int, opening: re.Match[str], fences: Fences, unclosed: dict[str, int]) -> int:
    """Return where a fenced block ends. One that may be indented code is one only if it is closed.

    ``unclosed``: from which length on marks of a kind were found to close nothing in the rest of the text.
    """
    kind = str(opening.lastgroup)
    mark, at = opening[kind], _end_of_line(text, opening.end())
    if mark[0] == "`" and text.find("`", opening.end(), at) >= 0:
        return at  # code in a paragraph
    if kind == "deep" and len(mark) >= unclosed.get(mark[0], len(text)):
        return at
    closing = (m for m in _CLOSING[kind].finditer(text, at) if m[1][0] == mark[0] and len(m[1]) >= len(mark))
    end = next((match.end() for match in closing), None)
    if end is None and kind == "deep":
        unclosed[mark[0]] = len(mark)
        return at
    fences.starts.append(start)
    fences.ends.append(len(text) if end is None else end)
    return fences.ends[-1]


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
    """Return where the paragraph that a setext underline makes a heading begins, or None if it is not a heading."""
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


def _title(source: str) -> str:
    """Return a heading without its markup, on one line."""
    return plain(source[: 5 * _HEADING_LENGTH])[:_HEADING_LENGTH].rstrip()
