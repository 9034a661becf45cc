"""Who may ask: hosts that are ours, forms and sockets that come from our own pages; and what pages may do.

A page of somebody else's, open in the same browser, can send us anything; it can neither read an answer nor say that it
is ours (Origin). A name of its own that leads here (DNS rebinding) is not among the hosts.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("localhost", "127.0.0.1", "::1")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
SAFE = {"GET", "HEAD"}
POLICY_VIOLATION = 1008  # of a WebSocket


class Guard:
    """Refuses what does not come from our own pages, before anything is read."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        """``hosts``: names by which this may be asked, without ports; ``*``: by any."""
        self._app = app
        named = {host.lower() for host in hosts}
        self._hosts = named | {_host(host) for host in named} - {""}
        self._origins = named - {*LOOPBACK}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is None:
            await self._app(scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": refusal})
        else:
            await PlainTextResponse(f"{refusal}\n", 403, headers=HEADERS)(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> str | None:
        host = _host(headers.get("host", ""))
        if "*" not in self._hosts and host not in self._hosts:
            return f"This server is not asked by the name {host[:100]!r}. Whoever runs it may allow it: --allow-host"
        is_read = scope["type"] == "http" and scope["method"] in SAFE
        if _is_embedded(headers) or not (is_read or self._is_ours(headers)):
            return "This came from another site's page."
        return None

    def _is_ours(self, headers: Headers) -> bool:
        scheme, _, named = headers.get("origin", "").partition("://")
        if scheme not in ("http", "https"):
            return False
        if named.lower() == headers.get("host", "").lower():
            return True
        return named.lower() in self._origins  # behind a proxy that names itself; on another port is somebody else


def _is_embedded(headers: Headers) -> bool:
    """Tell whether another site's page has this as an image, a frame or a script: a search has a text embedded."""
    return headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-dest") not in ("document", None)


def token_fits(given: str, token: str) -> bool:
    """Tell whether a form carries the token that our pages have."""
    return hmac.compare_digest(given.encode(), token.encode())


def _host(header: str) -> str:
    """Return the name in a host header, without a port; nothing if it can't be one."""
    if "@" in header:
        return ""
    try:
        return (urlsplit(f"//{header}").hostname or "").lower()
    except ValueError:  # half of an IPv6 address
        return ""


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return sending
