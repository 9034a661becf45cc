"""What a worker sends back for a document, and the limits of what documents say of themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pickle import PickleBuffer
from typing import Any, NamedTuple

MOST_CHARACTERS = 1000  # of one value
MOST_VALUES = 100  # of one list
DATE = re.compile(r"[1-9]\d{3}(-\d\d(-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?)?)?")
LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")

PartSent = tuple[str, "str | None", Any]  # name, media type, bytes as the text


class Reading(NamedTuple):
    """A parsed document on its way from a worker; the text as UTF-8, beside the pickle, as are the parts' bytes.

    ``kind`` is the media type of the text, None for that of the document.
    """

    text: Any  # a PickleBuffer when it is sent, a memoryview when it arrives
    title: str | None = None
    notes: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it
    pages: Sequence[int] = ()
    parts: Sequence[PartSent] = ()
    kind: str | None = None


def as_buffer(text: str) -> PickleBuffer:
    """Return text as a worker sends it: no NUL, no lone surrogates, which a damaged font may produce."""
    return PickleBuffer(text.replace("\0", "").encode("utf-8", "replace"))


def short(value: Any) -> str | None:
    """Return a value in one line and in bounds, or None if nothing is left."""
    line = " ".join(CONTROLS.sub(" ", str(value or "")).split())
    return line[:MOST_CHARACTERS] or None


def listed(values: Iterable[Any], separators: str) -> list[str]:
    """Return values one by one: programs write several authors or keywords into one field."""
    pattern = re.compile(f"[{re.escape(separators)}]")
    found = (short(piece) for value in values for piece in pattern.split(str(value)))
    return list(dict.fromkeys(piece for piece in found if piece))[:MOST_VALUES]


def sane(notes: dict[str, Any]) -> dict[str, Any]:
    """Return the notes without what is empty, or no date or language although it stands in their place."""
    for key in ("created", "modified", "date"):
        if not DATE.fullmatch(str(notes.get(key) or "")):
            notes.pop(key, None)
    if not LANGUAGE.fullmatch(str(notes.get("language") or "")):
        notes.pop("language", None)
    return {key: value for key, value in notes.items() if value not in (None, "", [], {})}
