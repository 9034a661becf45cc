"""What forms ask of watches: to look now, to pause, to go on, and, after a page that says what that means, to end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from listener.cli.lasting import LastingWay
from listener.cli.web.guard import token_fits
from listener.cli.web.live import Live
from listener.cli.web.looks import Looks
from listener.cli.web.page import Asked
from listener.cli.web.pages.watches_page import KEPT, UNWATCH
from listener.cli.web.rendering import Rendered, Renderer
from listener.client import Ingest
from listener.errors import IngestError, RequestError

MOST_BYTES, MOST_FIELDS = 16_384, 20
SEE_OTHER = 303

Form = Mapping[str, str]
Verb = Callable[[Ingest, Form], Awaitable[object]]


async def _end(ingest: Ingest, form: Form) -> None:
    await ingest.unwatch(form["watch"], delete_documents=form.get("delete") == "yes")


VERBS: Mapping[str, Verb] = {
    "run": lambda ingest, form: ingest.run_watch(form["watch"]),
    "pause": lambda ingest, form: ingest.pause_watch(form["watch"]),
    "resume": lambda ingest, form: ingest.resume_watch(form["watch"]),
    "unwatch": _end,
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
        for name, verb in VERBS.items():
            made.append(Route(f"/watches/{name}", partial(self._do, verb=verb), methods=["POST"]))
        return made

    async def _ask(self, request: Request) -> Response:
        return _page(await self._looks.at(UNWATCH, _asked(request)))

    async def _do(self, request: Request, verb: Verb) -> Response:
        try:
            form = await self._form(request)
            await self._way.use(lambda ingest: verb(ingest, form), changes=True)
        except IngestError as error:
            return _page(self._looks.failed(_asked(request), error))
        await self._live.look()
        # The watch that was shown alone may be gone.
        kept = {key: form[key] for key in KEPT if form.get(key) and not (verb is _end and key == "name")}
        return RedirectResponse(self._renderer.link("/watches", **kept), SEE_OTHER)

    async def _form(self, request: Request) -> Form:
        """Return a form's fields; raises RequestError where it is none of ours."""
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_BYTES:
                raise RequestError("form_too_large", f"a form has more than {MOST_BYTES:,} bytes", "Go back.")
        try:
            fields = parse_qsl(bytes(body).decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS)
        except ValueError as error:  # no UTF-8, or too many
            raise RequestError("wrong_form", f"this is no form of these pages: {error}", "Go back.") from None
        form = dict(fields)
        if not token_fits(form.get("token", ""), self._token):
            hint = "Go back, load that page again, and repeat what you did."
            raise RequestError("stale_form", "the form is of a server that has since been started again", hint)
        if "watch" not in form:
            raise RequestError("wrong_form", "the form names no watch", "Go back.")
        return form


def _asked(request: Request) -> Asked:
    return Asked(query=tuple(request.query_params.multi_items()))


def _page(rendered: Rendered) -> Response:
    return HTMLResponse(rendered.html, rendered.status)
