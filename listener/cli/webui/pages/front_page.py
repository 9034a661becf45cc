"""How it all goes: listeners, what waits and why, what fails, charts of the last hours, tokens by day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta, timezone
from typing import Any

from listener.cli.webui.page import PageAddress, WebPage
from listener.client import Ingest
from listener.client.history import Measured
from listener.client.permitted import if_permitted
from listener.client.situation import MOST_ASKED, MOST_COUNTED, MOST_ENDED
from listener.errors import RequestError

PERIODS = {
    "hour": (timedelta(hours=1), "%H:%M"), "day": (timedelta(days=1), "%H:%M"), "week": (timedelta(days=7), "%d %b"),
}  # fmt: skip
USAGE_DAYS = 14
SHOWN = 50
AT_MOST = {"counted": MOST_COUNTED, "asked": MOST_ASKED, "ended": MOST_ENDED, "shown": SHOWN}


async def _read(ingest: Ingest, asked: PageAddress) -> dict[str, Any]:
    period = asked.get("period", "hour")
    if period not in PERIODS:
        raise RequestError("wrong_address", f'there is no period "{period}"', "hour, day or week")
    length, how = PERIODS[period]
    now = await if_permitted(ingest.situation())
    return {
        "now": now, "period": period, "periods": [*PERIODS], "at_most": AT_MOST,
        "charts": _charts(await if_permitted(ingest.history(length)), how),
        "outages": await if_permitted(ingest.outages()),
        "used": await if_permitted(ingest.used_by_day(USAGE_DAYS)),
    }  # fmt: skip


def _charts(measured: Sequence[Measured] | None, how: str) -> dict[str, Any] | None:
    if measured is None:
        return None
    labels = [one.at.astimezone(timezone.utc).strftime(how) for one in measured]
    named = {
        name: [getattr(one, name) for one in measured]
        for name in ("pending", "scheduled", "running", "parked", "documents", "failures", "chunks", "tokens")
    }
    return {"labels": labels, "is_empty": all(value is None for value in named["running"]), **named}


FRONT_PAGE = WebPage("/", "overview", _read, "Overview")
