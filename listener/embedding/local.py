"""The embedder that needs no key and no network: WordLlama's token vectors, averaged over each text.

See ``docs/decisions/0006-local-embedder.md`` for the model, its licence and why its package is not imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread

from listener.embedding.embedder import Embedder, Embeddings, Space
from listener.errors import SettingsError

if TYPE_CHECKING:
    from listener.embedding.token_vectors import TokenVectors
    from listener.settings import Settings

MODEL = "wordllama-l2-supercat-256"
HERE_CHARACTERS = 1000  # half a millisecond at most, little more than a thread would cost
DIMENSIONS = (64, 128, 256)  # the model was trained so that the first 64 or 128 are usable alone


def space(settings: Settings) -> Space:
    """Return the local space with the settings' model and dimensions.

    Raises SettingsError ``unknown_model`` or ``wrong_dimensions`` if the package has no such.
    """
    return _checked(settings.embedding_model or MODEL, settings.embedding_dimensions or DIMENSIONS[-1])


def create(space: Space, settings: Settings) -> Embedder:
    """Return the embedder of a space; raises SettingsError as ``space`` does."""
    return LocalEmbedder(space)


def _checked(model: str, dimensions: int) -> Space:
    if model != MODEL:
        raise SettingsError("unknown_model", f"the local embedder has no model {model!r}", f"use the model {MODEL!r}")
    if dimensions not in DIMENSIONS:
        available = ", ".join(map(str, DIMENSIONS))
        raise SettingsError(
            "wrong_dimensions", f"{model} has no vectors of {dimensions} dimensions", f"use one of {available}"
        )
    return Space(embedder="local", endpoint="", model=model, dimensions=dimensions)


class LocalEmbedder:
    """Embeds in two threads, few characters in none; the weights (16 MB, 33 MB in memory) are loaded when needed."""

    group_texts = 128
    group_characters = 200_000
    in_flight = 2

    def __init__(self, space: Space) -> None:
        """Raise SettingsError ``unknown_model`` or ``wrong_dimensions`` for a space that it does not have."""
        self.space = _checked(space.model, space.dimensions)
        self._threads = CapacityLimiter(self.in_flight)
        self._loading = Lock()
        self._loaded: TokenVectors | None = None

    async def prepare(self) -> None:
        """Load the weights; raise SettingsError ``embedder_not_installed`` if they are missing."""
        await to_thread.run_sync(self._vectors, limiter=self._threads)

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """Return unit vectors, shape (texts, dimensions). The whole of a text counts, however long it is.

        Raises TextsRefused ``empty_text`` for texts without any token.
        """
        if self._loaded and sum(map(len, texts)) <= HERE_CHARACTERS:
            return self._loaded.embed(texts)
        # Who is cancelled does not wait for the thread; its place is free when it has ended.
        return await to_thread.run_sync(self._embed, texts, limiter=self._threads, abandon_on_cancel=True)

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens ``embed`` would read of each text."""
        return await to_thread.run_sync(self._counted, texts, limiter=self._threads, abandon_on_cancel=True)

    async def close(self) -> None:
        """Do nothing: calls under way end by themselves, and nothing else is open."""

    def _embed(self, texts: Sequence[str]) -> Embeddings:
        return self._vectors().embed(texts)

    def _counted(self, texts: Sequence[str]) -> list[int]:
        return self._vectors().count_tokens(texts)

    def _vectors(self) -> TokenVectors:
        with self._loading:
            if self._loaded is None:
                # PLC0415: numpy and tokenizers would cost every start of the program 0.2 s.
                from listener.embedding.token_vectors import TokenVectors  # noqa: PLC0415

                self._loaded = TokenVectors.load(self.space.dimensions)
            return self._loaded
