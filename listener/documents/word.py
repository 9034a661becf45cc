"""Word files repaired before the parser sees them, since it misses, moves or doubles the following:

::

    characters of symbol fonts, equations     text, in place
    paragraphs whose mark was deleted         joined with the next one
    tables of contents                        dropped
    moved away, deleted, hidden               dropped: a tracked move appears once (``word_styles``: by a style, too)
    readings beside Chinese characters        dropped
    marks inside a word, raised and lowered   plain letters: **P**ersonal, CO~2~ could not be found
    notes, comments                           ``[^1]``, and the note after the paragraph, on its page
    text boxes                                once: the form for older programs goes

Headers and footers, which the parser leaves out, are read here too. Only the parts that hold text are passed on.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from itertools import pairwise
from xml.etree import ElementTree

from listener.documents import equations, symbols, word_styles, word_tracking
from listener.documents.open_document import comment
from listener.documents.package import copied, main_name, part, relations

Element = ElementTree.Element
Targets = dict[str, tuple[str, str]]  # kind and name of related parts, by their ids
Styles = Mapping[str, word_styles.Said]
_MAIN = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
W = f"{{{_MAIN}}}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_COMPATIBLE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
BLOCKS = frozenset(f"{W}{name}" for name in ("body", "tc", "txbxContent", "footnote", "endnote", "hdr", "ftr"))
GONE = frozenset({f"{W}moveFrom", f"{W}del", f"{W}rt", f"{_COMPATIBLE}Fallback"})
LINKS = (f"{W}hyperlink", f"{W}fldSimple")
MARKS = frozenset(
    W + name
    for name in ("b", "i", "u", "strike", "dstrike", "highlight", "bCs", "iCs", "rStyle", "em", "effect", "shd")
)
NOTES = {f"{W}footnoteReference": "footnotes", f"{W}endnoteReference": "endnotes", f"{W}commentReference": "comments"}
PLACED = re.compile(r"^word/(?:footnotes|endnotes|comments)\w*\.xml$")
MARGINS = {f"{W}headerReference": "Header", f"{W}footerReference": "Footer"}
NUMBERS = frozenset({"PAGE", "NUMPAGES", "SECTIONPAGES"})  # fields that say nothing of a document's content
BLANKS = {f"{W}tab": "\t", f"{W}br": " ", f"{W}cr": " "}
NUMBER = "\0"  # marks a page number until it is decided what goes with it
LEAST_LETTERS = 12  # of a line with such a field: "Page 3 of 7" is not content either
MAIN = "word/document.xml"
MOST = 32 * 1024 * 1024  # of a document's XML: its tree takes ten times as much memory
ElementTree.register_namespace("w", _MAIN)
ElementTree.register_namespace("r", _R[1:-1])
ElementTree.register_namespace("mc", _COMPATIBLE[1:-1])
ElementTree.register_namespace("m", equations.M[1:-1])
ElementTree.register_namespace("a", "http://schemas.openxmlformats.org/drawingml/2006/main")
ElementTree.register_namespace("wp", "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing")
ElementTree.register_namespace("wps", "http://schemas.microsoft.com/office/word/2010/wordprocessingShape")
ElementTree.register_namespace("v", "urn:schemas-microsoft-com:vml")


def mended(data: bytes) -> tuple[bytes, str]:
    """Return the file for the parser, and the lines of its headers and footers; as it is if it is unusual."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        main = main_name(archive, MAIN)
        if main not in archive.namelist() or archive.getinfo(main).file_size > MOST:
            return data, ""
        tree, targets = part(archive, main), relations(archive, main)
        if tree is None or tree.tag != f"{W}document":
            return data, ""
        files = {kind.rpartition("/")[2]: target for kind, target in targets.values()}
        styles = word_styles.read_styles(archive, files.get("styles", ""))
        margins = _margins(archive, tree, targets, styles)
        _mend(tree, styles)
        _place_notes(archive, tree, files, styles)
        changed = {main: ElementTree.tostring(tree, "utf-8", xml_declaration=True)}
        return copied(archive, changed, PLACED, main), margins


