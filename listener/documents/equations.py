"""Equations of Office (OMML) in one line, as people would type them: ``x² = (a+b)/c``, ``√(x)``, ``∑_(i=1)^n x``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from unicodedata import normalize

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
RAISED = str.maketrans("0123456789+-−n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻ⁿ")
RAISABLE = frozenset("0123456789+-−n")
ROOTS = {"": "√", "2": "√", "3": "∛", "4": "∜"}
DEEPEST = 60
MOST_MARKED = 100  # characters that get a mark each: marks over marks would make a book of a page
MATHS = frozenset({f"{M}oMath", f"{M}oMathPara"})


def line(equation: Element) -> str:
    """Return an equation, or several in a row, in one line."""
    return normalize("NFC", " ".join(_text(equation, 0).split()))


def raised(text: str) -> str:
    """Return small digits raised, as in m², other words as they are."""
    return text.translate(RAISED) if text and RAISABLE.issuperset(text) and text != "n" else text


def _text(element: Element, depth: int) -> str:
    if depth > DEEPEST:
        return ""
    name = element.tag.rpartition("}")[2] if element.tag.startswith(M) else ""
    if name == "t":
        return element.text or ""
    if name.endswith("Pr"):
        return ""
    write = FORMS.get(name)
    if write:
        return write(element, lambda part: _text(part, depth + 1))
    between = " " if name == "oMathPara" else ""
    return between.join(_text(child, depth + 1) for child in element)


Read = Callable[["Element"], str]


def _of(element: Element, name: str, read: Read) -> str:
    return "".join(map(read, element.findall(f"{M}{name}"))).strip()


def _property(element: Element, name: str, otherwise: str) -> str:
    found = element.find(f"{M}{element.tag.rpartition('}')[2]}Pr/{M}{name}")
    return otherwise if found is None else found.get(f"{M}val", "")


def group(text: str) -> str:
    """Return what belongs together in brackets, if it is more than a word."""
    whole = len(text) < 2 or text.isalnum() or (text[0] == "(" and text.find(")") == len(text) - 1)
    return text if whole else f"({text})"


def _fraction(element: Element, read: Read) -> str:
    over, under = _of(element, "num", read), _of(element, "den", read)
    if _property(element, "type", "bar") == "noBar":
        return f"{over} over {under}"
    return f"{group(over)}/{group(under)}"


def low(text: str) -> str:
    """Return what stands low behind something."""
    return f"_{group(text)}" if text else ""


def high(text: str) -> str:
    """Return what stands high behind something."""
    small = raised(text)
    return small if small != text else f"^{group(text)}" if text else ""


def _scripts(element: Element, read: Read) -> str:
    base = _of(element, "e", read)
    return f"{group(base)}{low(_of(element, 'sub', read))}{high(_of(element, 'sup', read))}"


def _before(element: Element, read: Read) -> str:
    return f"{low(_of(element, 'sub', read))}{high(_of(element, 'sup', read))} {_of(element, 'e', read)}"


def _root(element: Element, read: Read) -> str:
    degree = _of(element, "deg", read)
    return f"{ROOTS.get(degree) or degree + '√'}({_of(element, 'e', read)})"


def _sum(element: Element, read: Read) -> str:
    sign = _property(element, "chr", "∫")
    return f" {sign}{low(_of(element, 'sub', read))}{high(_of(element, 'sup', read))} {_of(element, 'e', read)}"


def _delimited(element: Element, read: Read) -> str:
    inner = _property(element, "sepChr", "|").join(read(part).strip() for part in element.findall(f"{M}e"))
    return f"{_property(element, 'begChr', '(')}{inner}{_property(element, 'endChr', ')')}"


def _function(element: Element, read: Read) -> str:
    return f"{_of(element, 'fName', read)} {_of(element, 'e', read)}"


def _limit_below(element: Element, read: Read) -> str:
    return f"{_of(element, 'e', read)}{low(_of(element, 'lim', read))}"


def _limit_above(element: Element, read: Read) -> str:
    return f"{_of(element, 'e', read)}{high(_of(element, 'lim', read))}"


def _matrix(element: Element, read: Read) -> str:
    rows = (", ".join(read(cell).strip() for cell in row.findall(f"{M}e")) for row in element.findall(f"{M}mr"))
    return f"[{'; '.join(rows)}]"


def _lines(element: Element, read: Read) -> str:
    return "; ".join(read(part).strip() for part in element.findall(f"{M}e"))


def _accent(element: Element, read: Read) -> str:
    return over_letters(_of(element, "e", read), _property(element, "chr", "\u0302"))


def _bar(element: Element, read: Read) -> str:
    return over_letters(_of(element, "e", read), "\u0305" if _property(element, "pos", "bot") == "top" else "\u0332")


def over_letters(text: str, mark: str) -> str:
    """Return a text with a mark over, or below, each of its letters; of a long one, behind it."""
    if not mark or len(text) > MOST_MARKED:
        return text + mark
    return "".join(f"{sign}{mark}" if sign.isalnum() else sign for sign in text)


def _phantom(element: Element, read: Read) -> str:
    """Return what takes place in an equation and may be there for nothing else."""
    return "" if _property(element, "show", "1") in ("0", "off", "false") else _of(element, "e", read)


FORMS: dict[str, Callable[[Element, Read], str]] = {
    "f": _fraction, "sSup": _scripts, "sSub": _scripts, "sSubSup": _scripts, "sPre": _before, "rad": _root,
    "nary": _sum, "d": _delimited, "func": _function, "limLow": _limit_below, "limUpp": _limit_above, "m": _matrix,
    "eqArr": _lines, "acc": _accent, "bar": _bar, "phant": _phantom,
}  # fmt: skip
