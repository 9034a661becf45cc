"""What a form of ours brings: few short fields, with the token that our pages carry; and what all forms have in common.

::

    POST ─► token, fields ─► act: does it, returns an address ─► open pages look ─► 303 to that address
                                └─ whatever goes wrong is a page
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from listener.cli.lasting import LastingWay
from listener.cli.webui.exchange import answer, asked_of
from listener.cli.webui.guard import token_fits
from listener.cli.webui.live import Live
from listener.cli.webui.looks import Looks
from listener.cli.webui.rendering import Renderer
from listener.errors import RequestError

MOST_BYTES = 16_384
MOST_FIELDS = 40
SEE_OTHER = 303
TYPE = "application/x-www-form-urlencoded"
_AGAIN = "Open the page again, and send it from there."

Act = Callable[[Request, Mapping[str, str]], Awaitable[str]]


@dataclass(frozen=True)
class FormDesk:
    """What the routes of forms share. ``token``: what a form of ours carries."""

    way: LastingWay
    renderer: Renderer
    live: Live
    looks: Looks
    token: str

    def route(self, path: str, act: Act) -> Route:
        """Return the route of a form. ``act`` does what is asked and returns the address to look at then."""

        async def carry_out(request: Request) -> Response:
            try:
                address = await act(request, await form_of(request, self.token))
            except Exception as error:  # whatever it is, it is a page
                return answer(self.looks.failed(asked_of(request), error))
            await self.live.look()
            return RedirectResponse(address, SEE_OTHER)

        return Route(path, carry_out, methods=["POST"])


async def form_of(request: Request, token: str) -> Mapping[str, str]:
    """Return a form's fields, without blanks around them; raises RequestError ``wrong_form`` or ``stale_form``."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise RequestError("wrong_form", f"a form has no more than {MOST_BYTES} bytes", _AGAIN)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != TYPE:
        raise RequestError("wrong_form", "this is no form of these pages", _AGAIN)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise RequestError("wrong_form", "this form can't be read", _AGAIN) from None
    fields = {name: value.strip() for name, value in reversed(pairs)}
    if not token_fits(fields.pop("token", ""), token):
        raise RequestError("stale_form", "this form is of a server that has ended since", _AGAIN)
    return fields
