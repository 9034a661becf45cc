"""One call of an embeddings API by way of OpenAI's client: texts out; status, headers and body back.

The client carries, we decode. Nothing that it would do by itself is left to it: it repeats nothing and follows no
redirect, so the key goes to the endpoint and nowhere else; it keeps no cookies; its variables (``OPENAI_ORG_ID``,
``OPENAI_CUSTOM_HEADERS`` …) change nothing; no answer is read further than to its limit, unpacked. Proxies
(``HTTPS_PROXY``, ``NO_PROXY``) and certificates (``SSL_CERT_FILE``) are taken from the environment, as httpx2 does it;
certificates are checked.

Importing this takes 1.2 s and 40 MB: import it in a thread, when the first text is to be sent.
"""

from __future__ import annotations

import gc
import logging
import os
import ssl
from collections.abc import Sequence
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy

import anyio
import httpx2
import openai

from listener import __version__
from listener.embedding.answers import Answer
from listener.embedding.proxies import proxy_for
from listener.embedding.refusals import harmless
from listener.errors import IngestError, ServiceError, SettingsError

CONNECT_SECONDS = 10.0
IDLE_SECONDS = 30.0
BYTES_OF_A_VECTOR = 400_000  # 16,000 numbers as text
BYTES_WITHOUT_VECTORS = 1_000_000

for _name in ("openai", "httpx2", "httpcore2"):  # a line for each call, and each of its phases
    logging.getLogger(_name).setLevel(logging.WARNING)
gc.freeze()  # as the listener does at its start: these are 56,000 objects, a full collection of which takes 90 ms


class Endpoint:
    """Calls ``{url}/embeddings``. ``calls``: connections at most; ``seconds``: what one call may take."""

    def __init__(self, url: str, key: str | None, calls: int, seconds: float) -> None:
        """Raise SettingsError ``bad_proxy`` or ``certificate_refused`` for what the environment says."""
        self._url = url
        self._key = key
        self._seconds = seconds
        proxy = proxy_for(url)
        timeout = httpx2.Timeout(None, connect=min(CONNECT_SECONDS, seconds))
        self._client = _Client(
            api_key=key or "",
            admin_api_key="",  # these four: else it looks into the environment
            organization="",
            project="",
            webhook_secret="",
            base_url=url,
            max_retries=0,
            timeout=timeout,
            http_client=httpx2.AsyncClient(
                verify=_trusted(url, proxy),
                proxy=proxy,
                trust_env=False,  # it would make all proxies that the environment names, and read passwords of ~/.netrc
                timeout=timeout,
                follow_redirects=False,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # sent back, a foreign one can fail a call
                limits=httpx2.Limits(max_connections=calls, keepalive_expiry=IDLE_SECONDS),
                event_hooks={"response": [_read_other_than_success]},
            ),
        )
        self._create = partial(
            self._client.embeddings.with_streaming_response.create,
            encoding_format="base64",
            extra_headers=_LEFT_OUT if key else _LEFT_OUT | _NO_KEY,
        )

    async def call(self, model: str, texts: Sequence[str], dimensions: int | None) -> Answer:
        """Send texts and return the answer, whatever its status; a body over its limit is an error.

        Raises ServiceError ``embedding_unavailable`` or ``embedding_timeout``, SettingsError ``certificate_refused``.
        """
        try:
            with anyio.fail_after(self._seconds):
                return await self._called(model, texts, dimensions)
        except openai.APIStatusError as error:
            return _answer(error.response, error.body)
        except (TimeoutError, openai.APITimeoutError, httpx2.TimeoutException):
            raise self._timeout() from None
        except openai.APIConnectionError as error:
            raise self._unreachable(error.__cause__ or error) from None
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            raise self._unreachable(error) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _called(self, model: str, texts: Sequence[str], dimensions: int | None) -> Answer:
        wanted = openai.omit if dimensions is None else dimensions
        body = {"input": list(texts)}  # as an argument, the client would look at each of them: 14 us a text
        async with self._create(model=model, input=[], dimensions=wanted, extra_body=body) as opened:
            response = opened.http_response
            return _answer(response, await _read(response, BYTES_WITHOUT_VECTORS + len(texts) * BYTES_OF_A_VECTOR))

    def _timeout(self) -> ServiceError:
        return ServiceError(
            "embedding_timeout",
            f"{self._url} gave no whole answer within {self._seconds:g} seconds",
            "Raise INGEST_EMBEDDING_TIMEOUT_SECONDS, or lower INGEST_EMBEDDING_CALL_TEXTS or INGEST_EMBEDDING_CALLS.",
        )

    def _unreachable(self, error: BaseException) -> IngestError:
        told = harmless(str(error), self._key) or type(error).__name__  # a service's words may stand in it
        if _is_about_certificates(error):
            return SettingsError(
                "certificate_refused",
                f"the certificate of {self._url} is not trusted: {told}",
                "Set SSL_CERT_FILE to the file with your authority's certificate.",
            )
        return ServiceError(
            "embedding_unavailable",
            f"{self._url} can't be reached, or broke off: {told}",
            "Does the service run? Check OPENAI_BASE_URL, the network and HTTPS_PROXY.",
        )


class _Client(openai.AsyncOpenAI):
    """Sends the headers below and the key, and none that the environment names or that tell about this machine."""

    @property
    def default_headers(self) -> dict[str, str | openai.Omit]:
        return {
            "accept": "application/json",
            "accept-encoding": "identity",  # to unpack vectors costs more than it saves
            "content-type": "application/json",
            "user-agent": f"ingest-listener/{__version__}",
        }


_LEFT_OUT = {"x-stainless-retry-count": openai.Omit()}
_NO_KEY = {"authorization": openai.Omit()}


async def _read_other_than_success(response: httpx2.Response) -> None:
    """Read an answer without vectors up to a limit. The client would read it to its end, however far that is."""
    if response.status_code != 200:
        body = await _read(response, BYTES_WITHOUT_VECTORS)
        raise openai.APIStatusError(f"status {response.status_code}", response=response, body=body)


async def _read(response: httpx2.Response, most_bytes: int) -> bytes:
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


def _answer(response: httpx2.Response, body: object) -> Answer:
    assert isinstance(body, bytes)
    return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)


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


def _is_about_certificates(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
