"""One call of an embeddings API by way of OpenAI's client: texts out; status, headers and body back.

The client carries, we decode. Nothing that it would do by itself is left to it: it repeats nothing and follows no
redirect, so the key goes to the endpoint and nowhere else; it keeps no cookies; its variables (``OPENAI_ORG_ID``,
``OPENAI_CUSTOM_HEADERS`` …) change nothing; no answer is read further than to its limit, unpacked. Proxies
(``HTTPS_PROXY``, ``NO_PROXY``) and certificates (``SSL_CERT_FILE``) are taken from the environment, as httpx2 does it;
certificates are checked.

Importing this takes 1.2 s and 40 MB: import it in a thread, when the first text has to be sent.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Sequence
from functools import partial

import anyio
import httpx2
import openai

from listener import __version__
from listener.embedding.answers import Answer
from listener.embedding.http_client import answer_of, is_about_certificates, new_client, read_limited
from listener.embedding.refusals import harmless
from listener.errors import IngestError, ServiceError, SettingsError

BYTES_OF_A_VECTOR = 400_000  # 16,000 numbers as text
BYTES_WITHOUT_VECTORS = 1_000_000

logging.getLogger("openai").setLevel(logging.WARNING)  # a line for each call
gc.freeze()  # as the listener does at its start: these are 56,000 objects, a full collection of which takes 90 ms


class Endpoint:
    """Calls ``{url}/embeddings``. ``calls``: connections at most; ``seconds``: what one call may take."""

    def __init__(self, url: str, key: str | None, calls: int, seconds: float) -> None:
        """Raise SettingsError ``bad_proxy`` or ``certificate_refused`` for what the environment says."""
        self._url = url
        self._key = key
        self._seconds = seconds
        self._client = PlainClient.of(url, key, calls, seconds)
        self._create = partial(
            self._client.embeddings.with_streaming_response.create,
            encoding_format="base64",
            extra_headers=headers_of(key),
        )

    async def call(self, model: str, texts: Sequence[str], dimensions: int | None) -> Answer:
        """Send texts and return the answer, whatever its status; a body over its limit is an error.

        Raises ServiceError ``embedding_unavailable`` or ``embedding_timeout``, SettingsError ``certificate_refused``.
        """
        try:
            with anyio.fail_after(self._seconds):
                return await self._called(model, texts, dimensions)
        except openai.APIStatusError as error:
            return answer_of(error.response, error.body)
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
            return answer_of(
                response, await read_limited(response, BYTES_WITHOUT_VECTORS + len(texts) * BYTES_OF_A_VECTOR)
            )

    def _timeout(self) -> ServiceError:
        return ServiceError(
            "embedding_timeout",
            f"{self._url} gave no complete answer within {self._seconds:g} seconds",
            "Raise INGEST_EMBEDDING_TIMEOUT_SECONDS, or lower INGEST_EMBEDDING_CALL_TEXTS or INGEST_EMBEDDING_CALLS.",
        )

    def _unreachable(self, error: BaseException) -> IngestError:
        told = harmless(str(error), self._key) or type(error).__name__  # it may contain a service's words
        if is_about_certificates(error):
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


class PlainClient(openai.AsyncOpenAI):
    """Sends the headers below and the key, and none that the environment names or that tell about this machine."""

    @classmethod
    def of(cls, url: str, key: str | None, calls: int, seconds: float) -> PlainClient:
        """Return one for ``url``. Raises SettingsError ``bad_proxy`` or ``certificate_refused``."""
        client = new_client(url, calls, seconds, read_other_than_success)
        return cls(
            api_key=key or "",
            admin_api_key="",  # these four: otherwise it looks into the environment
            organization="",
            project="",
            webhook_secret="",
            base_url=url,
            max_retries=0,
            timeout=client.timeout,
            http_client=client,
        )

    @property
    def default_headers(self) -> dict[str, str | openai.Omit]:
        return {
            "accept": "application/json",
            "accept-encoding": "identity",  # to unpack vectors costs more than it saves
            "content-type": "application/json",
            "user-agent": f"ingest-listener/{__version__}",
        }


LEFT_OUT = {"x-stainless-retry-count": openai.Omit()}
NO_KEY = {"authorization": openai.Omit()}


def headers_of(key: str | None) -> dict[str, openai.Omit]:
    """Return what each call leaves out of its headers."""
    return LEFT_OUT if key else LEFT_OUT | NO_KEY


async def read_other_than_success(response: httpx2.Response) -> None:
    """Read an answer without vectors up to a limit. The client would read it to its end, however far that is."""
    if response.status_code != 200:
        body = await read_limited(response, BYTES_WITHOUT_VECTORS)
        raise openai.APIStatusError(f"status {response.status_code}", response=response, body=body)
