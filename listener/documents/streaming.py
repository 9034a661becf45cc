"""XML read piece by piece: a sheet's tree would take ten times as much memory. A DTD is refused, as in ``package``."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from typing import Any
from xml.parsers import expat

UNREADABLE = (KeyError, expat.ExpatError, zipfile.BadZipFile, zlib.error, RuntimeError, ValueError, OSError, EOFError)
PIECE = 256 * 1024


class Declared(expat.ExpatError):
    """The document has a DTD."""


def parse(
    archive: zipfile.ZipFile,
    name: str,
    start: Callable[[str, dict[str, str]], Any],
    end: Callable[[str], Any],
    text: Callable[[str], Any],
    read: Callable[[int], Any] = lambda _: None,
) -> None:
    """Call ``start``, ``end`` and ``text`` for what a part has, with local names of elements; raises UNREADABLE.

    ``read``: is told how many bytes each piece has.
    """
    parser = expat.ParserCreate()
    names: dict[str, str] = {}

    def local(tag: str) -> str:
        known = names.get(tag)
        if known is None:
            known = names[tag] = tag.rpartition(":")[2]
        return known

    def refuse(*_: object) -> None:
        raise Declared("a DTD")

    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = lambda tag, attributes: start(local(tag), attributes)
    parser.EndElementHandler = lambda tag: end(local(tag))
    parser.CharacterDataHandler = text
    with archive.open(name) as stream:
        while piece := stream.read(PIECE):
            parser.Parse(piece, False)
            read(len(piece))
    parser.Parse(b"", True)
