"""Where listeners begin with the web: what it takes (18 MB, some tenths of a second) is imported if a root is of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from listener.sources.base import LookUp, Outcome, Page, Source, SourceTools, Wanted
from listener.sources.http.web_errors import as_request_error, outside_roots
from listener.sources.options import RequestOptions


def open_http(tools: SourceTools) -> Source:
    """Return what lies below the roots with ``http:``. Raises OperatorError ``wrong_setting``."""
    return _opened(tools, "http")


def open_https(tools: SourceTools) -> Source:
    """Return what lies below the roots with ``https:``. Raises OperatorError ``wrong_setting``."""
    return _opened(tools, "https")


class NoWeb(Source):
    """What a listener without such roots may read: nothing."""

    roots = ()

    async def check(self, source: str, options: RequestOptions) -> None:
        raise as_request_error(outside_roots(source))

    def discover(
        self, source: str, options: RequestOptions, *, known: LookUp | None = None, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        raise as_request_error(outside_roots(source))

    async def read(self, wanted: Wanted) -> Outcome:
        raise outside_roots(wanted.found.uri)


def _opened(tools: SourceTools, scheme: str) -> Source:
    if not tools.settings.url_roots(scheme):
        return NoWeb()
    from listener.sources.http.web import Web  # noqa: PLC0415 - see above

    return Web(tools, scheme)
