"""Markdown as the document parser writes it, tidied for search: no escapes, link targets, image marks, rows of dots."""

from __future__ import annotations

import re

FENCE = re.compile(r"^ {0,3}(```|~~~)")
TARGET = r"\((?:[A-Za-z][A-Za-z0-9+.-]*:|#|\.{0,2}/|[\w./-]+\.x?html?)(?:[^()\s]|\([^()\s]*\))*\)"
NOISE = re.compile(
    r"(?P<code>(?<![\\`])`[^`\n]+`)"  # stays as it is
    r"|\\(?P<escaped>[\\<>~!&.#+-])"  # what it escapes; LaTeX's \( and \[ stand so in the text
    r"|!\[[^\]\n]{0,200}\]\([^()\n]{0,500}\)"
    rf"|\[(?P<link>[^\[\]\n]*)\]{TARGET}"
    r"|\[cmt:\d+\]"
    r"|(?P<leader>(?: ?\.){6,})"  # of a table of contents
)
BLANKS = re.compile(r"\n(?:[ \t]*\n){2,}")
BULLETS = str.maketrans({"\uf0b7": "•", "\uf0a7": "•", "\uf0d8": "•", "\uf0fc": "•"})  # of symbol fonts
FORMS = re.compile(r"^(\s*)\\(?=[#>+=~-])")  # at the beginning, the escape keeps a line from being a heading or list


def tidy(markdown: str) -> str:
    """Return the text without noise, code blocks as they are."""
    lines, fence = markdown.translate(BULLETS).split("\n"), ""
    for number, line in enumerate(lines):
        if mark := FENCE.match(line):
            fence = ("" if fence == mark[1] else fence) if fence else mark[1]
        elif not fence:
            lines[number] = _tidied(line)
    return BLANKS.sub("\n\n", "\n".join(lines)).strip("\n")


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
