"""Formulas of OpenDocument files (MathML) in one line, written as those of Office are: ``x² = (a+b)/c``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from unicodedata import normalize

from listener.documents.equations import group, high, low, over_letters

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MATH = "{http://www.w3.org/1998/Math/MathML}"
ASIDE = frozenset({"annotation", "annotation-xml", "mphantom", "mspace", "none", "mprescripts"})
DEEPEST = 60
SUMS = frozenset("∑∏∐∫∬∭∮⋃⋂")
MARKS = {"^": "\u0302", "~": "\u0303", "¯": "\u0304", "‾": "\u0305", "→": "\u20d7", "⃗": "\u20d7", "˙": "\u0307",
         "¨": "\u0308", "ˇ": "\u030c", "´": "\u0301", "`": "\u0300", "˘": "\u0306", "˚": "\u030a", "ˆ": "\u0302",
         "˜": "\u0303", "̂": "\u0302", "̃": "\u0303", "̄": "\u0304"}  # fmt: skip


def line(formula: Element) -> str:
    """Return a formula in one line."""
    return normalize("NFC", " ".join(_text(formula, 0).split()))


def _text(element: Element, depth: int) -> str:
    name = element.tag.rpartition("}")[2]
    if depth > DEEPEST or name in ASIDE:
        return ""
    parts = [_text(child, depth + 1) for child in element]
    least, write = FORMS.get(name, (0, None))
    if write and len(parts) >= least:
        return write(parts)
    return "".join([(element.text or "").strip(), *parts])


def _fraction(parts: list[str]) -> str:
    return f"{group(parts[0])}/{group(parts[1])}"


def _raised(parts: list[str]) -> str:
    return f"{group(parts[0])}{high(parts[1])}"


def _lowered(parts: list[str]) -> str:
    return f"{group(parts[0])}{low(parts[1])}{_after(parts)}"


def _after(parts: list[str]) -> str:
    return " " if parts[0] in SUMS else ""


def _both(parts: list[str]) -> str:
    return f"{group(parts[0])}{low(parts[1])}{high(parts[2])}{_after(parts)}"


def _above(parts: list[str]) -> str:
    mark = MARKS.get(parts[1].strip())
    return over_letters(parts[0], mark) if mark else _raised(parts)


def _root(parts: list[str]) -> str:
    return f"√({''.join(parts)})"


def _root_of(parts: list[str]) -> str:
    return f"{parts[1]}√({parts[0]})"


def _rows(parts: list[str]) -> str:
    return f"[{'; '.join(parts)}]" if len(parts) > 1 else "".join(parts)


FORMS: dict[str, tuple[int, Callable[[list[str]], str]]] = {  # parts that they have at least
    "mfrac": (2, _fraction), "msup": (2, _raised), "msub": (2, _lowered), "msubsup": (3, _both),
    "munder": (2, _lowered), "munderover": (3, _both),
    "mover": (2, _above), "msqrt": (1, _root), "mroot": (2, _root_of), "mtable": (1, _rows),
    "mtr": (1, ", ".join),
}  # fmt: skip
