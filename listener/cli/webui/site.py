"""The application: a route and a socket for each page, the forms' verbs, the files."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from importlib.resources import files

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from listener.cli.lasting import LastingWay
from listener.cli.webui.exchange import answer, asked_of
from listener.cli.webui.forms import FormDesk
from listener.cli.webui.guard import Guard
from listener.cli.webui.live import Live
from listener.cli.webui.looks import Looks
from listener.cli.webui.page import WebPage
from listener.cli.webui.pages import PAGES, PROBLEM
from listener.cli.webui.rendering import Renderer
from listener.cli.webui.service_verbs import service_routes
from listener.cli.webui.socket import keep_up_to_date
from listener.cli.webui.verbs import Verbs
from listener.cli.webui.watch_verbs import watch_pages, watch_routes
from listener.errors import RequestError

MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
NOTHING_HERE = RequestError("unknown_page", "there is no such page", "Go on from the overview.")


def site(
    way: LastingWay, *, hosts: Iterable[str], prefix: str = "", may_control: bool = False, about: str = ""
) -> Starlette:
    """Return the application. ``hosts``: by which it is asked; ``prefix``: of paths; ``may_control``: offer verbs."""
    token = secrets.token_urlsafe()
    renderer = Renderer(prefix, PAGES, token, may_control, about)
    live = Live(way)
    looks = Looks(way, renderer, live, PROBLEM)
    desk = FormDesk(way, renderer, live, looks, token)
    verbs = Verbs(desk)
    pages = [*map(verbs.with_runs, PAGES), *verbs.pages(), *watch_pages()] if may_control else [*PAGES]
    routes: list[BaseRoute] = [route for page in pages for route in _routes_of(page, live, looks)]
    routes += [*verbs.routes(), *watch_routes(desk), *service_routes(desk)] if may_control else []
    routes += [Route(f"/static/{name}", _file(name)) for name in _static()]

    async def nothing_here(request: Request, _: Exception) -> Response:
        return answer(looks.failed(asked_of(request), NOTHING_HERE))

    @asynccontextmanager
    async def opened(_: Starlette) -> AsyncIterator[None]:
        async with way:
            try:
                yield
            finally:
                await verbs.runs.close()

    app = Starlette(
        routes=routes, middleware=[Middleware(Guard, hosts=[*hosts])], lifespan=opened,
        exception_handlers={404: nothing_here, 405: nothing_here},
    )  # fmt: skip
    app.router.redirect_slashes = False  # it knows nothing of the prefix
    return app


def _routes_of(page: WebPage, live: Live, looks: Looks) -> list[BaseRoute]:
    async def read(request: Request) -> Response:
        return answer(await looks.at(page, asked_of(request)))

    async def follow(socket: WebSocket) -> None:
        await keep_up_to_date(socket, page, asked_of(socket), live, looks)

    routes: list[BaseRoute] = [Route(page.path, read)]
    return [*routes, WebSocketRoute(page.path, follow)] if page.is_live else routes


def _static() -> list[str]:
    return [one.name for one in (files("listener.cli.webui") / "static").iterdir() if "." in one.name]


def _file(name: str) -> Callable[[Request], Awaitable[Response]]:
    content = (files("listener.cli.webui") / "static" / name).read_bytes()
    media_type = MEDIA_TYPES[name.rpartition(".")[2]]

    async def read(_: Request) -> Response:
        return Response(content, media_type=media_type, headers={"cache-control": "no-cache"})

    return read
