"""Text from elsewhere as a person may see it: what steers a terminal, turns its direction or shows nothing is escaped.

A name with a line break in it must not look like a line of ours, nor one with U+202E be read backwards.
"""

from __future__ import annotations

import unicodedata

UNSEEN = ("Cc", "Cf", "Zl", "Zp", "Cs")  # categories: controls, formats, separators of lines, halves of pairs

# Letters and marks that have none: fillers, joiners, selectors of Mongolian, and a plane of tags and selectors.
_EMPTY = {0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2065, 0x3164, 0xFFA0}
_TAGS = range(0xE0000, 0xE1000)
_SHOWS_NOTHING = dict.fromkeys((0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF))  # places to break, joiners, a mark
_NAMED = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}


class _Escapes(dict[int, str]):
    """What to write for a character, found out when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = written = _escaped(chr(code)) if _is_unseen(code) else chr(code)
        return written


def _is_unseen(code: int) -> bool:
    return unicodedata.category(chr(code)) in UNSEEN or code in _EMPTY or code in _TAGS


def _escaped(character: str) -> str:
    if character.isascii():
        return _NAMED.get(character) or f"\\x{ord(character):02x}"
    return character.encode("ascii", "backslashreplace").decode()


_ON_ONE_LINE = _Escapes()
_IN_LINES = _Escapes({9: "\t", 10: "\n"})


def on_one_line(text: str) -> str:
    """Return ``text`` without line breaks, tabs and other invisible characters; each is written as Python would."""
    return text if text.isascii() and text.isprintable() else text.translate(_ON_ONE_LINE)


def in_lines(text: str) -> str:
    """Return ``text`` without what is not seen, but with its line ends and tabs."""
    return text.translate(_IN_LINES)


def as_read(text: str) -> str:
    """Return a document's text as its reader sees it: what shows nothing and turns nothing is left out."""
    return text if text.isascii() else text.translate(_SHOWS_NOTHING)
