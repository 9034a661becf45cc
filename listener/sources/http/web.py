"""Pages and files of the web, below the roots of ``INGEST_ROOTS`` that begin with ``http:`` or ``https:``."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from listener.concurrency import side_by_side
from listener.errors import DocumentError, IngestError, RequestError, ServiceError, of_document
from listener.sources.base import (
    READS,
    UNCHANGED,
    Fetched,
    Found,
    LookUp,
    Outcome,
    Page,
    Source,
    SourceTools,
    Wanted,
    too_large,
)
from listener.sources.http.crawl import Crawl
from listener.sources.http.fetching import Fetcher
from listener.sources.http.held_bodies import LARGEST, HeldBodies
from listener.sources.http.reach import Resolve, resolve
from listener.sources.http.robots import Robots
from listener.sources.http.site_documents import SiteChoice, kind_of_media, media_type_of
from listener.sources.http.sitemap import NoSitemap, looks_like_sitemap, unpacked
from listener.sources.http.sitemap_pages import MOST_BYTES, SitemapPages
from listener.sources.http.urls import WebUrl, WrongUrl, parse_url
from listener.sources.http.versions import LASTMOD, conditions, modified_at, version_of
from listener.sources.http.web_answer import WebAnswer
from listener.sources.http.web_errors import (
    as_request_error,
    bad_answer,
    of_status,
    outside_roots,
    shown,
)
from listener.sources.options import RequestOptions

SUCCESSES = (200, 203)
MAYBE_SITEMAPS = frozenset({"application/xml", "text/xml", "application/gzip", "application/x-gzip"})
SITEMAP_ENDINGS = (".xml", ".xml.gz")
IDENTITY = {"accept-encoding": "identity"}


@dataclass(frozen=True, slots=True)
class _First:
    """The first look at a source: a sitemap's bytes, or the document that it is."""

    url: WebUrl
    sitemap: bytes | None = None
    found: Found | None = None


