"""Paragraphs, lists, tables and frames of OpenDocument files as Markdown, for texts and slides alike.

Blanks and tabs are elements there. A frame belongs to a paragraph and follows it, once. Notes are ``[^1]``
where they are referred to and follow the paragraph, as comments do.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from listener.documents import mathml
from listener.documents.package import part

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_OASIS = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
DRAW, TEXT, TABLE, SHOW, OFFICE, STYLE = (
    _OASIS % name for name in ("drawing", "text", "table", "presentation", "office", "style")
)
_DC = "{http://purl.org/dc/elements/1.1/}"
PARAGRAPHS = (f"{TEXT}p", f"{TEXT}h")
LINES = frozenset({*PARAGRAPHS, f"{TEXT}span", f"{TEXT}a"})
ASIDE = frozenset({f"{SHOW}notes", f"{OFFICE}forms", f"{TEXT}tracked-changes", f"{TEXT}table-of-content",
                   f"{TEXT}ruby-text", f"{TEXT}note-citation", f"{OFFICE}annotation-end"})  # fmt: skip
BEHIND = frozenset({f"{TEXT}note", f"{OFFICE}annotation"})
BLANKS = {f"{TEXT}tab": "\t", f"{TEXT}line-break": "\n"}
HREF = "{http://www.w3.org/1999/xlink}href"
FORMULA = f"{mathml.MATH}math"
NOTE = "\0note\0"  # where a note is referred to, until it has its number; no text has NULs
DEEPEST = 60  # shapes in groups, lists in lists
MOST_REPEATS = 100  # of a cell or row that is filled
MOST_LEVELS = 6  # of headings in Markdown


class Blocks:
    """Reads blocks of one file; counts its notes. ``lists``: names of list styles that number their items.

    ``titles``: names of styles that make a paragraph the title. ``unread``: what is embedded and damaged, so far.
    """

    def __init__(
        self, archive: zipfile.ZipFile, lists: frozenset[str] = frozenset(), titles: frozenset[str] = frozenset()
    ) -> None:
        self._archive = archive
        self._lists = lists
        self._titles = titles
        self._notes = 0
        self.unread: list[str] = []

    def read(self, element: Iterable[Element], depth: int = 0) -> Iterator[str]:
        """Yield headings, paragraphs, lists and tables in the order of the file."""
        for child in element if depth < DEEPEST else ():
            if child.get(f"{SHOW}class") == "title":
                title = " ".join(filter(None, (line(one) for one in child.iter() if one.tag in PARAGRAPHS)))
                yield from [f"## {' '.join(title.split())}"] if title else []
            elif child.tag in PARAGRAPHS:
                yield from self._paragraph(child, depth)
            elif child.tag == f"{TEXT}list":
                yield from self._list(child, depth)
            elif child.tag == f"{TABLE}table":
                yield from self._table(child, depth)
            elif child.tag == f"{DRAW}object":
                yield from self._embedded(child, depth)
            elif child.tag not in ASIDE and child.tag not in BEHIND and not _is_hidden(child):
                yield from self.read(child, depth + 1)

    def _paragraph(self, paragraph: Element, depth: int) -> Iterator[str]:
        hung: list[Element] = []
        text = "".join(_pieces(paragraph, hung)).strip()
        text, behind = self._numbered(text, hung, depth)
        level = paragraph.get(f"{TEXT}outline-level", "1") if paragraph.tag == f"{TEXT}h" else ""
        level = level or "1" * (paragraph.get(f"{TEXT}style-name") in self._titles)
        if text and level:
            number = min(int(level), MOST_LEVELS) if level.isdecimal() else 1
            text = f"{'#' * max(number, 1)} {' '.join(text.split())}"
        yield from filter(None, [text, *behind])

    def _numbered(self, text: str, hung: list[Element], depth: int) -> tuple[str, list[str]]:
        """Return a text with the numbers of its notes, and what follows it."""
        behind: list[str] = []
        for one in hung:
            if one.tag == f"{TEXT}note":
                self._notes += 1
                text = text.replace(NOTE, f"[^{self._notes}]", 1)
                behind.append(f"[^{self._notes}]: {_words(one)}")
            elif one.tag == f"{OFFICE}annotation":
                behind.append(comment(one.findtext(f"{_DC}creator", ""), _words(one)))
            else:
                behind += self.read_one(one, depth)
        return text, behind

    def read_one(self, element: Element, depth: int) -> Iterator[str]:
        """Yield what a shape or frame has."""
        if element.tag == f"{DRAW}object":
            yield from self._embedded(element, depth)
        else:
            yield from self.read(element, depth + 1)

    def _embedded(self, shown: Element, depth: int) -> Iterator[str]:
        """Yield the content of a sheet, chart or formula: it is a separate document, in a folder of the same zip."""
        name = shown.get(HREF, "").removeprefix("./")
        tree = inside(self._archive, shown)
        if tree is None and f"{name}/content.xml" in self._archive.namelist():
            self.unread.append(f"the embedded {name}")
        if tree is not None and tree.tag == FORMULA:
            yield mathml.line(tree)
        body = None if tree is None else tree.find(f"{OFFICE}body")
        if body is not None:
            yield from self.read(body, depth + DEEPEST // 4)  # objects in objects end soon

    def _list(self, listed: Element, depth: int) -> Iterator[str]:
        """Yield the lines of a list as one block; headings and tables inside it are separate blocks."""
        lines: list[str] = []
        for line_or_block, is_line in self._items(listed, depth, "", listed.get(f"{TEXT}style-name", "")):
            if is_line:
                lines.append(line_or_block)
                continue
            yield from ["\n".join(lines)] if lines else []
            lines = []
            yield line_or_block
        yield from ["\n".join(lines)] if lines else []

    def _items(self, listed: Element, depth: int, indent: str, style: str) -> Iterator[tuple[str, bool]]:
        style = listed.get(f"{TEXT}style-name", style)
        numbered, number = f"{style}/{len(indent) // 2 + 1}" in self._lists, 0
        for item in listed if depth < DEEPEST else ():
            mark = f"{number + 1}." if numbered else "-"
            for child in item:
                if child.tag == f"{TEXT}list":
                    yield from self._items(child, depth + 1, indent + "  ", style)
                elif child.tag == f"{TEXT}p":
                    for block in self._paragraph(child, depth + 1):
                        yield f"{indent}{mark} {' '.join(block.split())}", True
                        mark = " " * len(mark)
                else:
                    yield from ((block, False) for block in self.read([child], depth + 1))
            number += item.tag == f"{TEXT}list-item" and mark.isspace()

    def _table(self, table: Element, depth: int) -> Iterator[str]:
        rows: list[list[str]] = []
        behind: list[str] = []
        for row in _rows(table):
            cells = [text for cell in row for text in self._cells(cell, behind, depth)]
            rows += [cells] * (min(_count(row, "rows"), MOST_REPEATS) if any(cells) else 0)
        width = max((len(row) for row in rows), default=0)
        if rows:
            lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
            yield "\n".join([lines[0], "| --- " * width + "|", *lines[1:]])
        yield from behind

    def _cells(self, cell: Element, behind: list[str], depth: int) -> list[str]:
        if cell.tag == f"{TABLE}covered-table-cell":
            return [""] * min(_count(cell, "columns"), MOST_REPEATS)
        if cell.tag != f"{TABLE}table-cell":
            return []
        hung: list[Element] = []
        text, more = self._numbered("".join(_pieces(cell, hung)), hung, depth)
        behind += (one for one in more if one.startswith(("[^", "Comment")))
        text = " ".join(" ".join([text, *(one for one in more if not one.startswith(("[^", "Comment")))]).split())
        return [text.replace("|", "\\|")] * min(_count(cell, "columns"), MOST_REPEATS if text else 1)


def inside(archive: zipfile.ZipFile, shown: Element) -> Element | None:
    """Return what is embedded: a document in a folder of the same zip, or written out; None if that can't be read."""
    name = shown.get(HREF, "").removeprefix("./")
    return part(archive, f"{name}/content.xml") if name else next(iter(shown), None)


