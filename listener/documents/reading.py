"""What a document format is: what it is given, what it sends back from a worker, and how much of it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

MOST_CHARACTERS = 1000  # of one value
MOST_VALUES = 100  # of one list
DATE = re.compile(r"[1-9]\d{3}(-\d\d(-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?)?)?")
LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}")
NOBODY = frozenset({
    "anonymous", "unspecified", "unknown", "unknown author", "author", "none", "null", "n/a", "not available",
    "python-docx", "openpyxl", "microsoft office user",
})  # fmt: skip
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")

NOT_IN_A_NAME = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff/\\]+")

PartSent = tuple[str, "str | None", Any]  # name, media type, bytes as the text


class About(NamedTuple):
    """What is known of a document's bytes before they are read.

    ``uri`` names it in errors; ``media_type`` is what it was decided to be; ``promised`` what it was declared to be, or
    else its name stands for. ``charset`` was declared, in lower case. ``told`` is False where nothing but the bytes
    says that this is text. ``ocr``: the languages of scanned documents and the folder with Tesseract's data of them.
    """

    uri: str
    media_type: str
    promised: str = ""
    charset: str | None = None
    told: bool = True
    ocr: tuple[str, str] | None = None


class Malformed(Exception):
    """The bytes are not what the format takes; the message says what is wrong with them."""


class Reading(NamedTuple):
    """A parsed document on its way from a worker; the text as UTF-8, as ``as_buffer`` makes it, and the parts' bytes.

    ``kind`` is the media type of the text, None for that of the document. ``unread``: what of the document the text
    lacks since it could not be read, each named for people (``page 3``, ``sheet 'Prices'``).
    """

    text: Any  # bytes, or another buffer, when it is sent
    title: str | None = None
    notes: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it
    pages: Sequence[int] = ()
    parts: Sequence[PartSent] = ()
    kind: str | None = None
    unread: Sequence[str] = ()


Read = Callable[[bytes, About], Reading]


@dataclass(frozen=True, slots=True)
class DocumentFormat:
    """How documents of a format are recognized and read.

    ``read`` runs in a worker process, so it must be a function of a module. It reaches no network, starts no process
    and writes no file (``confinement``). For a document that it can't read it raises
    DocumentError, Malformed with what is wrong, or anything.
    ``extensions``: the media types of the format, and the extensions of each, separated by blanks.
    ``names``: whole names, in lower case, with the media type of each; ``aliases``: other words for these
    media types.
    ``starts``: what its documents begin with, and the media type of that. If there are any, a document
    that begins otherwise is not of this format, whatever it is promised to be: ``otherwise`` says what it is, given the
    data and the promise, None if it is damaged.
    ``takes`` tells whether a media type that no format lists is one of this format.
    ``pictures``: media types that are of the format only where OCR is set up.
    ``here`` reads simple documents in the listener, when a worker would only cost time, and returns None for others.
    ``attempts``: functions to try before ``read``, each with its share of the time limit; time and memory that they run
    out of are no error.
    """

    read: Read
    extensions: Mapping[str, str]
    names: Mapping[str, str] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    starts: Sequence[tuple[bytes, str]] = ()
    otherwise: Callable[[bytes, str], str | None] | None = None
    takes: Callable[[str], bool] | None = None
    pictures: frozenset[str] = frozenset()
    here: Callable[[bytes, About], Awaitable[str | None]] | None = None
    attempts: Callable[[bytes, About], Sequence[tuple[Read, float]]] | None = None


def as_buffer(text: str) -> bytes:
    """Return text as a worker sends it: no NUL, no lone surrogates, which a damaged font may produce."""
    return text.replace("\0", "").encode("utf-8", "replace")


def short(value: Any) -> str | None:
    """Return a value in one line and in bounds, or None if nothing is left."""
    line = " ".join(CONTROLS.sub(" ", str(value or "")).split())
    return line[:MOST_CHARACTERS] or None


def safe_name(name: str) -> str:
    """Return a name without the signs of paths: it becomes a part of the document's URI."""
    return " ".join(NOT_IN_A_NAME.sub(" ", name).split()).strip(". ")


def listed(values: Iterable[Any], separators: str) -> list[str]:
    """Return values one by one: programs write several authors or keywords into one field."""
    alike = str.maketrans(dict.fromkeys(separators, separators[0]))
    found = (short(piece) for value in values for piece in str(value).translate(alike).split(separators[0]))
    return list(dict.fromkeys(piece for piece in found if piece))[:MOST_VALUES]


def _is_nobody(said: str) -> bool:
    return said.strip("()[]<> ").casefold() in NOBODY if said else False


def sane(notes: dict[str, Any]) -> dict[str, Any]:
    """Return the notes without empty values, what programs put in place of a name, invalid dates and languages."""
    if notes.get("authors"):
        notes["authors"] = [one for one in notes["authors"] if not _is_nobody(one)]
    if _is_nobody(str(notes.get("subject") or "")):
        notes.pop("subject")
    for key in ("created", "modified", "date"):
        if not DATE.fullmatch(str(notes.get(key) or "")):
            notes.pop(key, None)
    if not LANGUAGE.fullmatch(str(notes.get("language") or "")):
        notes.pop("language", None)
    return {key: value for key, value in notes.items() if value not in (None, "", [], {})}
