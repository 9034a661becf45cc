"""What a form asks of a service that is away: to be asked now; its address names the service."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from starlette.requests import Request
from starlette.routing import BaseRoute

from listener.cli.webui.exchange import asked_of
from listener.cli.webui.forms import FormDesk


def service_routes(desk: FormDesk) -> list[BaseRoute]:
    """Return the route of the form; only where ``--control`` was given."""
    return [desk.route("/services/ask", partial(_ask_again, desk))]


async def _ask_again(desk: FormDesk, request: Request, _: Mapping[str, str]) -> str:
    service = asked_of(request).exactly("service")
    await desk.way.use(lambda ingest: ingest.ask_again(service), changes=True)
    return desk.renderer.link("/")
