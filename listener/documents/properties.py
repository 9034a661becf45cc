"""What office files say of themselves: ``docProps/core.xml`` of Office, ``meta.xml`` of OpenDocument."""

from __future__ import annotations

import zipfile
from io import BytesIO
from typing import Any

from listener.documents import reading
from listener.documents.package import part

FILES = ("docProps/core.xml", "meta.xml")
NAMES = {  # local names of elements, by meaning; the first one found counts
    "created": ("created", "creation-date"),
    "modified": ("modified", "date"),
    "language": ("language",),
    "subject": ("subject",),
    "title": ("title",),
}
AUTHORS = ("creator", "initial-creator")
KEYWORDS = ("keywords", "keyword")


def of(data: bytes) -> tuple[str | None, dict[str, Any]]:
    """Return the title and the notes in a file's properties, unchanged."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        trees = [tree for name in FILES if (tree := part(archive, name)) is not None]
    said: dict[str, list[str]] = {}
    for tree in trees:
        for one in tree.iter():
            if one.text and one.text.strip():
                said.setdefault(one.tag.rpartition("}")[2], []).append(one.text)
    values = {name: next((said[key][0] for key in keys if key in said), None) for name, keys in NAMES.items()}
    authors = next((said[key] for key in reversed(AUTHORS) if key in said), [])
    notes = {
        "authors": reading.listed(authors, ";"),
        "created": reading.short(values["created"]),
        "modified": reading.short(values["modified"]),
        "language": reading.short(values["language"]),
        "subject": reading.short(values["subject"]),
        "keywords": reading.listed((one for key in KEYWORDS for one in said.get(key, ())), ";,"),
    }
    return reading.short(values["title"]), notes
