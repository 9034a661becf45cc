"""One call of a chat API by way of OpenAI's client, as careful as a call for embeddings (``endpoint``)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

import anyio
import httpx2
import openai

from listener.documents.steps import StepRefused, StepUnavailable, WrongStepOptions, used
from listener.embedding.answers import Answer
from listener.embedding.endpoint import PlainClient, headers_of
from listener.embedding.http_client import answer_of, is_about_certificates, read_limited
from listener.embedding.refusals import harmless, retry_after, words_of

MOST_BYTES = 1_000_000
LIMITED_SECONDS = 1.0
FORMER, PRESENT = "max_tokens", "max_completion_tokens"  # what OpenAI's newer models call it, and refuse
Messages = Sequence[dict[str, str]]

_newer: set[tuple[str, str]] = set()
"""Services and models that take the limit of an answer by its newer name only."""


class Chat:
    """Calls ``{url}/chat/completions``. ``calls``: connections at most; ``seconds``: what one call may take."""

    def __init__(self, url: str, key: str | None, calls: int, seconds: float) -> None:
        self._url = url
        self._key = key
        self._seconds = seconds
        self._client = PlainClient.of(url, key, calls, seconds)
        create = self._client.chat.completions.with_streaming_response.create
        self._create = partial(create, extra_headers=headers_of(key))

    async def ask(self, model: str, messages: Messages, most_tokens: int) -> str:
        """Return what the model says. Raises StepRefused, StepUnavailable, WrongStepOptions."""
        try:
            with anyio.fail_after(self._seconds):
                answer = await self._in_its_words(model, messages, most_tokens)
        except openai.APIStatusError as error:
            answer = answer_of(error.response, error.body)
        except (TimeoutError, openai.APITimeoutError, httpx2.TimeoutException):
            raise StepUnavailable(f"{self._url} gave no complete answer within {self._seconds:g} seconds") from None
        except (openai.APIConnectionError, httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            raise self._unreachable(error.__cause__ or error) from None
        if answer.status != 200:
            # An answer may repeat a text from any of its lines on.
            self._raise(answer, [line for one in messages for line in one["content"].splitlines()])
        return self._said(answer)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _in_its_words(self, model: str, messages: Messages, most_tokens: int) -> Answer:
        """Ask; where the service's error says that it takes the limit by its newer name, once more so."""
        if (self._url, model) not in _newer:
            try:
                return await self._asked(model, messages, {FORMER: most_tokens})
            except openai.APIStatusError as error:
                if error.status_code != 400 or PRESENT not in str(error.body):
                    raise
        answer = await self._asked(model, messages, {PRESENT: most_tokens})
        _newer.add((self._url, model))
        return answer

    async def _asked(self, model: str, messages: Messages, limit: Mapping[str, int]) -> Answer:
        body = {"messages": list(messages), **limit}
        async with self._create(model=model, messages=[], extra_body=body) as opened:
            response = opened.http_response
            return answer_of(response, await read_limited(response, MOST_BYTES))

    def _said(self, answer: Answer) -> str:
        try:
            body = json.loads(answer.body)
            said = body["choices"][0]["message"]["content"]
            tokens: Any = (body.get("usage") or {}).get("total_tokens")
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
            raise StepUnavailable(f"{self._url} gave an answer that is none of a chat API") from None
        used(tokens if type(tokens) is int and tokens > 0 else 0)
        if not isinstance(said, str) or not said.strip():
            raise StepRefused(f"{self._url} answered with no text", "Use another model, or a higher max_tokens.")
        return said

    def _raise(self, answer: Answer, sent: Sequence[str]) -> NoReturn:
        told = words_of(answer, self._key, sent) or harmless(
            answer.body[:4000].decode("utf-8", "replace"), self._key, sent
        )
        said = f"{self._url} answered with status {answer.status}: {told}"
        if answer.status in (429, 503):
            raise StepUnavailable(
                said, "Wait, or raise the limit there.", retry_after(answer.headers) or LIMITED_SECONDS
            )
        if answer.status >= 500 or answer.status in (408, 409, 424, 425):
            raise StepUnavailable(said, "See the service's own log.", retry_after(answer.headers))
        if answer.status in (400, 413, 422):
            raise StepRefused(said, "Smaller chunks, or another model; exclude the document to go on without it.")
        raise WrongStepOptions(said, "Check INGEST_CONTEXTUAL_URL, INGEST_CONTEXTUAL_KEY, and the step's model.")

    def _unreachable(self, error: BaseException) -> Exception:
        told = harmless(str(error), self._key) or type(error).__name__
        if is_about_certificates(error):
            hint = "Set SSL_CERT_FILE to the file with your authority's certificate."
            return WrongStepOptions(f"the certificate of {self._url} is not trusted: {told}", hint)
        hint = "Does the service run? Check INGEST_CONTEXTUAL_URL, the network and HTTPS_PROXY."
        return StepUnavailable(f"{self._url} can't be reached, or broke off: {told}", hint)