def _mend(tree: Element, styles: Styles) -> None:
    word_styles.spell_out(tree, styles)
    for parent in list(tree.iter()):
        for child in [child for child in parent if child.tag in GONE or _is_deleted(child)]:
            parent.remove(child)
        word_tracking.join_paragraphs(parent)
        for place, child in enumerate(parent):
            if child.tag in equations.MATHS:
                line = equations.line(child)
                parent[place] = _paragraph(line) if parent.tag in BLOCKS else _run(line, child.tail)
    for run in tree.iter(f"{W}r"):
        _mend_symbols(run)
        _mend_break(run)
    for paragraph in tree.iter(f"{W}p"):
        _mend_words(paragraph)


def _is_deleted(element: Element) -> bool:
    """Tell whether an element is a row that was deleted, a run that is hidden, or a table of contents."""
    if element.tag == f"{W}r":
        return word_styles.hidden(element.find(f"{W}rPr")) is True
    if element.tag == f"{W}sdt":
        gallery = element.find(f"{W}sdtPr/{W}docPartObj/{W}docPartGallery")
        return gallery is not None and gallery.get(f"{W}val") == "Table of Contents" and _ends_with_entries(element)
    return element.tag == f"{W}tr" and element.find(f"{W}trPr/{W}del") is not None


def _ends_with_entries(contents: Element) -> bool:
    """Tell whether a table of contents ends with its entries: somebody may have gone on writing behind them."""
    links = {id(one) for name in LINKS for link in contents.iter(name) for one in link.iter()}
    has_begun = goes_on = False
    for one in contents.iter():
        if one.tag in LINKS or one.tag == f"{W}fldChar":
            has_begun, goes_on = True, False
        elif one.tag == f"{W}t" and has_begun and id(one) not in links:
            goes_on = goes_on or bool((one.text or "").strip())
    return not goes_on


def _run(text: str, tail: str | None = None) -> Element:
    run = Element(f"{W}r")
    ElementTree.SubElement(run, f"{W}t", {"{http://www.w3.org/XML/1998/namespace}space": "preserve"}).text = text
    run.tail = tail
    return run


def _mend_symbols(run: Element) -> None:
    fonts = [word_styles.font(one) for one in run.iterfind(f"{W}rPr/{W}rFonts")]
    font = next(filter(None, fonts), None)
    for place, child in enumerate(run):
        if child.tag == f"{W}sym":
            code = child.get(f"{W}char", "")
            sign = (
                chr(int(code, 16))
                if len(code) <= 4 and all(c in "0123456789abcdefABCDEF" for c in code) and code
                else ""
            )
            shown = symbols.shown(sign, child.get(f"{W}font"))
            run[place] = _run("" if symbols.is_private(shown) else shown, child.tail)[0]
        elif child.tag == f"{W}t" and symbols.is_symbol_font(font):
            child.text = symbols.shown(child.text or "", font)


def _mend_break(run: Element) -> None:
    """Separate the words before a page break from those after it: a run of blanks does not count for the parser."""
    for place, child in enumerate(run):
        if child.tag == f"{W}br" and child.get(f"{W}type") == "page":
            run.insert(place, _run(" ")[0])
            return


def _mend_words(paragraph: Element) -> None:
    """Take the marks from runs that meet inside a word, and raise or lower nothing."""
    runs = [run for run in paragraph.iter(f"{W}r") if run.find(f"{W}t") is not None]
    for run in runs:
        _level(run)
    marked = [(_text(run), _marks(run), run) for run in runs]
    for (before, first, one), (after, second, other) in pairwise(marked):
        if first != second and before[-1:].isalnum() and after[:1].isalnum():
            _unmark(one)
            _unmark(other)


def _level(run: Element) -> None:
    properties = run.find(f"{W}rPr")
    level = None if properties is None else properties.find(f"{W}vertAlign")
    if properties is None or level is None:
        return
    properties.remove(level)
    if level.get(f"{W}val") == "superscript":
        for text in run.findall(f"{W}t"):
            text.text = equations.raised(text.text or "")


def _text(run: Element) -> str:
    return "".join(child.text or "" if child.tag == f"{W}t" else "\n" for child in run if child.tag != f"{W}rPr")


def _marks(run: Element) -> list[tuple[str, str]]:
    return sorted((one.tag, one.get(f"{W}val", "")) for one in run.iterfind(f"{W}rPr/*") if one.tag in MARKS)


