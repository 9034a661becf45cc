"""Embed with a model of sentence-transformers: batches of texts of like lengths, one after the other."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from listener.embedding.answers import unusable
from listener.embedding.embedder import Embeddings, Space, TextsRefused
from listener.embedding.inputs import encodable, groups
from listener.embedding.neural import wrong_dimensions
from listener.embedding.neural.neural_process import NeuralProcess, OutOfMemory
from listener.embedding.neural.weights import Weights
from listener.errors import ServiceError

if TYPE_CHECKING:
    from listener.settings import Settings

FIRST_CHARACTERS, MOST_CHARACTERS, LEAST_CHARACTERS = 16_000, 2_000_000, 500
QUICK_SECONDS, SLOW_SECONDS = 0.25, 1.0  # of a batch: a search waits for one
MOST_TEXTS = 512


class NeuralEmbedder:
    """Embeds into the space of one model. Texts that are longer than it reads are read in parts: all of them counts.

    What the model wants before a query or a document is put there, unless a collection's prefix has done it.
    """

    group_texts = 256
    group_characters = 400_000
    in_flight = 2  # while the model works on one, the other is read or written

    def __init__(self, space: Space, model: Weights, settings: Settings) -> None:
        self.space = space
        self._query, self._document = model.prompts()
        self._process = NeuralProcess(
            "embed", model.name, model.folder, settings.neural_device, settings.neural_threads,
            settings.embedding_timeout_seconds,
        )  # fmt: skip
        self._characters = FIRST_CHARACTERS
        self.told = ""

    async def prepare(self) -> None:
        """Start the process and load the model; ``told`` then describes it.

        Raises SettingsError ``model_not_loaded`` or ``wrong_dimensions``, ServiceError ``embedder_died`` or
        ``embedder_memory``.
        """
        loaded = await self._process.load()
        self._check(loaded.dimensions)
        reads = f"reads {loaded.tokens} tokens at once, longer texts in parts" if loaded.tokens else "reads any length"
        self.told = f"on {loaded.device}, {reads}"

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """Return unit vectors of documents' texts.

        Raises TextsRefused ``empty_text`` or ``bad_vector``, SettingsError as ``prepare`` does, ServiceError
        ``embedder_died``, ``embedder_memory``, ``embedding_failed`` or ``embedding_timeout``.
        """
        return await self._embed(texts, self._document)

    async def embed_queries(self, texts: Sequence[str]) -> Embeddings:
        """Return unit vectors of what is searched for; raises as ``embed`` does."""
        return await self._embed(texts, self._query)

    async def close(self) -> None:
        """End the process."""
        await self._process.close()

    @property
    def pid(self) -> int | None:
        """The id of the model's process, if it runs."""
        return self._process.pid

    async def _embed(self, texts: Sequence[str], prompt: str) -> Embeddings:
        empty = [place for place, text in enumerate(texts) if not text.strip()]
        if empty:
            told = f"{len(empty)} of {len(texts)} texts contain nothing to embed"
            raise TextsRefused("empty_text", told, "Exclude empty documents.", empty)
        sent = [encodable(text).removeprefix(prompt) for text in texts]
        # By length: a short one waits for no long one's tokens.
        order = sorted(range(len(sent)), key=lambda place: len(sent[place]))
        vectors = np.zeros((len(sent), self.space.dimensions), dtype=np.float32)
        done = 0
        while done < len(order):
            lengths = [len(sent[place]) for place in order[done : done + MOST_TEXTS]]
            batch = next(groups(lengths, MOST_TEXTS, self._characters))
            places = order[done : done + len(batch)]
            found = await self._batch(prompt, [sent[place] for place in places])
            if found is not None:
                vectors[places] = found
                done += len(batch)
        if bad := unusable(vectors):
            rest = Embeddings(np.delete(vectors, bad, axis=0))
            raise TextsRefused("bad_vector", f"{len(bad)} of {len(texts)} texts: {_NONE}", _OTHER, bad, rest)
        return Embeddings(vectors)

    async def _batch(self, prompt: str, texts: list[str]) -> NDArray[np.float32] | None:
        """Return the vectors of one call; None: it was too large, so the next is smaller."""
        began, characters = time.monotonic(), sum(map(len, texts))
        try:
            loaded = self._process.pid is not None
            (said,) = await self._process.ask([prompt, texts], len(texts))
        except OutOfMemory as error:
            if len(texts) == 1:
                raise ServiceError("embedder_memory", f"{self.space.model}: {error}", _MEMORY) from None
            self._characters = max(min(self._characters, characters) // 2, LEAST_CHARACTERS)
            return None
        if loaded:
            self._learn(characters, time.monotonic() - began)
        vectors = np.frombuffer(said, dtype=np.float32).reshape(len(texts), -1)
        self._check(vectors.shape[1])
        return vectors

    def _learn(self, characters: int, seconds: float) -> None:
        """Make batches so large that one takes about half a second, whatever the machine."""
        if seconds > SLOW_SECONDS:
            self._characters = max(min(self._characters, characters) // 2, LEAST_CHARACTERS)
        elif seconds < QUICK_SECONDS and characters > self._characters // 2:
            self._characters = min(self._characters * 2, MOST_CHARACTERS)

    def _check(self, dimensions: int) -> None:
        if dimensions != self.space.dimensions:
            has = Space(self.space.embedder, "", self.space.model, dimensions)
            raise wrong_dimensions(has, self.space.dimensions)


_NONE = "the model's vector has no direction: it is zero, or contains NaN or infinity"
_OTHER = "The model fails on this text: exclude the document, or use another model."
_MEMORY = "A single text does not fit: use smaller chunks, a smaller model, or more memory."
