"""What forms ask of watches: to look now, to pause, to go on, and, after a page that says what that means, to end.

The address of a form names the watch, and what the list was narrowed down to; its only field is the token.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from starlette.requests import Request
from starlette.routing import BaseRoute

from listener.cli.webui.exchange import asked_of
from listener.cli.webui.forms import FormDesk
from listener.cli.webui.page import PageAddress, WebPage
from listener.cli.webui.pages.watches_page import KEPT, UNWATCH
from listener.client import Ingest

Order = Callable[[Ingest, PageAddress], Awaitable[object]]

ORDERS: Mapping[str, Order] = {
    "run": lambda ingest, asked: ingest.run_watch(asked.exactly("watch")),
    "pause": lambda ingest, asked: ingest.pause_watch(asked.exactly("watch")),
    "resume": lambda ingest, asked: ingest.resume_watch(asked.exactly("watch")),
    "unwatch": lambda ingest, asked: ingest.unwatch(
        asked.exactly("watch"), delete_documents=asked.get("delete") == "yes"
    ),
}


def watch_pages() -> tuple[WebPage, ...]:
    """Return the page that asks before a watch is ended; only where ``--control`` was given."""
    return (UNWATCH,)


def watch_routes(desk: FormDesk) -> list[BaseRoute]:
    """Return the routes of forms about watches; only where ``--control`` was given."""
    return [desk.route(f"/watches/{name}", partial(_carry_out, desk, name)) for name in ORDERS]


async def _carry_out(desk: FormDesk, name: str, request: Request, _: Mapping[str, str]) -> str:
    asked = asked_of(request)
    await desk.way.use(lambda ingest: ORDERS[name](ingest, asked), changes=True)
    kept = {key: asked.exactly(key) for key in KEPT}
    return desk.renderer.link("/watches", **kept, ran=asked.exactly("watch") if name == "run" else "")
