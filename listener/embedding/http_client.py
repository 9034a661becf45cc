"""A client of HTTP for one service: certificates checked, no redirects, no cookies, its proxy, answers of bounded size.

Shared by embedding services and re-rankers. ``endpoint`` says why nothing is left to a client's own ideas.
"""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Awaitable, Callable
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2

from listener.embedding.answers import Answer
from listener.embedding.proxies import proxy_for
from listener.errors import SettingsError

CONNECT_SECONDS = 10.0
IDLE_SECONDS = 30.0

for _name in ("httpx2", "httpcore2"):  # a line for each call, and each of its phases
    logging.getLogger(_name).setLevel(logging.WARNING)


def new_client(
    url: str, calls: int, seconds: float, heard: Callable[[httpx2.Response], Awaitable[None]] | None = None
) -> httpx2.AsyncClient:
    """Return a client for a URL; ``heard`` is called with each answer before it is read.

    Raises SettingsError ``bad_proxy`` or ``certificate_refused`` for what the environment says.
    """
    proxy = proxy_for(url)
    return httpx2.AsyncClient(
        verify=_trusted(url, proxy),
        proxy=proxy,
        trust_env=False,  # it would make all proxies that the environment names, and read passwords of ~/.netrc
        timeout=httpx2.Timeout(None, connect=min(CONNECT_SECONDS, seconds)),
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # sent back, a foreign one can fail a call
        limits=httpx2.Limits(max_connections=calls, keepalive_expiry=IDLE_SECONDS),
        event_hooks={"response": [heard] if heard else []},
    )


async def read_limited(response: httpx2.Response, most_bytes: int) -> bytes:
    """Return a body, unpacked if it came packed, although nobody asked for that."""
    packed = response.headers.get("content-encoding", "identity") != "identity"
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_bytes() if packed else response.aiter_raw():
        parts.append(part)
        size += len(part)
        if size > most_bytes:
            raise httpx2.RemoteProtocolError(f"an answer of over {most_bytes} bytes")
    return b"".join(parts)


def answer_of(response: httpx2.Response, body: object) -> Answer:
    """Return what came, with the names of headers in small letters."""
    assert isinstance(body, bytes)
    return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)


def is_about_certificates(error: BaseException | None) -> bool:
    """Tell whether a call failed over a certificate."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _trusted(url: str, proxy: str | None) -> ssl.SSLContext:
    """Load the certificates of authorities (0.1 s) only where one is looked at; without them, none is trusted."""
    if not url.startswith("https:") and not (proxy or "").startswith("https:"):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        return httpx2.create_ssl_context()
    except OSError as error:
        file = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")
        raise SettingsError(
            "certificate_refused",
            f"the certificates of authorities can't be read from {file}: {error.strerror or error}",
            "Set SSL_CERT_FILE to a file of certificates (PEM) that is there, or unset it.",
        ) from None
