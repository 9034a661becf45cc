"""The watches: when each looked last, when it looks next, why it fails or waits."""

from __future__ import annotations

import re
from typing import Any

from listener.cli.webui.page import PageAddress, WebPage
from listener.client import Ingest
from listener.client.permitted import if_permitted
from listener.errors import RequestError

EVERY_INTERVAL = re.compile(r"every (\d{2,}):(\d\d):(\d\d)(?=,|$)")
ROWS = 50
MOST_COUNTED = 100_000
STATE_LOOKS = {"running": "busy", "pending": "warn", "failing": "bad", "paused": "quiet"}
STATES = ("waiting", "pending", "running", "failing", "paused")
KEPT = ("collection", "state", "name", "after_collection", "after")
"""What a form's address carries, so that whoever sends it comes back to where it was."""


async def _read(ingest: Ingest, asked: PageAddress) -> dict[str, Any]:
    name, collection, after = asked.exactly("name"), asked.exactly("collection"), asked.exactly("after")
    state = asked.get("state")
    behind = (asked.exactly("after_collection"), after) if after else None
    found = await if_permitted(
        ingest.watches(name or None, collection=collection or None, state=state or None, after=behind, limit=ROWS + 1)
    )
    has_more = found is not None and len(found) > ROWS
    return {
        "found": None if found is None else found[:ROWS], "last": found[ROWS - 1] if found and has_more else None,
        "name": name, "collection": collection, "state": state, "is_first": behind is None,
        "kept": {key: asked.exactly(key) for key in KEPT if asked.exactly(key)},
        "states": STATES, "state_looks": STATE_LOOKS, "in_words": schedule_in_words,
    }  # fmt: skip


async def _read_one(ingest: Ingest, asked: PageAddress) -> dict[str, Any]:
    """Read what the end of a watch would mean."""
    name = asked.exactly("watch")
    if not (found := await ingest.watches(name)):
        raise RequestError("unknown_watch", f'there is no watch "{name}"', "It may have been ended meanwhile.")
    return {"watch": found[0], "brought": await ingest.count_watched(name, most=MOST_COUNTED), "most": MOST_COUNTED,
            "in_words": schedule_in_words}  # fmt: skip


def schedule_in_words(schedule: str) -> str:
    """Return ``every 10 min`` for ``every 00:10:00``, as Postgres writes it."""
    return EVERY_INTERVAL.sub(lambda found: f"every {_period(*map(int, found.groups()))}", schedule)


def _period(hours: int, minutes: int, seconds: int) -> str:
    parts = ((hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


WATCHES = WebPage("/watches", "watches", _read, "Watches")
UNWATCH = WebPage("/watches/unwatch", "unwatch", _read_one, is_live=False)