class Web(Source):
    """What web servers have below ``roots``; ``resolve`` looks up the addresses of hosts."""

    def __init__(self, tools: SourceTools, scheme: str, resolve: Resolve = resolve) -> None:
        """Raise OperatorError ``wrong_setting``."""
        settings = tools.settings
        self._tools = tools
        self.roots = settings.url_roots(scheme)
        self._fetcher = Fetcher(settings, (*settings.url_roots("http"), *settings.url_roots("https")), resolve)
        self._robots = Robots(self._fetcher, tools)
        self._bodies = HeldBodies(tools.in_thread)

    async def check(self, source: str, options: RequestOptions) -> None:
        url = self._place(source, RequestError)
        SiteChoice(url.folder, options)

    async def discover(
        self, source: str, options: RequestOptions, *, known: LookUp | None = None, after: str | None = None
    ) -> AsyncGenerator[Page, None]:
        """Yield the page, what the sitemap lists, or the site; a crawl can't begin in the middle."""
        url, count = self._place(source, RequestError), 0
        try:
            async with aclosing(self._pages(url, options, after)) as pages:
                async for page in pages:
                    count += len(page.items)
                    yield page
        except DocumentError as error:
            raise as_request_error(error) from None
        except NoSitemap as error:
            message = f"the sitemap {shown(url.text)} can't be read: {error}"
            raise RequestError("bad_sitemap", message, "ask the site's operator") from None
        if not count and after is None:
            message = f"there is no document in {shown(url.text)}"
            raise RequestError("empty_source", message, "check its links, robots.txt, 'include', 'exclude' and 'crawl'")

    async def read(self, wanted: Wanted) -> Outcome:
        url = self._place(wanted.found.locator or wanted.found.uri, DocumentError)
        if (held := await self._held(url, wanted)) is not None:
            return held
        try:
            return await self._fetcher.fetch(url, partial(self._outcome, wanted), conditions(wanted.known))
        except ServiceError as error:
            raise of_document(error) from None

    async def read_ranges(self, found: Found, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        url = self._place(found.locator or found.uri, DocumentError)

        async def piece(part: tuple[int, int]) -> bytes:
            start, length = part
            if length == 0:
                return b""
            headers = IDENTITY | {"range": f"bytes={start}-{start + length - 1}"}
            return await self._fetcher.fetch(url, partial(_piece, start, length), headers)

        try:
            return await side_by_side(piece, ranges, READS)
        except ServiceError as error:
            raise of_document(error) from None

    async def probe(self, place: str) -> None:
        await self._fetcher.probe(self._place(place, RequestError))

    async def look(self, root: str) -> str:
        """Ask the server of a root for it, once."""
        if "://" not in root or root.endswith("://"):
            return f"{root} all public hosts"
        url = self._place(root, RequestError)

        async def take(answer: WebAnswer) -> int:
            return answer.status

        try:
            status = await self._fetcher.fetch(url, take, tries=1)
            robots = "allows" if await self._robots.allow(url) else "keeps crawlers from"
        except DocumentError as error:
            raise as_request_error(error) from None
        prefix = self._fetcher.credentials.prefix_of(url)
        whose = f"headers of INGEST_HTTP_HEADERS for {prefix}" if prefix else "no credentials"
        return f"{root} answers with status {status}; robots.txt {robots} it; {whose}"

    async def close(self) -> None:
        self._bodies.close()
        await self._fetcher.close()

    async def _pages(self, url: WebUrl, options: RequestOptions, after: str | None) -> AsyncGenerator[Page, None]:
        if options.crawl is not None:
            crawl = Crawl(self._fetcher, self._robots, self._bodies, self._tools, options)
            async with aclosing(crawl.pages(url)) as pages:
                async for page in pages:
                    yield page
            return
        first = await self._fetcher.fetch(url, partial(self._first, options), IDENTITY if options.record else {})
        if first.found is not None:
            yield Page([first.found])
        if first.sitemap is not None:
            choice = SiteChoice(first.url.folder, options)
            sitemap = SitemapPages(self._fetcher, self._robots, self._tools, choice)
            async with aclosing(sitemap.pages(first.url, first.sitemap, after)) as pages:
                async for page in pages:
                    for item in page.items:
                        self._bodies.forget(item.uri)  # of a crawl before: this request wants it as it is from now on
                    yield page

    async def _first(self, options: RequestOptions, answer: WebAnswer) -> _First:
        if answer.status not in SUCCESSES:
            raise of_status(answer.url.text, answer.status)
        body = None
        if _may_be_sitemap(answer):
            with_room = max(MOST_BYTES, self._tools.settings.max_document_bytes)
            body = await answer.body(with_room)
            if (sitemap := await self._tools.in_thread(_sitemap_in, body)) is not None:
                return _First(answer.url, sitemap)
        elif not options.record and answer.size is not None and answer.size <= LARGEST:
            body = await answer.body(LARGEST)
        return _First(answer.url, found=await self._found(answer, body))

    async def _found(self, answer: WebAnswer, body: bytes | None) -> Found:
        url, kind, modified = answer.url, media_type_of(answer), modified_at(answer)
        version = version_of(answer, await self._digest(body))
        if body is not None:
            await self._bodies.keep(url.text, body, kind, version, modified)
        return Found(url.text, None, kind, answer.size if body is None else len(body), version, modified)

    async def _held(self, url: WebUrl, wanted: Wanted) -> Outcome | None:
        """Return what discovery fetched just now; None if that is not there, or not what it found."""
        page, version = self._bodies.look(url.text), wanted.found.version
        if page is None or (version is not None and version != page.version):
            return None
        if page.length > wanted.limit:
            raise too_large(url.text, page.length, wanted.limit)
        if wanted.known and page.version and wanted.known.version == page.version:
            self._bodies.forget(url.text)
            return UNCHANGED
        data = await self._bodies.take(url.text)
        return None if data is None else Fetched(data, page.media_type, page.version, page.modified_at)

    async def _outcome(self, wanted: Wanted, answer: WebAnswer) -> Outcome:
        known = wanted.known
        if answer.status == 304 and known:
            return UNCHANGED
        if answer.status not in SUCCESSES:
            raise of_status(wanted.found.uri, answer.status)
        if known and known.version and known.version == version_of(answer):
            return UNCHANGED
        data = await answer.body(wanted.limit)
        version = version_of(answer, await self._digest(data))
        if (listed := wanted.found.version or "").startswith(LASTMOD):
            version = listed  # what the next look at the sitemap will compare
        return Fetched(data, media_type_of(answer), version, modified_at(answer))

    async def _digest(self, data: bytes | None) -> bytes | None:
        return None if data is None else (await self._tools.in_thread(sha256, data)).digest()

    def _place(self, text: str, kind: type[IngestError]) -> WebUrl:
        """Return a URL below the roots; raises an error of a kind."""
        try:
            url = parse_url(text)
        except WrongUrl as error:
            hint = "like https://docs.example.com/guide/; set what a server requires in INGEST_HTTP_HEADERS"
            raise kind("invalid_source", f"the URL {shown(text)} can't be used: {error}", hint) from None
        if not self._fetcher.holds(url):
            outside = outside_roots(url.text)
            raise kind(outside.code, outside.message, outside.hint)
        return url


def _may_be_sitemap(answer: WebAnswer) -> bool:
    return kind_of_media(answer.content_type) in MAYBE_SITEMAPS or answer.url.path.lower().endswith(SITEMAP_ENDINGS)


def _sitemap_in(data: bytes) -> bytes | None:
    """Return a sitemap's XML; None if the bytes are something else."""
    if looks_like_sitemap(data):
        return data
    if not data.startswith(b"\x1f\x8b"):
        return None
    try:
        whole = unpacked(data, MOST_BYTES)
    except NoSitemap:
        return None
    return whole if looks_like_sitemap(whole) else None


async def _piece(start: int, length: int, answer: WebAnswer) -> bytes:
    uri = answer.url.text
    if answer.status == 416:
        return b""
    if answer.status == 200:
        message = f"{uri} can't be read in parts, as records must be: its server does not support ranges"
        raise DocumentError("no_records", message, "copy it to where that is possible, such as a local folder")
    if answer.status != 206:
        raise of_status(uri, answer.status)
    if not answer.header("content-range").lower().startswith(f"bytes {start}-"):
        raise bad_answer(uri, "it is not the requested part")
    return await answer.body(length)
