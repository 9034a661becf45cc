"""What a host's robots.txt allows crawlers, by RFC 9309: no file means all of it; a long one is cut off."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass

from protego import Protego

from listener.errors import DocumentError
from listener.sources.base import SourceTools
from listener.sources.http.fetching import AGENT, Fetcher
from listener.sources.http.urls import WebUrl, parse_url
from listener.sources.http.web_answer import WebAnswer

MOST_BYTES = 512 * 1024
SECONDS = 3600.0
MOST_HOSTS = 200


@dataclass(frozen=True, slots=True)
class RobotsRules:
    """The rules of one host, until they are fetched again; None: all is allowed."""

    rules: Protego | None
    until: float

    def allow(self, url: str) -> bool:
        """Tell whether a crawler may fetch a URL of the host. May take milliseconds: call it in a thread."""
        return self.rules is None or bool(self.rules.can_fetch(url, AGENT))


class Robots:
    """The rules of hosts, each fetched once an hour."""

    def __init__(self, fetcher: Fetcher, tools: SourceTools) -> None:
        self._fetcher = fetcher
        self._tools = tools
        self._known: OrderedDict[str, RobotsRules] = OrderedDict()

    async def allow(self, url: WebUrl) -> bool:
        """Tell whether a crawler may fetch a URL. Raises ServiceError if its host is away."""
        rules = await self.rules_of(url)
        return rules.rules is None or await self._tools.in_thread(rules.allow, url.text)

    async def rules_of(self, url: WebUrl) -> RobotsRules:
        """Return the rules of a URL's host. Raises ServiceError if it is away, DocumentError ``private_address``."""
        known = self._known.get(url.origin)
        if known is None or known.until < time.monotonic():
            rules = await self._fetched(url)
            known = self._known[url.origin] = RobotsRules(rules, time.monotonic() + SECONDS)
            if len(self._known) > MOST_HOSTS:
                self._known.popitem(last=False)
        return known

    async def _fetched(self, url: WebUrl) -> Protego | None:
        place = parse_url(f"{url.origin}/robots.txt")
        try:
            text = await self._fetcher.fetch(place, _text, allows=lambda one: one.origin == url.origin)
        except DocumentError as error:
            if error.code == "private_address":
                raise
            return None  # it leads elsewhere, or is not text: as if there were none
        if not text:
            return None
        rules = await self._tools.in_thread(Protego.parse, text)
        delay = await self._tools.in_thread(rules.crawl_delay, AGENT)
        if delay:
            self._fetcher.paces.of(url.origin).wants_gap(float(delay))
        return rules


async def _text(answer: WebAnswer) -> str:
    if answer.status != 200:
        return ""
    data = await answer.beginning(MOST_BYTES)
    if len(data) == MOST_BYTES:  # a truncated last line may mean something else
        data = data[: data.rfind(b"\n") + 1]
    return data.decode("utf-8", "replace").removeprefix("\ufeff")
