"""How lists of a Markdown text continue."""

from __future__ import annotations

import re

LIST_ITEM = r"(?:[-*+]|\d{1,9}[.)])[ \t]"
"""How an item of a list begins (as part of a regular expression)."""

_ITEM = re.compile(LIST_ITEM)


def continues_list(text: str, at: int) -> bool:
    """Tell whether an item of a list begins at ``at`` and the line before the empty lines belongs to the list too."""
    if not _ITEM.match(text, at):
        return False
    before = text[max(0, at - 300) : at].rstrip()
    line = before[before.rfind("\n") + 1 :]
    return line[:1].isspace() or _ITEM.match(line) is not None
