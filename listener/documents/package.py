"""The XML parts of an office file, which is a zip. A part that declares a DTD is not read: none needs one."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from posixpath import dirname, join, normpath
from typing import NoReturn
from xml.etree import ElementTree

from listener.documents.office_types import DAMAGES
from listener.documents.reading import Malformed

DTD = "a DTD"
TEXTS = re.compile(  # parts that hold what people read
    r"^word/(?:document\d*|header\d*|footer\d*|footnotes|endnotes|comments)\.xml$|^ppt/(?:slides|notesSlides)/[^/]+\.xml$"
    r"|\.x?html?$",
    re.IGNORECASE,
)
STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/([A-Za-z]{1,40})/")
HEAD = 8192
PIECE = 1024 * 1024


class _Builder(ElementTree.TreeBuilder):
    def doctype(self, *_: object) -> NoReturn:
        """End the parse before an entity is declared."""
        raise ElementTree.ParseError(DTD)


def part(archive: zipfile.ZipFile, name: str) -> ElementTree.Element | None:
    """Return the tree of a part, or None if it is missing, damaged or has a DTD."""
    try:
        return _tree(content(archive, name))
    except (*DAMAGES, ElementTree.ParseError):
        return None


def _tree(data: bytes) -> ElementTree.Element:
    """Parse a part; names of the standard's strict form become the usual ones."""
    if b"purl.oclc.org/ooxml" in data[:HEAD]:
        data = STRICT.sub(rb"http://schemas.openxmlformats.org/\1/2006/", data)
    return ElementTree.fromstring(data, ElementTree.XMLParser(target=_Builder()))


def main_part(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    """Return the tree of a required part of a file; raises Malformed with what is wrong with it."""
    try:
        return _tree(content(archive, name))
    except ElementTree.ParseError as error:
        if str(error) == DTD:
            raise Malformed("it declares a DTD, a document type of its own") from None
        raise Malformed(f"its {name} is no XML ({error})") from None
    except DAMAGES as error:
        raise Malformed(f"its {name} can't be read ({error})") from None


def damaged(data: bytes) -> list[str]:
    """Return the names of parts with text whose bytes are damaged: libraries leave them out without a word."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return [name for name in archive.namelist() if TEXTS.search(name) and not _is_sound(archive, name)]


def _is_sound(archive: zipfile.ZipFile, name: str) -> bool:
    try:
        for _ in _pieces(archive, name):
            continue
    except DAMAGES:
        return False
    return True


def content(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return a part's bytes, no more than the directory says; raises one of DAMAGES."""
    return b"".join(_pieces(archive, name))


def _pieces(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """Read piece by piece: all at once, a part is inflated to its end, however small it is said to be."""
    with archive.open(name) as stream:
        while piece := stream.read(PIECE):
            yield piece


def copied(
    archive: zipfile.ZipFile, changed: Mapping[str, bytes], left_out: re.Pattern[str] | None = None, main: str = ""
) -> bytes:
    """Return a file with the parts that hold no pictures, some of them changed, without what is damaged.

    ``main``: the part that becomes ``word/document.xml``, the only name that the parser knows.
    """
    names = {main: "word/document.xml", related(main): related("word/document.xml")} if main else {}
    with BytesIO() as file:
        with zipfile.ZipFile(file, "w") as copy:
            for name in archive.namelist():
                if not name.endswith((".xml", ".rels")) or (left_out and left_out.match(name)):
                    continue
                try:
                    copy.writestr(names.get(name, name), changed.get(name) or content(archive, name))
                except DAMAGES:
                    continue
        return file.getvalue()


def main_name(archive: zipfile.ZipFile, usual: str) -> str:
    """Return the name of an Office file's main part: some programs number it."""
    targets = (target for kind, target in relations(archive, "").values() if kind.endswith("/officeDocument"))
    return next((name for name in targets if name in archive.namelist()), usual)


def related(name: str) -> str:
    """Return the name of the part with another one's relations."""
    folder, _, file = name.rpartition("/")
    return f"{folder}/_rels/{file}.rels".lstrip("/")


def relations(archive: zipfile.ZipFile, name: str) -> dict[str, tuple[str, str]]:
    """Return type and target of each relation of a part, by its id."""
    tree = part(archive, related(name))
    return {
        relation.get("Id", ""): (relation.get("Type", ""), _target(name, relation.get("Target", "")))
        for relation in (() if tree is None else tree)
    }


def _target(name: str, target: str) -> str:
    return target.lstrip("/") if target.startswith("/") else normpath(join(dirname(name), target))
