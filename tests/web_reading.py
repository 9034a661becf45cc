"""What the tests of web pages share: a source that reads a server on loopback, and what it finds there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from typing import Any

from listener.documents.pool import Workers
from listener.settings import Settings
from listener.sources.base import Fetched, Found, Known, Outcome, Page, Refused, SourceTools, Wanted
from listener.sources.http.reach import Resolve, resolve
from listener.sources.http.web import Web
from listener.sources.options import RequestOptions

LIMIT = 1_000_000
QUICK = {"http_requests_per_second": 10_000.0, "http_timeout_seconds": 5.0, "http_patience": 0.0}


@asynccontextmanager
async def reading(*roots: str, resolve: Resolve = resolve, scheme: str = "http", **settings: Any) -> AsyncIterator[Web]:
    """Give a source below some roots; it tries once, unless ``http_patience`` says otherwise."""
    threads = ThreadPoolExecutor(2)
    async with Workers(1, timeout_seconds=30, memory_mb=512) as workers:
        tools = SourceTools(Settings(roots=roots, **(QUICK | settings)), threads, workers)
        web = Web(tools, scheme, resolve)
        try:
            yield web
        finally:
            await web.close()
            threads.shutdown()


def options(**given: Any) -> RequestOptions:
    """Return options as a request has them."""
    return RequestOptions.read(json.dumps(given))


async def pages(web: Web, source: str, after: str | None = None, **given: Any) -> list[Page]:
    """Return what discovery yields."""
    async with aclosing(web.discover(source, options(**given), after=after)) as found:
        return [page async for page in found]


def items(found: Sequence[Page]) -> list[Found | Refused]:
    """Return what is in pages."""
    return [item for page in found for item in page.items]


async def found(web: Web, source: str, after: str | None = None, **given: Any) -> list[Found]:
    """Return the documents; nothing may be refused."""
    there = items(await pages(web, source, after, **given))
    assert [item for item in there if isinstance(item, Refused)] == []
    return [item for item in there if isinstance(item, Found)]


async def names(web: Web, origin: str, source: str, **given: Any) -> list[str]:
    """Return the URIs of what is found without their origin, refused ones with their code, sorted."""
    return sorted(
        item.uri.removeprefix(origin) + (f" {item.code}" if isinstance(item, Refused) else "")
        for item in items(await pages(web, source, **given))
    )


async def read(
    web: Web, uri: str, limit: int = LIMIT, known: Known | None = None, version: str | None = None
) -> Outcome:
    """Read a document by its URI."""
    return await web.read(Wanted(Found(uri, version=version), limit, known))


async def fetched(web: Web, uri: str, limit: int = LIMIT, known: Known | None = None) -> Fetched:
    """Read a document that has bytes."""
    outcome = await read(web, uri, limit, known)
    assert isinstance(outcome, Fetched)
    return outcome
