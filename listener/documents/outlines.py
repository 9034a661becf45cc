"""The first heading of texts in other markup than Markdown, which stay as they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from unicodedata import normalize

_LINE = r"[ \t]*(?P<title>\S[^\n]{0,999})"
_RULE = "|".join(re.escape(sign) + "{3,}" for sign in "=-~^\"#*+`:.'_")
_SIGN = r"(?:[^{}\\]|\\.)"
_GROUP = (
    rf"\{{(?:{_SIGN}|\{{(?:{_SIGN}|\{{{_SIGN}{{0,100}}\}}){{0,200}}\}}){{0,300}}\}}"  # with groups in it, and in these
)
_BRACED = rf"\{{(?P<title>(?:{_SIGN}|{_GROUP}){{1,500}})\}}"
_FLAGS = re.MULTILINE | re.IGNORECASE
# What gives the title of a whole document first, then what gives a heading.
_HEADINGS: Mapping[str, tuple[re.Pattern[str], ...]] = {
    "text/x-rst": (re.compile(rf"^(?:(?:{_RULE})[ \t\r]*\n)?{_LINE}\n(?P<under>{_RULE}|--|==)[ \t\r]*$", _FLAGS),),
    "text/x-asciidoc": (re.compile(r"^=[ \t]" + _LINE, _FLAGS), re.compile(r"^={2,6}[ \t]" + _LINE, _FLAGS)),
    "text/x-org": (re.compile(r"^#\+title:" + _LINE, _FLAGS), re.compile(r"^\*{1,9}[ \t]" + _LINE, _FLAGS)),
    "text/x-tex": (
        re.compile(r"\\title(?:\[[^\[\]]{0,300}\])?" + _BRACED, re.DOTALL),
        re.compile(r"\\(?:chapter|section)\*?" + _BRACED, re.DOTALL),
    ),
}
_UNDERLINE = re.compile(rf"(?:{_RULE})")
_ASIDE = re.compile(r"\\(?:thanks|footnote|label|vspace|hspace)\*?[ \t]*\{(?:[^{}]|\{[^{}]*\})*\}")
_ACCENT = re.compile(r"\\(['`^\"=.]|[cv](?=[ {]))[ ]?(?:\{\\?([a-zA-Z])\}|\\?([a-zA-Z]))")
_OVER = {"'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "=": "\u0304", ".": "\u0307", "c": "\u0327",
         "v": "\u030c"}  # fmt: skip
_SIGNS = re.compile(r"\\(?:\\\*?(?:\[[^\[\]]*\])?|([&%$#_{}])|[,;: ])|~")
_COMMAND = re.compile(r"\\[a-zA-Z]+\*?[ \t]*(?:\[[^\[\]]*\])?|[{}$]")
# ``code`` and *emphasis* of reStructuredText, *strong*, _emphasis_ and `code` of AsciiDoc, /italic/ and =code= of Org
_SAID = r"((?=\S)[^`*=~\n]{0,300}?[^\s`*=~])"
_MARKS = "|".join(rf"{sign}{_SAID}{sign}" for sign in ("``", "`", r"\*\*", r"\*", "_", "/", "=", "~", r"\+"))
_MARKED = re.compile(rf"(?<!\w)(?:{_MARKS}|:\w{{1,20}}:`{_SAID}`)(?!\w)")
_WRITTEN = re.compile("\0(\\d+)\0")


def first_heading_of(text: str, kind: str) -> str | None:
    """Return the title in a text of this media type, otherwise its first heading; None for most types."""
    for pattern in _HEADINGS.get(kind, ()):
        for found in pattern.finditer(text):
            title = found["title"].strip()
            if kind == "text/x-rst" and (len(found["under"]) < len(title) or _UNDERLINE.fullmatch(title)):
                continue
            title = _of_tex(title) if kind == "text/x-tex" else _MARKED.sub(_said, title)
            return " ".join(title.split())
    return None


def _said(found: re.Match[str]) -> str:
    return str(found[found.lastindex or 0])


def _of_tex(title: str) -> str:
    r"""Return the words of a title: of ``A \textbf{bold} title\thanks{X}``, "A bold title"."""
    written: list[str] = []

    def keep(sign: re.Match[str]) -> str:
        written.append(sign[1] or " ")
        return f"\0{len(written) - 1}\0"

    accented = _ACCENT.sub(lambda sign: normalize("NFC", (sign[2] or sign[3]) + _OVER[sign[1]]), title)
    words = _COMMAND.sub("", _ASIDE.sub("", _SIGNS.sub(keep, accented.replace("\0", ""))))
    return _WRITTEN.sub(lambda place: written[int(place[1])], words)
