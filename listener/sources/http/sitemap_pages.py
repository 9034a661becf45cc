"""The pages that a sitemap lists, and the sitemaps that it leads to."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime, timezone
from hashlib import sha256
from itertools import islice

from listener.errors import DocumentError, ServiceError, of_document
from listener.logs.masking import mask
from listener.sources.base import Found, Page, Refused, SourceTools
from listener.sources.http.fetching import Fetcher
from listener.sources.http.robots import Robots, RobotsRules
from listener.sources.http.site_documents import SiteChoice
from listener.sources.http.sitemap import NoSitemap, SitemapEntry, entries, last_modified, unpacked
from listener.sources.http.urls import WebUrl, WrongUrl, join_url, parse_url
from listener.sources.http.versions import LASTMOD
from listener.sources.http.web_answer import WebAnswer
from listener.sources.http.web_errors import cut_off, of_status, outside_roots, shown

PAGE = 1000
MOST_BYTES = 64 * 1024 * 1024  # of one sitemap, unpacked; the protocol has 50 MB
MOST_SITEMAPS = 10_000
MOST_LISTED = 200_000  # pages that are remembered, so that none is listed twice

log = logging.getLogger(__name__)


class SitemapPages:
    """What one sitemap lists, directly and by way of others."""

    def __init__(self, fetcher: Fetcher, robots: Robots, tools: SourceTools, choice: SiteChoice) -> None:
        self._fetcher = fetcher
        self._robots = robots
        self._tools = tools
        self._choice = choice
        self._todo: deque[str] = deque()
        self._led_to: set[str] = set()  # sitemaps that are or were to be read: each once, loops end
        self._left_out = False
        self._mark = _Mark("")
        self._is_deep = False  # sitemaps of sitemaps: a cursor can't record their progress
        self._listed: set[bytes] = set()
        self._kept_out = 0

    async def pages(self, url: WebUrl, data: bytes, after: str | None) -> AsyncGenerator[Page, None]:
        """Yield the pages. ``data``: the first sitemap, fetched from ``url``. Raises NoSitemap if it is not one.

        The cursor says which sitemap, of those that the first one leads to, and how many of its pages are done.
        """
        self._mark = _Mark.read(after, sha256(data).hexdigest()[:16])
        self._led_to.add(url.text)
        async with aclosing(self._listed_in(data, url, 0)) as listed:
            async for page in listed:
                yield page
        number = 0
        while self._todo:
            number, loc = number + 1, self._todo.popleft()
            if number < self._mark.sitemaps:
                continue
            try:
                place, nested = await self._nested(loc, url)
                async with aclosing(self._listed_in(nested, place, number)) as listed:
                    async for page in listed:
                        yield page
            except ServiceError as error:
                await self._fetcher.probe(url)  # otherwise it is the server that is away
                yield Page([_refused(loc, of_document(error))], complete=False)
            except (DocumentError, NoSitemap) as error:
                yield Page([_refused(loc, error)], complete=False)
        if self._left_out:
            left_out = f"{shown(url.text)} leads to more than {MOST_SITEMAPS} sitemaps: others are skipped"
            yield Page((), complete=False, note=cut_off(left_out, "submit the others as separate sources"))
        if self._kept_out:
            log.info("robots.txt forbids crawlers %d pages of %s", self._kept_out, shown(url.text))

    async def _listed_in(self, data: bytes, place: WebUrl, number: int) -> AsyncGenerator[Page, None]:
        """Yield the pages of one sitemap, unless they are done; note the sitemaps that it leads to."""
        listing, through = _Listing(data), 0
        while some := await self._tools.in_thread(listing.take, PAGE):
            leads_to = [one.loc for one in some if one.is_sitemap]
            self._lead_to(leads_to)
            self._is_deep = self._is_deep or bool(number and leads_to)
            wanted = [one for one in some if not one.is_sitemap]
            before, through = through, through + len(wanted)
            if number <= self._mark.sitemaps:
                wanted = [] if number < self._mark.sitemaps else wanted[max(0, self._mark.entries - before) :]
            if items := await self._items(wanted, place):
                cursor = None if self._is_deep else _Mark(self._mark.digest, number, through).text
                yield Page(items, cursor=cursor)

    def _lead_to(self, locs: Iterable[str]) -> None:
        """Note sitemaps to read, each once, and no more than may be read, whatever they list."""
        for loc in locs:
            if loc in self._led_to:
                continue
            if len(self._led_to) > MOST_SITEMAPS:  # the first one counts too
                self._left_out = True
                return
            self._led_to.add(loc)
            self._todo.append(loc)

    async def _nested(self, loc: str, base: WebUrl) -> tuple[WebUrl, bytes]:
        try:
            url = join_url(base.text, loc)
        except WrongUrl as error:
            raise NoSitemap(f"{shown(loc)} can't be read: {error}") from None

        async def take(answer: WebAnswer) -> bytes:
            if answer.status != 200:
                raise of_status(url.text, answer.status)
            return await answer.body(MOST_BYTES)

        return url, await self._tools.in_thread(unpacked, await self._fetcher.fetch(url, take), MOST_BYTES)

    async def _items(self, some: Sequence[SitemapEntry], base: WebUrl) -> list[Found | Refused]:
        urls = await self._tools.in_thread(_joined, some, base.text)
        rules: dict[str, RobotsRules | DocumentError] = {}
        for url in {one.origin: one for one in urls if isinstance(one, WebUrl) and self._fetcher.holds(one)}.values():
            try:
                rules[url.origin] = await self._robots.rules_of(url)
            except (ServiceError, DocumentError) as error:
                if url.origin == base.origin:
                    raise
                rules[url.origin] = of_document(error)  # of another server: its pages fail, and no others wait for it
        items: list[Found | Refused] = await self._tools.in_thread(self._chosen, some, urls, rules)
        return items

    def _chosen(
        self,
        some: Sequence[SitemapEntry],
        urls: Sequence[WebUrl | WrongUrl],
        rules: Mapping[str, RobotsRules | DocumentError],
    ) -> list[Found | Refused]:
        items: list[Found | Refused] = []
        now = datetime.now(timezone.utc)
        for entry, url in zip(some, urls, strict=True):
            if isinstance(url, WrongUrl):
                items.append(_refused(entry.loc, url))
            elif not self._choice.takes(url) or not self._is_new(url.text):
                continue
            elif not self._fetcher.holds(url):
                items.append(Refused.of(url.text, outside_roots(url.text)))
            elif isinstance(of_host := rules[url.origin], DocumentError):
                items.append(Refused.of(url.text, of_host))
            elif not of_host.allow(url.text):
                self._kept_out += 1
            else:
                items.append(_found(url, entry.lastmod, now))
        return items

    def _is_new(self, url: str) -> bool:
        mark = sha256(url.encode()).digest()[:12]
        if mark in self._listed:
            return False
        if len(self._listed) < MOST_LISTED:
            self._listed.add(mark)
        return True


class _Listing:
    """The entries of one sitemap, a page each time."""

    def __init__(self, data: bytes) -> None:
        self._entries: Iterator[SitemapEntry] = entries(data)

    def take(self, most: int) -> list[SitemapEntry]:
        return list(islice(self._entries, most))


class _Mark:
    """A cursor: the first sitemap's digest, finished sitemaps, and finished pages of the next one."""

    def __init__(self, digest: str, sitemaps: int = 0, entries: int = 0) -> None:
        self.digest = digest
        self.text = f"{digest}:{sitemaps}:{entries}"
        self.sitemaps = sitemaps
        self.entries = entries

    @classmethod
    def read(cls, after: str | None, digest: str) -> _Mark:
        """Return the mark in a cursor; the beginning, if the sitemap has changed."""
        seen, _, counts = (after or "").partition(":")
        sitemaps, _, listed = counts.partition(":")
        if seen != digest or not (sitemaps.isdecimal() and listed.isdecimal()):
            return cls(digest)
        return cls(digest, int(sitemaps), int(listed))


def _joined(some: Sequence[SitemapEntry], base: str) -> list[WebUrl | WrongUrl]:
    return [_joined_one(entry.loc, base) for entry in some]


def _joined_one(loc: str, base: str) -> WebUrl | WrongUrl:
    try:
        return parse_url(loc) if "://" in loc else join_url(base, loc)
    except WrongUrl as error:
        return error


def _found(url: WebUrl, lastmod: str, now: datetime) -> Found:
    """Return a page; its lastmod tells its state only when the day or second that it names is over."""
    modified, over = last_modified(lastmod)
    version = f"{LASTMOD}{lastmod}" if over is not None and over < now else None
    return Found(url.text, version=version, modified_at=modified)


def _refused(loc: str, error: Exception) -> Refused:
    if not isinstance(error, DocumentError):
        message = f"what the sitemap lists can't be read: {shown(loc)}: {error}"
        error = DocumentError("bad_sitemap", message, "ask the site's operator")
    return Refused.of(mask(shown(loc)), error)
