"""The codes of number formats, taken apart: sections for positive and negative numbers, zero and text."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

# Those that files name by number only, after ECMA-376 18.8.30. 14 and 22 are the system's own short date: ISO here.
BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??",
    14: "yyyy-mm-dd", 15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm",
    21: "h:mm:ss", 22: "yyyy-mm-dd h:mm", 37: "#,##0;(#,##0)", 38: "#,##0;(#,##0)", 39: "#,##0.00;(#,##0.00)",
    40: "#,##0.00;(#,##0.00)", 41: "#,##0;-#,##0", 42: "$#,##0;$-#,##0", 43: "#,##0.00;-#,##0.00",
    44: "$#,##0.00;$-#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
} | dict.fromkeys((*range(27, 37), *range(50, 59)), "yyyy-mm-dd")  # fmt: skip
TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"?|\\(?P<escaped>.)|_.|\*.|\[(?P<bracket>[^\[\]]*)\]|(?P<general>General)|(?P<half>AM/PM|A/P)'
    r"|(?P<exponent>E[+-])|(?P<date>y+|m+|d+|h+|s+|e+|b+|g+|a{3,4})|(?P<digit>[0#?])|(?P<sign>[.,%/@])|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
ELAPSED = re.compile("h+|m+|s+", re.IGNORECASE)
CONDITION = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?)")
DATED = ("date", "elapsed")
WRITTEN = {"literal": "l", ".": ".", ",": ",", "%": "%"}
SIMPLE = re.compile(r"[l%]*(?P<digits>(?P<whole>(?:[#?][#?,]*)?0)(?:\.(?P<rest>0{1,15}))?)[l%]*")
MOST_SIGNS = 255  # of a format; programs refuse longer ones


class Piece(NamedTuple):
    """A part of a section: ``kind`` is literal, digit, date, elapsed, half, exponent, general, or the sign itself."""

    kind: str
    text: str


class Simple(NamedTuple):
    """A section of words, digits and decimals in the usual order, which most are."""

    before: str
    digits: str  # as Python writes formats
    places: int
    times: int
    after: str


class CodeSection(NamedTuple):
    """The part of a format for one kind of numbers; ``is_first``: the one that adds a minus by itself."""

    pieces: tuple[Piece, ...]
    condition: tuple[str, float] | None
    dated: bool
    is_first: bool
    simple: Simple | None


@lru_cache(maxsize=512)
def sections(code: str) -> tuple[CodeSection, ...]:
    """Return what a format says, section by section."""
    found_pieces: list[list[Piece]] = [[]]
    conditions: list[tuple[str, float] | None] = [None]
    for found in TOKEN.finditer(code[:MOST_SIGNS]):
        if found[0] == ";":
            found_pieces.append([])
            conditions.append(None)
        elif (bracket := found["bracket"]) is not None and (condition := CONDITION.fullmatch(bracket.strip())):
            conditions[-1] = condition[1], float(condition[2])
        elif piece := _piece(found):
            found_pieces[-1].append(piece)
    return tuple(
        CodeSection(tuple(pieces), condition, any(piece.kind in DATED for piece in pieces), not place, _simple(pieces))
        for place, (pieces, condition) in enumerate(zip(found_pieces[:4], conditions, strict=False))
    )


def _simple(pieces: list[Piece]) -> Simple | None:
    """Return the section in a form that is fast to write, None if it has peculiarities."""
    signs = "".join(WRITTEN.get(piece.kind, "x") if piece.kind != "digit" else piece.text for piece in pieces)
    found = SIMPLE.fullmatch(signs)
    if found is None:
        return None
    begin, end = found.span("digits")
    grouped, places = "," if "," in found["whole"] else "", len(found["rest"] or "")
    before, after = ("".join(piece.text for piece in some) for some in (pieces[:begin], pieces[end:]))
    return Simple(before, f"{grouped}.{places}f", places, 100 ** found[0].count("%"), after)


def _piece(found: re.Match[str]) -> Piece | None:
    kind, text = found.lastgroup, found[0]
    if kind == "bracket":
        inner = found["bracket"]
        if inner.startswith("$"):
            return Piece("literal", inner[1:].partition("-")[0])
        return Piece("elapsed", inner.lower()) if ELAPSED.fullmatch(inner) else None
    if kind in ("quoted", "escaped", "other"):
        return Piece("literal", found[kind])
    if kind == "sign":
        return Piece(text, text)
    if kind is None:  # room of a sign's width
        return Piece("literal", " ") if text.startswith("_") and text not in ("_)", "_(") else None
    return Piece(kind, text.lower() if kind in ("date", "exponent") else text)
