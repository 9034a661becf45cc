"""What the parser gets wrong in PowerPoint files: the order of slides, their notes, words, bars, equations, symbols.

It takes slides and notes by the numbers in their file names. PowerPoint keeps those numbers when slides are moved, and
numbers notes on their own: the third slide's may be ``notesSlide1.xml``. A bar in a cell of a table began another
cell, a line break another row. It puts a blank between any two runs, and PowerPoint begins a
run at each mark, misspelling and change of language.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from io import BytesIO
from xml.etree import ElementTree

from listener.documents import equations, symbols
from listener.documents.package import copied, part, relations

SLIDE = re.compile(r"ppt/slides/slide(\d+)\.xml")
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"

_A14 = "{http://schemas.microsoft.com/office/drawing/2010/main}"
_COMPATIBLE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
BAR = "\ue07c"  # replaces a bar in a cell until the parser is done, which does not know that bars are escaped
FONTS = ("latin", "sym", "ea")
MARKS = ("b", "i", "u", "strike")
UNMARKED = frozenset({None, "0", "false", "none", "noStrike"})
ElementTree.register_namespace("a", _A[1:-1])
ElementTree.register_namespace("p", _P[1:-1])
ElementTree.register_namespace("a14", _A14[1:-1])


def mended(data: bytes) -> bytes:
    """Return the file for the parser, with slides that it reads rightly; as it is if none needs that."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        slides = [(name, part(archive, name)) for name in archive.namelist() if SLIDE.fullmatch(name)]
        changed = {name: ElementTree.tostring(tree) for name, tree in slides if tree is not None and _mend(tree)}
        return copied(archive, changed) if changed else data


def _mend(slide: ElementTree.Element) -> bool:
    """Put a slide right; return whether there was something to do."""
    done = [_drop_numbers(slide), _mend_equations(slide)]
    for table in slide.iter(f"{_A}tbl"):
        for text in table.iter(f"{_A}t"):
            if text.text and "|" in text.text:
                text.text = text.text.replace("|", BAR)
                done.append(True)
        done += map(_join_lines, table.iter(f"{_A}p"))
    for run in slide.iter(f"{_A}r"):
        font = next((one.get("typeface") for name in FONTS for one in run.iterfind(f"{_A}rPr/{_A}{name}")), None)
        for text in run.iterfind(f"{_A}t") if symbols.is_symbol_font(font) else ():
            text.text = symbols.shown(text.text or "", font)
            done.append(True)
    done += map(_mend_words, slide.iter(f"{_A}p"))
    return any(done)


def _join_lines(paragraph: ElementTree.Element) -> bool:
    """Put a blank in place of each line break: in a cell, the parser would begin another row."""
    breaks = [place for place, child in enumerate(paragraph) if child.tag == f"{_A}br"]
    for place in breaks:
        paragraph[place] = ElementTree.Element(f"{_A}r")
        ElementTree.SubElement(paragraph[place], f"{_A}t").text = " "
    return bool(breaks)


def _drop_numbers(slide: ElementTree.Element) -> bool:
    """Take out the places of slides' numbers; return whether there were any."""
    found = False
    for parent in list(slide.iter()):
        for child in [child for child in parent if child.tag == f"{_P}sp" and _holder(child) == "sldNum"]:
            parent.remove(child)
            found = True
    return found


def _mend_words(paragraph: ElementTree.Element) -> bool:
    """Join runs that no blank parts, without their marks if these differ; return whether there were any."""
    before: ElementTree.Element | None = None
    joined = False
    for child in list(paragraph):
        text = child.find(f"{_A}t") if child.tag == f"{_A}r" else None
        if text is None:
            before = before if child.tag == f"{_A}endParaRPr" else None
            continue
        text.text = _raised(child, text.text or "")
        written = None if before is None else before.find(f"{_A}t")
        if before is not None and written is not None and _meet(written.text or "", text.text):
            if _marks(before) != _marks(child):
                _unmark(before)
            written.text = (written.text or "") + text.text
            paragraph.remove(child)
            joined = True
        elif text.text:
            before = child
    return joined


def _meet(before: str, after: str) -> bool:
    return bool(before and after) and not before[-1].isspace() and not after[0].isspace()


def _raised(run: ElementTree.Element, text: str) -> str:
    properties = run.find(f"{_A}rPr")
    level = "" if properties is None else properties.get("baseline", "")
    return equations.raised(text) if level.rstrip("%").isdecimal() and level.strip("0%") else text


def _marks(run: ElementTree.Element) -> list[bool]:
    properties = run.find(f"{_A}rPr")
    return [properties is not None and properties.get(mark) not in UNMARKED for mark in MARKS]


def _unmark(run: ElementTree.Element) -> None:
    properties = run.find(f"{_A}rPr")
    if properties is not None:
        for mark in MARKS:
            properties.attrib.pop(mark, None)


def _mend_equations(slide: ElementTree.Element) -> bool:
    found = False
    for parent in list(slide.iter()):
        for place, child in enumerate(parent):
            if child.tag == f"{_COMPATIBLE}AlternateContent" and next(child.iter(f"{_A14}m"), None) is not None:
                chosen = child.find(f"{_COMPATIBLE}Choice")
                if chosen is not None and len(chosen) == 1:
                    parent[place] = chosen[0]  # the other choice is a picture of it
                    found = True
    for parent in list(slide.iter()):
        for place, child in enumerate(parent):
            if child.tag == f"{_A14}m":
                run = ElementTree.Element(f"{_A}r")
                ElementTree.SubElement(run, f"{_A}t").text = equations.line(child)
                parent[place] = run
                found = True
    return found


def in_order(data: bytes, slides: Sequence[str], damaged: Sequence[str] = ()) -> list[str]:
    """Return the texts of slides (by file number) as the presentation shows them, each with its notes.

    ``damaged``: names of slides that the parser left out; their pages are empty.
    """
    slides = [slide.replace(BAR, "\\|") for slide in slides]
    with zipfile.ZipFile(BytesIO(data)) as archive:
        by_number = sorted(filter(SLIDE.fullmatch, archive.namelist()), key=_number)
        sound = [name for name in by_number if name not in damaged]
        if len(sound) != len(slides):
            return slides
        texts = dict.fromkeys(by_number, "") | dict(zip(sound, slides, strict=True))
        shown = [name for name in _shown(archive) if name in texts]
        order = shown if len(shown) == len(by_number) else by_number
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
    """Return the text placeholder of a slide's notes; other shapes contain its picture and number."""
    for kind, target in relations(archive, slide).values():
        if kind.endswith("/notesSlide") and (tree := part(archive, target)) is not None:
            shapes = [shape for shape in tree.iter(f"{_P}sp") if _is_body(shape)]
            lines = [_line(paragraph) for shape in shapes for paragraph in shape.iter(f"{_A}p")]
            return "\n\n".join(filter(None, lines))
    return ""


def _is_body(shape: ElementTree.Element) -> bool:
    return _holder(shape) == "body"


def _holder(shape: ElementTree.Element) -> str | None:
    """Return what a shape is the place for, if it is one."""
    holder = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
    return None if holder is None else holder.get("type")


def _line(paragraph: ElementTree.Element) -> str:
    pieces = (node.text or "" if node.tag == f"{_A}t" else "\n" * (node.tag == f"{_A}br") for node in paragraph.iter())
    return "".join(pieces).strip()


def _with_notes(slide: str, notes: str) -> str:
    return f"{slide.strip()}\n\nNotes: {notes}" if notes else slide.strip()
