"""The XML parts of an office file, which is a zip. A part that declares a DTD is not read: none needs one."""

from __future__ import annotations

import zipfile
from posixpath import dirname, join, normpath
from typing import NoReturn
from xml.etree import ElementTree


class _Builder(ElementTree.TreeBuilder):
    def doctype(self, *_: object) -> NoReturn:
        """End the parse before an entity is declared."""
        raise ElementTree.ParseError("a DTD")


def part(archive: zipfile.ZipFile, name: str) -> ElementTree.Element | None:
    """Return the tree of a part, or None if it is missing, damaged or has a DTD."""
    try:
        return ElementTree.fromstring(archive.read(name), ElementTree.XMLParser(target=_Builder()))
    except (KeyError, ElementTree.ParseError, zipfile.BadZipFile, RuntimeError, ValueError, OSError, EOFError):
        return None


def relations(archive: zipfile.ZipFile, name: str) -> dict[str, tuple[str, str]]:
    """Return type and target of each relation of a part, by its id."""
    folder, _, file = name.rpartition("/")
    tree = part(archive, f"{folder}/_rels/{file}.rels")
    return {
        relation.get("Id", ""): (relation.get("Type", ""), _target(name, relation.get("Target", "")))
        for relation in (() if tree is None else tree)
    }


def _target(name: str, target: str) -> str:
    return target.lstrip("/") if target.startswith("/") else normpath(join(dirname(name), target))
