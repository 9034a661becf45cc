"""From a record's fields to its id, text, title and metadata. Runs in workers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from listener.errors import DocumentError
from listener.sources.records.spec import RecordSpec

MISSING = object()
SURROGATES = re.compile("[\ud800-\udfff]")
PLAIN_ID = re.compile(r"[A-Za-z0-9_.~-]+")  # needs no encoding in a URI; most ids don't
SAFE = "/!$&'()*+,;:@~?"  # allowed in a fragment; not "=", so that no id looks like "line=7"
LONGEST_URI = 2000  # bytes; an index entry has room for it
MOST_METADATA = 64 * 1024  # bytes: each chunk repeats it
MOST_TITLE = 1000  # characters: each chunk may be embedded under it

Fields = Mapping[str, Any]
Content = tuple[str, "str | None", dict[str, Any]]  # text, title, metadata


def lookup(fields: Fields, name: str) -> Any:
    """Return the field of exactly that name, otherwise the target of the dotted path; MISSING if there is none."""
    if name in fields:
        return fields[name]
    value: Any = fields
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return MISSING
        value = value[part]
    return value


def fragment(fields: Fields, name: str, where: str, room: int) -> str:
    """Return the record's id, percent-encoded, as it appears after ``#``; at most ``room`` bytes.

    Raises DocumentError ``missing_id`` or ``uri_too_long``.
    """
    value = lookup(fields, name)
    if value is MISSING or value is None or isinstance(value, bool | dict | list):
        what = "has no" if value is MISSING or value is None else "has neither a string nor a number as"
        raise _no_id(f"{where} {what} {name!r}")
    text = clean(as_text(value))
    if not text.strip():
        raise _no_id(f"{where} has an empty {name!r}")
    encoded = text if PLAIN_ID.fullmatch(text) else quote(text, safe=SAFE)
    if len(encoded) > room:
        message = f"the id of {where} has {len(encoded)} bytes in its URI, {room} are left for it"
        raise DocumentError("uri_too_long", message, "name a shorter field as 'id' in options.record")
    return encoded


def content(fields: Fields, spec: RecordSpec, where: str) -> Content:
    """Return text, title and metadata.

    Raises DocumentError ``missing_field``, ``no_text``, ``bad_json`` or ``too_large``.
    """
    parts = [_part(fields, name, where) for name in spec.text]
    text = clean("\n\n".join(filter(None, parts)))
    if not text or text.isspace():
        names = " and ".join(map(repr, spec.text))
        raise DocumentError("no_text", f"{where} has no text in {names}", "exclude it, or name another field")
    return text, _title(fields, spec.title), _metadata(fields, spec.metadata, where)


def as_text(value: Any) -> str:
    """Return a value as text: strings as they are, null as nothing, everything else as compact JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def clean(text: str) -> str:
    """Return valid Unicode without NUL: what Postgres can hold."""
    if "\0" in text:
        text = text.replace("\0", "")
    return text if text.isascii() else SURROGATES.sub("\ufffd", text)


def _part(fields: Fields, name: str, where: str) -> str:
    value = lookup(fields, name)
    if value is MISSING:
        hint = "as 'text' in options.record, name a field that every record has; null is allowed"
        raise DocumentError("missing_field", f"{where} has no field {name!r}", hint)
    text = as_text(value)
    return "" if text.isspace() else text


def _title(fields: Fields, name: str | None) -> str | None:
    value = None if name is None else lookup(fields, name)
    if value is None or value is MISSING:
        return None
    return " ".join(clean(as_text(value)).split())[:MOST_TITLE] or None


def _metadata(fields: Fields, names: tuple[str, ...], where: str) -> dict[str, Any]:
    found = {name: lookup(fields, name) for name in names}
    try:
        metadata = {clean(name): _clean_value(value) for name, value in found.items() if value is not MISSING}
        size = len(json.dumps(metadata, ensure_ascii=False).encode())
    except ValueError:
        message = f"{where} has a number in its metadata that is out of range"
        raise DocumentError("bad_json", message, "write it as a string") from None
    if size > MOST_METADATA:
        message = f"{where} has metadata of {size} bytes, {MOST_METADATA} are allowed"
        raise DocumentError("too_large", message, "remove the large field from 'metadata' in options.record")
    return metadata


def _clean_value(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, float) and not math.isfinite(value):  # 1e999; jsonb has no infinity
        raise ValueError
    if isinstance(value, list):
        return [_clean_value(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): _clean_value(item) for key, item in value.items()}
    return value


def _no_id(message: str) -> DocumentError:
    return DocumentError("missing_id", message, "as 'id' in options.record, name a field that every record has")
