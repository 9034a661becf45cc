"""Documents that fail now, by reason, and those of one reason."""

from __future__ import annotations

from typing import Any

from listener.cli.webui.page import PageAddress, WebPage
from listener.client import Ingest
from listener.client.overview import failure_groups

SHOWN = 200


async def _read(ingest: Ingest, asked: PageAddress) -> dict[str, Any]:
    code, collection = asked.get("code") or None, asked.get("collection") or None
    found = await ingest.failures(code=code, collection=collection, now=True, limit=SHOWN + 1)
    return {
        "found": found[:SHOWN], "are_more": len(found) > SHOWN, "code": code, "collection": collection,
        "reasons": await failure_groups(ingest.session, {"collection": collection} if collection else {}, now=True),
    }  # fmt: skip


FAILURES_PAGE = WebPage("/failures", "failures", _read)
