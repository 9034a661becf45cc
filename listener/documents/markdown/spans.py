"""A line of Markdown as it reads: without marks, targets of links and HTML."""

from __future__ import annotations

import re
from html import unescape

from listener.documents.markdown.searchable import unmarked_words

_BARE = re.compile(r"[^\W_](?:[^\W_]|[ ,.:;?!'()/-])*\Z")  # most headings: there is nothing to look for
_KEPT = re.compile(  # code, what is escaped, an address: none of their signs is a mark
    r"(?<!`)`(?P<code>[^`]+)`(?!`)|(?<!`)``(?P<long>[^`]+(?:`[^`]+)?)``(?!`)"
    r"|\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|<(?P<address>[a-zA-Z][\w+.-]{1,30}:[^<>\s]+|[^<>\s@]{1,64}@[^<>\s]+)>"
)
_PLACE = re.compile("\0(\\d+)\0")
_CLOSING_MARKS = re.compile(r"(?:^|[ \t])#+$")
_ATTRIBUTES = re.compile(r" ?\{[#.:][^{}]*\}$")
_FOOTNOTE = re.compile(r"\[\^[^\[\]\s]{1,50}\]")
_LINK = re.compile(r"!?\[([^\[\]]*)\](?:\((?:[^()]|\([^()]*\))*\)|\[[^\[\]]*\])")
_WIKI_LINK = re.compile(r"!?\[\[(?:[^\[\]|]*\|)?([^\[\]|]+)\]\]")
_NESTED = 2  # levels of links: a picture may be one
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--[^<>]*-->")
_MARKS = re.compile(r"\*\*|(?<!\w)\*(?=\S)|(?<=\S)\*(?!\w)|~~")
_INNER = r"(?=[^\s_])((?:[^_]|(?<=\w)_(?=\w))+)(?<=[^\s_])"
_UNDERSCORES = re.compile("|".join(rf"(?<!\w){mark}{_INNER}{mark}(?!\w)" for mark in ("_", "__", "___")))
_NAME = re.compile(r"__[a-z0-9_]+__")  # __init__


def plain(line: str) -> str:
    """Return the words of a line; code and what is escaped stay as they are."""
    line = line.strip()
    if _BARE.match(line):
        return " ".join(line.split())
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(found["code"] or found["long"] or found["escaped"] or found["address"])
        return f"\0{len(kept) - 1}\0"

    text = _KEPT.sub(keep, line.replace("\0", ""))
    text = _ATTRIBUTES.sub("", _CLOSING_MARKS.sub("", text))
    text = _WIKI_LINK.sub(r"\1", _FOOTNOTE.sub("", text))
    for _ in range(_NESTED):
        text = _LINK.sub(r"\1", text)
    text = _MARKS.sub("", unmarked_words(_TAG.sub("", text)))
    text = unescape(_UNDERSCORES.sub(_without, text))
    return " ".join(_PLACE.sub(lambda place: kept[int(place[1])], text).split())


def _without(marked: re.Match[str]) -> str:
    return marked[0] if _NAME.fullmatch(marked[0]) else marked[1] or marked[2] or marked[3]
