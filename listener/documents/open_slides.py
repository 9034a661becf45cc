"""The slides of an OpenDocument presentation, from its own ``content.xml``.

The parser leaves out the text of custom shapes, which is what Impress draws today, writes titles twice, and adds the
placeholders of the master slides.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING

from listener.documents.package import part

if TYPE_CHECKING:
    from xml.etree import ElementTree

_OASIS = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
_DRAW, _TEXT, _TABLE, _SHOW, _OFFICE = (
    _OASIS % name for name in ("drawing", "text", "table", "presentation", "office")
)
PARAGRAPHS = (f"{_TEXT}p", f"{_TEXT}h")
ASIDE = (f"{_SHOW}notes", f"{_OFFICE}annotation", f"{_OFFICE}forms")
BLANKS = {f"{_TEXT}tab": " ", f"{_TEXT}line-break": "\n"}
HREF = "{http://www.w3.org/1999/xlink}href"
DEEPEST = 60  # shapes in groups, lists in lists


def markdown(data: bytes) -> list[str] | None:
    """Return the Markdown of each slide, its notes at the end, or None if the file can't be read so."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        tree = part(archive, "content.xml")
        if tree is None:
            return None
        return [_slide(archive, slide) for slide in tree.iter(f"{_DRAW}page")]


def _slide(archive: zipfile.ZipFile, slide: ElementTree.Element) -> str:
    blocks = sorted(_blocks(archive, slide), key=lambda block: not block.startswith("## "))  # the title first
    frames = [frame for frame in slide.iter(f"{_DRAW}frame") if frame.get(f"{_SHOW}class") == "notes"]
    notes = [_line(line) for frame in frames for line in frame.iter() if line.tag in PARAGRAPHS]
    if told := "\n\n".join(filter(None, notes)):
        blocks.append(f"Notes: {told}")
    return "\n\n".join(blocks)


def _blocks(archive: zipfile.ZipFile, element: ElementTree.Element, depth: int = 0) -> Iterator[str]:
    """Yield headings, paragraphs, lists and tables in the order of the file."""
    for child in element if depth < DEEPEST else ():
        if child.get(f"{_SHOW}class") == "title":
            title = " ".join(filter(None, (_line(line) for line in child.iter() if line.tag in PARAGRAPHS)))
            yield from [f"## {' '.join(title.split())}"] if title else []
        elif child.tag in PARAGRAPHS:
            yield from filter(None, [_line(child)])
        elif child.tag == f"{_TEXT}list":
            yield from filter(None, ["\n".join(_items(child))])
        elif child.tag == f"{_TABLE}table":
            yield from filter(None, [_table(child)])
        elif child.tag == f"{_DRAW}object":
            yield from _embedded(archive, child, depth)
        elif child.tag not in ASIDE:
            yield from _blocks(archive, child, depth + 1)


def _embedded(archive: zipfile.ZipFile, shown: ElementTree.Element, depth: int) -> Iterator[str]:
    """Yield what a sheet or chart inside a slide has: it is a document of its own, in a folder of the same zip."""
    name = shown.get(HREF, "").removeprefix("./")
    tree = part(archive, f"{name}/content.xml") if name else None
    body = None if tree is None else tree.find(f"{_OFFICE}body")
    if body is not None:
        yield from _blocks(archive, body, depth + DEEPEST // 4)  # objects in objects end soon


def _items(listed: ElementTree.Element, depth: int = 0) -> Iterator[str]:
    for item in listed if depth < DEEPEST else ():
        for child in item:
            if child.tag == f"{_TEXT}list":
                yield from _items(child, depth + 1)
            elif child.tag in PARAGRAPHS and (line := _line(child)):
                yield f"{'  ' * depth}- {' '.join(line.split())}"


def _table(table: ElementTree.Element) -> str:
    cells = [[_cell(cell) for cell in row] for row in table.iter(f"{_TABLE}table-row")]
    width = max(map(len, cells), default=0)
    rows = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in cells if any(row)]
    return "\n".join([*rows[:1], "| --- " * width + "|", *rows[1:]]) if rows else ""


def _cell(cell: ElementTree.Element) -> str:
    return " ".join(_line(cell).split()).replace("|", "\\|")


def _line(element: ElementTree.Element) -> str:
    return "".join(_pieces(element)).strip()


def _pieces(element: ElementTree.Element, depth: int = 0) -> Iterator[str]:
    """Yield the text inside an element; blanks are elements too."""
    yield BLANKS.get(element.tag, "") or " " * _repeated(element) or element.text or ""
    for child in element if depth < DEEPEST else ():
        if child.tag not in ASIDE:
            yield from _pieces(child, depth + 1)
        yield ("\n" if child.tag in PARAGRAPHS else "") + (child.tail or "")


def _repeated(element: ElementTree.Element) -> int:
    if element.tag != f"{_TEXT}s":
        return 0
    count = element.get(f"{_TEXT}c", "1")
    return min(int(count), 100) if count.isdecimal() else 1
