"""Paragraphs of a Word file that became one since the mark between them was deleted, or moved away, under tracking."""

from __future__ import annotations

from xml.etree.ElementTree import Element

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
UNMARKING = (f"{_W}del", f"{_W}moveFrom")  # of a paragraph's mark
AROUND = frozenset({f"{_W}tbl", f"{_W}sdt", f"{_W}sectPr"})  # between two paragraphs: they stay two


def join_paragraphs(parent: Element) -> None:
    """Put what is left of paragraphs whose mark was deleted, or moved away, at the beginning of the next one."""
    if not any(map(_is_open, parent)):
        return
    kept: list[Element] = []
    carried: list[Element] = []
    for child in parent:
        if _is_open(child):
            carried += [one for one in child if one.tag != f"{_W}pPr"]
            continue
        if child.tag == f"{_W}p":
            at = int(len(child) > 0 and child[0].tag == f"{_W}pPr")
            child[at:at], carried = carried, []
        elif child.tag in AROUND:
            kept += _paragraph_of(carried)
            carried = []
        kept.append(child)
    parent[:] = [*kept, *_paragraph_of(carried)]


def _is_open(element: Element) -> bool:
    """Tell whether an element is a paragraph that goes on in the next one."""
    marks = element.find(f"{_W}pPr/{_W}rPr") if element.tag == f"{_W}p" else None
    return marks is not None and any(marks.find(mark) is not None for mark in UNMARKING)


def _paragraph_of(runs: list[Element]) -> list[Element]:
    paragraph = Element(f"{_W}p")
    paragraph.extend(runs)
    return [paragraph] if runs else []
