"""What forms ask of watches: to look now, to pause, to go on, and, after a page that says what that means, to end.

The address of a form names the watch, and what the list was narrowed down to; its only field is the token.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from listener.cli.lasting import LastingWay
from listener.cli.webui.forms import form_of
from listener.cli.webui.live import Live
from listener.cli.webui.looks import Looks
from listener.cli.webui.page import PageAddress
from listener.cli.webui.pages.watches_page import KEPT, UNWATCH
from listener.cli.webui.rendering import Rendered, Renderer
from listener.client import Ingest
from listener.errors import IngestError

SEE_OTHER = 303

Order = Callable[[Ingest, PageAddress], Awaitable[object]]

ORDERS: Mapping[str, Order] = {
    "run": lambda ingest, asked: ingest.run_watch(asked.exactly("watch")),
    "pause": lambda ingest, asked: ingest.pause_watch(asked.exactly("watch")),
    "resume": lambda ingest, asked: ingest.resume_watch(asked.exactly("watch")),
    "unwatch": lambda ingest, asked: ingest.unwatch(
        asked.exactly("watch"), delete_documents=asked.get("delete") == "yes"
    ),
}


class WatchVerbs:
    """The routes of forms about watches; only where ``--control`` was given."""

    def __init__(self, way: LastingWay, renderer: Renderer, live: Live, looks: Looks, token: str) -> None:
        """``token``: what a form of ours carries."""
        self._way = way
        self._renderer = renderer
        self._live = live
        self._looks = looks
        self._token = token

    def routes(self) -> list[BaseRoute]:
        """Return them."""
        made: list[BaseRoute] = [Route(UNWATCH.path, self._ask, methods=["GET"])]
        for name, order in ORDERS.items():
            made.append(Route(f"/watches/{name}", partial(self._carry_out, order=order), methods=["POST"]))
        return made

    async def _ask(self, request: Request) -> Response:
        return _answer(await self._looks.at(UNWATCH, _asked(request)))

    async def _carry_out(self, request: Request, order: Order) -> Response:
        asked = _asked(request)
        try:
            await form_of(request, self._token)
            await self._way.use(lambda ingest: order(ingest, asked), changes=True)
        except IngestError as error:
            return _answer(self._looks.failed(asked, error))
        await self._live.look()
        kept = {key: asked.exactly(key) for key in KEPT}
        ran = asked.exactly("watch") if order is ORDERS["run"] else ""
        return RedirectResponse(self._renderer.link("/watches", **kept, ran=ran), SEE_OTHER)


def _asked(request: Request) -> PageAddress:
    return PageAddress(query=tuple(request.query_params.multi_items()))


def _answer(rendered: Rendered) -> Response:
    return HTMLResponse(rendered.html, rendered.status)
