"""What a form of ours brings: few short fields, with the token that our pages carry."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from listener.cli.webui.guard import token_fits
from listener.errors import RequestError

MOST_BYTES = 16_384
MOST_FIELDS = 40
TYPE = "application/x-www-form-urlencoded"
_AGAIN = "Open the page again, and send it from there."


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
