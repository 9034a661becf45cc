"""What a page links to. Runs in a worker: pages are foreign, and reading them is native code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from listener.sources.http.urls import WrongUrl, join_url

MOST_LINKS = 5000  # of one page
REFRESH_URL = re.compile(r"\s*(\d{1,4})[\d.]{0,9}\s*[;,]\s*(?:url\s*=\s*)?(['\"]?)([^'\"]*)", re.IGNORECASE)
QUICK_SECONDS = 10
NAMED_CHARSET = re.compile(r"charset\s{0,9}=\s{0,9}[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)


class PageLinks(NamedTuple):
    """URLs in their one spelling. ``canonical``: what the page calls itself; ``moved_to``: where it sends its readers.

    ``links``: where its links lead to, each once; ``complete``: whether these are all.
    """

    canonical: str | None
    moved_to: str | None
    links: list[str]
    complete: bool


def page_links(data: bytes, media_type: str, url: str, prefix: str) -> PageLinks:
    """Return what a page at ``url`` links to, below ``prefix``."""
    from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415 - for workers only: native code

    tree = LexborHTMLParser(_text(data, media_type))
    base = _base(tree, url)
    canonical = _canonical(tree, base)
    links: dict[str, None] = {}
    for href in dict.fromkeys(reference.partition("#")[0] for reference in _references(tree)):
        if (link := _joined(base, href)) is not None and link.startswith(prefix):
            links[link] = None
        if len(links) >= MOST_LINKS:
            break
    return PageLinks(canonical, _moved_to(tree, base), list(links), len(links) < MOST_LINKS)


def _text(data: bytes, media_type: str) -> str:
    """Decode a page as far as its links need it."""
    for declared in (media_type, data[:2048].decode("latin-1")):
        if found := NAMED_CHARSET.search(declared):
            try:
                return data.decode(found[1], "replace")
            except (LookupError, ValueError):  # no codec, or one of Python's that is not for text
                continue
    return data.decode("utf-8", "replace")


def _base(tree: Any, url: str) -> str:
    for element in tree.css("base[href]"):
        return _joined(url, element.attributes.get("href") or "") or url
    return url


def _canonical(tree: Any, base: str) -> str | None:
    for element in tree.css("link[rel~=canonical i][href]"):
        return _joined(base, element.attributes.get("href") or "")
    return None


def _moved_to(tree: Any, base: str) -> str | None:
    for element in tree.css("meta[http-equiv=refresh i][content]"):
        found = REFRESH_URL.match((element.attributes.get("content") or "")[:3000])
        if found and int(found[1]) <= QUICK_SECONDS and found[3].strip():
            return _joined(base, found[3])
    return None


def _references(tree: Any) -> Iterator[str]:
    for element in tree.css("a[href], area[href], frame[src], iframe[src]"):
        attributes = element.attributes
        reference = attributes.get("href") or attributes.get("src")
        if reference and "nofollow" not in (attributes.get("rel") or "").lower():
            yield reference


def _joined(base: str, reference: str) -> str | None:
    try:
        return join_url(base, reference).text
    except WrongUrl:
        return None
