"""A re-ranker on this machine: a cross-encoder of sentence-transformers, which reads query and text together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from listener.embedding.inputs import groups
from listener.embedding.neural import require_installed, weights
from listener.embedding.neural.neural_process import NeuralProcess, OutOfMemory
from listener.errors import ServiceError, SettingsError

if TYPE_CHECKING:
    from listener.settings import Settings

CALL_TEXTS, CALL_CHARACTERS = 16, 32_000


class LocalCrossEncoder:
    """Scores texts in a separate process; ``name`` identifies its scores."""

    def __init__(self, settings: Settings) -> None:
        """Raise SettingsError ``embedder_not_installed``, ``reranker_model_missing`` or ``weights_missing``."""
        require_installed()
        if not settings.reranker_model:
            raise SettingsError(
                "reranker_model_missing",
                "INGEST_RERANKER=neural needs a model",
                "Set INGEST_RERANKER_MODEL to a cross-encoder: a path, or a name like BAAI/bge-reranker-base.",
            )
        model = weights.find(settings.reranker_model)
        self.name = f"neural {model.name}"
        self._process = NeuralProcess(
            "rerank", model.name, model.folder, settings.neural_device, settings.neural_threads,
            settings.embedding_timeout_seconds,
        )  # fmt: skip

    async def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return a score for each text, higher where it answers better.

        Raises SettingsError ``model_not_loaded``, ServiceError as the embedder's process does.
        """
        scores: list[float] = []
        for part in groups([len(text) for text in texts], CALL_TEXTS, CALL_CHARACTERS):
            scores += await self._scored(query, texts[part.start : part.stop])
        return scores

    async def _scored(self, query: str, texts: Sequence[str]) -> list[float]:
        try:
            (scores,) = await self._process.ask([query, list(texts)], 1)
        except OutOfMemory as error:
            if len(texts) == 1:
                raise ServiceError("embedder_memory", f"{self.name}: {error}", "Use a smaller model.") from None
            half = len(texts) // 2
            return [*await self._scored(query, texts[:half]), *await self._scored(query, texts[half:])]
        return [float(one) for one in scores]

    async def close(self) -> None:
        """End the process."""
        await self._process.close()

    @property
    def pid(self) -> int | None:
        """The id of the model's process, if it runs."""
        return self._process.pid
