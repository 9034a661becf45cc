"""A re-ranker behind HTTP: TEI's ``POST /rerank``, or the API of that name of Cohere, Jina, vLLM and others.

::

    without a model   {"query": …, "texts": […], "truncate": true}     TEI, which serves one
    with a model      {"model": …, "query": …, "documents": […]}       the others
    answers           [{"index": 0, "score": 0.9}, …] or {"results": [{"index": 0, "relevance_score": 0.9}, …]}

The key goes to this URL and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio
import httpx2

from listener.concurrency import side_by_side
from listener.embedding.answers import Answer
from listener.embedding.http_client import answer_of, is_about_certificates, new_client, read_limited
from listener.embedding.inputs import encodable, groups
from listener.embedding.openai_space import normalized
from listener.embedding.refusals import harmless, retry_after
from listener.errors import IngestError, ServiceError, SettingsError
from listener.logs.masking import remember

if TYPE_CHECKING:
    from listener.settings import Settings

CALL_TEXTS, CALL_CHARACTERS = 32, 200_000  # TEI accepts 32 texts by default
CALLS = 4
QUICK_PAUSES = (0.25, 1.0)  # seconds
MOST_BYTES = 1_000_000
MOST_SCORE = 1e300  # excludes NaN, infinity, and integers that no float can hold


class RerankService:
    """Scores by the service at ``INGEST_RERANKER_URL``."""

    def __init__(self, settings: Settings) -> None:
        """Raise SettingsError ``bad_reranker_url`` or ``api_key_refused``."""
        self._url = _checked(settings.reranker_url)
        self._model = settings.reranker_model
        self._key = settings.reranker_key.get_secret_value() if settings.reranker_key else None
        if self._key is not None:
            if not (self._key.isascii() and self._key.isprintable() and " " not in self._key):
                raise SettingsError(
                    "api_key_refused", "the key contains invalid characters", "Set INGEST_RERANKER_KEY to it alone."
                )
            remember(self._key)
        self.name = f"http {self._model} at {self._url}" if self._model else f"http {self._url}"
        self._seconds = settings.embedding_timeout_seconds
        self._made: httpx2.AsyncClient | None = None

    async def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return a score for each text.

        Raises SettingsError ``api_key_refused``, ``reranker_refused`` or ``certificate_refused``, ServiceError
        ``reranker_unavailable`` or ``reranker_answer_malformed``.
        """
        sent = [encodable(text) for text in texts]
        parts = list(groups([len(text) for text in sent], CALL_TEXTS, CALL_CHARACTERS))

        async def scored(part: range) -> list[float]:
            return await self._repeated(encodable(query), sent[part.start : part.stop])

        return [score for part in await side_by_side(scored, parts, CALLS) for score in part]

    async def close(self) -> None:
        """Close the connections."""
        if self._made is not None:
            await self._made.aclose()

    async def _repeated(self, query: str, texts: Sequence[str]) -> list[float]:
        for pause in QUICK_PAUSES:
            try:
                return await self._scored(query, texts)
            except ServiceError as error:
                if error.code != "reranker_unavailable" or (error.retry_after or 0) > pause:
                    raise
            await anyio.sleep(pause)
        return await self._scored(query, texts)

    async def _scored(self, query: str, texts: Sequence[str]) -> list[float]:
        body: dict[str, Any] = {"query": query, "texts": list(texts), "truncate": True}
        if self._model:
            body = {"model": self._model, "query": query, "documents": list(texts)}
        answer = await self._called(body)
        if answer.status != 200:
            raise self._refusal(answer, [query, *texts])
        try:
            return read_scores(answer.body, len(texts))
        except ValueError as error:
            raise ServiceError(
                "reranker_answer_malformed",
                f"{self._url} did not answer with scores: {error}",
                "Is it a re-ranking service? With INGEST_RERANKER_MODEL set, Cohere's API is used, otherwise TEI's.",
            ) from None

    async def _called(self, body: dict[str, Any]) -> Answer:
        headers = {"authorization": f"Bearer {self._key}"} if self._key else {}
        try:
            with anyio.fail_after(self._seconds):
                async with self._client().stream("POST", self._url, json=body, headers=headers) as response:
                    return answer_of(response, await read_limited(response, MOST_BYTES))
        except TimeoutError:
            why = f"gave no complete answer within {self._seconds:g} seconds"
            raise self._unavailable(why, "It may be overloaded: see its own log.", self._seconds) from None
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            told = harmless(str(error), self._key) or type(error).__name__
            if is_about_certificates(error):
                hint = "Set SSL_CERT_FILE to the file with your authority's certificate."
                raise SettingsError(
                    "certificate_refused", f"the certificate of {self._url} is not trusted: {told}", hint
                ) from None
            raise self._unavailable(f"can't be reached, or broke off: {told}", "Does the service run?") from None

    def _client(self) -> httpx2.AsyncClient:
        if self._made is None:
            self._made = new_client(self._url, CALLS * 2, self._seconds)
        return self._made

    def _refusal(self, answer: Answer, sent: Sequence[str]) -> IngestError:
        said = harmless(answer.body.decode("utf-8", "replace"), self._key, sent)
        if answer.status in (401, 403):
            return SettingsError(
                "api_key_refused",
                f"{self._url} refuses the key: {said}",
                "Set INGEST_RERANKER_KEY to a key for this service.",
            )
        if answer.status in (408, 409, 424, 425, 429) or answer.status >= 500:
            return self._unavailable(
                f"answered with status {answer.status}: {said}", "See its own log.", retry_after(answer.headers)
            )
        return SettingsError(
            "reranker_refused",
            f"{self._url} answered with status {answer.status}: {said}",
            "Check INGEST_RERANKER_URL and INGEST_RERANKER_MODEL: TEI needs no model, others do.",
        )

    def _unavailable(self, why: str, hint: str, wish: float | None = None) -> ServiceError:
        return ServiceError("reranker_unavailable", f"{self._url} {why}", hint, retry_after=wish)


def read_scores(body: bytes, count: int) -> list[float]:
    """Return the scores of an answer by their index; raises ValueError if it has not one for each text."""
    try:
        said = json.loads(body)
    except RecursionError:
        raise ValueError("lists in lists") from None
    if isinstance(said, dict):
        said = said.get("results", said.get("data"))
    if not isinstance(said, list) or not all(isinstance(one, dict) for one in said):
        raise ValueError("no list of scores")
    found: dict[int, float] = {}
    for one in said:
        index, score = one.get("index"), one.get("score", one.get("relevance_score"))
        if type(index) is not int or type(score) not in (int, float) or not abs(score) < MOST_SCORE:
            raise ValueError("an entry without index or score")
        found[index] = float(score)
    if found.keys() != set(range(count)):
        raise ValueError(f"{len(found)} scores for {count} texts")
    return [found[index] for index in range(count)]


def _checked(url: str | None) -> str:
    wanted = "Set INGEST_RERANKER_URL to where it takes texts, like http://localhost:8080/rerank"
    if not url:
        raise SettingsError("bad_reranker_url", "INGEST_RERANKER=http needs a URL", wanted)
    try:
        found = normalized(url)
    except SettingsError as error:
        raise SettingsError(
            "bad_reranker_url", error.message.replace("embedding service", "re-ranker"), wanted
        ) from None
    return found if urlsplit(found).path else f"{found}/rerank"
