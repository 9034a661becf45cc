"""URLs of objects: ``s3://bucket/docs/a%20b.md`` is the object ``docs/a b.md``.

In a document's URI everything is percent-encoded that may mean something else in a URL, in a pattern or to programs
that tidy paths: blanks, ``#``, ``?``, ``*``, what is not ASCII, names that are ``.`` or ``..``, and slashes beside an
empty name. So each key has one URI, and no two have the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import quote, unquote_to_bytes

from listener.errors import RequestError

OBJECT_URL = re.compile(r"(?P<scheme>[A-Za-z0-9]+)://(?P<bucket>[^/]*)(?:/(?P<path>.*))?", re.DOTALL)
BUCKET_NAME = re.compile(r"\$?[a-z0-9][a-z0-9._-]{0,221}")
PLAIN_KEY = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
UNFIT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f]")
ESCAPED_RUN = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
PATTERN_SIGN = re.compile(r"[*?\[]")
UNRESERVED = "!$&'()+,;=:@~"


@dataclass(frozen=True, slots=True)
class ObjectPlace:
    """Where an object lies."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What a source names: all below the folder ``key`` (with its slash; "" for the bucket), or the object ``key``.

    ``glob``: a pattern of paths below the folder.
    """

    bucket: str
    key: str
    glob: str = ""

    @property
    def is_folder(self) -> bool:
        return not self.key or self.key.endswith("/")


def object_uri(scheme: str, bucket: str, key: str) -> str:
    """Return the URI of an object."""
    if PLAIN_KEY.fullmatch(key):
        return f"{scheme}://{bucket}/{key}"
    names = key.split("/")
    text = _quoted(names[0])
    for before, name in pairwise(names):
        text += ("/" if before and name else "%2F") + _quoted(name)
    return f"{scheme}://{bucket}/{text}"


def named(scheme: str, bucket: str, key: str) -> tuple[str, str | None]:
    """Return the URI of an object, and why it can't be asked for (``problem_of``), if so."""
    if PLAIN_KEY.fullmatch(key):
        return f"{scheme}://{bucket}/{key}", None
    return object_uri(scheme, bucket, key), problem_of(key)


def place_of(uri: str) -> ObjectPlace:
    """Return where the object of a URI lies; raises RequestError ``invalid_source``."""
    bucket, path = _split(uri)
    return ObjectPlace(bucket, _decoded(path, uri))


def wish_of(source: str) -> Wish:
    """Return what a source means: an object, a folder or a glob. Raises RequestError ``invalid_source``."""
    bucket, path = _split(source)
    names = path.split("/")
    first = next((number for number, name in enumerate(names) if PATTERN_SIGN.search(name)), len(names))
    glob = "/".join(_pattern(name, source) for name in names[first:] if name)
    folder = "/".join(names[:first]) if glob else path.removesuffix("/")
    key = _decoded(folder, source)
    problem = "a part of its name is empty" if path.startswith("/") else problem_of(key)
    if problem:
        hint = "write the key as it is, percent-encoded: s3://bucket/folder/a%20b.md"
        raise RequestError("invalid_source", f"{source} can't be read: {problem}", hint)
    return Wish(bucket, f"{key}/" if key and (glob or path.endswith("/")) else key, glob)


def problem_of(key: str) -> str | None:
    """Return why an object of this name can't be asked for; None if it can, or for the whole bucket.

    HTTP clients tidy such paths up, and ask for another object.
    """
    if not key or PLAIN_KEY.fullmatch(key):
        return None
    if UNFIT_IN_NAMES.search(key):
        return "its name contains a control character"
    names = key.split("/")
    if "" in names:
        return "a part of its name is empty"
    return "a part of its name is . or .." if "." in names or ".." in names else None


def _quoted(name: str) -> str:
    return "%2E" * len(name) if name in (".", "..") else quote(name, safe=UNRESERVED)


def _split(url: str) -> tuple[str, str]:
    """Return bucket and path, still percent-encoded."""
    found = OBJECT_URL.fullmatch(url)
    hint = "write s3://bucket/folder/, with gs: and az: alike"
    if not found:
        raise RequestError("invalid_source", f"{url} is no URL of an object or a folder of a bucket", hint)
    if "@" in found["bucket"]:
        hint = "credentials come from the listener's environment: remove them from the URL"
        said = f"{found['scheme']}://…@{found['bucket'].rpartition('@')[2]}"
        raise RequestError("invalid_source", f"{said} contains credentials", hint)
    if not BUCKET_NAME.fullmatch(found["bucket"].lower()):
        raise RequestError("invalid_source", f"{url} names no bucket ({found['bucket']!r})", hint)
    path = found["path"] or ""
    if "#" in path:
        hint = "a # marks parts of a document: write %23 if it belongs to the key"
        raise RequestError("invalid_source", f"{url} has a # in it", hint)
    return found["bucket"].lower(), path


def _decoded(path: str, url: str) -> str:
    try:
        return unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        hint = "keys are UTF-8: percent-encode its bytes"
        raise RequestError("invalid_source", f"{url} is not UTF-8 when decoded", hint) from None


def _pattern(name: str, url: str) -> str:
    """Return a name of a glob, decoded; percent-encoded characters in it are literal."""
    return ESCAPED_RUN.sub(lambda run: PATTERN_SIGN.sub(r"[\g<0>]", _decoded(run[0], url)), name)
