"""What styles of a Word file say about text: a symbol font, or that nobody sees it.

A run may have either by itself, by a style of its own or of its paragraph, and these by the style that they are based
on. The parser, and what mends symbols and hidden text, look at the run alone.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from listener.documents import symbols
from listener.documents.office_types import DAMAGES
from listener.documents.package import content, part

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FONTS, _HIDDEN = f"{_W}rFonts", f"{_W}vanish"
_OFF = frozenset({"0", "false", "off"})
WORDS = (b"vanish", b'"Symbol', b'"Wingdings', b'"Webdings', b"Zapf", b"Monotype Sorts")
MOST_BASES = 20  # styles that one is based on, one through the other

Said = Mapping[str, "Element"]  # properties of runs, by their names


def hidden(properties: Element | None) -> bool | None:
    """Tell whether properties of a run hide it; None if they don't say."""
    found = None if properties is None else properties.find(_HIDDEN)
    return None if found is None else found.get(f"{_W}val", "1") not in _OFF


def read_styles(archive: zipfile.ZipFile, name: str) -> dict[str, Said]:
    """Return the styles that choose a symbol font or hide, by id, with those properties.

    Most files have none, and the part is as large as the text: it is parsed only if it has the words.
    """
    try:
        written = content(archive, name)
        tree = part(archive, name) if any(word in written for word in WORDS) else None
    except DAMAGES:
        return {}
    styles = {} if tree is None else {one.get(f"{_W}styleId", ""): one for one in tree.iter(f"{_W}style")}
    if not any(_says(one) for one in styles.values()):
        return {}
    return {name: said for name, one in styles.items() if (said := _all(one, styles))}


def _says(style: Element) -> bool:
    properties = style.find(f"{_W}rPr")
    fonts = None if properties is None else properties.find(_FONTS)
    return hidden(properties) is not None or symbols.is_symbol_font(font(fonts))


def font(fonts: Element | None) -> str | None:
    """Return the font of Latin letters."""
    return None if fonts is None else fonts.get(f"{_W}ascii") or fonts.get(f"{_W}hAnsi")


def _all(style: Element, styles: Mapping[str, Element]) -> Said:
    """Return what a style says, and what those that it is based on say where it is silent."""
    said: dict[str, Element] = {}
    for one in _bases(style, styles):
        properties = one.find(f"{_W}rPr")
        for name in (_FONTS, _HIDDEN):
            found = None if properties is None else properties.find(name)
            if found is not None and (name == _HIDDEN or font(found)):
                said.setdefault(name, found)
    is_plain = not symbols.is_symbol_font(font(said.get(_FONTS)))
    return {name: one for name, one in said.items() if name == _HIDDEN or not is_plain}


def _bases(style: Element, styles: Mapping[str, Element]) -> Iterator[Element]:
    current: Element | None = style
    for _ in range(MOST_BASES):
        if current is None:
            return
        yield current
        base = current.find(f"{_W}basedOn")
        current = None if base is None else styles.get(base.get(f"{_W}val", ""))


def spell_out(tree: Element, styles: Mapping[str, Said]) -> None:
    """Give each run what its styles say, unless it says otherwise."""
    for paragraph in tree.iter(f"{_W}p") if styles else ():
        around = _of(paragraph.find(f"{_W}pPr/{_W}pStyle"), styles)
        for run in paragraph.iter(f"{_W}r"):
            own = run.find(f"{_W}rPr")
            style = _of(None if own is None else own.find(f"{_W}rStyle"), styles)
            _add(run, own, {**around, **style})


def _of(named: Element | None, styles: Mapping[str, Said]) -> Said:
    return {} if named is None else styles.get(named.get(f"{_W}val", ""), {})


def _add(run: Element, own: Element | None, said: Said) -> None:
    for name, value in said.items():
        if own is None:
            own = run.makeelement(f"{_W}rPr", {})
            run.insert(0, own)
        found = own.find(name)
        if found is None or (name == _FONTS and font(found) is None):
            own.append(value)
