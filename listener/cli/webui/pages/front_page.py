"""How it all goes: listeners, what waits and why, what fails, charts of the last hours, tokens by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta, timezone
from typing import Any

from listener.cli.webui.page import PageAddress, WebPage
from listener.client import Ingest
from listener.client.history import Measured
from listener.client.inventory import Used
from listener.client.permitted import if_permitted
from listener.client.situation import MOST_ASKED, MOST_COUNTED, MOST_ENDED
from listener.errors import RequestError

PERIODS = {
    "hour": (timedelta(hours=1), "%H:%M"), "day": (timedelta(days=1), "%H:%M"), "week": (timedelta(days=7), "%d %b"),
}  # fmt: skip
USAGE_DAYS = 14
SHOWN = 50
AT_MOST = {"counted": MOST_COUNTED, "asked": MOST_ASKED, "ended": MOST_ENDED, "shown": SHOWN}


@dataclass(frozen=True, slots=True)
class UsedOnDay:
    """What was sent to embedders on a day; ``cost``: None where no price is known."""

    day: date
    texts: int
    tokens: int
    cost: float | None

    @property
    def name(self) -> str:
        """The day, for a chart."""
        return f"{self.day:%d %b}"


async def _read(ingest: Ingest, asked: PageAddress) -> dict[str, Any]:
    period = asked.get("period", "hour")
    if period not in PERIODS:
        raise RequestError("wrong_address", f'there is no period "{period}"', "hour, day or week")
    length, how = PERIODS[period]
    now = await if_permitted(ingest.situation())
    used = await if_permitted(ingest.usage(since=timedelta(days=USAGE_DAYS)))
    return {
        "now": now, "period": period, "periods": [*PERIODS], "at_most": AT_MOST,
        "charts": _charts(await if_permitted(ingest.history(length)), how),
        "outages": await if_permitted(ingest.outages()),
        "used": None if used is None else _by_day(used),
    }  # fmt: skip


def _charts(measured: Sequence[Measured] | None, how: str) -> dict[str, Any] | None:
    if measured is None:
        return None
    labels = [one.at.astimezone(timezone.utc).strftime(how) for one in measured]
    named = {
        name: [getattr(one, name) for one in measured]
        for name in ("pending", "scheduled", "running", "documents", "failures", "chunks", "tokens")
    }
    return {"labels": labels, "is_empty": all(value is None for value in named["running"]), **named}


def _by_day(used: Sequence[Used]) -> list[UsedOnDay]:
    """Return what was used on each day between the first and the last one, the oldest first."""
    days = [one.period for one in used if one.period]
    if not days:
        return []
    first = min(days)
    return [_on(first + timedelta(days=passed), used) for passed in range((max(days) - first).days + 1)]


def _on(day: date, used: Sequence[Used]) -> UsedOnDay:
    then = [one for one in used if one.period == day]
    costs = [one.cost for one in then if one.cost is not None]
    texts, tokens = sum(one.texts for one in then), sum(one.tokens for one in then)
    return UsedOnDay(day, texts, tokens, sum(costs) if costs else None)


FRONT_PAGE = WebPage("/", "overview", _read, "Overview")
