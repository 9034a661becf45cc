"""What is sent for a chunk, and in which groups."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from listener.documents.markdown.searchable import searchable

DEFAULT_TEMPLATE = "{title}\n{heading_path}\n\n{text}"
"""Title, heading path, an empty line, then the chunk's text."""

_FIELD = re.compile(r"\{(title|heading_path|text)\}")


def embedding_input(template: str, prefix: str, *, title: str | None, heading_path: Sequence[str], text: str) -> str:
    """Return what is embedded for a chunk: the prefix, then the template with its fields filled in.

    Headings are joined with ``>``; a first heading that repeats the title is left out. Lines of the template whose
    fields are all empty are dropped with everything else in them, and so are empty lines that are then at its
    begin, at its end or side by side. Values go in as they are searched (``searchable``), as a query's text does; their
    braces and empty lines mean nothing.
    """
    title = (title or "").strip()
    headings = heading_path[1:] if heading_path and heading_path[0] == title else heading_path
    values = {
        "title": searchable(title),
        "heading_path": searchable(" > ".join(headings)),
        "text": searchable(text),
    }
    return prefix + "\n".join(_filled_lines(template, values))


def _filled_lines(template: str, values: dict[str, str]) -> list[str]:
    filled: list[str] = []
    for line in _lines(template):
        if line.fields and not any(values[name] for name in line.fields):
            continue
        if not line.is_blank or (filled and filled[-1].strip()):
            filled.append("".join([values[piece] if is_field else piece for is_field, piece in line.pieces]))
    while filled and not filled[-1].strip():
        filled.pop()
    return filled


class _Line(NamedTuple):
    """A line of a template: names of fields and the text between them."""

    pieces: tuple[tuple[bool, str], ...]
    fields: tuple[str, ...]
    is_blank: bool


@lru_cache(maxsize=64)
def _lines(template: str) -> tuple[_Line, ...]:
    """Return the lines of a template; each chunk of a collection asks for the same."""
    found = []
    for line in template.strip("\n").split("\n"):
        parts = _FIELD.split(line)  # text, name, text, name, text
        pieces = tuple((bool(place % 2), part) for place, part in enumerate(parts) if part)
        found.append(_Line(pieces, tuple(parts[1::2]), not line.strip()))
    return tuple(found)


def text_hash(embedding_input: str, tenant: str = "") -> bytes:
    """Return the SHA-256 (32 bytes) of what is embedded: the same text in the same space is embedded once per tenant.

    For a tenant with a name, it is that of tenant, NUL and text, as in the SQL function ``ingest_text_hash``.
    """
    salted = f"{tenant}\0{embedding_input}" if tenant else embedding_input
    return sha256(salted.encode("utf-8", "surrogatepass")).digest()


def encodable(text: str) -> str:
    """Return a text that can be encoded: a lone surrogate becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def groups(lengths: Sequence[int], max_texts: int, max_characters: int) -> Iterator[range]:
    """Yield ranges of neighbouring texts, in order, each as full as a call may be; a longer text goes alone."""
    start = characters = 0
    for at, length in enumerate(lengths):
        if at > start and (at - start == max_texts or characters + length > max_characters):
            yield range(start, at)
            start, characters = at, 0
        characters += length
    if start < len(lengths):
        yield range(start, len(lengths))
