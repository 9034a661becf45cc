"""The pages, in the order of the navigation: those with a heading are in there."""

from __future__ import annotations

from listener.cli.webui.page import PageAddress, WebPage
from listener.cli.webui.pages.collection_page import COLLECTION
from listener.cli.webui.pages.collections_page import COLLECTIONS
from listener.cli.webui.pages.document_list import DOCUMENTS
from listener.cli.webui.pages.document_page import DOCUMENT
from listener.cli.webui.pages.failures_page import FAILURES_PAGE
from listener.cli.webui.pages.front_page import FRONT_PAGE
from listener.cli.webui.pages.request_page import REQUEST_PAGE
from listener.cli.webui.pages.requests_page import REQUESTS_PAGE
from listener.cli.webui.pages.search_page import SEARCH
from listener.cli.webui.pages.watches_page import WATCHES
from listener.client import Ingest


async def _nothing(_: Ingest, __: PageAddress) -> dict[str, object]:
    return {}


PAGES: tuple[WebPage, ...] = (
    FRONT_PAGE, REQUESTS_PAGE, REQUEST_PAGE, FAILURES_PAGE, DOCUMENTS, DOCUMENT, COLLECTIONS, COLLECTION, WATCHES,
    SEARCH,
)  # fmt: skip
PROBLEM = WebPage("/", "problem", _nothing, is_live=False)