def place_formulas(archive: zipfile.ZipFile, tree: Element) -> None:
    """Write formulas of a paragraph where they stand in it; other things that hang there follow it."""
    for parent in [one for one in tree.iter() if one.tag in LINES]:
        for place, frame in enumerate(parent):
            shown = frame.find(f"{DRAW}object") if frame.tag == f"{DRAW}frame" else None
            formula = None if shown is None else inside(archive, shown)
            if formula is not None and formula.tag == FORMULA:
                parent[place] = frame.makeelement(f"{TEXT}span", {})
                parent[place].text, parent[place].tail = mathml.line(formula), frame.tail


def comment(author: str, words: str) -> str:
    """Return a comment, said to be one; nothing if it is empty."""
    by = f" by {' '.join(author.split())}" if author.strip() else ""
    return f"Comment{by}: {words}" if words else ""


def line(element: Element) -> str:
    """Return the text of a paragraph, without what hangs in it."""
    return "".join(_pieces(element, [])).replace(NOTE, "").strip()


def _words(note: Element) -> str:
    return " ".join(" ".join(line(one) for one in note.iter() if one.tag in PARAGRAPHS).split())


def _pieces(element: Element, hung: list[Element], depth: int = 0) -> Iterator[str]:
    """Yield the text inside an element; blanks are elements too. What hangs in it is put aside."""
    yield BLANKS.get(element.tag, "") or " " * _repeated(element) or element.text or ""
    for child in element if depth < DEEPEST else ():
        if child.tag in BEHIND or child.tag.startswith(DRAW):
            hung.append(child)
            yield NOTE if child.tag == f"{TEXT}note" else ""
        elif child.tag not in ASIDE and not _is_hidden(child):
            yield from _pieces(child, hung, depth + 1)
        yield ("\n" if child.tag in PARAGRAPHS else "") + (child.tail or "")


def _is_hidden(element: Element) -> bool:
    """Tell whether nobody sees a section or a text: always, or as its condition came out."""
    return element.get(f"{TEXT}display") == "none" or element.get(f"{TEXT}is-hidden") == "true"


def _repeated(element: Element) -> int:
    if element.tag != f"{TEXT}s":
        return 0
    count = element.get(f"{TEXT}c", "1")
    return min(int(count), 100) if count.isdecimal() and len(count) < 10 else 1


def _rows(table: Element, depth: int = 0) -> Iterator[Element]:
    for child in table if depth < DEEPEST else ():
        if child.tag == f"{TABLE}table-row":
            yield child
        elif child.tag != f"{TABLE}table-cell":
            yield from _rows(child, depth + 1)


def _count(element: Element, what: str) -> int:
    count = element.get(f"{TABLE}number-{what}-repeated", "1")
    return max(int(count), 1) if count.isdecimal() and len(count) < 10 else 1
