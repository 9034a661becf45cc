"""The embedder that needs no key and no network: WordLlama's token vectors, averaged over each text.

See ``docs/decisions/0006-local-embedder.md`` for the model, its licence and why its package is not imported.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from listener.errors import SettingsError
from listener.models import Embeddings, Space

if TYPE_CHECKING:
    from listener.embedding.token_vectors import TokenVectors

MODEL = "wordllama-l2-supercat-256"
DIMENSIONS = (64, 128, 256)  # the model was trained so that the first 64 or 128 stand for themselves

_T = TypeVar("_T")


def space(model: str | None = None, dimensions: int | None = None) -> Space:
    """Return the local space with this model and these dimensions; raise SettingsError if the package has no such."""
    model = model or MODEL
    dimensions = dimensions or DIMENSIONS[-1]
    if model != MODEL:
        raise SettingsError("unknown_model", f"the local embedder has no model {model!r}", f"use the model {MODEL!r}")
    if dimensions not in DIMENSIONS:
        available = ", ".join(map(str, DIMENSIONS))
        raise SettingsError(
            "wrong_dimensions", f"{model} has no vectors of {dimensions} dimensions", f"use one of {available}"
        )
    return Space(embedder="local", endpoint="", model=model, dimensions=dimensions)


class LocalEmbedder:
    """Embeds in threads of its own; the weights (16 MB, 33 MB in memory) are loaded when first needed."""

    group_texts = 128
    group_characters = 200_000
    in_flight = 2

    def __init__(self, space_: Space) -> None:
        self.space = space(space_.model, space_.dimensions)
        self._threads = ThreadPoolExecutor(self.in_flight, thread_name_prefix="embed")
        self._loading = Lock()
        self._loaded: TokenVectors | None = None

    async def prepare(self) -> None:
        """Load the weights; raise SettingsError ``embedder_not_installed`` if they are missing."""
        await self._run(self._vectors)

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """Return unit vectors, shape (texts, dimensions). The whole of a text counts, however long it is.

        Raises TextsRefused ``empty_text`` for texts without any token.
        """
        return Embeddings(await self._run(lambda: self._vectors().embed(texts)))

    async def close(self) -> None:
        """Take no more calls; those under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, call: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _vectors(self) -> TokenVectors:
        with self._loading:
            if self._loaded is None:
                # PLC0415: numpy and tokenizers would cost every start of the program 0.2 s.
                from listener.embedding.token_vectors import TokenVectors  # noqa: PLC0415

                self._loaded = TokenVectors.load(self.space.dimensions)
            return self._loaded
