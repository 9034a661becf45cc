"""The front matter of a Markdown text, YAML, TOML or the title block of Pandoc, and the title that it gives.

A small reader of that one value instead of a library for each language: only a string on the top level counts, so there
are no aliases to follow and nothing nested, whatever a document says (decision 0025).
"""

from __future__ import annotations

import re

MOST = 64 * 1024  # characters in which the title is looked for
MOST_TITLE = 4000  # characters of its value that are read

_TITLE_BLOCK = re.compile(
    r"%[ \t]+(\S[^\n]*(?:\n[ \t]+\S[^\n]*){0,5})(?=\n|\Z)(?:\n%[^\n]*)*(?=\n[ \t\r]*(?:\n|\Z)|\Z)"
)  # of Pandoc
_FRONT_MATTER = re.compile(
    r"---[ \t\r]*\n(?![ \t\r]*\n)(?P<yaml>.*?\n)??(?:---|\.\.\.)[ \t\r]*(?=\n|\Z)"
    r"|\+\+\+[ \t\r]*\n(?P<toml>.*?\n)??\+\+\+[ \t\r]*(?=\n|\Z)",
    re.DOTALL,
)


def end_of_front_matter(text: str) -> int:
    """Return where the front matter ends, 0 if there is none. A rule before an empty line does not start one."""
    front = _FRONT_MATTER.match(text) or _TITLE_BLOCK.match(text)
    return front.end() if front else 0


def title_of_front_matter(text: str) -> str | None:
    """Return the title that the front matter gives, in one line."""
    front = _FRONT_MATTER.match(text, 0, MOST)
    if front is None:
        block = _TITLE_BLOCK.match(text, 0, MOST)
        return " ".join(block[1].split()) if block else None
    found = _yaml(front["yaml"] or "") if front["toml"] is None else _toml(front["toml"])
    return " ".join(found.split()) or None if found else None


_YAML_KEY = re.compile(r"^(?:title|\"title\"|'title')[ \t]*:(?=\s)[^\S\r\n]*", re.IGNORECASE | re.MULTILINE)
_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*[ \t\r\n]+)*")  # an anchor, a tag
_YAML_BLOCK = re.compile(r"([|>])(?:[+-]?[1-9]?|[1-9][+-])[ \t]*(?:#[^\n]*)?\r?\n")
_TWO_QUOTES = re.compile(r"\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_ONE_QUOTE = re.compile(r"'((?:[^']|'')*)'")
_NO_TEXT = re.compile(r"\*[\w.-]*\Z|[\[{|>@%]|(?:~|null|Null|NULL)?\Z")  # an alias, a list, a mapping, nothing
_NESTED = re.compile(r"- |[\w-]+:(?:\s|\Z)")
_COMMENT = re.compile(r"(?:^|[ \t])#[^\n]*")


def _yaml(front: str) -> str | None:
    key = _YAML_KEY.search(front)
    if key is None:
        return None
    said = front[key.end() : key.end() + MOST_TITLE]
    said = said[_end(_PROPERTIES.match(said)) :]
    if block := _YAML_BLOCK.match(said):
        return _indented(said[block.end() :])
    line, _, more = said.partition("\n")
    said = f"{line}\n{_indented(more)}".strip()
    if quoted := _TWO_QUOTES.match(said):
        return _unescaped(quoted[1])
    if quoted := _ONE_QUOTE.match(said):
        return quoted[1].replace("''", "'")
    said = _COMMENT.sub("", said).strip().lstrip("\"'")  # a quote that is open
    return None if _NO_TEXT.match(said) or (not line.strip() and _NESTED.match(said)) else said


def _end(found: re.Match[str] | None) -> int:
    return found.end() if found else 0


def _indented(lines: str) -> str:
    """Return the lines that continue a value. Line breaks don't matter: a title is one line."""
    kept = []
    for line in lines.split("\n"):
        if line.strip() and line[0] not in " \t":
            break
        kept.append(line)
    return "\n".join(kept)


_TOML_PLACE = re.compile(  # a long text, which may hold anything; the key; a table, which ends the top level
    r"(?P<long>\"{3}(?:[^\"\\]|\\.|\"(?!\"\"))*(?:\"{3}|\\?\Z)|'{3}(?:[^']|'(?!''))*(?:'{3}|\Z))"
    r"|^[ \t]*(?P<key>(?:title|\"title\"|'title')[ \t]*=[ \t]*)|^[ \t]*(?P<table>\[)",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_THREE_QUOTES = re.compile(r'"""((?:[^"\\]|\\.|"(?!""))*)"""', re.DOTALL)
_THREE_PLAIN_QUOTES = re.compile(r"'''((?:[^']|'(?!''))*)'''")
_PLAIN_QUOTE = re.compile(r"'([^'\n]*)'")


def _toml(front: str) -> str | None:
    key = next((place for place in _TOML_PLACE.finditer(front) if place.lastgroup != "long"), None)
    if key is None or key.lastgroup != "key":
        return None
    said = front[key.end() : key.end() + MOST_TITLE]
    if found := _THREE_QUOTES.match(said) or _TWO_QUOTES.match(said):
        return _unescaped(found[1])
    found = _THREE_PLAIN_QUOTES.match(said) or _PLAIN_QUOTE.match(said)
    return found and found[1]


_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|\r?\n[ \t]*|(.))", re.DOTALL)
_BLANKS = "ntrvfbae0N_LP"  # letters for blanks and control characters


def _unescaped(said: str) -> str:
    return _ESCAPE.sub(_letter, said)


def _letter(escape: re.Match[str]) -> str:
    number = next((digits for digits in escape.groups()[:3] if digits), None)
    if number is None:
        return "" if not escape[4] else " " if escape[4] in _BLANKS else escape[4]
    code = int(number, 16)
    return chr(code) if 0x1F < code < 0xD800 or 0xDFFF < code < 0x110000 else " "
