"""What forms ask for: verbs on one request, or on all that match, each after a page that says what would be done."""

from __future__ import annotations

from starlette.routing import BaseRoute

from listener.cli.lasting import LastingWay
from listener.cli.web.live import Live
from listener.cli.web.looks import Looks
from listener.cli.web.rendering import Renderer


class Verbs:
    """The routes of forms; only where ``--control`` was given."""

    def __init__(self, way: LastingWay, renderer: Renderer, live: Live, looks: Looks, token: str) -> None:
        """``token``: what a form of ours carries."""
        self._way = way
        self._renderer = renderer
        self._live = live
        self._looks = looks
        self._token = token

    def routes(self) -> list[BaseRoute]:
        """Return them."""
        return []
