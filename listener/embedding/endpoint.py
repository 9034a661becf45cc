"""One HTTP call to an embeddings API: the request's bytes out, status, headers and body back.

Proxies (``HTTPS_PROXY``, ``NO_PROXY``) and certificates (``SSL_CERT_FILE``) are taken from the environment, as httpx2
does it. Certificates are checked; redirects are not followed, so the key goes to the endpoint and nowhere else.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.request import getproxies

import httpx2

from listener import __version__
from listener.errors import IngestError, ServiceError, SettingsError

CONNECT_SECONDS = 10.0
IDLE_SECONDS = 30.0

for _name in ("httpx2", "httpcore2"):  # a line for each call, and each of its phases
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Endpoint:
    """Posts JSON to ``{url}/embeddings``. ``calls``: connections at most; ``seconds``: what one call may take."""

    def __init__(self, url: str, key: str | None, calls: int, seconds: float) -> None:
        self._url = url
        self._seconds = seconds
        headers = {
            "accept": "application/json",
            "accept-encoding": "identity",  # to unpack vectors costs more than it saves
            "content-type": "application/json",
            "user-agent": f"ingest-listener/{__version__}",
        }
        if key:
            headers["authorization"] = f"Bearer {key}"
        self._client = httpx2.AsyncClient(
            headers=headers,
            verify=_trusted(url),
            timeout=httpx2.Timeout(None, connect=min(CONNECT_SECONDS, seconds)),
            limits=httpx2.Limits(max_connections=calls, keepalive_expiry=IDLE_SECONDS),
        )

    async def post(self, payload: dict[str, Any], most_bytes: int) -> Answer:
        """Send a call and return its answer, whatever the status; a body over ``most_bytes`` is an error.

        Raises ServiceError ``embedding_unavailable`` or ``embedding_timeout``, SettingsError ``certificate_refused``.
        """
        content = json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")  # lone surrogates
        try:
            return await asyncio.wait_for(self._post(content, most_bytes), self._seconds)
        except (asyncio.TimeoutError, httpx2.TimeoutException):
            raise self._timeout() from None
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            raise self._unreachable(error) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _post(self, content: bytes, most_bytes: int) -> Answer:
        parts: list[bytes] = []
        size = 0
        async with self._client.stream("POST", f"{self._url}/embeddings", content=content) as answer:
            headers = {key.lower(): value for key, value in answer.headers.items()}
            packed = headers.get("content-encoding", "identity") != "identity"
            async for part in answer.aiter_bytes() if packed else answer.aiter_raw():
                parts.append(part)
                size += len(part)
                if size > most_bytes:
                    raise httpx2.RemoteProtocolError(f"an answer of over {most_bytes} bytes")
        return Answer(answer.status_code, headers, b"".join(parts))

    def _timeout(self) -> ServiceError:
        return ServiceError(
            "embedding_timeout",
            f"{self._url} gave no whole answer within {self._seconds:g} seconds",
            "Raise INGEST_EMBEDDING_TIMEOUT_SECONDS, or lower INGEST_EMBEDDING_CALL_TEXTS or INGEST_EMBEDDING_CALLS.",
        )

    def _unreachable(self, error: Exception) -> IngestError:
        told = str(error) or type(error).__name__
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


def _trusted(url: str) -> ssl.SSLContext | bool:
    """Load the certificates of authorities (0.1 s) only where one is looked at; without them, none is trusted."""
    proxies = getproxies().values()
    if url.startswith("https:") or any(proxy.startswith("https:") for proxy in proxies):
        return True
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _is_about_certificates(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
