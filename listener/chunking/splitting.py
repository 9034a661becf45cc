"""Cut a document's text into chunks: exact slices of it, each under its headings, that an edit elsewhere leaves alone.

::

    text ─► regions (Markdown: sections by heading; otherwise the whole text)
         ─► pieces (a region that is too long is cut at blocks, lines, sentences, words, characters)
         ─► chunks (whitespace trimmed, start moved back for the overlap, never over a heading)

If a piece may end at several places of the same strength, a checksum of the text after the place decides, not
the distance from the start: after an edit the old and the new cuts meet again soon, so few chunks change.
See ``docs/decisions/0005-own-chunker.md``.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from listener.chunking.leads import MARKDOWN_TYPES, Leads, bare
from listener.chunking.regions import Region, choose, regions_of
from listener.documents.markdown.fences import Fences
from listener.documents.markdown.lists import LIST_ITEM, continues_list
from listener.documents.markdown.sections import read_sections
from listener.errors import SettingsError

_LOOKAHEAD = 16  # characters after a cut that the patterns below may examine


@dataclass(frozen=True, slots=True)
class Chunk:
    """A slice of a document's text: ``text[start:end]``, in characters, under its headings (outermost first).

    ``lead`` is the place of what it continues, which is searched and embedded with it: the header of a table that was
    cut, the first line of a code block; (0, 0) if it continues neither. See ``leads``.
    """

    start: int
    end: int
    heading_path: tuple[str, ...] = ()
    lead: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Grammar:
    """Where a text may be cut, strongest first; a match of a pattern ends where the next piece begins."""

    block: re.Pattern[str]
    finer: tuple[re.Pattern[str], ...]
    resume: tuple[re.Pattern[str], ...]  # where an overlap may begin


_LINE = re.compile(r"\n(?=[^\n])")
_BLANK = re.compile(r"\n[ \t\r]*\n(?=[ \t]{0,12}\S)")
_BLANK_TO_COLUMN_0 = re.compile(r"\n[ \t\r]*\n(?=[^\s)\]}])")
_BLANK_TO_MEMBER = re.compile(r"\n[ \t\r]*\n(?=(?:\t| {2,4})[^\s)\]}])")
_COLUMN_0 = re.compile(r"\n(?=[^\s)\]}])")
_BLANK_TO_BLOCK = re.compile(r"\n[ \t\r]*\n(?=\S)")
_ITEM = re.compile(rf"\n(?=[ \t]{{0,3}}{LIST_ITEM})")
# Chinese and Japanese text has no spaces, but its own punctuation.
_SENTENCE = re.compile(r"[.!?…][\"'”’)\]*_]{0,4}\s(?=\S)|[。！？｡][」』）】”’]{0,4}(?=\S)|\n(?=[^\n])")
_WORD = re.compile(r"\s(?=\S)|[、，；：。！？](?=\S)")

PLAIN = Grammar(_BLANK, (_LINE, _SENTENCE, _WORD), resume=(_SENTENCE, _WORD))
MARKDOWN = Grammar(_BLANK_TO_BLOCK, (_BLANK, _ITEM, _LINE, _SENTENCE, _WORD), resume=(_SENTENCE, _WORD))
CODE = Grammar(_BLANK_TO_COLUMN_0, (_BLANK_TO_MEMBER, _BLANK, _COLUMN_0, _LINE, _WORD), resume=(_LINE, _WORD))


def chunk(text: str, media_type: str, size: int, overlap: int) -> list[Chunk]:
    """Cut ``text`` into chunks of at most ``size`` characters; the same arguments always give the same chunks.

    Every character that is not whitespace is in a chunk. Chunks come in order, neither begin nor end with whitespace,
    and their ``start`` and ``end`` are offsets into ``text`` in characters. There are none only if ``text`` is all
    whitespace. A chunk that continues its section begins up to ``overlap`` characters before the end of the previous
    one. ``media_type`` chooses the grammar: Markdown, source code, or plain text for all others.

    Raises SettingsError ``bad_chunking`` if size and overlap do not fit together.
    """
    _check(size, overlap)
    grammar = _grammar(media_type)
    fences = Fences()
    regions = [Region(0, len(text), ())]
    if grammar is MARKDOWN:
        root, fences = read_sections(text)
        regions = list(regions_of(text, root, size))
    leads = Leads.of(text, media_type, fences, size)
    cutter = _Cutter(text, grammar, fences, leads, size, overlap)
    return [found for region in regions for found in cutter.chunks(region)]


def _check(size: int, overlap: int) -> None:
    if size < 1 or not 0 <= overlap < size:
        raise SettingsError(
            "bad_chunking",
            f"chunks of {size} characters can't overlap by {overlap}",
            "set the size to at least 1, and the overlap to 0 or more but less than the size",
        )


_PLAIN_TYPES = frozenset({"text/x-rst", "text/x-log", "text/x-org", "text/x-asciidoc", "text/x-tex", "text/x-po"})
_CODE_TYPES = re.compile(r"text/(?:x-|css$|javascript$)|application/.*(?:json|javascript|xml|yaml|toml|sql)")


def _grammar(media_type: str) -> Grammar:
    kind = bare(media_type)
    if kind in MARKDOWN_TYPES:
        return MARKDOWN
    return CODE if _CODE_TYPES.match(kind) and kind not in _PLAIN_TYPES else PLAIN


_INK = re.compile(r"\S")


class _Cutter:
    """Cuts regions of one text."""

    def __init__(self, text: str, grammar: Grammar, fences: Fences, leads: Leads, size: int, overlap: int) -> None:
        self._text = text
        self._grammar = grammar
        self._fences = fences
        self._leads = leads
        self._size = size
        self._overlap = overlap
        self._core = max(size - overlap, (size + 1) // 2)  # leaves room for the overlap

    def chunks(self, region: Region) -> Iterator[Chunk]:
        """Yield the chunks of a region: the whole region if it fits, otherwise piece by piece."""
        begin = at = self._skip_blank(region.start, region.end)
        while at < region.end:
            cut = self._cut(at, region.end, self._size if at == begin else self._core)
            end = at + len(self._text[at:cut].rstrip())
            start = at if at == begin else self._overlap_start(begin, at, end)
            yield Chunk(start, end, region.path, self._leads.before(start))
            at = self._skip_blank(cut, region.end)

    def _skip_blank(self, at: int, end: int) -> int:
        ink = _INK.search(self._text, at, end)
        return ink.start() if ink else end

    def _cut(self, at: int, end: int, limit: int) -> int:
        """Return where the piece that begins at ``at`` ends: at the strongest kind of place in the window."""
        if end - at <= limit:
            return end
        low = at + max(1, limit // 2)
        high = min(at + limit, end - limit // 8)  # no tiny rest
        blocks = self._blocks(at + 1, high)
        late = blocks[bisect_left(blocks, low) :]
        if late:
            return choose(self._text, late)
        if blocks and (blocks[-1] - at >= limit // 4 or self._block_fits(blocks[-1], end)):
            return blocks[-1]
        for pattern in self._grammar.finer:
            places = self._places(pattern, low, high)
            if places:
                return choose(self._text, places)
        return self._cut_anywhere(low, high)

    def _blocks(self, low: int, high: int) -> list[int]:
        places = self._places(self._grammar.block, low, high)
        if self._grammar is not MARKDOWN:
            return places
        return self._fences.adjust([at for at in places if not continues_list(self._text, at)], low, high)

    def _places(self, pattern: re.Pattern[str], low: int, high: int) -> list[int]:
        text = self._text
        found = [match.end() for match in pattern.finditer(text, low - 1, high + _LOOKAHEAD)]
        return [at for at in found[: bisect_right(found, high)] if at >= low and not _inside_cluster(text, at)]

    def _block_fits(self, at: int, end: int) -> bool:
        return end - at <= self._core or bool(self._blocks(at + 1, at + self._core))

    def _cut_anywhere(self, low: int, high: int) -> int:
        """Cut text that offers no place at all, between grapheme clusters if that can be."""
        text = self._text
        top = max(text[low : high + 1])
        best = max((at for at in range(low, high + 1) if text[at] == top), key=lambda at: text[at : at + 8])
        ahead, behind = range(best, high + 1), range(best - 1, low - 1, -1)
        return next((at for at in chain(ahead, behind) if not _inside_cluster(text, at)), high)

    def _overlap_start(self, begin: int, at: int, end: int) -> int:
        """Return where a chunk starts whose piece starts at ``at``: at a line, sentence or word shortly before it."""
        low = max(begin, at - min(self._overlap, self._size - (end - at)))
        if low == at:
            return at
        for pattern in self._grammar.resume:
            places = self._places(pattern, low, at - 1) if low > begin else [begin]
            if places:
                return self._skip_blank(places[0], at)
        first = next((place for place in range(low, at) if not _inside_cluster(self._text, place)), at)
        return self._skip_blank(first, at)


def _inside_cluster(text: str, at: int) -> bool:
    """Tell whether a cut at ``at`` would tear a letter from its marks, an emoji sequence, a flag, or CR from LF."""
    after, before = text[at], text[at - 1]
    if after < "\u0300" and before != "\u200d":
        return after == "\n" and before == "\r"
    if before == "\u200d" or after in "\u200c\u200d" or unicodedata.category(after) in ("Mn", "Me", "Mc"):
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":  # skin tones, tags
        return True
    if "\u1160" <= after <= "\u11ff":  # vowels and finals of Korean syllables that are written in parts
        return True
    return _is_regional(after) and _regionals_before(text, at) % 2 == 1


def _is_regional(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def _regionals_before(text: str, at: int) -> int:
    """Count the regional indicators before ``at``, two of which make a flag; at most 64, to stay linear."""
    count = 0
    while count < min(at, 64) and _is_regional(text[at - count - 1]):
        count += 1
    return count
