"""What styles of an OpenDocument text say: which paragraphs are its title, which small digits are raised.

Programs write ``Title`` or, where somebody changed the font too, a style of the paragraph's own that is based on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from listener.documents.equations import raised
from listener.documents.open_document import STYLE, TEXT

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

TITLE = "Title"
SPAN, NAME = f"{TEXT}span", f"{TEXT}style-name"
MOST_BASES = 20  # styles that one is based on, one through the other


def titles(styles: Mapping[str, Element]) -> frozenset[str]:
    """Return the styles of a text's title."""
    return frozenset({TITLE, *(name for name in styles if TITLE in islice(_bases(name, styles), MOST_BASES))})


def read_styles(trees: Iterable[Element | None]) -> dict[str, Element]:
    """Return the styles of a file by their names."""
    found = (one for tree in trees if tree is not None for one in tree.iter(f"{STYLE}style"))
    return {one.get(f"{STYLE}name", ""): one for one in found}


def _bases(name: str, styles: Mapping[str, Element]) -> Iterator[str]:
    current = styles.get(name)
    while current is not None:
        base = current.get(f"{STYLE}parent-style-name", "")
        yield base
        current = styles.get(base)


def raise_digits(tree: Element, styles: Mapping[str, Element]) -> None:
    """Write small digits above the line raised, as in m²; other letters stay as they are."""
    high = {name for name, style in styles.items() if _is_high(style)}
    for span in tree.iter(SPAN) if high else ():
        if span.get(NAME) in high and len(span) == 0:
            span.text = raised(span.text or "")


def _is_high(style: Element) -> bool:
    said = style.find(f"{STYLE}text-properties")
    position = "" if said is None else said.get(f"{STYLE}text-position", "").partition(" ")[0]
    return position == "super" or (position.endswith("%") and position[:-1].isdecimal() and position != "0%")
