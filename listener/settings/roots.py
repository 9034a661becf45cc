"""What a listener may read, as ``INGEST_ROOTS`` says it: folders, and prefixes of URLs.

::

    /srv/docs                     a folder (also file:///srv/docs)
    s3://bucket/docs/             what lies below it
    https://docs.example.com/     pages of this host
    https:                        pages of all public hosts
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote_to_bytes

URL_ROOT = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(?:(//[^/?#]*)([^?#]*))?")
ROOTS_FILE_URL = re.compile(r"file:(?://(?:localhost)?(?=/))?(?=/)", re.IGNORECASE)


def parse_roots(value: str) -> tuple[str, ...]:
    """Return the roots in the text of a variable, one in each line or a JSON list; raises ValueError."""
    lines = _list(value) if value.lstrip().startswith("[") else value.splitlines()
    return tuple(normal(line.strip()) for line in lines if line.strip())


def normal(root: str) -> str:
    """Return a root as it is compared: scheme and host in lower case, ``file://`` as a path. Raises ValueError."""
    if url := ROOTS_FILE_URL.match(root):
        root = os.fsdecode(unquote_to_bytes(root[url.end() :]))
    if root.startswith("/"):
        return root
    found = URL_ROOT.fullmatch(root)
    if not found:
        raise ValueError(
            f"{_shown(root)} is not a root: write absolute paths or URL prefixes like s3://bucket/docs/, one per line"
        )
    scheme, host, path = found[1].lower(), found[2] or "", found[3] or ""
    if "@" in host:
        raise ValueError(
            f"{_shown(root)}: a root must not contain a user or password: set them as the source's page says"
        )
    if scheme == "file" or "/../" in f"{path}/" or "/./" in f"{path}/":
        raise ValueError(f"{_shown(root)}: a root must not contain . or .., and a file: root needs an absolute path")
    return f"{scheme}:{host.lower()}{path}"


def _shown(root: str) -> str:
    """Return a root without what may be a password or a signature."""
    rest = root.partition("?")[0]
    return f"…{rest[rest.rindex('@') :]}" if "@" in rest else rest


def folders_among(roots: Sequence[str]) -> tuple[Path, ...]:
    """Return the folders among them."""
    return tuple(Path(root) for root in roots if root.startswith("/"))


def urls_among(roots: Sequence[str], scheme: str) -> tuple[str, ...]:
    """Return the URL prefixes among them."""
    return tuple(root for root in roots if root.startswith(f"{scheme}:"))


def above(roots: Sequence[str], url: str) -> str | None:
    """Return the root above a URL, as the database sees it; None if there is none.

    ``url`` is absolute and normal: scheme and host in lower case, no ``.`` and ``..`` in its path.
    """
    place = f"{url}/"
    return next((root for root in roots if place.startswith(f"{root.rstrip('/')}/")), None)


def _list(value: str) -> list[str]:
    try:
        items = json.loads(value)
    except json.JSONDecodeError:
        raise ValueError('is no JSON list like ["/srv/docs", "s3://bucket/docs/"]') from None
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError("is no list of texts")
    return items
