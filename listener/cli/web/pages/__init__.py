"""The pages, in the order of the navigation: those with a heading are in there."""

from __future__ import annotations

from listener.cli.web.page import Asked, Page
from listener.cli.web.pages.overview import OVERVIEW
from listener.client import Ingest


async def _nothing(_: Ingest, __: Asked) -> dict[str, object]:
    return {}


PAGES: tuple[Page, ...] = (OVERVIEW,)
PROBLEM = Page("/", "problem", _nothing, is_live=False)
