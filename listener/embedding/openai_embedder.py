"""The embedder for any OpenAI-compatible ``/embeddings`` API: OpenAI, Ollama, vLLM, TEI, gateways.

::

    embed(texts)   in groups to the limits that are known, several in flight, all at the service's pace
      refused?     halves, until what can't be embedded is alone; a size that was too large is remembered
      limited?     everybody waits as long as the service wishes (``pace``)
      broken?      two quick repeats, then the step's own

Whatever keeps a call waiting is reported at once (``trouble``).

``answers`` reads what a successful call brings, ``refusals`` what another status means. ``docs/embedders.md`` says what
is sent, and which services were looked at.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import anyio
import numpy as np
from anyio import to_thread
from numpy.typing import NDArray

from listener.concurrency import task_group
from listener.embedding.answers import Answer, read_vectors, unusable
from listener.embedding.embedder import Embeddings, Space, TextsRefused
from listener.embedding.inputs import encodable, groups
from listener.embedding.openai_space import DIMENSIONS, check_dimensions, key_of, normalized
from listener.embedding.pace import Pace, now, rate_limited
from listener.embedding.probing import HARMLESS
from listener.embedding.refusals import Limited, RefusedTexts, error_inside, raise_refused, read_refusal, words_of
from listener.embedding.trouble import report, silence_reported
from listener.errors import ServiceError, SettingsError
from listener.logs.masking import remember

if TYPE_CHECKING:
    from listener.embedding.endpoint import Endpoint
    from listener.settings import Settings

log = logging.getLogger(__name__)

CALL_CHARACTERS = 300_000  # OpenAI takes 300,000 tokens; a character of most scripts is at most one
LEAST_CHARACTERS = 2_000
QUICK_PAUSES = (0.25, 1.0)  # seconds
SMALL_BODY = 100_000  # is read at once; reading a larger one would block everything else for over 0.5 ms
ERRORS = {
    "text_refused": "Use smaller chunks, or a model that accepts longer texts. The message is the service's own.",
    "bad_vector": "The model fails on this text: exclude the document, or use another model.",
    "empty_text": "Exclude empty documents.",
}


class OpenAIEmbedder:
    """Embeds with one model of the service that the settings name. For one event loop, and all its callers together."""

    def __init__(self, space: Space, settings: Settings) -> None:
        """Raise SettingsError ``unknown_endpoint`` if the key is not for the space's endpoint, or as ``space`` does."""
        self.space = space
        self._own = normalized(settings.openai_base_url)
        if normalized(space.endpoint) != self._own:
            raise SettingsError(
                "unknown_endpoint",
                f"the collection's endpoint is {normalized(space.endpoint)}, this program's is {self._own}",
                "The key is sent to OPENAI_BASE_URL only: set that to the collection's endpoint.",
            )
        check_dimensions(space)
        self._key = key_of(settings, self._own)
        if self._key:
            remember(self._key)
        self.group_texts = settings.embedding_call_texts
        self.group_characters = CALL_CHARACTERS
        self.in_flight = settings.embedding_calls
        self._seconds = settings.embedding_timeout_seconds
        self._pace = Pace(settings.embedding_calls)
        self._readers = anyio.CapacityLimiter(2)
        self._endpoint: Endpoint | None = None
        self._opening = anyio.Lock()
        self._shorten = space.dimensions < DIMENSIONS.get(space.model, 0)
        self._worked = False
        self._proving = anyio.Lock()

    async def prepare(self) -> None:
        """Load OpenAI's client. Nothing is sent: the first call shows whether key and model are right."""
        await self._opened()

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """Return the texts' vectors, shape (texts, dimensions), and the tokens that the service counted.

        Raises TextsRefused ``empty_text``, ``text_refused`` or ``bad_vector``, the first before anything is sent, the
        others with the vectors of the ``rest``. Raises SettingsError as ``read_refusal`` says, ServiceError
        ``embedding_unavailable``, ``embedding_timeout``, ``embedding_answer_malformed`` or ``rate_limited``.
        """
        work = _Work([encodable(text) for text in texts], self.space.dimensions)
        work.refuse([place for place, text in enumerate(texts) if not text.strip()], "empty_text", "there is no text")
        work.raise_refused()
        await self._embed(work, range(len(texts)))
        work.raise_refused()
        return Embeddings(work.vectors, work.tokens)

    async def probe(self) -> None:
        """Ask the service for a harmless text, once, past the pace, which is that of work.

        Raises SettingsError as ``embed`` does, ServiceError ``rate_limited`` if it is limited, or as ``embed`` does.
        """
        outcome = await self._call([HARMLESS])
        if isinstance(outcome, RefusedTexts):
            raise_refused(outcome, self.space)
        elif isinstance(outcome, Limited):
            raise rate_limited(outcome.message, outcome.wish)

    def recovered(self) -> None:
        """Wait no longer as the service wished: it was asked, by this listener or another one, and answers."""
        self._pace.lift()

    async def close(self) -> None:
        """Close the connections; calls under way break off."""
        if self._endpoint is not None:
            await self._endpoint.close()

    async def _embed(self, work: _Work, places: range) -> None:
        """Embed the texts at these places, in groups to the limits as they are known now."""
        lengths = [len(work.texts[place]) for place in places]
        async with task_group() as tasks:
            for part in groups(lengths, self.group_texts, self.group_characters):
                tasks.start_soon(self._group, work, places[part.start : part.stop])

    async def _group(self, work: _Work, places: range) -> None:
        outcome = await self._ask(work.texts[places.start : places.stop])
        if outcome is None:
            await self._embed(work, places)
        elif isinstance(outcome, Embeddings):
            work.keep(places, outcome)
        else:
            await self._prove()
            await self._in_halves(work, places, outcome)

    async def _in_halves(self, work: _Work, places: range, refused: RefusedTexts) -> None:
        if len(places) == 1:
            work.refuse(places, "text_refused", refused.message)
            return
        half = (len(places) + 1) // 2
        parts = (places[:half], places[half:])
        async with task_group() as tasks:
            for part in parts:
                tasks.start_soon(self._embed, work, part)
        if not work.refused.keys() & set(places):
            self._learn(refused, half, max(sum(len(work.texts[place]) for place in part) for part in parts))

    def _learn(self, refused: RefusedTexts, texts: int, characters: int) -> None:
        """Remember that a group was too large: its halves passed, so no text of it was at fault."""
        if refused.by_characters:
            self.group_characters = max(LEAST_CHARACTERS, min(self.group_characters, characters))
        else:
            self.group_texts = min(self.group_texts, texts)
        log.info(
            "%s takes at most %d texts and %d characters at a time: %s",
            self._own,
            self.group_texts,
            self.group_characters,
            refused.message,
        )

    async def _prove(self) -> None:
        """Make sure that the service embeds anything at all; raises SettingsError ``request_refused`` if it doesn't."""
        async with self._proving:
            if self._worked:
                return
            outcome = await self._ask([HARMLESS])
            if isinstance(outcome, RefusedTexts):
                raise_refused(outcome, self.space)

    async def _ask(self, texts: Sequence[str]) -> Embeddings | RefusedTexts | None:
        """Call, and repeat after a short pause if the service broke off. None: calls must be smaller now."""
        for pause in QUICK_PAUSES:
            try:
                return await self._answered(texts)
            except ServiceError as error:
                if error.code != "embedding_unavailable" or error.retry_after:
                    raise
                pause *= random.uniform(0.75, 1.25)  # noqa: PLW2901
                report(error, pause)
            await anyio.sleep(pause)
        return await self._answered(texts)

    async def _answered(self, texts: Sequence[str]) -> Embeddings | RefusedTexts | None:
        """Call until the service gives another answer than that it wants fewer calls."""
        waiting_since = now()
        while True:
            async with self._pace.turn(waiting_since) as began:
                if not self._fits(texts):
                    return None
                outcome = await self._called(began, texts)
                if not isinstance(outcome, Limited):
                    self._pace.passed()
                    return outcome
                self._pace.limited(began, outcome.wish, outcome.message)

    def _fits(self, texts: Sequence[str]) -> bool:
        """Whether a call may be so large, by what was learned while it waited."""
        return len(texts) == 1 or (len(texts) <= self.group_texts and sum(map(len, texts)) <= self.group_characters)

    async def _called(self, began: float, texts: Sequence[str]) -> Embeddings | RefusedTexts | Limited:
        try:
            with silence_reported(self._own):
                return await self._call(texts)
        except ServiceError:
            self._pace.lower(began)
            raise

    async def _call(self, texts: Sequence[str]) -> Embeddings | RefusedTexts | Limited:
        shorten = self._shorten
        endpoint = await self._opened()
        answer = error_inside(await endpoint.call(self.space.model, texts, self.space.dimensions if shorten else None))
        if answer.status != 200:
            return read_refusal(answer, self.space, self._key, texts)
        found = await self._read(answer, texts)
        width = found.vectors.shape[1]
        if width > self.space.dimensions and not shorten:  # only few services take this parameter: when it is needed
            self._shorten = True
            return await self._call(texts)
        if width != self.space.dimensions:
            raise self._wrong_dimensions(width)
        self._worked = True
        return found

    async def _read(self, answer: Answer, texts: Sequence[str]) -> Embeddings:
        if len(answer.body) < SMALL_BODY:
            try:
                return read_vectors(answer.body, len(texts))
            except ServiceError as error:
                if words := words_of(answer, self._key, texts):
                    raise ServiceError(error.code, f"{error.message}: {words}", error.hint) from None
                raise
        read = partial(read_vectors, answer.body, len(texts))
        return await to_thread.run_sync(read, limiter=self._readers, abandon_on_cancel=True)

    def _wrong_dimensions(self, width: int) -> SettingsError:
        return SettingsError(
            "wrong_dimensions",
            f"{self.space.model} at {self._own} makes vectors of {width} dimensions, not {self.space.dimensions}",
            f"Create a collection with {width} dimensions; for new ones, set INGEST_EMBEDDING_DIMENSIONS={width}.",
        )

    async def _opened(self) -> Endpoint:
        if self._endpoint is None:
            async with self._opening:
                if self._endpoint is None:
                    self._endpoint = await to_thread.run_sync(self._new_endpoint, abandon_on_cancel=True)
        return self._endpoint

    def _new_endpoint(self) -> Endpoint:
        from listener.embedding.endpoint import Endpoint  # noqa: PLC0415 - imports OpenAI's client, 1.2 s

        return Endpoint(self._own, self._key, self.in_flight + 1, self._seconds)  # one more, for probing


class _Work:
    """The texts of one ``embed()`` call, and their state so far."""

    def __init__(self, texts: Sequence[str], dimensions: int) -> None:
        self.texts = texts
        self.vectors: NDArray[np.float32] = np.zeros((len(texts), dimensions), dtype=np.float32)
        self.tokens = 0
        self.refused: dict[int, tuple[str, str]] = {}

    def keep(self, places: range, found: Embeddings) -> None:
        self.vectors[places.start : places.stop] = found.vectors
        self.tokens += found.tokens
        bad = [places[row] for row in unusable(found.vectors)]
        self.refuse(bad, "bad_vector", "the service's vector has no direction: it is zero, or contains NaN or infinity")

    def refuse(self, places: Iterable[int], code: str, message: str) -> None:
        self.refused.update((place, (code, message)) for place in places)

    def raise_refused(self) -> None:
        if not self.refused:
            return
        places = sorted(self.refused)
        code, message = self.refused[places[0]]
        kept = np.delete(self.vectors, places, axis=0)
        rest = Embeddings(kept, self.tokens) if code != "empty_text" else None
        raise TextsRefused(code, f"{len(places)} of {len(self.texts)} texts: {message}", ERRORS[code], places, rest)
