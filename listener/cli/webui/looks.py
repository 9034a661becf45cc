"""One rendering for all who look at the same page at the same moment."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from listener.cli.lasting import LastingWay
from listener.cli.problems import Problem, shown
from listener.cli.webui.live import Live
from listener.cli.webui.page import PageAddress, WebPage
from listener.cli.webui.page_turns import PageTurns
from listener.cli.webui.rendering import Rendered, Renderer
from listener.errors import OperatorError

KEPT = 64
FRESH_SECONDS = 0.4
MOST_SECONDS = 60.0  # then the statement is cancelled; a search waits for a listener and a re-ranker
OK, BAD_REQUEST, FORBIDDEN, NOT_FOUND, UNAVAILABLE = 200, 400, 403, 404, 503
STATUSES = {
    "not_permitted": FORBIDDEN, "not_granted": FORBIDDEN, "stale_form": FORBIDDEN, "database_lost": UNAVAILABLE,
    "database_unreachable": UNAVAILABLE, "too_many_looks": UNAVAILABLE,
}  # fmt: skip
_TOO_SLOW = OperatorError(
    "database_lost", f"there was no answer within {MOST_SECONDS:.0f} s", "Try again; it may be busy. See: ingest doctor"
)


class Looks:
    """Reads and renders pages, each once for all who ask while it is done or just was."""

    def __init__(self, way: LastingWay, renderer: Renderer, live: Live, problem: WebPage) -> None:
        """``problem``: the page that says what went wrong."""
        self._way = way
        self._renderer = renderer
        self._live = live
        self._problem = problem
        self._turns = PageTurns()
        self._kept: OrderedDict[tuple[str, PageAddress], tuple[int, float, asyncio.Task[Rendered]]] = OrderedDict()

    async def at(self, page: WebPage, asked: PageAddress, *, recent: bool = False) -> Rendered:
        """Return a page; what went wrong is one, too. ``recent``: one that was just read at this moment will do."""
        key = (page.name, asked)
        moment, began, task = self._kept.get(key, (-1, 0.0, None))
        is_fresh = recent and moment == self._live.moment and time.monotonic() - began < FRESH_SECONDS
        if task is None or not (is_fresh or not task.done()):
            task = asyncio.create_task(self._read(page, asked))
            self._kept[key] = (self._live.moment, time.monotonic(), task)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return await asyncio.shield(task)

    async def _read(self, page: WebPage, asked: PageAddress) -> Rendered:
        began = time.monotonic()
        try:
            known = await self._within(page, asked)
            refused: Problem | None = known.get("problem")  # a page with a form shows it beside that
            return self._renderer.render(page, asked, known, status_of(refused) if refused else OK)
        except asyncio.TimeoutError:
            return self.failed(asked, _TOO_SLOW)
        except Exception as error:  # a page that breaks says so, and no other one breaks with it
            return self.failed(asked, error)
        finally:
            if page.is_live:  # others are not read again and again
                self._live.cost += time.monotonic() - began

    async def _within(self, page: WebPage, asked: PageAddress) -> Mapping[str, Any]:
        # Not wait_for: that waits for the cancel, too, and a server that is frozen acknowledges none.
        reading = asyncio.ensure_future(self._in_turn(page, asked))
        await asyncio.wait({reading}, timeout=MOST_SECONDS)
        if not reading.done():
            reading.cancel()
            raise asyncio.TimeoutError
        return await reading

    async def _in_turn(self, page: WebPage, asked: PageAddress) -> Mapping[str, Any]:
        async with self._turns.of(page.name) if page.takes_turns else nullcontext():
            return await self._way.use(lambda ingest: page.read(ingest, asked))

    def failed(self, asked: PageAddress, error: Exception) -> Rendered:
        """Return the page that says what went wrong."""
        problem = shown(error)
        return replace(
            self._renderer.render(self._problem, asked, {"problem": problem}, status_of(problem)),
            problem=problem.message,
        )


def status_of(problem: Problem) -> int:
    """Return the status of HTTP for what went wrong."""
    if problem.code in STATUSES:
        return STATUSES[problem.code]
    if problem.code.startswith("unknown_"):
        return NOT_FOUND
    return BAD_REQUEST if problem.status == 2 else 500 if problem.status == 70 else UNAVAILABLE
