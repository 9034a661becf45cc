"""Passwords in a file, ``~/.pgpass``, as psql reads them: invalid lines are skipped, ``\\:`` is a colon."""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

log = logging.getLogger(__name__)

FILE = ".pgpass"
_COLON = re.compile(r"(?<!\\)((?:\\\\)*):")
_ESCAPED = re.compile(r"\\(.)")


def password_of(
    file: str | None, places: Iterable[tuple[str, int]], database: str, user: str, environment: Mapping[str, str]
) -> str | None:
    """Return the password of the first line that fits one of the places (host, port); None if none does.

    ``file``: by default that of ``PGPASSFILE``, or the user's. One that others can read is ignored, with a warning.
    """
    lines = _lines(file, environment)
    for host, port in places:
        wanted = ("localhost" if host.startswith(("/", "@")) else host, str(port), database, user)
        for fields in lines:
            if all(field in ("*", value) for field, value in zip(fields[:4], wanted, strict=True)):
                return fields[4]
    return None


def _lines(file: str | None, environment: Mapping[str, str]) -> list[list[str]]:
    path = _path(file, environment)
    if path is None:
        return []
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode) or about.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            log.warning("the password file %s is not used: only its owner may be able to read it", path)
            return []
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return []
    except OSError as error:
        log.warning("the password file %s is not used: %s", path, os.strerror(error.errno or 0))
        return []
    return [fields for line in text.splitlines() if not line.startswith("#") and len(fields := _fields(line)) == 5]


def _path(file: str | None, environment: Mapping[str, str]) -> Path | None:
    if named := file or environment.get("PGPASSFILE"):
        return Path(named)
    return Path(home, FILE) if (home := environment.get("HOME")) else None


def _fields(line: str) -> list[str]:
    """Return the five fields of a line; a colon in the last one need not be escaped."""
    fields, rest = list[str](), line
    while len(fields) < 4 and (colon := _COLON.search(rest)):
        fields.append(rest[: colon.end() - 1])
        rest = rest[colon.end() :]
    return [_ESCAPED.sub(r"\1", field) for field in (*fields, rest)]
