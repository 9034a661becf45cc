"""One GET: within the roots, redirects too; again after a while where that may help; what it may send goes to its host.

::

    fetch ─► a try ─► hop by hop: a turn of the host ─► connect where ``reach`` lets ─► the answer is read
      └─ 429, 5xx, no connection, a cut body: after a while again, until patience is over
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import unquote, urlsplit

import anyio
import httpcore2
import httpx2

from listener import __version__
from listener.embedding.proxies import proxy_for
from listener.embedding.refusals import retry_after
from listener.errors import DocumentError, OperatorError, ServiceError, SettingsError
from listener.settings import Settings
from listener.settings.roots import above
from listener.sources.http.host_pace import HostPace, HostPaces
from listener.sources.http.reach import CONNECT_SECONDS, Reach, Resolve, resolve
from listener.sources.http.url_credentials import UrlCredentials
from listener.sources.http.urls import DEFAULT_PORTS, WebUrl, WrongUrl, join_url, parse_url
from listener.sources.http.web_answer import CutBody, WebAnswer
from listener.sources.http.web_errors import (
    TRANSIENT,
    bad_answer,
    no_certificate,
    outside_roots,
    timeout,
    too_many_redirects,
    unavailable,
)

AGENT = "ingest-listener"
USER_AGENT = f"{AGENT}/{__version__}"
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 10
TRIES = 5
FIRST_WAIT, LONGEST_WAIT = 0.5, 20.0
MOST_CONNECTIONS = 64
IDLE_SECONDS = 15.0

for _name in ("httpcore2", "httpx2"):  # a line for each call, and each of its phases
    logging.getLogger(_name).setLevel(logging.WARNING)

T = TypeVar("T")
Take = Callable[[WebAnswer], Awaitable[T]]
Allows = Callable[[WebUrl], bool]


class Fetcher:
    """Fetches what lies below ``roots``; ``resolve`` looks up the addresses of hosts."""

    def __init__(self, settings: Settings, roots: Sequence[str], resolve: Resolve = resolve) -> None:
        """Raise OperatorError ``wrong_setting``."""
        self.roots = tuple(_spelt(root) for root in roots)
        self.paces = HostPaces(settings.http_requests_per_second)
        self._seconds = settings.http_timeout_seconds
        self._patience = settings.http_patience
        secret = settings.http_headers
        self.credentials = UrlCredentials.read(secret.get_secret_value() if secret else None)
        named = frozenset(_named(root) for root in self.roots if "://" in root)
        self._reach = Reach(named, resolve)
        self._pools: dict[tuple[str | None, bool], httpcore2.AsyncConnectionPool] = {}

    def holds(self, url: WebUrl) -> bool:
        """Tell whether a URL lies below one of the roots."""
        return above(self.roots, url.text.partition("?")[0]) is not None

    async def fetch(
        self,
        url: WebUrl,
        take: Take[T],
        headers: Mapping[str, str] | None = None,
        *,
        follows: bool = True,
        allows: Allows | None = None,
        tries: int = TRIES,
    ) -> T:
        """Return what ``take`` makes of the answer, whatever its status, if that is not one that may soon be another.

        ``follows``: redirects, to where ``allows`` (by default: the roots) lets. Raises DocumentError for what is wrong
        with this page, ServiceError ``server_unavailable`` or ``server_timeout`` when patience is over.
        """
        allowed, spent, number = allows or self.holds, 0.0, 0
        pace = self.paces.of(url.origin)
        most = 1 if pace.is_away else tries
        while True:
            began = asyncio.get_running_loop().time()
            try:
                outcome = await self._attempt(url, take, headers or {}, follows, allowed)
            except ServiceError as error:
                wait = _wait(number, error)
                spent += asyncio.get_running_loop().time() - began + wait
                number += 1
                if number >= most or spent > self._patience:
                    pace.lost()
                    raise
            else:
                pace.found()
                return outcome
            await anyio.sleep(wait)

    async def probe(self, url: WebUrl) -> None:
        """Ask for a URL once. Raises ServiceError if it seems to be its server that is away: it answered no others."""
        try:
            await self.fetch(url, _nothing, tries=1)
        except ServiceError:
            if not self.paces.of(url.origin).missed():
                raise

    async def close(self) -> None:
        """Close the connections."""
        for pool in self._pools.values():
            await pool.aclose()

    async def _attempt(
        self, url: WebUrl, take: Take[T], headers: Mapping[str, str], follows: bool, allowed: Allows
    ) -> T:
        seen = {url.text}
        at = url
        for _ in range(MOST_REDIRECTS + 1):
            if not allowed(at):
                raise outside_roots(at.text, None if at == url else url.text)
            outcome = await self._hop(at, take, headers, follows)
            if not isinstance(outcome, _Redirect):
                return outcome
            at = outcome.target
            if at.text in seen:
                break
            seen.add(at.text)
        raise too_many_redirects(url.text, MOST_REDIRECTS)

    async def _hop(self, url: WebUrl, take: Take[T], headers: Mapping[str, str], follows: bool) -> T | _Redirect:
        pace = self.paces.of(url.origin)
        async with pace.turn():
            try:
                pool = await self._pool_for(url)
                with anyio.fail_after(self._seconds):
                    async with self._open(pool, url, headers) as response:
                        answer = WebAnswer(url, response)
                        _require_readiness(answer, pace)
                        if follows and answer.status in REDIRECTS:
                            return _Redirect(redirect_of(answer))
                        return await take(answer)
            except (TimeoutError, httpcore2.TimeoutException):
                raise timeout(url.text, self._seconds) from None
            except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.ProxyError, CutBody, OSError) as error:
                if (refused := _certificate_problem(error)) is not None:
                    raise no_certificate(url.text, refused) from None
                raise unavailable(url.text, str(error)[:200] or "the connection broke off") from None

    def _open(
        self, pool: httpcore2.AsyncConnectionPool, url: WebUrl, headers: Mapping[str, str]
    ) -> AbstractAsyncContextManager[httpcore2.Response]:
        sent = {
            "host": url.netloc,
            "user-agent": USER_AGENT,
            "accept": "text/html,application/xhtml+xml,*/*;q=0.8",
            "accept-encoding": "gzip",
            **{name.lower(): value for name, value in headers.items()},
            **{name.lower(): value for name, value in self.credentials.of(url).items()},
        }
        port = None if url.port == DEFAULT_PORTS[url.scheme] else url.port
        target = httpcore2.URL(
            scheme=url.scheme.encode(), host=url.bare_host.encode(), port=port, target=url.target.encode()
        )
        limits = {"connect": min(CONNECT_SECONDS, self._seconds), "read": self._seconds, "write": self._seconds}
        fields = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
        return pool.stream("GET", target, headers=fields, extensions={"timeout": limits})

    async def _pool_for(self, url: WebUrl) -> httpcore2.AsyncConnectionPool:
        """Return the connections that lead to a host: by its proxy, if the environment names one.

        Behind a proxy it is the proxy that connects. What is a private address by all that can be seen from here is
        refused nevertheless.
        """
        try:
            proxy = proxy_for(url.origin)
        except SettingsError as error:
            raise DocumentError(error.code, error.message, error.hint) from None
        key = (proxy, url.scheme == "https" or (proxy or "").startswith("https:"))
        if key not in self._pools:
            self._pools[key] = _pool(proxy, self._reach, _trusted() if key[1] else _nobody())
        if proxy is not None:
            with suppress(httpcore2.ConnectError):
                await self._reach.addresses(url.bare_host, url.port)
        return self._pools[key]


@dataclass(frozen=True, slots=True)
class _Redirect:
    target: WebUrl


def redirect_of(answer: WebAnswer) -> WebUrl:
    """Return where an answer redirects to; raises DocumentError ``bad_answer``."""
    location = answer.header("location").encode("latin-1").decode("utf-8", "replace")
    if not location:
        raise bad_answer(answer.url.text, "it redirects without a target")
    try:
        return join_url(answer.url.text, location)
    except WrongUrl as error:
        raise bad_answer(answer.url.text, f"it redirects to an invalid target: {error}") from None


def _require_readiness(answer: WebAnswer, pace: HostPace) -> None:
    if answer.status in TRANSIENT:
        wish = retry_after(answer.headers)
        if wish is not None:
            pace.rest(wish)
        raise unavailable(answer.url.text, f"status {answer.status}", wish)


def _wait(number: int, error: ServiceError) -> float:
    """Return the seconds until the next attempt: as the server asks, otherwise growing."""
    if error.retry_after is not None:
        return error.retry_after
    return float(min(FIRST_WAIT * 2**number, LONGEST_WAIT) * random.uniform(0.7, 1.3))


def _pool(proxy: str | None, reach: Reach, trusted: ssl.SSLContext) -> httpcore2.AsyncConnectionPool:
    if proxy is None:
        return httpcore2.AsyncConnectionPool(
            ssl_context=trusted,
            max_connections=MOST_CONNECTIONS,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=reach,
        )
    parts = urlsplit(proxy)
    address = httpcore2.URL(
        scheme=parts.scheme.replace("socks5h", "socks5").encode(),
        host=(parts.hostname or "").encode(),
        port=parts.port or DEFAULT_PORTS.get(parts.scheme, 1080),
        target=b"/",
    )
    auth = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    if parts.scheme.startswith("socks"):
        return httpcore2.AsyncSOCKSProxy(
            address, auth, ssl_context=trusted, max_connections=MOST_CONNECTIONS, keepalive_expiry=IDLE_SECONDS
        )
    return httpcore2.AsyncHTTPProxy(
        address, auth, ssl_context=trusted, max_connections=MOST_CONNECTIONS, keepalive_expiry=IDLE_SECONDS
    )


async def _nothing(_: WebAnswer) -> None: ...


def _nobody() -> ssl.SSLContext:
    """Return what trusts nobody, where no certificate is looked at: authorities take 0.1 s to load."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _trusted() -> ssl.SSLContext:
    try:
        return httpx2.create_ssl_context()
    except OSError as error:
        raise DocumentError(
            "certificate_refused",
            f"the certificates of authorities can't be read: {error.strerror or error}",
            "set SSL_CERT_FILE to a file of certificates (PEM) that is there, or unset it",
        ) from None


def _certificate_problem(error: BaseException | None) -> str | None:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return error.verify_message
        error = error.__cause__ or error.__context__
    return None


def _spelt(root: str) -> str:
    """Return a root as URLs are spelt; ``https:`` and ``https://`` are all hosts."""
    if root.rstrip("/").endswith(":"):
        return root.rstrip("/")
    try:
        return parse_url(root).text
    except WrongUrl as error:
        hint = "Write it like https://docs.example.com/, or https: for all public hosts."
        raise OperatorError("wrong_setting", f"INGEST_ROOTS has {root}: {error}", hint) from None


def _named(root: str) -> tuple[str, int]:
    url = parse_url(root)
    return url.bare_host, url.port
