"""A site below a prefix: the page that a source names, what it links to, and so on, breadth first.

::

    frontier ─► 16 pages, side by side ─► documents, and links ─► frontier
      each URL enters once, by its spelling; none that ``exclude`` keeps out; at most twice as many as ``pages``
      ``pages`` are looked at: broken links, and what robots.txt keeps out, do not count

A redirect, a canonical link and a page that sends its readers on are links as others, but cost no depth: a document is
a page that calls itself by the name under which it was found.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import islice

from listener.concurrency import side_by_side
from listener.documents.failures import CallRaised, WorkerFailed
from listener.errors import DocumentError, ServiceError, of_document
from listener.sources.base import Found, Page, Refused, SourceTools
from listener.sources.http.fetching import REDIRECTS, TRIES, Fetcher, redirect_of
from listener.sources.http.held_bodies import LARGEST, HeldBodies
from listener.sources.http.page_links import PageLinks, page_links
from listener.sources.http.robots import Robots
from listener.sources.http.site_documents import (
    SiteChoice,
    is_document,
    is_page,
    may_be_document,
    may_be_page,
    media_type_of,
)
from listener.sources.http.urls import WebUrl, parse_url
from listener.sources.http.versions import modified_at, version_of
from listener.sources.http.web_answer import WebAnswer
from listener.sources.http.web_errors import GONE, cut_off, disallowed, of_status, shown
from listener.sources.options import MOST_PAGES, CrawlOptions, RequestOptions

GROUP = 16
MOST_COUNTED = 1000  # links below the last depth, of each page and of all
SIDE_BY_SIDE = 4
MOST_FAILED_IN_A_ROW = 8  # pages that the server did not answer for: then it is away
LONGEST_URL = 2000
TIMES_SEEN = 2  # as many URLs as there may be pages: the others may be broken links

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Visit:
    """The result for a URL: a document or not; where it leads, at the same depth and below; what it lacks.

    ``is_page``: there is something.
    """

    item: Found | Refused | None = None
    onward: Sequence[str] = ()
    links: Sequence[str] = ()
    complete: bool = True
    away: ServiceError | None = None
    is_page: bool = True


@dataclass(frozen=True, slots=True)
class _Fetched:
    """An answer as it was taken: a page's body is kept for its links."""

    visit: Visit
    url: WebUrl
    body: bytes | None = None
    media_type: str = ""


