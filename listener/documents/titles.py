"""Titles that say something: what programs put into the field by themselves is none."""

from __future__ import annotations

import re

PROGRAM = re.compile(r"^Microsoft (?:Office )?(?:Word|PowerPoint|Excel|Publisher) - ", re.IGNORECASE)
FILE = re.compile(
    r"^(?:.*[\\/])?([^\\/]+)\.(?:docx?|dotx?|rtf|odt|xlsx?|ods|pptx?|odp|pub|indd|qxd|pmd|dvi|tex|ps|pdf|txt|html?)$",
    re.IGNORECASE,
)
# As programs write them, in the languages of most documents; a number may follow.
DEFAULTS = frozenset({
    "untitled", "unbenannt", "sans titre", "sin título", "senza titolo", "no title", "title", "titel",
    "document", "untitled document", "dokument", "book", "mappe", "classeur", "slide", "folie",
    "presentation", "präsentation", "présentation", "powerpoint presentation", "powerpoint-präsentation",
    "présentation powerpoint", "presentación de powerpoint", "apresentação do powerpoint",
    "presentazione standard di powerpoint", "powerpoint-presentatie", "prezentacja programu powerpoint",
    "презентация powerpoint", "powerpoint プレゼンテーション", "powerpoint 演示文稿", "powerpoint 簡報",
    "powerpoint 프레젠테이션",
})  # fmt: skip
NUMBER = re.compile(r"[ _-]?\d{1,3}$")
UNKNOWN = re.compile("[?\ufffd]")
MOST_UNKNOWN = 0.4  # "Why?" has a quarter


def told(title: str | None) -> str | None:
    """Return the title that a document's properties hold, without program and folder, or None if it is a default."""
    name = PROGRAM.sub("", title or "")
    if file := FILE.match(name):
        name = file[1]
    name = name.strip()
    return None if NUMBER.sub("", name).casefold() in DEFAULTS else readable(name)


def readable(title: str | None) -> str | None:
    """Return the title unless its letters got lost."""
    if not title or "\ufffd" in title or is_unknown(title):
        return None
    return title


def is_unknown(text: str) -> bool:
    """Tell whether most of a text's letters are question marks: its fonts don't say which letters they draw."""
    visible = sum(map(len, text.split()))
    return len(UNKNOWN.findall(text)) > visible * MOST_UNKNOWN
