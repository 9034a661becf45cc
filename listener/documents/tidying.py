"""Markdown as the document parser writes it, tidied for search: no escapes, link targets, image marks, rows of dots."""

from __future__ import annotations

import re
from collections.abc import Callable
from unicodedata import normalize

from listener.documents import cells

FENCE = re.compile(r"^ {0,3}(```|~~~)")
TARGET = r"\((?=[A-Za-z][A-Za-z0-9+.-]*:|#|\.{0,2}/|[\w./-]+?\.x?htm)(?:[^()\s]|\([^()\s]*\))+\)"
NOISE = re.compile(
    r"(?P<code>(?<![\\`])`[^`\n]+`)"  # stays as it is
    r"|\\(?P<escaped>[\\<>~!&.#+-])"  # what it escapes; LaTeX's \( and \[ stand so in the text
    r"|!\[[^\]\n]{0,200}\]\([^()\n]{0,500}\)"
    rf"|\[(?P<link>[^\[\]\n]*)\]{TARGET}"
    r"|\[cmt:\d+\]"
    r"|(?P<leader>(?: ?\.){6,})"  # of a table of contents
)
BLANKS = re.compile(r"\n(?:[ \t]*\n){2,}")
BULLETS = {"\uf0b7": "•", "\uf0a7": "•", "\uf0d8": "•", "\uf0fc": "•"}  # of symbol fonts
# Letters as old PDFs store them, by their shape at that place in the word (Arabic) or joined (ﬁ): nobody types these.
SHAPES = (*range(0xFB00, 0xFB07), *range(0xFB50, 0xFE00), *range(0xFE70, 0xFEFD))
LETTERS = str.maketrans(BULLETS | {chr(shape): normalize("NFKC", chr(shape)).lstrip(" ") for shape in SHAPES})
# At the beginning, the escape keeps a line from being a heading, a list, a quote or code; ``-g`` is none of them.
FORMS = re.compile(r"^(\s*)\\(?=>|#{1,6}(?:\s|$)|[+-](?:\s|$)|[=-]+\s*$|~~~)")
UNDERLINED = re.compile(  # words, and parts of words at one end
    r"(?<!\w)__(?=[^\s_])(?P<inner>[^_\n]*[^\s_])__(?!_)|(?<!_)__(?=[^\s_])(?P<end>[^_\n]*[^\s_])__(?!\w)"
)
HIGHLIGHTED = re.compile(r"(?<![\w=])==(?=[^\s=])([^=\n]*[^\s=])==(?![\w=])")
CELL_MARK = re.compile(r"\\</?u\\>")
PYTHON = frozenset(dir(type) + dir(int) + dir(list)) | {f"__{name}__" for name in ("main", "file", "all", "version")}


def tidy(markdown: str) -> str:
    """Return the text without noise, code blocks as they are."""
    return _by_line(markdown, _tidied)


def trimmed(markdown: str) -> str:
    """Return the text of a reader that escapes nothing: only its tables and blank lines are tidied."""
    return _by_line(markdown, str)


def _by_line(markdown: str, tidied: Callable[[str], str]) -> str:
    kept: list[str] = []
    table: list[str] = []
    fence = ""
    for line in [*letters(markdown).split("\n"), ""]:
        mark = FENCE.match(line)
        if line.startswith("|") and not fence:
            table.append(tidied(line))
            continue
        if table:
            kept += cells.trimmed(table)
            table = []
        kept.append(line if mark or fence else tidied(line))
        if mark:
            fence = ("" if fence == mark[1] else fence) if fence else mark[1]
    return BLANKS.sub("\n\n", "\n".join(kept)).strip("\n")


def letters(text: str) -> str:
    """Return the text with the letters that people write in place of their shapes."""
    return text if text.isascii() else text.translate(LETTERS)


def unmarked(markdown: str) -> str:
    """Return the text without the marks of what is underlined or highlighted, which Markdown does not have."""
    plain = UNDERLINED.sub(lambda found: found[0] if found[0] in PYTHON else found["inner"] or found["end"], markdown)
    return CELL_MARK.sub("", HIGHLIGHTED.sub(r"\1", plain))


def _tidied(line: str) -> str:
    if not any(sign in line for sign in ("\\", "](", "[cmt:", "....", ". . .")):
        return line
    start = FORMS.match(line)
    kept = start.end() + 1 if start else 0
    return line[:kept] + NOISE.sub(_plain, line[kept:])


def _plain(found: re.Match[str]) -> str:
    if found["leader"]:
        return " …"
    return found["code"] or found["escaped"] or found["link"] or ""