class Crawl:
    """One crawl."""

    def __init__(
        self, fetcher: Fetcher, robots: Robots, bodies: HeldBodies, tools: SourceTools, options: RequestOptions
    ) -> None:
        self._fetcher = fetcher
        self._robots = robots
        self._bodies = bodies
        self._tools = tools
        self._options = options
        self._limits = options.crawl or CrawlOptions()
        self._most_bytes = tools.settings.max_document_bytes
        self._headers = {"accept-encoding": "identity"} if options.record else {}
        self._prefix = ""
        self._choice = SiteChoice("", options)
        self._frontier: deque[tuple[str, int]] = deque()
        self._seen: set[str] = set()
        self._left_out = False
        self._below: set[str] = set()
        self._looked_at = 0
        self._failed = 0
        self._tries = TRIES

    async def pages(self, source: WebUrl) -> AsyncGenerator[Page, None]:
        """Yield the documents of the site. Raises DocumentError or ServiceError for its first page."""
        start = await self._start(source)
        self._prefix = start.folder
        self._choice = SiteChoice(self._prefix, self._options)
        self._seen.update((source.text, start.text))
        self._frontier.append((start.text, 0))
        while self._frontier and (left := self._limits.pages - self._looked_at):
            group = [self._frontier.popleft() for _ in range(min(GROUP, left, len(self._frontier)))]
            visits = await side_by_side(self._visit, group, SIDE_BY_SIDE)
            self._looked_at += sum(visit.is_page for visit in visits)
            for (_, depth), visit in zip(group, visits, strict=True):
                await self._note(visit, start)
                self._offer(visit.onward, depth)
                if depth < self._limits.depth:
                    self._offer(visit.links, depth + 1)
                elif "depth" not in self._limits.model_fields_set:
                    room = MOST_COUNTED - len(self._below)
                    self._below.update(islice(filter(self._is_new, visit.links[:MOST_COUNTED]), room))
            complete = all(visit.complete for visit in visits)
            yield Page([visit.item for visit in visits if visit.item is not None], complete=complete)
        for page in self._cut_off(shown(source.text)):
            yield page

    def _cut_off(self, source: str) -> Iterator[Page]:
        """Yield a page that says where the crawl stopped, if there is more: at a depth that was asked for, it ends."""
        depth, pages = self._limits.depth, self._limits.pages
        if self._frontier or self._left_out:
            kept = ": so nothing was deleted" if self._options.mirror else ""
            what = f"the crawl of {source} ended at {pages} pages, and there are more{kept}"
            note = cut_off(what, _more(depth, 10 * pages))
            yield Page((), complete=False, note=note)
        elif self._below and "depth" not in self._limits.model_fields_set:
            what = f"the crawl of {source} ended at a depth of {depth}; {len(self._below)} or more links lead further"
            note = cut_off(what, _more(2 * depth, pages))
            yield Page((), note=note)

    async def _start(self, source: WebUrl) -> WebUrl:
        """Return where the source leads to, through its redirects."""
        if not await self._robots.allow(source):
            raise disallowed(source.text)

        async def take(answer: WebAnswer) -> WebUrl:
            if answer.status != 200:
                raise of_status(source.text, answer.status)
            return answer.url

        start = await self._fetcher.fetch(source, take)
        if not await self._robots.allow(start):
            raise disallowed(start.text)
        return start

    def _offer(self, urls: Sequence[str], depth: int) -> None:
        """Take URLs into the frontier that were not there before, and are of this site."""
        for url in urls:
            if not self._is_new(url):
                continue
            if len(self._seen) >= TIMES_SEEN * self._limits.pages:
                self._left_out = True
                continue
            self._seen.add(url)
            self._frontier.append((url, depth))

    def _is_new(self, url: str) -> bool:
        return url not in self._seen and len(url) <= LONGEST_URL and self._is_of_site(parse_url(url))

    def _is_of_site(self, url: WebUrl) -> bool:
        if not (url.text.startswith(self._prefix) and self._fetcher.holds(url) and may_be_document(url)):
            return False
        return self._choice.visits(url) and (may_be_page(url) or self._choice.takes(url))

    async def _note(self, visit: Visit, start: WebUrl) -> None:
        """Count what failed in a row: then the first page says whether it is the server, or a part of the site."""
        self._failed = self._failed + 1 if visit.away else 0
        if visit.away and self._failed >= MOST_FAILED_IN_A_ROW:
            await self._fetcher.probe(start)
            self._failed, self._tries = 0, 1
        elif not visit.away:
            self._tries = TRIES

    async def _visit(self, place: tuple[str, int]) -> Visit:
        url = parse_url(place[0])
        try:
            if not await self._robots.allow(url):
                return Visit(is_page=False)
            fetched = await self._fetcher.fetch(url, self._take, self._headers, follows=False, tries=self._tries)
        except DocumentError as error:
            return Visit(Refused.of(url.text, error), complete=False)
        except ServiceError as error:
            return Visit(Refused.of(url.text, of_document(error)), complete=False, away=error)
        if fetched.body is None:
            return fetched.visit
        return await self._with_links(fetched, await self._links(fetched))

    async def _take(self, answer: WebAnswer) -> _Fetched:
        url, text = answer.url, answer.url.text
        if answer.status in REDIRECTS:
            return _Fetched(Visit(onward=[redirect_of(answer).text]), url)
        if answer.status in GONE:
            return _Fetched(Visit(is_page=False), url)
        if answer.status not in (200, 203):
            return _Fetched(Visit(Refused.of(text, of_status(text, answer.status)), complete=False), url)
        if is_page(answer):
            page = await answer.body(self._most_bytes)
            return _Fetched(Visit(await self._found(answer, page)), url, page, answer.content_type)
        if not is_document(answer) or not self._choice.takes(url):
            return _Fetched(Visit(), url)
        body: bytes | None = None
        if answer.size is not None and answer.size <= LARGEST and not self._options.record:
            body = await answer.body(LARGEST)
        return _Fetched(Visit(await self._found(answer, body)), url)

    async def _found(self, answer: WebAnswer, body: bytes | None) -> Found | None:
        url = answer.url
        if not self._choice.takes(url):
            return None
        digest = None if body is None else (await self._tools.in_thread(sha256, body)).digest()
        version, modified, kind = version_of(answer, digest), modified_at(answer), media_type_of(answer)
        if body is not None:
            await self._bodies.keep(url.text, body, kind, version, modified)
        return Found(url.text, None, kind, answer.size if body is None else len(body), version, modified)

    async def _links(self, fetched: _Fetched) -> PageLinks:
        assert fetched.body is not None
        try:
            return await self._tools.workers.run(
                page_links, fetched.body, fetched.media_type, fetched.url.text, self._prefix
            )
        except (WorkerFailed, CallRaised, DocumentError) as error:
            log.warning("the links of %s can't be read: %s", shown(fetched.url.text), error)
            return PageLinks(None, None, [], False)

    async def _with_links(self, fetched: _Fetched, links: PageLinks) -> Visit:
        visit, text = fetched.visit, fetched.url.text
        complete = visit.complete and links.complete
        elsewhere = links.moved_to if links.moved_to != text else None
        if links.canonical and links.canonical != text and links.canonical.startswith(self._prefix):
            elsewhere = links.canonical
        if elsewhere is None:
            return replace(visit, links=links.links, complete=complete)
        self._bodies.forget(text)
        return Visit(None, [elsewhere], links.links, complete)


def _more(depth: int, pages: int) -> str:
    most = min(pages, MOST_PAGES)
    return f'To include them, write options like {{"crawl": {{"depth": {depth}, "pages": {most}}}}}.'
