"""The order of a PowerPoint file's slides and their speaker notes, from its own relations.

The parser takes slides and notes by the numbers in their file names. PowerPoint keeps those numbers when slides are
moved, and numbers notes on their own: the third slide's may be ``notesSlide1.xml``.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from listener.documents.package import part, relations

if TYPE_CHECKING:
    from xml.etree import ElementTree

SLIDE = re.compile(r"ppt/slides/slide(\d+)\.xml")
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"


def in_order(data: bytes, slides: Sequence[str]) -> list[str]:
    """Return the texts of slides (by file number) as the presentation shows them, each with its notes."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        by_number = sorted(filter(SLIDE.fullmatch, archive.namelist()), key=_number)
        if len(by_number) != len(slides):
            return list(slides)
        texts = dict(zip(by_number, slides, strict=True))
        shown = [name for name in _shown(archive) if name in texts]
        order = shown if len(shown) == len(slides) else by_number
        return [_with_notes(texts[name], _notes(archive, name)) for name in order]


def _number(name: str) -> int:
    found = SLIDE.fullmatch(name)
    return int(found[1]) if found else 0


def _shown(archive: zipfile.ZipFile) -> list[str]:
    presentation = part(archive, "ppt/presentation.xml")
    if presentation is None:
        return []
    targets = relations(archive, "ppt/presentation.xml")
    ids = [slide.get(f"{_R}id", "") for slide in presentation.iter(f"{_P}sldId")]
    return [targets[key][1] for key in ids if key in targets]


def _notes(archive: zipfile.ZipFile, slide: str) -> str:
    """Return what stands in the text placeholder of a slide's notes; other shapes hold its picture and number."""
    for kind, target in relations(archive, slide).values():
        if kind.endswith("/notesSlide") and (tree := part(archive, target)) is not None:
            shapes = [shape for shape in tree.iter(f"{_P}sp") if _is_body(shape)]
            lines = [_line(paragraph) for shape in shapes for paragraph in shape.iter(f"{_A}p")]
            return "\n\n".join(filter(None, lines))
    return ""


def _is_body(shape: ElementTree.Element) -> bool:
    holder = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
    return holder is not None and holder.get("type") == "body"


def _line(paragraph: ElementTree.Element) -> str:
    pieces = (node.text or "" if node.tag == f"{_A}t" else "\n" * (node.tag == f"{_A}br") for node in paragraph.iter())
    return "".join(pieces).strip()


def _with_notes(slide: str, notes: str) -> str:
    return f"{slide.strip()}\n\nNotes: {notes}" if notes else slide.strip()
