"""The slides of an OpenDocument presentation, from its own ``content.xml``.

The parser leaves out the text of custom shapes, which is what Impress draws today, writes titles twice, and adds the
placeholders of the master slides.
"""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import TYPE_CHECKING

from listener.documents.open_document import DRAW, PARAGRAPHS, SHOW, Blocks, line
from listener.documents.package import main_part

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


def read(data: bytes) -> tuple[list[str], list[str]]:
    """Return the Markdown of each slide, its notes at the end, and what can't be read. Raises Malformed."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        tree = main_part(archive, "content.xml")
        blocks = Blocks(archive)
        return [_slide(blocks, slide) for slide in tree.iter(f"{DRAW}page")] or [""], blocks.unread


def _slide(blocks: Blocks, slide: Element) -> str:
    found = sorted(blocks.read(slide), key=lambda block: not block.startswith("## "))  # the title first
    frames = [frame for frame in slide.iter(f"{DRAW}frame") if frame.get(f"{SHOW}class") == "notes"]
    notes = [line(one) for frame in frames for one in frame.iter() if one.tag in PARAGRAPHS]
    if told := "\n\n".join(filter(None, notes)):
        found.append(f"Notes: {told}")
    return "\n\n".join(found)
