"""One spelling for each URL of the web: documents are named by it, and it is compared with the roots.

::

    HTTPS://Docs.Example.com:443/a/./b/../%7Ejo?x=%c3%a4#top   →   https://docs.example.com/a/~jo?x=%C3%A4
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import quote, unquote, urljoin

DEFAULT_PORTS = {"http": 80, "https": 443}
UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
WEB_URL = re.compile(r"(https?)://([^/?#\\]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?", re.IGNORECASE | re.DOTALL)
HOST_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_-])?")
PORT_NUMBER = re.compile(r"[0-9]{1,5}")
UNSPELT_IN_PATH = re.compile(r"%[0-9A-Fa-f]{2}|[^A-Za-z0-9\-._~!$&'()*+,;=:@/]")
UNSPELT_IN_QUERY = re.compile(r"%[0-9A-Fa-f]{2}|[^A-Za-z0-9\-._~!$&'()*+,;=:@/?]")
SLASHES = re.compile(r"[/\\]")
BREAKS = str.maketrans("", "", "\t\r\n")
LONGEST_HOST = 253


class WrongUrl(ValueError):
    """What can't be a URL of a page; the message says why, without repeating it."""


@dataclass(frozen=True, slots=True)
class WebUrl:
    """A URL in its one spelling; ``host`` is an IPv6 address in brackets where it is one, ``port`` is never None."""

    scheme: str
    host: str
    port: int
    path: str
    query: str | None

    @property
    def netloc(self) -> str:
        """The host, with the port unless it is the scheme's own."""
        return self.host if self.port == DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme and host, as ``https://docs.example.com``."""
        return f"{self.scheme}://{self.netloc}"

    @property
    def target(self) -> str:
        """What a request names: the path and the query."""
        return self.path if self.query is None else f"{self.path}?{self.query}"

    @property
    def text(self) -> str:
        """The whole."""
        return f"{self.origin}{self.target}"

    @property
    def folder(self) -> str:
        """The URL up to its last slash."""
        return f"{self.origin}{self.path[: self.path.rindex('/') + 1]}"

    @property
    def bare_host(self) -> str:
        """The host without brackets, as it is resolved."""
        return self.host.strip("[]")


def parse_url(text: str) -> WebUrl:
    """Return a URL in its one spelling, without its fragment; raises WrongUrl."""
    found = WEB_URL.fullmatch(text.strip().translate(BREAKS))
    if not found:
        raise WrongUrl("it is no http:// or https:// URL")
    scheme, netloc, path, query = found.groups()
    scheme = scheme.lower()
    host, port = _host_and_port(netloc, DEFAULT_PORTS[scheme])
    spelt = UNSPELT_IN_QUERY.sub(_respelt, query) if query else None
    return WebUrl(scheme, host, port, _path(path), spelt)


def join_url(base: str, reference: str) -> WebUrl:
    """Return what a link on the page ``base`` leads to; raises WrongUrl."""
    try:
        return parse_url(urljoin(base, reference.strip().translate(BREAKS)))
    except WrongUrl:
        raise
    except ValueError as error:
        raise WrongUrl("it is no URL") from error


def _host_and_port(netloc: str, default: int) -> tuple[str, int]:
    if "@" in netloc:
        raise WrongUrl("it contains a user or a password")
    host, port = netloc, ""
    if not netloc.endswith("]"):
        before, colon, behind = netloc.rpartition(":")
        host, port = (before, behind) if colon else (netloc, "")
    if port and not (PORT_NUMBER.fullmatch(port) and 0 < int(port) < 65536):
        raise WrongUrl("its port is none")
    return _host(host), int(port) if port else default


def _host(host: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        try:
            return f"[{IPv6Address(host[1:-1]).compressed}]"
        except ValueError:
            raise WrongUrl("its host is no IPv6 address") from None
    name = unquote(host).lower().removesuffix(".")
    if not name.isascii():
        try:
            name = name.encode("idna").decode()
        except UnicodeError:
            raise WrongUrl("its host is not a valid name") from None
    if len(name) > LONGEST_HOST or ".." in name or not HOST_NAME.fullmatch(name):
        raise WrongUrl("its host is not a valid name")
    return name


def _path(path: str) -> str:
    """Return a path without ``.`` and ``..``; one in which these are hidden is refused: servers disagree over it."""
    spelt = UNSPELT_IN_PATH.sub(_respelt, path.replace("\\", "/"))
    kept: list[str] = []
    parts = spelt.split("/")[1:] or [""]
    for part in parts:
        if part == "..":
            del kept[-1:]
        elif part != ".":
            kept.append(part)
    if parts[-1] in (".", ".."):
        kept.append("")
    path = "/" + "/".join(kept)
    if ".." in path and ".." in SLASHES.split(unquote(path)):
        raise WrongUrl("its path contains a hidden '..'")
    return path


def _respelt(found: re.Match[str]) -> str:
    one = found[0]
    if len(one) == 3:
        sign = chr(int(one[1:], 16))
        return sign if sign in UNRESERVED else one.upper()
    return quote(one, safe="", errors="replace")
