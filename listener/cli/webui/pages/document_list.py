"""The documents of a collection, or of all: their states, and why the last attempt failed."""

from __future__ import annotations

from typing import Any

from listener.cli.arguments import document_uri
from listener.cli.webui.page import PageAddress, WebPage, refusal
from listener.client import Ingest
from listener.errors import IngestError

ROWS = 100


async def _read(ingest: Ingest, asked: PageAddress) -> dict[str, Any]:
    known = {"names": await ingest.collection_names(), "collection": asked.exactly("collection"), "problem": None}
    try:
        return known | await _listed(ingest, asked)
    except IngestError as error:
        return known | {"problem": refusal(error), "found": [], "last": None}


async def _listed(ingest: Ingest, asked: PageAddress) -> dict[str, Any]:
    collection, under = asked.exactly("collection") or None, document_uri(asked.exactly("under"))
    after = asked.exactly("after_collection"), asked.exactly("after_uri")
    found = await ingest.documents(
        collection,
        under=under,
        failed=bool(asked.get("failed")),
        limit=ROWS + 1,
        after=after if all(after) else None,
    )
    return {"found": found[:ROWS], "last": found[ROWS - 1] if len(found) > ROWS else None}


DOCUMENTS = WebPage("/documents", "documents", _read, "Documents")
