"""The pages, in the order of the navigation: those with a heading are in there."""

from __future__ import annotations

from listener.cli.web.page import Asked, Page
from listener.cli.web.pages.collection_page import COLLECTION
from listener.cli.web.pages.collections_page import COLLECTIONS
from listener.cli.web.pages.document_list import DOCUMENTS
from listener.cli.web.pages.document_page import DOCUMENT
from listener.cli.web.pages.failures_page import FAILURES_PAGE
from listener.cli.web.pages.front_page import FRONT_PAGE
from listener.cli.web.pages.request_page import REQUEST_PAGE
from listener.cli.web.pages.requests_page import REQUESTS_PAGE
from listener.cli.web.pages.search_page import SEARCH
from listener.cli.web.pages.watches_page import WATCHES
from listener.client import Ingest


async def _nothing(_: Ingest, __: Asked) -> dict[str, object]:
    return {}


PAGES: tuple[Page, ...] = (
    FRONT_PAGE, REQUESTS_PAGE, REQUEST_PAGE, FAILURES_PAGE, DOCUMENTS, DOCUMENT, COLLECTIONS, COLLECTION, WATCHES,
    SEARCH,
)  # fmt: skip
PROBLEM = Page("/", "problem", _nothing, is_live=False)
