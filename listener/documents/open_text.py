"""OpenDocument texts, from their own ``content.xml``; headers and footers from the page styles in ``styles.xml``.

The parser writes frames twice, loses blanks, numbers what has bullets, and leaves out shapes, headers and footers.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING

from listener.documents import open_styles
from listener.documents.open_document import OFFICE, PARAGRAPHS, STYLE, TEXT, Blocks, line, place_formulas
from listener.documents.package import main_part, part

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MARGINS = {"header": "Header", "header-left": "Header", "header-first": "Header",
           "footer": "Footer", "footer-left": "Footer", "footer-first": "Footer"}  # fmt: skip
NUMBERS = (f"{TEXT}page-number", f"{TEXT}page-count")
LEAST_LETTERS = 12  # of a line with a page number that also contains text worth keeping


def read(data: bytes) -> tuple[list[str], list[str]]:
    """Return the text as Markdown, and what can't be read. Raises Malformed."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        tree, styles = main_part(archive, "content.xml"), part(archive, "styles.xml")
        numbered = frozenset(name for one in (tree, styles) if one is not None for name in _numbered(one))
        named = open_styles.read_styles((styles, tree))
        open_styles.raise_digits(tree, named)
        place_formulas(archive, tree)
        blocks = Blocks(archive, numbered, open_styles.titles(named))
        body = tree.find(f"{OFFICE}body")
        text = list(blocks.read([] if body is None else body))
        margins = [] if styles is None else list(dict.fromkeys(_margins(styles)))
        lost = ["its headers and footers"] if styles is None and "styles.xml" in archive.namelist() else []
        return ["\n\n".join([*text, *margins])], [*blocks.unread, *lost]


def _numbered(tree: Element) -> Iterator[str]:
    """Yield style and level of lists that have numbers."""
    for style in tree.iter(f"{TEXT}list-style"):
        for level in style.iter(f"{TEXT}list-level-style-number"):
            if level.get(f"{STYLE}num-format"):
                yield f"{style.get(f'{STYLE}name')}/{level.get(f'{TEXT}level')}"


def _margins(styles: Element) -> Iterator[str]:
    for page in styles.iter(f"{STYLE}master-page"):
        for margin in page:
            name = MARGINS.get(margin.tag.removeprefix(STYLE))
            for paragraph in margin.iter() if name else ():
                if paragraph.tag in PARAGRAPHS and (text := _without_numbers(paragraph)):
                    yield f"{name}: {text}"


def _without_numbers(paragraph: Element) -> str:
    numbers = [one for one in paragraph.iter() if one.tag in NUMBERS]
    for number in numbers:
        number.text = ""
    text = " ".join(line(paragraph).split())
    return text if not numbers or sum(map(str.isalpha, text)) >= LEAST_LETTERS else ""
