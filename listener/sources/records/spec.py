"""What a request says of its records, and which documents are containers of records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from posixpath import basename, splitext
from typing import Any

from listener.errors import RequestError

JSON_LINES = "json_lines"
CSV = "csv"
TSV = "tsv"
KINDS = {
    "application/x-ndjson": JSON_LINES,
    "application/ndjson": JSON_LINES,
    "application/jsonl": JSON_LINES,
    "application/x-jsonl": JSON_LINES,
    "application/jsonlines": JSON_LINES,
    "application/x-jsonlines": JSON_LINES,
    "text/csv": CSV,
    "application/csv": CSV,
    "text/tab-separated-values": TSV,
}
ENDINGS = {".jsonl": JSON_LINES, ".ndjson": JSON_LINES, ".csv": CSV, ".tsv": TSV, ".tab": TSV}
UNTOLD = frozenset({"", "application/octet-stream", "binary/octet-stream", "application/x-unknown", "unknown/unknown"})
KEYS = ("text", "id", "title", "metadata")
MOST_BYTES = 2500  # of all names together: a container's format, which repeats them, stays below 4 KB
EXAMPLE = 'like {"text": "body", "id": "id", "title": "title", "metadata": ["author", "tags"]}'


@dataclass(frozen=True, slots=True)
class RecordSpec:
    """The fields of a record that make its text (joined in this order), its id, its title and its metadata."""

    text: tuple[str, ...]
    id: str | None = None
    title: str | None = None
    metadata: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All fields that are named, each once."""
        single = [name for name in (self.id, self.title) if name is not None]
        return tuple(dict.fromkeys([*self.text, *single, *self.metadata]))

    def as_json(self) -> dict[str, Any]:
        """Return the spec as plain JSON values."""
        return asdict(self)


def parse_spec(given: object) -> RecordSpec:
    """Return what the option ``record`` says; raises RequestError ``invalid_option``."""
    if not isinstance(given, Mapping):
        raise _invalid("must be an object")
    if unknown := sorted(set(given) - set(KEYS)):
        raise _invalid(f"has an unknown key, {unknown[0]!r}: known are {', '.join(KEYS)}")
    spec = RecordSpec(
        text=_several(given, "text"),
        id=_one(given, "id"),
        title=_one(given, "title"),
        metadata=_several(given, "metadata"),
    )
    if not spec.text:
        raise _invalid("does not say which field is the text")
    if (size := len(json.dumps(spec.names).encode())) > MOST_BYTES:
        raise _invalid(f"names fields of {size} bytes together, {MOST_BYTES} are allowed")
    return spec


def kind_of(uri: str, media_type: str | None = None) -> str | None:
    """Return the kind of container a document is (``json_lines``, ``csv``, ``tsv``), None if it is none.

    As everywhere, what it is declared to be counts before the ending of its name.
    """
    declared = (media_type or "").partition(";")[0].strip().lower()
    return ENDINGS.get(_ending(uri)) if declared in UNTOLD else KINDS.get(declared)


def _ending(uri: str) -> str:
    place, _, inside = uri.partition("#")  # a member of an archive
    return splitext(basename(inside or (place.partition("?")[0] if "://" in place else place)))[1].lower()


def _one(given: Mapping[str, Any], key: str) -> str | None:
    name = given.get(key)
    if name is not None and not _is_name(name):
        raise _invalid(f"has a {key!r} that is not the name of a field")
    return name


def _several(given: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = given.get(key)
    names = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(map(_is_name, names)):
        raise _invalid(f"has a {key!r} that is neither the name of a field nor a list of them")
    return tuple(dict.fromkeys(names))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and "\0" not in value


def _invalid(what: str) -> RequestError:
    return RequestError("invalid_option", f"'record' {what}", EXAMPLE)
