"""Paths of local files, as sources and URIs spell them."""

from __future__ import annotations

import os
import re
from urllib.parse import quote, unquote_to_bytes

from listener.errors import RequestError

PLAIN_PATH = re.compile(r"[A-Za-z0-9/_.~!$&'()+,;=:@-]*")
NOT_UTF8 = re.compile("[\ud800-\udfff]")
FILE_URL = re.compile(r"file:(?=/)", re.IGNORECASE)


def path_of(source: str) -> str:
    """Return the absolute path of a source; raise RequestError if it is not a path."""
    if "\0" in source:
        raise RequestError("invalid_source", "the source contains a NUL character", "no path can have one")
    if url := FILE_URL.match(source):
        return _path_of_url(source, url.end())
    if not source.startswith("/"):
        hint = "listeners don't share your current folder: give an absolute path, or a file:// URL"
        raise RequestError("relative_path", f"{source!r} is not an absolute path", hint)
    return source


def uri_of(path: str) -> str:
    """Return the ``file://`` URI of an absolute path; bytes that are not UTF-8 are percent-encoded like others."""
    if PLAIN_PATH.fullmatch(path):
        return f"file://{path}"
    return "file://" + quote(os.fsencode(path), safe="/!$&'()+,;=:@~")


def locator_of(path: str, uri: str) -> str:
    """Return the path, or the URI, which is as good: Postgres can't hold a name that is not UTF-8."""
    return uri if not path.isascii() and NOT_UTF8.search(path) else path


def below(path: str, folder: str) -> str | None:
    """Return the path relative to the folder, "" for the folder itself, None if it is not below it."""
    if path == folder:
        return ""
    start = folder.rstrip("/") + "/"
    return path[len(start) :] if path.startswith(start) else None


def _path_of_url(source: str, end: int) -> str:
    rest = source[end:]
    host, slash, path = rest[2:].partition("/") if rest.startswith("//") else ("", "/", rest.lstrip("/"))
    decoded = os.fsdecode(unquote_to_bytes((slash + path).encode("utf-8", "surrogateescape")))
    if host not in ("", "localhost") or not slash or "\0" in decoded:
        raise RequestError("invalid_source", f"{source} is not a path on this host", "write file:///folder/file.md")
    return decoded