def _unmark(run: Element) -> None:
    properties = run.find(f"{W}rPr")
    if properties is not None:
        for mark in [one for one in properties if one.tag in MARKS]:
            properties.remove(mark)


def _place_notes(archive: zipfile.ZipFile, tree: Element, files: Mapping[str, str], styles: Styles) -> None:
    """Write each note after the paragraph or table that refers to it, so that it stays on its page."""
    body = tree.find(f"{W}body")
    if body is None:
        return
    notes = {name: _notes(archive, name, files.get(name, ""), styles) for name in NOTES.values()}
    number, blocks = 0, []
    for block in list(body):
        blocks.append(block)
        for run in [run for run in block.iter(f"{W}r") if any(child.tag in NOTES for child in run)]:
            for place, child in enumerate(run):
                if child.tag in NOTES:
                    note = notes[NOTES[child.tag]].get(child.get(f"{W}id", ""))
                    numbered = bool(note) and NOTES[child.tag] != "comments"
                    number += numbered
                    run[place] = _run(f"[^{number}]" if numbered else "")[0]
                    blocks += [_paragraph(f"[^{number}]: {note}" if numbered else note)] if note else []
    body[:] = blocks


def _paragraph(text: str) -> Element:
    paragraph = Element(f"{W}p")
    paragraph.append(_run(text))
    return paragraph


def _notes(archive: zipfile.ZipFile, name: str, file: str, styles: Styles) -> dict[str, str]:
    tree = part(archive, file)
    if tree is None:
        return {}
    _mend(tree, styles)
    said = {note.get(f"{W}id", ""): note for note in tree if note.get(f"{W}type", "normal") == "normal"}
    texts = {key: " ".join(filter(None, _lines(note))) for key, note in said.items()}
    if name != "comments":
        return texts
    return {key: comment(said[key].get(f"{W}author", ""), text) for key, text in texts.items()}


def _margins(archive: zipfile.ZipFile, tree: Element, targets: Targets, styles: Styles) -> str:
    """Return the text of headers and footers, each line once, marked as such."""
    lines: list[str] = []
    for reference in tree.iter():
        if reference.tag in MARGINS:
            margin = part(archive, targets.get(reference.get(f"{_R}id", ""), ("", ""))[1])
            if margin is not None:
                _mend(margin, styles)
                lines += [f"{MARGINS[reference.tag]}: {line}" for line in _lines(margin) if line]
    return "\n\n".join(dict.fromkeys(lines))


def _lines(element: Element) -> Iterator[str]:
    """Yield the text of each paragraph without page numbers; text beside one counts if it is long."""
    for paragraph in element.iter(f"{W}p"):
        if paragraph.find(f".//{W}p") is not None:  # a text box hangs in it
            continue
        text, numbered = _without_numbers(paragraph)
        pieces = text.split("\t")
        if numbered:
            pieces = [one.replace(NUMBER, "") for one in pieces if NUMBER not in one or _letters(one) >= LEAST_LETTERS]
        yield " ".join(" ".join(pieces).split())


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))


def _without_numbers(paragraph: Element) -> tuple[str, bool]:
    """Return a paragraph's text with ``NUMBER`` for page numbers, and whether there were any."""
    words: list[str] = []
    fields: list[str] = []
    numbered, hidden = False, 0  # texts of a field to come
    for node in paragraph.iter():
        if node.tag == f"{W}fldChar":
            kind = node.get(f"{W}fldCharType")
            if kind == "begin":
                fields.append("")
            elif kind == "end" and fields:
                fields.pop()
        elif node.tag == f"{W}instrText" and fields:
            fields[-1] += node.text or ""
        elif node.tag == f"{W}fldSimple" and _is_number(node.get(f"{W}instr", "")):
            words.append(NUMBER)
            numbered, hidden = True, len(list(node.iter(f"{W}t")))
        elif node.tag in BLANKS:
            words.append(BLANKS[node.tag])
        elif node.tag == f"{W}t" and hidden:
            hidden -= 1
        elif node.tag == f"{W}t":
            paged = any(map(_is_number, fields))
            numbered |= paged
            words.append(NUMBER if paged else node.text or "")
    return "".join(words), numbered


def _is_number(instruction: str) -> bool:
    return not NUMBERS.isdisjoint(instruction.upper().split()[:1])
