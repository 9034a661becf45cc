"""The collections: what each holds, how it is searched, what fails in it, how good its searches were."""

from __future__ import annotations

from typing import Any

from listener.cli.judge import NAMES
from listener.cli.webui.page import PageAddress, WebPage
from listener.client import Ingest
from listener.client.permitted import if_permitted

ROWS = 50
INDEX_LOOKS = {"valid": "good", "own": "good", "building": "busy", "waiting": "warn", "needs_owner": "warn"}
"""Classes of style sheets for the states of an index; exact is no worse for few chunks."""


async def _read(ingest: Ingest, asked: PageAddress) -> dict[str, Any]:
    find, after = asked.get("find"), asked.exactly("after")
    held = await ingest.collections(find=find or None, after=after or None, limit=ROWS + 1)
    shown = held[:ROWS]
    return {
        "held": shown, "find": find, "after": after, "last": shown[-1].collection if len(held) > ROWS else None,
        "ways": NAMES, "index_looks": INDEX_LOOKS,
        "evaluated": await if_permitted(ingest.last_evaluations([one.collection for one in shown])) or {},
    }  # fmt: skip


COLLECTIONS = WebPage("/collections", "collections", _read, "Collections")
