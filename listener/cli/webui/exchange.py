"""Requests of HTTP → addresses of pages, and renderings → answers."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, Response

from listener.cli.webui.page import PageAddress
from listener.cli.webui.rendering import Rendered


def asked_of(connection: HTTPConnection) -> PageAddress:
    """Return what is asked of a page."""
    path = tuple((name, str(value)) for name, value in connection.path_params.items())
    query = [(name, value.replace("\0", "")) for name, value in connection.query_params.multi_items()]  # no text has it
    return PageAddress(path, tuple(query))


def answer(rendered: Rendered) -> Response:
    """Return a page as a response of HTTP."""
    return HTMLResponse(rendered.html, rendered.status)
