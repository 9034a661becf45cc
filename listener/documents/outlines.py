"""The first heading of texts in other markup than Markdown, which stay as they are."""

from __future__ import annotations

import re
from collections.abc import Mapping

_LINE = r"[ \t]*(?P<title>\S[^\n]{0,999})"
_RULE = "|".join(re.escape(sign) + "{3,}" for sign in "=-~^\"#*+`:.'_")
_BRACED = r"\{(?P<title>(?:[^{}\\]|\\[^a-zA-Z]){1,500})\}"
_FLAGS = re.MULTILINE | re.IGNORECASE
# What gives the title of a whole document first, then what gives a heading.
_HEADINGS: Mapping[str, tuple[re.Pattern[str], ...]] = {
    "text/x-rst": (re.compile(rf"^(?:(?:{_RULE})[ \t\r]*\n)?{_LINE}\n(?P<under>{_RULE})[ \t\r]*$", _FLAGS),),
    "text/x-asciidoc": (re.compile(r"^=[ \t]" + _LINE, _FLAGS), re.compile(r"^={2,6}[ \t]" + _LINE, _FLAGS)),
    "text/x-org": (re.compile(r"^#\+title:" + _LINE, _FLAGS), re.compile(r"^\*{1,9}[ \t]" + _LINE, _FLAGS)),
    "text/x-tex": (
        re.compile(r"\\title(?:\[[^\[\]]{0,300}\])?" + _BRACED),
        re.compile(r"\\(?:chapter|section)\*?" + _BRACED),
    ),
}
_UNDERLINE = re.compile(rf"(?:{_RULE})")
_TEX = re.compile(r"\\(?:\\|([&%$#_{}]))|~")


def first_heading_of(text: str, kind: str) -> str | None:
    """Return the title that a text of this media type gives itself, else its first heading; None for most types."""
    for pattern in _HEADINGS.get(kind, ()):
        for found in pattern.finditer(text):
            title = found["title"].strip()
            if kind == "text/x-rst" and (len(found["under"]) < len(title) or _UNDERLINE.fullmatch(title)):
                continue
            if kind == "text/x-tex":
                title = _TEX.sub(lambda sign: sign[1] or " ", title)
            return " ".join(title.split())
    return None
