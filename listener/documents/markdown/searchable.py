"""A text as it is searched: what people see as the same word is the same word, in documents and in queries.

The SQL function ``ingest_searchable`` does the same, by the same patterns. A text's offsets are those of the text as it
is: only what is embedded, and the words that it is found by, are made of this form.
"""

from __future__ import annotations

import re
from unicodedata import normalize

# Soft hyphen, grapheme joiner, zero-width letters and joiners, marks of direction, invisible signs of formulas, choices
# of a letter's form (emoji, Japanese names), byte order mark. A zero-width space
# parts words in scripts that are written without blanks (Thai, Lao, Burmese, Khmer): there it becomes one, since
# Postgres takes it for a letter.
UNSEEN = (
    "[\\u00ad\\u034f\\u061c\\u180e\\u200c-\\u200f\\u202a-\\u202e\\u2060-\\u2064\\u2066-\\u2069\\ufe00-\\ufe0f\\ufeff"
    "\\U000e0100-\\U000e01ef]"
    "|(?<![\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff])\\u200b"
)
"""What stands in a text and can't be seen."""
PARTING = "\u200b"

# By characters and not by \w, which depends on a database's locale. An underscore inside a word is not markup.
_NO_WORD = "\\u0001-\\u002f:-@\\u005b-\\u005e`\\u007b-\\u00bf\\u2000-\\u206f\\u3000-\\u303f\\uff00-\\uff0f"
_NO_WORDS = (  # blank, apostrophes and hyphen are allowed
    "\\u0001-\\u001f!-&(-,./:-@\\u005b-\\u005e`\\u007b-\\u00bf\\u2000-\\u2018\\u201a-\\u206f\\u3000-\\u303f\\uff00-\\uff0f"
)
WORD, WORDS, LETTER = f"[^{_NO_WORD}]", f"[^{_NO_WORDS}]", f"[^{_NO_WORD}0-9_]"
_SAID_AHEAD = f"{WORD}(?:{WORDS}*{WORD})?"
_SAID = f"({_SAID_AHEAD})"
_TAGS = "(?:s(?:u[bp]|trong)?|[biu]|em|mark|ins|del)>"
_HYPHENS = "(?:&(?:shy|zwnj|zwj|ZeroWidthSpace|#173|#x[aA][dD]|#8203|#x200[bB]);|<wbr ?/?>)"  # written out
MARKED = (
    f"{WORD}(?:[*]{{1,3}}|~{{1,2}}|\\^){WORD}|{WORD}<{_TAGS}{WORD}|{WORD}</{_TAGS}{WORD}|{WORD}{_HYPHENS}{WORD}"
    f"|{WORD}\\$[_^]"
)
"""Where a mark stands inside of a word: in nothing else is there anything to take away."""
MARKS = "|".join((
    "(`[^`\\n]+`)",  # code stays as it is
    f"(?<!{WORD})(?<![*~])(?:[*]{{2,3}}|~~){_SAID}(?:[*]{{2,3}}|~~)(?={WORD})",  # **P**ersonal, ~~un~~known
    f"(?<={LETTER})[*]{{2,3}}{_SAID}[*]{{2,3}}(?!{WORD})(?![*(\\u005b])",  # micro**services**; not x**2
    f"(?<={LETTER})[*]{{2,3}}({LETTER}+)[*]{{2,3}}(?={LETTER})",  # un**believ**able
    f"(?<!{WORD})(?<![*])[*]({LETTER}+)[*](?={LETTER})",  # *P*ersonal
    f"(?<={LETTER})[*]({LETTER}+)[*](?!{WORD})(?![*(\\u005b])",  # walk*ing*; not a*b*c, n*n*(n+1)
    f"(?<={WORD})(?:~{{1,2}}|\\$[_^]\\{{?)({WORD}+)(?:~{{1,2}}|\\}}?\\$)",  # H~2~O, CO$_2$, 10$^{{6}}$
    f"(?<={WORD})\\^({WORD}+)\\^(?!{WORD})",  # 10^th^; not a^b^c
    f"(?:(?<={WORD})|(?=<{_TAGS}{_SAID_AHEAD}</{_TAGS}{WORD}))<{_TAGS}{_SAID}</{_TAGS}",  # H<sub>2</sub>O
    f"(?<={WORD}){_HYPHENS}(?={WORD})",  # Donau&shy;dampf
))  # fmt: skip
"""Marks of Markdown inside of words, each with the text that it marks as the only group, of which Postgres knows nine;
and code, to be passed by."""

_UNSEEN, _MARKED, _MARKS = re.compile(UNSEEN), re.compile(MARKED), re.compile(MARKS)
_KEPT = "".join(f"\\{group}" for group in range(1, _MARKS.groups + 1))


def searchable(text: str) -> str:
    """Return a text composed (NFC), without what can't be seen, and without marks of Markdown inside of words."""
    if not text.isascii():
        text = normalize("NFC", _UNSEEN.sub("", text).replace(PARTING, " "))
    return unmarked_words(text)


def unmarked_words(text: str) -> str:
    """Return the text without marks of Markdown inside of words: ``**P**ersonal``, ``H~2~O``, ``H<sub>2</sub>O``."""
    may_be = "*" in text or "~" in text or "^" in text or "</" in text or "&" in text or "<wbr" in text or "$_" in text
    return _MARKS.sub(_KEPT, text) if may_be and _MARKED.search(text) else text
