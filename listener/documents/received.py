"""What came from a worker of one document, checked before anything is made of it: it may be a document's doing."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from listener.documents.parsed import Part
from listener.documents.reading import Malformed, Reading, short
from listener.documents.returned import clean

MEDIA_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,150}")
MOST_NOTES = 1024 * 1024  # bytes, as JSON
DEEPEST = 32  # levels of what notes hold
MOST_DIGITS = 10**300

_READING = TypeAdapter(Reading)


def reading(answer: Any) -> Reading:
    """Return a format's answer as what it has to be; raises Malformed."""
    try:
        read = answer if isinstance(answer, Reading) else _READING.validate_python(answer)
    except (ValidationError, RecursionError):
        raise Malformed("its format returned no Reading") from None
    if not isinstance(read.text, (bytes, bytearray, memoryview)):
        raise Malformed("its format returned a text that is not in bytes")
    if read.kind is not None and not MEDIA_TYPE.fullmatch(read.kind):
        raise Malformed("its format named no media type")
    return read._replace(title=short(read.title), notes=notes(read.notes))


def text(decoded: str) -> str:
    """Return text without what Postgres can't hold."""
    return decoded.replace("\0", "") if "\0" in decoded else decoded


def pages(starts: Sequence[int], characters: int) -> tuple[int, ...]:
    """Return where pages begin, in order and inside of the text; raises Malformed."""
    places = tuple(starts)
    if any(after < before for before, after in zip((0, *places), (*places, characters), strict=True)):
        raise Malformed("its pages do not lie in its text, one after the other")
    return places


def parts(read: Reading) -> list[Part]:
    """Return the documents inside; raises Malformed."""
    found = []
    for name, kind, data in read.parts:
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise Malformed("its format returned a part that is not in bytes")
        known = kind if kind is None or MEDIA_TYPE.match(kind) else None
        found.append(Part(short(name) or "part", known and known[:255], bytes(data)))
    return found


def unread(read: Reading) -> list[str]:
    """Return what of the document could not be read."""
    return [name for name in map(short, read.unread) if name]


def notes(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata as jsonb takes them; raises Malformed."""
    try:
        kept: dict[str, Any] = clean(_plain(dict(given), DEEPEST))
        size = len(json.dumps(kept, ensure_ascii=False, allow_nan=False).encode())
    except (TypeError, ValueError, RecursionError):
        raise Malformed("its metadata is too deep, or has a number that is none") from None
    if size > MOST_NOTES:
        raise Malformed(f"its metadata has {size} bytes")
    return kept


def _plain(value: Any, levels: int) -> Any:
    """Return what jsonb takes; raises ValueError."""
    if isinstance(value, (dict, list, tuple)):
        if not levels:
            raise ValueError
        if isinstance(value, dict):
            return {str(key): _plain(one, levels - 1) for key, one in value.items()}
        return [_plain(one, levels - 1) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError
    if isinstance(value, int) and abs(value) > MOST_DIGITS:
        raise ValueError
    if not isinstance(value, (str, int, float, bool, type(None))):
        raise TypeError
    return value
