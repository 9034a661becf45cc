"""What a listener sends to whom: headers by prefix of URLs, as ``INGEST_HTTP_HEADERS`` says them.

::

    {"https://docs.example.com/internal/": {"Authorization": "Bearer …"}}

They go to URLs below their prefix and nowhere else: each redirect is checked anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from listener.errors import OperatorError
from listener.logs.masking import remember
from listener.settings.roots import above
from listener.sources.http.urls import WebUrl, WrongUrl, parse_url

HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
OURS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "host",
        "if-modified-since",
        "if-none-match",
        "proxy-authorization",
        "range",
        "te",
        "transfer-encoding",
        "upgrade",
    }
)
NO_SECRETS = frozenset({"accept", "accept-language", "cache-control", "from", "referer", "user-agent"})
HINT = 'Write it like {"https://docs.example.com/": {"Authorization": "Bearer …"}}.'


@dataclass(frozen=True, slots=True)
class UrlCredentials:
    """Headers by prefix, the longest prefix first."""

    by_prefix: tuple[tuple[str, Mapping[str, str]], ...]

    @classmethod
    def read(cls, setting: str | None) -> UrlCredentials:
        """Return those of the setting's JSON; raises OperatorError ``wrong_setting``, which repeats nothing of it."""
        try:
            given = json.loads(setting or "{}")
        except (ValueError, RecursionError):
            raise _wrong("is no JSON") from None
        if not isinstance(given, dict):
            raise _wrong("is no JSON object")
        read = [(_prefix(prefix), _headers(headers)) for prefix, headers in given.items()]
        return cls(tuple(sorted(read, key=lambda one: -len(one[0]))))

    def of(self, url: WebUrl) -> Mapping[str, str]:
        """Return the headers to send to a URL."""
        prefix = self.prefix_of(url)
        return next((headers for one, headers in self.by_prefix if one == prefix), {})

    def prefix_of(self, url: WebUrl) -> str | None:
        """Return the prefix whose headers are sent to a URL."""
        return above([prefix for prefix, _ in self.by_prefix], url.text.partition("?")[0])


def _prefix(prefix: str) -> str:
    try:
        return parse_url(prefix).text
    except WrongUrl:
        raise _wrong("has a prefix that is no http:// or https:// URL with a host") from None


def _headers(headers: object) -> Mapping[str, str]:
    if not isinstance(headers, dict):
        raise _wrong("has a prefix without an object of headers")
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name) or name.lower() in OURS:
            raise _wrong("has a header that can't be set")
        if not isinstance(value, str) or not HEADER_VALUE.fullmatch(value):
            raise _wrong("has a header whose value is not visible ASCII text")
        for part in value.split() if name.lower() not in NO_SECRETS else ():
            remember(part)
    return dict(headers)


def _wrong(why: str) -> OperatorError:
    return OperatorError("wrong_setting", f"INGEST_HTTP_HEADERS {why}", HINT)
