"""Keyword/value strings, ``host=db user=app password='two words'``, read as libpq reads them."""

from __future__ import annotations

import re

_PAIR = re.compile(
    r"\s*(?P<name>[^\s=]+)\s*=(?P<gap>\s*)(?:'(?P<quoted>(?:[^'\\]|\\.)*)'(?=\s|\Z)|(?P<plain>(?!')(?:[^\s\\]|\\.)*)(?=\s|\Z))",
    re.DOTALL,
)
_FIRST = re.compile(r"\s*\w+\s*=")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class WrongConninfo(ValueError):
    """The string can't be read. The message quotes nothing of it."""


def is_conninfo(text: str) -> bool:
    """Tell whether a text is such a string; otherwise it is a URL, or nothing."""
    return bool(_FIRST.match(text))


def read(text: str) -> list[tuple[str, str]]:
    """Return names and values in their order; raises WrongConninfo."""
    pairs: list[tuple[str, str]] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        pair = _PAIR.match(text, at)
        if pair is None:
            raise WrongConninfo("a keyword has no =, or a value with spaces, ' or \\ is not quoted")
        if pair["gap"] and pair["plain"] and _FIRST.match(pair["plain"]):  # host= password=…: the host, says libpq
            raise WrongConninfo("a keyword has no value, or one that stands behind blanks has a = in it")
        value = pair["plain"] if pair["quoted"] is None else pair["quoted"]
        pairs.append((pair["name"], _ESCAPED.sub(r"\1", value)))
        at = pair.end()
    return pairs
