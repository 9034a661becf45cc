"""Requests, the newest first, as far as filters let them through."""

from __future__ import annotations

from typing import Any

from listener.cli.webui.page import PageAddress, WebPage
from listener.cli.webui.pages.asked_for import AGES, FILTERS, filters_of, place_of, place_text, request_filter
from listener.client import Ingest
from listener.client.selection import SOUGHT, WAITS

SHOWN = 50


async def _read(ingest: Ingest, asked: PageAddress) -> dict[str, Any]:
    found = await ingest.request_page(request_filter(asked), limit=SHOWN, after=place_of(asked))
    return {
        "found": found, "older": place_text(found.older),
        "filters": {name: asked.get(name) for name in FILTERS}, "given": filters_of(asked),
        "known_statuses": SOUGHT, "known_waits": WAITS, "ages": {name: words for name, (words, _) in AGES.items()},
        "controls": await ingest.may_control(), "under_way": (),
    }  # fmt: skip


REQUESTS_PAGE = WebPage("/requests", "requests", _read, "Requests")
